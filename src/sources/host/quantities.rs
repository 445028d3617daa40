//! What can be asked of this machine: a name, the file, and how the number is found in it.

use super::proc;

/// What can be asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Quantity {
    /// A number that stands in a file.
    Level(Level),
    /// The load over the processors, for which two files are read.
    LoadPerCpu,
    /// By how much a counter grows.
    Rate(Rate),
    /// For each processor the share of the time in which it works.
    CpuBusy,
}

/// A number in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub(super) file: &'static str,
    pub(super) find: fn(&str) -> Option<f64>,
}

/// A counter in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) file: &'static str,
    /// Its name in words that are said of it.
    pub(super) counter: &'static str,
    pub(super) find: fn(&str) -> Option<u64>,
    /// What one more a millisecond is worth.
    pub(super) scale: f64,
}

/// The names, as the documentation says them.
pub(super) const QUERY: &str = "one of load_per_cpu, running_per_cpu, blocked, cpu_busy, context_switches_per_second, memory_used, \
    swap_used, swap_in_per_second, swap_out_per_second, direct_reclaim_per_second, reclaimed_per_second, \
    allocation_stalls_per_second, free_to_low_watermark, pressure_cpu, pressure_memory, pressure_io, stalled_cpu, \
    stalled_memory, stalled_io";

const QUANTITIES: [(&str, Quantity); 19] = [
    ("load_per_cpu", Quantity::LoadPerCpu),
    ("running_per_cpu", level("stat", proc::running_per_cpu)),
    ("blocked", level("stat", |stat| Some(proc::counter(stat, "procs_blocked")? as f64))),
    ("cpu_busy", Quantity::CpuBusy),
    ("context_switches_per_second", per_second("stat", "ctxt", |stat| proc::counter(stat, "ctxt"))),
    ("memory_used", level("meminfo", proc::memory_used)),
    ("swap_used", level("meminfo", proc::swap_used)),
    ("swap_in_per_second", per_second("vmstat", "pswpin", |vmstat| proc::counter(vmstat, "pswpin"))),
    ("swap_out_per_second", per_second("vmstat", "pswpout", |vmstat| proc::counter(vmstat, "pswpout"))),
    (
        "direct_reclaim_per_second",
        per_second("vmstat", "pgscan_direct", |vmstat| proc::sum_by_zone(vmstat, &["pgscan_direct"])),
    ),
    (
        "reclaimed_per_second",
        per_second("vmstat", "pgsteal", |vmstat| {
            // by who took them; by what they held, pgsteal_anon and pgsteal_file count the same pages again
            proc::sum_by_zone(
                vmstat,
                &["pgsteal_kswapd", "pgsteal_direct", "pgsteal_khugepaged", "pgsteal_proactive"],
            )
        }),
    ),
    (
        "allocation_stalls_per_second",
        per_second("vmstat", "allocstall", |vmstat| proc::sum_by_zone(vmstat, &["allocstall"])),
    ),
    ("free_to_low_watermark", level("zoneinfo", proc::free_to_low_watermark)),
    ("pressure_cpu", level("pressure/cpu", proc::pressure)),
    ("pressure_memory", level("pressure/memory", proc::pressure)),
    ("pressure_io", level("pressure/io", proc::pressure)),
    ("stalled_cpu", stalled("pressure/cpu", "the stalls of cpu")),
    ("stalled_memory", stalled("pressure/memory", "the stalls of memory")),
    ("stalled_io", stalled("pressure/io", "the stalls of io")),
];

const fn level(file: &'static str, find: fn(&str) -> Option<f64>) -> Quantity {
    Quantity::Level(Level { file, find })
}

const fn per_second(file: &'static str, counter: &'static str, find: fn(&str) -> Option<u64>) -> Quantity {
    Quantity::Rate(Rate { file, counter, find, scale: 1000.0 })
}

/// The share of the time in which something had to wait: microseconds over milliseconds.
const fn stalled(file: &'static str, counter: &'static str) -> Quantity {
    Quantity::Rate(Rate { file, counter, find: proc::stalled_us, scale: 0.001 })
}

/// What a query asks for.
pub(super) fn quantity(query: Option<&str>) -> Result<Quantity, String> {
    let known = query.and_then(|query| QUANTITIES.iter().find(|(name, _)| *name == query));
    known.map(|(_, quantity)| *quantity).ok_or_else(|| {
        let found =
            query.map_or("a signal of a host source has no query".to_owned(), |q| format!("query is {q:?}"));
        format!("{found}, allowed is {QUERY}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_is_refused_with_the_names() {
        let error = quantity(Some("load")).expect_err("no such name");
        assert!(
            error.starts_with("query is \"load\", allowed is one of load_per_cpu, running_per_cpu"),
            "{error}"
        );
        assert!(quantity(None).is_err());
    }

    #[test]
    fn the_names_that_are_said_are_those_that_there_are() {
        let said: Vec<_> = QUERY.strip_prefix("one of ").expect("a list").split(", ").collect();
        assert_eq!(said, QUANTITIES.map(|(name, _)| name));
    }
}
