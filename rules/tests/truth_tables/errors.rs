//! An unknown word is an error that names what is allowed, and never a default.

use crate::table::{rule, towards};
use quietgate_detectors::{OptionValue, Spec, find};
use quietgate_rules::{Direction, RuleSpec, Sustain, VOTERS_MAX, all};

fn error(kind: &str, options: &[(&str, OptionValue)], detectors: &[&str]) -> String {
    towards(Direction::Either, kind, options, detectors).expect_err("no such rule").to_string()
}

fn word(word: &str) -> OptionValue {
    OptionValue::Word(word.to_owned())
}

#[test]
fn unknown_words_are_refused_by_name() {
    assert_eq!(
        error("majorty", &[], &["ss", "ls"]),
        "unknown rule \"majorty\", expected one of: by_period, majority, any, all, at_least"
    );
    assert_eq!(
        error("by_period", &[("group", word("xor"))], &[]),
        "group is \"xor\", allowed is one of or, and"
    );
    assert_eq!(
        error("by_period", &[("groups", word("or"))], &[]),
        "unknown option \"groups\", expected one of: group, variance"
    );
    assert_eq!(
        error("any", &[("count", OptionValue::Number(1.0))], &["ss"]),
        "unknown option \"count\": this kind has no options"
    );
    assert_eq!(
        "Up".parse::<Direction>().expect_err("words are lowercase").to_string(),
        "direction is \"Up\", allowed is one of up, down, either"
    );
    assert_eq!(
        "two of 3".parse::<Sustain>().expect_err("a number").to_string(),
        "sustain is \"two of 3\", allowed is `K of N` with 1 <= K <= N <= 64"
    );
}

#[test]
fn numbers_out_of_range_are_refused_with_the_range() {
    let count = |n: f64| [("count", OptionValue::Number(n))];
    assert_eq!(error("at_least", &count(0.0), &["ss"]), "count is 0, allowed is a whole number from 1 to 16");
    assert_eq!(
        error("at_least", &count(3.0), &["ss", "ls"]),
        "count is 3, allowed is at most the number of detectors, which is 2"
    );
    assert_eq!(error("at_least", &[], &["ss"]), "count is missing: a whole number from 1 to 16");
    assert_eq!(
        error("by_period", &[("variance", OptionValue::Number(2.1))], &[]),
        "variance is 2.1, allowed is a number from 0 to 2"
    );
}

#[test]
fn rules_and_detectors_that_do_not_go_together_are_refused() {
    for detectors in [&["ss", "ls"][..], &["chain", "ca"]] {
        let message = error("by_period", &[], detectors);
        assert_eq!(message, "by_period needs at least one seasonal detector (chain, ca) and one that is not");
    }
    assert_eq!(
        error("majority", &[], &["ss"]),
        "majority needs at least two detectors: with one it could never judge"
    );
    for kind in ["any", "all"] {
        let message = error(kind, &[], &[]);
        assert_eq!(message, format!("rule {kind} needs its detectors named: detectors: [ss, ls, ...]"));
    }
    let many = ["ss"; VOTERS_MAX + 1];
    assert_eq!(error("any", &[], &many), "the rule has 17 detectors, allowed are at most 16");
}

#[test]
fn the_defaults_of_every_kind_make_a_rule() {
    for entry in all() {
        assert!(entry.summary.chars().count() <= 80, "{}", entry.kind);
        assert!(entry.default_detectors.iter().all(|kind| find(kind).is_some()), "{}", entry.kind);
        if !entry.default_detectors.is_empty() {
            assert_eq!(rule(entry.kind, &[], &[]).detectors().len(), entry.default_detectors.len());
        }
    }
}

#[test]
fn a_rule_tells_what_it_is() {
    let detectors = vec![Spec::new("ss", &[]).expect("a kind"), Spec::new("ls", &[]).expect("a kind")];
    let sustain = "2 of 3".parse().expect("K of N");
    let rule = RuleSpec::new("majority", &[], detectors, Direction::Up, sustain).expect("a rule");
    assert_eq!(rule.to_string(), "majority of ss, ls; sustain 2 of 3; direction up");
}
