//! For fuzzers and tests alone: what must hold of the head of a journal.

use super::chain::Hash;
use super::head::Known;

/// A head is what this program writes byte for byte, or damaged.
pub fn head(bytes: &[u8]) {
    if let Known::Head(head) = Known::of(bytes) {
        assert_eq!(head.text().as_bytes(), bytes);
    }
    if let Some(hash) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<Hash>().ok()) {
        assert_eq!(hash.to_string().as_bytes(), bytes);
    }
}
