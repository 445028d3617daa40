//! The API as a program has it: who may ask what, what is refused, and a run from its beginning to its end.

use super::fleet::{Fleet, step, wait};
use super::site::Site;
use quietgate::http::{Level, Method, Route, routes};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The longest that a stream is listened to.
const BOUND: Duration = Duration::from_secs(30);

/// The path of a route, asked of things that are not there: who may is told that, who may not is not.
fn path(route: &Route) -> String {
    let names = BTreeMap::from([("{seq}", "1"), ("{signals}", "loss"), ("{signal}", "loss")]);
    let part = |part: &str| match part.starts_with('{') {
        true => (*names.get(part).unwrap_or(&"nobody")).to_owned(),
        false => part.to_owned(),
    };
    route.doc.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[test]
fn every_route_asks_who_it_is_and_lets_nobody_do_more_than_the_token_says() {
    let site = Site::new();
    let (_, expired) = site.tokens().create("expired", Level::Admin, 0).expect("a token");
    let (revoked, gone) = site.tokens().create("revoked", Level::Admin, 60_000).expect("a token");
    assert!(site.tokens().revoke(&revoked.id).expect("a change"));
    let good = Level::ALL.map(|level| (level, site.token(level.name(), level)));
    let mut seen = 0;
    for route in routes() {
        let ask = |token: Option<&str>| {
            let request = site.request(route.doc.method.name(), &path(&route));
            let request = match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            // what changes something is asked with a body that is not enough for it
            match route.doc.method {
                Method::Get => request,
                _ => request.header("content-type", "application/json").body("{}"),
            }
        };
        // a stream has no end
        let status =
            |request: RequestBuilder| site.wait(request.send()).expect("an answer").status().as_u16();
        let name = format!("{} {}", route.doc.method.name(), route.doc.path);
        let Some(level) = route.level else {
            assert!(["GET /healthz", "POST /sign-in"].contains(&name.as_str()), "{name} is open");
            continue;
        };
        for (who, token) in [
            ("nobody", None),
            ("wrong", Some("qg_0000")),
            ("expired", Some(&*expired)),
            ("revoked", Some(&*gone)),
        ] {
            let found = status(ask(token));
            // after some guesses it says so
            assert!(found == 401 || (token.is_some() && found == 429), "{name}: {who}: {found}");
        }
        for (own, token) in &good {
            let found = status(ask(Some(token)));
            let refused = [401, 403, 429].contains(&found);
            assert_eq!(refused, *own < level, "{name} needs {level:?}: {own:?}: {found}");
            assert!(found != 405 && found < 500, "{name}: {found}");
        }
        seen += 1;
    }
    assert!(seen >= 30, "{seen} routes");
    assert_eq!(site.fleet.say(&["status"]).0, Some(0), "and it is well");
}

#[test]
fn health_is_open_and_says_nothing() {
    let site = Site::new();
    let (response, body) = site.send(site.request("GET", "/healthz"));
    assert_eq!((response.status().as_u16(), body.as_str()), (204, ""));
    assert!(response.headers().get("server").is_none());
}

#[test]
fn what_was_sent_to_another_name_or_by_another_page_is_refused() {
    let site = Site::new();
    let token = site.token("me", Level::Admin);
    let ask = |name: &str, value: &str| {
        let request = site.request("GET", "/api/v1/me").bearer_auth(&token).header(name.to_owned(), value);
        let (response, body) = site.send(request);
        let policy = response.headers()["content-security-policy"].to_str().expect("text").to_owned();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        (response.status().as_u16(), response.headers()["content-type"].clone(), body)
    };
    for (name, value, expected) in [
        ("host", "evil.example.org", 421),
        ("host", "localhost", 200),
        ("host", "127.0.0.1.example.org", 421),
        ("origin", "http://evil.example.org", 403),
        ("origin", "null", 403),
        ("origin", &site.base, 200),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("sec-fetch-site", "same-origin", 200),
    ] {
        let (status, kind, body) = ask(name, value);
        assert_eq!(status, expected, "{name}: {value}: {body}");
        let problem: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(kind == "application/problem+json", status != 200, "{body}");
        assert_eq!(problem["status"].as_u64(), (status != 200).then_some(u64::from(status)), "{body}");
    }
}

#[test]
fn what_is_not_as_described_is_refused_in_words() {
    let site = Site::new();
    let token = site.token("me", Level::Admin);
    let get = |path: &str| {
        let (response, body) = site.send(site.request("GET", path).bearer_auth(&token));
        (response.status().as_u16(), body)
    };
    for (path, expected, word) in [
        ("/api/v1/nothing", 404, "nothing here"),
        ("/api/v1/runs/none", 404, "no run"),
        ("/api/v1/runs?limit=0", 400, "allowed is 1 to 1000"),
        ("/api/v1/runs?limit=x", 400, "allowed is a whole number"),
        ("/api/v1/runs?state=odd", 400, "allowed is open or over"),
        ("/api/v1/decisions/x", 400, "allowed is a whole number"),
        ("/api/v1/decisions/999999", 404, "999999"),
        ("/api/v1/events?after=x", 400, "allowed is the number of a record"),
        ("/api/v1/gates/none", 404, "none"),
        ("/api/v1/gates/loss?window=long", 400, "allowed is a duration"),
        ("/api/v1/signals/none/series", 404, "none"),
        ("/api/v1/signals/loss/samples?series=x", 400, "series"),
        ("/assets/../tokens.json", 404, "nothing here"),
        ("/assets/..%2ftokens.json", 404, "no such file"),
    ] {
        let (status, body) = get(path);
        assert_eq!((status, body.contains(word)), (expected, true), "{path}: {status} {body}");
        assert!(!body.contains(&site.fleet.path("").display().to_string()), "it tells a path: {body}");
    }
    let (status, body) = site.post(&token, "/api/v1/runs", &json!({"plan": "../plan", "reason": "x"}));
    assert_eq!(status, 409, "{body}");
    let (status, body) =
        site.post(&token, "/api/v1/runs", &json!({"plan": "a", "reason": "x", "argv": ["sh"]}));
    assert_eq!((status, body["detail"].to_string().contains("argv")), (400, true), "{body}");
    let (status, body) = site.post(&token, "/api/v1/runs", &json!({"plan": "a", "reason": " "}));
    assert_eq!((status, body["detail"].to_string().contains("reason")), (409, true), "{body}");
    let request = site.request("POST", "/api/v1/freeze").bearer_auth(&token).body("reason=x");
    assert_eq!(site.send(request).0.status().as_u16(), 415);
    let (status, _) = site.post(&token, "/api/v1/freeze", &json!({"reason": "x".repeat(2 << 20)}));
    assert_eq!(status, 413);
    assert!(site.fleet.ledger().is_empty());
}

#[test]
fn a_run_is_begun_approved_paused_and_followed() {
    let site = Site::new();
    let token = site.token("night shift", Level::Operate);
    let plans = site.get(&token, "/api/v1/plans");
    assert_eq!(plans["items"][0]["plan"], "a");
    let run = site.submit(&token, "b");
    let of = |path: &str| site.get(&token, &format!("/api/v1/runs/{run}{path}"));
    wait("what it waits for", || (of("")["waiting"][0]["for"] == "approval").then_some(()));
    let (status, body) =
        site.post(&token, &format!("/api/v1/runs/{run}/approve"), &json!({"step": "none", "reason": "go"}));
    assert_eq!((status, body["detail"].to_string().contains("none")), (409, true), "{body}");
    site.fleet.write("wait-do-h3", "");
    let (status, body) =
        site.post(&token, &format!("/api/v1/runs/{run}/approve"), &json!({"step": "b", "reason": "go"}));
    assert_eq!((status, body["seq"].is_number()), (200, true), "{body}");
    let approval = site.fleet.recorded("the approval", |record| record["kind"] == "approval");
    assert!(approval["who"].as_str().is_some_and(|who| who.starts_with("night shift (token ")), "{approval}");
    site.fleet.acted("do b h3 1");
    let pause =
        |reason: &str| site.post(&token, &format!("/api/v1/runs/{run}/pause"), &json!({"reason": reason}));
    assert_eq!(pause("lunch").0, 200);
    wait("the pause", || (of("")["run"]["paused"]["reason"] == "lunch").then_some(()));
    let (status, _) = site.post(&token, &format!("/api/v1/runs/{run}/resume"), &json!({"reason": "back"}));
    assert_eq!(status, 200);
    site.fleet.remove("wait-do-h3");
    wait("the end", || (of("")["run"]["mode"] == "done").then_some(()));
    let batches = of("/batches?step=b");
    assert_eq!(batches["items"][0]["targets"][0]["target"], "h3", "{batches}");
    let starts = of("/starts");
    assert!(starts["items"][0]["passed"].is_string(), "{starts}");
    let decisions = of("/decisions");
    let opened =
        decisions["items"].as_array().expect("a list").iter().find(|one| one["decision"] == "proceed");
    let seq = opened.expect("an open gate")["seq"].as_u64().expect("a number");
    let why = site.get(&token, &format!("/api/v1/decisions/{seq}"));
    assert_eq!(why["series"].as_array().map(Vec::len), Some(1), "{why}");
    assert_eq!(site.get(&token, "/api/v1/runs?state=over")["items"][0]["run"], *run);
    assert_eq!(pause("too late").0, 409);
}

#[test]
fn what_is_watched_is_told_with_its_band_and_what_was_found() {
    let site = Site::new();
    let token = site.token("me", Level::Read);
    let gate = || site.get(&token, "/api/v1/gates/loss?window=600ms");
    wait("a clean window", || (gate()["open"] == true).then_some(()));
    site.fleet.lose("h2", 90.0);
    let findings = || site.get(&token, "/api/v1/findings")["items"][0].clone();
    let found = wait("the finding", || Some(findings()).filter(|found| found["name"] == "loss{host=\"h2\"}"));
    assert!(found["words"][0].as_str().is_some_and(|words| words.contains("threshold")), "{found}");
    let closed = gate();
    assert_eq!(closed["open"], false, "{closed}");
    assert!(closed.to_string().contains("h2"), "{closed}");
    assert_eq!(closed["state"], "anomalous", "{closed}");
    let series = site.get(&token, "/api/v1/signals/loss/series?finding=anomalous");
    assert_eq!(series["items"][0]["labels"]["host"], "h2", "{series}");
    let samples = wait("the samples", || {
        let path = "/api/v1/signals/loss/samples?series=%7B%22host%22:%22h2%22%7D";
        let (response, body) = site.send(site.request("GET", path).bearer_auth(&token));
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let all = body["finding"].as_array().cloned().unwrap_or_default();
        (response.status().is_success() && all.iter().any(|finding| finding == "a")).then_some(body)
    });
    let len = samples["at_ms"].as_array().map(Vec::len);
    for column in ["value", "low", "high", "finding"] {
        assert_eq!(samples[column].as_array().map(Vec::len), len, "{column}");
    }
    assert!(samples["value"].as_array().expect("a list").contains(&json!(90.0)), "{samples}");
    let signals = site.get(&token, "/api/v1/signals");
    assert_eq!(
        (&signals["items"][0]["signal"], &signals["items"][0]["anomalous"]),
        (&json!("loss"), &json!(1))
    );
    site.fleet.lose("h2", 0.0);
    wait("its end", || findings()["until"].is_string().then_some(()));
}

/// The events of a stream until `enough` holds of them, or the stream ends.
fn events(site: &Site, request: RequestBuilder, enough: impl Fn(&str) -> bool) -> (String, bool) {
    site.wait(async {
        let mut response = request.send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 200);
        let (mut text, end) = (String::new(), Instant::now() + BOUND);
        while !enough(&text) {
            assert!(Instant::now() < end, "it did not come about: {text}");
            let next = tokio::time::timeout(BOUND, response.chunk());
            let Ok(Some(chunk)) = next.await.expect("something within a while") else {
                return (text, true);
            };
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
        (text, false)
    })
}

fn ids(text: &str) -> Vec<u64> {
    text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect()
}

#[test]
fn events_are_told_from_any_record_on_and_each_once() {
    let site = Site::new();
    let token = site.token("me", Level::Operate);
    let run = site.submit(&token, "a");
    wait("its end", || {
        (site.get(&token, &format!("/api/v1/runs/{run}"))["run"]["mode"] == "done").then_some(())
    });
    let ask = |path: &str| site.request("GET", path).bearer_auth(&token);
    let is_done = |text: &str| text.contains("\"type\":\"run.finished\"");
    let (text, _) = events(&site, ask("/api/v1/events?after=0"), is_done);
    let all = ids(&text);
    assert!(all.len() >= 9 && all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
    let (text, _) = events(&site, ask("/api/v1/events").header("last-event-id", all[3].to_string()), is_done);
    assert_eq!(ids(&text), all[4..], "what was heard is not told again");
    let (text, _) = events(&site, ask("/api/v1/events"), |text| text.contains("event: changed"));
    assert_eq!(ids(&text), [0; 0], "without a number from now on");
}

#[test]
fn a_stream_ends_when_its_token_is_revoked() {
    let site = Site::new();
    let (kept, token) = site.tokens().create("leaver", Level::Read, 60_000).expect("a token");
    let request = site.request("GET", "/api/v1/events").bearer_auth(&token);
    let revoked = std::cell::Cell::new(false);
    let (_, ended) = events(&site, request, |text| {
        if text.contains("event: changed") && !revoked.replace(true) {
            let (code, said) = site.fleet.say(&["token", "revoke", &kept.id]);
            assert_eq!(code, Some(0), "{said}");
        }
        false
    });
    assert!(ended && revoked.get());
    assert_eq!(site.send(site.request("GET", "/api/v1/me").bearer_auth(&token)).0.status().as_u16(), 401);
}

#[test]
fn tokens_are_made_listed_and_revoked_and_shown_once() {
    let site = Site::new();
    let admin = site.token("admin", Level::Admin);
    let made = json!({"name": "ci", "scope": "read", "lasts": "1h"});
    let (status, body) = site.post(&admin, "/api/v1/tokens", &made);
    let text = body["token"].as_str().expect("a token");
    assert_eq!((status, site.get(text, "/api/v1/me")["token"].as_str()), (201, Some("ci")), "{body}");
    let all = site.get(&admin, "/api/v1/tokens").to_string();
    assert!(all.contains("\"ci\"") && !all.contains(&text[12..]), "{all}");
    for wrong in
        [json!({"name": "x", "scope": "root"}), json!({"name": "x", "scope": "read", "lasts": "2000d"})]
    {
        assert_eq!(site.post(&admin, "/api/v1/tokens", &wrong).0, 400, "{wrong}");
    }
    let own = format!("/api/v1/tokens/{}", body["about"]["id"].as_str().expect("a name"));
    let revoke = || site.send(site.request("DELETE", &own).bearer_auth(&admin)).0.status().as_u16();
    assert_eq!((revoke(), revoke()), (204, 404));
    assert_eq!(site.send(site.request("GET", "/api/v1/me").bearer_auth(text)).0.status().as_u16(), 401);
    let log = site.fleet.said("serve.err");
    assert!(log.contains("was revoked by admin") && !log.contains(&text[12..]), "{log}");
}

#[test]
fn a_config_is_read_once_more_by_who_may() {
    let site = Site::new();
    let (admin, operate) = (site.token("admin", Level::Admin), site.token("operator", Level::Operate));
    let config = site.fleet.said("quietgate.yaml");
    site.fleet.write("quietgate.yaml", &config.replace("above: 50", "above: fifty"));
    let reload = |token: &str| site.post(token, "/api/v1/config/reload", &json!({"reason": "more patience"}));
    assert_eq!(reload(&operate).0, 403);
    let (status, body) = reload(&admin);
    assert_eq!((status, body["detail"].to_string().contains("fifty")), (409, true), "{body}");
    site.fleet.write("quietgate.yaml", &config.replace("above: 50", "above: 60"));
    assert_eq!(reload(&admin).0, 200);
    assert!(site.get(&admin, "/api/v1/config")["text"].to_string().contains("above: 60"));
}

/// Flagger asks by `POST` with what it knows of its canary, and takes any status of 2xx as a yes.
#[test]
fn the_hooks_of_flagger_are_answered_by_the_gate_and_never_roll_back_for_want_of_samples() {
    let mut site = Site::new();
    let token = site.token("flagger", Level::Read);
    let canary = json!({"name": "web", "namespace": "shop", "phase": "Progressing", "checksum": "85d557f47b",
        "metadata": {"any": "thing"}});
    let hook = |site: &Site, name: &str, canary: &Value| {
        // it can be told an address and nothing else: the token is the password in it
        let path = format!("/api/v1/gates/loss/flagger/{name}?window=600ms");
        let request = site.request("POST", &path).basic_auth("flagger", Some(&token));
        let request = request.header("content-type", "application/json").body(canary.to_string());
        let (response, body) = site.send(request);
        (response.status().as_u16(), body)
    };
    wait("a clean window", || (hook(&site, "confirm", &canary).0 == 200).then_some(()));
    assert_eq!(hook(&site, "rollback", &canary).0, 409);
    for bad in [json!({}), json!({"name": "web"}), json!({"name": "", "namespace": "shop"}), json!([])] {
        for name in ["confirm", "rollback"] {
            assert_eq!(hook(&site, name, &bad).0, 400, "{name}: {bad}");
        }
    }
    site.fleet.lose("h1", 90.0);
    wait("the anomaly", || (hook(&site, "rollback", &canary).0 == 200).then_some(()));
    let (status, body) = hook(&site, "confirm", &canary);
    assert_eq!((status, body.contains("shop/web: loss{host=\\\"h1\\\"}: anomalous")), (409, true), "{body}");
    site.fleet.starve();
    wait("that nothing is known", || {
        let gate = site.get(&token, "/api/v1/gates/loss?window=600ms");
        (gate["state"] == "unknown").then_some(())
    });
    assert_eq!([hook(&site, "confirm", &canary).0, hook(&site, "rollback", &canary).0], [409, 409]);
}

#[test]
fn the_metrics_are_those_of_the_table_and_say_how_it_stands() {
    let fleet = Fleet::new(&step("one", ""));
    fleet.append("quietgate.yaml", "sinks: [{kind: log, file: events.jsonl}]\n");
    let site = Site::on(fleet, "http", "", |client| client);
    let token = site.token("prometheus", Level::Operate);
    let run = site.submit(&token, "b");
    let read = || {
        let (response, text) = site.send(site.request("GET", "/metrics").bearer_auth(&token));
        assert_eq!(response.headers()["content-type"], quietgate::telemetry::MEDIA_TYPE);
        text
    };
    let has = |line: &str| wait(line, || read().lines().any(|own| own.starts_with(line)).then_some(()));
    has("quietgate_waiting{reason=\"approval\"} 1.0");
    has("quietgate_waited_seconds_total{reason=\"approval\"}");
    site.fleet.lose("h2", 90.0);
    has("quietgate_findings_total{signal=\"loss\"} 1.0");
    has("quietgate_series{signal=\"loss\",finding=\"anomalous\"} 1.0");
    has("quietgate_sink_waiting{sink=\"log\"} 0.0");
    let text = read();
    let told = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let told: BTreeMap<&str, &str> = told.filter_map(|line| line.split_once(' ')).collect();
    let table = quietgate::telemetry::METRICS.iter().map(|metric| (metric.name, metric.kind.name()));
    assert_eq!(told, table.collect::<BTreeMap<_, _>>());
    let allowed = |line: &&str| !line.starts_with('#') && (line.contains(&run) || line.contains("host="));
    assert_eq!(text.lines().find(allowed), None, "a label that grows");
    let (status, _) = site.post(&token, &format!("/api/v1/runs/{run}/abort"), &json!({"reason": "enough"}));
    assert_eq!(status, 200);
    has("quietgate_runs{mode=\"aborted\"} 1.0");
}

/// The protocol is that of Zincati's `base_url`: `POST` to `v1/pre-reboot` and `v1/steady-state` with who asks.
#[test]
fn a_host_reboots_when_the_gate_is_open_and_a_slot_is_free() {
    let mut site = Site::new();
    let token = site.token("zincati", Level::Operate);
    let ask = |site: &Site, what: &str, id: &str| {
        let path = format!("/api/v1/fleetlock/loss/600ms/1/v1/{what}");
        let body = json!({"client_params": {"id": id, "group": "default"}});
        let request = site.request("POST", &path).basic_auth("zincati", Some(&token));
        let request =
            request.header("fleet-lock-protocol", "true").header("content-type", "application/json");
        let (response, body) = site.send(request.body(body.to_string()));
        (response.status().as_u16(), serde_json::from_str::<Value>(&body).unwrap_or_default())
    };
    wait("an open gate", || (ask(&site, "pre-reboot", "h1").0 == 200).then_some(()));
    assert_eq!(ask(&site, "pre-reboot", "h1").0, 200, "once more is the same");
    let (status, no) = ask(&site, "pre-reboot", "h2");
    assert_eq!((status, no["kind"].as_str()), (409, Some("failed_lock_semaphore_full")), "{no}");
    assert!(no["value"].to_string().contains("h1 since"), "{no}");
    site.kill();
    site.begin();
    wait("the gate after a crash", || {
        (ask(&site, "pre-reboot", "h2").1["kind"] == "failed_lock_semaphore_full").then_some(())
    });
    assert_eq!(ask(&site, "steady-state", "h1").0, 200);
    assert_eq!(ask(&site, "steady-state", "h1").0, 200, "who has none is back all the same");
    site.fleet.lose("h3", 90.0);
    wait("that it is shut", || (ask(&site, "pre-reboot", "h2").1["kind"] == "gate_shut").then_some(()));
    site.fleet.lose("h3", 0.0);
    wait("an open gate", || (ask(&site, "pre-reboot", "h2").0 == 200).then_some(()));
    assert_eq!(site.post(&token, "/api/v1/freeze", &json!({"reason": "fair"})).0, 200);
    assert_eq!(ask(&site, "pre-reboot", "h2").1["kind"], "frozen");
    for (body, header, path) in [
        (json!({"client_params": {"id": "h1", "group": "default"}}), "false", "loss/600ms/1"),
        (json!({"client_params": {"id": "", "group": "default"}}), "true", "loss/600ms/1"),
        (json!({"client_params": {"id": "h1", "group": "de fault"}}), "true", "loss/600ms/1"),
        (json!({"client_params": {"id": "h1"}}), "true", "loss/600ms/1"),
        (json!({"client_params": {"id": "h1", "group": "default"}}), "true", "loss/600ms/0"),
    ] {
        let request =
            site.request("POST", &format!("/api/v1/fleetlock/{path}/v1/pre-reboot")).bearer_auth(&token);
        let request =
            request.header("fleet-lock-protocol", header).header("content-type", "application/json");
        let (response, text) = site.send(request.body(body.to_string()));
        assert_eq!(response.status().as_u16(), 400, "{body} {path}: {text}");
    }
}
