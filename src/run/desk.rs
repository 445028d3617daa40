//! A journal that nobody drives: what a person wants is put on record, and whoever drives the run later goes by it.

use super::driver::{Refused, Stopped, taken_over};
use crate::clock;
use crate::journal::{Entry, Journal, Store};
use crate::steps::{Record, State};
use crate::text;
use quietgate_detectors::Timestamp;

/// Puts `record` on record, of which `state` is what `journal` tells so far, and gives its number. What was in flight when
/// the last driver ended is unknown from then on.
///
/// # Errors
/// The record cannot follow what is on record, or cannot be written.
pub async fn put_on_record(journal: &mut Journal, mut state: State, record: Record) -> Result<u64, Refused> {
    let mut records = taken_over(&state, env!("CARGO_PKG_VERSION"));
    records.push(record);
    let mut seq = 0;
    for record in records {
        let at = clock::now();
        state.apply(seq + 1, at, &record).map_err(Refused::Illegal)?;
        seq = append(journal, at, &record).await.map_err(Refused::Stopped)?.seq;
    }
    Ok(seq)
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
