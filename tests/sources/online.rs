//! `quietgate check --online` against a real Prometheus.

use crate::servers::{Server, ask, installed, prometheus, wait};
use std::fs;
use std::path::Path;
use std::process::Command;

fn check(dir: &Path) -> (i32, String) {
    check_files(dir, &["quietgate.yaml"])
}

fn check_files(dir: &Path, files: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_quietgate"))
        .args(["check", "--online"])
        .args(files)
        .current_dir(dir)
        .output()
        .expect("the program");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn what_a_config_needs_is_looked_for_at_its_sources() {
    if !installed("prometheus") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let server = watching_itself(dir.path());
    let url = format!("http://127.0.0.1:{}", server.port);
    let write = |expect: &str| {
        let text = format!(
            "sources:\n  prom: {{kind: prometheus, url: \"{url}\", timeout: 5s}}\n  here: {{kind: host}}\nsignals:\n  \
             up: {{source: prom, query: up, interval: 1s, labels: {{instance: target}}, expect: {expect}, rule: {{kind: majority}}}}\n  \
             load: {{source: here, query: load_per_cpu, interval: 1s, rule: {{kind: majority}}}}\n"
        );
        fs::write(dir.path().join("quietgate.yaml"), text).expect("a file");
    };
    write("{job: [self]}");
    let ok = wait("the first samples", || {
        let (exit, text) = check(dir.path());
        (exit == 0).then_some(text)
    });
    let expected = "quietgate.yaml: signal \"up\": 1 fresh series\n\
        quietgate.yaml: signal \"load\": 1 fresh series\nquietgate.yaml: ok, 2 signals\n";
    assert_eq!(ok, expected);

    write("{job: [self, other, more], instance: inventory}");
    let (exit, text) = check(dir.path());
    let expected = "quietgate.yaml: signal \"up\": 1 fresh series; instance is held to the inventory where a plan is checked too\n\
        quietgate.yaml: signal \"load\": 1 fresh series\n\
        quietgate.yaml:5:3: signal \"up\" has no fresh sample of job=\"other\", job=\"more\"\n1 mistake\n";
    assert_eq!((exit, text.as_str()), (2, expected));

    write("{instance: inventory}");
    let plan = "plan: p\ninventory: [{name: h1, address: a}, {name: h2, address: b}]\nsignals: [up]\nsteps:\n\
        - {step: s, action: {kind: noop}}\n";
    fs::write(dir.path().join("plan.yaml"), plan).expect("a file");
    let (exit, text) = check_files(dir.path(), &["plan.yaml", "quietgate.yaml"]);
    let missing = "quietgate.yaml:5:3: signal \"up\" has no fresh sample of instance=\"h1\", instance=\"h2\", which plan \"p\" needs";
    assert_eq!((exit, text.lines().any(|line| line == missing)), (2, true), "{text}");

    drop(server);
    let (exit, text) = check(dir.path());
    assert_eq!(exit, 2);
    assert!(
        text.contains(&format!(
            "quietgate.yaml:5:3: signal \"up\" has no answer: {url}/api/v1/query: no answer: "
        )),
        "{text}"
    );
    assert!(text.contains("signal \"load\": 1 fresh series"), "{text}");
}

#[test]
fn too_little_past_for_the_start_of_a_batch_is_warned_of() {
    let dir = tempfile::tempdir().expect("a directory");
    // what this machine does now is all that this source knows
    let text = "sources: {here: {kind: host}}\nsignals:\n  load: {source: here, query: load_per_cpu, interval: 1m, kind: load}\n  \
        plain: {source: here, query: load_per_cpu, interval: 1m, rule: {kind: majority}}\n";
    fs::write(dir.path().join("quietgate.yaml"), text).expect("a file");
    let (exit, text) = check(dir.path());
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((exit, lines.len()), (0, 4), "{text}");
    let warning = "warning: signal \"load\": 1 of 1 series with too little past to judge the start of a batch: step_contrast: it \
        needs 525 samples first; it judges from ";
    assert!(lines[2].starts_with("quietgate.yaml:3:") && lines[2].contains(warning), "{text}");
    assert!(lines[2].ends_with("; the gate before a batch holds until then"), "{text}");
}

/// A Prometheus that watches itself: it learns its port, which the kernel chose, when it runs.
fn watching_itself(dir: &Path) -> Server {
    let server = prometheus(dir, "global: {scrape_interval: 1s}\n", &["--web.enable-lifecycle"]);
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: self, static_configs: [{{targets: [\"127.0.0.1:{}\"]}}]}}]\n",
        server.port
    );
    fs::write(dir.join("prometheus.yml"), config).expect("a file");
    assert!(ask(server.port, "POST", "/-/reload").contains(" 200 "));
    server
}
