//! Reads calls, that is actions, undos and probes: each is checked by the table of its kind.

use super::fields::{CALL, PlanShape};
use crate::actions::{self, Allowed, Spec, SpecError};
use crate::config::Shape;
use crate::config::kind::{given, known, note, place};
use crate::config::mistakes::{Mistakes, Place};
use crate::config::read::{Beside, Fields};
use crate::plan::{Call, Step};
use crate::settings::SettingError;

/// What a step does, ready to be run.
///
/// Everything is allowed in them that a config can allow: [`PlanFile::against`](super::PlanFile::against) says whether
/// that of a run does.
#[derive(Debug, Clone)]
pub struct StepSpecs {
    /// What it does to a target.
    pub action: Spec,
    /// The reverse of that.
    pub undo: Option<Spec>,
    /// Asks whether the action took effect.
    pub probe: Option<Spec>,
}

impl StepSpecs {
    /// The calls of `step` with what they do; `self` is of that step.
    pub(super) fn with_calls<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = (&'a Call, &'a Spec)> {
        let undo = step.undo.as_ref().zip(self.undo.as_ref());
        let probe = step.probe.as_ref().zip(self.probe.as_ref());
        [Some((&step.action, &self.action)), undo, probe].into_iter().flatten()
    }
}

/// A call that was found good.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) call: Call,
    pub(super) spec: Spec,
    pub(super) labels: Vec<LabelAt>,
}

/// A label that a call takes from each target of its step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LabelAt {
    /// The label.
    pub(super) label: String,
    /// The setting that names it.
    pub(super) setting: &'static str,
    /// Where it does.
    pub(super) at: Place,
}

/// What a config can allow: more than one alone does, so that the place of a call can be told once a config is known.
const ANYTHING: Allowed = Allowed { shell: true };

/// The call at `key` of a step.
pub(super) fn read(step: &Fields<'_>, key: &str, mistakes: &mut Mistakes) -> Option<Checked> {
    let node = step.node(key)?;
    step.map(key, mistakes)?;
    let fields = Fields::open(node, step.place(key), &CALL, Beside::Anything, mistakes)?;
    let spec = spec(&fields, mistakes);
    let timeout_ms = fields.duration("timeout", mistakes);
    let retries = fields.count("retries", mistakes);
    let repeatable = fields.parsed::<bool>("repeatable", mistakes);
    if let (Some(1..), Some(false), Some(node)) = (retries, repeatable, fields.node("retries")) {
        let message = "retries is given, but the call is not `repeatable: true`: what was done once may not be done \
            again by itself";
        mistakes.add(node.at, message);
    }
    let spec = spec?;
    let call = Call {
        kind: spec.entry().kind.to_owned(),
        at: (node.at.line, node.at.column),
        settings: given(&fields),
        timeout_ms: timeout_ms?,
        retries: retries?,
        repeatable: repeatable?,
    };
    let labels = labels(&spec, &fields);
    Some(Checked { call, spec, labels })
}

fn spec(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Option<Spec> {
    let kinds: Vec<_> = actions::all().iter().map(|entry| entry.kind).collect();
    let kind = Shape::Plan(PlanShape::ActionKind);
    let kind = known(fields.node("kind")?, "kind", kind, &kinds, mistakes)?;
    let entry = actions::find(kind)?;
    let errors = match Spec::new(kind, &given(fields), ANYTHING) {
        Ok(spec) => return Some(spec),
        Err(SpecError::Settings(errors)) => errors,
        Err(other) => vec![SettingError::Together { message: other.to_string() }],
    };
    note(&errors, entry.described(), fields, mistakes);
    None
}

/// The labels that the call takes from targets, with their places, each once.
fn labels(spec: &Spec, fields: &Fields<'_>) -> Vec<LabelAt> {
    let mut labels = Vec::new();
    for used in spec.labels() {
        let at = place(fields, used.setting, used.part);
        let label = LabelAt { label: used.label, setting: used.setting, at };
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}
