//! The text in which programs tell what they measure: Prometheus' exposition format 0.0.4, and OpenMetrics.
//!
//! A page is read line by line, in one go and strictly: one line that cannot be read, or a page without its end, and
//! nothing of it is used. `line` takes a line apart, `page` says what a page has, `selector` which of it is wanted, `growth` what
//! counters grew by.

mod growth;
mod line;
mod page;
mod selector;

pub(super) use growth::{Moment, Reading, grown, is_impossible};
pub(super) use line::{Format, Line, NAME, Row, read};
pub(super) use page::{Found, copied, find};
pub(super) use selector::{Growth, Query};
