//! Plans that go on for longer than `step_contrast` looks: it compares what came after the start of a batch with what was
//! before, and for so many minutes alone. All of this goes once it looks from the end of the action.

use super::PlanFile;
use crate::config::lint::rests_on;
use crate::config::mistakes::{Mistakes, Place};
use crate::config::{Config, Signal};
use crate::plan::Step;
use crate::settings::units::Duration;
use quietgate_rules::RuleSpec;

/// The detector that looks from the start of a batch on.
const CONTRAST: &str = "step_contrast";

impl PlanFile {
    /// What is allowed together with `config` but can hardly be meant: an action that may last until its contrast is over, and
    /// a slow layer that watches when it sees nothing any more.
    pub fn lint_with(&self, config: &Config) -> Mistakes {
        let mut oddities = Mistakes::none(&self.file);
        let signals: Vec<&Signal> = self.plan.signals.iter().filter_map(|name| config.signal(name)).collect();
        for message in signals.iter().filter_map(|signal| self.watches_in_vain(signal)) {
            oddities.add(self.watch_after_at, message);
        }
        for step in &self.plan.steps {
            let (line, column) = step.action.at;
            if let Some(message) = outlasts(step, &signals) {
                oddities.add(Place { line, column }, message);
            }
        }
        oddities
    }

    /// The slow layer watches the signal for longer than its rule looks.
    fn watches_in_vain(&self, signal: &Signal) -> Option<String> {
        let slow = signal.slow.as_ref().filter(|slow| rests_on(slow, CONTRAST))?;
        let settles_ms = self.plan.steps.iter().map(|step| step.expected_ms(&signal.name)).max().unwrap_or(0);
        let looks_ms = looks_ms(slow)?.saturating_add(settles_ms);
        let (watch, looks) = (duration(self.plan.watch_after_ms), duration(looks_ms));
        (looks_ms < self.plan.watch_after_ms).then(|| {
            format!(
                "watch_after is {watch}, but the slow rule of signal {:?} rests on {CONTRAST}, which looks for {looks} after \
                 the start of a batch: what it watches longer it cannot find anything in",
                signal.name
            )
        })
    }
}

/// The action of the step may last for longer than the signals are looked at by contrast.
fn outlasts(step: &Step, signals: &[&Signal]) -> Option<String> {
    let lasts_ms = step.action.timeout_ms;
    let over = signals.iter().filter_map(|signal| {
        let rules = std::iter::once(&signal.rule).chain(&signal.slow);
        let looks_ms = rules.filter_map(looks_ms).max()?.saturating_add(step.expected_ms(&signal.name));
        (looks_ms < lasts_ms).then_some((looks_ms, signal.name.as_str()))
    });
    let over: Vec<_> = over.collect();
    let (looks_ms, _) = over.iter().min()?;
    let names: Vec<_> = over.iter().map(|(_, name)| *name).collect();
    let (lasts, looks) = (duration(lasts_ms), duration(*looks_ms));
    Some(format!(
        "step {:?} has an action that may take {lasts} (its timeout), but {CONTRAST} of {} looks for {looks} after the start of \
         a batch: what a longer action does at its end is not seen by it; give `within` as much, or a shorter timeout",
        step.name,
        names.join(", ")
    ))
}

/// For how long a rule looks by contrast after the start of a batch, in milliseconds; none where it does not.
fn looks_ms(rule: &RuleSpec) -> Option<i64> {
    let contrasts = rule.detectors().iter().filter(|spec| spec.entry().kind == CONTRAST);
    contrasts
        .filter_map(|spec| spec.options().count("within"))
        .max()
        .map(|minutes| i64::from(minutes) * 60_000)
}

fn duration(ms: i64) -> Duration {
    Duration::from_millis(ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::plan::{Elsewhere, Supply, SupplyError};

    struct Nothing;

    impl Supply for Nothing {
        fn fetch(&self, _: &Elsewhere<'_>) -> Result<String, SupplyError> {
            Err(SupplyError::Unknown)
        }
    }

    fn oddities(watch_after: &str, timeout: &str, expects: &str) -> Vec<(usize, String)> {
        let config = "signals:\n  ram: {interval: 1m, kind: memory}\n  cpu: {interval: 1m, kind: load}\n  \
            rps: {interval: 1m, rule: {kind: majority}, slow: {kind: any, detectors: [slope, step_contrast]}}\n";
        let config = Config::read("c.yaml", config).expect("a good config");
        let plan = format!(
            "plan: p\ninventory: [{{name: a}}]\nsignals: [ram, cpu, rps]\nwatch_after: {watch_after}\n\
             gate: {{clean_before: 1m, clean_after: 1m, patience: 9h}}\n\
             steps:\n- step: s\n{expects}\n  action: {{kind: exec, argv: [./a], timeout: {timeout}}}\n"
        );
        let plan = PlanFile::read("p.yaml", &plan, &Nothing).expect("a good plan");
        plan.lint_with(&config).list().iter().map(|oddity| (oddity.at.line, oddity.message.clone())).collect()
    }

    #[test]
    fn a_watch_that_is_longer_than_the_slow_rule_looks_is_odd() {
        assert_eq!(oddities("2h", "1h", "  # nothing"), []);
        let watch = "watch_after is 3h, but the slow rule of signal \"ram\" rests on step_contrast, which looks for 2h after the \
                     start of a batch: what it watches longer it cannot find anything in";
        // that of rps has another detector, which goes on
        assert_eq!(oddities("3h", "1h", "  # nothing"), [(4, watch.to_owned())]);
        assert_eq!(oddities("3h", "1h", "  expects: {signals: [ram], for: 1h}"), []);
    }

    #[test]
    fn an_action_that_may_outlast_its_contrast_is_odd() {
        let told = |timeout: &str, names: &str, looks: &str| {
            let message = format!(
                "step \"s\" has an action that may take {timeout} (its timeout), but step_contrast of {names} looks for {looks} \
                 after the start of a batch: what a longer action does at its end is not seen by it; give `within` as much, \
                 or a shorter timeout"
            );
            vec![(9, message)]
        };
        assert_eq!(oddities("1h", "90m", "  # nothing"), told("1h30m", "cpu, rps", "1h"));
        assert_eq!(oddities("1h", "3h", "  # nothing"), told("3h", "ram, cpu, rps", "1h"));
        assert_eq!(oddities("1h", "90m", "  expects: {signals: [cpu, rps], for: 30m}"), []);
    }
}
