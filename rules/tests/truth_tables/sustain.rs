//! When a verdict has lasted long enough.

use crate::table::verdict;
use proptest::collection::vec;
use proptest::prelude::*;
use quietgate_detectors::Verdict;
use quietgate_rules::{Finding, SUSTAIN_MAX, Sustain, Sustained};

fn letter(finding: Finding) -> char {
    match finding {
        Finding::Clean => 'c',
        Finding::Suspect => 's',
        Finding::Anomalous => 'a',
        Finding::Unknown(_) => 'u',
        Finding::Expected => 'e',
    }
}

/// The findings on `verdicts`, a letter a cell: `.` is a cell without a sample, and a letter behind `~` states the
/// newest cell anew.
fn findings(sustain: &str, verdicts: &str) -> String {
    let mut sustained = Sustained::new(sustain.parse().expect("K of N"));
    let (mut out, mut anew) = (String::new(), false);
    for sign in verdicts.chars() {
        match sign {
            '~' => anew = true,
            '.' => {
                sustained.skip(1);
                out.push('.');
            }
            _ if anew => {
                out.pop();
                out.push(letter(sustained.restate(verdict(sign))));
                anew = false;
            }
            _ => out.push(letter(sustained.observe(verdict(sign)))),
        }
    }
    out
}

/// Sustain, verdicts, findings.
const TABLE: &[[&str; 3]] = &[
    ["1 of 1", "nsdun", "caauc"],
    // a cell stays suspect until the last one that fired is out of sight
    ["1 of 3", "nsnnn", "caaac"],
    ["2 of 2", "ssnsd", "sassa"],
    ["2 of 3", "nsnsnnn", "cssassc"],
    ["2 of 3", "snnsnn", "ssssss"],
    ["2 of 3", "snnnn", "ssscc"],
    ["2 of 3", "sdn", "saa"],
    ["3 of 3", "sssns", "ssass"],
    // what has no verdict takes a place, and is never clean
    ["2 of 3", "sus", "sua"],
    ["2 of 3", "suus", "suus"],
    ["2 of 3", "ssu", "sau"],
    ["2 of 3", "ssun", "saus"],
    ["2 of 3", "uuun", "uuuc"],
    ["2 of 2", "sus", "sus"],
    // a cell without a sample takes a place too
    ["2 of 3", "s.s", "s.a"],
    ["2 of 3", "s..s", "s..s"],
    ["2 of 3", "s..n", "s..c"],
    ["2 of 3", "ss.n", "sa.s"],
    ["1 of 1", "s.n", "a.c"],
    // the newest cell stated anew
    ["2 of 3", "ss~n", "ss"],
    ["2 of 3", "ss~u", "su"],
    ["2 of 3", "ss~un", "sus"],
    ["2 of 3", "su~s", "sa"],
    ["2 of 3", "n~sn", "ss"],
    ["1 of 1", "s~u", "u"],
    ["2 of 3", "s~us", "us"],
];

#[test]
fn the_table_of_sustain_holds() {
    for [sustain, verdicts, expected] in TABLE {
        assert_eq!(findings(sustain, verdicts), *expected, "{sustain}: {verdicts}");
    }
}

#[test]
fn unknown_keeps_its_reason() {
    let reason = quietgate_detectors::Reason::Conflicting;
    let mut sustained = Sustained::new(Sustain::ONE);
    assert_eq!(sustained.observe(Verdict::Unknown(reason)), Finding::Unknown(reason));
    assert_eq!(Finding::Unknown(reason).to_string(), "unknown(conflicting)");
}

/// By the words of the definition: how many of the newest `n` cells fired.
fn by_definition(k: u32, n: u32, cells: &[Option<Verdict>]) -> Option<Finding> {
    let newest = (*cells.last()?)?;
    let seen = cells.iter().rev().take(n as usize);
    let fired = seen.flatten().filter(|verdict| verdict.fired()).count();
    Some(match newest {
        Verdict::Unknown(reason) => Finding::Unknown(reason),
        _ if fired == 0 => Finding::Clean,
        _ if fired >= k as usize => Finding::Anomalous,
        _ => Finding::Suspect,
    })
}

proptest! {
    #[test]
    fn sustain_is_what_its_definition_says(
        (k, n) in (1..=SUSTAIN_MAX).prop_flat_map(|n| (1..=n, Just(n))),
        signs in vec(proptest::sample::select(vec!['n', 'n', 'n', 's', 'd', 'u', '.']), 0..200),
        restate in any::<bool>()
    ) {
        let mut sustained = Sustained::new(Sustain::new(k, n).expect("in range"));
        let mut cells = Vec::new();
        for sign in signs {
            if sign == '.' {
                sustained.skip(1);
                cells.push(None);
                continue;
            }
            if restate {
                // stated one way first, then as it stays
                sustained.observe(Verdict::Surge);
            }
            let verdict = verdict(sign);
            cells.push(Some(verdict));
            let got = if restate { sustained.restate(verdict) } else { sustained.observe(verdict) };
            prop_assert_eq!(Some(got), by_definition(k, n, &cells));
        }
    }

    #[test]
    fn a_gap_is_as_many_cells_as_it_has(gap in 0..200_u64, n in 1..=SUSTAIN_MAX) {
        let mut at_once = Sustained::new(Sustain::new(1, n).expect("in range"));
        at_once.observe(Verdict::Surge);
        let mut by_cell = at_once.clone();
        at_once.skip(gap);
        (0..gap).for_each(|_| by_cell.skip(1));
        prop_assert_eq!(at_once.observe(Verdict::Normal), by_cell.observe(Verdict::Normal));
    }
}
