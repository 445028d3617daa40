//! What the kernel tells of this machine under `/proc`, taken from texts that somebody else has read.

/// The load of the last minute over the processors, from `loadavg` and `stat`.
pub(super) fn load_per_cpu(loadavg: &str, stat: &str) -> Option<f64> {
    let load: f64 = loadavg.split_whitespace().next()?.parse().ok()?;
    let is_processor = |line: &&str| {
        let name = line.split_whitespace().next().unwrap_or_default();
        name.strip_prefix("cpu").is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
    };
    let processors =
        u32::try_from(stat.lines().filter(is_processor).count()).ok().filter(|count| *count > 0)?;
    finite(load / f64::from(processors))
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

/// A counter of `vmstat`.
pub(super) fn counter(vmstat: &str, name: &str) -> Option<u64> {
    amount(vmstat, name)
}

/// The percentage of the last 10 seconds in which something had to wait, from a file of `pressure`.
pub(super) fn pressure(text: &str) -> Option<f64> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let average = some.split_whitespace().find_map(|word| word.strip_prefix("avg10="))?;
    average.parse().ok().and_then(finite)
}

/// Milliseconds since the machine was started, from `uptime`: whole hundredths of a second.
pub(super) fn uptime_ms(uptime: &str) -> Option<i64> {
    let seconds: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    // exact: centuries fit
    (0.0..1e12).contains(&seconds).then(|| (seconds * 1000.0).round() as i64)
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
    }

    proptest! {
        #[test]
        fn no_text_stops_it(text in "\\PC{0,80}", more in "(cpu0|some avg10=|MemTotal:|MemAvailable:)? ?[0-9.e-]{0,30}") {
            for text in [&text, &more] {
                let _ = (load_per_cpu(text, text), memory_used(text), swap_used(text), pressure(text), uptime_ms(text));
            }
        }
    }
}
