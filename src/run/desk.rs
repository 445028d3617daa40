//! A journal that nobody drives: what a person wants is put on record, and whoever drives the run later goes by it.

use super::driver::{Refused, Stopped, taken_over};
use crate::actions;
use crate::clock;
use crate::journal::{Entry, Journal, Store};
use crate::steps::{Record, State, aborted};
use crate::text;
use quietgate_detectors::Timestamp;

/// Puts `record` on record, of which `state` is what `journal` tells so far, and gives its number. What was in flight when
/// the last driver ended is unknown from then on.
///
/// # Errors
/// The record cannot follow what is on record, or cannot be written.
pub async fn put_on_record(journal: &mut Journal, mut state: State, record: Record) -> Result<u64, Refused> {
    let before = taken_over(&state, env!("CARGO_PKG_VERSION"), &actions::driver());
    let (mut tried, seq) = (state.clone(), journal.tip().seq);
    // what cannot be done leaves nothing behind
    for record in before.iter().chain([&record]) {
        tried.apply(seq, clock::now(), record).map_err(Refused::Illegal)?;
    }
    for record in before {
        put(journal, &mut state, &record).await?;
    }
    let seq = put(journal, &mut state, &record).await?;
    // nothing of it is in flight, so nobody needs to drive it to its end
    let ends: Vec<Record> = state.open_runs().filter_map(aborted).collect();
    for end in ends {
        put(journal, &mut state, &end).await?;
    }
    Ok(seq)
}

async fn put(journal: &mut Journal, state: &mut State, record: &Record) -> Result<u64, Refused> {
    let (at, seq) = (clock::now(), journal.tip().seq + 1);
    state.apply(seq, at, record).map_err(Refused::Illegal)?;
    append(journal, at, record).await.map(|entry| entry.seq).map_err(Refused::Stopped)
}

/// Appends `record`, durably.
///
/// # Errors
/// The journal does not take it.
pub(super) async fn append(journal: &mut Journal, at: Timestamp, record: &Record) -> Result<Entry, Stopped> {
    let stopped = |error: &dyn std::error::Error| Stopped { why: text::with_causes(error) };
    let json = serde_json::to_string(record).map_err(|error| stopped(&error))?;
    journal.append(at.as_millis(), &json).await.map_err(|error| stopped(&error))
}
