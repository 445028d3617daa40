//! A rule at work remembers outcomes: they must be what the rule says when it is asked each time.

use crate::table::{VERDICTS, letter};
use proptest::collection::vec;
use proptest::prelude::*;
use quietgate_detectors::{OptionValue, Options, Reason, Spec, Verdict};
use quietgate_rules::{Direction, Rule, RuleSpec, Sustain, VOTERS_MAX, all, find};

/// Detectors of both sorts, as many as are asked for.
fn detectors(count: usize) -> Vec<Spec> {
    let kinds = ["ss", "chain", "ls", "ca", "ewma3sigma"];
    kinds.into_iter().cycle().take(count).map(|kind| Spec::new(kind, &[]).expect("a kind")).collect()
}

/// Options for `kind`, so that the rule exists for any number of detectors.
fn options(kind: &str, count: usize) -> Vec<(String, OptionValue)> {
    let option = |name: &str, value| vec![(name.to_owned(), value)];
    match kind {
        "at_least" => option("count", OptionValue::Number((count / 2 + 1) as f64)),
        "by_period" => option("group", OptionValue::Word("and".to_owned())),
        _ => Vec::new(),
    }
}

/// The rule itself, without memory, to be asked cell by cell.
fn bare(kind: &str, voters: usize) -> Box<dyn Rule> {
    let entry = find(kind).expect("a kind");
    let options = Options::check(entry.options, &options(kind, voters)).expect("good options");
    (entry.build)(&options, &detectors(voters)).expect("a rule")
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let reason = proptest::sample::select(Reason::ALL.to_vec());
    prop_oneof![4 => proptest::sample::select(VERDICTS.to_vec()), 1 => reason.prop_map(Verdict::Unknown)]
}

/// Runs of cells, each with up to 8 votes and whether the series is periodic there.
fn runs() -> impl Strategy<Value = Vec<(bool, Vec<[Verdict; 8]>)>> {
    let cell = proptest::array::uniform8(verdict());
    vec((any::<bool>(), vec(cell, 0..40)), 1..6)
}

proptest! {
    #[test]
    fn what_is_remembered_is_what_the_rule_says(
        runs in runs(), voters in 2..9_usize, direction in proptest::sample::select(vec![0, 1, 2])
    ) {
        let (direction, _) = Direction::ALL[direction];
        for entry in all() {
            let given = options(entry.kind, voters);
            let spec = RuleSpec::new(entry.kind, &given, detectors(voters), direction, Sustain::ONE);
            let (mut combiner, rule) = (spec.expect("a rule").combiner(), bare(entry.kind, voters));
            for (periodic, cells) in &runs {
                let columns: Vec<Vec<Verdict>> =
                    (0..voters).map(|voter| cells.iter().map(|cell| cell[voter]).collect()).collect();
                let columns: Vec<&[Verdict]> = columns.iter().map(Vec::as_slice).collect();
                let mut out = vec![Verdict::Normal; cells.len()];
                combiner.combine_run(&columns, *periodic, &mut out);
                for (cell, got) in cells.iter().zip(out) {
                    let heeded: Vec<_> = cell[..voters].iter().map(|v| direction.heed(*v)).collect();
                    let expected = rule.combine(&heeded, *periodic);
                    prop_assert_eq!(got, expected, "{} of {:?}", entry.kind, heeded);
                }
            }
        }
    }
}

#[test]
fn as_many_voters_as_are_allowed_can_vote() {
    let spec = RuleSpec::new("any", &[], detectors(VOTERS_MAX), Direction::Either, Sustain::ONE);
    let column = [Verdict::Normal, Verdict::Drop];
    let mut out = [Verdict::Normal; 2];
    spec.expect("a rule").combiner().combine_run(&[&column[..]; VOTERS_MAX], false, &mut out);
    assert_eq!(out.map(letter), ['n', 'd']);
}
