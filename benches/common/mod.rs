//! What the benches have in common: a made series, and the time that they measure by.

const DAY: usize = 1440;

/// A day-curve with noise, by a small generator of its own: the same at every run.
pub(crate) fn day_curve(points: usize) -> Vec<f64> {
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31) - 0.5
    };
    let day = |i: usize| (std::f64::consts::TAU * (i % DAY) as f64 / DAY as f64).sin();
    (0..points).map(|i| 1000.0 * (1.0 + 0.6 * day(i)) * (1.0 + 0.1 * noise())).collect()
}

/// Processor time of this thread so far.
pub(crate) fn cpu_seconds() -> f64 {
    let text =
        std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells the time of a thread");
    let nanoseconds: u64 = text.split(' ').next().and_then(|word| word.parse().ok()).expect("a number");
    nanoseconds as f64 / 1e9
}
