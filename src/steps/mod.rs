//! The pure machine of a run: what it has done, as records tell it, and what it does next.
//!
//! State is the fold of the journal through one transition function, live and at recovery alike. Nothing here waits,
//! starts or writes: who drives the machine does, and tells it by records.

mod next;
#[cfg(test)]
mod proofs;
mod record;
mod run;
mod scenes;
mod state;
mod work;

pub use next::{BatchId, Next, Outlook, Permit, Waiting, aborted, busy, next, still_allowed};
pub use record::{
    Attempt, Capture, Captured, Decision, Doing, End, Ending, Expected, Gate, PASSING, Passing, Pinned,
    PinnedStep, Record, Said, Scene, Side, Told, Word,
};
pub use run::{Batch, Held, Mode, Place, Run, Start, Step, Turned};
pub use scenes::{Scenes, Seen};
pub use state::{Illegal, State};
pub use work::{Flight, Outcome, Work};
