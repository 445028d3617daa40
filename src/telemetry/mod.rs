//! What the daemon counts of itself, for Prometheus: every metric is a row of one table. No label grows with hosts, series or runs; signals
//! and sinks are those of the config.

mod log;
mod process;
mod table;

pub use log::{LEVELS, Log, allowed};
pub use process::process;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
pub use table::{Kind, METRICS, Metric};

/// The media type of what [`Telemetry::text`] gives.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Labels with their values, in the order of the table.
pub type Labels = Vec<(&'static str, String)>;

/// What is counted. Cheap to clone: all clones count together.
#[derive(Clone)]
pub struct Telemetry(Arc<BTreeMap<&'static str, Counted>>);

#[derive(Clone)]
enum Counted {
    Counter(Family<Labels, Counter<f64, AtomicU64>>),
    Histogram(Histogram),
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        let counted = |metric: &Metric| match metric.kind {
            Kind::Gauge => None,
            Kind::Counter => Some((metric.name, Counted::Counter(Family::default()))),
            Kind::Histogram(bounds) => {
                Some((metric.name, Counted::Histogram(Histogram::new(bounds.iter().copied()))))
            }
        };
        Self(Arc::new(METRICS.iter().filter_map(counted).collect()))
    }
}

impl Telemetry {
    /// A series of `signal` became anomalous.
    pub fn found(&self, signal: &str, count: usize) {
        self.count("quietgate_findings", vec![("signal", signal.to_owned())], count as f64);
    }

    /// A run waited so long for this `reason`.
    pub fn waited(&self, reason: &'static str, time: Duration) {
        self.count("quietgate_waited_seconds", vec![("reason", reason.to_owned())], time.as_secs_f64());
    }

    /// A request was answered by this status.
    pub fn answered(&self, status: u16) {
        self.count("quietgate_http_requests", vec![("status", format!("{}xx", status / 100))], 1.0);
    }

    /// Samples that came were judged, which took so long.
    pub fn judged(&self, took: Duration) {
        self.measure("quietgate_tick_seconds", took);
    }

    /// A record was put on disk for good, which took so long.
    pub fn wrote(&self, took: Duration) {
        self.measure("quietgate_journal_append_seconds", took);
    }

    fn count(&self, name: &str, labels: Labels, by: f64) {
        if let Some(Counted::Counter(family)) = self.0.get(name) {
            family.get_or_create(&labels).inc_by(by);
        }
    }

    fn measure(&self, name: &str, took: Duration) {
        if let Some(Counted::Histogram(histogram)) = self.0.get(name) {
            histogram.observe(took.as_secs_f64());
        }
    }

    /// All of it in the text format of OpenMetrics, with how everything stands `now`.
    ///
    /// # Errors
    /// Something has no form there.
    pub fn text(&self, now: &Gauges) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        for Metric { name, about, .. } in METRICS {
            match self.0.get(name) {
                // what the kernel counts
                Some(Counted::Counter(_)) if now.has(name) => {
                    registry.register(*name, *about, now.counters(name));
                }
                Some(Counted::Counter(family)) => registry.register(*name, *about, family.clone()),
                Some(Counted::Histogram(histogram)) => registry.register(*name, *about, histogram.clone()),
                None => registry.register(*name, *about, now.family(name)),
            }
        }
        let mut out = String::new();
        encode(&mut out, &registry)?;
        Ok(out)
    }
}

/// How everything stands at one time.
#[derive(Debug, Default)]
pub struct Gauges(Vec<(&'static str, Labels, f64)>);

impl Gauges {
    /// The gauge `name` of the table is `value` for these labels.
    pub fn set(&mut self, name: &'static str, labels: Labels, value: f64) {
        self.0.push((name, labels, value));
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(own, ..)| *own == name)
    }

    fn counters(&self, name: &str) -> Family<Labels, Counter<f64, AtomicU64>> {
        let family = Family::<Labels, Counter<f64, AtomicU64>>::default();
        for (_, labels, value) in self.0.iter().filter(|(own, ..)| *own == name) {
            family.get_or_create(labels).inc_by(*value);
        }
        family
    }

    fn family(&self, name: &str) -> Family<Labels, Gauge<f64, AtomicU64>> {
        let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        for (_, labels, value) in self.0.iter().filter(|(own, ..)| *own == name) {
            family.get_or_create(labels).set(*value);
        }
        family
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_and_how_it_stands_is_told_with_what_it_means() {
        let telemetry = Telemetry::default();
        telemetry.found("loss", 2);
        telemetry.clone().found("loss", 1);
        telemetry.judged(Duration::from_millis(3));
        let mut now = Gauges::default();
        now.set(
            "quietgate_series",
            vec![("signal", "a\"b".to_owned()), ("finding", "clean".to_owned())],
            7.0,
        );
        let text = telemetry.text(&now).expect("text");
        for line in [
            "# TYPE quietgate_findings counter",
            "quietgate_findings_total{signal=\"loss\"} 3.0",
            "quietgate_tick_seconds_count 1",
            "quietgate_tick_seconds_bucket{le=\"0.005\"} 1",
            "quietgate_series{signal=\"a\\\"b\",finding=\"clean\"} 7.0",
            "# EOF",
        ] {
            assert!(text.lines().any(|own| own == line), "{line}:\n{text}");
        }
    }

    #[test]
    fn a_gauge_that_nobody_sets_any_more_is_gone() {
        let telemetry = Telemetry::default();
        let mut now = Gauges::default();
        now.set("quietgate_waiting", vec![("reason", "approval".to_owned())], 1.0);
        assert!(telemetry.text(&now).expect("text").contains("approval"));
        assert!(!telemetry.text(&Gauges::default()).expect("text").contains("approval"));
    }
}
