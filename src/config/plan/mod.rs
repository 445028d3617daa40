//! The plan file: YAML in, a [`Plan`] with its order out, or every mistake with its place.
//!
//! The keys are described once, in `fields`, for the reader and for the JSON Schema, as those of the config are. Where
//! the inventory is elsewhere it is asked of a [`Supply`], so that a run that goes on later can be given what was
//! written down when it began.

mod calls;
mod check;
mod contrasts;
mod fields;
mod inventory;
mod schema;
mod steps;
mod supply;
mod windows;

pub use calls::StepSpecs;
pub use fields::{PlanShape, tables};
pub use schema::schema;
pub use supply::{Elsewhere, Near, Supply, SupplyError};

pub(super) use schema::shape as shape_schema;

use super::mistakes::{Mistakes, Place};
use super::read::{Beside, Fields, with_suggestion};
use super::units::Duration;
use super::yaml::{self, Node};
use super::{Config, Meaning, Need};
use crate::plan::{Amount, GateTimes, Limits, Order, Plan, is_target_name, order};
use fields::{GATE, LIMITS, PLAN};
use std::collections::BTreeSet;

/// A plan file that was found good.
#[derive(Debug, Clone)]
pub struct PlanFile {
    /// What it says.
    pub plan: Plan,
    /// The order of a run of it.
    pub order: Order,
    /// What each of its steps does, in the order of the file.
    pub specs: Vec<StepSpecs>,
    file: String,
    /// Where each of the plan's signals is named.
    signals_at: Vec<Place>,
    /// Where each of its steps is named.
    steps_at: Vec<Place>,
    /// Where it says how long the slow layer watches after the last batch.
    watch_after_at: Place,
}

impl PlanFile {
    /// Reads `text`, the content of the file that messages call `file`. An inventory that is elsewhere comes from
    /// `supply`.
    ///
    /// What another file says is not looked up here: whether there are such signals, and whether a config allows the
    /// kinds of its actions. See [`PlanFile::against`].
    ///
    /// # Errors
    /// Every mistake in the file, in the order of the places, and behind them those in the inventory's file. A text
    /// that is not YAML is one mistake.
    pub fn read(file: &str, text: &str, supply: &dyn Supply) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::none(file);
        let plan =
            yaml::read(text, &mut mistakes).and_then(|root| read_root(&root, file, supply, &mut mistakes));
        mistakes.or(plan)
    }

    /// What is allowed but can hardly be meant: a gate that loses its patience before its clean window can be whole.
    pub fn lint(&self) -> Mistakes {
        let mut oddities = Mistakes::none(&self.file);
        for (step, at) in self.plan.steps.iter().zip(&self.steps_at) {
            let GateTimes { clean_before_ms, clean_after_ms, patience_ms } = step.gate;
            let longest = clean_before_ms.max(clean_after_ms).saturating_add(step.settles_ms());
            if patience_ms <= longest {
                let (patience, longest) =
                    (Duration::from_millis(patience_ms), Duration::from_millis(longest));
                let expected = if step.settles_ms() > 0 { " behind what it expects" } else { "" };
                let message = format!(
                    "step {:?} pauses although all is clean: its patience is {patience}, and its clean window{expected} {longest}",
                    step.name
                );
                oddities.add(*at, message);
            }
        }
        oddities
    }

    /// What does not fit to `config`: signals that it does not have, labels of the inventory that one of the plan's
    /// signals stands for and that no target has, and kinds of actions that it does not allow. A plan with any of
    /// these must not be run with it.
    pub fn against(&self, config: &Config) -> Mistakes {
        let mut mistakes = Mistakes::none(&self.file);
        let known: Vec<&str> = config.signals.iter().map(|signal| signal.name.as_str()).collect();
        let labels = self.plan.inventory.labels();
        for (name, at) in self.plan.signals.iter().zip(&self.signals_at) {
            let Some(signal) = config.signal(name) else {
                let allowed = format!("allowed is one of {}", known.join(", "));
                mistakes.add(*at, with_suggestion(&format!("signal is {name:?}"), name, &known, &allowed));
                continue;
            };
            for (label, meaning) in &signal.labels {
                if let Meaning::Label(of) = meaning
                    && !labels.contains(of.as_str())
                {
                    let message = format!(
                        "signal {name:?} takes its label {label:?} for {of:?} of the inventory, which no target has"
                    );
                    mistakes.add(*at, message);
                }
            }
        }
        let is_slow = |name: &String| config.signal(name).is_some_and(|signal| signal.slow.is_some());
        if self.plan.watch_after_ms > 0 && !self.plan.signals.iter().any(is_slow) {
            let message =
                "watch_after is given, but no signal of the plan has a `slow` rule: nobody would watch";
            mistakes.add(self.watch_after_at, message);
        }
        for (step, specs) in self.plan.steps.iter().zip(&self.specs) {
            for (call, spec) in specs.with_calls(step).filter(|(_, spec)| !spec.is_within(config.actions)) {
                let (kind, (line, column)) = (spec.entry().kind, call.at);
                let message =
                    format!("kind is {kind:?}, which the config allows by `actions: {{{kind}: true}}` alone");
                mistakes.add(Place { line, column }, message);
            }
        }
        mistakes
    }
}

/// Whether `text` is rather a plan than a config, by its keys; a text that is not YAML is none.
pub fn is_plan_text(text: &str) -> bool {
    yaml::read(text, &mut Mistakes::none("")).is_some_and(|root| is_plan(&root))
}

/// Whether more of its keys are those of a plan than of a config.
pub(super) fn is_plan(root: &Node) -> bool {
    let has = |keys: &[&str]| keys.iter().filter(|key| root.get(key).is_some()).count();
    let signals = root.get("signals").is_some_and(|signals| signals.map().is_some());
    has(&["plan", "inventory", "steps"])
        > has(&["state", "sources", "actions", "sinks", "api"]) + usize::from(signals)
}

fn read_root(root: &Node, file: &str, supply: &dyn Supply, mistakes: &mut Mistakes) -> Option<PlanFile> {
    if root.map().is_some() && !is_plan(root) && root.get("signals").is_some() {
        mistakes.add(root.at, "this is a config (it has no key \"plan\"), allowed is a plan");
        return None;
    }
    let fields = Fields::open(root, root.at, &PLAN, Beside::Options(&[]), mistakes)?;
    let name = name(&fields, "plan", mistakes).unwrap_or_default();
    let (inventory, whole) = inventory::read(&fields, supply, mistakes);
    let (signals, signals_at) = signals(&fields, mistakes);
    let gate = gate(&fields, mistakes);
    let max_failed = fields.parsed::<Amount>("max_failed", mistakes);
    let limits = limits(&fields, mistakes);
    let windows = fields
        .inner("windows", &fields::WINDOWS, mistakes)
        .and_then(|fields| windows::read(&fields, mistakes));
    let watch_after_ms = fields.duration("watch_after", mistakes).unwrap_or_default();
    let watch_after_at = fields.node("watch_after").map_or(root.at, |node| node.at);
    let read = steps::read(&fields, gate, mistakes);
    // one for each step, where nothing is mistaken
    let specs = read.iter().filter_map(|read| read.specs.clone()).collect();
    let (steps, places): (Vec<_>, Vec<_>) = read.into_iter().map(|read| (read.step, read.places)).unzip();
    let steps_at = places.iter().map(|places| places.name).collect();
    // what is mistaken has something else in its place; such a plan is looked through, and never handed out
    let plan = Plan { name, inventory, signals, gate, max_failed, limits, windows, watch_after_ms, steps };
    check::check(&plan, places, whole, mistakes);
    if !mistakes.list().is_empty() {
        return None;
    }
    match order(&plan) {
        Ok(order) => {
            let file = file.to_owned();
            Some(PlanFile { plan, order, specs, file, signals_at, steps_at, watch_after_at })
        }
        Err(error) => {
            mistakes.add(root.at, error.to_string());
            None
        }
    }
}

/// The name at `key`, which may look like a number.
fn name(fields: &Fields<'_>, key: &str, mistakes: &mut Mistakes) -> Option<String> {
    let node = fields.node(key)?;
    let name = node.scalar().filter(|name| is_target_name(name)).map(str::to_owned);
    fields.or_wrong(key, node, name, mistakes)
}

/// The texts of the list at `key`, each with its place; what is no text is a mistake, and so is what comes twice.
fn texts(fields: &Fields<'_>, key: &str, mistakes: &mut Mistakes) -> Option<Vec<(String, Place)>> {
    let items = fields.list(key, mistakes)?;
    let mut texts: Vec<(String, Place)> = Vec::new();
    for item in items {
        match item.scalar() {
            Some(text) => texts.push((text.to_owned(), item.at)),
            None => mistakes.add(item.at, format!("{key} has {}, allowed is text", item.found())),
        }
    }
    Some(texts)
}

/// Notes what comes twice in the list at `key`.
fn refuse_twice(key: &str, texts: &[(String, Place)], mistakes: &mut Mistakes) {
    let mut seen = BTreeSet::new();
    for (text, at) in texts.iter().filter(|(text, _)| !seen.insert(text.as_str())) {
        mistakes.add(*at, format!("{key} has {text:?} twice"));
    }
}

fn signals(fields: &Fields<'_>, mistakes: &mut Mistakes) -> (Vec<String>, Vec<Place>) {
    let Some(signals) = texts(fields, "signals", mistakes) else { return (Vec::new(), Vec::new()) };
    refuse_twice("signals", &signals, mistakes);
    if let Some(node) = fields.node("signals").filter(|node| node.list().is_some_and(<[Node]>::is_empty)) {
        fields.or_wrong::<()>("signals", node, None, mistakes);
    }
    signals.into_iter().unzip()
}

/// The plan's gate; its defaults where it is left out.
fn gate(fields: &Fields<'_>, mistakes: &mut Mistakes) -> GateTimes {
    let default = |name: &str| match GATE.field(name).map(|field| field.need) {
        Some(Need::Default(text)) => text.parse().map_or(0, Duration::as_millis),
        _ => 0,
    };
    let defaults = GateTimes {
        clean_before_ms: default("clean_before"),
        clean_after_ms: default("clean_after"),
        patience_ms: default("patience"),
    };
    fields.inner("gate", &GATE, mistakes).map_or(defaults, |own| gate_times(&own, defaults, mistakes))
}

/// The times that `fields` names, and `others` where it does not.
fn gate_times(fields: &Fields<'_>, others: GateTimes, mistakes: &mut Mistakes) -> GateTimes {
    let mut time = |name, other| {
        let given = fields.node(name).and_then(|_| fields.duration(name, mistakes));
        given.unwrap_or(other)
    };
    GateTimes {
        clean_before_ms: time("clean_before", others.clean_before_ms),
        clean_after_ms: time("clean_after", others.clean_after_ms),
        patience_ms: time("patience", others.patience_ms),
    }
}

fn limits(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Limits {
    let Some(own) = fields.inner("limits", &LIMITS, mistakes) else { return Limits::default() };
    Limits { in_flight: own.count("in_flight", mistakes), steps: own.count("steps", mistakes) }
}

#[cfg(test)]
mod tests;
