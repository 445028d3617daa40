//! Reads sources, and whether signals can ask them what they ask.

use super::fields::{SOURCE, Shape};
use super::kind::{given, known, note};
use super::mistakes::{Mistakes, Place};
use super::read::{Beside, Fields};
use super::signal::Signal;
use super::yaml::{Key, Node};
use crate::sources::{self, Spec};
use std::collections::BTreeMap;

/// Where samples come from, under the name that signals use.
#[derive(Debug, Clone)]
pub struct NamedSource {
    /// Its name.
    pub name: String,
    /// Where its name stands.
    pub at: Place,
    /// Its kind and settings, found good.
    pub spec: Spec,
}

/// The source `key`, described by `node`.
pub(super) fn read(key: &Key, node: &Node, mistakes: &mut Mistakes) -> Option<NamedSource> {
    let fields = Fields::open(node, key.at, &SOURCE, Beside::Anything, mistakes)?;
    let kinds: Vec<_> = sources::all().iter().map(|entry| entry.kind).collect();
    let kind = known(fields.node("kind")?, "kind", Shape::SourceKind, &kinds, mistakes)?;
    let entry = sources::find(kind)?;
    let spec = Spec::new(entry, &given(&fields));
    let spec = spec.map_err(|errors| note(&errors, entry.described(), &fields, mistakes)).ok()?;
    Some(NamedSource { name: key.name.clone(), at: key.at, spec })
}

/// Notes where the query of `signal` is none for its source. A source that is a mistake itself knows no queries.
pub(super) fn check_query(signal: &Signal, sources: &[NamedSource], mistakes: &mut Mistakes) {
    let is_mistaken = signal.query.is_none() && signal.query_at != signal.at;
    if is_mistaken {
        return;
    }
    let source = sources.iter().find(|source| signal.source.as_ref() == Some(&source.name));
    if let Some(Err(message)) = source.map(|source| source.spec.check_query(signal.query.as_deref())) {
        mistakes.add(signal.query_at, message);
    }
}

/// Notes sources that listen where another one does.
pub(super) fn check_listening(sources: &[NamedSource], mistakes: &mut Mistakes) {
    let mut known = BTreeMap::new();
    for source in sources {
        for address in source.spec.listens() {
            if let Some(first) = known.insert(address, &source.name) {
                let message = format!(
                    "source {:?} listens at {address} as source {first:?} does, allowed is one: signals can share a source",
                    source.name
                );
                mistakes.add(source.at, message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_signal_bears_the_lag_of_its_source() {
        let of = |source: &str, more: &str| {
            let text = format!(
                "sources: {{s: {source}}}\nsignals: {{l: {{source: s, query: loss_ratio, interval: 1s, rule: {{kind: majority}}{more}}}}}\n"
            );
            Config::read("f", &text).map(|config| config.signals[0].max_age_ms).map_err(|m| m.to_string())
        };
        let ping = "{kind: ping, addresses: [192.0.2.1]}";
        assert_eq!(of(ping, ""), Ok(3_200));
        assert_eq!(of(ping, ", max_age: 2700ms"), Ok(2_700));
        let short = of(ping, ", max_age: 2600ms").expect_err("too short");
        assert!(
            short.contains("max_age is \"2600ms\", allowed is at least 2s700ms: 1.5 intervals, "),
            "{short}"
        );
        let prometheus = "{kind: prometheus, url: \"http://p:9090\"}";
        assert_eq!((of(prometheus, ""), of(prometheus, ", max_age: 1s")), (Ok(2_000), Ok(1_000)));
    }
}
