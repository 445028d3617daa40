//! Samples that come too late to be judged and contradict one that was: whether a gate has opened by what was judged.

use super::gates::Gates;
use super::telling::series_name;
use crate::monitor::View;
use crate::sources::Contradicted;
use crate::steps::{Mode, Word};
use crate::text;
use quietgate_detectors::Timestamp;
use quietgate_rules::gate::Part;

/// Who pauses a run by what its gates look at.
pub(super) const GATE: &str = "gate";

/// How the clause ends by which a run is paused.
const RELIED: &str = "opened by a clean window with that time in it";

impl Gates<'_> {
    /// The word by which the run is paused where one of its gates opened by a sample that is told otherwise now; none where none did, or
    /// where it is paused for such a one. A run that a person has paused is paused for both: who resumes it is to know.
    pub fn distrusted(&self, signal: usize, contradicted: &[Contradicted]) -> Option<Word> {
        let paused = self.run.paused.as_ref();
        let is_told = |word: &Word| word.who == GATE && word.reason.contains(RELIED);
        if self.run.mode != Mode::Going || paused.is_some_and(is_told) {
            return None;
        }
        let reason = contradicted.iter().find_map(|one| self.relied_on(signal, one))?;
        let before = paused.map(|word| format!("; paused before by {}: {}", word.who, word.reason));
        Some(Word { who: GATE.to_owned(), reason: reason + &before.unwrap_or_default() })
    }

    /// That a gate of the run opened by a clean window in which a sample of `signal` lies that is told otherwise now, as a clause;
    /// none where none did. Before a batch every required series counts, after it those of the batch alone.
    fn relied_on(&self, signal: usize, contradicted: &Contradicted) -> Option<String> {
        let is_it = |view: &View<'_>| view.signal == signal && *view.labels == contradicted.labels;
        let place = self.views().iter().position(is_it)?;
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
            let is_own = || self.seen(step, batch)[place].part == Part::Own;
            let after = || within(state.passed, gate.clean_after_ms).filter(|()| is_own()).map(|()| "after");
            let side = within(state.opened, gate.clean_before_ms).map(|()| "before").or_else(after)?;
            Some((step, batch, side))
        });
        // the newest is the one that is at work, or was last
        let (step, batch, side) = sides.next_back()?;
        let signal = self.watch.signals().nth(signal).map_or("?", |signal| signal.name.as_str());
        let Contradicted { labels, at, before, now } = contradicted;
        Some(format!(
            "{} was {before} at {} and is told to have been {now} then: the gate {side} batch {} of {} {RELIED}",
            series_name(signal, labels),
            text::rfc3339(at.as_millis()),
            text::count(batch as u64 + 1),
            self.run.pinned.steps[step].step,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scope;
    use super::super::gates::tests::{Nothing, attempt, pinned, proceed};
    use super::*;
    use crate::config::Meaning;
    use crate::config::plan::PlanFile;
    use crate::monitor::{Labels, MonitorSpec, Watch, Watched};
    use crate::steps::{End, Record, Said, Side, State};
    use quietgate_detectors::{Calendar, Interval, OptionValue, Sample, Spec};
    use quietgate_rules::{Direction, RuleSpec, Sustain};

    const PLAN: &str = "plan: p\ninventory: [{name: h1}, {name: h2}]\nsignals: [loss]\n\
        gate: {clean_before: 10s, clean_after: 5s, patience: 1h}\nsteps: [{step: agent, action: {kind: noop}}]\n";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn labels(host: &str) -> Labels {
        Labels::from([("host", host)])
    }

    /// Both hosts have been seen all the while.
    fn watch() -> Watch {
        let above = [("above".to_owned(), OptionValue::Number(5.0))];
        let detectors = vec![Spec::new("threshold", &above).expect("a detector")];
        let rule = RuleSpec::new("any", &[], detectors, Direction::Up, Sustain::ONE).expect("a rule");
        let interval = Interval::from_millis(1000).expect("a second");
        let spec =
            MonitorSpec { rules: vec![rule], slow: None, interval, calendar: Calendar::Utc, lateness_ms: 0 };
        let expect = vec![("host".to_owned(), vec!["h1".to_owned(), "h2".to_owned()])];
        let mut watch = Watch::new(vec![Watched { name: "loss".to_owned(), spec, max_age_ms: 2000, expect }]);
        for host in ["h1", "h2", "elsewhere"] {
            let samples: Vec<_> = (0..=60).map(|second| Sample::new(second * 1000, 0.0)).collect();
            watch.observe(0, &labels(host), &samples);
        }
        watch
    }

    /// A run whose first batch, `h1`, began at 20 and passed at 40, and whose second one begins at 50.
    fn run() -> State {
        let mut state = State::default();
        let mut write =
            |second, record| state.apply(1, at(second), &record).expect("a record that may follow");
        write(0, Record::Plan(pinned(PLAN, &["h1", "h2"])));
        write(20, proceed(0, Side::Before));
        write(21, Record::Intent { attempt: attempt("h1"), call: String::new() });
        let (end, reason) = (End::Succeeded, String::new());
        write(22, Record::Result { attempt: attempt("h1"), end, reason, output: None });
        write(40, proceed(0, Side::After));
        write(50, proceed(1, Side::Before));
        state
    }

    #[test]
    fn what_is_told_otherwise_counts_where_a_gate_opened_by_a_window_with_its_time_in_it() {
        let (state, watch) = (run(), watch());
        let plan = PlanFile::read("p.yaml", PLAN, &Nothing).expect("a plan").plan;
        let scopes = [Scope::new(vec![("host".to_owned(), Meaning::Target)], &plan.inventory)];
        let gates = Gates::new(&plan, &state.runs["r"], &watch, &scopes, at(60));
        let by = |host: &str, second| {
            let told = Contradicted { labels: labels(host), at: at(second), before: 0.0, now: 90.0 };
            let words = gates.relied_on(0, &told)?;
            words
                .split_once(": the gate ")
                .map(|(_, gate)| gate.split(" of").next().unwrap_or_default().to_owned())
        };
        let before = |batch: u32| Some(format!("before batch {batch}"));
        let after = Some("after batch 1".to_owned());
        for host in ["h1", "h2"] {
            let told: Vec<_> = [9, 10, 20, 21, 39, 40, 50, 51].map(|second| by(host, second)).into();
            // after the batch its own series are looked at, and no others
            let own = if host == "h1" { after.clone() } else { None };
            assert_eq!(told, [None, before(1), before(1), None, own, before(2), before(2), None], "{host}");
        }
        assert_eq!(by("elsewhere", 15), None, "nobody must have it");
        let told = Contradicted { labels: labels("h2"), at: at(15), before: 0.0, now: f64::NAN };
        let words = "loss{host=\"h2\"} was 0 at 1970-01-01T00:00:15Z and is told to have been NaN then: the gate before batch 1 of \
                     agent opened by a clean window with that time in it";
        assert_eq!(gates.relied_on(0, &told).as_deref(), Some(words));
    }

    #[test]
    fn a_run_that_is_paused_already_is_paused_for_both_and_once() {
        let (mut state, watch) = (run(), watch());
        let plan = PlanFile::read("p.yaml", PLAN, &Nothing).expect("a plan").plan;
        let scopes = [Scope::new(vec![("host".to_owned(), Meaning::Target)], &plan.inventory)];
        let at_15 = |now| Contradicted { labels: labels("h2"), at: at(15), before: 0.0, now };
        let word = |state: &State, told: &[Contradicted]| {
            Gates::new(&plan, &state.runs["r"], &watch, &scopes, at(60)).distrusted(0, told)
        };
        let pause = |state: &mut State, word: Word| {
            let pause = Record::Pause(Said { run: "r".to_owned(), word });
            state.apply(2, at(60), &pause).expect("a pause may follow");
        };
        let elsewhere = Contradicted { labels: labels("elsewhere"), ..at_15(90.0) };
        assert_eq!(word(&state, &[elsewhere]), None);
        let alone = word(&state, &[at_15(90.0)]).expect("it was relied on");
        assert_eq!((alone.who.as_str(), alone.reason.ends_with(RELIED)), ("gate", true), "{alone:?}");

        pause(&mut state, Word { who: "ada".to_owned(), reason: "lunch".to_owned() });
        let both = word(&state, &[at_15(90.0)]).expect("a person who resumes is to know");
        assert_eq!(both.reason, format!("{}; paused before by ada: lunch", alone.reason));
        pause(&mut state, both);
        assert_eq!(word(&state, &[at_15(91.0)]), None, "a person looks at it already");
    }
}
