//! What every detector promises, held for each kind in the table: a new kind is tested by being in it.

#[path = "conformance/cuts.rs"]
mod cuts;
#[path = "conformance/days.rs"]
mod days;
#[path = "conformance/edges.rs"]
mod edges;
#[path = "conformance/flock.rs"]
mod flock;
#[path = "conformance/invariants.rs"]
mod invariants;
#[path = "conformance/options.rs"]
mod options;
#[path = "conformance/statements.rs"]
mod statements;
#[path = "conformance/story.rs"]
mod story;
#[path = "conformance/streams.rs"]
mod streams;
#[path = "conformance/turns.rs"]
mod turns;
#[path = "conformance/warm_up.rs"]
mod warm_up;
