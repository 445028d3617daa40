//! For fuzzers and tests alone: what must hold of configs, plans, inventories and the words in them.

use super::plan::{Elsewhere, PlanFile, Supply, SupplyError};
use super::{Config, Mistakes};
use crate::plan::{Amount, Selector, forecast};
use crate::settings::units::{Duration, Share, Size};
use std::fmt::Display;
use std::str::FromStr;

/// A config: good, or with at least one mistake, each in a line that there is.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Config::read("c", text) {
        Ok(config) => {
            placed(&config.lint(), "c", text);
            assert!(!config.signals.is_empty());
        }
        Err(mistakes) => {
            assert!(!mistakes.list().is_empty());
            placed(&mistakes, "c", text);
        }
    }
}

/// Whether each mistake in `file` is in a line of `text`, or behind the last, and says something. In YAML a carriage return ends
/// a line too.
fn placed(mistakes: &Mistakes, file: &str, text: &str) {
    let lines = text.matches(['\n', '\r']).count() + 1;
    for mistake in mistakes.list().iter().filter(|mistake| mistake.file == file) {
        assert!((1..=lines + 1).contains(&mistake.at.line), "{mistake}");
        assert!(mistake.at.column >= 1 && !mistake.message.is_empty(), "{mistake}");
    }
}

/// What a plan names, whatever that is.
#[derive(Debug)]
struct Given<'a>(&'a str);

impl Supply for Given<'_> {
    fn fetch(&self, _: &Elsewhere<'_>) -> Result<String, SupplyError> {
        Ok(self.0.to_owned())
    }
}

const HOSTS: &str = "name,address,rack\nh1,10.0.0.1,a\nh2,10.0.0.2,a\nh3,10.0.0.3,b\n";

/// A plan: good, and then each step has each of its targets in one batch; or with at least one mistake.
pub fn plan(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match PlanFile::read("p", text, &Given(HOSTS)) {
        Ok(file) => {
            placed(&file.lint(), "p", text);
            let targets = file.plan.inventory.targets.len();
            assert_eq!(file.order.steps.len(), file.plan.steps.len());
            for step in &file.order.steps {
                let mut all: Vec<_> = step.batches.iter().flat_map(|batch| &batch.targets).collect();
                let count = all.len();
                all.sort_unstable();
                all.dedup();
                assert!(all.len() == count && count <= targets);
            }
            forecast(&file.plan, &file.order);
        }
        Err(mistakes) => {
            assert!(!mistakes.list().is_empty());
            placed(&mistakes, "p", text);
        }
    }
}

/// An inventory, as a file and as what a command printed: its targets have names, each another one, and nothing in them that a
/// terminal would obey.
pub fn inventory(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for from in ["file: f", "command: [c]"] {
        let steps = "steps: [{step: a, action: {command: [\"true\"]}}]";
        let plan = format!("plan: p\ninventory: {{{from}}}\nsignals: [s]\n{steps}\n");
        let file = match PlanFile::read("p", &plan, &Given(text)) {
            Ok(file) => file,
            Err(mistakes) => {
                placed(&mistakes, "f", text);
                continue;
            }
        };
        let targets = &file.plan.inventory.targets;
        assert!(!targets.is_empty());
        for (number, target) in targets.iter().enumerate() {
            let values = target.labels.iter().flat_map(|(label, value)| [label, value]);
            let mut all = values.chain([&target.name, &target.address]);
            assert!(all.all(|text| !text.is_empty() && !text.contains(char::is_control)), "{target:?}");
            assert_eq!(file.plan.inventory.find(&target.name), Some(number));
        }
    }
}

/// Durations, sizes, shares, amounts and selectors, a line each: the same once they are written and read again.
pub fn words(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for line in text.lines() {
        same::<Duration>(line);
        same::<Size>(line);
        same::<Share>(line);
        same::<Selector>(line);
        if let Ok(amount) = line.parse::<Amount>() {
            assert!(amount.rounded_down(7) <= amount.at_most_of(7));
            assert!(amount.to_string().parse::<Amount>().is_ok());
        }
        drop(super::calendar(line, 0, 1_000_000_000_000));
        drop(super::detector_from_text(line));
    }
}

fn same<T: FromStr + Display>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let written = value.to_string();
        let again = written.parse::<T>().ok().map(|value| value.to_string());
        assert_eq!(again.as_ref(), Some(&written), "{text:?}");
    }
}
