//! Every metric: its name, what it is, by what it is told apart, and what it means.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// How something stands.
    Gauge,
    /// What only grows as long as the process lives; `_total` stands behind its name.
    Counter,
    /// How long something takes: how often at most so many seconds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// A metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name, without `_total`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub about: &'static str,
}

impl Metric {
    /// Its name as it is asked for in Prometheus.
    pub fn series(&self) -> String {
        let behind = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{}{behind}", self.name)
    }
}

/// From 0.1 ms to 5 s.
const SECONDS: &[f64] = &[0.0001, 0.0005, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

const fn gauge(name: &'static str, labels: &'static [&'static str], about: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, about }
}

const fn counter(name: &'static str, labels: &'static [&'static str], about: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, about }
}

const fn histogram(name: &'static str, about: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram(SECONDS), labels: &[], about }
}

/// All of them, as the documentation has them.
pub const METRICS: &[Metric] = &[
    gauge("quietgate_build_info", &["version"], "1, for the version that runs"),
    gauge(
        "quietgate_series",
        &["signal", "finding"],
        "required series of a signal by what they are found to be",
    ),
    gauge(
        "quietgate_signal_age_seconds",
        &["signal"],
        "age of the newest sample of a signal; none before the first",
    ),
    gauge(
        "quietgate_signal_trouble",
        &["signal"],
        "1 where the newest answer of the source is none, or not whole",
    ),
    counter("quietgate_findings", &["signal"], "series that became anomalous"),
    histogram(
        "quietgate_tick_seconds",
        "how long it takes to judge what a source answered, until it is found what each series is",
    ),
    gauge("quietgate_runs", &["mode"], "runs by how they stand; those that are over too"),
    gauge("quietgate_targets", &["state"], "targets of the runs that are not over, by how they stand"),
    gauge("quietgate_waiting", &["reason"], "runs that are not over by what they wait for"),
    counter("quietgate_waited_seconds", &["reason"], "how long runs have waited, by what for"),
    gauge("quietgate_frozen", &[], "1 where somebody froze all runs"),
    gauge("quietgate_journal_records", &[], "number of the newest record of the journal"),
    histogram("quietgate_journal_append_seconds", "how long it takes to put a record on disk for good"),
    gauge("quietgate_sink_waiting", &["sink"], "records of the journal that a sink has not come to yet"),
    gauge("quietgate_sink_dropped", &["sink"], "events that a sink dropped, ever"),
    counter("quietgate_http_requests", &["status"], "requests by the class of their status"),
    gauge("quietgate_http_streams", &[], "open streams of events"),
    gauge("process_resident_memory_bytes", &[], "memory of the process that is in memory"),
    counter("process_cpu_seconds", &[], "processor time of the process"),
    gauge("process_open_fds", &[], "open files of the process"),
    gauge("process_start_time_seconds", &[], "when it began, in seconds since 1970"),
];
