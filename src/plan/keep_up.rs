//! Keep-up rules: how many members of a shared-fate group must stay untouched while others are worked on.

use super::{Amount, Plan};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Of the targets with the same value of a label so many must stay untouched. Targets without the label are free.
#[derive(Debug, Clone, PartialEq)]
pub struct KeepUp {
    /// The label whose values make the groups: a VIP, a rack.
    pub label: String,
    /// How many members must stay; a share is one of the members that the inventory has, rounded up.
    pub min: Amount,
}

/// A group of which too few members would stay untouched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// The label of the group.
    pub label: String,
    /// Its value.
    pub value: String,
    /// How many members the group has.
    pub members: usize,
    /// How many of them must stay untouched.
    pub min: usize,
    /// How many would be at work or down.
    pub touched: usize,
}

/// `vip=v1 has 4 members, of which 2 must stay untouched; 3 would not`
impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, value, members, min, touched } = self;
        let plural = if *members == 1 { "" } else { "s" };
        write!(
            f,
            "{label}={value} has {members} member{plural}, of which {min} must stay untouched; {touched} would not"
        )
    }
}

impl std::error::Error for Shortage {}

/// Whether the keep-up rules of `step` allow to work on the targets `more` while the targets `busy` are at work, held
/// or down, all by their indices in the inventory. Only groups that `more` belongs to are looked at: what is short
/// already elsewhere is not made worse. Where several steps are at work it is asked for each of them, since each of
/// their rules must hold for all targets. A step that is not there has no rules.
///
/// # Errors
/// The first group, in the order of the rules and of the values, of which too few members would stay.
pub fn kept_up(plan: &Plan, step: usize, busy: &BTreeSet<usize>, more: &[usize]) -> Result<(), Shortage> {
    let groups = Groups::of(plan, step);
    let asked: BTreeSet<usize> = more.iter().flat_map(|target| groups.of_target(*target)).copied().collect();
    let touched: BTreeSet<usize> = busy.iter().chain(more).copied().collect();
    for group in asked.into_iter().map(|group| &groups.all[group]) {
        let count = group.members.iter().filter(|member| touched.contains(member)).count();
        if count > group.allowed() {
            return Err(group.shortage(count));
        }
    }
    Ok(())
}

/// The groups of which not even one of the targets of `step` could be worked on: no batch can keep these rules.
pub fn never_kept_up(plan: &Plan, step: usize) -> Vec<Shortage> {
    let groups = Groups::of(plan, step);
    let chosen = plan.chosen(step);
    let asked: BTreeSet<usize> =
        chosen.iter().flat_map(|target| groups.of_target(*target)).copied().collect();
    let groups = asked.into_iter().map(|group| &groups.all[group]);
    groups.filter(|group| group.allowed() == 0).map(|group| group.shortage(1)).collect()
}

/// Every group of every keep-up rule of a step.
#[derive(Debug)]
pub(super) struct Groups {
    /// In the order of the rules, then of the values.
    pub(super) all: Vec<Group>,
    /// For each target of the inventory, the groups it is in.
    of: Vec<Vec<usize>>,
}

/// The targets with the same value of a label.
#[derive(Debug)]
pub(super) struct Group {
    /// Which of the step's rules.
    pub(super) rule: usize,
    pub(super) label: String,
    pub(super) value: String,
    pub(super) members: Vec<usize>,
    pub(super) min: usize,
}

impl Groups {
    pub(super) fn of(plan: &Plan, step: usize) -> Self {
        let targets = &plan.inventory.targets;
        let mut groups = Self { all: Vec::new(), of: vec![Vec::new(); targets.len()] };
        let rules = plan.steps.get(step).map_or(&[][..], |step| step.keep_up.as_slice());
        for (rule, KeepUp { label, min }) in rules.iter().enumerate() {
            let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
            for (i, target) in targets.iter().enumerate() {
                if let Some(value) = target.label(label) {
                    members.entry(value).or_default().push(i);
                }
            }
            for (value, members) in members {
                for member in &members {
                    groups.of[*member].push(groups.all.len());
                }
                let min = min.at_least_of(members.len());
                groups.all.push(Group { rule, label: label.clone(), value: value.to_owned(), members, min });
            }
        }
        groups
    }

    /// The groups that `target` is in; none where there is no such target.
    pub(super) fn of_target(&self, target: usize) -> &[usize] {
        self.of.get(target).map_or(&[], Vec::as_slice)
    }
}

impl Group {
    /// How many members may be worked on at once.
    pub(super) fn allowed(&self) -> usize {
        self.members.len().saturating_sub(self.min)
    }

    fn shortage(&self, touched: usize) -> Shortage {
        let Self { label, value, members, min, .. } = self;
        Shortage { label: label.clone(), value: value.clone(), members: members.len(), min: *min, touched }
    }
}
