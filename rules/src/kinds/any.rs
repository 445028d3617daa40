//! `any`: one detector is enough.

use super::at_least::AtLeast;
use crate::registry::Entry;

pub(super) const ENTRY: Entry = Entry {
    kind: "any",
    summary: "one detector is enough",
    about: "Three-valued: fires where one fires; normal where all are normal; otherwise unknown: a detector that has no \
        verdict might have fired.",
    options: &[],
    default_detectors: &[],
    build: |_, _| Ok(Box::new(AtLeast { count: 1 })),
};
