//! What `step_contrast` sees of a series of known noise, and what it keeps quiet about.

use crate::kinds::tests::{Judge, judge_of};
use crate::verdict::{Reason, Verdict};

const DAY: usize = 1440;

/// About 100, with noise of ±5 % that is the same at every run.
fn noise(i: usize) -> f64 {
    100.0 + (i.wrapping_mul(2_654_435_761) % 1009) as f64 / 1009.0 * 10.0 - 5.0
}

/// One that has seen so many minutes of noise.
fn seasoned(minutes: usize) -> (Judge, usize) {
    let mut judge = judge_of("step_contrast", &[]);
    (0..minutes).for_each(|i| _ = judge.verdict(noise(i)));
    (judge, minutes)
}

impl Judge {
    fn starts(&mut self, settling: u64) {
        self.ensemble.batch_starts(settling);
    }

    /// At how many of the next minutes it fires, where the noise is so many times as large.
    fn fired(&mut self, at: &mut usize, minutes: usize, times: f64) -> usize {
        let mut fired = 0;
        for _ in 0..minutes {
            fired += usize::from(self.verdict(times * noise(*at)).fired());
            *at += 1;
        }
        fired
    }
}

#[test]
fn what_lasts_after_a_start_fires_and_the_same_without_one_does_not() {
    let (mut judge, mut at) = seasoned(3 * DAY);
    assert_eq!(judge.fired(&mut at, 30, 0.9), 0, "no batch started");
    let (mut judge, mut at) = seasoned(3 * DAY);
    judge.starts(0);
    assert_eq!(judge.fired(&mut at, 20, 1.0), 0, "nothing changed");
    assert!(judge.fired(&mut at, 30, 0.9) > 20);
    assert!(judge.words().contains("together, are below what was before the batch"), "{}", judge.words());
    assert_eq!(judge.fired(&mut at, 60, 0.9), 10, "its hour is over");
}

#[test]
fn what_creeps_in_over_batches_is_seen_by_the_first() {
    let (mut judge, mut at) = seasoned(3 * DAY);
    let mut fired = Vec::new();
    for batch in 0..5 {
        judge.starts(0);
        fired.push(judge.fired(&mut at, 10, 1.0 - 0.015 * f64::from(batch)));
    }
    // alone, no batch moves it by more than its noise does
    assert_eq!(fired[..3], [0, 0, 0]);
    assert!(fired[4] > 0, "{fired:?}");
    let (mut judge, mut at) = seasoned(3 * DAY);
    judge.fired(&mut at, 60, 0.955);
    judge.starts(0);
    assert_eq!(judge.fired(&mut at, 10, 0.94), 0, "the last one alone");
}

#[test]
fn what_a_later_batch_is_expected_to_do_says_nothing_of_the_first() {
    let (mut judge, mut at) = seasoned(3 * DAY);
    judge.starts(0);
    judge.fired(&mut at, 10, 1.0);
    judge.starts(8);
    assert_eq!(judge.fired(&mut at, 8, 3.0), 0, "while it is expected");
    assert_eq!(judge.fired(&mut at, 20, 1.0), 0, "and after it");
    assert!(judge.fired(&mut at, 10, 0.8) > 0);
}

#[test]
fn with_too_few_other_starts_nothing_is_known_until_its_time_is_over() {
    let (mut judge, at) = seasoned(6 * 60);
    judge.starts(0);
    let verdicts: Vec<Verdict> = (at..at + 61).map(|i| judge.verdict(noise(i))).collect();
    assert!(verdicts[..60].iter().all(|verdict| *verdict == Verdict::Unknown(Reason::WarmingUp)));
    assert_eq!(verdicts[60], Verdict::Normal);
}
