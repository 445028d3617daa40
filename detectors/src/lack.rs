//! What a detector without a verdict lacks, and what would end that.

use crate::grid::Grid;
use crate::registry::Spec;
use crate::sample::{Interval, Timestamp};
use crate::verdict::Reason;

/// What a detector lacks that says unknown of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// Samples before the first verdict.
    Samples {
        /// How many it needs without a gap.
        wanted: u64,
        /// When the first verdict comes, if no sample is missing until then.
        from: Timestamp,
        /// Whether as many have passed, and some of them are missing: then the verdict may come sooner.
        gaps: bool,
    },
    /// Samples before a batch that it would compare with.
    Before {
        /// When the batch started.
        started: Timestamp,
        /// The time of the first sample of all.
        first: Timestamp,
        /// When its look at the batch is over.
        until: Timestamp,
    },
    /// Something that it compares the sample with: there is a gap, or a 0 of which nothing is a part.
    Compared,
}

/// A batch that the detectors were told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Started {
    /// When it started.
    pub(crate) at: Timestamp,
    /// The first cell after that.
    pub(crate) first: u64,
    /// For how many cells its expected effects last.
    pub(crate) settling: u64,
}

/// What a detector of `spec` lacks that said `reason` of the cell `newest`, where `start` is the batch that it was last told
/// of; none where the reason says it all.
pub(crate) fn lack(
    spec: &Spec,
    reason: Reason,
    (grid, interval): (&Grid, Interval),
    newest: u64,
    start: Option<Started>,
) -> Option<Lack> {
    match (reason, spec.warm_up(interval) as u64) {
        // what needs no samples of its own looks at batches alone, for a while
        (Reason::WarmingUp, 0) => {
            let Started { at, first, settling } = start?;
            let looks_ms = spec.looks_ms()?;
            let settled = grid.at(first.saturating_add(settling)).as_millis();
            let until = grid.at(grid.first_from(Timestamp::from_millis(settled.saturating_add(looks_ms))));
            Some(Lack::Before { started: at, first: grid.at(0), until })
        }
        (Reason::WarmingUp, wanted) => {
            let gaps = newest >= wanted;
            let from = if gaps { newest.saturating_add(1).saturating_add(wanted) } else { wanted };
            Some(Lack::Samples { wanted, from: grid.at(from), gaps })
        }
        (Reason::Partial, _) => Some(Lack::Compared),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Calendar;
    use crate::panel::{BatchStart, Block, Panel, PanelSpec};
    use crate::sample::Sample;
    use crate::verdict::Verdict;

    const MINUTE_MS: i64 = 60_000;

    /// A detector over minutes, told of some samples and at last of its verdict on the newest.
    struct Told {
        panel: Panel,
        said: Verdict,
    }

    impl Told {
        fn of(kind: &str) -> Self {
            let panel = Panel::new(PanelSpec {
                detectors: vec![Spec::new(kind, &[]).expect("a kind")],
                period: None,
                interval: Interval::from_millis(MINUTE_MS).expect("a minute"),
                calendar: Calendar::Utc,
                lateness_ms: 0,
            });
            Self { panel, said: Verdict::Normal }
        }

        fn see(&mut self, minutes: std::ops::Range<i64>) {
            for minute in minutes {
                let value = 100.0 + f64::from((minute % 7) as u8);
                self.panel.observe(&[Sample::new(minute * MINUTE_MS, value)], |block| {
                    if let Block::Judged(run) = block {
                        self.said = *run.verdicts[0].last().expect("a run has a cell");
                    }
                });
            }
        }

        fn lack(&self) -> Option<Lack> {
            match self.said {
                Verdict::Unknown(reason) => self.panel.lack(0, reason),
                _ => None,
            }
        }
    }

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * MINUTE_MS)
    }

    #[test]
    fn the_first_verdict_comes_when_it_was_told() {
        let mut told = Told::of("counts");
        told.see(10..70);
        let lack = Some(Lack::Samples { wanted: 120, from: minute(130), gaps: false });
        assert_eq!(told.lack(), lack);
        told.see(70..130);
        assert_eq!(told.lack(), lack);
        told.see(130..131);
        assert_eq!((told.said, told.lack()), (Verdict::Normal, None));
    }

    #[test]
    fn where_samples_were_missing_it_comes_no_later_than_told() {
        let mut told = Told::of("counts");
        told.see(0..60);
        told.see(100..125);
        let lack = Lack::Samples { wanted: 120, from: minute(245), gaps: true };
        assert_eq!(told.lack(), Some(lack));
        told.see(125..246);
        assert_eq!(told.said, Verdict::Normal);
    }

    #[test]
    fn a_batch_that_came_too_early_is_looked_at_for_as_long_as_told() {
        let mut told = Told::of("step_contrast");
        told.see(0..180);
        let (at, settled) = (Timestamp::from_millis(180 * MINUTE_MS - 1), minute(184));
        told.panel.batch_starts(BatchStart { at, settled });
        told.see(180..184);
        assert_eq!(told.lack(), None, "what is expected is left out");
        let until = minute(184 + 60);
        told.see(184..244);
        assert_eq!(told.lack(), Some(Lack::Before { started: at, first: minute(0), until }));
        told.see(244..245);
        assert_eq!(told.said, Verdict::Normal);
    }

    #[test]
    fn what_a_start_lacks_is_known_before_it_and_over_when_told() {
        let mut told = Told::of("step_contrast");
        assert_eq!(told.panel.start_lack(0), None, "of no sample nothing is known");
        told.see(10..190);
        // 40 starts every 10 minutes, an hour before the first, an hour and 15 minutes after the last
        let lack = Some(Lack::Samples { wanted: 525, from: minute(10 + 525 - 1), gaps: false });
        assert_eq!((told.said, told.panel.start_lack(0)), (Verdict::Normal, lack));
        told.see(190..10 + 525 - 1);
        assert_eq!(told.panel.start_lack(0), lack);
        let mut early = Told { panel: told.panel.clone(), said: told.said };
        let start = |at: i64| BatchStart { at: minute(at), settled: minute(at) };
        early.panel.batch_starts(start(534));
        early.see(534..536);
        assert_eq!(early.said, Verdict::Unknown(Reason::WarmingUp));
        told.see(534..535);
        assert_eq!(told.panel.start_lack(0), None);
        told.panel.batch_starts(start(535));
        told.see(535..540);
        assert_eq!(told.said, Verdict::Normal);
        let mut others = Told::of("seasonal");
        others.see(0..5);
        assert_eq!(others.panel.start_lack(0), None, "it judges starts as all else");
    }

    #[test]
    fn what_it_compares_with_may_have_gaps() {
        let mut told = Told::of("ca");
        told.see(0..5 * 1440);
        told.see(5 * 1440 + 1..5 * 1440 + 2);
        assert_eq!((told.said, told.lack()), (Verdict::Unknown(Reason::Partial), Some(Lack::Compared)));
    }
}
