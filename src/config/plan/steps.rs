//! Reads steps: their batches, keep-up rules and all else but the calls.

use super::calls::{self, Checked, LabelAt, StepSpecs};
use super::fields::{EXPECTS, KEEP_UP, PlanShape, STEP};
use super::{gate_times, name, refuse_twice, texts, windows};
use crate::config::Shape;
use crate::config::mistakes::{Mistakes, Place};
use crate::config::read::{Beside, Fields, is_name, with_suggestion};
use crate::config::yaml::{Node, Value};
use crate::plan::{Amount, Call, Expects, GateTimes, KeepUp, OnAnomaly, Selector, Step};

/// A step, with something else in place of what is mistaken.
pub(super) struct Read {
    pub(super) step: Step,
    pub(super) places: Places,
    /// What it does; none where that is mistaken.
    pub(super) specs: Option<StepSpecs>,
}

/// Where the parts of a step stand that are looked at again once all is read.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// The step's name.
    pub(super) name: Place,
    /// The names of the steps that it waits for.
    pub(super) after: Vec<Place>,
    /// Its selector.
    pub(super) targets: Place,
    /// The labels of its keep-up rules.
    pub(super) keep_up: Vec<Place>,
    /// What is done in case of an anomaly.
    pub(super) on_anomaly: Place,
    /// The signals that are expected to move, in the order of the file.
    pub(super) expects: Vec<(String, Place)>,
    /// Whether there is an undo, be it a mistaken one.
    pub(super) has_undo: bool,
    /// The labels that its calls take from its targets; none where it is not known which these are.
    pub(super) labels: Vec<LabelAt>,
}

/// Every step of `plan` that is a mapping.
pub(super) fn read(plan: &Fields<'_>, gate: GateTimes, mistakes: &mut Mistakes) -> Vec<Read> {
    let Some(node) = plan.node("steps") else { return Vec::new() };
    let items = node.list().filter(|items| !items.is_empty());
    let Some(items) = plan.or_wrong("steps", node, items, mistakes) else { return Vec::new() };
    items.iter().filter_map(|item| step(item, gate, mistakes)).collect()
}

fn step(node: &Node, gate: GateTimes, mistakes: &mut Mistakes) -> Option<Read> {
    let fields = Fields::open(node, node.at, &STEP, Beside::Options(&[]), mistakes)?;
    let place_of = |key: &str| fields.node(key).map_or(node.at, |node| node.at);
    let name = name(&fields, "step", mistakes).unwrap_or_default();
    let after = texts(&fields, "after", mistakes).unwrap_or_default();
    refuse_twice("after", &after, mistakes);
    let (after, after_at) = after.into_iter().unzip();
    let (keep_up, keep_up_at) = keep_up(&fields, mistakes).into_iter().unzip();
    let (expects, expects_at) = expects(&fields, mistakes);
    let targets = selector(&fields, mistakes);
    let is_chosen = targets.is_some() || fields.node("targets").is_none();
    let batch = batch(&fields, mistakes).unwrap_or_default();
    let [action, undo, probe] = ["action", "undo", "probe"].map(|key| calls::read(&fields, key, mistakes));
    let calls = [&action, &undo, &probe].into_iter().flatten();
    let labels = calls.filter(|_| is_chosen).flat_map(|checked| checked.labels.clone()).collect();
    let places = Places {
        name: place_of("step"),
        after: after_at,
        targets: place_of("targets"),
        keep_up: keep_up_at,
        on_anomaly: place_of("on_anomaly"),
        expects: expects_at,
        has_undo: fields.node("undo").is_some(),
        labels,
    };
    let apart = |checked: Option<Checked>| checked.map(|checked| (checked.call, checked.spec)).unzip();
    let ((action, action_spec), (undo, undo_spec), (probe, probe_spec)) =
        (apart(action), apart(undo), apart(probe));
    let specs = action_spec.map(|action| StepSpecs { action, undo: undo_spec, probe: probe_spec });
    let step = Step {
        name,
        after,
        targets: targets.unwrap_or_default(),
        batch,
        keep_up,
        action: action.unwrap_or_else(|| nothing(node.at)),
        undo,
        probe,
        on_anomaly: on_anomaly(&fields, mistakes).unwrap_or(OnAnomaly::Pause),
        expects,
        gate: gate_times(&fields, gate, mistakes),
        soak_ms: fields.duration("soak", mistakes).unwrap_or_default(),
        approve: fields.parsed("approve", mistakes).unwrap_or_default(),
        windows: fields
            .inner("windows", &super::fields::WINDOWS, mistakes)
            .and_then(|fields| windows::read(&fields, mistakes)),
    };
    Some(Read { step, places, specs })
}

fn selector(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Option<Selector> {
    let node = fields.node("targets")?;
    let text = fields.or_wrong("targets", node, node.text(), mistakes)?;
    let message = |error| format!("targets is {text:?}: {error}");
    text.parse().map_err(|error| mistakes.add(node.at, message(error))).ok()
}

/// The widths of the batches: one by one where they are left out.
fn batch(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Option<Vec<Amount>> {
    let Some(node) = fields.node("batch") else { return Some(Vec::new()) };
    let items = match &node.value {
        Value::List(items) if !items.is_empty() => items.as_slice(),
        Value::Scalar(_) => std::slice::from_ref(node),
        _ => return fields.or_wrong("batch", node, None, mistakes),
    };
    let amount = |item: &Node| {
        let amount = item.scalar().and_then(|text| text.parse::<Amount>().ok());
        let amount = amount.filter(|amount| !amount.is_zero());
        fields.or_wrong("batch", item, amount, mistakes)
    };
    // all are read before the first bad one ends it
    let amounts: Vec<_> = items.iter().map(amount).collect();
    amounts.into_iter().collect()
}

/// The mappings at `key`: one, or a list of them.
fn one_or_more<'a>(fields: &Fields<'a>, key: &str, mistakes: &mut Mistakes) -> &'a [Node] {
    let Some(node) = fields.node(key) else { return &[] };
    match &node.value {
        Value::List(items) if !items.is_empty() => items.as_slice(),
        Value::Map(_) => std::slice::from_ref(node),
        _ => {
            fields.or_wrong::<()>(key, node, None, mistakes);
            &[]
        }
    }
}

/// What is expected to move, and every signal that is named with its place.
fn expects(fields: &Fields<'_>, mistakes: &mut Mistakes) -> (Vec<Expects>, Vec<(String, Place)>) {
    let (mut all, mut places) = (Vec::new(), Vec::new());
    for item in one_or_more(fields, "expects", mistakes) {
        let Some(own) = Fields::open(item, item.at, &EXPECTS, Beside::Options(&[]), mistakes) else {
            continue;
        };
        let signals = texts(&own, "signals", mistakes);
        if let Some(node) = own.node("signals").filter(|node| node.list().is_some_and(<[Node]>::is_empty)) {
            own.or_wrong::<()>("signals", node, None, mistakes);
        }
        let for_ms = own.duration("for", mistakes);
        let signals = signals.unwrap_or_default();
        places.extend(signals.iter().cloned());
        let signals = signals.into_iter().map(|(signal, _)| signal).collect();
        all.extend(for_ms.map(|for_ms| Expects { signals, for_ms }));
    }
    refuse_twice("expects", &places, mistakes);
    (all, places)
}

/// The keep-up rules, each with the place of its label.
fn keep_up(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Vec<(KeepUp, Place)> {
    let items = one_or_more(fields, "keep_up", mistakes);
    let rules: Vec<(KeepUp, Place)> = items.iter().filter_map(|item| keep_up_rule(item, mistakes)).collect();
    let labels: Vec<_> = rules.iter().map(|(rule, at)| (rule.label.clone(), *at)).collect();
    refuse_twice("keep_up", &labels, mistakes);
    rules
}

fn keep_up_rule(node: &Node, mistakes: &mut Mistakes) -> Option<(KeepUp, Place)> {
    let fields = Fields::open(node, node.at, &KEEP_UP, Beside::Options(&[]), mistakes)?;
    let label = fields.node("label").and_then(|node| {
        let label = node.text().filter(|label| is_name(label)).map(str::to_owned);
        fields.or_wrong("label", node, label, mistakes)
    });
    let min = fields.parsed::<Amount>("min", mistakes);
    if let (Some(min), Some(node)) = (min.filter(|min| min.is_zero()), fields.node("min")) {
        mistakes.add(node.at, format!("min is {min}, which keeps nothing up: allowed is more than that"));
    }
    let at = fields.node("label").map_or(node.at, |node| node.at);
    Some((KeepUp { label: label?, min: min? }, at))
}

fn on_anomaly(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Option<OnAnomaly> {
    let Some(node) = fields.node("on_anomaly") else { return Some(OnAnomaly::Pause) };
    let found = node.text().and_then(|word| OnAnomaly::ALL.iter().find(|(_, known)| *known == word));
    if found.is_none() {
        let words = OnAnomaly::ALL.map(|(_, word)| word);
        let allowed = format!("allowed is {}", Shape::Plan(PlanShape::OnAnomaly));
        let word = node.scalar().unwrap_or_default();
        let message = with_suggestion(&format!("on_anomaly is {}", node.found()), word, &words, &allowed);
        mistakes.add(node.at, message);
    }
    found.map(|(on_anomaly, _)| *on_anomaly)
}

/// Stands for an action that is mistaken, in a plan that is not handed out.
fn nothing(at: Place) -> Call {
    let at = (at.line, at.column);
    Call { kind: String::new(), at, settings: Vec::new(), timeout_ms: 1, retries: 0, repeatable: false }
}
