//! What is asked of a pinger, and what it answers.

use super::super::source::{Answer, Ask, Fetching, Gathered, Labels, Source};
use super::super::{SourceError, Trouble};
use super::addresses::Address;
use super::cells::{Cells, Closed};
use super::pinger::{Measured, Pinger, Sending, Shared};
use super::{Quantity, lag_ms, quantity};
use crate::clock;
use crate::text::{counted, duration, rfc3339};
use quietgate_detectors::Sample;
use std::collections::BTreeMap;
use std::io;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The longest that an asking waits for the first interval to be over.
const FIRST_WAIT: Duration = Duration::from_secs(50);
/// So many addresses are named in one warning.
const NAMED_MAX: usize = 5;

/// A source that pings.
#[derive(Debug)]
pub(super) struct Ping {
    sending: Sending,
    /// Those of the series of each address.
    labels: Box<[Labels]>,
    /// At work from the first asking on.
    pinger: Mutex<Option<Pinger>>,
    /// The end of the newest interval that each query was told of, by the length of the intervals.
    told_of: Mutex<BTreeMap<(String, i64), i64>>,
}

impl Source for Ping {
    fn fetch<'a>(&'a self, ask: &'a Ask) -> Fetching<'a> {
        Box::pin(self.answer(ask))
    }
}

impl Ping {
    /// One that is not at work yet.
    pub(super) fn new(sending: Sending) -> Self {
        let labels = sending.addresses.iter().map(|address| Labels::from([("address", &address.text)]));
        Self { labels: labels.collect(), sending, pinger: Mutex::default(), told_of: Mutex::default() }
    }

    async fn answer(&self, ask: &Ask) -> Result<Answer, SourceError> {
        let bad = |what| SourceError::new("ping", Trouble::BadQuery { what });
        let quantity = quantity(ask.query.as_deref()).map_err(bad)?;
        let interval_ms = ask.interval.as_millis();
        if interval_ms < self.sending.every_ms {
            let every = duration(self.sending.every_ms);
            let found = duration(interval_ms);
            return Err(bad(format!(
                "the interval is {found}, allowed is at least the spacing of the echoes, {every}"
            )));
        }
        let (began, mut limit) = (Instant::now(), None);
        loop {
            let shared = self.at_work()?;
            // what is over from here on is heard of
            let news = shared.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            let waited_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
            let until_ms = ask.until.as_millis().saturating_add(waited_ms);
            // the pinger waits for the lock: nothing is made of it while it is held
            let told = shared.measured().told(interval_ms, &self.sending);
            let limit = *limit.get_or_insert_with(|| began + self.first_wait(told.first_end_ms));
            if !told.closed.is_empty() || Instant::now() >= limit {
                let wanted = ask.from.as_millis() + 1..=until_ms;
                let asked = (ask.query.clone().unwrap_or_default(), interval_ms);
                return Ok(self.answer_of(&told, quantity, wanted, asked));
            }
            // in either case it is looked once more
            drop(timeout_at(limit, news).await);
        }
    }

    /// How long to wait for the first interval, which is over at `first_end_ms`. Where that is too far away, until it is known to
    /// whom nothing can be sent.
    fn first_wait(&self, first_end_ms: i64) -> Duration {
        let Sending { every_ms, timeout_ms, .. } = &self.sending;
        let milliseconds = |ms: i64| Duration::from_millis(ms.max(0).unsigned_abs());
        let until_told =
            first_end_ms.saturating_sub(clock::now().as_millis()).saturating_add(lag_ms(*timeout_ms));
        if milliseconds(until_told) <= FIRST_WAIT {
            FIRST_WAIT
        } else {
            milliseconds(every_ms + lag_ms(0)).min(FIRST_WAIT)
        }
    }

    /// What the pinger tells; it begins where it is not at work. Where it has ended, the next asking begins anew.
    fn at_work(&self) -> Result<Arc<Shared>, SourceError> {
        let mut pinger = self.pinger.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cause) = pinger.as_ref().and_then(Pinger::ended) {
            *pinger = None;
            return Err(SourceError::new("ping", Trouble::System { what: "no more is measured", cause }));
        }
        let at_work = match pinger.take() {
            Some(at_work) => at_work,
            None => Pinger::start(self.sending.clone())?,
        };
        Ok(Arc::clone(pinger.insert(at_work).shared()))
    }

    fn answer_of(
        &self,
        told: &Told,
        quantity: Quantity,
        wanted: RangeInclusive<i64>,
        asked: (String, i64),
    ) -> Answer {
        let wanted: Vec<_> = told.closed.iter().filter(|closed| wanted.contains(&closed.at_ms)).collect();
        let mut samples = vec![Vec::new(); self.sending.addresses.len()];
        for closed in &wanted {
            for (number, tally) in closed.whole() {
                if let (Some(samples), Some(value)) = (samples.get_mut(number), quantity(tally)) {
                    samples.push(Sample::new(closed.at_ms, value));
                }
            }
        }
        // all that were asked for are told, so that what was never measured is not taken for clean
        let mut gathered = Gathered::default();
        for (labels, samples) in self.labels.iter().zip(samples) {
            gathered.add(labels.clone(), samples);
        }
        let mut warnings = invalid(self.not_told(&wanted, asked));
        if told.closed.is_empty() {
            warnings.push(format!(
                "no interval is over before {}, for the first one is measured from its beginning: a run waits for that, and \
                 quietgate probe with --query and a shorter --interval shows sooner what answers",
                rfc3339(told.first_end_ms)
            ));
        }
        let complete = warnings.is_empty();
        warnings.extend(self.unsent(&told.unsent));
        Answer { complete, ..gathered.answer(warnings) }
    }

    /// The intervals of `wanted` that the asker was not told of before, and the newest in any case: what was missed in an older
    /// one was said then, and is not there to be asked for again.
    fn not_told<'a>(&self, wanted: &'a [&'a Arc<Closed>], asked: (String, i64)) -> &'a [&'a Arc<Closed>] {
        let Some(newest) = wanted.last() else { return wanted };
        let mut told_of = self.told_of.lock().unwrap_or_else(PoisonError::into_inner);
        // of the first asking the newest alone: it was not there for the others
        let before = told_of.insert(asked, newest.at_ms).unwrap_or(i64::MAX).min(newest.at_ms - 1);
        &wanted[wanted.partition_point(|closed| closed.at_ms <= before)..]
    }

    /// Addresses that no echo could be sent to, which have no samples.
    fn unsent(&self, unsent: &BTreeMap<u32, i32>) -> Vec<String> {
        let named = unsent.iter().take(NAMED_MAX).filter_map(|(number, code)| {
            let Address { text, .. } = self.sending.addresses.get(*number as usize)?;
            Some(format!("no echo can be sent to {text}: {}", io::Error::from_raw_os_error(*code)))
        });
        let mut out: Vec<_> = named.collect();
        if let Some(more) = unsent.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
            out.push(format!("nor to {}", counted(more as u64, "address more", "addresses more")));
        }
        out
    }
}

/// What makes any of the intervals no measurement, in words.
fn invalid(closed: &[&Arc<Closed>]) -> Vec<String> {
    let mut out = Vec::new();
    let unmeasured = closed.iter().map(|closed| closed.unmeasured).sum();
    if unmeasured > 0 {
        let echoes = counted(unmeasured, "echo was", "echoes were");
        out.push(format!(
            "{echoes} not measured: this machine dropped replies or read them too late; give it a larger buffer \
             (net.core.rmem_max, or CAP_NET_ADMIN), fewer echoes, or less other work"
        ));
    }
    let thin = closed.iter().map(|closed| closed.thin).max().unwrap_or_default();
    if thin > 0 {
        let addresses = counted(thin as u64, "address", "addresses");
        out.push(format!("{addresses} got too few echoes: this machine is too busy to send them"));
    }
    out
}

/// What has been measured, taken along so that the pinger need not wait while it is read.
struct Told {
    closed: Vec<Arc<Closed>>,
    unsent: BTreeMap<u32, i32>,
    /// The end of the first interval, where none is over yet.
    first_end_ms: i64,
}

impl Measured {
    /// The intervals of this length that are over. They are measured from the first asking on.
    fn told(&mut self, interval_ms: i64, sending: &Sending) -> Told {
        let known = self.cells.iter().position(|cells| cells.interval_ms() == interval_ms);
        let known = known.unwrap_or_else(|| {
            self.cells.push(Cells::new(interval_ms, sending.every_ms, sending.addresses.len()));
            self.cells.len() - 1
        });
        let cells = &self.cells[known];
        Told {
            closed: cells.closed().cloned().collect(),
            unsent: self.unsent.clone(),
            first_end_ms: cells.first_end_ms(clock::now().as_millis()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cells::{Outage, Tally};
    use super::super::flight::{Echo, Outcome};
    use super::*;

    const ANSWERED: Outcome = Outcome::Answered { round_trip_ns: 1_000_000 };

    /// One address that gets an echo every 100 ms.
    fn one() -> Ping {
        let address = Address { text: "192.0.2.1".to_owned(), ip: [192, 0, 2, 1].into() };
        Ping::new(Sending { addresses: [address].into(), every_ms: 100, timeout_ms: 200, buffer: 4_096 })
    }

    /// What is measured of it in intervals of a second until `until_ms`, of which one echo was dropped here, at 1.5 s.
    fn measured(until_ms: i64) -> Told {
        let mut cells = Cells::new(1_000, 100, 1);
        for due_ms in (-500..until_ms).step_by(100) {
            let outcome = if due_ms == 1_500 { Outcome::Unmeasured } else { ANSWERED };
            let due_ns = (due_ms + 500).unsigned_abs() * 1_000_000;
            cells.add(&Echo { address: 0, sent_ns: due_ns, due_ns, due_ms }, outcome, Outage::default());
        }
        cells.reach(until_ms);
        Told { closed: cells.closed().cloned().collect(), unsent: BTreeMap::new(), first_end_ms: 1_000 }
    }

    #[test]
    fn what_was_missed_is_said_once_to_each_query_however_late_it_asks() {
        let ping = one();
        let ask = |query: &str, until_ms| {
            let asked = (query.to_owned(), 1_000);
            ping.answer_of(&measured(until_ms), Tally::loss, 1..=until_ms, asked)
        };
        let ends = |answer: &Answer| {
            answer.series[0].samples.iter().map(|sample| sample.at.as_millis()).collect::<Vec<_>>()
        };
        assert!(ask("a", 1_000).complete && ask("b", 1_000).complete);
        // two intervals are over since, and the older one is not whole
        let late = ask("a", 3_000);
        assert_eq!((ends(&late), late.complete), (vec![1_000, 3_000], false));
        assert!(late.warnings[0].starts_with("1 echo was not measured: "), "{:?}", late.warnings);
        assert!(ask("a", 3_000).complete, "it was said");
        assert_eq!((ask("b", 2_000).complete, ask("b", 2_000).complete), (false, false), "it is the newest");
        assert!(ask("b", 3_000).complete && ask("c", 3_000).complete);
    }
}
