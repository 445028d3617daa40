//! A daemon elsewhere, asked by the commands of this machine: the gate for other tools, and what persons say.

use super::fleet::wait;
use super::site::Site;
use quietgate::http::Level;
use serde_json::Value;
use std::time::{Duration, Instant};

/// A site, and a file with a token for this.
fn site(level: Level) -> Site {
    let site = Site::new();
    site.fleet.write("token", &site.token("remote", level));
    site
}

/// What the program says to these words and where the daemon is.
fn say(site: &Site, words: &[&str]) -> (Option<i32>, String) {
    site.fleet.say(&[words, &["--url", &site.base, "--token-file", "token"]].concat())
}

#[test]
fn the_gate_is_an_exit_code_that_says_why_it_is_shut() {
    let mut site = site(Level::Read);
    let window = ["gate", "loss", "--window", "600ms"];
    let (code, text) = say(&site, &[&window[..], &["--wait", "30s"]].concat());
    assert_eq!((code, text.contains("open: 3 series clean for 600 ms")), (Some(0), true), "{text}");
    let (code, text) = say(&site, &["gate", "all", "--window", "24h"]);
    assert_eq!((code, text.starts_with("waiting: ")), (Some(3), true), "{text}");
    site.fleet.lose("h2", 90.0);
    wait("the anomaly", || (say(&site, &window).0 == Some(1)).then_some(()));
    let (_, text) = say(&site, &[&window[..], &["--format", "json"]].concat());
    let told: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&told["state"], &told["open"]), (&"anomalous".into(), &false.into()), "{told}");
    let began = Instant::now();
    assert_eq!(say(&site, &[&window[..], &["--wait", "2s"]].concat()).0, Some(1));
    assert!(began.elapsed() >= Duration::from_secs(1), "it waited");
    site.fleet.starve();
    wait("that nothing is known", || (say(&site, &window).0 == Some(3)).then_some(()));
    site.kill();
    let (code, text) = say(&site, &window);
    assert_eq!((code, text.contains("does not answer")), (Some(3), true), "unknown is not clean: {text}");
}

#[test]
fn the_gate_refuses_what_cannot_be_asked() {
    let site = site(Level::Read);
    for (words, expected) in [
        (&["gate", "none"][..], "none"),
        (&["gate", "loss", "--window", "25h"], "allowed is a duration from 0s to 24h"),
        (&["gate", "../tokens"], "no signal"),
    ] {
        let (code, text) = say(&site, words);
        assert_eq!((code, text.contains(expected)), (Some(2), true), "{words:?}: {text}");
    }
    let (code, text) = site.fleet.say(&["gate", "loss"]);
    assert_eq!((code, text.contains("--url and --token-file")), (Some(2), true), "{text}");
    let plain = ["gate", "loss", "--url", "http://gate.example.org", "--token-file", "token"];
    let (code, text) = site.fleet.say(&plain);
    assert_eq!((code, text.contains("http is for this machine alone")), (Some(2), true), "{text}");
    site.fleet.write("token", "qg_00000000_no");
    let (code, text) = say(&site, &["gate", "loss"]);
    assert_eq!((code, text.contains("not known")), (Some(2), true), "{text}");
}

#[test]
fn a_run_is_begun_and_spoken_to_from_elsewhere() {
    let site = site(Level::Admin);
    let (code, run) = say(&site, &["submit", "b", "--reason", "change 7"]);
    assert_eq!(code, Some(0), "{run}");
    site.fleet.write("wait-do-h1", "");
    let (code, other) = say(&site, &["submit", "a", "--reason", "change 8"]);
    assert_eq!(code, Some(0), "{other}");
    let (code, text) = say(&site, &["approve", "b", "--reason", "looks quiet"]);
    assert_eq!((code, text.contains("name one of them by --run")), (Some(2), true), "{text}");
    let (code, text) = say(&site, &["approve", "b", "--run", run.trim(), "--reason", "looks quiet"]);
    assert_eq!((code, text.starts_with("on record as ")), (Some(0), true), "{text}");
    site.fleet.recorded("its end", |record| record["kind"] == "finish" && record["run"] == run.trim());
    let (code, text) = say(&site, &["skip", "a", "h9", "--reason", "no such host"]);
    assert_eq!((code, text.contains("h9")), (Some(2), true), "{text}");
    for words in [&["freeze", "--reason", "fair"][..], &["unfreeze", "--reason", "over"], &["reload"]] {
        let (code, text) = say(&site, words);
        assert_eq!(code, Some(0), "{words:?}: {text}");
    }
    site.fleet.remove("wait-do-h1");
    site.fleet.recorded("its end", |record| record["kind"] == "finish" && record["run"] == other.trim());
}
