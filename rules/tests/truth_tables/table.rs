//! Letters for verdicts, tables of them, and rules to hold against them.

use quietgate_detectors::{OptionValue, Reason, Spec, Verdict};
use quietgate_rules::{Direction, RuleError, RuleSpec, Sustain};

/// Every verdict a detector may state, as far as a rule can tell them apart.
pub(crate) const VERDICTS: [Verdict; 4] =
    [Verdict::Normal, Verdict::Surge, Verdict::Drop, Verdict::Unknown(Reason::WarmingUp)];

/// The verdict that `letter` stands for.
pub(crate) fn verdict(letter: char) -> Verdict {
    VERDICTS.into_iter().find(|v| self::letter(*v) == letter).unwrap_or_else(|| panic!("{letter:?}"))
}

/// The letter of `verdict`.
pub(crate) fn letter(verdict: Verdict) -> char {
    match verdict {
        Verdict::Normal => 'n',
        Verdict::Surge => 's',
        Verdict::Drop => 'd',
        Verdict::Unknown(_) => 'u',
    }
}

/// What two detectors' verdicts make: a line for each of the first one's, a column for each of the second one's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid(pub(crate) [&'static str; 5]);

impl Grid {
    /// What `first` and `second` make.
    pub(crate) fn at(&self, first: Verdict, second: Verdict) -> Verdict {
        let column = self.0[0].find(letter(second)).unwrap_or_else(|| panic!("a column for {second}"));
        let line = self.0[1..].iter().find(|line| line.starts_with(letter(first)));
        let cell = line.and_then(|line| line[column..].chars().next());
        verdict(cell.unwrap_or_else(|| panic!("a cell for {first}, {second}")))
    }
}

/// `kind` over detectors that are only named, either direction, with these options.
pub(crate) fn rule(kind: &str, options: &[(&str, OptionValue)], detectors: &[&str]) -> RuleSpec {
    towards(Direction::Either, kind, options, detectors).unwrap_or_else(|error| panic!("{kind}: {error}"))
}

/// The same for one direction, or why there is no such rule.
pub(crate) fn towards(
    direction: Direction,
    kind: &str,
    options: &[(&str, OptionValue)],
    detectors: &[&str],
) -> Result<RuleSpec, RuleError> {
    let options: Vec<_> = options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let detectors = detectors.iter().map(|kind| Spec::new(kind, &[]).expect("a kind")).collect();
    RuleSpec::new(kind, &options, detectors, direction, Sustain::ONE)
}

/// What `rule` makes of one cell.
pub(crate) fn combine(rule: &RuleSpec, verdicts: &[Verdict], periodic: bool) -> Verdict {
    let columns: Vec<[Verdict; 1]> = verdicts.iter().map(|verdict| [*verdict]).collect();
    let columns: Vec<&[Verdict]> = columns.iter().map(<[Verdict; 1]>::as_slice).collect();
    let mut out = [Verdict::Normal];
    rule.combiner().combine_run(&columns, periodic, &mut out);
    out[0]
}

/// Holds `rule` over two detectors against `grid`.
pub(crate) fn hold(rule: &RuleSpec, grid: &Grid) {
    for first in VERDICTS {
        for second in VERDICTS {
            let got = combine(rule, &[first, second], false);
            assert_eq!(letter(got), letter(grid.at(first, second)), "{rule}: {first}, {second}");
        }
    }
}

/// Holds `rule` against lines such as `s s n -> s`.
pub(crate) fn hold_lines(rule: &RuleSpec, periodic: bool, lines: &[&str]) {
    for line in lines {
        let (verdicts, expected) = line.split_once(" -> ").expect("an arrow");
        let verdicts: Vec<_> = verdicts.chars().filter(|c| *c != ' ').map(verdict).collect();
        assert_eq!(letter(combine(rule, &verdicts, periodic)).to_string(), expected, "{rule}: {line}");
    }
}
