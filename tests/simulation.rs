//! Whole runs in a made world: the real monitor, gates, machine and driver, with a clock, sources, targets, operators and
//! crashes from one seed. A run that breaks a promise prints its seed and the command that repeats it.
//!
//! `QUIETGATE_SEEDS=FROM..UNTIL` names other seeds than the first ten thousand.

#[path = "simulation/world.rs"]
mod world;

/// Which seeds are run.
fn seeds() -> std::ops::Range<u64> {
    let given = std::env::var("QUIETGATE_SEEDS").ok();
    let range = given.as_deref().and_then(|text| {
        let (from, until) = text.split_once("..")?;
        Some(from.parse().ok()?..until.parse().ok()?)
    });
    range.unwrap_or(0..10_000)
}

#[test]
fn no_run_breaks_a_promise() {
    let mut ends = [0_u32; 4];
    for seed in seeds() {
        let run = std::panic::catch_unwind(|| world::run(seed));
        let outcome = run.unwrap_or_else(|_| {
            panic!("QUIETGATE_SEEDS={seed}..{} cargo test --release --test simulation", seed + 1)
        });
        ends[outcome as usize] += 1;
    }
    // a simulation in which nothing happens proves nothing
    if seeds() == (0..10_000) {
        assert!(ends.iter().all(|count| *count > 20), "done, rolled back, aborted, paused: {ends:?}");
    }
}
