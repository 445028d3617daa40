//! This machine, as its kernel tells of it under `/proc`.

#[cfg(any(fuzzing, test))]
pub(super) mod fuzzing;
#[cfg(test)]
mod kernels;
mod proc;
mod quantities;
mod rates;

use super::aside::aside;
use super::source::{Answer, Ask, Fetching, Labels, SeriesSamples, Source};
use super::{Entry, SourceError, Trouble};
use crate::settings::{SettingDoc, Settings};
use quietgate_detectors::{Interval, Sample};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::Semaphore;

use quantities::{Level, QUERY, Quantity, Rate, quantity};
use rates::{Counted, Counters, Found, Grown};

/// This machine.
pub(super) const ENTRY: Entry = Entry {
    kind: "host",
    summary: "This machine: load, memory, reclaim, stalls, each processor, from /proc",
    about: "The query is one name, of those below. Series have the label host, the name of this machine, those of cpu_busy \
        the label cpu as well; samples have the time of asking. Rates and shares of time begin with the second asking, \
        go over half an interval to one and a half, and there is no look-back to fill: warm-up starts when watching does. A \
        counter that goes back is a reset, and no sample.",
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

    /// What grows has a sample from half an interval on, by a clock of hundredths of a second.
    fn settles_ms(&self, interval: Interval) -> i64 {
        interval.as_millis() / 2 + 20
    }

    fn fetch<'a>(&'a self, ask: &'a Ask) -> Fetching<'a> {
        Box::pin(async {
            let (machine, ask) = (Arc::clone(&self.machine), ask.clone());
            let bad = |what: String| SourceError::new("this machine", Trouble::BadAnswer { what });
            let read = aside(&self.reads, move || machine.answer(&ask)).await;
            read.map_err(|error| bad(error.to_string()))?
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
        let one =
            |value: f64| Found { values: vec![(None, Some(value))], ended: Vec::new(), is_reset: false };
        let found = match quantity {
            Quantity::Level(Level { file, find }) => one(self.of(file, find)?),
            Quantity::LoadPerCpu => {
                let stat = self.read("stat")?;
                one(self.of("loadavg", |loadavg| proc::load_per_cpu(loadavg, &stat))?)
            }
            Quantity::Rate(rate) => self.grown(Some(rate), ask)?,
            Quantity::CpuBusy => self.grown(None, ask)?,
        };
        let name = self.read("sys/kernel/hostname")?;
        let labels = |cpu: Option<u32>| -> Labels {
            let host = Labels::from([("host", name.trim())]);
            cpu.map_or(host.clone(), |cpu| host.with("cpu", &cpu.to_string()))
        };
        let (at, is_wanted) = (ask.until.as_millis(), ask.from < ask.until);
        let series = found.values.into_iter().map(|(cpu, value)| {
            let sample = value.filter(|_| is_wanted).map(|value| Sample::new(at, value));
            SeriesSamples { labels: labels(cpu), samples: sample.into_iter().collect() }
        });
        let mut series: Vec<_> = series.collect();
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        let ended = found.ended.into_iter().map(|cpu| labels(Some(cpu))).collect();
        Ok(Answer { series, ended, warnings: Vec::new(), complete: true })
    }

    /// What a counter, or that of each processor, did since it was last read. Who asks for the same just after hears the same.
    /// Its time and its count are read by one alone, so that they are of one moment.
    fn grown(&self, rate: Option<Rate>, ask: &Ask) -> Result<Found, SourceError> {
        let (counter, interval_ms) = (rate.map_or("cpu", |rate| rate.counter), ask.interval.as_millis());
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match counters.found(counter, interval_ms, Instant::now()) {
            Some(found) => found,
            None => {
                let found = match rate {
                    Some(rate) => self.rate(&mut counters, rate, interval_ms)?,
                    None => self.busy(&mut counters, interval_ms)?,
                };
                counters.keep(counter, interval_ms, Instant::now(), found.clone());
                found
            }
        };
        if found.is_reset {
            return Err(SourceError::new("this machine", Trouble::CounterReset { counter }));
        }
        Ok(found)
    }

    /// How much the counter grew; nothing where that is not known.
    fn rate(&self, counters: &mut Counters, rate: Rate, interval_ms: i64) -> Result<Found, SourceError> {
        let at_ms = self.of("uptime", proc::uptime_ms)?;
        let now = Counted { at_ms, count: self.of(rate.file, rate.find)?, of: at_ms };
        let grown = counters.grown((rate.counter, None, interval_ms), now);
        let value = match grown {
            Grown::By(grown) => Some(rate.scale * grown),
            Grown::Unknown | Grown::Back => None,
        };
        Ok(Found { values: vec![(None, value)], ended: Vec::new(), is_reset: grown == Grown::Back })
    }

    /// For each processor the share of the time in which it worked. One whose counters went back has no sample: the others have.
    fn busy(&self, counters: &mut Counters, interval_ms: i64) -> Result<Found, SourceError> {
        let at_ms = self.of("uptime", proc::uptime_ms)?;
        let times = self.of("stat", proc::processor_times)?;
        let ended =
            counters.retain("cpu", interval_ms, &times.iter().map(|(cpu, _)| *cpu).collect::<Vec<_>>());
        let shares = times.into_iter().map(|(cpu, time)| {
            let now = Counted { at_ms, count: time.busy, of: time.all };
            match counters.grown(("cpu", Some(cpu), interval_ms), now) {
                Grown::By(share) => (Some(cpu), Some(share)),
                Grown::Unknown | Grown::Back => (Some(cpu), None),
            }
        });
        Ok(Found { values: shares.collect(), ended, is_reset: false })
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
        assert_eq!(answer.series.len(), 1, "it is told also where there is no value yet");
        assert_eq!(&answer.series[0].labels["host"], "h1");
        answer.series[0].samples.first().map(|sample| {
            assert_eq!(sample.at, Timestamp::from_millis(2_000));
            sample.value
        })
    }

    /// The same, once nobody else has just asked for it.
    fn later(machine: &Machine, query: &str) -> Option<f64> {
        forget_found(machine);
        value(machine, query)
    }

    fn forget_found(machine: &Machine) {
        machine.counters.lock().expect("no panic").forget_found();
    }

    #[test]
    fn a_rate_begins_with_the_second_reading_and_a_counter_that_goes_back_is_a_reset() {
        let query = "direct_reclaim_per_second";
        let (_dir, machine) = machine(&[("uptime", "10.00 1"), ("vmstat", "pgscan_direct 100\n")]);
        assert_eq!(value(&machine, query), None);
        assert_eq!(later(&machine, query), None, "no time has passed");
        write(&machine, &[("uptime", "11.25 1"), ("vmstat", "pgscan_direct 125\n")]);
        assert_eq!(later(&machine, query), Some(20.0));
        write(&machine, &[("uptime", "12.25 1"), ("vmstat", "pgscan_direct 124\n")]);
        forget_found(&machine);
        for _ in 0..2 {
            let error = machine.answer(&ask(query)).expect_err("a reset");
            assert_eq!(error.reason(), Reason::CounterReset);
            assert_eq!(error.to_string(), "this machine: pgscan_direct went back to a lower value");
        }
        write(&machine, &[("uptime", "13.25 1"), ("vmstat", "pgscan_direct 134\n")]);
        assert_eq!(later(&machine, query), Some(10.0), "it counts on from the reset");
        write(&machine, &[("uptime", "15.25 1"), ("vmstat", "pgscan_direct 1134\n")]);
        assert_eq!(later(&machine, query), None, "two intervals are not told as one");
    }

    #[test]
    fn two_signals_that_ask_for_the_same_at_the_same_time_are_told_the_same() {
        let query = "context_switches_per_second";
        let (_dir, machine) = machine(&[("uptime", "10.00 1"), ("stat", "ctxt 100\n")]);
        assert_eq!((value(&machine, query), value(&machine, query)), (None, None));
        write(&machine, &[("uptime", "11.00 1"), ("stat", "ctxt 200\n")]);
        assert_eq!(later(&machine, query), Some(100.0));
        // a few switches and a hundredth of a second later
        write(&machine, &[("uptime", "11.01 1"), ("stat", "ctxt 203\n")]);
        assert_eq!(value(&machine, query), Some(100.0), "and not what came in a hundredth of a second");
        write(&machine, &[("uptime", "12.00 1"), ("stat", "ctxt 300\n")]);
        assert_eq!(later(&machine, query), Some(100.0), "and the next goes on from the first of them");
    }

    #[test]
    fn every_processor_has_the_share_in_which_it_worked() {
        let stat =
            |a: &str, b: &str| format!("cpu 0 0 0 0\ncpu0 {a} 0 0 0 0 0 0 0\ncpu3 {b} 0 0 0 0 0 0 0\n");
        let (_dir, machine) = machine(&[("uptime", "10.00 1"), ("stat", &stat("10", "90"))]);
        let shares = |machine: &Machine, second: u32| -> Vec<(String, Option<f64>)> {
            write(machine, &[("uptime", &format!("{second}.00 1"))]);
            forget_found(machine);
            let answer = machine.answer(&ask("cpu_busy")).expect("an answer");
            let share = |series: &SeriesSamples| series.samples.first().map(|sample| sample.value);
            answer.series.iter().map(|series| (series.labels["cpu"].to_owned(), share(series))).collect()
        };
        let of = |cpu: &str, share: Option<f64>| (cpu.to_owned(), share);
        assert_eq!(shares(&machine, 10), [of("0", None), of("3", None)], "nothing to compare with");
        // user, nice, system, idle
        write(&machine, &[("stat", "cpu0 40 0 0 70 0 0 0 0\ncpu3 90 0 0 50 0 0 0 0\n")]);
        assert_eq!(shares(&machine, 11), [of("0", Some(0.3)), of("3", Some(0.0))]);
        write(&machine, &[("stat", "cpu0 41 0 0 70 0 0 0 0\ncpu3 10 0 0 60 0 0 0 0\n")]);
        assert_eq!(
            shares(&machine, 12),
            [of("0", Some(1.0)), of("3", None)],
            "the other was taken out and put back"
        );
        write(&machine, &[("uptime", "13.00 1"), ("stat", "cpu0 42 0 0 70 0 0 0 0\n")]);
        forget_found(&machine);
        let answer = machine.answer(&ask("cpu_busy")).expect("an answer");
        assert_eq!((answer.series.len(), answer.ended.len()), (1, 1));
        assert_eq!(&answer.ended[0]["cpu"], "3");
    }

    #[test]
    fn a_share_of_time_is_that_since_the_last_asking() {
        let io = |total: u64| format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={total}\nfull total=1\n");
        let (_dir, machine) = machine(&[("uptime", "10.00 1"), ("pressure/io", &io(1_000_000))]);
        assert_eq!(value(&machine, "stalled_io"), None);
        write(&machine, &[("uptime", "11.00 1"), ("pressure/io", &io(1_250_000))]);
        assert_eq!(later(&machine, "stalled_io"), Some(0.25));
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
}
