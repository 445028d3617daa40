//! What can be wrong with a plan whose parts are all well written: steps, labels and targets that are not there,
//! cycles, rules that cannot be kept, an undo that is missing, actions that some targets have not the labels for.

use super::calls::LabelAt;
use super::steps::Places;
use crate::config::mistakes::{Mistakes, Place};
use crate::config::read::with_suggestion;
use crate::plan::{ADDRESS, NAME, OnAnomaly, Plan, Selector, Target, cycles, in_circle, never_kept_up};
use std::collections::{BTreeMap, BTreeSet};

/// Notes what is wrong with `plan`, whose steps stand at `places`. Where the inventory is not `whole` because of
/// mistakes in it, nothing is said that more targets could change.
pub(super) fn check(plan: &Plan, places: Vec<Places>, whole: bool, mistakes: &mut Mistakes) {
    edges(plan, &places, mistakes);
    for (i, (step, places)) in plan.steps.iter().zip(&places).enumerate() {
        if step.on_anomaly == OnAnomaly::Rollback && !places.has_undo {
            let message = "on_anomaly is rollback, but the step has no undo to roll back with";
            mistakes.add(places.on_anomaly, message);
        }
        expected(plan, places, mistakes);
        if plan.inventory.targets.is_empty() {
            continue;
        }
        labels(plan, &step.targets, places.targets, mistakes);
        for (rule, at) in step.keep_up.iter().zip(&places.keep_up) {
            known_label(plan, "keep_up", &rule.label, *at, mistakes);
        }
        if whole {
            names(plan, &step.targets, places.targets, mistakes);
            members(plan, i, places, mistakes);
            filled(plan, i, places, mistakes);
        }
    }
}

/// Notes each signal that a step expects to move and that is none of the plan's: nobody looks at it.
fn expected(plan: &Plan, places: &Places, mistakes: &mut Mistakes) {
    let known: Vec<&str> = plan.signals.iter().map(String::as_str).collect();
    for (signal, at) in places.expects.iter().filter(|(signal, _)| !plan.signals.contains(signal)) {
        let allowed = format!("allowed is one of {}", known.join(", "));
        let what = format!("expects names {signal:?}, which is no signal of the plan");
        mistakes.add(*at, with_suggestion(&what, signal, &known, &allowed));
    }
}

/// Names given twice, names of no step, and cycles.
fn edges(plan: &Plan, places: &[Places], mistakes: &mut Mistakes) {
    let mut first: BTreeMap<&str, Place> = BTreeMap::new();
    for (step, places) in plan.steps.iter().zip(places).filter(|(step, _)| !step.name.is_empty()) {
        let earlier = first.get(step.name.as_str()).copied();
        match earlier {
            Some(earlier) => {
                let (name, line) = (&step.name, earlier.line);
                mistakes.add(places.name, format!("step {name:?} is given twice, first in line {line}"));
            }
            None => {
                first.insert(&step.name, places.name);
            }
        }
    }
    let known: Vec<&str> = first.keys().copied().collect();
    for (step, places) in plan.steps.iter().zip(places) {
        for (name, at) in step.after.iter().zip(&places.after) {
            if !first.contains_key(name.as_str()) {
                let allowed = format!("allowed is one of {}", known.join(", "));
                mistakes.add(*at, with_suggestion(&format!("after has {name:?}"), name, &known, &allowed));
            }
        }
    }
    let edges: Vec<_> = plan.steps.iter().map(|step| (step.name.as_str(), step.after.as_slice())).collect();
    for cycle in cycles(&edges) {
        let names = cycle.iter().map(|step| plan.steps[*step].name.as_str());
        let at = cycle.first().map_or(Place::START, |step| places[*step].name);
        mistakes.add(at, format!("steps wait for each other in a circle: {}", in_circle(names)));
    }
}

/// Notes each label of `selector` that no target has.
fn labels(plan: &Plan, selector: &Selector, at: Place, mistakes: &mut Mistakes) {
    for requirement in &selector.requirements {
        known_label(plan, "targets", &requirement.label, at, mistakes);
    }
}

fn known_label(plan: &Plan, key: &str, label: &str, at: Place, mistakes: &mut Mistakes) {
    let known: Vec<&str> = plan.inventory.labels().into_iter().collect();
    if !known.contains(&label) {
        let what = format!("{key} asks for the label {label:?}, which no target has");
        let allowed = format!("allowed is one of {}", known.join(", "));
        mistakes.add(at, with_suggestion(&what, label, &known, &allowed));
    }
}

/// Notes each target that `selector` names and that is not there, and a selector that chooses none.
fn names(plan: &Plan, selector: &Selector, at: Place, mistakes: &mut Mistakes) {
    let inventory = &plan.inventory;
    let by_name = selector.requirements.iter().filter(|requirement| requirement.label == NAME);
    let named = by_name.flat_map(|requirement| requirement.values());
    let absent: Vec<&String> = named.filter(|name| inventory.find(name).is_none()).collect();
    for name in &absent {
        let known: Vec<&str> = inventory.targets.iter().map(|target| target.name.as_str()).collect();
        let count = known.len();
        let allowed = format!("allowed is one of the {count} names of the inventory");
        mistakes.add(
            at,
            with_suggestion(&format!("targets names {name:?}, which is no target"), name, &known, &allowed),
        );
    }
    let labels = inventory.labels();
    let all_known = selector.requirements.iter().all(|one| labels.contains(one.label.as_str()));
    if absent.is_empty() && all_known && !inventory.targets.iter().any(|target| selector.matches(target)) {
        let count = inventory.targets.len();
        mistakes.add(at, format!("targets is \"{selector}\", which none of the {count} targets meets"));
    }
}

/// The groups that no batch can keep up: as many as help to see what is wrong.
const GROUPS_MAX: usize = 3;

/// Notes the keep-up rules of the step of that index which no batch can satisfy.
fn members(plan: &Plan, step: usize, places: &Places, mistakes: &mut Mistakes) {
    let never = never_kept_up(plan, step);
    for (rule, at) in plan.steps[step].keep_up.iter().zip(&places.keep_up) {
        let of_rule: Vec<_> = never.iter().filter(|group| group.label == rule.label).collect();
        for group in of_rule.iter().take(GROUPS_MAX) {
            mistakes.add(*at, format!("no batch can satisfy this keep_up: {group}"));
        }
        if of_rule.len() > GROUPS_MAX {
            let more = of_rule.len() - GROUPS_MAX;
            mistakes.add(
                *at,
                format!("no batch can satisfy this keep_up for {more} more values of {:?}", rule.label),
            );
        }
    }
}

/// The targets that are named in one message: as many as help to see what they have in common.
const NAMED_MAX: usize = 5;

/// Notes each label that the calls of the step of that index take from its targets and that some of these do not have.
fn filled(plan: &Plan, step: usize, places: &Places, mistakes: &mut Mistakes) {
    let targets: Vec<&Target> = plan.chosen(step).into_iter().map(|i| &plan.inventory.targets[i]).collect();
    for LabelAt { label, setting, at } in &places.labels {
        let without: Vec<&str> = targets
            .iter()
            .filter(|target| !target.labels.contains_key(label))
            .map(|target| target.name.as_str())
            .collect();
        if without.is_empty() {
            continue;
        }
        let what = format!("{setting} has ${{label.{label}}}, which");
        let message = if without.len() == targets.len() {
            nowhere(&what, label, &targets)
        } else {
            let named = without[..without.len().min(NAMED_MAX)].join(", ");
            let more = match without.len().saturating_sub(NAMED_MAX) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let (count, all) = (without.len(), targets.len());
            format!("{what} {count} of the step's {all} targets do not have: {named}{more}")
        };
        mistakes.add(*at, message);
    }
}

/// The words for a label that none of `targets` has.
fn nowhere(what: &str, label: &str, targets: &[&Target]) -> String {
    let what = format!("{what} no target of the step has");
    let known: BTreeSet<&str> =
        targets.iter().flat_map(|target| target.labels.keys().map(String::as_str)).collect();
    let known: Vec<&str> = known.into_iter().collect();
    match label {
        NAME => format!("{what}, did you mean ${{target}}?"),
        ADDRESS => format!("{what}, did you mean ${{address}}?"),
        _ if known.is_empty() => format!("{what}: they have no labels"),
        _ => with_suggestion(&what, label, &known, &format!("allowed is one of {}", known.join(", "))),
    }
}
