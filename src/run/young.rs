//! Series with too little past for what judges the starts of batches: told before anybody waits for them.

use super::telling::lack_words;
use crate::monitor::{Monitor, MonitorSpec, Statement, View, Watch};
use crate::text;
use quietgate_detectors::{Lack, Reason, Sample, Timestamp};
use quietgate_rules::Condition;

/// Of which series of `signal`, as seen at `now`, too little is known to judge a batch that starts now, and what comes of it: a
/// clause without a final stop for its rule, and one for that of the slow layer. None where all of them could be judged.
pub fn young(watch: &Watch, signal: usize, now: Timestamp) -> Vec<String> {
    [false, true].into_iter().filter_map(|slow| young_by(watch, signal, slow, now)).collect()
}

/// How many samples a series must have to judge the start of a batch by its rule and by that of the slow layer; 0 where that
/// makes no difference to them.
pub fn grown(spec: &MonitorSpec) -> u64 {
    let mut monitor = Monitor::new(spec);
    monitor.observe(&[Sample::new(0, 0.0)], |_| {});
    let wanted = |(_, lack): (usize, Lack)| match lack {
        Lack::Samples { wanted, .. } => wanted,
        Lack::Before { .. } | Lack::Compared => 0,
    };
    [false, true].into_iter().flat_map(|slow| monitor.start_lacks(slow)).map(wanted).max().unwrap_or(0)
}

fn young_by(watch: &Watch, signal: usize, slow: bool, now: Timestamp) -> Option<String> {
    let name = &watch.signals().nth(signal)?.name;
    let views = watch.views(now);
    let is_there = |view: &&View<'_>| match view.condition {
        Condition::Unknown { reason, .. } => reason == Reason::WarmingUp,
        _ => true,
    };
    let own: Vec<_> = views.iter().filter(|view| view.signal == signal).filter(is_there).collect();
    let all = own.iter().map(|view| watch.start_lacks(signal, &view.labels, slow));
    let lacking: Vec<Vec<Statement>> = all.filter(|lacks| !lacks.is_empty()).collect();
    // that of the last of them to be known well enough
    let (kind, lack) = lacking.iter().flatten().filter_map(last).max_by_key(|(_, lack)| from(*lack))?;
    let of = text::counted(own.len() as u64, "series", "series");
    let what = if slow {
        "what a batch that starts before does is not seen by the slow layer"
    } else {
        "the gate before a batch holds until then"
    };
    Some(format!(
        "signal {name:?}: {} of {of} with too little past to judge the start of a batch: {kind}: {}; {what}",
        text::count(lacking.len() as u64),
        lack_words(lack)
    ))
}

fn last(statement: &Statement) -> Option<(&'static str, Lack)> {
    Some((statement.kind, statement.lack?))
}

/// When a lack is over.
fn from(lack: Lack) -> Option<Timestamp> {
    match lack {
        Lack::Samples { from, .. } => Some(from),
        Lack::Before { .. } | Lack::Compared => None,
    }
}
