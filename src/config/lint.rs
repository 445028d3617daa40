//! What is allowed in a config but can hardly be meant. Only what is certain is said.

use super::mistakes::Mistakes;
use super::units::Duration;
use super::{Config, Signal};
use quietgate_detectors::{Spec, Verdict};
use quietgate_rules::{Direction, RuleSpec};

/// Adds what is odd in `config` to `oddities`.
pub(super) fn lint(config: &Config, mut oddities: Mistakes) -> Mistakes {
    for source in &config.sources {
        if !config.signals.iter().any(|signal| signal.source.as_ref() == Some(&source.name)) {
            oddities.add(source.at, format!("source {:?} is used by no signal", source.name));
        }
    }
    for signal in &config.signals {
        let slow = signal.slow.iter().map(|rule| (rule, signal.slow_at));
        for (rule, at) in std::iter::once((&signal.rule, signal.rule_at)).chain(slow) {
            for oddity in [mute(rule), never_periodic(rule)].into_iter().flatten() {
                oddities.add(at, oddity);
            }
            for twice in named_twice(rule.detectors()) {
                let message =
                    format!("detector {twice} is named twice with the same options: its vote counts twice");
                oddities.add(at, message);
            }
        }
        always_stale(signal).into_iter().for_each(|oddity| oddities.add(signal.at, oddity));
        short_memory(config, signal).into_iter().for_each(|oddity| oddities.add(signal.rule_at, oddity));
        no_counts(config, signal).into_iter().for_each(|oddity| oddities.add(signal.query_at, oddity));
    }
    oddities
}

/// The signal is judged by counts, and its query gives none.
fn no_counts(config: &Config, signal: &Signal) -> Option<String> {
    let mut detectors = std::iter::once(&signal.rule).chain(&signal.slow).flat_map(RuleSpec::detectors);
    detectors.find(|spec| spec.entry().kind == "counts")?;
    let source = config.sources.iter().find(|source| signal.source.as_ref() == Some(&source.name))?;
    let why = source.spec.no_counts(signal.query.as_deref()?, signal.interval)?;
    Some(format!(
        "the detector counts wants what was counted since the sample before, and the query gives something else: {why}"
    ))
}

/// Samples wait for late ones until they are too old: the one that is judged lies so many intervals back as `lateness` begins.
fn always_stale(signal: &Signal) -> Option<String> {
    let (interval_ms, lateness_ms) = (signal.interval.as_millis(), signal.lateness_ms);
    let intervals = lateness_ms.saturating_add(interval_ms - 1) / interval_ms;
    let behind_ms = intervals.saturating_mul(interval_ms);
    let is_stale = signal.source.is_some() && lateness_ms > 0 && behind_ms >= signal.max_age_ms;
    is_stale.then(|| {
        let [lateness, max_age, behind, longer] =
            [lateness_ms, signal.max_age_ms, behind_ms, behind_ms.saturating_add(2 * interval_ms)]
                .map(Duration::from_millis);
        format!(
            "lateness is {lateness} and max_age {max_age}: samples wait until they are {behind} old before they are judged, so that the \
             series is always stale; let max_age be {longer} or longer"
        )
    })
}

/// A detector of a signal that is watched live looks further back than the history goes.
fn short_memory(config: &Config, signal: &Signal) -> Option<String> {
    let kept = Some(config.history_days).filter(|days| *days > 0 && signal.source.is_some())?;
    let mut detectors = std::iter::once(&signal.rule).chain(&signal.slow).flat_map(RuleSpec::detectors);
    let far = detectors.find(|spec| spec.options().count("days").is_some_and(|days| days > kept))?;
    let (kind, days) = (far.entry().kind, far.options().count("days")?);
    Some(format!(
        "the detector {kind} looks at {days} days and the history keeps {kept}: after a restart it has these alone, unless the source \
         tells of more"
    ))
}

/// The rule cannot fire, since detectors can only state what goes the harmless way.
fn mute(rule: &RuleSpec) -> Option<String> {
    let series = match (can_fire(rule, false), can_fire(rule, true)) {
        (true, true) => return None,
        (false, false) => "",
        (false, true) => " on a series without a daily period",
        (true, false) => " on a series with a daily period",
    };
    let silent = rule.detectors().iter().filter(|spec| voice(spec, rule.direction) == Verdict::Normal);
    let silent: Vec<_> = silent.map(|spec| spec.entry().kind).collect();
    Some(format!(
        "the rule can never fire{series}: direction is {}, and what {} may state goes the other way",
        rule.direction,
        silent.join(", ")
    ))
}

/// Whether the rule fires where every detector does that can. A rule that does not never will: no kind fires
/// because a detector is silent.
fn can_fire(rule: &RuleSpec, periodic: bool) -> bool {
    can_fire_without(rule, periodic, "")
}

/// Whether the rule fires where every detector does that can, but for those of `kind`, which find nothing.
fn can_fire_without(rule: &RuleSpec, periodic: bool, kind: &str) -> bool {
    let voiced = |spec: &Spec| match spec.entry().kind {
        own if own == kind => Verdict::Normal,
        _ => voice(spec, rule.direction),
    };
    let voices: Vec<_> = rule.detectors().iter().map(|spec| [voiced(spec)]).collect();
    let columns: Vec<&[Verdict]> = voices.iter().map(|voice| voice.as_slice()).collect();
    let mut outcome = [Verdict::Normal];
    rule.combiner().combine_run(&columns, periodic, &mut outcome);
    outcome[0].fired()
}

/// Whether the rule finds nothing where the detectors of `kind` find nothing.
pub(super) fn rests_on(rule: &RuleSpec, kind: &str) -> bool {
    ![false, true].iter().any(|periodic| can_fire_without(rule, *periodic, kind))
}

/// The harmful verdict that the detector can state; normal where it can state none.
fn voice(spec: &Spec, direction: Direction) -> Verdict {
    let limit = |name| spec.options().number(name).is_some();
    let (states_up, states_down) = match spec.entry().kind {
        "threshold" => (limit("above"), limit("below")),
        "counts" => (true, false),
        "flatline" | "absence" => (false, true),
        _ => (true, true),
    };
    let up = states_up && direction != Direction::Down;
    let down = states_down && direction != Direction::Up;
    match (up, down) {
        (true, _) => Verdict::Surge,
        (false, true) => Verdict::Drop,
        (false, false) => Verdict::Normal,
    }
}

/// No variance is under 0, so that no series is ever called periodic.
fn never_periodic(rule: &RuleSpec) -> Option<String> {
    let never = rule.combiner().period().is_some_and(|variance| variance <= 0.0);
    never.then(|| "variance is 0: no series is ever periodic, and seasonal detectors never judge".to_owned())
}

/// The kinds of detectors that repeat an earlier one of the list.
fn named_twice(detectors: &[Spec]) -> impl Iterator<Item = &'static str> {
    let repeated = |(i, spec): &(usize, &Spec)| detectors[..*i].contains(spec);
    detectors.iter().enumerate().filter(repeated).map(|(_, spec)| spec.entry().kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oddities(rule: &str, direction: &str) -> Vec<String> {
        let text = format!("signals: {{s: {{interval: 1m, direction: {direction}, rule: {rule}}}}}\n");
        let config = Config::read("f", &text).expect("a good config");
        config.lint().list().iter().map(|oddity| oddity.message.clone()).collect()
    }

    #[test]
    fn a_rule_that_is_mute_is_odd() {
        let above = "{kind: threshold, above: 5}";
        let cases = [
            (format!("{{kind: any, detectors: [{above}]}}"), "the rule can never fire: direction is down"),
            (
                format!("{{kind: all, detectors: [ss, {above}]}}"),
                "the rule can never fire: direction is down",
            ),
            (format!("{{kind: majority, detectors: [ss, {above}]}}"), "the rule can never fire: direction"),
            (
                format!("{{kind: by_period, detectors: [chain, {above}]}}"),
                "the rule can never fire on a series without a daily period: direction is down, and what \
                 threshold may",
            ),
        ];
        for (rule, start) in cases {
            let oddities = oddities(&rule, "down");
            assert!(oddities.len() == 1 && oddities[0].starts_with(start), "{rule}: {oddities:?}");
        }
    }

    #[test]
    fn a_rule_that_can_fire_is_not_odd() {
        let above = "{kind: threshold, above: 5}";
        for (rule, direction) in [
            (format!("{{kind: any, detectors: [{above}]}}"), "up"),
            (format!("{{kind: any, detectors: [{above}]}}"), "either"),
            (format!("{{kind: any, detectors: [ls, {above}]}}"), "down"),
            (format!("{{kind: majority, detectors: [ls, ss, {above}]}}"), "down"),
            ("{kind: by_period}".to_owned(), "down"),
            ("{kind: any, detectors: [{kind: threshold, above: 5, below: 1}]}".to_owned(), "down"),
        ] {
            assert_eq!(oddities(&rule, direction), Vec::<String>::new(), "{rule}");
        }
    }

    #[test]
    fn waiting_for_late_samples_until_they_are_stale_is_odd() {
        let oddities = |keys: &str| {
            let text = format!(
                "sources: {{here: {{kind: host}}}}\nsignals: {{s: {{source: here, query: blocked, interval: 1m, {keys}, rule: {{kind: majority}}}}}}\n"
            );
            let config = Config::read("f", &text).expect("a good config");
            config.lint().list().iter().map(|oddity| oddity.message.clone()).collect::<Vec<_>>()
        };
        // max_age is two intervals where nothing is said
        for fresh in
            ["lateness: 0s", "lateness: 1m", "lateness: 90s, max_age: 3m", "lateness: 2m, max_age: 121s"]
        {
            assert_eq!(oddities(fresh), Vec::<String>::new(), "{fresh}");
        }
        for stale in ["lateness: 61s", "lateness: 2m", "lateness: 90s, max_age: 2m"] {
            let oddities = oddities(stale);
            assert!(
                oddities.len() == 1 && oddities[0].contains("is always stale; let max_age be 4m"),
                "{stale}: {oddities:?}"
            );
        }
        let all = "lateness is 1h and max_age 10m: samples wait until they are 1h old before they are judged, so that the series is \
                   always stale; let max_age be 1h2m or longer";
        assert_eq!(oddities("lateness: 1h, max_age: 10m"), [all]);
    }

    #[test]
    fn counts_of_a_rate_are_odd() {
        let oddities = |judged: &str, query: &str| {
            let text = format!(
                "sources: {{p: {{kind: prometheus, url: \"http://h:9090\"}}}}\n\
                 signals: {{s: {{source: p, query: \"{query}\", interval: 1m, {judged}}}}}\n"
            );
            let config = Config::read("f", &text).expect("a good config");
            config.lint().list().iter().map(|oddity| oddity.message.clone()).collect::<Vec<_>>()
        };
        let wants = "the detector counts wants what was counted since the sample before, and the query gives something else: \
                     rate(…[1m]) is what is counted in a second: write increase(…[1m])";
        for judged in ["kind: errors", "kind: loss", "rule: {kind: any, detectors: [ls, counts]}"] {
            assert_eq!(oddities(judged, "rate(e_total[1m])"), [wants], "{judged}");
            assert_eq!(oddities(judged, "increase(e_total[1m])"), Vec::<String>::new(), "{judged}");
        }
        assert_eq!(oddities("kind: traffic", "rate(e_total[1m])"), Vec::<String>::new());
    }

    #[test]
    fn repeated_detectors_and_periods_that_never_come_are_odd() {
        let twice = oddities("{kind: any, detectors: [ss, ls, {kind: ss, count: 6}]}", "up");
        assert_eq!(twice, ["detector ss is named twice with the same options: its vote counts twice"]);
        let never = oddities("{kind: by_period, variance: 0}", "up");
        assert_eq!(never.len(), 1, "{never:?}");
    }
}
