//! Which series would be unknown from the start of a batch on: what is known before it must not be found out after it.

use super::Gates;
use crate::monitor::View;
use crate::run::look::Stand;
use crate::run::starts::{Felt, Mark};
use crate::run::telling;
use crate::steps::BatchId;
use quietgate_detectors::Reason;
use quietgate_rules::Condition;
use quietgate_rules::gate::{Obstacle, Seen};

impl Gates<'_> {
    /// Every required series as the gate before a batch sees it: with why nothing could be said of those that would feel the
    /// batch, where it starts now. One that has started is judged as well as it can be.
    pub(super) fn seen_before(&self, (step, batch): BatchId) -> Vec<Seen> {
        let mut seen = self.seen(step, batch);
        let blind = self.blind();
        if self.run.steps[step].batches[batch].started.is_some() || blind.is_empty() {
            return seen;
        }
        let mark = Mark { at: self.now, batch: (step, batch), is_end: false };
        let felt = Felt::new(self.plan, self.run, mark);
        let names: Vec<&str> = self.watch.signals().map(|signal| signal.name.as_str()).collect();
        let is_felt =
            |stand: &Stand| names.get(stand.signal).is_some_and(|name| felt.by(name, &stand.about).is_some());
        let stands = self.look().series.iter().zip(blind);
        for (seen, (stand, is_blind)) in seen.iter_mut().zip(stands) {
            // of what is not clean nothing more need be known
            let is_clean = matches!(seen.condition, Condition::Clean { .. });
            if is_clean && *is_blind && is_felt(stand) {
                seen.blind = Some(Reason::WarmingUp);
            }
        }
        seen
    }

    /// Which series would be blind to the start of a batch, by their place; no place where none could be.
    pub(super) fn blind(&self) -> &[bool] {
        self.look().blind(self.watch, || self.views())
    }

    /// Why a series keeps a gate shut, with numbers.
    pub(super) fn words(&self, obstacle: &Obstacle, view: &View<'_>) -> String {
        match obstacle {
            Obstacle::Blind(reason) => {
                let lacks = self.watch.start_lacks(view.signal, &view.labels, false);
                telling::blind(*reason, &lacks)
            }
            _ => telling::obstacle(obstacle, view, self.now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Nothing, attempt, pinned, proceed};
    use super::*;
    use crate::config::Meaning;
    use crate::config::plan::PlanFile;
    use crate::monitor::{Labels, MonitorSpec, Watch, Watched};
    use crate::plan::Plan;
    use crate::run::{Scope, young};
    use crate::steps::{Decision, End, Gate, Outlook, Permit, Record, Side, State};
    use quietgate_detectors::{Calendar, Interval, OptionValue, Sample, Spec, Timestamp};
    use quietgate_rules::{Direction, RuleSpec, Sustain};
    use serde_json::json;

    const MINUTE_MS: i64 = 60_000;
    const PLAN: &str = "plan: p\ninventory: [{name: h1}, {name: h2}]\nsignals: [traffic]\n\
        gate: {clean_before: 10m, clean_after: 5m, patience: 1h}\n\
        steps: [{step: agent, action: {kind: noop}}]\n";
    /// With so many samples the start of a batch can be judged.
    const GROWN: i64 = 525;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * MINUTE_MS)
    }

    fn rule(kind: &str) -> RuleSpec {
        let above = |limit| {
            let above = [("above".to_owned(), OptionValue::Number(limit))];
            Spec::new("threshold", &above).expect("a detector")
        };
        let contrast = Spec::new("step_contrast", &[]).expect("a detector");
        let detectors = vec![contrast, above(500.0), above(600.0)];
        RuleSpec::new(kind, &[], detectors, Direction::Either, Sustain::ONE).expect("a rule")
    }

    /// A run that has begun, of two hosts, the first of which has been seen since minute 0.
    struct Case {
        order: [&'static str; 2],
        plan: Plan,
        state: State,
        watch: Watch,
        scopes: Vec<Scope>,
    }

    impl Case {
        /// The second one has been seen since this minute, and all is as usual until the other.
        fn new(kind: &str, since: i64, until: i64) -> Self {
            Self::of(kind, ["h1", "h2"], since, until)
        }

        /// The same where they come in this order.
        fn of(kind: &str, order: [&'static str; 2], since: i64, until: i64) -> Self {
            let spec = MonitorSpec {
                rules: vec![rule(kind)],
                slow: None,
                interval: Interval::from_millis(MINUTE_MS).expect("a minute"),
                calendar: Calendar::Utc,
                lateness_ms: 0,
            };
            let (name, max_age_ms) = ("traffic".to_owned(), 2 * MINUTE_MS);
            let plan = PlanFile::read("p.yaml", PLAN, &Nothing).expect("a plan").plan;
            let scopes = vec![Scope::new(vec![("host".to_owned(), Meaning::Target)], &plan.inventory)];
            let mut case = Self {
                order,
                plan,
                state: State::default(),
                watch: Watch::new(vec![Watched { name, spec, max_age_ms, expect: Vec::new() }]),
                scopes,
            };
            case.write(0, Record::Plan(pinned(PLAN, &order)));
            case.see("h1", 0..until);
            case.see("h2", since..until);
            case
        }

        fn see(&mut self, host: &str, minutes: std::ops::Range<i64>) {
            let labels = Labels::from([("host", host)]);
            let sample = |minute: i64| Sample::new(minute * MINUTE_MS, 100.0 + (minute * 7919 % 11) as f64);
            self.watch.observe(0, &labels, &minutes.map(sample).collect::<Vec<_>>());
        }

        fn write(&mut self, minute: i64, record: Record) {
            self.state.apply(1, at(minute), &record).expect("a record that may follow");
        }

        /// A batch starts, and ends at once.
        fn start(&mut self, batch: usize, minute: i64) {
            self.write(minute, proceed(batch, Side::Before));
            let attempt = attempt(self.order[batch]);
            self.write(minute, Record::Intent { attempt: attempt.clone(), call: String::new() });
            let (end, reason) = (End::Succeeded, String::new());
            self.write(minute, Record::Result { attempt, end, reason, output: None });
        }

        fn gates(&self, minute: i64) -> Gates<'_> {
            let run = &self.state.runs["r"];
            Gates::new(&self.plan, run, &self.watch, &self.scopes, at(minute))
        }

        fn before(&self, minute: i64, batch: usize) -> Permit {
            self.gates(minute).before(0, batch)
        }
    }

    #[test]
    fn a_gate_holds_before_what_could_not_be_judged_and_says_until_when() {
        let mut case = Case::new("any", 500, 600);
        let permit = case.before(599, 0);
        assert_eq!(permit.decision, Decision::Hold);
        assert_eq!(
            permit.reason,
            "traffic{host=\"h2\"}: unknown (warming_up) once a batch starts (step_contrast is unknown(warming_up): it needs \
             525 samples first; it judges from 1970-01-01T17:04:00Z on, if none is missing until then); a batch that started \
             sooner could not be judged: wait, back-fill the source and resume the run, or judge by a rule that needs less"
        );
        assert_eq!(permit.because, ["traffic{host=\"h2\"}: unknown(warming_up) once a batch starts"]);
        assert!(case.gates(599).window((0, 0), Side::Before).is_none(), "no clean window is waited for");
        let (held, _) = case.gates(599).held_by((0, 0), Side::Before);
        let unknown = Condition::Unknown { reason: Reason::WarmingUp, newest: Some(at(599)) };
        assert_eq!(held.iter().map(|held| held.condition).collect::<Vec<_>>(), [unknown]);
        let evidence = case.gates(599).evidence();
        assert_eq!(evidence[0].get("start"), None);
        assert_eq!(evidence[1]["start"][0]["detector"], json!("step_contrast"));
        let told = young(&case.watch, 0, at(599));
        assert_eq!(
            told,
            [
                "signal \"traffic\": 1 of 2 series with too little past to judge the start of a batch: step_contrast: it needs \
                 525 samples first; it judges from 1970-01-01T17:04:00Z on, if none is missing until then; the gate before a \
                 batch holds until then"
            ]
        );
        let enough = 500 + GROWN - 1;
        for (minutes, decision) in [(600..enough, Decision::Hold), (enough..enough + 1, Decision::Proceed)] {
            case.see("h1", minutes.clone());
            case.see("h2", minutes.clone());
            assert_eq!(case.before(minutes.end - 1, 0).decision, decision, "{minutes:?}");
        }
        assert!(young(&case.watch, 0, at(enough)).is_empty());
    }

    #[test]
    fn a_hold_that_outlasts_the_patience_pauses_and_says_why() {
        let mut case = Case::new("any", 500, 600);
        let Record::Gate(gate) = proceed(0, Side::Before) else { unreachable!("it is a gate's") };
        case.write(500, Record::Gate(Gate { decision: Decision::Hold, ..gate }));
        let permit = case.before(599, 0);
        assert_eq!(permit.decision, Decision::Pause);
        assert!(
            permit
                .reason
                .starts_with("held for longer than its patience of 1 h: traffic{host=\"h2\"}: unknown"),
            "{}",
            permit.reason
        );
    }

    #[test]
    fn a_batch_that_has_started_is_not_held_up_nor_is_what_does_not_feel_it() {
        let mut case = Case::new("any", 500, 600);
        case.start(0, 599);
        assert_eq!(case.before(599, 0).decision, Decision::Proceed, "more of its targets may start");
        // the other way around the young one is touched by then, and no part of the next batch
        let mut case = Case::of("any", ["h2", "h1"], 500, 600);
        assert_eq!(case.before(599, 0).decision, Decision::Hold);
        case.start(0, 598);
        case.write(598, proceed(0, Side::After));
        assert_eq!(case.before(599, 1).decision, Decision::Proceed);
    }

    #[test]
    fn a_rule_that_judges_without_it_holds_nothing() {
        let case = Case::new("majority", 500, 600);
        assert_eq!(case.before(599, 0).decision, Decision::Proceed);
        assert!(young(&case.watch, 0, at(599)).is_empty());
    }
}
