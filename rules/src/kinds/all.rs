//! `all`: every detector.

use super::at_least::AtLeast;
use crate::registry::Entry;

pub(super) const ENTRY: Entry = Entry {
    kind: "all",
    summary: "every detector fires",
    about: "Three-valued: fires where all fire; normal where one is normal; otherwise unknown: a detector that has no \
        verdict might have fired as well.",
    options: &[],
    default_detectors: &[],
    build: |_, detectors| Ok(Box::new(AtLeast { count: u32::try_from(detectors.len()).unwrap_or(u32::MAX) })),
};
