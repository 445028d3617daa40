//! What is delivered beside the program: the unit, the alerts, the dashboard.

use quietgate::telemetry::METRICS;
use std::collections::BTreeSet;
use std::process::Command;

/// The most that the unit may be exposed, in tenths, as `systemd-analyze security` counts.
const EXPOSURE_MAX: &str = "20";

/// What `program` says to `words`, and whether all is well; none where it is not installed.
fn say(program: &str, words: &[&str]) -> Option<(bool, String)> {
    match Command::new(program).args(words).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            Some((output.status.success(), text.into_owned()))
        }
        Err(error) => {
            eprintln!("skipped: {program} is not installed: {error}");
            None
        }
    }
}

fn path(name: &str) -> String {
    format!("{}/deploy/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).expect("the file")
}

#[test]
fn the_unit_has_few_rights() {
    let unit = path("quietgate.service");
    let words = ["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE_MAX, &unit];
    let Some((is_well, said)) = say("systemd-analyze", &words) else { return };
    assert!(is_well && said.contains("Overall exposure level"), "{said}");
}

#[test]
fn the_alerts_are_such_as_prometheus_takes() {
    let Some((is_well, said)) = say("promtool", &["check", "rules", &path("prometheus-rules.yaml")]) else {
        return;
    };
    assert!(is_well && said.contains("SUCCESS"), "{said}");
}

/// The names in `text` that look like those of our metrics.
fn named(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_part(c)).filter(|word| word.starts_with("quietgate_")).collect()
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_there_are() {
    let known: BTreeSet<String> = METRICS.iter().map(|metric| metric.series()).collect();
    for file in ["prometheus-rules.yaml", "grafana-dashboard.json"] {
        let text = text(file);
        let names = named(&text);
        assert!(names.len() >= 5, "{file}: {names:?}");
        for name in names {
            let name = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(known.contains(name), "{file}: there is no metric {name}");
        }
    }
    let dashboard: serde_json::Value = serde_json::from_str(&text("grafana-dashboard.json")).expect("JSON");
    assert!(dashboard["panels"].as_array().is_some_and(|panels| panels.len() > 10));
}
