//! One real node_exporter by both ways, for the same time: a real Prometheus writes to `push` what it reads of it, and `scrape`
//! reads it too. What stands still is the same, what moves evenly differs by no more than the times of reading do.

use crate::push::{EVERY, Samples, free_port, gather, pushed, writer};
use crate::servers::{installed, node_exporter_of, wait};
use crate::{now, plain, source};
use quietgate::sources::{Labels, Source};

/// What both are watched for, in milliseconds.
const STRETCH_MS: i64 = 10_000;

/// A gauge that grows by exactly one a second: the time when it is read.
const TIME: &str = "node_time_seconds";
/// Gauges that stand still.
const STILL: &str = "{__name__=~\"process_start_time_seconds|process_max_fds|node_memory_MemTotal_bytes|node_exporter_build_info\"}";
/// Counters, declared as such: what one processor did in a second is a second together.
const BUSY: &str = "node_cpu_seconds_total{cpu=\"0\"}";

/// One query by one way.
struct Way<'a> {
    source: &'a dyn Source,
    query: String,
    samples: Samples,
}

impl<'a> Way<'a> {
    fn new(source: &'a dyn Source, query: &str) -> Self {
        Self { source, query: query.to_owned(), samples: Samples::new() }
    }

    fn gather(&mut self) {
        let odd = gather(self.source, &self.query, &mut self.samples);
        assert_eq!(odd, Vec::<String>::new(), "nothing is odd about {}", self.query);
    }

    /// How far its samples reach, in milliseconds.
    fn reach(&self) -> i64 {
        let ends = |samples: &Vec<(i64, f64)>| Some(samples.last()?.0 - samples.first()?.0);
        self.samples.values().map(|samples| ends(samples).unwrap_or(0)).min().unwrap_or(0)
    }

    /// Its series without the labels that a Prometheus adds, which must be these.
    fn plainly(&self, added: &[(&str, &str)]) -> Vec<(Labels, &[(i64, f64)])> {
        let check = |labels: &Labels| {
            let has = |(name, value): &(&str, &str)| labels.get(name).is_some_and(|found| found == *value);
            assert!(added.iter().all(has), "{labels:?}");
            assert_eq!(labels.len(), plain(labels).len() + added.len(), "{labels:?}");
        };
        self.samples
            .iter()
            .inspect(|(labels, _)| check(labels))
            .map(|(labels, samples)| (plain(labels), samples.as_slice()))
            .collect()
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How far the clock of the gauge is ahead of the time of its sample, in seconds.
fn ahead(samples: &[(i64, f64)]) -> f64 {
    median(samples.iter().map(|(at, value)| value - *at as f64 / 1e3).collect())
}

/// The mean of rates from `from` to `until`, each for the time since the sample before it; where one is missing between them, that
/// time is nobody's.
fn mean(samples: &[(i64, f64)], from: i64, until: i64) -> f64 {
    let within: Vec<_> = samples.iter().filter(|(at, _)| (from..=until).contains(at)).collect();
    let pairs = within.windows(2).map(|two| ((two[1].0 - two[0].0) as f64, two[1].1));
    let pairs = pairs.filter(|(passed, _)| *passed <= 1.5 * EVERY as f64);
    let (ms, sum) = pairs.fold((0.0, 0.0), |(ms, sum), (passed, rate)| (ms + passed, sum + rate * passed));
    sum / ms
}

#[test]
fn a_node_exporter_says_the_same_by_a_prometheus_that_writes_to_us_and_by_its_own_page() {
    if !installed("prometheus") || !installed("prometheus-node-exporter") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let exporter = node_exporter_of(&["time", "cpu", "meminfo"]);
    let port = free_port();
    let push = pushed(dir.path(), port, &[]);
    let page = source("scrape", &[("url", &exporter.url())]);
    let (even, busy) = (format!("rate({TIME})"), format!("rate({BUSY})"));
    let mut written = [TIME, STILL, &even, &busy].map(|query| Way::new(&*push, query));
    let mut shown = [TIME, STILL, &even, BUSY].map(|query| Way::new(&*page, query));
    // what comes before somebody asks is put off
    let server = writer(dir.path(), &exporter, port);
    let mut due = now();
    wait("samples of ten seconds by both ways", || {
        if now() < due {
            return None;
        }
        due = now() + EVERY;
        written.iter_mut().chain(&mut shown).for_each(Way::gather);
        written.iter().chain(&shown).all(|way| way.reach() >= STRETCH_MS).then_some(())
    });
    drop(server);

    let instance = format!("127.0.0.1:{}", exporter.port);
    let added = [("instance", instance.as_str()), ("job", "node")];
    let by_both: Vec<_> = written
        .iter()
        .zip(&shown)
        .map(|(written, shown)| (written.plainly(&added), shown.plainly(&[])))
        .collect();
    for (written, shown) in &by_both {
        let names = |series: &[(Labels, &[(i64, f64)])]| {
            series.iter().map(|(labels, _)| labels.clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            names(written),
            names(shown),
            "the same series, but for the labels that a Prometheus adds"
        );
    }
    let [time, still, even, busy] = &by_both[..] else { panic!("four queries") };

    assert_eq!(still.0.len(), 4, "{still:?}");
    for ((labels, written), (_, shown)) in still.0.iter().zip(&still.1) {
        let value = written[0].1;
        assert!(
            written.iter().chain(*shown).all(|(_, other)| *other == value),
            "{labels:?}: {written:?}, {shown:?}"
        );
    }

    // its time is that of the asking, and what it shows that of the answer, a little later
    let (written, shown) = (ahead(time.0[0].1), ahead(time.1[0].1));
    println!("ahead of its samples by {written:.4} s as written, {shown:.4} s as shown");
    assert!((0.0..0.1).contains(&written) && (0.0..0.1).contains(&shown), "{written} s, {shown} s");
    let rate = |samples: &[(i64, f64)]| median(samples.iter().map(|(_, rate)| *rate).collect());
    let (written, shown) = (rate(even.0[0].1), rate(even.1[0].1));
    println!("it grows by {written:.4} a second as written, {shown:.4} as shown");
    assert!((written - 1.0).abs() < 0.02 && (shown - 1.0).abs() < 0.02, "{written}, {shown}");

    counters_agree(&busy.0, &busy.1);
}

/// Counters grew by the same over the time that both have.
fn counters_agree(written: &[(Labels, &[(i64, f64)])], shown: &[(Labels, &[(i64, f64)])]) {
    let all = || written.iter().chain(shown).map(|(_, samples)| *samples);
    let from = all().map(|samples| samples[0].0).max().expect("a series");
    let until = all().map(|samples| samples[samples.len() - 1].0).min().expect("a series");
    let mut sums = [0.0, 0.0];
    for ((labels, written), (_, shown)) in written.iter().zip(shown) {
        let means = [written, shown].map(|samples| mean(samples, from, until));
        // what a processor does in one mode moves unevenly, and each way misses other moments
        assert!((means[0] - means[1]).abs() < 0.25, "{labels:?}: {means:?}");
        sums = [sums[0] + means[0], sums[1] + means[1]];
    }
    println!("a processor did {:.4} s in a second as written, {:.4} s as shown", sums[0], sums[1]);
    assert!((sums[0] - sums[1]).abs() < 0.02, "{sums:?}");
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 0.05), "{sums:?}");
}
