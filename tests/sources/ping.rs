//! The source `ping`: what it measures is held against losses, outages and delays that were made, on loopback and in
//! network namespaces of their own. Where those cannot be had, that is said.

use crate::responder::{Manner, respond};
use crate::servers::wait;
use crate::{fetch, given_source};
use quietgate::config::Config;
use quietgate::monitor::{Watch, Watched};
use quietgate::settings::Given;
use quietgate::sources::{Answer, Seen, Source, SourceError};
use quietgate_detectors::{Calendar, Reason, Timestamp};
use quietgate_rules::Condition;
use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Output};
use std::time::Instant;

/// Set where a test runs inside of a namespace that another one made.
const INSIDE: &str = "QUIETGATE_TEST_NAMESPACE";

pub(crate) fn ping(addresses: &[String], settings: &[(&str, &str)]) -> Box<dyn Source> {
    let addresses = Given::List(addresses.iter().map(|text| Given::plain(text)).collect());
    let plain = settings.iter().map(|(name, text)| ((*name).to_owned(), Given::plain(text)));
    let given: Vec<_> = plain.chain([("addresses".to_owned(), addresses)]).collect();
    given_source("ping", &given)
}

/// What is known now, of intervals of `every` milliseconds.
pub(crate) fn asked(source: &dyn Source, query: &str, every: i64) -> Result<Answer, SourceError> {
    fetch(source, query, crate::now() - 20 * every, crate::now(), every)
}

/// Every sample of each address that was told of so far.
#[derive(Default)]
pub(crate) struct Heard(BTreeMap<String, BTreeMap<i64, f64>>);

impl Heard {
    pub(crate) fn hear(&mut self, answer: &Answer) {
        for series in &answer.series {
            let known = self.0.entry(series.labels["address"].to_owned()).or_default();
            known.extend(series.samples.iter().map(|sample| (sample.at.as_millis(), sample.value)));
        }
    }

    pub(crate) fn of(&self, address: &str) -> Vec<f64> {
        self.0.get(address).map(|samples| samples.values().copied().collect()).unwrap_or_default()
    }

    pub(crate) fn most(&self, address: &str) -> f64 {
        self.of(address).into_iter().fold(0.0, f64::max)
    }
}

/// Whether this process may send echoes by a raw socket; says so where not.
pub(crate) fn may_ping() -> bool {
    use socket2::{Domain, Protocol, Socket, Type};
    let may = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).is_ok();
    if !may {
        println!("skipped: raw sockets are not allowed here (they need CAP_NET_RAW)");
    }
    may
}

/// Whether this is a network namespace of its own. Where it is not, makes one and runs `test` of this file once more in it,
/// which must pass.
fn in_namespace(test: &str) -> bool {
    in_own_namespace(&format!("ping::{test}"))
}

/// The same of a test in another file.
pub(crate) fn in_own_namespace(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let made = Command::new("unshare").args(["--net", "ip", "link", "set", "lo", "up"]).output();
    if !made.is_ok_and(|output| output.status.success()) {
        println!("skipped: no network namespace can be made here (it needs root, unshare and ip)");
        return false;
    }
    let exe = std::env::current_exe().expect("this program");
    let script = "ip link set lo up && exec \"$0\" --exact \"$1\" --nocapture";
    let output = Command::new("unshare")
        .args(["--net", "sh", "-c", script])
        .arg(exe)
        .arg(test)
        .env(INSIDE, "1")
        .output()
        .expect("unshare runs");
    passed(&output);
    false
}

fn passed(output: &Output) {
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    said.lines().filter(|line| line.starts_with("skipped: ")).for_each(|line| println!("{line}"));
}

#[test]
fn losses_outages_and_late_and_second_replies_are_counted_as_they_were_made() {
    if !in_namespace("losses_outages_and_late_and_second_replies_are_counted_as_they_were_made") {
        return;
    }
    fs::write("/proc/sys/net/ipv4/icmp_echo_ignore_all", "1").expect("a namespace of our own");
    let hosts = [2, 3, 4, 5].map(|last| std::net::Ipv4Addr::new(127, 0, 0, last));
    let _responders = [
        respond(hosts[0], |number| if number % 10 < 3 { Manner::Drop } else { Manner::Answer }),
        respond(hosts[1], |_| Manner::Twice),
        // 40 times 20 ms: later than the limit of 500 ms
        respond(hosts[2], |_| Manner::After(40)),
        respond(hosts[3], |number| if (100..117).contains(&number) { Manner::Drop } else { Manner::Answer }),
    ];
    let names = hosts.map(|host| host.to_string());
    let source = ping(&names, &[("every", "20ms"), ("timeout", "500ms")]);
    let (mut loss, mut losses, mut outage, mut trip) =
        (Heard::default(), Heard::default(), Heard::default(), Heard::default());
    wait("six intervals with the outage", || {
        for (query, heard) in [
            ("loss_ratio", &mut loss),
            ("outage_losses", &mut losses),
            ("outage_ms", &mut outage),
            ("round_trip_ms", &mut trip),
        ] {
            heard.hear(&asked(&*source, query, 1_000).expect("an answer"));
        }
        (loss.of(&names[3]).len() >= 6).then_some(())
    });
    // 50 echoes an interval, of which one more or less may be at its ends
    for share in loss.of(&names[0]) {
        assert!((0.25..=0.35).contains(&share), "{share} of three in ten");
    }
    assert!(losses.of(&names[0]).iter().all(|run| *run == 3.0), "{:?}", losses.of(&names[0]));
    assert!(outage.of(&names[0]).iter().all(|ms| (60.0..160.0).contains(ms)), "{:?}", outage.of(&names[0]));
    assert!(loss.of(&names[1]).iter().all(|share| *share == 0.0), "a second reply is nothing");
    assert!(loss.of(&names[2]).iter().all(|share| *share == 1.0), "a late reply is a loss, once");
    let growing = losses.of(&names[2]);
    assert!(growing.is_sorted() && growing.last() > Some(&200.0), "{growing:?}");
    assert!(trip.of(&names[2]).is_empty() && trip.of(&names[1]).iter().all(|ms| (0.0..500.0).contains(ms)));
    assert_eq!(losses.most(&names[3]), 17.0);
    let ms = outage.most(&names[3]);
    assert!((340.0..540.0).contains(&ms), "17 times 20 ms, told as {ms}");
    let lost: f64 = loss.of(&names[3]).iter().map(|share| share * 50.0).sum();
    assert!((16.0..=18.0).contains(&lost), "{lost} of 17");
}

#[test]
fn ping_sockets_are_used_where_they_are_allowed_for_both_families() {
    if !in_namespace("ping_sockets_are_used_where_they_are_allowed_for_both_families") {
        return;
    }
    let many: Vec<_> = (1..=100).map(|last| format!("127.0.1.{last}")).collect();
    let has_six = Command::new("ip").args("-6 route add local 2001:db8::/64 dev lo".split(' ')).status();
    let six = ["::1".to_owned(), "2001:db8::7".to_owned()];
    let six = if has_six.is_ok_and(|status| status.success()) {
        &six[..]
    } else {
        println!("skipped: IPv6 is not there");
        &[]
    };
    let addresses = [&many[..], six].concat();
    for (range, tables) in [("1 0", ["raw", "raw6"]), ("0 2147483647", ["icmp", "icmp6"])] {
        fs::write("/proc/sys/net/ipv4/ping_group_range", range).expect("a namespace of our own");
        let source = ping(&addresses, &[("every", "50ms"), ("timeout", "2s")]);
        let answer = wait("an interval", || {
            Some(asked(&*source, "loss_ratio", 1_000).expect("an answer")).filter(|a| !a.series.is_empty())
        });
        let rows = tables.map(|table| {
            fs::read_to_string(format!("/proc/net/{table}")).expect("a table").lines().count() - 1
        });
        assert_eq!(rows, [1, usize::from(!six.is_empty())], "one socket for each family in {tables:?}");
        assert!(answer.complete, "{:?}", answer.warnings);
        assert_eq!(answer.series.len(), addresses.len());
        let lost =
            |answer: &Answer| answer.series.iter().flat_map(|series| &series.samples).any(|s| s.value > 0.0);
        assert!(!lost(&answer), "nothing is lost on loopback: {answer:?}");
    }
}

#[test]
fn what_cannot_be_sent_is_not_lost_and_is_told() {
    if !in_namespace("what_cannot_be_sent_is_not_lost_and_is_told") {
        return;
    }
    let addresses = ["198.18.0.1".to_owned(), "127.0.0.1".to_owned()];
    let source = ping(&addresses, &[("every", "50ms"), ("timeout", "200ms")]);
    let answer = asked(&*source, "loss_ratio", 1_000).expect("an answer");
    let told = answer.series.iter().map(|series| (&series.labels["address"], series.samples.len()));
    assert_eq!(
        (told.collect::<Vec<_>>(), answer.complete),
        (vec![("127.0.0.1", 1), ("198.18.0.1", 0)], true)
    );
    assert_eq!(answer.warnings, ["no echo can be sent to 198.18.0.1: Network is unreachable (os error 101)"]);
}

/// How each address stands once the first whole answer has come, as a run takes it in.
fn stands(source: &dyn Source, query: &str) -> Vec<(String, Option<Reason>)> {
    let text = format!(
        "signals: {{s: {{interval: 1s, rule: {{kind: any, sustain: 1 of 1, detectors: [{{kind: threshold, above: {}}}]}}}}}}",
        f64::MAX
    );
    let config = Config::read("f", &text).expect("a config");
    let signal = &config.signals[0];
    let spec = signal.monitor_spec(Calendar::Utc);
    let watched = Watched { name: query.to_owned(), spec, max_age_ms: signal.max_age_ms, expect: Vec::new() };
    let mut watch = Watch::new(vec![watched]);
    let now = Timestamp::from_millis(crate::now());
    let mut seen = Seen::nothing(Timestamp::from_millis(crate::now() - 20_000), signal.max_age_ms);
    let answer = seen.take(asked(source, query, 1_000).expect("an answer"), now);
    assert!(answer.complete, "{:?}", answer.warnings);
    answer.series.iter().for_each(|series| watch.observe(0, &series.labels, &series.samples));
    watch.begin(0);
    let reason = |condition| match condition {
        Condition::Unknown { reason, .. } => Some(reason),
        _ => None,
    };
    let views = watch.views(Timestamp::from_millis(crate::now()));
    views.iter().map(|view| (view.labels["address"].to_owned(), reason(view.condition))).collect()
}

#[test]
fn what_could_not_be_measured_from_the_start_on_is_watched_even_so() {
    if !in_namespace("what_could_not_be_measured_from_the_start_on_is_watched_even_so") {
        return;
    }
    fs::write("/proc/sys/net/ipv4/icmp_echo_ignore_all", "1").expect("a namespace of our own");
    let _up = respond([127, 0, 0, 2].into(), |_| Manner::Answer);
    // no route, an answer, none
    let addresses = ["198.18.0.1", "127.0.0.2", "127.0.0.3"].map(str::to_owned);
    let source = ping(&addresses, &[("every", "50ms"), ("timeout", "200ms")]);
    let unknown = |names: &[&str]| {
        let one = |name: &&str| ((*name).to_owned(), names.contains(name).then_some(Reason::NoData));
        ["127.0.0.2", "127.0.0.3", "198.18.0.1"].iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(stands(&*source, "loss_ratio"), unknown(&["198.18.0.1"]));
    assert_eq!(stands(&*source, "round_trip_ms"), unknown(&["127.0.0.3", "198.18.0.1"]));
}

#[test]
fn an_overrun_of_the_receive_buffer_is_no_loss() {
    if !may_ping() {
        return;
    }
    let addresses: Vec<_> = (0..1_000).map(|n| format!("127.9.{}.{}", n / 250, n % 250 + 1)).collect();
    let source = ping(&addresses, &[("every", "40ms"), ("timeout", "300ms"), ("buffer", "4KiB")]);
    let answer = wait("an overrun", || {
        let answer = asked(&*source, "loss_ratio", 500).expect("an answer");
        let lost = answer.series.iter().flat_map(|series| &series.samples).find(|sample| sample.value > 0.0);
        assert_eq!(lost, None, "what this machine dropped is no loss");
        (!answer.complete).then_some(answer)
    });
    let text = answer.warnings.join("; ");
    assert!(text.contains("not measured: this machine dropped replies"), "{text}");
}

#[test]
fn an_interval_that_is_not_over_yet_is_said_at_once() {
    if !may_ping() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let config = "sources: {echo: {kind: ping, addresses: [127.0.0.1, 127.0.0.2], every: 50ms}}\nsignals:\n  \
        loss: {source: echo, query: loss_ratio, interval: 1h, rule: {kind: majority}}\n";
    fs::write(dir.path().join("quietgate.yaml"), config).expect("a file");
    let run = |words: &[&str]| {
        let program =
            Command::new(env!("CARGO_BIN_EXE_quietgate")).args(words).current_dir(dir.path()).output();
        let output = program.expect("the program");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let began = Instant::now();
    let (exit, said) = run(&["check", "--online", "quietgate.yaml"]);
    assert_eq!(exit, Some(2), "{said}");
    assert!(said.contains("signal \"loss\" is answered in part: no interval is over before "), "{said}");
    assert!(
        said.contains("quietgate probe with --query and a shorter --interval") && !said.contains("no series"),
        "{said}"
    );
    let (exit, said) = run(&["probe", "echo"]);
    assert!(exit == Some(1) && said.starts_with("loss: 2 series, in part, interval 1 h\n"), "{said}");
    assert!(said.contains("  {address=\"127.0.0.2\"} no sample\n"), "{said}");
    // each asks twice; the limit of one asking is 50 s
    assert!(began.elapsed().as_secs() < 50, "{:?}", began.elapsed());
    let (exit, said) = run(&["probe", "echo", "--query", "loss_ratio", "--interval", "1s"]);
    assert!(exit == Some(0) && said.contains("  {address=\"127.0.0.1\"} 0 at "), "{said}");
}

/// Puts packets that are nobody's reply on the way to ourselves until it is dropped: requests, and the replies to them.
fn noise(addresses: &[String]) -> Box<dyn Source> {
    let noise = ping(addresses, &[("every", "10ms"), ("timeout", "10s")]);
    asked(&*noise, "loss_ratio", 500).expect("an answer");
    noise
}

#[test]
fn packets_of_others_do_not_fill_the_buffer_of_a_raw_socket() {
    if !in_namespace("packets_of_others_do_not_fill_the_buffer_of_a_raw_socket") {
        return;
    }
    fs::write("/proc/sys/net/ipv4/ping_group_range", "1 0").expect("a namespace of our own");
    let _noise = noise(&(1..=100).map(|last| format!("127.0.1.{last}")).collect::<Vec<_>>());
    let mut own = vec!["127.0.2.1".to_owned()];
    let has_six = Command::new("ip").args("-6 route add local 2001:db8::/64 dev lo".split(' ')).status();
    let six = has_six.is_ok_and(|status| status.success());
    let _noise_of_six =
        six.then(|| noise(&(1..=100).map(|last| format!("2001:db8::{last}")).collect::<Vec<_>>()));
    if six {
        own.push("2001:db8::ff".to_owned());
    } else {
        println!("skipped: IPv6 is not there");
    }
    // there is room for a few replies, and each raw socket is offered 20,000 packets a second
    let source = ping(&own, &[("every", "50ms"), ("timeout", "2s"), ("buffer", "4KiB")]);
    wait("an interval in which nothing was dropped", || {
        let answer = asked(&*source, "loss_ratio", 1_000).expect("an answer");
        (answer.complete && answer.series.iter().all(|series| !series.samples.is_empty())).then_some(())
    });
}

#[test]
fn a_missing_right_is_named() {
    let without = ["--bounding-set", "-net_raw", "--inh-caps", "-net_raw"];
    let made = Command::new("unshare").args(["--net", "setpriv"]).args(without).arg("true").output();
    if !made.is_ok_and(|output| output.status.success()) {
        return println!(
            "skipped: no network namespace can be made here (it needs root, unshare and setpriv)"
        );
    }
    let dir = tempfile::tempdir().expect("a directory");
    let config = "sources: {echo: {kind: ping, addresses: [127.0.0.1]}}\nsignals:\n  \
        loss: {source: echo, query: loss_ratio, interval: 1s, rule: {kind: majority}}\n";
    fs::write(dir.path().join("quietgate.yaml"), config).expect("a file");
    let output = Command::new("unshare")
        .args(["--net", "setpriv"])
        .args(without)
        .args([env!("CARGO_BIN_EXE_quietgate"), "check", "--online", "quietgate.yaml"])
        .current_dir(dir.path())
        .output()
        .expect("unshare runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for word in ["signal \"loss\" has no answer: ping: ", "net.ipv4.ping_group_range", "CAP_NET_RAW"] {
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn an_inventory_is_pinged_and_what_it_expects_is_found() {
    if !may_ping() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name, text: &str| fs::write(dir.path().join(name), text).expect("a file");
    write("inventory.csv", "name,address\nh1,127.0.0.1\nh2,127.0.0.2\n");
    write(
        "quietgate.yaml",
        "sources: {echo: {kind: ping, inventory: inventory.csv, every: 50ms}}\nsignals:\n  \
         loss: {source: echo, query: loss_ratio, interval: 1s, labels: {address: address}, expect: {address: inventory}, \
         rule: {kind: majority}}\n",
    );
    write(
        "plan.yaml",
        "plan: p\ninventory: {file: inventory.csv}\nsignals: [loss]\nsteps:\n- {step: s, action: {kind: noop}}\n",
    );
    let output = Command::new(env!("CARGO_BIN_EXE_quietgate"))
        .args(["check", "--online", "plan.yaml", "quietgate.yaml"])
        .current_dir(dir.path())
        .output()
        .expect("the program");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("signal \"loss\": 2 fresh series"), "{said}");
}
