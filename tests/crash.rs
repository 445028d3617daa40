//! The real program, killed and starved: an outside ledger, which the actions themselves write, is the truth that the journal
//! is held against.
//!
//! `QUIETGATE_KILLS` says how many drivers are killed at random instants, `QUIETGATE_SEED` repeats the choices of a run that
//! printed it; the instants themselves are those of the machine.

#[path = "crash/calls.rs"]
mod calls;
#[path = "crash/chaos.rs"]
mod chaos;
#[path = "common/dice.rs"]
mod dice;
#[path = "crash/forged.rs"]
mod forged;
#[path = "crash/full.rs"]
mod full;
#[path = "crash/hold.rs"]
mod hold;
#[path = "crash/kills.rs"]
mod kills;
#[path = "crash/ledger.rs"]
mod ledger;
#[path = "crash/records.rs"]
mod records;
#[path = "crash/refused.rs"]
mod refused;
#[path = "crash/rig.rs"]
mod rig;
#[path = "common/strace.rs"]
mod strace;

/// Where random choices begin.
fn seed() -> u64 {
    let given = std::env::var("QUIETGATE_SEED").ok();
    given.map_or_else(|| rig::now_ms() as u64, |text| text.parse().expect("QUIETGATE_SEED: a number"))
}
