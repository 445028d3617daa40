//! Driving one plan: what its gates say now, by the series that are watched and what the run has touched.

mod driver;
mod gates;
mod scope;
mod telling;

pub use driver::{Driver, Refused, Stopped, World};
pub use gates::Gates;
pub use scope::Scope;
