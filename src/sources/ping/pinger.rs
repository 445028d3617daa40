//! The thread that sends echoes and reads replies, and what it has measured so far.

use super::super::{SourceError, Trouble};
use super::addresses::Address;
use super::cells::{Cells, Outages};
use super::drops::{Drops, Sleep};
use super::flight::{Echo, Flight};
use super::pace::Pace;
use super::packet::Family;
use super::port::{Port, Received};
use crate::clock;
use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::SockAddr;
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::Notify;
use tracing::warn;

/// How echoes are sent.
#[derive(Debug, Clone)]
pub(super) struct Sending {
    /// To whom.
    pub(super) addresses: Arc<[Address]>,
    /// Spacing of the echoes to one address, in milliseconds.
    pub(super) every_ms: i64,
    /// How long a reply is waited for, in milliseconds.
    pub(super) timeout_ms: i64,
    /// Bytes of a receive buffer.
    pub(super) buffer: usize,
}

/// For so long, beyond its timeout, an echo waits to be decided where replies never come to an end.
const UNDECIDED_MS: i64 = 2_000;

impl Sending {
    /// How many echoes may be under way: all of the timeout, and of a little longer.
    fn at_most_under_way(&self) -> usize {
        let rounds = (self.timeout_ms + UNDECIDED_MS) / self.every_ms.max(1) + 1;
        usize::try_from(rounds).unwrap_or(usize::MAX).saturating_mul(self.addresses.len())
    }
}

/// A pinger at work. Dropping it ends its thread.
#[derive(Debug)]
pub(super) struct Pinger {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

/// What the thread tells those who ask.
#[derive(Debug, Default)]
pub(super) struct Shared {
    measured: Mutex<Measured>,
    ends: AtomicBool,
    /// An interval is over, or everything is.
    pub(super) news: Notify,
}

/// What has been measured.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// The lengths of interval that were asked for.
    pub(super) cells: Vec<Cells>,
    /// Addresses to which the newest echo could not be sent, by number, with the system's number for why.
    pub(super) unsent: BTreeMap<u32, i32>,
    /// Why nothing more is measured.
    failure: Option<io::Error>,
}

impl Pinger {
    /// Opens the sockets and begins.
    ///
    /// # Errors
    /// A socket that cannot be had, with the right that is missing; or no thread.
    pub(super) fn start(sending: Sending) -> Result<Self, SourceError> {
        let shared = Arc::new(Shared::default());
        let work = Work::new(&sending, Arc::clone(&shared))?;
        let thread = std::thread::Builder::new().name("ping".to_owned()).spawn(move || work.run());
        let failed =
            |cause| SourceError::new("ping", Trouble::System { what: "no thread can be started", cause });
        Ok(Self { shared, thread: thread.map_err(failed)? })
    }

    /// What it tells.
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Whether its thread has ended, with the reason where it is known.
    pub(super) fn ended(&self) -> Option<io::Error> {
        let failure = self.shared.measured().failure.take();
        failure.or_else(|| self.thread.is_finished().then(|| io::Error::other("its thread has ended")))
    }
}

impl Drop for Pinger {
    fn drop(&mut self) {
        // it looks at this in a tenth of a second at most
        self.shared.ends.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    /// What has been measured so far.
    pub(super) fn measured(&self) -> MutexGuard<'_, Measured> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket, and when it missed something.
#[derive(Debug)]
struct Way {
    port: Port,
    drops: Drops,
    /// When nothing was left to read.
    empty_ns: u64,
}

/// What the thread works with.
#[derive(Debug)]
struct Work {
    shared: Arc<Shared>,
    began: Instant,
    ways: Vec<Way>,
    /// The way and the system's form of each address.
    to: Vec<(usize, SockAddr)>,
    ips: Vec<IpAddr>,
    pace: Pace,
    flight: Flight,
    outages: Outages,
    unsent: BTreeMap<u32, i32>,
    /// The time of day at the beginning, in milliseconds.
    began_ms: i64,
    settled_ns: u64,
    sleep: Sleep,
    /// Nothing is sent before.
    rests_until_ns: u64,
}

/// How often it is settled what became of echoes, in milliseconds.
pub(super) const SETTLE_MS: i64 = 100;
const SETTLE_NS: u64 = SETTLE_MS.unsigned_abs() * 1_000_000;
/// What is due within so long is sent together: fewer times to wake up.
const SLOT_NS: u64 = 1_000_000;
/// So far the time of day may be off before it is taken over: less would move echoes from one interval to the next.
const DRIFT_MS: u64 = 5;
/// The most echoes that are sent before replies are read again: the smallest usual buffer has room for these.
const SEND_MAX: usize = 64;
/// The most replies that are read before something else is looked at.
const READ_MAX: usize = 10_000;

impl Work {
    fn new(sending: &Sending, shared: Arc<Shared>) -> Result<Self, SourceError> {
        let owner = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), std::process::id());
        let began = Instant::now();
        let family = |address: &Address| if address.ip.is_ipv4() { Family::V4 } else { Family::V6 };
        let mut ways: Vec<Way> = Vec::new();
        let mut to = Vec::new();
        for address in sending.addresses.iter() {
            let known = ways.iter().position(|way| way.port.family() == family(address));
            let way = match known {
                Some(way) => way,
                None => {
                    ways.push(Way::open(family(address), owner, sending.buffer)?);
                    ways.len() - 1
                }
            };
            to.push((way, SockAddr::from(std::net::SocketAddr::new(address.ip, 0))));
        }
        let nanoseconds = |ms: i64| ms.max(1).unsigned_abs().saturating_mul(1_000_000);
        // exact: there are at most so many addresses
        let pace = Pace::new(nanoseconds(sending.every_ms), to.len() as u32, 0);
        Ok(Self {
            shared,
            began,
            ways,
            outages: Outages::new(sending.every_ms, to.len()),
            to,
            ips: sending.addresses.iter().map(|address| address.ip).collect(),
            pace,
            flight: Flight::new(nanoseconds(sending.timeout_ms), sending.at_most_under_way()),
            unsent: BTreeMap::new(),
            began_ms: clock::now().as_millis(),
            settled_ns: 0,
            sleep: Sleep::until_now(clock::slept_ms()),
            rests_until_ns: 0,
        })
    }

    fn run(mut self) {
        while !self.shared.ends.load(Ordering::Relaxed) {
            if let Err(error) = self.turn() {
                self.shared.measured().failure = Some(error);
                break;
            }
        }
        self.shared.news.notify_waiters();
    }

    /// Sends what is due, reads what has come, and settles what is decided.
    fn turn(&mut self) -> io::Result<()> {
        self.send();
        self.wait()?;
        self.read()?;
        if self.now_ns() >= self.settled_ns + SETTLE_NS {
            self.settle()?;
        }
        Ok(())
    }

    fn send(&mut self) {
        let mut now_ns = self.now_ns();
        // what is left over goes out as soon as replies have been read
        self.rests_until_ns = 0;
        for _ in 0..SEND_MAX {
            let Some(due) = self.pace.take(now_ns) else {
                self.rests_until_ns = now_ns + SLOT_NS;
                break;
            };
            // the numbers of pace and flight are the same: each echo that is due is pushed
            let (number, (way, address)) = (self.flight.next(), &self.to[due.address as usize]);
            let sent_ns = self.now_ns();
            let sent = self.ways[*way].port.send(address, due.round, number);
            match &sent {
                Ok(()) if self.unsent.is_empty() => {}
                Ok(()) => drop(self.unsent.remove(&due.address)),
                Err(error) => {
                    self.unsent.insert(due.address, error.raw_os_error().unwrap_or_default());
                }
            }
            let due_ms = self.time_of(due.at_ns);
            let echo = Echo { address: due.address, sent_ns, due_ns: due.at_ns, due_ms };
            self.flight.push(echo, sent.is_ok());
            now_ns = sent_ns;
        }
    }

    /// Waits until something is to be read, sent or settled.
    fn wait(&self) -> io::Result<()> {
        let next_ns = self.pace.next_ns().max(self.rests_until_ns).min(self.settled_ns + SETTLE_NS);
        let wait_ns = next_ns.saturating_sub(self.now_ns()).min(SETTLE_NS);
        // exact: less than a second
        let limit = Timespec { tv_sec: 0, tv_nsec: wait_ns as _ };
        let mut sockets: Vec<_> = self.ways.iter().map(|way| PollFd::new(&way.port, PollFlags::IN)).collect();
        match rustix::event::poll(&mut sockets, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn read(&mut self) -> io::Result<()> {
        for way in &mut self.ways {
            for _ in 0..READ_MAX {
                let looked_ns = elapsed_ns(self.began);
                let (from, number) = match way.port.receive()? {
                    Received::Reply { from, number } => (from, number),
                    Received::Other => continue,
                    Received::Nothing => {
                        way.empty_ns = looked_ns;
                        break;
                    }
                };
                let place =
                    usize::try_from(number).ok().and_then(|number| number.checked_rem(self.ips.len()));
                if place.is_some_and(|place| self.ips[place] == from) {
                    self.flight.answered(number, way.empty_ns, elapsed_ns(self.began));
                }
            }
        }
        Ok(())
    }

    /// Tells what became of the echoes whose time is over, once the kernel has told what it dropped until then.
    fn settle(&mut self) -> io::Result<()> {
        let before_ns = std::mem::replace(&mut self.settled_ns, elapsed_ns(self.began));
        self.notice_sleep(before_ns);
        for way in &mut self.ways {
            let from_ns = elapsed_ns(self.began);
            let count = way.port.drops()?;
            let new = way.drops.read(count, from_ns, elapsed_ns(self.began));
            if new > 0 {
                warn!(dropped = new, "this machine dropped replies to pings: the receive buffer was full");
            }
        }
        self.follow_clock();
        let read_ns = self.ways.iter().map(|way| way.empty_ns).min().unwrap_or_default();
        let mut measured = self.shared.measured();
        let mut is_over = false;
        while let Some((echo, outcome)) = self.flight.decide(read_ns, |echo, from_ns, until_ns| {
            let way = self.to.get(echo.address as usize).map_or(0, |(way, _)| *way);
            self.ways[way].drops.touch(from_ns, until_ns)
        }) {
            let outage = self.outages.after(&echo, outcome);
            for cells in &mut measured.cells {
                is_over |= cells.add(&echo, outcome, outage);
            }
        }
        let known_ms =
            self.flight.oldest_ms().unwrap_or_else(|| self.time_of(self.settled_ns.min(self.pace.next_ns())));
        for cells in &mut measured.cells {
            is_over |= cells.reach(known_ms);
        }
        measured.unsent.clone_from(&self.unsent);
        drop(measured);
        let oldest_ns = self.flight.oldest_ns().unwrap_or(self.settled_ns);
        for way in &mut self.ways {
            way.drops.forget(oldest_ns);
        }
        if is_over {
            self.shared.news.notify_waiters();
        }
        Ok(())
    }

    /// What was under way while this machine was suspended, at some time since `before_ns`, was perhaps answered meanwhile.
    fn notice_sleep(&mut self, before_ns: u64) {
        let Some(slept_ms) = self.sleep.woke(clock::slept_ms()) else { return };
        warn!(slept_ms, "this machine was suspended: what pings were under way is not measured");
        let now_ns = self.now_ns();
        self.ways.iter_mut().for_each(|way| way.drops.slept(before_ns, now_ns));
    }

    /// Takes over the time of day where it is off: somebody set it, or it runs at another pace.
    fn follow_clock(&mut self) {
        let before_ns = self.now_ns();
        let began_ms = clock::now().as_millis().saturating_sub(millis(before_ns));
        // where this thread had to wait in between, the next look will do
        let is_exact = self.now_ns() - before_ns < 1_000_000;
        if is_exact && began_ms.abs_diff(self.began_ms) > DRIFT_MS {
            self.began_ms = began_ms;
        }
    }

    /// The time of day in milliseconds.
    fn time_of(&self, at_ns: u64) -> i64 {
        self.began_ms.saturating_add(millis(at_ns))
    }

    /// Nanoseconds since the beginning, by a clock that nobody sets.
    fn now_ns(&self) -> u64 {
        elapsed_ns(self.began)
    }
}

impl Way {
    fn open(family: Family, owner: u64, buffer: usize) -> Result<Self, SourceError> {
        let port = Port::open(family, owner, buffer)?;
        let what = "it cannot be seen whether this machine drops replies itself";
        let count =
            port.drops().map_err(|cause| SourceError::new("ping", Trouble::System { what, cause }))?;
        Ok(Self { port, drops: Drops::new(count, 0), empty_ns: 0 })
    }
}

fn elapsed_ns(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn millis(ns: u64) -> i64 {
    i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX)
}
