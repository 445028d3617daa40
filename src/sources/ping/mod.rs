//! ICMP echo: which addresses answer, how fast, and how long not.

mod addresses;
mod asking;
mod cells;
mod drops;
mod flight;
#[cfg(any(fuzzing, test))]
pub(super) mod fuzzing;
mod pace;
mod packet;
mod pinger;
mod port;

use super::source::Source;
use super::{Entry, SourceError, Trouble};
use crate::settings::{Need, SettingDoc, Settings, Shape};
use crate::text::{count, counted, duration};
use asking::Ping;
use cells::Tally;
use pinger::Sending;

/// ICMP echo.
pub(super) const ENTRY: Entry = Entry {
    kind: "ping",
    summary: "Hosts that answer ICMP echo: loss, round-trip time, longest outage",
    about: "The query is one name: loss_ratio (share from 0 to 1), round_trip_ms (mean of what was answered), \
        outage_losses and outage_ms (the longest run of consecutive losses that reached into the interval, with what it \
        had lost before that). Each address is a series with the label address; a sample is of one interval and bears \
        the time of its end. Where this machine dropped replies itself the samples are missing and the answer is \
        partial: that is no loss. Echoes begin with the first asking, and there is no look-back to fill.",
    query: "one of loss_ratio, round_trip_ms, outage_losses, outage_ms",
    settings: SETTINGS,
    fits,
    asks: |query| quantity(query).map(drop),
    no_counts: |_, _| None,
    lag_ms: |settings| lag_ms(settings.duration_ms("timeout").unwrap_or_default()),
    build,
};

const SETTINGS: &[SettingDoc] = &[
    SettingDoc {
        name: "addresses",
        shape: Shape::TextList { least: 1 },
        need: Need::Optional,
        about: "IPv4 and IPv6 addresses to send echoes to; either these or inventory",
    },
    SettingDoc {
        name: "inventory",
        shape: Shape::Path,
        need: Need::Optional,
        about: "the CSV file of a plan's inventory, of which every address is taken",
    },
    SettingDoc {
        name: "every",
        shape: Shape::Duration { min: 10, max: 60_000 },
        need: Need::Default("200ms"),
        about: "spacing of the echoes to one address; five a second see an outage of half a second",
    },
    SettingDoc {
        name: "timeout",
        shape: Shape::Duration { min: 10, max: 10_000 },
        need: Need::Default("1s"),
        about: "an echo that is not answered within this is lost; a later reply changes nothing",
    },
    SettingDoc {
        name: "buffer",
        shape: Shape::Size { min: 4 << 10, max: 1 << 30 },
        need: Need::Default("8MiB"),
        about: "receive buffer of a socket; without CAP_NET_ADMIN the system allows net.core.rmem_max at most",
    },
];

/// The most echoes of one second: five times as many as take a tenth of a core.
const RATE_MAX: i64 = 50_000;

/// What can be asked for.
type Quantity = fn(&Tally) -> Option<f64>;

const QUANTITIES: [(&str, Quantity); 4] = [
    ("loss_ratio", Tally::loss),
    ("round_trip_ms", Tally::round_trip_ms),
    ("outage_losses", |tally| Some(f64::from(tally.outage().losses))),
    // exact: milliseconds of centuries
    ("outage_ms", |tally| Some(tally.outage().ms as f64)),
];

fn quantity(query: Option<&str>) -> Result<Quantity, String> {
    let known = query.and_then(|query| QUANTITIES.iter().find(|(name, _)| *name == query));
    known.map(|(_, quantity)| *quantity).ok_or_else(|| {
        let found =
            query.map_or("a signal of a ping source has no query".to_owned(), |q| format!("query is {q:?}"));
        let names = QUANTITIES.map(|(name, _)| name).join(", ");
        format!("{found}, allowed is one of {names}")
    })
}

fn fits(settings: &Settings) -> Result<(), String> {
    let list = settings.list("addresses");
    if list.is_empty() == settings.path("inventory").is_none() {
        return Err("addresses and inventory are both given or neither, allowed is one of them".to_owned());
    }
    addresses::listed(list).and_then(|addresses| bearable(addresses.len(), settings))
}

/// An interval is told when its last echo is decided: that may be sent late, and is looked at from time to time.
fn lag_ms(timeout_ms: i64) -> i64 {
    timeout_ms + pace::LATE_MAX_MS + pinger::SETTLE_MS
}

/// Whether so many addresses can be sent echoes to.
fn bearable(addresses: usize, settings: &Settings) -> Result<(), String> {
    let every_ms = settings.duration_ms("every").unwrap_or(1).max(1);
    let rate = i64::try_from(addresses).unwrap_or(i64::MAX).saturating_mul(1_000) / every_ms;
    if rate <= RATE_MAX {
        return Ok(());
    }
    let addresses = counted(addresses as u64, "address", "addresses");
    Err(format!(
        "{addresses} every {} are {} echoes a second, allowed are {}",
        duration(every_ms),
        count(rate.unsigned_abs()),
        count(RATE_MAX.unsigned_abs())
    ))
}

fn build(settings: &Settings) -> Result<Box<dyn Source>, SourceError> {
    let bad = |what| SourceError::new("ping", Trouble::BadQuery { what });
    let addresses = match settings.path("inventory") {
        Some(path) => addresses::of_inventory(path)?,
        None => addresses::listed(settings.list("addresses")).map_err(bad)?,
    };
    bearable(addresses.len(), settings).map_err(bad)?;
    let sending = Sending {
        addresses: addresses.into(),
        every_ms: settings.duration_ms("every").unwrap_or_default(),
        timeout_ms: settings.duration_ms("timeout").unwrap_or_default(),
        buffer: settings.size("buffer").and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default(),
    };
    Ok(Box::new(Ping::new(sending)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Given;
    use crate::sources::Spec;

    fn mistakes(given: &[(&str, Given)]) -> String {
        let given: Vec<_> = given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let errors = Spec::new(&ENTRY, &given).err().unwrap_or_default();
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    fn list(addresses: impl IntoIterator<Item = String>) -> Given {
        Given::List(addresses.into_iter().map(|text| Given::plain(&text)).collect())
    }

    #[test]
    fn settings_that_do_not_go_together_are_refused() {
        let one = || ("addresses", list(["::1".to_owned()]));
        assert_eq!(mistakes(&[one()]), "");
        let either = "addresses and inventory are both given or neither, allowed is one of them";
        assert_eq!(mistakes(&[]), either);
        assert_eq!(mistakes(&[one(), ("inventory", Given::plain("hosts.csv"))]), either);
        let wrong = mistakes(&[("addresses", list(["h1".to_owned()]))]);
        assert!(wrong.starts_with("the address is \"h1\", allowed is"), "{wrong}");
        let many = list((0..600).map(|n| format!("10.0.{}.{}", n / 200, n % 200 + 1)));
        let wrong = mistakes(&[("addresses", many), ("every", Given::plain("10ms"))]);
        assert_eq!(wrong, "600 addresses every 10 ms are 60,000 echoes a second, allowed are 50,000");
    }

    #[test]
    fn an_interval_is_told_within_the_lag_also_where_nothing_is_answered() {
        use super::cells::{Cells, Outages};
        use super::flight::{Echo, Flight};
        let given = [("timeout", Given::plain("300ms")), ("addresses", list(["::1".to_owned()]))];
        let given = given.map(|(name, value)| (name.to_owned(), value));
        let lag_ms = Spec::new(&ENTRY, &given).expect("good settings").lag_ms();
        assert_eq!(lag_ms, 500);
        let ns = |ms: i64| ms.unsigned_abs() * 1_000_000;
        let (mut flight, mut outages) = (Flight::new(ns(300), 1_000), Outages::new(50, 1));
        let (mut cells, mut lags) = (Cells::new(1_000, 50, 1), Vec::new());
        // echoes are as late as they may be, and what became of them is looked at in the worst moments
        for now_ms in 0..5_000 {
            let due_ms = now_ms - pace::LATE_MAX_MS;
            if due_ms >= 0 && due_ms % 50 == 49 {
                flight.push(Echo { address: 0, sent_ns: ns(now_ms), due_ns: ns(due_ms), due_ms }, true);
            }
            if now_ms % pinger::SETTLE_MS == 49 {
                while let Some((echo, outcome)) = flight.decide(ns(now_ms), |_, _, _| false) {
                    cells.add(&echo, outcome, outages.after(&echo, outcome));
                }
                if flight.oldest_ms().is_some_and(|known_ms| cells.reach(known_ms)) {
                    lags.extend(cells.closed().last().map(|closed| now_ms - closed.at_ms));
                }
            }
        }
        assert!(lags.len() >= 3 && lags.iter().all(|lag| (300..=lag_ms).contains(lag)), "{lags:?}");
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_names() {
        let error = quantity(Some("loss")).expect_err("no such name");
        assert!(
            error.starts_with("query is \"loss\", allowed is one of loss_ratio, round_trip_ms"),
            "{error}"
        );
        assert!(quantity(None).is_err());
        for (name, _) in QUANTITIES {
            assert!(ENTRY.query.contains(name) && ENTRY.about.contains(name), "{name}");
        }
    }
}
