//! Where samples come from. A source hands out series of samples; it never judges them.
//!
//! - Live kinds stand in one table, [`all`]; each is a [`Source`], made of checked settings by a [`Spec`].
//! - `poll` asks many of them without one waiting for another.
//! - [`recorded`]: series that were written down before, in CSV and Parquet files.

mod aside;
mod command;
mod error;
mod exposition;
mod file;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod host;
mod ipvs;
mod limits;
mod opened;
mod ping;
mod poll;
mod prometheus;
mod push;
pub mod recorded;
mod registry;
mod scrape;
mod seen;
mod server;
mod source;

pub use error::{SourceError, Trouble};
pub use opened::Opened;
pub use poll::{Outcome, Poll, Unasked};
pub use registry::{Entry, Spec, all, find};
pub use seen::{Contradicted, Seen};
pub use source::{Answer, Ask, Fetching, Labels, Past, SeriesSamples, Source, labels_in_words};
