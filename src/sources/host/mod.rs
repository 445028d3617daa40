//! This machine, as its kernel tells of it under `/proc`.

mod proc;
mod quantities;
mod rates;

use super::source::{Answer, Ask, Fetching, Labels, SeriesSamples, Source};
use super::{Entry, SourceError, Trouble};
use crate::settings::{SettingDoc, Settings};
use quietgate_detectors::{Interval, Sample};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

use quantities::{Level, QUERY, Quantity, Rate, quantity};
use rates::{Counted, Counters, Grown};

/// This machine.
pub(super) const ENTRY: Entry = Entry {
    kind: "host",
    summary: "This machine: load, memory, reclaim, watermarks, stalls, each processor, from /proc",
    about: "The query is one name, of those below. Series have the label host, the name of this machine, those of cpu_busy \
        the label cpu as well; samples have the time of asking. Rates and shares of time begin with the second asking, \
        and there is no look-back to fill: warm-up starts when watching does. A counter that goes back is a reset, and \
        no sample.",
    query: QUERY,
    settings: SETTINGS,
    fits: |_| Ok(()),
    asks: |query| quantity(query).map(drop),
    no_counts: |_, _| None,
    lag_ms: |_| 0,
    build: |_: &Settings| Ok(Box::new(Host::at(Path::new("/proc")))),
};

const SETTINGS: &[SettingDoc] = &[];

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
    counters: Mutex<Counters>,
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
        let values = match quantity {
            Quantity::Level(Level { file, find }) => vec![(None, self.of(file, find)?)],
            Quantity::LoadPerCpu => {
                let stat = self.read("stat")?;
                vec![(None, self.of("loadavg", |loadavg| proc::load_per_cpu(loadavg, &stat))?)]
            }
            Quantity::Rate(rate) => self.rate(rate, ask)?.map(|value| (None, value)).into_iter().collect(),
            Quantity::CpuBusy => self.busy(ask)?,
        };
        let name = self.read("sys/kernel/hostname")?;
        let (at, wanted) = (ask.until.as_millis(), ask.from < ask.until);
        let series = values.into_iter().filter(|_| wanted).map(|(cpu, value)| {
            let host = ("host".to_owned(), name.trim().to_owned());
            let cpu = cpu.map(|cpu: u32| ("cpu".to_owned(), cpu.to_string()));
            let labels = std::iter::once(host).chain(cpu).collect::<Labels>();
            SeriesSamples { labels, samples: vec![Sample::new(at, value)] }
        });
        Ok(Answer { series: series.collect(), warnings: Vec::new(), complete: true })
    }

    /// How much the counter grew since it was last read; nothing where it was not, or just now.
    fn rate(&self, rate: Rate, ask: &Ask) -> Result<Option<f64>, SourceError> {
        let at = self.of("uptime", proc::uptime_ms)?;
        let now = Counted { at, count: self.of(rate.file, rate.find)? };
        match self.counters().grown((rate.counter, None, ask.interval.as_millis()), now) {
            Grown::Unknown => Ok(None),
            Grown::By(grown) => Ok(Some(rate.scale * grown)),
            Grown::Back => {
                Err(SourceError::new("this machine", Trouble::CounterReset { counter: rate.counter }))
            }
        }
    }

    /// For each processor the share of the time in which it worked since it was last looked at. One whose counters went back
    /// has no sample: the others have.
    fn busy(&self, ask: &Ask) -> Result<Vec<(Option<u32>, f64)>, SourceError> {
        let times = self.of("stat", proc::processor_times)?;
        let mut counters = self.counters();
        let shares = times.into_iter().filter_map(|(cpu, time)| {
            let now = Counted { at: time.all, count: time.busy };
            match counters.grown(("cpu", Some(cpu), ask.interval.as_millis()), now) {
                Grown::By(share) => Some((Some(cpu), share)),
                Grown::Unknown | Grown::Back => None,
            }
        });
        Ok(shares.collect())
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn every_processor_has_the_share_in_which_it_worked() {
        let stat =
            |a: &str, b: &str| format!("cpu 0 0 0 0\ncpu0 {a} 0 0 0 0 0 0 0\ncpu3 {b} 0 0 0 0 0 0 0\n");
        let (_dir, machine) = machine(&[("stat", &stat("10", "90"))]);
        let shares = |machine: &Machine| -> Vec<(String, f64)> {
            let answer = machine.answer(&ask("cpu_busy")).expect("an answer");
            answer
                .series
                .iter()
                .map(|series| (series.labels["cpu"].clone(), series.samples[0].value))
                .collect()
        };
        assert_eq!(shares(&machine), [], "nothing to compare with");
        // user, nice, system, idle
        write(&machine, &[("stat", "cpu0 40 0 0 70 0 0 0 0\ncpu3 90 0 0 50 0 0 0 0\n")]);
        assert_eq!(shares(&machine), [("0".to_owned(), 0.3), ("3".to_owned(), 0.0)]);
        write(&machine, &[("stat", "cpu0 41 0 0 70 0 0 0 0\ncpu3 10 0 0 60 0 0 0 0\n")]);
        assert_eq!(shares(&machine), [("0".to_owned(), 1.0)], "the other was taken out and put back");
    }

    #[test]
    fn a_share_of_time_is_that_since_the_last_asking() {
        let io = |total: u64| format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={total}\nfull total=1\n");
        let (_dir, machine) = machine(&[("uptime", "10.00 1"), ("pressure/io", &io(1_000_000))]);
        assert_eq!(value(&machine, "stalled_io"), None);
        write(&machine, &[("uptime", "11.00 1"), ("pressure/io", &io(1_250_000))]);
        assert_eq!(value(&machine, "stalled_io"), Some(0.25));
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
    }
}
