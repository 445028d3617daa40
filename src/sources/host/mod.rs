//! This machine, as its kernel tells of it under `/proc`.

mod proc;

use super::source::{Answer, Ask, Fetching, Labels, SeriesSamples, Source};
use super::{Entry, SourceError, Trouble};
use crate::settings::{SettingDoc, Settings};
use quietgate_detectors::{Interval, Sample};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// This machine.
pub(super) const ENTRY: Entry = Entry {
    kind: "host",
    summary: "This machine: load, memory, swap, reclaim and pressure, from /proc",
    about: "The query is one name: load_per_cpu (load of the last minute over the processors), memory_used and swap_used \
        (shares from 0 to 1), swap_in_per_second, swap_out_per_second and direct_reclaim_per_second (pages), \
        pressure_cpu, pressure_memory and pressure_io (percent of the last 10 s in which something had to wait). The \
        one series has the label host, the name of this machine; its samples have the time of asking. Rates begin with \
        the second asking, and there is no look-back to fill: warm-up starts when watching does.",
    query: "one of load_per_cpu, memory_used, swap_used, swap_in_per_second, swap_out_per_second, \
        direct_reclaim_per_second, pressure_cpu, pressure_memory, pressure_io",
    settings: SETTINGS,
    fits: |_| Ok(()),
    asks: |query| quantity(query).map(drop),
    no_counts: |_, _| None,
    build: |_: &Settings| Ok(Box::new(Host::at(Path::new("/proc")))),
};

const SETTINGS: &[SettingDoc] = &[];

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    LoadPerCpu,
    MemoryUsed,
    SwapUsed,
    /// The rate of a counter of `vmstat`.
    Rate(&'static str),
    /// A file of `pressure`.
    Pressure(&'static str),
}

const QUANTITIES: [(&str, Quantity); 9] = [
    ("load_per_cpu", Quantity::LoadPerCpu),
    ("memory_used", Quantity::MemoryUsed),
    ("swap_used", Quantity::SwapUsed),
    ("swap_in_per_second", Quantity::Rate("pswpin")),
    ("swap_out_per_second", Quantity::Rate("pswpout")),
    ("direct_reclaim_per_second", Quantity::Rate("pgscan_direct")),
    ("pressure_cpu", Quantity::Pressure("pressure/cpu")),
    ("pressure_memory", Quantity::Pressure("pressure/memory")),
    ("pressure_io", Quantity::Pressure("pressure/io")),
];

fn quantity(query: Option<&str>) -> Result<Quantity, String> {
    let known = query.and_then(|query| QUANTITIES.iter().find(|(name, _)| *name == query));
    known.map(|(_, quantity)| *quantity).ok_or_else(|| {
        let found =
            query.map_or("a signal of a host source has no query".to_owned(), |q| format!("query is {q:?}"));
        let names = QUANTITIES.map(|(name, _)| name).join(", ");
        format!("{found}, allowed is one of {names}")
    })
}

/// The most bytes of one file: `stat` has some hundred a processor.
const FILE_MAX: u64 = 4 << 20;
/// Reads at once. More wait, so that a system that holds reads up holds up this many threads and no more.
const READS_MAX: usize = 4;

#[derive(Debug)]
struct Host {
    machine: Arc<Machine>,
    reads: Arc<Semaphore>,
}

/// The files, and the counters as they were when last read.
#[derive(Debug)]
struct Machine {
    proc: PathBuf,
    counters: Mutex<BTreeMap<CounterKey, Counted>>,
}

/// A counter, and the interval of those who ask for its rate: others see it at other times.
type CounterKey = (&'static str, i64);

/// A counter at a time since the start of the machine, in milliseconds: no clock that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counted {
    at_ms: i64,
    count: u64,
}

impl Source for Host {
    /// Each asking makes a sample.
    fn asked_every_ms(&self, interval: Interval) -> i64 {
        interval.as_millis()
    }

    fn fetch<'a>(&'a self, ask: &'a Ask) -> Fetching<'a> {
        Box::pin(async {
            let (machine, ask) = (Arc::clone(&self.machine), ask.clone());
            let bad = |what: String| SourceError::new("this machine", Trouble::BadAnswer { what });
            let permit =
                Arc::clone(&self.reads).acquire_owned().await.map_err(|error| bad(error.to_string()))?;
            let read = tokio::task::spawn_blocking(move || {
                let answer = machine.answer(&ask);
                drop(permit);
                answer
            });
            read.await.map_err(|error| bad(error.to_string()))?
        })
    }
}

impl Host {
    fn at(proc: &Path) -> Self {
        let machine = Machine { proc: proc.to_owned(), counters: Mutex::default() };
        Self { machine: Arc::new(machine), reads: Arc::new(Semaphore::new(READS_MAX)) }
    }
}

impl Machine {
    fn answer(&self, ask: &Ask) -> Result<Answer, SourceError> {
        let bad = |what| SourceError::new("this machine", Trouble::BadQuery { what });
        let quantity = quantity(ask.query.as_deref()).map_err(bad)?;
        let value = match quantity {
            Quantity::LoadPerCpu => {
                let stat = self.read("stat")?;
                Some(self.of("loadavg", |loadavg| proc::load_per_cpu(loadavg, &stat))?)
            }
            Quantity::MemoryUsed => Some(self.of("meminfo", proc::memory_used)?),
            Quantity::SwapUsed => Some(self.of("meminfo", proc::swap_used)?),
            Quantity::Pressure(file) => Some(self.of(file, proc::pressure)?),
            Quantity::Rate(counter) => self.rate(counter, ask)?,
        };
        let name = self.read("sys/kernel/hostname")?;
        let labels = Labels::from([("host".to_owned(), name.trim().to_owned())]);
        let at = ask.until.as_millis();
        let wanted = ask.from < ask.until;
        let samples = value.filter(|_| wanted).map(|value| Sample::new(at, value));
        let series = samples.map(|sample| SeriesSamples { labels, samples: vec![sample] });
        Ok(Answer { series: series.into_iter().collect(), warnings: Vec::new(), complete: true })
    }

    /// How much the counter grew in a second since it was last read; nothing where it was not, or just now.
    fn rate(&self, counter: &'static str, ask: &Ask) -> Result<Option<f64>, SourceError> {
        let now = Counted {
            at_ms: self.of("uptime", proc::uptime_ms)?,
            count: self.of("vmstat", |text| proc::counter(text, counter))?,
        };
        let key = (counter, ask.interval.as_millis());
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        match counters.get(&key).copied() {
            Some(before) if before.at_ms == now.at_ms => Ok(None),
            before => {
                counters.insert(key, now);
                before.map(|before| rate(before, now, counter)).transpose()
            }
        }
    }

    /// What `find` finds in a file.
    fn of<T>(&self, file: &str, find: impl FnOnce(&str) -> Option<T>) -> Result<T, SourceError> {
        let text = self.read(file)?;
        find(&text).ok_or_else(|| {
            let what = "the number that is looked for is not in it".to_owned();
            SourceError::new(self.proc.join(file).display().to_string(), Trouble::BadAnswer { what })
        })
    }

    fn read(&self, file: &str) -> Result<String, SourceError> {
        let path = self.proc.join(file);
        let text = read_bounded(&path);
        text.map_err(|cause| {
            SourceError::new(path.display().to_string(), Trouble::File { what: "the file", cause })
        })
    }
}

fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(FILE_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn rate(before: Counted, now: Counted, counter: &'static str) -> Result<f64, SourceError> {
    match now.count.checked_sub(before.count) {
        // exact enough: pages in seconds
        Some(grown) if now.at_ms > before.at_ms => {
            Ok(grown as f64 * 1000.0 / (now.at_ms - before.at_ms) as f64)
        }
        _ => Err(SourceError::new("this machine", Trouble::CounterReset { counter })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quietgate_detectors::{Reason, Timestamp};
    use std::fs;

    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let dir = tempfile::tempdir().expect("a directory");
        let machine = Machine { proc: dir.path().to_owned(), counters: Mutex::default() };
        write(&machine, &[("sys/kernel/hostname", "h1\n")]);
        write(&machine, files);
        (dir, machine)
    }

    fn write(machine: &Machine, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = machine.proc.join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
    }

    fn ask(query: &str) -> Ask {
        Ask {
            query: Some(query.to_owned()),
            from: Timestamp::from_millis(1_000),
            until: Timestamp::from_millis(2_000),
            interval: Interval::from_millis(1_000).expect("in range"),
        }
    }

    fn value(machine: &Machine, query: &str) -> Option<f64> {
        let answer = machine.answer(&ask(query)).expect("an answer");
        assert!(answer.complete);
        answer.series.first().map(|series| {
            assert_eq!(series.labels["host"], "h1");
            assert_eq!(series.samples[0].at, Timestamp::from_millis(2_000));
            series.samples[0].value
        })
    }

    #[test]
    fn a_rate_begins_with_the_second_reading_and_a_counter_that_goes_back_is_a_reset() {
        let query = "direct_reclaim_per_second";
        let (_dir, machine) = machine(&[("uptime", "10.00 1"), ("vmstat", "pgscan_direct 100\n")]);
        assert_eq!(value(&machine, query), None);
        assert_eq!(value(&machine, query), None, "no time has passed");
        write(&machine, &[("uptime", "12.50 1"), ("vmstat", "pgscan_direct 150\n")]);
        assert_eq!(value(&machine, query), Some(20.0));
        write(&machine, &[("uptime", "13.50 1"), ("vmstat", "pgscan_direct 149\n")]);
        let error = machine.answer(&ask(query)).expect_err("a reset");
        assert_eq!(error.reason(), Reason::CounterReset);
        assert_eq!(error.to_string(), "this machine: pgscan_direct went back to a lower value");
        write(&machine, &[("uptime", "14.50 1"), ("vmstat", "pgscan_direct 159\n")]);
        assert_eq!(value(&machine, query), Some(10.0), "it counts on from the reset");
    }

    #[test]
    fn a_file_that_is_missing_or_odd_is_named() {
        let (_dir, machine) = machine(&[("meminfo", "MemTotal: x\n")]);
        let error = machine.answer(&ask("pressure_io")).expect_err("no such file");
        assert!(error.to_string().ends_with("pressure/io: the file cannot be read"), "{error}");
        assert_eq!(error.reason(), Reason::SourceDown);
        let error = machine.answer(&ask("memory_used")).expect_err("an odd file");
        assert!(error.to_string().contains("meminfo: not an answer that can be used"), "{error}");
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_names() {
        let error = quantity(Some("load")).expect_err("no such name");
        assert!(
            error.starts_with("query is \"load\", allowed is one of load_per_cpu, memory_used"),
            "{error}"
        );
        assert!(quantity(None).is_err());
        for (name, _) in QUANTITIES {
            assert!(ENTRY.query.contains(name) && ENTRY.about.contains(name), "{name}");
        }
    }
}
