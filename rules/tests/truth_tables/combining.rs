//! What the rules make of the verdicts on one cell.

use crate::table::{Grid, VERDICTS, combine, hold, hold_lines, letter, rule, towards};
use quietgate_detectors::{OptionValue, Reason, Verdict};
use quietgate_rules::Direction;

const TWO: &[&str] = &["ss", "ls"];
const THREE: &[&str] = &["ss", "ls", "ewma3sigma"];
const FIVE: &[&str] = &["ss", "ls", "ewma3sigma", "chain", "ca"];

/// Where both fired and the ways differ, the first decides.
const ANY: Grid = Grid([
    "  n s d u", //
    "n n s d u",
    "s s s s s",
    "d d d d d",
    "u u s d u",
]);

const ALL: Grid = Grid([
    "  n s d u", //
    "n n n n n",
    "s n s s u",
    "d n d d u",
    "u n u u u",
]);

const MAJORITY: Grid = Grid([
    "  n s d u", //
    "n n n n u",
    "s n s s u",
    "d n d d u",
    "u u u u u",
]);

/// An unknown verdict does not vote.
const OR: Grid = Grid([
    "  n s d u", //
    "n n s d n",
    "s s s s s",
    "d d d d d",
    "u n s d u",
]);

/// An unknown verdict does not vote.
const AND: Grid = Grid([
    "  n s d u", //
    "n n n n n",
    "s n s s s",
    "d n d d d",
    "u n s d u",
]);

fn word(name: &'static str, word: &str) -> (&'static str, OptionValue) {
    (name, OptionValue::Word(word.to_owned()))
}

fn at_least(count: f64, detectors: &[&str]) -> quietgate_rules::RuleSpec {
    rule("at_least", &[("count", OptionValue::Number(count))], detectors)
}

#[test]
fn any_of_two() {
    hold(&rule("any", &[], TWO), &ANY);
    hold(&at_least(1.0, TWO), &ANY);
}

#[test]
fn all_of_two() {
    hold(&rule("all", &[], TWO), &ALL);
    hold(&at_least(2.0, TWO), &ALL);
}

#[test]
fn majority_of_two() {
    hold(&rule("majority", &[], TWO), &MAJORITY);
}

/// By the first verdict, what the second and third make.
fn hold_three(rule: &quietgate_rules::RuleSpec, grids: &[(Verdict, Grid); 4]) {
    for (first, grid) in grids {
        for second in VERDICTS {
            for third in VERDICTS {
                let got = combine(rule, &[*first, second, third], false);
                let expected = grid.at(second, third);
                assert_eq!(letter(got), letter(expected), "{rule}: {first}, {second}, {third}");
            }
        }
    }
}

#[test]
fn at_least_two_of_three() {
    let first_normal = Grid([
        "  n s d u", //
        "n n n n n",
        "s n s s u",
        "d n d d u",
        "u n u u u",
    ]);
    let first_surge = Grid([
        "  n s d u", //
        "n n s s u",
        "s s s s s",
        "d s s d s",
        "u u s s u",
    ]);
    let first_drop = Grid([
        "  n s d u", //
        "n n d d u",
        "s d s d d",
        "d d d d d",
        "u u d d u",
    ]);
    let first_unknown = Grid([
        "  n s d u", //
        "n n u u u",
        "s u s s u",
        "d u d d u",
        "u u u u u",
    ]);
    let unknown = Verdict::Unknown(Reason::NoData);
    let grids = [
        (Verdict::Normal, first_normal),
        (Verdict::Surge, first_surge),
        (Verdict::Drop, first_drop),
        (unknown, first_unknown),
    ];
    hold_three(&at_least(2.0, THREE), &grids);
}

#[test]
fn majority_of_three() {
    let first_normal = Grid([
        "  n s d u", //
        "n n n n n",
        "s n s s n",
        "d n d d n",
        "u n n n u",
    ]);
    let first_surge = Grid([
        "  n s d u", //
        "n n s s n",
        "s s s s s",
        "d s s d s",
        "u n s s u",
    ]);
    let first_drop = Grid([
        "  n s d u", //
        "n n d d n",
        "s d s d d",
        "d d d d d",
        "u n d d u",
    ]);
    let grids = [
        (Verdict::Normal, first_normal),
        (Verdict::Surge, first_surge),
        (Verdict::Drop, first_drop),
        // one that does not vote leaves a majority of two
        (Verdict::Unknown(Reason::Partial), MAJORITY),
    ];
    hold_three(&rule("majority", &[], THREE), &grids);
}

#[test]
fn majority_of_five() {
    hold_lines(
        &rule("majority", &[], FIVE),
        true,
        &[
            "n n n n n -> n",
            "s n n n n -> n",
            "s s n n n -> n",
            "s s s n n -> s",
            "d s n s n -> s",
            "d s d n n -> d",
            // half is not a majority
            "s s n n u -> n",
            "s s s n u -> s",
            "s n n u u -> n",
            "s s n u u -> s",
            "s n u u u -> n",
            "s d u u u -> s",
            "u u u d s -> d",
            // the first that fired decides a tie, not the first that votes
            "n d s d s -> d",
            "n s d d s -> s",
            "n n u u u -> n",
            "s u u u u -> u",
            "u u u u n -> u",
            "u u u u u -> u",
        ],
    );
}

#[test]
fn by_period_over_all_verdicts_of_four() {
    for (group, grid) in [("or", OR), ("and", AND)] {
        let rule = rule("by_period", &[word("group", group)], &["ss", "ls", "chain", "ca"]);
        for periodic in [false, true] {
            for code in 0..256_usize {
                let [ss, ls, chain, ca] = [6, 4, 2, 0].map(|shift| VERDICTS[code >> shift & 3]);
                // where no seasonal detector has a verdict yet, the others judge
                let seasonal = periodic && !(chain.is_unknown() && ca.is_unknown());
                let expected = if seasonal { grid.at(chain, ca) } else { grid.at(ss, ls) };
                let got = combine(&rule, &[ss, ls, chain, ca], periodic);
                let case = format!("{group}, periodic {periodic}: {ss}, {ls}, {chain}, {ca}");
                assert_eq!(letter(got), letter(expected), "{case}");
            }
        }
    }
}

#[test]
fn by_period_takes_its_groups_from_the_table_of_detectors() {
    let rule = rule("by_period", &[], &["ca", "ss", "chain", "ewma3sigma"]);
    hold_lines(&rule, false, &["s n s n -> n", "n s n n -> s", "u n u d -> d", "s u s u -> u"]);
    hold_lines(
        &rule,
        true,
        &["s n s n -> s", "n s n s -> n", "u s d n -> d", "u d u u -> d", "u u u u -> u"],
    );
}

#[test]
fn a_direction_makes_the_other_way_normal() {
    let up = towards(Direction::Up, "any", &[], TWO).expect("a rule");
    let any_up = [
        "  n s d u", //
        "n n s n u",
        "s s s s s",
        "d n s n u",
        "u u s u u",
    ];
    hold(&up, &Grid(any_up));
    let down = towards(Direction::Down, "all", &[], TWO).expect("a rule");
    let all_down = [
        "  n s d u", //
        "n n n n n",
        "s n n n n",
        "d n n d u",
        "u n n u u",
    ];
    hold(&down, &Grid(all_down));
}

#[test]
fn a_direction_is_heeded_before_the_votes_are_counted() {
    let of = |direction| towards(direction, "majority", &[], FIVE).expect("a rule");
    hold_lines(
        &of(Direction::Up),
        false,
        &["s s s n n -> s", "s s d n u -> n", "d d d d d -> n", "s s d u u -> s"],
    );
    hold_lines(
        &of(Direction::Down),
        false,
        &["d d d n n -> d", "d d s s u -> n", "s s s s s -> n", "d u u u u -> u"],
    );
    let by_period = |direction| towards(direction, "by_period", &[], &[]).expect("a rule");
    hold_lines(
        &by_period(Direction::Up),
        true,
        &["n n d d -> n", "n n s d -> s", "s n d u -> n", "s n u u -> s"],
    );
}

#[test]
fn the_reason_of_an_unknown_outcome_is_that_of_the_first_detector_without_a_verdict() {
    let [partial, warming] = [Reason::Partial, Reason::WarmingUp].map(Verdict::Unknown);
    let any = rule("any", &[], THREE);
    assert_eq!(combine(&any, &[Verdict::Normal, partial, warming], false), partial);
    assert_eq!(combine(&any, &[warming, partial, Verdict::Normal], false), warming);
    let by_period = rule("by_period", &[], &["ss", "ls", "chain", "ca"]);
    let conflict = Verdict::Unknown(Reason::Conflicting);
    // the group that judged is asked for its reason
    assert_eq!(combine(&by_period, &[partial, warming, conflict, conflict], true), partial);
    assert_eq!(combine(&by_period, &[partial, warming, Verdict::Normal, conflict], false), partial);
}
