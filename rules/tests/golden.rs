//! The golden files: small series with what the reference in Python states of each sample.
#![allow(clippy::disallowed_methods, reason = "the golden files are read from datasets/golden")]

use quietgate_detectors::{
    Block, Calendar, Interval, Panel, PanelSpec, Run, Sample, Spec, Timestamp, Transition, Verdict, Zone,
};
use quietgate_rules::{Direction, RuleSpec, Sustain};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The columns with a score; the rules come behind them.
const DETECTORS: [&str; 5] = ["ss", "ls", "ewma3sigma", "chain", "ca"];
const RULES: [&str; 2] = ["by_period", "majority"];
/// Scores differ by no more than this share.
const TOLERANCE: f64 = 1e-9;

/// A row of a file, by the names in its header.
type Row = BTreeMap<String, String>;

fn rows(name: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets/golden").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header = lines.next().unwrap_or_else(|| panic!("{name} has no header"));
    let row = |cells: Vec<String>| {
        assert_eq!(cells.len(), header.len(), "{name}: {cells:?}");
        header.iter().cloned().zip(cells).collect()
    };
    let rows: Vec<Row> = lines.map(row).collect();
    assert!(!rows.is_empty(), "{name} has no rows");
    rows
}

/// The rows of each series.
fn by_series(name: &str) -> BTreeMap<String, Vec<Row>> {
    let mut out = BTreeMap::<String, Vec<Row>>::new();
    for row in rows(name) {
        out.entry(row["series"].clone()).or_default().push(row);
    }
    out
}

fn number(text: &str) -> Option<f64> {
    (!text.is_empty()).then(|| text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}")))
}

fn time(row: &Row) -> i64 {
    row["timestamp"].parse::<i64>().expect("whole seconds") * 1000
}

const HOUR_MS: i64 = 3_600_000;

/// The time zones of the cases, with their changes of 2024.
fn calendar(name: &str) -> Calendar {
    let change =
        |at_s: i64, hours| Transition { at: Timestamp::from_millis(at_s * 1000), offset_ms: hours * HOUR_MS };
    match name {
        "" => Calendar::Utc,
        // 2024-03-31T01:00Z and 2024-10-27T01:00Z
        "Europe/Berlin" => Calendar::Civil(Arc::new(Zone::new(
            HOUR_MS,
            vec![change(1_711_846_800, 2), change(1_729_990_800, 1)],
        ))),
        other => panic!("no time zone {other:?} is known here"),
    }
}

/// What is stated of a cell: verdicts of the detectors and of the rules, scores of the detectors.
#[derive(Debug)]
struct Stated {
    verdicts: [Verdict; 7],
    scores: [Option<f64>; 5],
}

impl Stated {
    fn of(run: &Run<'_>, combined: &[Vec<Verdict>; 2], offset: usize) -> Self {
        let verdicts = std::array::from_fn(|column| match column.checked_sub(DETECTORS.len()) {
            None => run.verdicts[column][offset],
            Some(rule) => combined[rule][offset],
        });
        let scores =
            std::array::from_fn(|column| run.evidence(column, offset).map(|evidence| evidence.score));
        Self { verdicts, scores }
    }
}

/// What we state of the samples of one series, by time.
fn judge(samples: &[Sample], interval: Interval, calendar: Calendar) -> BTreeMap<i64, Stated> {
    let rules = RULES.map(|kind| {
        RuleSpec::new(kind, &[], Vec::new(), Direction::Either, Sustain::ONE).expect("a rule by default")
    });
    let detectors: Vec<_> = DETECTORS.map(|kind| Spec::new(kind, &[]).expect("a kind")).into();
    let column = |spec: &Spec| detectors.iter().position(|d| d == spec).expect("one of the five");
    let columns = rules.each_ref().map(|rule| rule.detectors().iter().map(column).collect::<Vec<_>>());
    let mut combiners = rules.each_ref().map(RuleSpec::combiner);
    let period = combiners.iter().find_map(quietgate_rules::Combiner::period);
    let mut panel = Panel::new(PanelSpec { detectors, period, interval, calendar, lateness_ms: 0 });
    let mut out = BTreeMap::new();
    panel.observe(samples, |block| match block {
        Block::Judged(run) => {
            let mut combined =
                [vec![Verdict::Normal; run.values.len()], vec![Verdict::Normal; run.values.len()]];
            for ((combiner, columns), out) in combiners.iter_mut().zip(&columns).zip(&mut combined) {
                let voters: Vec<&[Verdict]> = columns.iter().map(|&c| run.verdicts[c].as_slice()).collect();
                combiner.combine_run(&voters, run.periodic, out);
            }
            let cells = 0..run.values.len();
            out.extend(cells.map(|offset| (run.at(offset).as_millis(), Stated::of(&run, &combined, offset))));
        }
        Block::Unknown { at, reason, .. } => {
            let stated = Stated { verdicts: [Verdict::Unknown(reason); 7], scores: [None; 5] };
            out.insert(at.as_millis(), stated);
        }
        Block::Late { at } => panic!("a sample at {at:?} is late"),
    });
    out
}

/// Compares one series with what the reference says. Gives the number of verdicts that were compared.
fn compare(name: &str, expected: &[Row], stated: &BTreeMap<i64, Stated>) -> usize {
    let times = |rows: &[Row]| rows.iter().map(time).collect::<Vec<_>>();
    assert_eq!(times(expected), stated.keys().copied().collect::<Vec<_>>(), "{name}: the cells");
    let mut compared = 0;
    for (row, ours) in expected.iter().zip(stated.values()) {
        for (column, kind) in DETECTORS.iter().chain(&RULES).enumerate() {
            let place = format!("{name}: {kind} at {}", row["timestamp"]);
            let sign = number(&row[*kind]).map(|sign| sign as i8);
            if row["edge"] == "0" {
                assert_eq!(ours.verdicts[column].sign(), sign, "{place}");
                compared += 1;
            } else {
                // by rounding alone a verdict may fall either way here, but it is one
                assert_eq!(ours.verdicts[column].is_unknown(), sign.is_none(), "{place}");
            }
            if let Some(ours) = ours.scores.get(column) {
                compare_scores(&place, *ours, number(&row[&format!("{kind}_score")]));
            }
        }
    }
    compared
}

fn compare_scores(place: &str, ours: Option<f64>, theirs: Option<f64>) {
    let near = match (ours, theirs) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() <= TOLERANCE * ours.abs().max(theirs.abs()),
        (None, None) => true,
        _ => false,
    };
    assert!(near, "{place}: score {ours:?}, expected {theirs:?}");
}

#[test]
fn every_verdict_is_that_of_the_reference() {
    let cases = rows("cases.csv");
    assert!(cases.len() >= 16, "only {} cases", cases.len());
    let mut compared = 0;
    for case in &cases {
        let name = &case["name"];
        let seconds: i64 = case["interval_s"].parse().expect("whole seconds");
        let interval = Interval::from_millis(seconds * 1000).expect("in range");
        let expected = by_series(&format!("{name}.verdicts.csv"));
        let given = by_series(&case["file"]);
        assert_eq!(
            given.keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>(),
            "{name}: the series"
        );
        for (series, rows) in &given {
            let value = |row: &Row| number(&row["value"]).unwrap_or(f64::NAN);
            let samples: Vec<_> = rows.iter().map(|row| Sample::new(time(row), value(row))).collect();
            let stated = judge(&samples, interval, calendar(&case["timezone"]));
            compared += compare(&format!("{name}/{series}"), &expected[series], &stated);
        }
    }
    assert!(compared > 50_000, "only {compared} verdicts were compared");
}

#[test]
fn the_golden_files_hold_every_verdict_of_every_column() {
    let cases = rows("cases.csv");
    let all: Vec<Row> =
        cases.iter().flat_map(|case| rows(&format!("{}.verdicts.csv", case["name"]))).collect();
    for kind in DETECTORS.iter().chain(&RULES) {
        for verdict in ["", "0", "1", "-1"] {
            assert!(all.iter().any(|row| row[*kind] == verdict), "{kind} is never {verdict:?}");
        }
    }
}
