//! Truth tables of the rules and of sustain, to be read as tables.
//!
//! A verdict is a letter: n normal, s surge, d drop, u unknown. A finding too: c clean, s suspect, a anomalous,
//! u unknown.

#[path = "truth_tables/combining.rs"]
mod combining;
#[path = "truth_tables/errors.rs"]
mod errors;
#[path = "truth_tables/lost.rs"]
mod lost;
#[path = "truth_tables/remembered.rs"]
mod remembered;
#[path = "truth_tables/sustain.rs"]
mod sustain;
#[path = "truth_tables/table.rs"]
mod table;
