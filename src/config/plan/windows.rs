//! Reads maintenance windows.

use super::texts;
use crate::config::mistakes::Mistakes;
use crate::config::read::Fields;
use crate::config::zone;
use crate::plan::{Range, Windows};

/// The windows that `fields` describes; none where there is a mistake in them.
pub(super) fn read(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Option<Windows> {
    let node = fields.node("time_zone");
    let zone = node.and_then(|node| {
        let zone = node.text().and_then(|name| zone::zone(name).ok());
        fields.or_wrong("time_zone", node, zone, mistakes)
    });
    let allow = ranges(fields, "allow", mistakes);
    let deny = ranges(fields, "deny", mistakes);
    if fields.node("allow").is_none() && fields.node("deny").is_none() {
        mistakes.add(fields.at(), "windows has neither allow nor deny, allowed is one of them or both");
    }
    Some(Windows { zone: zone?, allow: allow?, deny: deny? })
}

/// The ranges at `key`, none where it is left out. An empty list would allow everything, or nothing: whoever writes
/// one has something else in mind.
fn ranges(fields: &Fields<'_>, key: &str, mistakes: &mut Mistakes) -> Option<Vec<Range>> {
    let Some(node) = fields.node(key) else { return Some(Vec::new()) };
    let texts = texts(fields, key, mistakes)?;
    if node.list().is_some_and(<[_]>::is_empty) {
        return fields.or_wrong(key, node, None, mistakes);
    }
    let mut ranges = Vec::with_capacity(texts.len());
    for (text, at) in &texts {
        match text.parse() {
            Ok(range) => ranges.push(range),
            Err(error) => mistakes.add(*at, format!("{key}: {error}")),
        }
    }
    Some(ranges).filter(|ranges| ranges.len() == texts.len())
}
