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

const OVER: Over = Over { span: SPAN, slack: Duration::from_millis(500) };

/// No series has a rate.
const NONE: [f64; 0] = [];

/// The rates of connections by the newest reading, one asking a second.
fn rates(history: &History) -> Vec<f64> {
    let shortest = SPAN - Duration::from_millis(500);
    history.rates(Counter::Connections, shortest, KEEP).map(|(_, rate)| rate).collect()
}

fn counted(history: &mut History, at: Instant, connections: u64) {
    history.push(Table::from([(Key::Total, entry([connections, 0, 0, 0, 0]))]), at, KEEP, false);
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
            None => history.push(Table::new(), at(start, second as f64), KEEP, false),
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
    history.push(one([5, 5, 5, 5, 5]), start, KEEP, false);
    history.push(one([9, 9, 9, 9, 4]), at(start, 10.0), KEEP, false);
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
        ask_refused: || false,
        is_refused: OnceLock::new(),
    }
}

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    std::fs::write(path, text).expect("a file");
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
    let server = RealServer { address: IpAddr::from([10, 9, 2, 2]), port: 80 };
    let (start, mut history) = (Instant::now(), History::default());
    let table = |n: u64| {
        Table::from([(Key::Service(WEB), entry([n; 5])), (Key::RealServer(WEB, server), entry([2 * n; 5]))])
    };
    history.push(table(0), start, KEEP, false);
    history.push(table(50), at(start, 10.0), KEEP, false);
    let of = |query: &str| {
        let answer = told(&history, Query::read(Some(query)).expect("a query"), &ask(query), OVER);
        assert!(answer.complete && answer.series.len() == 1, "{answer:?}");
        let sample = answer.series[0].samples[0];
        assert_eq!(sample.at, Timestamp::from_millis(2_000));
        (answer.series[0].labels.contains_key("real_server"), sample.value)
    };
    assert_eq!(of("service_out_bytes_per_second"), (false, 5.0));
    assert_eq!(of("real_server_in_packets_per_second"), (true, 10.0));
    assert_eq!(of("real_server_active_connections"), (true, 3.0));
    assert_eq!(of("service_inactive_connections"), (false, 4.0));
    assert_eq!(of("service_weight"), (false, 2.0));
}

/// What an answer says of services with these marks: how many samples each has, and which have ended.
fn marks(answer: &Answer) -> (Vec<(&str, usize)>, Vec<&str>) {
    let series = answer.series.iter().map(|series| (&series.labels["fwmark"], series.samples.len()));
    (series.collect(), answer.ended.iter().map(|labels| &labels["fwmark"]).collect())
}

/// Services with these marks, whose counters are all `count`.
fn marked(marks: &[u32], count: u64) -> Table {
    let key = |mark: &u32| Key::Service(Service::Mark { mark: *mark, is_v6: false });
    marks.iter().map(|mark| (key(mark), entry([count; 5]))).collect()
}

#[test]
fn a_service_is_told_before_it_has_a_rate_and_has_ended_when_it_is_gone() {
    let (start, mut history) = (Instant::now(), History::default());
    let of = |history: &History, query: &str| {
        told(history, Query::read(Some(query)).expect("a query"), &ask(query), OVER)
    };
    let rate = "service_in_packets_per_second";
    history.push(marked(&[1, 2], 0), start, KEEP, false);
    let answer = of(&history, rate);
    assert_eq!(marks(&answer), (vec![("1", 0), ("2", 0)], vec![]));
    assert!(answer.complete);
    history.push(marked(&[1], 10), at(start, 10.0), KEEP, false);
    assert_eq!(marks(&of(&history, rate)), (vec![("1", 1)], vec!["2"]));
    assert_eq!(marks(&of(&history, "service_weight")), (vec![("1", 1)], vec!["2"]));
    assert!(of(&history, "real_server_weight").ended.is_empty());
    history.push(marked(&[1], 20), at(start, 20.0), KEEP, false);
    assert_eq!(marks(&of(&history, rate)).1, ["2"], "an answer may be lost, so it is said again");
    history.push(marked(&[1, 2], 30), at(start, 25.0), KEEP, false);
    assert_eq!(marks(&of(&history, rate)), (vec![("1", 1), ("2", 0)], vec![]), "it is back");
    history.push(marked(&[1], 30), at(start, 26.0), KEEP, false);
    history.push(marked(&[1], 30), at(start, 46.0), KEEP, false);
    assert!(of(&history, rate).ended.is_empty(), "not for ever");
}

#[test]
fn a_rate_goes_over_the_interval_where_that_is_longer_whoever_else_reads() {
    let dir = tempfile::tempdir().expect("a directory");
    let director = director(dir.path());
    let long = Interval::from_millis(60_000).expect("in range");
    let short = Interval::from_millis(1_000).expect("in range");
    let (start, mut history) = (Instant::now(), History::default());
    let keep = |interval| 2 * director.over(interval).span;
    let rate = |history: &History, interval| -> Vec<f64> {
        let over = director.over(interval);
        history.rates(Counter::Connections, over.shortest(), over.longest()).map(|(_, rate)| rate).collect()
    };
    // 1 a second for 90 s, then 101
    for second in 0..=120_u64 {
        let count = second + 100 * second.saturating_sub(90);
        let interval = if second % 60 == 0 { long } else { short };
        let table = Table::from([(Key::Total, entry([count, 0, 0, 0, 0]))]);
        history.push(table, at(start, second as f64), keep(interval), false);
    }
    let (slow, quick) = (rate(&history, long), rate(&history, short));
    assert!(slow.len() == 1 && (slow[0] - 51.0).abs() < 5.0, "half of a minute: {slow:?}");
    assert_eq!(quick, [101.0]);
    assert!(history.len() < 64, "{}", history.len());
    // one asking was missed: two intervals are not told as one
    let mut history = History::default();
    for second in [0, 60, 180] {
        let table = Table::from([(Key::Total, entry([second, 0, 0, 0, 0]))]);
        history.push(table, at(start, second as f64), keep(long), false);
        assert_eq!(rate(&history, long).len(), usize::from(second == 60), "{second}");
    }
}

#[test]
fn counters_that_stand_still_are_no_rate_and_no_leap_when_they_count_again() {
    let dir = tempfile::tempdir().expect("a directory");
    write(dir.path(), "net/ip_vs_stats", include_str!("../../../tests/lvs/fixtures/ip_vs_stats.txt"));
    let director = director(dir.path());
    let query = "total_in_bytes_per_second";
    assert_eq!(
        director.answer(&ask(query)).expect("an answer").series.len(),
        1,
        "kernels without the setting count"
    );
    write(dir.path(), "sys/net/ipv4/vs/run_estimation", "0\n");
    let error = director.answer(&ask(query)).expect_err("nothing is counted");
    assert!(error.to_string().ends_with("set net.ipv4.vs.run_estimation to 1 by sysctl"), "{error}");
    write(dir.path(), "sys/net/ipv4/vs/run_estimation", "1\n");
    assert!(director.answer(&ask(query)).is_ok());

    let (start, mut history) = (Instant::now(), History::default());
    let table = |count| Table::from([(Key::Total, entry([count, 0, 0, 0, 0]))]);
    for second in 0..40_u64 {
        // they stand still from 11 to 20, and what was counted meanwhile shows at 23
        let count = if (11..23).contains(&second) { 1_000 } else { second * 100 };
        if (11..=20).contains(&second) {
            history.stands_still();
            if second % 2 == 0 {
                history.push(table(count), at(start, second as f64), KEEP, true);
            }
            continue;
        }
        history.push(table(count), at(start, second as f64), KEEP, false);
        let expected = if (10..11).contains(&second) || second >= 35 { vec![100.0] } else { vec![] };
        assert_eq!(rates(&history), expected, "second {second}");
    }
}

/// Of several kernels: connections and packets were of 32 bits once, and are wider than their columns since they are of 64.
#[test]
fn the_totals_of_several_kernels_are_understood() {
    let proc = |kernel: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernels").join(kernel);
    let kernels = [
        ("3.10", [4_294_967_294, 2_147_483_658, 3, 80_000_000_000, 3_735_928_559]),
        ("4.19", [8_000_000_000, 159_999_999_984, 78_187_493_520, 28_772_997_619_311, 1_048_575]),
        ("5.10", [10, 84, 84, 5_188, 206_338]),
        ("6.1", [10, 89, 79, 5_448, 206_078]),
    ];
    for (kernel, counters) in kernels {
        let totals = director(&proc(kernel)).totals().expect(kernel);
        assert_eq!(totals[&Key::Total].counters, Counters::from(counters), "{kernel}");
        let answer = director(&proc(kernel)).answer(&ask("total_in_bytes_per_second")).expect(kernel);
        assert!(answer.series.len() == 1 && answer.series[0].samples.is_empty(), "{kernel}: {answer:?}");
    }
    let error = director(&proc("6.18")).answer(&ask("total_in_bytes_per_second")).expect_err("no IPVS");
    assert_eq!(error.reason(), Reason::SourceDown);
    assert!(error.to_string().ends_with("net/ip_vs_stats: the totals of IPVS cannot be read"), "{error}");
}

#[test]
fn without_the_right_the_totals_are_whole_and_say_what_is_missing() {
    let dir = tempfile::tempdir().expect("a directory");
    write(dir.path(), "net/ip_vs_stats", include_str!("../../../tests/lvs/fixtures/ip_vs_stats.txt"));
    let refused = Director { ask_refused: || true, ..director(dir.path()) };
    let answer = refused.answer(&ask("total_in_bytes_per_second")).expect("an answer");
    assert!(answer.complete && answer.series.len() == 1);
    assert!(
        answer.warnings.len() == 1
            && answer.warnings[0].contains("/proc/net/ip_vs_stats")
            && answer.warnings[0].contains("CAP_NET_ADMIN"),
        "{answer:?}"
    );
    let answer = director(dir.path()).answer(&ask("total_in_bytes_per_second")).expect("an answer");
    assert!(answer.complete && answer.warnings.is_empty());
}

#[test]
fn a_service_that_changed_while_the_table_was_listed_is_left_out_with_its_real_servers() {
    let service = |mark| Service::Mark { mark, is_v6: false };
    let server = RealServer { address: IpAddr::from([10, 9, 2, 2]), port: 80 };
    let mut table = marked(&[1, 2, 3], 10);
    table.extend((1..=3).map(|mark| (Key::RealServer(service(mark), server), entry([0; 5]))));
    let again = BTreeMap::from([
        (service(1), Counters::from([11, 10, 10, 10, 10])),
        // taken out and put in
        (service(2), Counters::from([0; 5])),
        (service(4), Counters::from([0; 5])),
    ]);
    let keys: Vec<Key> = agreed(table, &again).into_keys().collect();
    assert_eq!(keys, [Key::Service(service(1)), Key::RealServer(service(1), server)]);
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
