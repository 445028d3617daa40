//! For fuzzers and tests alone: what must hold of the texts of `/proc`.

use super::proc;

/// Each text by every reader: shares are shares, what is no number is none.
pub(in crate::sources) fn texts(text: &str) {
    let share = |share: Option<f64>| assert!(share.is_none_or(|share| (0.0..=1.0).contains(&share)));
    share(proc::memory_used(text));
    share(proc::swap_used(text));
    let finite = |value: Option<f64>| assert!(value.is_none_or(f64::is_finite));
    finite(proc::load_per_cpu(text, text));
    finite(proc::running_per_cpu(text));
    finite(proc::pressure(text));
    finite(proc::free_to_low_watermark(text));
    let times = proc::processor_times(text).unwrap_or_default();
    assert!(times.len() <= text.lines().count() && times.iter().all(|(_, times)| times.busy <= times.all));
    let all = proc::sum_by_zone(text, &["allocstall", "pgscan_direct"]);
    assert!(proc::sum_by_zone(text, &["allocstall"]) <= all);
    let (_, _, _) = (proc::counter(text, "ctxt"), proc::stalled_us(text), proc::uptime_ms(text));
}
