//! Driving one plan: what its gates say now, by the series that are watched and what the run has touched.

mod contradicted;
pub mod control;
pub mod daemon;
mod desk;
mod driver;
mod events;
mod evidence;
mod gates;
pub mod job;
mod late;
mod ledger;
pub mod live;
mod look;
mod pin;
pub mod recording;
mod scenes;
mod scope;
mod sinks;
mod starts;
mod telling;
mod watching;
mod young;

pub use desk::put_on_record;
pub use driver::{Driver, Refused, Stopped, World, followed};
pub use events::{EVENTS_MAX, Events};
pub use gates::{Gates, HeldBy};
pub use pin::{Keeping, Texts, pinned};
pub use scope::Scope;
pub use sinks::Past;
pub use telling::{Layer, series_name};
pub use watching::{of_inventory, signals, watch, watch_over};
pub use young::{grown, young};

/// How the reason begins for which a driver pauses that finds processes of an earlier one.
pub const LEFT_BEHIND: &str = "still running from an earlier driver";
