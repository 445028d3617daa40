//! Samples that come too late to be judged and contradict one that was: whether a gate has opened by what was judged.

use super::gates::Gates;
use super::telling::series_name;
use crate::monitor::View;
use crate::sources::Contradicted;
use crate::text;
use quietgate_detectors::Timestamp;
use quietgate_rules::gate::Part;

impl Gates<'_> {
    /// That a gate of the run opened by a clean window in which a sample of `signal` lies that is told otherwise now, as a clause;
    /// none where none did. Before a batch every required series counts, after it those of the batch alone.
    pub fn relied_on(&self, signal: usize, contradicted: &Contradicted) -> Option<String> {
        let views = self.watch.views(self.now);
        let is_it = |view: &View<'_>| view.signal == signal && *view.labels == contradicted.labels;
        let place = views.iter().position(is_it)?;
        let steps = self.run.steps.iter().enumerate();
        let batches =
            steps.flat_map(|(step, state)| (0..state.batches.len()).map(move |batch| (step, batch)));
        let mut sides = batches.filter_map(|(step, batch)| {
            let gate = &self.step(step)?.1.gate;
            let state = &self.run.steps[step].batches[batch];
            let within = |opened: Option<Timestamp>, clean_ms: i64| {
                let until = opened?.as_millis();
                let at = contradicted.at.as_millis();
                (until.saturating_sub(clean_ms) <= at && at <= until).then_some(())
            };
            let is_own = || self.seen(&views, step, batch)[place].part == Part::Own;
            let after = || within(state.passed, gate.clean_after_ms).filter(|()| is_own()).map(|()| "after");
            let side = within(state.opened, gate.clean_before_ms).map(|()| "before").or_else(after)?;
            Some((step, batch, side))
        });
        // the newest is the one that is at work, or was last
        let (step, batch, side) = sides.next_back()?;
        let signal = self.watch.signals().nth(signal).map_or("?", |signal| signal.name.as_str());
        let Contradicted { labels, at, before, now } = contradicted;
        Some(format!(
            "{} was {before} at {} and is told to have been {now} then: the gate {side} batch {} of {} opened by a clean window with \
             that time in it",
            series_name(signal, labels),
            text::rfc3339(at.as_millis()),
            text::count(batch as u64 + 1),
            self.run.pinned.steps[step].step,
        ))
    }
}
