//! What a run goes by is pinned when it begins: the texts of its plan and config, the inventory, and the order.

use crate::config::plan::{Elsewhere, PlanFile, Supply, SupplyError};
use crate::plan::{Expects, Plan, StepOrder};
use crate::steps::{Expected, Pinned, PinnedStep};
use std::cell::RefCell;

/// The texts that a run is pinned with.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    /// The folder of the plan.
    pub folder: &'a str,
    /// The folder of the config.
    pub config_folder: &'a str,
    /// The plan.
    pub plan: &'a str,
    /// The config.
    pub config: &'a str,
    /// The inventory, where it is not in the plan.
    pub inventory: Option<&'a str>,
}

/// The record that the run `run` of `file` begins with.
pub fn pinned(run: &str, file: &PlanFile, texts: Texts<'_>) -> Pinned {
    let PlanFile { plan, order, .. } = file;
    Pinned {
        run: run.to_owned(),
        plan: plan.name.clone(),
        folder: texts.folder.to_owned(),
        config_folder: texts.config_folder.to_owned(),
        text: texts.plan.to_owned(),
        config: texts.config.to_owned(),
        inventory: texts.inventory.into(),
        max_failed: u32::try_from(plan.most_failed()).unwrap_or(u32::MAX),
        steps: order.steps.iter().map(|step| pinned_step(plan, step)).collect(),
        by: None,
    }
}

fn pinned_step(plan: &Plan, order: &StepOrder) -> PinnedStep {
    let step = &plan.steps[order.step];
    let name = |target: &usize| plan.inventory.targets[*target].name.clone();
    PinnedStep {
        step: step.name.clone(),
        after: step.after.clone(),
        batches: order.batches.iter().map(|batch| batch.targets.iter().map(name).collect()).collect(),
        approve: step.approve,
        undo: step.undo.is_some(),
        retries: step.action.retries,
        patience_ms: Some(step.gate.patience_ms),
        expects: step.expects.iter().map(expected).collect(),
    }
}

fn expected(expects: &Expects) -> Expected {
    Expected { signals: expects.signals.clone(), for_ms: expects.for_ms }
}

/// Hands on what another supply has, and keeps it, so that it can be pinned.
#[derive(Debug)]
pub struct Keeping<S> {
    from: S,
    kept: RefCell<Option<String>>,
}

impl<S> Keeping<S> {
    /// Keeps what `from` hands out.
    pub fn new(from: S) -> Self {
        Self { from, kept: RefCell::new(None) }
    }

    /// What was handed out last; nothing where nobody asked.
    pub fn kept(self) -> Option<String> {
        self.kept.into_inner()
    }
}

impl<S: Supply> Supply for Keeping<S> {
    fn fetch(&self, from: &Elsewhere<'_>) -> Result<String, SupplyError> {
        let text = self.from.fetch(from)?;
        *self.kept.borrow_mut() = Some(text.clone());
        Ok(text)
    }

    fn shown(&self, path: &str) -> String {
        self.from.shown(path)
    }
}

/// The inventory that a run was pinned with: files and commands may say something else by now.
impl Supply for Pinned {
    fn fetch(&self, _from: &Elsewhere<'_>) -> Result<String, SupplyError> {
        self.inventory.as_str().map(str::to_owned).ok_or(SupplyError::Unknown)
    }
}
