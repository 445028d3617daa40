//! Starts that a recording does not have: what judges the starts of batches is tuned, and held against history, as if one had
//! started now and then.

use super::held::DAY_MINUTES;
use quietgate_detectors::{BatchStart, Timestamp};
use quietgate_rules::RuleSpec;

const MINUTE_MS: i64 = 60_000;

/// Batches that are taken to start at equal distances, each looked at for a while. Nothing is expected of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Starts {
    /// How far they are apart, in milliseconds; they lie at its multiples, from 1970 on.
    pub every_ms: i64,
    /// For how long each is looked at, in milliseconds; at most until the next.
    pub looked_ms: i64,
}

impl Starts {
    /// A start every `every_ms` milliseconds, looked at for as long as any detector of `rule` does; none where none of them
    /// judges starts.
    pub fn of(rule: &RuleSpec, every_ms: i64) -> Option<Self> {
        let every_ms = every_ms.max(1);
        Some(Self { every_ms, looked_ms: rule.looks_ms()?.min(every_ms) })
    }

    /// Starts at the same times of every day (UTC), as close as they can be with each looked at to its end; none where no
    /// detector of `rule` judges starts.
    pub fn of_a_day(rule: &RuleSpec) -> Option<Self> {
        let looks_ms = rule.looks_ms()?;
        let is_good = |minutes: &i64| DAY_MINUTES % minutes == 0 && minutes * MINUTE_MS >= looks_ms;
        Self::of(rule, (1..DAY_MINUTES).find(is_good).unwrap_or(DAY_MINUTES) * MINUTE_MS)
    }

    /// All that may be felt from `from` until `until`, in the order of time.
    pub fn between(self, from: Timestamp, until: Timestamp) -> impl Iterator<Item = BatchStart> {
        let first = from.as_millis() - from.as_millis().rem_euclid(self.every_ms);
        let next = move |at: &i64| at.checked_add(self.every_ms);
        std::iter::successors(Some(first), next).take_while(move |at| *at <= until.as_millis()).map(|at| {
            let at = Timestamp::from_millis(at);
            BatchStart { at, settled: at }
        })
    }

    /// Whether `at` lies so soon after a start that it is looked at.
    pub fn looks_at(self, at: Timestamp) -> bool {
        at.as_millis().rem_euclid(self.every_ms) < self.looked_ms
    }

    /// The newest start at `at`.
    pub(super) fn newest(self, at: Timestamp) -> Timestamp {
        Timestamp::from_millis(at.as_millis() - at.as_millis().rem_euclid(self.every_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quietgate_detectors::{OptionValue, Spec};
    use quietgate_rules::{Direction, Sustain};

    fn rule(kinds: &[(&str, &[(&str, f64)])]) -> RuleSpec {
        let detectors = kinds.iter().map(|(kind, options)| {
            let options: Vec<_> =
                options.iter().map(|&(name, value)| (name.to_owned(), OptionValue::Number(value))).collect();
            Spec::new(kind, &options).expect("a detector")
        });
        RuleSpec::new("any", &[], detectors.collect(), Direction::Up, Sustain::ONE).expect("a rule")
    }

    fn starts(kinds: &[(&str, &[(&str, f64)])], every_minutes: i64) -> Option<Starts> {
        Starts::of(&rule(kinds), every_minutes * MINUTE_MS)
    }

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * MINUTE_MS)
    }

    #[test]
    fn each_start_is_looked_at_for_as_long_as_a_detector_does() {
        let of = |every, looked| Starts { every_ms: every * MINUTE_MS, looked_ms: looked * MINUTE_MS };
        let contrast: (&str, &[(&str, f64)]) = ("step_contrast", &[]);
        let longer: (&str, &[(&str, f64)]) = ("step_contrast", &[("within", 120.0)]);
        assert_eq!(starts(&[("ls", &[]), contrast], 240), Some(of(240, 60)));
        assert_eq!(starts(&[contrast, longer], 240), Some(of(240, 120)));
        assert_eq!(starts(&[longer], 90), Some(of(90, 90)), "the next one takes its place");
        assert_eq!(starts(&[("ls", &[])], 240), None);
    }

    #[test]
    fn those_of_a_day_are_the_same_every_day_and_are_looked_at_to_their_end() {
        let of_a_day = |within: f64| {
            let starts = Starts::of_a_day(&rule(&[("ls", &[]), ("step_contrast", &[("within", within)])]));
            starts.map(|starts| (starts.every_ms / MINUTE_MS, starts.looked_ms / MINUTE_MS))
        };
        let expected = [(60.0, 60), (50.0, 60), (61.0, 72), (7.0, 8), (721.0, 1_440), (1_440.0, 1_440)];
        for (within, every) in expected {
            assert_eq!(of_a_day(within), Some((every, within as i64)), "{within}");
        }
        assert_eq!(Starts::of_a_day(&rule(&[("ls", &[])])), None);
    }

    #[test]
    fn they_lie_at_multiples_and_what_is_between_their_looks_is_not_looked_at() {
        let starts = starts(&[("step_contrast", &[])], 240).expect("starts");
        let at: Vec<_> = starts.between(minute(250), minute(720)).map(|start| start.at).collect();
        assert_eq!(at, [minute(240), minute(480), minute(720)]);
        let looked = [239, 240, 299, 300, 479, 480].map(|at| starts.looks_at(minute(at)));
        assert_eq!(looked, [false, true, true, false, false, true]);
        assert_eq!([239, 240, 479].map(|at| starts.newest(minute(at))), [0, 240, 240].map(minute));
    }
}
