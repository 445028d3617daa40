//! Cuts the targets of a step into batches, as wide and as few as a greedy colouring of its shared-fate groups finds.

use super::Plan;
use super::keep_up::{Group, Groups};
use std::cmp::Reverse;

/// Targets that are worked on together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// By their indices in the inventory, in its order; at least one.
    pub targets: Vec<usize>,
    /// Why there are not more of them.
    pub why: Width,
}

/// Why a batch is as wide as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Width {
    /// It has as many targets as the step's `batch` asks for.
    Size(usize),
    /// It has as many targets as the plan lets be at work at once.
    InFlight(usize),
    /// Each target that is left is in a group of which no more members may be worked on.
    KeepUp(HeldBack),
    /// Nothing was left.
    Rest,
}

/// The group that held most targets back from a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    /// The label of the group.
    pub label: String,
    /// Its value.
    pub value: String,
    /// How many members it has.
    pub members: usize,
    /// How many of them must stay untouched.
    pub min: usize,
    /// How many of them are in the batch.
    pub at_work: usize,
    /// How many targets had to wait for it.
    pub waiting: usize,
}

/// A proved bound: there is no way with fewer batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Least {
    /// So many at least.
    pub batches: usize,
    /// What proves it.
    pub by: LeastBy,
}

/// What proves a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeastBy {
    /// The number of targets, and how many a batch may have.
    Width,
    /// The members of one group that the step acts on, and how many of them may be worked on at once.
    Group {
        /// The label of the group.
        label: String,
        /// Its value.
        value: String,
    },
    /// The groups of one keep-up rule together: how many targets a batch may take from all of them.
    Rule {
        /// The label of the groups.
        label: String,
    },
}

/// The batches of `step`, and how few there could be. Every group of a chosen target must let one be worked on.
pub(super) fn cut(plan: &Plan, step: usize) -> (Vec<Batch>, Least) {
    let cutter = Cutter::new(plan, step);
    let least = cutter.least();
    let in_order = cutter.filled(false);
    if in_order.len() <= least.batches {
        return (in_order, least);
    }
    let by_need = cutter.filled(true);
    (if by_need.len() < in_order.len() { by_need } else { in_order }, least)
}

struct Cutter<'a> {
    chosen: Vec<usize>,
    groups: Groups,
    /// What the step's `batch` asks for; the last repeats.
    sizes: Vec<usize>,
    in_flight: Option<usize>,
    plan: &'a Plan,
}

impl<'a> Cutter<'a> {
    fn new(plan: &'a Plan, step: usize) -> Self {
        let chosen = plan.chosen(step);
        let asked = plan.steps.get(step).map_or(&[][..], |step| step.batch.as_slice());
        // a size of none would never end
        let mut sizes: Vec<_> = asked.iter().map(|amount| amount.at_most_of(chosen.len()).max(1)).collect();
        if sizes.is_empty() {
            sizes.push(1);
        }
        let in_flight = plan.limits.in_flight.map(|limit| (limit as usize).max(1));
        Self { groups: Groups::of(plan, step), chosen, sizes, in_flight, plan }
    }

    /// What the batch of that number may have at most, the first being 0.
    fn width(&self, batch: usize) -> usize {
        let size = self.size(batch);
        self.in_flight.map_or(size, |limit| limit.min(size))
    }

    fn size(&self, batch: usize) -> usize {
        self.sizes[batch.min(self.sizes.len() - 1)]
    }

    /// Batches, each filled until nothing fits. The targets are taken in the order of the inventory or, `by_need`,
    /// those first that are in a group which needs most batches yet.
    fn filled(&self, by_need: bool) -> Vec<Batch> {
        let mut left = self.chosen.clone();
        let mut left_in: Vec<usize> = vec![0; self.groups.all.len()];
        for group in left.iter().flat_map(|target| self.groups.of_target(*target)) {
            left_in[*group] += 1;
        }
        let mut batches = Vec::new();
        while !left.is_empty() {
            if by_need {
                let need = |group: &usize| left_in[*group].div_ceil(self.groups.all[*group].allowed().max(1));
                let most = |target: &usize| self.groups.of_target(*target).iter().map(need).max();
                left.sort_by_cached_key(|target| (Reverse(most(target)), *target));
            }
            let batch = self.fill(&mut left, batches.len());
            for group in batch.targets.iter().flat_map(|target| self.groups.of_target(*target)) {
                left_in[*group] -= 1;
            }
            batches.push(batch);
        }
        batches
    }

    /// Takes the next batch out of `left`.
    fn fill(&self, left: &mut Vec<usize>, number: usize) -> Batch {
        let width = self.width(number);
        let mut used = vec![0_usize; self.groups.all.len()];
        let mut targets = Vec::with_capacity(width.min(left.len()));
        let full = |group: &usize, used: &[usize]| used[*group] >= self.groups.all[*group].allowed();
        left.retain(|target| {
            let of = self.groups.of_target(*target);
            // the first fits anywhere: where its group lets none be worked on there is no order, and this is not asked
            let fits = targets.len() < width && (targets.is_empty() || !of.iter().any(|g| full(g, &used)));
            if fits {
                of.iter().for_each(|group| used[*group] += 1);
                targets.push(*target);
            }
            !fits
        });
        targets.sort_unstable();
        let why = match self.in_flight {
            Some(limit) if targets.len() == width && limit < self.size(number) => Width::InFlight(limit),
            _ if targets.len() == width => Width::Size(width),
            _ => self.held_back(left, &used).map_or(Width::Rest, Width::KeepUp),
        };
        Batch { targets, why }
    }

    /// The full group that most of the targets in `left` are in; none where there are none.
    fn held_back(&self, left: &[usize], used: &[usize]) -> Option<HeldBack> {
        let mut waiting = vec![0_usize; used.len()];
        for group in left.iter().flat_map(|target| self.groups.of_target(*target)) {
            waiting[*group] += usize::from(used[*group] >= self.groups.all[*group].allowed());
        }
        // the first of those that hold back most
        let most = (0..waiting.len()).rev().max_by_key(|group| waiting[*group])?;
        let Group { label, value, members, min, .. } = &self.groups.all[most];
        (waiting[most] > 0).then(|| HeldBack {
            label: label.clone(),
            value: value.clone(),
            members: members.len(),
            min: *min,
            at_work: used[most],
            waiting: waiting[most],
        })
    }

    /// The largest of the bounds there are.
    fn least(&self) -> Least {
        let mut least =
            Least { batches: self.batches_for(self.chosen.len(), usize::MAX), by: LeastBy::Width };
        let mut raise = |batches: usize, by: &dyn Fn() -> LeastBy| {
            if batches > least.batches {
                least = Least { batches, by: by() };
            }
        };
        let mut chosen = vec![false; self.plan.inventory.targets.len()];
        self.chosen.iter().for_each(|target| chosen[*target] = true);
        let mut rules: Vec<(String, usize, usize)> = Vec::new();
        for group in &self.groups.all {
            let count = group.members.iter().filter(|member| chosen[**member]).count();
            raise(self.batches_for(count, group.allowed().max(1)), &|| LeastBy::Group {
                label: group.label.clone(),
                value: group.value.clone(),
            });
            // groups stand rule by rule: what a batch may take from all of this rule's, and how many are in them
            if rules.len() <= group.rule {
                rules.resize(group.rule + 1, (group.label.clone(), 0, 0));
            }
            let (_, at_once, members) = &mut rules[group.rule];
            *at_once += group.allowed().min(count);
            *members += count;
        }
        for (label, at_once, members) in rules {
            raise(self.batches_for(members, at_once.max(1)), &|| LeastBy::Rule { label: label.clone() });
        }
        least
    }

    /// How many batches `count` targets need of which a batch may have `at_once`, at least 1.
    fn batches_for(&self, count: usize, at_once: usize) -> usize {
        let (mut batches, mut rest) = (0, count);
        while rest > 0 {
            rest = rest.saturating_sub(self.width(batches).min(at_once));
            batches += 1;
        }
        batches
    }
}
