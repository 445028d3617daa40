//! What the kernel tells of this machine under `/proc`, taken from texts that somebody else has read.

/// The load of the last minute over the processors, from `loadavg` and `stat`.
pub(super) fn load_per_cpu(loadavg: &str, stat: &str) -> Option<f64> {
    let load: f64 = loadavg.split_whitespace().next()?.parse().ok()?;
    finite(load / processors(stat)?)
}

/// How many threads run or wait for a processor, over the processors, from `stat`.
pub(super) fn running_per_cpu(stat: &str) -> Option<f64> {
    finite(amount(stat, "procs_running")? as f64 / processors(stat)?)
}

/// The processors that are on, at least one.
fn processors(stat: &str) -> Option<f64> {
    let count = stat.lines().filter_map(processor).count();
    u32::try_from(count).ok().filter(|count| *count > 0).map(f64::from)
}

/// The number of the processor that a line of `stat` is about, and what it says of it.
fn processor(line: &str) -> Option<(u32, &str)> {
    let (name, times) = line.split_once(' ')?;
    Some((name.strip_prefix("cpu")?.parse().ok()?, times))
}

/// What a processor did with its time, in ticks since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) busy: u64,
    pub(super) all: u64,
}

/// The times of each processor that is on, from `stat`; none where a line is odd.
///
/// Busy is user, nice, system, irq, softirq and steal; not busy are idle and iowait. The time of guests is within user.
pub(super) fn processor_times(stat: &str) -> Option<Vec<(u32, Times)>> {
    let times = |(cpu, times): (u32, &str)| {
        let numbers: Option<Vec<u64>> =
            times.split_whitespace().take(8).map(|word| word.parse().ok()).collect();
        let numbers = numbers.filter(|numbers| numbers.len() >= 4)?;
        let all = numbers.iter().try_fold(0_u64, |sum, number| sum.checked_add(*number))?;
        let idle = numbers[3].checked_add(numbers.get(4).copied().unwrap_or(0))?;
        Some((cpu, Times { busy: all - idle, all }))
    };
    stat.lines().filter_map(processor).map(times).collect()
}

/// The lowest, over the memory zones, of the free pages over the low watermark of the zone, from `zoneinfo`: under 1 the kernel
/// reclaims in the background, and a good deal under it processes have to reclaim themselves. None where no zone has one. Zones
/// without pages of their own are passed over: newer kernels tell watermarks of them too.
pub(super) fn free_to_low_watermark(zoneinfo: &str) -> Option<f64> {
    let zones = zoneinfo.split("\nNode ").filter_map(|zone| {
        let (_, pages) = zone.split_once("pages free")?;
        let free: u64 = pages.split_whitespace().next()?.parse().ok()?;
        let low = amount(pages, "low").filter(|low| *low > 0)?;
        if amount(pages, "managed") == Some(0) {
            return None;
        }
        // exact enough: pages of a machine
        Some(free as f64 / low as f64)
    });
    zones.min_by(f64::total_cmp)
}

/// The share of the memory that is neither free nor can be had without swapping, from `meminfo`.
pub(super) fn memory_used(meminfo: &str) -> Option<f64> {
    used(amount(meminfo, "MemTotal:")?, amount(meminfo, "MemAvailable:")?)
}

/// The share of the swap that is used, from `meminfo`; 0 where there is no swap.
pub(super) fn swap_used(meminfo: &str) -> Option<f64> {
    match amount(meminfo, "SwapTotal:")? {
        0 => Some(0.0),
        total => used(total, amount(meminfo, "SwapFree:")?),
    }
}

/// A counter, by its name at the head of a line.
pub(super) fn counter(text: &str, name: &str) -> Option<u64> {
    amount(text, name)
}

/// The sum of those of the counters that there are, and of those that have their names and the name of a memory zone. Kernels
/// differ: reclaim was counted by zone before 4.8, stalls are since 4.10. No kernel counts the same both ways. None where there is
/// none.
pub(super) fn sum_by_zone(text: &str, names: &[&str]) -> Option<u64> {
    let is_one = |word: &str| {
        let zone = |name: &&str| word.strip_prefix(name).and_then(|rest| rest.strip_prefix('_'));
        names.contains(&word) || names.iter().filter_map(zone).any(|zone| ZONES.contains(&zone))
    };
    let count = |line: &str| {
        let mut words = line.split_whitespace();
        words.next().filter(|word| is_one(word)).and_then(|_| words.next()?.parse::<u64>().ok())
    };
    let mut there = text.lines().filter_map(count).peekable();
    there.peek()?;
    Some(there.fold(0, u64::saturating_add))
}

/// The memory zones.
const ZONES: [&str; 6] = ["dma", "dma32", "normal", "high", "movable", "device"];

/// The percentage of the last 10 seconds in which something had to wait, from a file of `pressure`.
pub(super) fn pressure(text: &str) -> Option<f64> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let average = some.split_whitespace().find_map(|word| word.strip_prefix("avg10="))?;
    average.parse().ok().and_then(finite)
}

/// For how many microseconds something had to wait since the machine was started, from a file of `pressure`.
pub(super) fn stalled_us(text: &str) -> Option<u64> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    some.split_whitespace().find_map(|word| word.strip_prefix("total="))?.parse().ok()
}

/// Milliseconds since the machine was started, from `uptime`: whole hundredths of a second.
pub(super) fn uptime_ms(uptime: &str) -> Option<u64> {
    let seconds: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    // exact: centuries fit
    (0.0..1e12).contains(&seconds).then(|| (seconds * 1000.0).round() as u64)
}

/// The number behind `name` at the head of a line.
fn amount(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().map(str::split_whitespace);
    lines.find_map(|mut words| if words.next() == Some(name) { words.next()?.parse().ok() } else { None })
}

fn used(total: u64, left: u64) -> Option<f64> {
    // exact enough: KiB of a machine
    (total > 0 && left <= total).then(|| (total - left) as f64 / total as f64)
}

fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MEMINFO: &str =
        "MemTotal:  4000 kB\nMemFree: 1 kB\nMemAvailable: 1000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n";

    #[test]
    fn numbers_are_found_by_their_names() {
        let stat = "cpu  1 2 3\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5\n";
        assert_eq!(load_per_cpu("3.00 2.00 1.00 1/80 900\n", stat), Some(1.5));
        assert_eq!((memory_used(MEMINFO), swap_used(MEMINFO)), (Some(0.75), Some(0.0)));
        assert_eq!(swap_used("SwapTotal: 8 kB\nSwapFree: 6 kB\n"), Some(0.25));
        assert_eq!(
            counter("pswpin 1\npgscan_direct_throttle 2\npgscan_direct 3\n", "pgscan_direct"),
            Some(3)
        );
        assert_eq!(pressure("some avg10=1.25 avg60=0.00 avg300=0.00 total=1\nfull avg10=9.00\n"), Some(1.25));
        assert_eq!(uptime_ms("12.34 20.00\n"), Some(12_340));
    }

    const ZONES: &str = "Node 0, zone      DMA\n  per-node stats\n      nr_free 3\n  pages free     300\n        boost    0\n        min      10\n        \
        low      100\n        high     22\nNode 0, zone   Normal\n  pages free     150\n        min      50\n        low      60\nNode 0, zone  \
        Movable\n  pages free     0\n        min      0\n        low      0\n";

    #[test]
    fn the_zone_that_has_least_above_its_watermark_counts() {
        assert_eq!(free_to_low_watermark(ZONES), Some(2.5));
        assert_eq!(free_to_low_watermark("Node 0, zone Movable\n  pages free 0\n low 0\n"), None);
        assert_eq!(free_to_low_watermark(""), None);
        let empty = "Node 0, zone Movable\n  pages free 0\n low 32\n managed 0\n";
        assert_eq!(
            free_to_low_watermark(&format!("{ZONES}{empty}")),
            Some(2.5),
            "it has none to be short of"
        );
    }

    #[test]
    fn processors_and_sums_are_found() {
        let stat =
            "cpu  9 9\ncpu0 1 2 3 4 5 6 7 8 1 1\ncpu12 1 1 1 7\nctxt 5\nprocs_running 3\nprocs_blocked 1\n";
        let busy = |busy, all| Times { busy, all };
        assert_eq!(processor_times(stat), Some(vec![(0, busy(27, 36)), (12, busy(3, 10))]));
        assert_eq!(processor_times("cpu0 1 x 3 4\n"), None);
        assert_eq!((running_per_cpu(stat), counter(stat, "procs_blocked")), (Some(1.5), Some(1)));
        let vmstat =
            "allocstall_dma 1\nallocstall_normal 2\npgsteal_kswapd 5\npgsteal_direct 6\npgsteal_anon 11\n";
        assert_eq!((sum_by_zone(vmstat, &["allocstall"]), sum_by_zone(vmstat, &["x"])), (Some(3), None));
        assert_eq!(sum_by_zone(vmstat, &["pgsteal_kswapd", "pgsteal_direct", "y"]), Some(11));
        assert_eq!(stalled_us("some avg10=0.00 total=77\nfull total=9\n"), Some(77));
    }

    /// As kernels before 4.8 count them: by zone, and stalls in one number; what is throttled is counted apart.
    const OLD: &str = "pgsteal_kswapd_dma 1\npgsteal_kswapd_dma32 20\npgsteal_kswapd_normal 300\npgsteal_kswapd_movable 0\n\
        pgsteal_direct_dma 0\npgsteal_direct_dma32 4\npgsteal_direct_normal 50\npgsteal_direct_movable 0\npgscan_kswapd_dma 1\n\
        pgscan_kswapd_normal 600\npgscan_direct_dma 2\npgscan_direct_dma32 30\npgscan_direct_normal 400\n\
        pgscan_direct_movable 0\npgscan_direct_throttle 9000\nzone_reclaim_failed 0\nallocstall 77\n";
    /// The same between 4.8 and 4.10.
    const BETWEEN: &str = "pgsteal_kswapd 321\npgsteal_direct 54\npgscan_kswapd 601\npgscan_direct 432\npgscan_direct_throttle \
        9000\nallocstall 77\n";
    /// The same since then.
    const NEW: &str = "allocstall_dma 0\nallocstall_dma32 7\nallocstall_normal 70\nallocstall_movable 0\nallocstall_device 0\n\
        pgsteal_kswapd 321\npgsteal_direct 54\npgscan_direct 432\npgscan_direct_throttle 9000\n";

    #[test]
    fn kernels_that_count_by_zone_and_those_that_do_not_tell_the_same() {
        for vmstat in [OLD, BETWEEN, NEW] {
            let of = |names: &[&str]| sum_by_zone(vmstat, names);
            assert_eq!(of(&["pgscan_direct"]), Some(432), "{vmstat}");
            assert_eq!(
                of(&["pgsteal_kswapd", "pgsteal_direct", "pgsteal_khugepaged"]),
                Some(375),
                "{vmstat}"
            );
            assert_eq!(of(&["allocstall"]), Some(77), "{vmstat}");
        }
    }

    #[test]
    fn what_is_missing_or_odd_is_no_number() {
        assert_eq!(load_per_cpu("3.00", "cpu 1\n"), None);
        assert_eq!(load_per_cpu("inf 1", "cpu0 1\n"), None);
        assert_eq!(
            (memory_used("MemTotal: 4 kB\n"), memory_used("MemTotal: 0\nMemAvailable: 0\n")),
            (None, None)
        );
        assert_eq!(memory_used("MemTotal: 4 kB\nMemAvailable: 5 kB\n"), None);
        assert_eq!((counter("pswpin x\n", "pswpin"), pressure("full avg10=1.00\n")), (None, None));
        assert_eq!((uptime_ms(""), uptime_ms("-1"), uptime_ms("nan")), (None, None, None));
    }

    /// What a real kernel printed, where those texts are at hand.
    #[test]
    fn real_texts_are_understood() {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/lvs");
        let read = |name: &str| std::fs::read_to_string(dir.join(name));
        let (Ok(loadavg), Ok(stat), Ok(meminfo), Ok(vmstat)) = (
            read("proc-loadavg.txt"),
            read("proc-stat.txt"),
            read("proc-meminfo.txt"),
            read("proc-vmstat.txt"),
        ) else {
            eprintln!("skipped: the recorded texts are not beside the checkout");
            return;
        };
        assert!(load_per_cpu(&loadavg, &stat).is_some_and(|load| (0.0..100.0).contains(&load)));
        assert!(memory_used(&meminfo).is_some_and(|share| (0.0..1.0).contains(&share)));
        assert!(swap_used(&meminfo).is_some());
        assert!(["pswpin", "pswpout", "pgscan_direct"].iter().all(|name| counter(&vmstat, name).is_some()));
        assert!(["allocstall", "pgsteal_kswapd"].iter().all(|name| sum_by_zone(&vmstat, &[name]).is_some()));
        assert!(
            processor_times(&stat)
                .is_some_and(|times| !times.is_empty() && times.iter().all(|(_, t)| t.busy <= t.all))
        );
        assert!(running_per_cpu(&stat).is_some() && counter(&stat, "ctxt").is_some());
        let zoneinfo = read("proc-zoneinfo.txt").expect("a text beside the others");
        assert!(free_to_low_watermark(&zoneinfo).is_some_and(|part| part > 0.0));
    }

    proptest! {
        #[test]
        fn no_text_stops_it(text in "\\PC{0,80}", more in "(cpu0|some avg10=|MemTotal:|MemAvailable:)? ?[0-9.e-]{0,30}") {
            for text in [&text, &more] {
                let _ = (load_per_cpu(text, text), memory_used(text), swap_used(text), pressure(text), uptime_ms(text));
                let _ = (processor_times(text), free_to_low_watermark(text), sum_by_zone(text, &["a"]), stalled_us(text));
            }
        }
    }
}
