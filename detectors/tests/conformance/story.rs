//! What a panel has said in the end, cell by cell.

use crate::streams::interval;
use proptest::collection::vec;
use proptest::prelude::*;
use quietgate_detectors::{
    Block, Calendar, Default, Entry, Interval, Judgement, OptionValue, PERIOD_VARIANCE, Panel, PanelSpec,
    Reason, Run, Sample, Spec, Timestamp, all,
};
use std::collections::BTreeMap;

/// The last word on a cell: the newest statement counts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    /// It has a value.
    Judged {
        /// The value.
        value: f64,
        /// Whether the series was found periodic there.
        periodic: bool,
        /// One judgement a detector.
        judgements: Vec<Judgement>,
    },
    /// It has none.
    Unknown(Reason),
}

/// All that a panel had to say.
#[derive(Debug, Clone, PartialEq, std::default::Default)]
pub(crate) struct Story {
    /// By time.
    pub(crate) cells: BTreeMap<Timestamp, Told>,
    /// Times of the samples that came too late, in the order told.
    pub(crate) late: Vec<Timestamp>,
}

impl Story {
    /// Takes in one more block.
    pub(crate) fn hear(&mut self, block: Block<'_>) {
        match block {
            Block::Judged(run) => self.judged(&run),
            Block::Unknown { at, reason, .. } => {
                self.cells.insert(at, Told::Unknown(reason));
            }
            Block::Late { at } => self.late.push(at),
        }
    }

    fn judged(&mut self, run: &Run<'_>) {
        for (offset, &value) in run.values.iter().enumerate() {
            let judgement = |column: usize| Judgement {
                verdict: run.verdicts[column][offset],
                evidence: run.evidence(column, offset),
            };
            let judgements = (0..run.verdicts.len()).map(judgement).collect();
            self.cells.insert(run.at(offset), Told::Judged { value, periodic: run.periodic, judgements });
        }
    }

    /// The judgements of detector `column`, in order of time; nothing where a cell has no value.
    pub(crate) fn of(&self, column: usize) -> Vec<Option<Judgement>> {
        let judgement = |told: &Told| match told {
            Told::Judged { judgements, .. } => Some(judgements[column]),
            Told::Unknown(_) => None,
        };
        self.cells.values().map(judgement).collect()
    }
}

/// A panel's specification with the UTC day.
pub(crate) fn panel(detectors: Vec<Spec>, interval: Interval, lateness_ms: i64) -> PanelSpec {
    let (period, calendar) = (Some(PERIOD_VARIANCE), Calendar::Utc);
    PanelSpec { detectors, period, interval, calendar, lateness_ms }
}

/// The story of `samples`, given in calls of the sizes `cuts`, over and over; all at once where there are none.
pub(crate) fn tell(spec: &PanelSpec, samples: &[Sample], cuts: &[usize]) -> Story {
    let mut panel = Panel::new(spec.clone());
    let mut story = Story::default();
    let mut rest = samples;
    for &cut in cuts.iter().cycle() {
        let (now, later) = rest.split_at(cut.min(rest.len()));
        panel.observe(now, |block| story.hear(block));
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    panel.observe(rest, |block| story.hear(block));
    panel.finish(|block| story.hear(block));
    story
}

/// Ways to cut a stream into calls; at least one call takes a sample.
pub(crate) fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        Just(vec![1]),
        vec(0..40_usize, 1..20).prop_filter("goes on", |cuts| cuts.iter().sum::<usize>() > 0)
    ]
}

/// Every kind with its defaults. Where these alone are refused, the first option that is off is given.
pub(crate) fn defaults() -> Vec<Spec> {
    all().iter().map(default_of).collect()
}

/// A limit that is beyond most made values.
const LIMIT: f64 = 101.0;

/// `entry` as it is by default.
pub(crate) fn default_of(entry: &Entry) -> Spec {
    Spec::new(entry.kind, &[]).unwrap_or_else(|_| {
        let off =
            entry.options.iter().find(|doc| doc.default == Default::Off).expect("an option that is off");
        given(entry, &[(off.name, LIMIT)])
    })
}

/// `entry` with these options.
pub(crate) fn given(entry: &Entry, options: &[(&str, f64)]) -> Spec {
    let options: Vec<_> =
        options.iter().map(|(name, n)| ((*name).to_owned(), OptionValue::Number(*n))).collect();
    Spec::new(entry.kind, &options).unwrap_or_else(|error| panic!("{}: {error}", entry.kind))
}

/// Every kind by default, with all options at their least and with all at their greatest.
pub(crate) fn variants() -> Vec<Spec> {
    let extreme = |entry: &Entry, least: bool| {
        let bounds = entry.options.iter().filter_map(|doc| Some((doc.name, bound(doc.accepts, least)?)));
        given(entry, &bounds.collect::<Vec<_>>())
    };
    let three = |entry: &Entry| [default_of(entry), extreme(entry, true), extreme(entry, false)];
    all().iter().flat_map(three).collect()
}

/// An end of the range of an option; none where it takes words.
pub(crate) fn bound(accepts: quietgate_detectors::Accepts, least: bool) -> Option<f64> {
    use quietgate_detectors::Accepts::{Count, Number, Word};
    match accepts {
        Count { min, max } => Some(f64::from(if least { min } else { max })),
        Number { min, max } => Some(if least { min } else { max }),
        Word(_) => None,
    }
}

#[test]
fn a_story_keeps_the_last_word() {
    let spec = panel(defaults(), interval(1000), 0);
    let samples = [(0, 1.0), (1000, 2.0), (1000, 3.0), (0, 1.0)].map(|(at, value)| Sample::new(at, value));
    let story = tell(&spec, &samples, &[1]);
    assert_eq!(story.cells[&Timestamp::from_millis(1000)], Told::Unknown(Reason::Conflicting));
    assert_eq!(story.late, [Timestamp::from_millis(0)]);
    assert_eq!(story.of(0).len(), 2);
}
