//! Where events go: sinks, each behind an outbox of its own that outlives the process.
//!
//! What is delivered is on record in a mark beside the journal, so an event is delivered at least once, in the order of the journal.
//! Nothing here is waited for by what drives a run: a receiver that is slow or away costs memory up to a bound, and then events, which are
//! counted and told of.

mod backoff;
mod client;
mod courier;
mod filter;
mod kinds;
mod outbox;
mod registry;
mod sink;

pub use courier::{Courier, Fate, Note};
pub use filter::{Filter, is_pattern};
pub use outbox::{Dropped, Mark, marks};
pub use registry::{Entry, Spec, all, find};
pub use sink::{Failed, Sending, Sink, SinkError};
