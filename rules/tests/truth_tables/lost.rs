//! What may come of a vote that is lost: over all patterns of four votes.

use crate::table::{VERDICTS, combine, rule};
use quietgate_detectors::{OptionValue, Reason, Verdict};
use quietgate_rules::RuleSpec;

const FOUR: &[&str] = &["ss", "ls", "chain", "ca"];

fn at_least(count: f64) -> RuleSpec {
    rule("at_least", &[("count", OptionValue::Number(count))], FOUR)
}

/// The rules that ask what an unknown verdict could still decide.
fn three_valued() -> Vec<RuleSpec> {
    vec![rule("any", &[], FOUR), rule("all", &[], FOUR), at_least(2.0), at_least(3.0)]
}

/// The rules for which an unknown verdict does not vote.
fn by_those_that_vote() -> Vec<RuleSpec> {
    let group = |word: &str| rule("by_period", &[("group", OptionValue::Word(word.to_owned()))], FOUR);
    vec![rule("majority", &[], FOUR), group("or"), group("and")]
}

/// What `rule` makes of four votes, and of the same with one of them lost: for all votes.
fn lose_votes(rule: &RuleSpec, mut hold: impl FnMut(Verdict, Verdict, [Verdict; 4])) {
    for code in 0..256_usize {
        let votes = [6, 4, 2, 0].map(|shift| VERDICTS[code >> shift & 3]);
        for (periodic, lost) in
            [false, true].into_iter().flat_map(|periodic| (0..4).map(move |i| (periodic, i)))
        {
            let mut fewer = votes;
            fewer[lost] = Verdict::Unknown(Reason::NoData);
            hold(combine(rule, &votes, periodic), combine(rule, &fewer, periodic), votes);
        }
    }
}

#[test]
fn a_lost_vote_makes_nothing_known() {
    for rule in three_valued().into_iter().chain(by_those_that_vote()) {
        lose_votes(&rule, |whole, less, votes| {
            assert!(!whole.is_unknown() || less.is_unknown(), "{rule}: {votes:?} became {less}");
        });
    }
}

#[test]
fn in_three_values_a_lost_vote_turns_nothing_around() {
    for rule in three_valued() {
        lose_votes(&rule, |whole, less, votes| {
            let same = less.is_unknown() || whole.fired() == less.fired();
            assert!(same, "{rule}: {votes:?} went from {whole} to {less}");
        });
    }
}
