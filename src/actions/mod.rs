//! Actions: what a step does to a target, each run once, watched, bounded, and ended with all that it started.
//!
//! A kind of action is one file in `kinds` and one line in its table. A [`Spec`] is an action with checked settings; it is
//! [rendered](Spec::rendered) for the journal and [run](Spec::run) for a target. What an attempt is given is in [`Values`]
//! and [`Io`], how it ended in [`Outcome`].

mod io;
mod kinds;
mod orphans;
mod outcome;
mod output;
mod process;
mod registry;
mod template;
mod values;

pub use io::{Cancel, Canceller, Io};
pub(crate) use kinds::variable;
pub(crate) use orphans::{LOOKS, end_looks};
pub use orphans::{Orphan, driver, orphans};
pub use outcome::{End, Outcome, Spawned};
pub use process::Cage;
pub(crate) use process::{Bounds, Captured, Program, capture, capture_until};
pub use registry::{Allowed, Entry, LabelUse, Spec, SpecError, all, find};
pub use template::RenderError;
pub use values::Values;
