//! What attempts run: the checked actions of a plan, by step and by what is done.

use crate::actions::{Spec, Values};
use crate::config::plan::PlanFile;
use crate::plan::{Call, Plan};
use crate::steps::{Attempt, Doing};

/// An action with its time limit.
#[derive(Debug, Clone)]
pub(super) struct Timed {
    pub(super) spec: Spec,
    pub(super) timeout_ms: i64,
}

/// The actions of a plan, in the order of its steps.
#[derive(Debug)]
pub(super) struct Calls {
    plan: Plan,
    steps: Vec<StepCalls>,
}

#[derive(Debug)]
struct StepCalls {
    action: Timed,
    undo: Option<Timed>,
    probe: Option<Timed>,
}

impl Calls {
    /// Those of `file`.
    pub(super) fn new(file: &PlanFile) -> Self {
        let timed = |spec: &Spec, call: &Call| Timed { spec: spec.clone(), timeout_ms: call.timeout_ms };
        let both = |spec: &Option<Spec>, call: &Option<Call>| Some(timed(spec.as_ref()?, call.as_ref()?));
        let step = |(step, specs): (&crate::plan::Step, &crate::config::plan::StepSpecs)| StepCalls {
            action: timed(&specs.action, &step.action),
            undo: both(&specs.undo, &step.undo),
            probe: both(&specs.probe, &step.probe),
        };
        let steps = file.plan.steps.iter().zip(&file.specs).map(step).collect();
        Self { plan: file.plan.clone(), steps }
    }

    /// What `attempt` runs; none where the plan has no such thing.
    pub(super) fn of(&self, attempt: &Attempt) -> Option<&Timed> {
        let step = self.step(&attempt.step)?;
        match attempt.doing {
            Doing::Action => Some(&step.action),
            Doing::Undo => step.undo.as_ref(),
        }
    }

    /// What asks whether the action of `step` took effect.
    pub(super) fn probe(&self, step: &str) -> Option<&Timed> {
        self.step(step)?.probe.as_ref()
    }

    /// What the `${…}` of an attempt stand for.
    pub(super) fn values(&self, attempt: &Attempt) -> Option<Values> {
        let target = self.plan.inventory.targets.get(self.plan.inventory.find(&attempt.target)?)?;
        Some(Values {
            run: attempt.run.clone(),
            plan: self.plan.name.clone(),
            step: attempt.step.clone(),
            target: target.name.clone(),
            address: target.address.clone(),
            attempt: attempt.attempt,
            labels: target.labels.clone(),
        })
    }

    /// What is going to be run for `attempt`, in one line without secrets, or why nothing can be.
    pub(super) fn rendered(&self, attempt: &Attempt) -> String {
        let rendered = self.of(attempt).zip(self.values(attempt));
        match rendered.map(|(timed, values)| timed.spec.rendered(&values)) {
            Some(Ok(call)) => call,
            Some(Err(why)) => format!("cannot be run: {why}"),
            None => "cannot be run: the plan has no such action".to_owned(),
        }
    }

    fn step(&self, name: &str) -> Option<&StepCalls> {
        let number = self.plan.steps.iter().position(|step| step.name == name)?;
        self.steps.get(number)
    }
}
