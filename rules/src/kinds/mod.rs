//! The rules, one file each. The order is that of the documentation.

mod all;
mod any;
mod at_least;
mod by_period;
mod majority;

use crate::registry::Entry;

/// Every kind. One place in memory, as options are compared by the address of their table.
pub(crate) static ALL: &[Entry] =
    &[by_period::ENTRY, majority::ENTRY, any::ENTRY, all::ENTRY, at_least::ENTRY];
