//! Tests of the source by texts and messages: those of a real kernel where they were recorded, made ones for what is rare.

use super::key::{RealServer, Service};
use super::*;
use netlink_packet_core::{DefaultNla, NLA_F_NESTED};
use proptest::prelude::*;
use quietgate_detectors::{Reason, Timestamp};
use std::net::IpAddr;

const WEB: Service =
    Service::Address { vip: IpAddr::V4(std::net::Ipv4Addr::new(10, 9, 100, 1)), port: 80, protocol: 6 };

fn entry(counters: [u64; 5]) -> history::Entry {
    let levels = Levels { active: 3, inactive: 4, weight: 2 };
    history::Entry { counters: Counters::from(counters), levels }
}

fn at(start: Instant, seconds: f64) -> Instant {
    start + Duration::from_secs_f64(seconds)
}

const KEEP: Duration = Duration::from_secs(20);
const SPAN: Duration = Duration::from_secs(10);

/// No series has a rate.
const NONE: [f64; 0] = [];

/// The rates of connections by the newest reading, one asking a second.
fn rates(history: &History) -> Vec<f64> {
    let slack = Duration::from_millis(500);
    history.rates(Counter::Connections, SPAN, slack, KEEP).map(|(_, rate)| rate).collect()
}

fn counted(history: &mut History, at: Instant, connections: u64) {
    history.push(Table::from([(Key::Total, entry([connections, 0, 0, 0, 0]))]), at, KEEP);
}

#[test]
fn a_rate_is_even_although_the_kernel_counts_on_every_two_seconds_only() {
    let (start, mut history) = (Instant::now(), History::default());
    for second in 0..60_u64 {
        // 100 a second
        counted(&mut history, at(start, second as f64), second / 2 * 200);
        let rates = rates(&history);
        assert_eq!(rates, if second < 10 { vec![] } else { vec![100.0] }, "second {second}");
    }
}

#[test]
fn after_a_reset_a_wrap_or_a_time_away_there_is_no_rate_until_it_goes_over_what_came_later() {
    let (start, mut history) = (Instant::now(), History::default());
    let mut told = |second: u64, connections: Option<u64>| {
        match connections {
            Some(connections) => counted(&mut history, at(start, second as f64), connections),
            None => history.push(Table::new(), at(start, second as f64), KEEP),
        }
        rates(&history)
    };
    for second in 0..10 {
        told(second, Some(1_000_000 + 10 * second));
    }
    assert_eq!(told(10, Some(1_000_100)), [10.0]);
    // set to zero, and soon above what it was: never a spike, never less than nothing
    for second in 11..21 {
        assert_eq!(told(second, Some((second - 11) * 1_000_000)), NONE, "second {second}");
    }
    assert_eq!(told(21, Some(10_000_000)), [1_000_000.0]);
    assert_eq!(told(22, None), NONE, "gone");
    for second in 23..33 {
        assert_eq!(told(second, Some(20_000_000 + second)), NONE, "there again, second {second}");
    }
    assert_eq!(told(33, Some(20_000_033)), [1.0]);
    // the machine slept, or nobody asked: a rate goes over no more than was asked for
    assert_eq!(told(100, Some(20_000_100)), NONE);
}

#[test]
fn one_counter_that_went_back_is_a_reset_of_all() {
    let (start, mut history) = (Instant::now(), History::default());
    let one = |counters| Table::from([(Key::Total, entry(counters))]);
    history.push(one([5, 5, 5, 5, 5]), start, KEEP);
    history.push(one([9, 9, 9, 9, 4]), at(start, 10.0), KEEP);
    assert_eq!(rates(&history), NONE);
}

#[test]
fn readings_are_kept_for_no_longer_than_rates_need_them_and_no_closer() {
    let (start, mut history) = (Instant::now(), History::default());
    for tenth in 0..1_000_u32 {
        counted(&mut history, at(start, f64::from(tenth) / 10.0), u64::from(tenth));
        assert!(history.len() <= 70, "{}", history.len());
    }
    let rate = rates(&history);
    assert!(rate.len() == 1 && (rate[0] - 10.0).abs() < 0.01, "{rate:?}");
    assert!(history.is_fresh(at(start, 99.94)) && !history.is_fresh(at(start, 100.0)));
}

#[test]
fn the_totals_are_the_first_hexadecimal_line_of_their_file() {
    let text = include_str!("../../../tests/lvs/fixtures/ip_vs_stats.txt");
    let totals = Counters::of_totals(text).expect("numbers");
    // as ipvsadm showed the two services at the same moment, together
    assert_eq!(totals, Counters::from([30, 253, 235, 15_616, 618_130]));
    for odd in ["", "a\nb\n", "a\nb\n1 2 3 4\n", "a\nb\n1 2 3 4 5 6\n", "a\nb\n1 2 3 4 x\n"] {
        assert_eq!(Counters::of_totals(odd), None, "{odd:?}");
    }
}

/// Bytes that are written in hexadecimal.
fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// Words of each line of what `ipvsadm` printed, but for the heads.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines().skip(3).map(|line| line.split_whitespace().collect()).collect()
}

/// What a kernel 6.1 told by netlink, and what `ipvsadm` made of it at the same time.
#[test]
fn messages_of_a_real_kernel_say_what_ipvsadm_shows() {
    let (mut services, mut told, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    let counted = |counters: &Counters| {
        use Counter::*;
        [Connections, InPackets, OutPackets, InBytes, OutBytes]
            .map(|counter| counters.of(counter).to_string())
    };
    for line in include_str!("../../../tests/lvs/fixtures/netlink.txt").lines() {
        match line.split_once(' ').expect("two words") {
            ("service", hex) => {
                let (service, counters) = table::service(&bytes(hex)).expect("a service");
                let labels = Key::Service(service).labels();
                let address =
                    |vip: &IpAddr, port: &u16| std::net::SocketAddr::from((*vip, *port)).to_string();
                let (protocol, name) = match &service {
                    Service::Address { vip, port, .. } => {
                        (labels["protocol"].to_uppercase(), address(vip, port))
                    }
                    Service::Mark { mark, .. } => ("FWM".to_owned(), mark.to_string()),
                };
                told.push([vec![protocol, name], counted(&counters).to_vec()].concat());
                services.push(service);
            }
            (service, hex) => {
                let service = services[service.parse::<usize>().expect("a number")];
                let (server, counters, levels) =
                    table::real_server(&bytes(hex), service).expect("a real server");
                let name = std::net::SocketAddr::from((server.address, server.port)).to_string();
                told.push([vec!["->".to_owned(), name.clone()], counted(&counters).to_vec()].concat());
                weights.push([
                    name,
                    levels.weight.to_string(),
                    levels.active.to_string(),
                    levels.inactive.to_string(),
                ]);
            }
        }
    }
    assert_eq!((services.len(), weights.len()), (5, 7));
    let mut shown = rows(include_str!("../../../tests/lvs/fixtures/ipvsadm-stats.txt"));
    told.sort();
    shown.sort();
    assert_eq!(told, shown);
    let rows = rows(include_str!("../../../tests/lvs/fixtures/ipvsadm.txt"));
    let mut shown: Vec<_> =
        rows.iter().filter(|row| row[0] == "->").map(|row| [row[1], row[3], row[4], row[5]]).collect();
    weights.sort();
    shown.sort();
    assert_eq!(weights, shown);
}

/// A director whose files are in a directory of the test's own.
fn director(dir: &Path) -> Director {
    Director {
        proc: dir.to_owned(),
        rate_over: SPAN,
        max_series: 10,
        entries: Mutex::default(),
        totals: Mutex::default(),
    }
}

fn ask(query: &str) -> Ask {
    Ask {
        query: Some(query.to_owned()),
        from: Timestamp::from_millis(1_000),
        until: Timestamp::from_millis(2_000),
        interval: Interval::from_millis(1_000).expect("in range"),
    }
}

#[test]
fn a_kernel_without_ipvs_is_said_and_no_module_is_loaded_for_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let director = director(dir.path());
    let error = director.answer(&ask("service_weight")).expect_err("no such file");
    assert_eq!(error.to_string(), "IPVS: this kernel has no IPVS: its module ip_vs is not loaded");
    assert_eq!(error.reason(), Reason::SourceDown);
    let error = director.answer(&ask("total_in_bytes_per_second")).expect_err("no such file");
    assert!(error.to_string().ends_with("ip_vs_stats: the totals of IPVS cannot be read"), "{error}");
}

#[test]
fn series_have_samples_at_the_time_of_asking_and_those_of_other_entries_are_left_out() {
    let dir = tempfile::tempdir().expect("a directory");
    let director = director(dir.path());
    let server = RealServer { address: IpAddr::from([10, 9, 2, 2]), port: 80 };
    let (start, mut history) = (Instant::now(), History::default());
    let table = |n: u64| {
        Table::from([(Key::Service(WEB), entry([n; 5])), (Key::RealServer(WEB, server), entry([2 * n; 5]))])
    };
    history.push(table(0), start, KEEP);
    history.push(table(50), at(start, 10.0), KEEP);
    let told = |query: &str| {
        let answer = director.told(&history, Query::read(Some(query)).expect("a query"), &ask(query), KEEP);
        assert!(answer.complete && answer.series.len() == 1, "{answer:?}");
        let sample = answer.series[0].samples[0];
        assert_eq!(sample.at, Timestamp::from_millis(2_000));
        (answer.series[0].labels.contains_key("real_server"), sample.value)
    };
    assert_eq!(told("service_out_bytes_per_second"), (false, 5.0));
    assert_eq!(told("real_server_in_packets_per_second"), (true, 10.0));
    assert_eq!(told("real_server_active_connections"), (true, 3.0));
    assert_eq!(told("service_inactive_connections"), (false, 4.0));
    assert_eq!(told("service_weight"), (false, 2.0));
}

#[test]
fn queries_are_a_scope_and_a_number_and_a_total_has_no_levels() {
    let mut known = 0;
    for (prefix, _) in SCOPES {
        for (name, number) in NUMBERS {
            assert!(ENTRY.query.contains(prefix) && ENTRY.query.contains(name), "{prefix}{name}");
            assert!(ENTRY.about.contains(prefix) && ENTRY.about.contains(name), "{prefix}{name}");
            let query = format!("{prefix}{name}");
            let is_none = prefix == "total_" && matches!(number, Number::Level(_));
            assert_eq!(Query::read(Some(&query)).is_err(), is_none, "{query}");
            known += usize::from(!is_none);
        }
    }
    assert_eq!(known, 21);
    let error = Query::read(Some("service_load")).expect_err("no such number");
    assert!(
        error.starts_with("query is \"service_load\", allowed is service_, real_server_ or total_, and conn"),
        "{error}"
    );
    assert!(Query::read(None).is_err() && Query::read(Some("service_")).is_err());
}

/// An attribute as the kernel writes it.
fn attribute(kind: u16, value: &[u8]) -> DefaultNla {
    DefaultNla::new(kind, value.to_vec())
}

fn nested(kind: u16, inner: &[DefaultNla]) -> DefaultNla {
    DefaultNla::new(kind | NLA_F_NESTED, netlink::emitted(inner))
}

#[test]
fn counters_of_old_kernels_and_services_of_marks_are_read_too() {
    let mut stats: Vec<_> = (1..=3_u16).map(|kind| attribute(kind, &u32::from(kind).to_ne_bytes())).collect();
    stats.extend((4..=5_u16).map(|kind| attribute(kind, &u64::from(kind).to_ne_bytes())));
    let about = |more: Vec<DefaultNla>| {
        let mut inner = vec![attribute(1, &10_u16.to_ne_bytes()), attribute(5, &7_u32.to_ne_bytes())];
        inner.extend(more);
        netlink::emitted(&[nested(1, &inner)])
    };
    let marked = Service::Mark { mark: 7, is_v6: true };
    let message = about(vec![nested(10, &stats)]);
    assert_eq!(table::service(&message).expect("a service"), (marked, Counters::from([1, 2, 3, 4, 5])));
    let error = table::service(&about(vec![])).expect_err("nothing was counted");
    assert_eq!(error.to_string(), "an entry without counters");
    let error = table::service(&message[..message.len() - 4]).expect_err("cut off");
    assert!(!error.to_string().is_empty());
    // what was sent names the service
    assert_eq!(
        netlink::emitted(&[table::which(marked)]),
        netlink::emitted(&[nested(
            1,
            &[attribute(1, &10_u16.to_ne_bytes()), attribute(5, &7_u32.to_ne_bytes())]
        )])
    );
}

proptest! {
    #[test]
    fn no_message_and_no_text_stops_it(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,80}") {
        let _ = (table::service(&bytes), table::real_server(&bytes, WEB), Counters::of_totals(&text));
        let outer = netlink::emitted(&[attribute(1, &bytes), attribute(2, &bytes)]);
        let _ = (table::service(&outer), table::real_server(&outer, WEB));
        let _ = netlink::take(&bytes, 1, &mut Vec::new());
    }
}
