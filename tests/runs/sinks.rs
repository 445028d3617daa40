//! Who is told of a run: each event once or more, in its order, whatever the receiver does, and nothing waits for it.

use super::fleet::{Fleet, step, wait};
use super::receiver::{Receiver, Request};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// 24 bytes each.
const KEYS: [&str; 2] = ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"];

/// A fleet whose config has these sinks, a line each.
fn told(steps: &str, sinks: &[String]) -> Fleet {
    let fleet = Fleet::new(steps);
    fleet.write("hook.secret", &format!("whsec_{}\n", KEYS[0]));
    let sinks: String = sinks.iter().map(|sink| format!("- {sink}\n")).collect();
    fleet.append("quietgate.yaml", &format!("sinks:\n{sinks}"));
    fleet
}

fn webhook(receiver: &Receiver, more: &str) -> String {
    format!("{{kind: webhook, url: \"{}\", secret_file: hook.secret{more}}}", receiver.url())
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["type"].as_str()).collect()
}

fn seqs(events: &[Value]) -> Vec<u64> {
    events.iter().filter_map(|event| event["data"]["seq"].as_u64()).collect()
}

/// Whether one of the signatures of `request` is by this key.
fn is_signed(request: &Request, key: &str) -> bool {
    let header = |name: &str| request.headers[name].as_str();
    let key = BASE64_STANDARD.decode(key).expect("a key");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("a key");
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&request.body);
    let signed = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    header("webhook-signature").split(' ').any(|one| one == signed)
}

#[test]
fn a_run_is_told_in_its_order_each_event_once_and_signed_by_both_keys() {
    let receiver = Receiver::new(&[204]);
    let hook = webhook(&receiver, ", old_secret_file: old.secret");
    let log = "{kind: log, file: told.jsonl, events: [attempt.*], severity: info}".to_owned();
    let fleet = told(&step("one", "  batch: 2\n"), &[hook, log]);
    fleet.write("old.secret", &format!("whsec_{}\n", KEYS[1]));
    assert_eq!(fleet.start(&["run", "plan.yaml"]).end(), Some(0), "{}", fleet.said("run.err"));
    let requests = receiver.requests();
    let events = receiver.taken();
    let ends = [
        "driver.started",
        "run.started",
        "batch.opened",
        "attempt.succeeded",
        "batch.passed",
        "run.finished",
    ];
    let known: BTreeSet<_> = types(&events).into_iter().collect();
    assert!(ends.iter().all(|kind| known.contains(kind)), "{known:?}");
    assert_eq!((types(&events)[0], types(&events).last()), ("driver.started", Some(&"run.finished")));
    let seqs = seqs(&events);
    assert!(seqs.is_sorted_by(|one, next| one < next), "{seqs:?}");
    for request in &requests {
        let event = request.event();
        assert_eq!(event["id"].as_str(), request.headers.get("webhook-id").map(String::as_str));
        assert!(KEYS.iter().all(|key| is_signed(request, key)), "{request:?}");
        assert!(!is_signed(request, &BASE64_STANDARD.encode([7; 24])));
        assert_eq!(request.headers["request"], "POST /hook HTTP/1.1");
    }
    let log = fleet.said("told.jsonl");
    let logged: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let attempts: Vec<_> = events
        .iter()
        .filter(|event| event["type"].as_str().is_some_and(|kind| kind.starts_with("attempt.")))
        .cloned()
        .collect();
    assert_eq!(logged, attempts);
    let (code, text) = fleet.say(&["sinks", "list"]);
    let last = seqs.last().expect("events");
    assert!(
        code == Some(0)
            && text.contains(&format!(
                "webhook (webhook): every event, info or more; delivered up to entry {last}"
            )),
        "{text}"
    );
}

#[test]
fn what_is_not_taken_is_sent_again_under_the_same_id_and_what_comes_later_waits() {
    let receiver = Receiver::new(&[503, 302, 204]);
    let fleet = told(&step("one", "  batch: 3\n"), &[webhook(&receiver, "")]);
    assert_eq!(fleet.start(&["run", "plan.yaml"]).end(), Some(0), "{}", fleet.said("run.err"));
    let requests = receiver.requests();
    let statuses: Vec<_> = requests.iter().map(|request| request.status).take(4).collect();
    assert_eq!(statuses, [503, 302, 204, 204]);
    let ids: BTreeSet<_> = requests[..3].iter().map(|request| &request.headers["webhook-id"]).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(types(&receiver.taken()).last(), Some(&"run.finished"));
    let said = fleet.said("run.err");
    assert!(said.contains("sink webhook: not delivered, and tried again: 503: so!"), "{said}");
    assert!(said.contains("sink webhook: delivered again after"), "{said}");
}

/// A receiver that takes no event, or never answers, keeps no batch from starting and no run from its end.
#[test]
fn nothing_waits_for_a_receiver_that_hangs_and_the_next_driver_delivers() {
    let receiver = Receiver::new(&[0]);
    let fleet = told(&step("one", "  batch: 3\n"), &[webhook(&receiver, ", timeout: 60s")]);
    let began = Instant::now();
    assert_eq!(fleet.start(&["run", "plan.yaml"]).end(), Some(0), "{}", fleet.said("run.err"));
    assert!(began.elapsed().as_secs() < 30, "the end waits for five seconds and no more");
    let said = fleet.said("run.err");
    assert!(
        said.contains("not delivered yet; the next driver of this state delivers what is left"),
        "{said}"
    );
    assert!(receiver.taken().is_empty());
    let before = fleet.journal().len() as u64;
    receiver.answer(&[204]);
    assert_eq!(fleet.start(&["run", "plan.yaml"]).end(), Some(0), "{}", fleet.said("run.err"));
    let seqs = seqs(&receiver.taken());
    assert!(seqs.is_sorted_by(|one, next| one < next) && seqs[0] < before, "{seqs:?}");
    let finished = types(&receiver.taken()).iter().filter(|kind| **kind == "run.finished").count();
    assert_eq!(finished, 2, "of both runs");
}

#[test]
fn what_a_killed_driver_did_not_deliver_is_delivered_and_nothing_is_left_out() {
    let receiver = Receiver::new(&[204]);
    let fleet = told(
        &step("one", "  batch: 1\n  probe: {kind: exec, argv: [\"true\"], timeout: 5s}\n"),
        &[webhook(&receiver, "")],
    );
    fleet.write("wait-do-h2", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.acted("do one h2 1");
    receiver.answer(&[503]);
    assert_eq!(fleet.say(&["pause", "--reason", "lunch"]).0, Some(0));
    wait("a try", || receiver.requests().iter().any(|request| !request.is_taken()).then_some(()));
    run.kill();
    receiver.answer(&[204]);
    fleet.remove("wait-do-h2");
    let name = fleet.run_name();
    wait("the end of what was in flight", || {
        (fleet.start(&["run", "--resume", &name]).end() == Some(0)).then_some(())
    });
    let told: BTreeSet<_> = seqs(&receiver.taken()).into_iter().collect();
    let is_told =
        |record: &Value| !["spawned", "captured"].contains(&record["kind"].as_str().unwrap_or_default());
    let wanted: BTreeSet<_> = fleet
        .journal()
        .iter()
        .filter(|record| is_told(record))
        .filter_map(|record| record["seq"].as_u64())
        .collect();
    assert_eq!(told, wanted);
    // the same event has the same id each time
    let all = receiver.taken();
    let ids: BTreeSet<_> =
        all.iter().map(|event| (event["id"].to_string(), event["data"]["seq"].to_string())).collect();
    assert_eq!(ids.len(), told.len());
}

#[test]
fn what_is_too_much_or_refused_for_good_is_dropped_counted_and_told_of() {
    let receiver = Receiver::new(&[503]);
    let fleet = told(&step("one", "  batch: 3\n"), &[webhook(&receiver, ", queue: 2")]);
    fleet.write("wait-do-h1", "");
    let run = fleet.start(&["run", "plan.yaml"]);
    fleet.recorded("an end", |record| record["kind"] == "result" && record["target"] == "h3");
    receiver.answer(&[204, 400, 204]);
    let dropped = |events: &[Value]| {
        events.iter().filter(|event| event["type"] == "events.dropped").cloned().collect::<Vec<_>>()
    };
    wait("word of it", || (!dropped(&receiver.taken()).is_empty()).then_some(()));
    fleet.remove("wait-do-h1");
    assert_eq!(run.end(), Some(0), "{}", fleet.said("run.err"));
    let said = fleet.said("run.err");
    assert!(
        said.contains("dropped, the last because 2 waited, and no more may; the journal has them"),
        "{said}"
    );
    let events = receiver.taken();
    let (told, own) =
        (dropped(&events), events.iter().filter(|event| event["type"] != "events.dropped").count() as u64);
    let count: u64 = told.iter().filter_map(|event| event["data"]["dropped"].as_u64()).sum();
    let is_told = |record: &&Value| record["kind"] != "spawned";
    assert_eq!(
        count + own,
        fleet.journal().iter().filter(is_told).count() as u64,
        "each is delivered or counted"
    );
    let refused = told.iter().any(|event| event["data"]["reason"] == "400: so!");
    assert!(refused, "{told:?}");
    let (_, text) = fleet.say(&["sinks", "list"]);
    assert!(text.contains(&format!("{count} events dropped")), "{text}");
}

#[test]
fn a_sink_can_be_tried() {
    let receiver = Receiver::new(&[204, 500]);
    let fleet = told(&step("one", ""), &[webhook(&receiver, ", name: hook, severity: critical")]);
    let (code, text) = fleet.say(&["sinks", "test", "hook"]);
    assert!(code == Some(0) && text.starts_with("hook: taken after "), "{text}");
    assert_eq!(types(&receiver.taken()), ["sink.tested"]);
    assert_eq!(fleet.say(&["sinks", "test", "hook"]), (Some(1), "hook: not taken: 500: so!\n".to_owned()));
    let (code, text) = fleet.say(&["sinks", "test", "hok"]);
    assert!(code == Some(2) && text.contains("the config has no sink \"hok\"; there is hook"), "{text}");
    let (_, text) = fleet.say(&["sinks", "list"]);
    assert_eq!(text, "hook (webhook): every event, critical or more; no run has had it yet\n");
}

/// A real Alertmanager, ended by its own process id.
struct Alertmanager {
    child: Child,
    port: u16,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Alertmanager {
    /// One with its data in the folder of `fleet`; nothing where it is not installed.
    fn start(fleet: &Fleet) -> Option<Self> {
        fleet.write(
            "alertmanager.yml",
            "route: {receiver: none, group_wait: 1s}\nreceivers: [{name: none}]\n",
        );
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut command = Command::new("prometheus-alertmanager");
        command.arg(format!("--config.file={}", fleet.path("alertmanager.yml").display()));
        command.arg(format!("--storage.path={}", fleet.path("alerts").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
        match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(child) => Some(Self { child, port }),
            Err(error) => {
                eprintln!("skipped: prometheus-alertmanager is not installed: {error}");
                None
            }
        }
    }

    /// The alerts that fire, by name and summary.
    fn firing(&self) -> Option<Vec<(String, String)>> {
        let answer = quietgate_get(self.port, "/api/v2/alerts?active=true")?;
        let alerts: Vec<Value> = serde_json::from_str(&answer).ok()?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some(
            alerts
                .iter()
                .map(|alert| (text(&alert["labels"]["alertname"]), text(&alert["annotations"]["summary"])))
                .collect(),
        )
    }
}

impl Alertmanager {
    /// Where the alerts that fire come from.
    fn links(&self) -> Vec<String> {
        let answer = quietgate_get(self.port, "/api/v2/alerts?active=true").expect("an answer");
        let alerts: Vec<Value> = serde_json::from_str(&answer).expect("JSON");
        alerts.iter().filter_map(|alert| alert["generatorURL"].as_str().map(str::to_owned)).collect()
    }
}

/// The body of the answer to a plain `GET path`.
fn quietgate_get(port: u16, path: &str) -> Option<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}

#[test]
fn a_hold_fires_in_a_real_alertmanager_and_the_clean_window_resolves_it() {
    let fleet = Fleet::new(&step("one", "  batch: 1\n"));
    let Some(alertmanager) = Alertmanager::start(&fleet) else { return };
    wait("the Alertmanager", || alertmanager.firing());
    let sink = format!(
        "- {{kind: alertmanager, url: \"http://127.0.0.1:{}\", again: 1s, labels: {{site: ber1}}}}\n",
        alertmanager.port
    );
    let api = "api: {url: \"https://gate.example.org:7460\"}\n";
    fleet.append("quietgate.yaml", &format!("sinks:\n{sink}{api}"));
    fleet.lose("h3", 90.0);
    let run = fleet.start(&["run", "plan.yaml"]);
    let fires =
        |name: &str| wait(name, || alertmanager.firing()?.into_iter().find(|(firing, _)| firing == name)).1;
    let summary = fires("QuietgateHeld");
    assert!(summary.contains("holds before it starts") && summary.contains("loss{host=\"h3\"}"), "{summary}");
    let page = format!("https://gate.example.org:7460/#/run/{}", fleet.run_name());
    assert_eq!(alertmanager.links(), [page]);
    fleet.write("fail-do-h2", "");
    fleet.lose("h3", 0.0);
    let ends = |name: &str| {
        let is_over = || alertmanager.firing()?.iter().all(|(firing, _)| firing != name).then_some(());
        wait(&format!("the end of {name}"), is_over);
    };
    ends("QuietgateHeld");
    // a target that fails pauses the run, which ends; its last word stays
    assert_eq!(run.end(), Some(3), "{}", fleet.said("run.err"));
    fires("QuietgatePaused");
    fires("QuietgateFailed");
    fleet.remove("fail-do-h2");
    assert_eq!(fleet.say(&["retry", "one", "h2", "--reason", "mended"]).0, Some(0));
    let name = fleet.run_name();
    assert_eq!(fleet.start(&["run", "--resume", &name]).end(), Some(0), "{}", fleet.said("run.err"));
    ends("QuietgateFailed");
    ends("QuietgatePaused");
    assert_eq!(alertmanager.firing(), Some(Vec::new()));
}
