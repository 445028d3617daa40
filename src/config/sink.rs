//! Reads sinks: where events go, and which.

use super::fields::{SINK, Shape};
use super::kind::{given, known, note};
use super::mistakes::{Mistakes, Place};
use super::read::{Beside, Fields, is_name};
use super::yaml::Node;
use crate::event::Severity;
use crate::sinks::{self, Filter, Spec, is_pattern};

/// Where events go, under the name that persons use.
#[derive(Debug, Clone)]
pub struct NamedSink {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub at: Place,
    /// Its kind and settings, found good.
    pub spec: Spec,
    /// Which events it is told of.
    pub filter: Filter,
    /// So many events may wait for it.
    pub queue: usize,
}

impl PartialEq for NamedSink {
    /// Where it stands in the file makes no other sink of it.
    fn eq(&self, other: &Self) -> bool {
        let of = |sink: &Self| (sink.name.clone(), sink.spec.clone(), sink.filter.clone(), sink.queue);
        of(self) == of(other)
    }
}

/// The sinks `nodes`.
pub(super) fn read(nodes: &[Node], mistakes: &mut Mistakes) -> Vec<NamedSink> {
    let mut sinks: Vec<NamedSink> = Vec::new();
    for node in nodes {
        let Some(sink) = one(node, mistakes) else { continue };
        if sinks.iter().any(|other| other.name == sink.name) {
            let message =
                format!("a second sink is named {:?}, allowed is one: give it a name of its own", sink.name);
            mistakes.add(sink.at, message);
        }
        sinks.push(sink);
    }
    sinks
}

fn one(node: &Node, mistakes: &mut Mistakes) -> Option<NamedSink> {
    let fields = Fields::open(node, node.at, &SINK, Beside::Anything, mistakes)?;
    let kinds: Vec<_> = sinks::all().iter().map(|entry| entry.kind).collect();
    let kind = known(fields.node("kind")?, "kind", Shape::SinkKind, &kinds, mistakes)?;
    let entry = sinks::find(kind)?;
    let name = name(&fields, kind, mistakes);
    let filter = filter(&fields, mistakes);
    for key in ["events", "severity"].into_iter().filter(|key| !entry.filters && fields.node(key).is_some()) {
        let message = format!("{key} does not go with {kind}, which must hear of every event");
        mistakes.add(fields.place(key), message);
    }
    let queue = fields.count("queue", mistakes);
    let spec = Spec::new(entry, &given(&fields));
    let spec = spec.map_err(|errors| note(&errors, entry.described(), &fields, mistakes)).ok();
    Some(NamedSink { name: name?, at: node.at, spec: spec?, filter: filter?, queue: queue? as usize })
}

/// The name that is given, or the kind.
fn name(fields: &Fields<'_>, kind: &str, mistakes: &mut Mistakes) -> Option<String> {
    let Some(node) = fields.node("name") else { return Some(kind.to_owned()) };
    let name = node.text().filter(|name| is_name(name)).map(str::to_owned);
    fields.or_wrong("name", node, name, mistakes)
}

fn filter(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Option<Filter> {
    let least = match fields.node("severity") {
        None => Some(Severity::Info),
        Some(node) => {
            let found = Severity::ALL.into_iter().find(|severity| node.text() == Some(severity.name()));
            fields.or_wrong("severity", node, found, mistakes)
        }
    };
    let kinds = match fields.node("events") {
        None => Some(Vec::new()),
        Some(node) => {
            let names = node.list().filter(|names| !names.is_empty()).map(|names| {
                names.iter().map(|name| fields.or_wrong("events", name, pattern(name), mistakes)).collect()
            });
            match names {
                Some(names) => names,
                None => fields.or_wrong("events", node, None, mistakes),
            }
        }
    };
    Some(Filter { kinds: kinds?, least: least? })
}

fn pattern(node: &Node) -> Option<String> {
    node.text().filter(|text| is_pattern(text)).map(str::to_owned)
}
