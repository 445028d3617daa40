//! The edges between steps: an order in which each comes after those it waits for, or the cycles that forbid one.

use std::collections::BTreeMap;

/// A step by its name, and the names of those it waits for.
pub type Edges<'a> = (&'a str, &'a [String]);

/// Every group of steps that wait for each other in a circle, by their indices: each waits for the next, and the last
/// for the first. Steps that are waited for and that are not there are passed over.
pub fn cycles(steps: &[Edges<'_>]) -> Vec<Vec<usize>> {
    sorted(steps).1
}

/// The steps so that each comes after those it waits for, and otherwise in the order of the file; and every cycle,
/// whose steps are in the list as if they did not wait for each other.
pub(super) fn sorted(steps: &[Edges<'_>]) -> (Vec<usize>, Vec<Vec<usize>>) {
    // the first of that name, where a mistaken plan has it twice
    let index: BTreeMap<&str, usize> =
        steps.iter().enumerate().rev().map(|(i, (name, _))| (*name, i)).collect();
    let waits: Vec<Vec<usize>> = steps
        .iter()
        .map(|(_, after)| after.iter().filter_map(|name| index.get(name.as_str()).copied()).collect())
        .collect();
    let mut placed = vec![false; steps.len()];
    let (mut order, mut cycles) = (Vec::with_capacity(steps.len()), Vec::new());
    while order.len() < steps.len() {
        let ready = |i: &usize| !placed[*i] && waits[*i].iter().all(|before| placed[*before]);
        let next = (0..steps.len()).find(ready);
        let Some(next) = next else {
            let cycle = cycle(&waits, &placed);
            for step in &cycle {
                placed[*step] = true;
            }
            order.extend_from_slice(&cycle);
            cycles.push(cycle);
            continue;
        };
        placed[next] = true;
        order.push(next);
    }
    (order, cycles)
}

/// A cycle among the steps that are not placed, each of which waits for another one of them: whoever walks along
/// comes back sooner or later. It begins with its first step in the order of the file.
fn cycle(waits: &[Vec<usize>], placed: &[bool]) -> Vec<usize> {
    let mut walked: Vec<usize> = Vec::new();
    let mut at = (0..waits.len()).find(|step| !placed[*step]);
    while let Some(step) = at {
        if let Some(start) = walked.iter().position(|known| *known == step) {
            let mut cycle = walked.split_off(start);
            let first = (0..cycle.len()).min_by_key(|i| cycle[*i]).unwrap_or(0);
            cycle.rotate_left(first);
            return cycle;
        }
        walked.push(step);
        at = waits[step].iter().copied().find(|before| !placed[*before]);
    }
    walked
}
