//! Plans that watch for longer than `step_contrast` looks: it compares what came after a batch with what was before, and for so
//! many minutes alone.

use super::PlanFile;
use crate::config::lint::rests_on;
use crate::config::mistakes::Mistakes;
use crate::config::{Config, Signal};
use crate::settings::units::Duration;

/// The detector that looks from the start of a batch on.
const CONTRAST: &str = "step_contrast";

impl PlanFile {
    /// What is allowed together with `config` but can hardly be meant: a slow layer that watches when it sees nothing any
    /// more.
    pub fn lint_with(&self, config: &Config) -> Mistakes {
        let mut oddities = Mistakes::none(&self.file);
        let signals: Vec<&Signal> = self.plan.signals.iter().filter_map(|name| config.signal(name)).collect();
        for message in signals.iter().filter_map(|signal| self.watches_in_vain(signal)) {
            oddities.add(self.watch_after_at, message);
        }
        oddities
    }

    /// The slow layer watches the signal for longer than its rule looks.
    fn watches_in_vain(&self, signal: &Signal) -> Option<String> {
        let slow = signal.slow.as_ref().filter(|slow| rests_on(slow, CONTRAST))?;
        let settles_ms = self.plan.steps.iter().map(|step| step.expected_ms(&signal.name)).max().unwrap_or(0);
        let looks_ms = slow.looks_ms()?.saturating_add(settles_ms);
        let (watch, looks) =
            (Duration::from_millis(self.plan.watch_after_ms), Duration::from_millis(looks_ms));
        (looks_ms < self.plan.watch_after_ms).then(|| {
            format!(
                "watch_after is {watch}, but the slow rule of signal {:?} rests on {CONTRAST}, which looks for {looks} after \
                 a batch: what it watches longer it cannot find anything in",
                signal.name
            )
        })
    }
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

    fn oddities(watch_after: &str, expects: &str) -> Vec<(usize, String)> {
        let config = "signals:\n  ram: {interval: 1m, kind: memory}\n  cpu: {interval: 1m, kind: load}\n  \
            rps: {interval: 1m, rule: {kind: majority}, slow: {kind: any, detectors: [slope, step_contrast]}}\n";
        let config = Config::read("c.yaml", config).expect("a good config");
        let plan = format!(
            "plan: p\ninventory: [{{name: a}}]\nsignals: [ram, cpu, rps]\nwatch_after: {watch_after}\n\
             gate: {{clean_before: 1m, clean_after: 1m, patience: 9h}}\n\
             steps:\n- step: s\n{expects}\n  action: {{kind: exec, argv: [./a]}}\n"
        );
        let plan = PlanFile::read("p.yaml", &plan, &Nothing).expect("a good plan");
        plan.lint_with(&config).list().iter().map(|oddity| (oddity.at.line, oddity.message.clone())).collect()
    }

    #[test]
    fn a_watch_that_is_longer_than_the_slow_rule_looks_is_odd() {
        assert_eq!(oddities("2h", "  # nothing"), []);
        let watch = "watch_after is 3h, but the slow rule of signal \"ram\" rests on step_contrast, which looks for 2h after \
                     a batch: what it watches longer it cannot find anything in";
        // that of rps has another detector, which goes on
        assert_eq!(oddities("3h", "  # nothing"), [(4, watch.to_owned())]);
        assert_eq!(oddities("3h", "  expects: {signals: [ram], for: 1h}"), []);
    }
}
