//! Echoes that are under way, and what becomes of each: answered, lost, or not measured. Pure: time is an argument.

use std::collections::VecDeque;

/// An echo that was to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Echo {
    /// To which address, from 0.
    pub(super) address: u32,
    /// When it was sent, in nanoseconds of a clock that nobody sets.
    pub(super) sent_ns: u64,
    /// When it was due, by the same clock.
    pub(super) due_ns: u64,
    /// When it was due, by the time of day in milliseconds, which may be set.
    pub(super) due_ms: i64,
}

/// What became of an echo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Answered in time, after so many nanoseconds at most.
    Answered { round_trip_ns: u64 },
    /// Not answered in time, for sure.
    Lost,
    /// Whether it was answered in time cannot be told: this machine dropped replies, or read too late.
    Unmeasured,
    /// It could not be sent.
    Unsent,
}

/// Echoes in the order of their sending, from the oldest that is not decided.
#[derive(Debug)]
pub(super) struct Flight {
    timeout_ns: u64,
    most: usize,
    first: u64,
    echoes: VecDeque<(Echo, Option<Outcome>)>,
}

impl Flight {
    /// Nothing under way; a reply counts until `timeout_ns` nanoseconds after the sending. Where more than `most` echoes wait
    /// to be decided, the oldest are not measured: so much comes that nobody gets to the end of it.
    pub(super) fn new(timeout_ns: u64, most: usize) -> Self {
        Self { timeout_ns, most, first: 0, echoes: VecDeque::new() }
    }

    /// The number of the next echo.
    pub(super) fn next(&self) -> u64 {
        self.first + self.echoes.len() as u64
    }

    /// The next echo was sent, or could not be.
    pub(super) fn push(&mut self, echo: Echo, was_sent: bool) {
        self.echoes.push_back((echo, (!was_sent).then_some(Outcome::Unsent)));
    }

    /// A reply to echo `number`. It came between `since_ns`, when nothing was to be read, and `read_ns`. A reply that is
    /// late, a second one and one to nothing that is under way change nothing.
    pub(super) fn answered(&mut self, number: u64, since_ns: u64, read_ns: u64) {
        let place = number.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        let Some((echo, outcome)) = place.and_then(|place| self.echoes.get_mut(place)) else { return };
        if outcome.is_some() {
            return;
        }
        let longest = read_ns.saturating_sub(echo.sent_ns);
        let shortest = since_ns.saturating_sub(echo.sent_ns);
        if longest <= self.timeout_ns {
            *outcome = Some(Outcome::Answered { round_trip_ns: longest });
        } else if shortest <= self.timeout_ns {
            *outcome = Some(Outcome::Unmeasured);
        }
    }

    /// Takes the oldest echo, where it is decided once everything that came until `read_ns` is known. `is_doubtful` says
    /// whether a reply to it that came between two times may have been dropped by this machine.
    pub(super) fn decide(
        &mut self,
        read_ns: u64,
        is_doubtful: impl FnOnce(&Echo, u64, u64) -> bool,
    ) -> Option<(Echo, Outcome)> {
        let (echo, outcome) = *self.echoes.front()?;
        let until_ns = echo.sent_ns.saturating_add(self.timeout_ns);
        let outcome = match outcome {
            Some(outcome) => outcome,
            None if until_ns >= read_ns && self.echoes.len() > self.most => Outcome::Unmeasured,
            None if until_ns >= read_ns => return None,
            None if is_doubtful(&echo, echo.sent_ns, until_ns) => Outcome::Unmeasured,
            None => Outcome::Lost,
        };
        self.echoes.pop_front();
        self.first += 1;
        Some((echo, outcome))
    }

    /// When the oldest echo that is not decided was sent; none where all are.
    pub(super) fn oldest_ns(&self) -> Option<u64> {
        self.echoes.front().map(|(echo, _)| echo.sent_ns)
    }

    /// When the oldest echo that is not decided was due, by the time of day in milliseconds; none where all are.
    pub(super) fn oldest_ms(&self) -> Option<i64> {
        self.echoes.front().map(|(echo, _)| echo.due_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: u64 = 1_000;

    fn echo(sent_ns: u64) -> Echo {
        Echo { address: 7, sent_ns, due_ns: sent_ns, due_ms: 0 }
    }

    fn flight(sent: &[u64]) -> Flight {
        let mut flight = Flight::new(TIMEOUT, 5);
        for sent_ns in sent {
            flight.push(echo(*sent_ns), true);
        }
        flight
    }

    fn decided(flight: &mut Flight, read_ns: u64) -> Vec<Outcome> {
        std::iter::from_fn(|| flight.decide(read_ns, |_, _, _| false)).map(|(_, outcome)| outcome).collect()
    }

    #[test]
    fn an_echo_is_lost_once_its_time_is_over_and_not_before() {
        let mut flight = flight(&[0, 10]);
        assert!(decided(&mut flight, 1_000).is_empty());
        assert_eq!(decided(&mut flight, 1_001), [Outcome::Lost]);
        flight.answered(1, 900, 1_005);
        assert_eq!(decided(&mut flight, 1_001), [Outcome::Answered { round_trip_ns: 995 }]);
        assert_eq!((flight.next(), flight.oldest_ms()), (2, None));
    }

    #[test]
    fn late_and_second_replies_and_those_to_nothing_change_nothing() {
        let mut flight = flight(&[0, 10, 20]);
        flight.answered(1, 20, 30);
        flight.answered(1, 500, 600);
        flight.answered(3, 30, 40);
        flight.answered(0, 1_001, 1_002);
        assert_eq!(
            decided(&mut flight, 2_000),
            [Outcome::Lost, Outcome::Answered { round_trip_ns: 20 }, Outcome::Lost]
        );
        flight.answered(0, 1_001, 2_100);
        flight.answered(2, 1_001, 2_100);
        assert!(decided(&mut flight, 9_000).is_empty(), "nothing is told twice");
    }

    #[test]
    fn what_waits_for_a_socket_that_never_runs_empty_is_given_up_in_the_end() {
        let mut flight = flight(&[0, 10, 20, 30, 40, 50, 60]);
        flight.answered(1, 0, 500);
        // the socket was never empty
        let answered = Outcome::Answered { round_trip_ns: 490 };
        assert_eq!(decided(&mut flight, 0), [Outcome::Unmeasured, answered]);
        flight.answered(0, 0, 600);
        assert_eq!((decided(&mut flight, 0), flight.next()), (vec![], 7));
        assert_eq!(decided(&mut flight, 1_061), [Outcome::Lost; 5]);
    }

    #[test]
    fn a_reply_that_lay_unread_across_the_limit_is_neither_in_time_nor_late() {
        let mut flight = flight(&[0]);
        flight.answered(0, 999, 1_500);
        assert_eq!(decided(&mut flight, 1_600), [Outcome::Unmeasured]);
    }

    #[test]
    fn what_may_have_been_dropped_here_and_what_was_not_sent_is_no_loss() {
        let mut flight = flight(&[0, 500]);
        flight.push(echo(600), false);
        flight.answered(1, 500, 510);
        let outcomes: Vec<_> = std::iter::from_fn(|| {
            flight.decide(5_000, |_, from, until| {
                assert_eq!((from, until), (0, 1_000));
                true
            })
        })
        .map(|(_, outcome)| outcome)
        .collect();
        let answered = Outcome::Answered { round_trip_ns: 10 };
        assert_eq!(outcomes, [Outcome::Unmeasured, answered, Outcome::Unsent]);
    }
}
