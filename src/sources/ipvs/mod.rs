//! The director that this machine is: what its kernel counts for each virtual service and each real server of IPVS.

#[cfg(any(fuzzing, test))]
pub(super) mod fuzzing;
mod history;
mod key;
mod netlink;
mod table;

use super::aside::aside;
use super::source::{Answer, Ask, Fetching, SeriesSamples, Source};
use super::{Entry, SourceError, Trouble};
use crate::settings::{Need, SettingDoc, Settings, Shape};
use crate::text;
use history::{History, Table};
use key::{Key, Scope, Service};
use netlink::{Command, Conversation, Failure};
use quietgate_detectors::{Interval, Sample};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use table::{Counter, Counters, Levels};
use tokio::sync::Semaphore;

/// The director that this machine is.
pub(super) const ENTRY: Entry = Entry {
    kind: "ipvs",
    summary: "The LVS director that this machine is: its virtual services and real servers",
    about: "The query is service_, real_server_ or total_ and a number: connections_per_second, in_packets_per_second, \
        out_packets_per_second, in_bytes_per_second or out_bytes_per_second; of services and real servers also \
        active_connections, inactive_connections and weight, of a service what its real servers have together. The numbers \
        are those of `ipvsadm -Ln --stats --exact`, read by generic netlink, which needs the right CAP_NET_ADMIN. The totals \
        need no right: they are read from /proc/net/ip_vs_stats; without it they are all that can be asked for, which is said. Series have the \
        labels vip, port and protocol (of services by a mark of the firewall fwmark and family), those of real servers also \
        real_server and real_port; a total has none. Samples have the time of asking. A rate goes over rate_over, for the \
        kernel brings counters up to date every 2 s only, and not at all where net.ipv4.vs.run_estimation is 0, which is an \
        error. After a reset, and for what is new, there is none until counters have grown for so long. A service or real \
        server that goes away has ended: it is unknown at once.",
    query: "service_, real_server_ or total_, and connections_per_second, in_packets_per_second, out_packets_per_second, \
        in_bytes_per_second or out_bytes_per_second; but for total_ also active_connections, inactive_connections, weight",
    settings: SETTINGS,
    fits: |_| Ok(()),
    asks: |query| Query::read(query).map(drop),
    no_counts: |query, _| Some(format!("{query} is a rate or a level")),
    lag_ms: |_| 0,
    build: |settings: &Settings| Ok(Box::new(Ipvs::at(Path::new("/proc"), settings))),
};

const SETTINGS: &[SettingDoc] = &[
    SettingDoc {
        name: "rate_over",
        shape: Shape::Duration { min: 2_000, max: 30_000 },
        need: Need::Default("10s"),
        about: "the time that a rate goes over, unless the interval is longer; the kernel brings counters up to date every 2 \
            s, so that shorter is quicker and less even",
    },
    SettingDoc {
        name: "max_series",
        shape: Shape::Count { min: 1, max: 1_000_000 },
        need: Need::Default("50000"),
        about: "the most virtual services and real servers together; more are an error",
    },
];

/// What can be asked for.
#[derive(Debug, Clone, Copy)]
struct Query {
    scope: Scope,
    number: Number,
}

#[derive(Debug, Clone, Copy)]
enum Number {
    Rate(Counter),
    Level(fn(&Levels) -> u64),
}

const SCOPES: [(&str, Scope); 3] =
    [("service_", Scope::Service), ("real_server_", Scope::RealServer), ("total_", Scope::Total)];

const NUMBERS: [(&str, Number); 8] = [
    ("connections_per_second", Number::Rate(Counter::Connections)),
    ("in_packets_per_second", Number::Rate(Counter::InPackets)),
    ("out_packets_per_second", Number::Rate(Counter::OutPackets)),
    ("in_bytes_per_second", Number::Rate(Counter::InBytes)),
    ("out_bytes_per_second", Number::Rate(Counter::OutBytes)),
    ("active_connections", Number::Level(|levels| levels.active)),
    ("inactive_connections", Number::Level(|levels| levels.inactive)),
    ("weight", Number::Level(|levels| levels.weight)),
];

impl Query {
    fn read(query: Option<&str>) -> Result<Self, String> {
        let known = |query: &str| {
            let (prefix, scope) = SCOPES.iter().find(|(prefix, _)| query.starts_with(prefix))?;
            let (_, number) = NUMBERS.iter().find(|(name, _)| *name == &query[prefix.len()..])?;
            let is_told = *scope != Scope::Total || matches!(number, Number::Rate(_));
            is_told.then_some(Self { scope: *scope, number: *number })
        };
        query.and_then(known).ok_or_else(|| {
            let found = query
                .map_or("a signal of an ipvs source has no query".to_owned(), |q| format!("query is {q:?}"));
            format!("{found}, allowed is {}", ENTRY.query)
        })
    }
}

#[derive(Debug)]
struct Ipvs {
    director: Arc<Director>,
    /// One reading at a time: who comes meanwhile shares it.
    turn: Arc<Semaphore>,
}

/// The kernel's table, as it was when last read.
#[derive(Debug)]
struct Director {
    proc: PathBuf,
    rate_over: Duration,
    max_series: usize,
    entries: Mutex<History>,
    totals: Mutex<History>,
    /// Asks whether we may not list services; once, and only where there is IPVS.
    ask_refused: fn() -> bool,
    is_refused: OnceLock<bool>,
}

impl Source for Ipvs {
    /// Each asking makes a sample.
    fn asked_every_ms(&self, interval: Interval) -> i64 {
        interval.as_millis()
    }

    fn settles_ms(&self, interval: Interval) -> i64 {
        let shortest = self.director.over(interval).shortest();
        i64::try_from(shortest.as_millis()).unwrap_or(i64::MAX)
    }

    fn fetch<'a>(&'a self, ask: &'a Ask) -> Fetching<'a> {
        Box::pin(async {
            let (director, ask) = (Arc::clone(&self.director), ask.clone());
            let bad = |what: String| SourceError::new("IPVS", Trouble::BadAnswer { what });
            let read = aside(&self.turn, move || director.answer(&ask)).await;
            read.map_err(|error| bad(error.to_string()))?
        })
    }
}

impl Ipvs {
    fn at(proc: &Path, settings: &Settings) -> Self {
        let director = Director {
            proc: proc.to_owned(),
            rate_over: milliseconds(settings.duration_ms("rate_over").unwrap_or_default()),
            max_series: settings.count("max_series").unwrap_or_default() as usize,
            entries: Mutex::default(),
            totals: Mutex::default(),
            ask_refused: netlink::is_refused,
            is_refused: OnceLock::new(),
        };
        Self { director: Arc::new(director), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Director {
    fn answer(&self, ask: &Ask) -> Result<Answer, SourceError> {
        let bad = |what| SourceError::new("IPVS", Trouble::BadQuery { what });
        let query = Query::read(ask.query.as_deref()).map_err(bad)?;
        let history = if query.scope == Scope::Total { &self.totals } else { &self.entries };
        let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
        let (over, is_still) = (self.over(ask.interval), self.is_still());
        if is_still && matches!(query.number, Number::Rate(_)) {
            history.stands_still();
            let what =
                "the kernel does not count what it forwards: set net.ipv4.vs.run_estimation to 1 by sysctl";
            return Err(SourceError::new("IPVS", Trouble::BadAnswer { what: what.to_owned() }));
        }
        if !history.is_fresh(Instant::now()) {
            let table = if query.scope == Scope::Total { self.totals()? } else { self.table()? };
            // between its first and its last entry a large table takes some milliseconds
            history.push(table, Instant::now(), 2 * over.span, is_still);
        }
        let answer = told(&history, query, ask, over);
        let warnings = if query.scope == Scope::Total { self.warnings() } else { Vec::new() };
        Ok(Answer { warnings, ..answer })
    }

    /// What rates at this interval go over.
    fn over(&self, interval: Interval) -> Over {
        let interval = milliseconds(interval.as_millis());
        Over { span: self.rate_over.max(interval), slack: self.rate_over.min(interval) / 2 }
    }

    /// Whether the kernel is told not to bring counters up to date; older ones always do.
    fn is_still(&self) -> bool {
        let text = std::fs::read_to_string(self.proc.join("sys/net/ipv4/vs/run_estimation"));
        text.is_ok_and(|text| text.trim() == "0")
    }

    /// That the totals are all that can be told, where that is so. They are whole nevertheless.
    fn warnings(&self) -> Vec<String> {
        let is_refused = *self.is_refused.get_or_init(self.ask_refused);
        let words = "only the totals can be told, from /proc/net/ip_vs_stats: virtual services may be listed with the right \
            CAP_NET_ADMIN only";
        is_refused.then(|| words.to_owned()).into_iter().collect()
    }

    /// The totals, which anybody may read.
    fn totals(&self) -> Result<Table, SourceError> {
        let path = self.totals_path();
        let at = || path.display().to_string();
        let mut text = String::new();
        let read = File::open(&path).and_then(|file| file.take(FILE_MAX).read_to_string(&mut text));
        read.map_err(|cause| SourceError::new(at(), Trouble::File { what: "the totals of IPVS", cause }))?;
        let counters = Counters::of_totals(&text).ok_or_else(|| {
            let what = "the third line is not five hexadecimal numbers".to_owned();
            SourceError::new(at(), Trouble::BadAnswer { what })
        })?;
        Ok(Table::from([(Key::Total, history::Entry { counters, levels: Levels::default() })]))
    }

    /// Every virtual service and every real server.
    fn table(&self) -> Result<Table, SourceError> {
        // asking for its number would make the kernel load the module
        if !self.totals_path().exists() {
            let cause = io::Error::from(io::ErrorKind::NotFound);
            return Err(refused("this kernel has no IPVS: its module ip_vs is not loaded", cause));
        }
        self.listed().map_err(|failure| match failure {
            Unlisted::TooMany(found) => {
                let what = text::counted(found as u64, "virtual service or real server", "virtual services and real servers");
                let limit = format!("{} (max_series)", text::count(self.max_series as u64));
                SourceError::new("IPVS", Trouble::TooMuch { what, limit })
            }
            Unlisted::Failed(Failure::Odd(error)) => {
                SourceError::new("IPVS", Trouble::BadAnswer { what: error.to_string() })
            }
            Unlisted::Failed(Failure::System(cause)) if cause.kind() == io::ErrorKind::PermissionDenied => {
                refused(
                    "the virtual services may be listed with the right CAP_NET_ADMIN only; without it there are the totals \
                     (total_…, from /proc/net/ip_vs_stats)",
                    cause,
                )
            }
            Unlisted::Failed(Failure::System(cause)) => refused("the virtual services cannot be listed", cause),
        })
    }

    fn listed(&self) -> Result<Table, Unlisted> {
        let mut kernel = Conversation::begin()?;
        let mut table = Table::new();
        for message in kernel.list(Command::Services, Vec::new())? {
            let (service, counters) = table::service(&message).map_err(Failure::Odd)?;
            let mut together = Levels::default();
            for message in kernel.list(Command::RealServers, vec![table::which(service)])? {
                let (server, counters, levels) =
                    table::real_server(&message, service).map_err(Failure::Odd)?;
                together.add(levels);
                table.insert(Key::RealServer(service, server), history::Entry { counters, levels });
            }
            table.insert(Key::Service(service), history::Entry { counters, levels: together });
            if table.len() > self.max_series {
                return Err(Unlisted::TooMany(table.len()));
            }
        }
        let again = kernel.list(Command::Services, Vec::new())?;
        let again: Result<BTreeMap<Service, Counters>, _> =
            again.iter().map(|message| table::service(message)).collect();
        Ok(agreed(table, &again.map_err(Failure::Odd)?))
    }

    fn totals_path(&self) -> PathBuf {
        self.proc.join("net/ip_vs_stats")
    }
}

/// What rates go over.
#[derive(Debug, Clone, Copy)]
struct Over {
    /// So long.
    span: Duration,
    /// Or so much less, for readings do not come to the millisecond.
    slack: Duration,
}

impl Over {
    fn shortest(self) -> Duration {
        self.span.saturating_sub(self.slack)
    }

    /// What is longer is not of about this time.
    fn longest(self) -> Duration {
        self.span * 3 / 2
    }
}

/// Every series of `query` by the newest reading, with a sample where there is a value; and those that are there no more.
fn told(history: &History, query: Query, ask: &Ask, over: Over) -> Answer {
    let mut series = crate::labels::Table::<Vec<Sample>>::new();
    let mut add = |key: &Key, value: Option<f64>| {
        if key.scope() == query.scope {
            let value = value.filter(|_| ask.from < ask.until);
            let sample = value.map(|value| Sample::new(ask.until.as_millis(), value));
            series.entry(key.labels()).1.extend(sample);
        }
    };
    match query.number {
        // exact: the kernel counts these in 32 bits
        Number::Level(of) => {
            history.newest().for_each(|(key, entry)| add(key, Some(of(&entry.levels) as f64)));
        }
        Number::Rate(counter) => {
            history.newest().for_each(|(key, _)| add(key, None));
            let rates = history.rates(counter, over.shortest(), over.longest());
            rates.for_each(|(key, rate)| add(key, Some(rate)));
        }
    }
    let series = series.into_order().into_iter().map(|(labels, samples)| SeriesSamples { labels, samples });
    let ended = history.gone(query.scope).map(Key::labels).collect();
    Answer { series: series.collect(), ended, complete: true, ..Answer::default() }
}

/// Those of the entries whose service is still there when the services are listed `again`, and was not taken out and put in
/// meanwhile: the kernel lists the real servers of each by themselves, and others may change the table.
fn agreed(mut table: Table, again: &BTreeMap<Service, Counters>) -> Table {
    let is_same = |(key, entry): (&Key, &history::Entry)| match key {
        Key::Service(service) => {
            again.get(service).filter(|counters| counters.continues(&entry.counters)).map(|_| *service)
        }
        Key::Total | Key::RealServer(..) => None,
    };
    let same: BTreeSet<Service> = table.iter().filter_map(is_same).collect();
    table.retain(|key, _| match key {
        Key::Service(service) | Key::RealServer(service, _) => same.contains(service),
        Key::Total => true,
    });
    table
}

/// The most bytes of a file that has hundreds.
const FILE_MAX: u64 = 64 << 10;

/// Why there is no table.
enum Unlisted {
    /// It has more entries than are allowed: at least so many.
    TooMany(usize),
    Failed(Failure),
}

impl From<Failure> for Unlisted {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

fn refused(what: &'static str, cause: io::Error) -> SourceError {
    SourceError::new("IPVS", Trouble::System { what, cause })
}

/// A time that is not negative.
fn milliseconds(ms: i64) -> Duration {
    Duration::from_millis(ms.max(0).unsigned_abs())
}

#[cfg(test)]
mod tests;
