//! What each quantity is by the files of several kernels (tests/kernels): what differs among them makes no other number, and what a
//! kernel does not tell is missing by the name of the file, never 0.

use super::proc::{self, Times};
use super::quantities::{Quantity, quantity};
use super::*;
use quietgate_detectors::{Reason, Timestamp};

/// What must be found.
#[derive(Debug)]
enum Told {
    /// This number.
    Level(f64),
    /// A counter that has counted so much.
    Count(u64),
    /// Nothing, in a file of which this is said.
    Missing(&'static str),
}
use Told::{Count, Level as Is, Missing};

const UNREADABLE: &str = "the file cannot be read";
const NOT_THERE: &str = "the number that is looked for is not in it";

/// A kernel, what each processor did, and what is told of each quantity, in the order of the names in [`NAMES`].
type Kernel = (&'static str, &'static [(u32, u64, u64)], [Told; 18]);

/// All but `cpu_busy`.
const NAMES: [&str; 18] = [
    "load_per_cpu",
    "running_per_cpu",
    "blocked",
    "context_switches_per_second",
    "memory_used",
    "swap_used",
    "swap_in_per_second",
    "swap_out_per_second",
    "direct_reclaim_per_second",
    "reclaimed_per_second",
    "allocation_stalls_per_second",
    "free_to_low_watermark",
    "pressure_cpu",
    "pressure_memory",
    "pressure_io",
    "stalled_cpu",
    "stalled_memory",
    "stalled_io",
];

/// In each the first three rows are of `loadavg` and `stat`, the next ones of `stat`, `meminfo` and `vmstat`, of reclaim in `vmstat`, of
/// `zoneinfo`, and the last two of `pressure`.
#[rustfmt::skip]
const KERNELS: [Kernel; 5] = [
    // the time of guests is in that of users already
    ("3.10", &[(0, 765, 4305), (1, 655, 4195)], [
        Is(3.0 / 2.0), Is(4.0 / 2.0), Is(2.0),
        Count(4_294_967_396), Missing(NOT_THERE), Is(0.25), Count(1_200), Count(3_400),
        Count(2 + 30 + 400), Count(1 + 20 + 300 + 4 + 50), Count(77),
        Is(9_000.0 / 5_208.0),
        Missing(UNREADABLE), Missing(UNREADABLE), Missing(UNREADABLE),
        Missing(UNREADABLE), Missing(UNREADABLE), Missing(UNREADABLE),
    ]),
    // the third processor is off
    ("4.19", &[(0, 19_100, 240_200), (1, 19_800, 240_900), (3, 38_700, 480_900)], [
        Is(1.2 / 3.0), Is(6.0 / 3.0), Is(0.0),
        Count(17_234_567), Is(0.25), Is(0.001), Count(7), Count(250),
        Count(25_000), Count(1_000_000 + 23_000), Count(11 + 600 + 4_000),
        Is(9_000.0 / 12_000.0),
        Missing(UNREADABLE), Missing(UNREADABLE), Missing(UNREADABLE),
        Missing(UNREADABLE), Missing(UNREADABLE), Missing(UNREADABLE),
    ]),
    ("5.10", &[(0, 595, 1_140), (1, 504, 1_144)], [
        Is(0.07 / 2.0), Is(1.0 / 2.0), Is(0.0),
        Count(4_167), Is(106_068.0 / 987_440.0), Is(0.0), Count(0), Count(0),
        Count(0), Count(0), Count(0),
        Is(233_347.0 / 13_850.0),
        Is(9.83), Is(0.0), Is(0.0),
        Count(2_158_893), Count(0), Count(0),
    ]),
    ("6.1", &[(0, 722, 1_745), (1, 723, 1_691)], [
        Is(0.19 / 2.0), Is(1.0), Is(0.0),
        Count(5_491), Is(121_596.0 / 983_484.0), Is(0.0), Count(0), Count(0),
        Count(0), Count(0), Count(0),
        Is(228_353.0 / 13_856.0),
        Is(3.33), Is(0.0), Is(0.0),
        Count(1_406_929), Count(0), Count(0),
    ]),
    // the zone Movable has watermarks and no pages: it is not short of any
    ("6.18", &[(0, 6_163_771, 8_249_138), (1, 6_487_251, 8_250_690)], [
        Is(1.21 / 2.0), Is(1.0 / 2.0), Is(0.0),
        Count(702_312_969), Is(632_512.0 / 24_684_084.0), Is(0.0), Count(0), Count(0),
        Count(439_541), Count(2_695_053 + 280_279 + 43), Count(2 + 6_813),
        Is(3_490_417.0 / 20_163.0),
        Is(0.02), Is(0.0), Is(0.0),
        Count(40_381_132_596), Count(11_186_235), Count(2_901_789_317),
    ]),
];

fn machine(kernel: &str) -> Machine {
    let proc = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernels").join(kernel);
    Machine { proc, counters: Mutex::default() }
}

fn ask(query: &str) -> Ask {
    Ask {
        query: Some(query.to_owned()),
        from: Timestamp::from_millis(1_000),
        until: Timestamp::from_millis(2_000),
        interval: Interval::from_millis(1_000).expect("in range"),
    }
}

/// The count behind a quantity that is a rate.
fn counted(machine: &Machine, query: &str) -> Option<u64> {
    let Ok(Quantity::Rate(rate)) = quantity(Some(query)) else { panic!("{query} is no rate") };
    (rate.find)(&machine.read(rate.file).expect("the file"))
}

#[test]
fn every_kernel_tells_what_it_has() {
    for (kernel, processors, told) in KERNELS {
        let machine = machine(kernel);
        for (name, expected) in NAMES.into_iter().zip(told) {
            let answer = machine.answer(&ask(name));
            match expected {
                Is(expected) => {
                    let answer = answer.unwrap_or_else(|error| panic!("{kernel} {name}: {error}"));
                    let value = answer.series[0].samples[0].value;
                    assert!(
                        (value - expected).abs() <= 1e-12 * expected,
                        "{kernel} {name}: {value}, not {expected}"
                    );
                }
                Count(expected) => {
                    let answer = answer.unwrap_or_else(|error| panic!("{kernel} {name}: {error}"));
                    assert!(answer.series[0].samples.is_empty(), "{kernel} {name}: no rate by one reading");
                    assert_eq!(counted(&machine, name), Some(expected), "{kernel} {name}");
                }
                Missing(why) => {
                    let error = answer.expect_err("it is not told");
                    // what is odd about a file stands in the cause
                    let all = format!("{error} {error:?}");
                    assert!(all.contains(why) && all.contains(kernel), "{kernel} {name}: {all}");
                    assert_eq!(error.reason(), Reason::SourceDown, "{kernel} {name}");
                }
            }
        }
        let times = proc::processor_times(&machine.read("stat").expect("a file")).expect("processors");
        let expected: Vec<_> =
            processors.iter().map(|&(cpu, busy, all)| (cpu, Times { busy, all })).collect();
        assert_eq!(times, expected, "{kernel}");
    }
}

#[test]
fn a_file_that_a_kernel_does_not_have_makes_nothing_of_it_a_number() {
    let files = [
        "loadavg",
        "stat",
        "meminfo",
        "vmstat",
        "zoneinfo",
        "uptime",
        "pressure/cpu",
        "pressure/memory",
        "pressure/io",
    ];
    let (whole, dir) = (machine("6.18"), tempfile::tempdir().expect("a folder"));
    let names = || NAMES.into_iter().chain(["cpu_busy"]);
    let mut needed = std::collections::BTreeSet::new();
    for left_out in files {
        let part = Machine { proc: dir.path().join(left_out.replace('/', "-")), counters: Mutex::default() };
        for file in files.into_iter().chain(["sys/kernel/hostname"]).filter(|file| *file != left_out) {
            let path = part.proc.join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::copy(whole.proc.join(file), path).expect("a file");
        }
        for name in names() {
            let Err(error) = part.answer(&ask(name)) else { continue };
            assert!(error.to_string().ends_with(&format!("{left_out}: {UNREADABLE}")), "{name}: {error}");
            needed.insert(name);
        }
    }
    assert_eq!(needed.len(), 19, "each quantity rests on a file");
}
