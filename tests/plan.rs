//! Plan files, good and bad: one file for each mistake, with the exact messages beside it.

use quietgate::actions::{Allowed, Spec, SpecError, Values};
use quietgate::config::plan::{Near, PlanFile};
use quietgate::config::{Config, Mistakes};
use quietgate::plan::{Amount, OnAnomaly, Opening};
use quietgate::settings::Given;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config")
}

/// Files of `tests/config` whose names begin with `head` and end with `.yaml`, in order.
fn files(head: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).expect("the directory of the test files");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| name(path).starts_with(head) && name(path).ends_with(".yaml"))
        .collect();
    files.sort();
    files
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("a name")
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(text: &str) -> Result<PlanFile, Mistakes> {
    PlanFile::read("plan.yaml", text, &Near::to(&folder().join("plan.yaml")))
}

#[test]
fn good_plans_are_read_without_a_word() {
    let good = files("plan.good.");
    assert!(good.len() >= 2, "{} good plans", good.len());
    for path in good {
        if let Err(mistakes) = read(&text(&path)) {
            panic!("{}: {mistakes}", name(&path));
        }
    }
}

#[test]
fn every_key_arrives_where_it_belongs() {
    let PlanFile { plan, order, .. } =
        read(&text(&folder().join("plan.good.full.yaml"))).expect("a good plan");
    assert_eq!((plan.name.as_str(), plan.signals.as_slice()), ("everything-1.0", &["loss".to_owned()][..]));
    assert_eq!(
        (plan.gate.clean_before_ms, plan.gate.clean_after_ms, plan.gate.patience_ms),
        (60_000, 0, 3_600_000)
    );
    assert_eq!(
        (plan.max_failed, plan.limits.in_flight, plan.limits.steps),
        (Some(Amount::Share(0.5)), Some(4), Some(2))
    );
    // 2024-03-09T12:00:00Z is a Saturday
    assert_eq!(plan.open(0, 1_709_985_600_000), Opening::Open { until_ms: None });
    assert!(matches!(
        plan.open(1, 1_709_985_600_000),
        Opening::Closed { until_ms: Some(1_710_144_000_000), .. }
    ));

    let [first, second] = plan.steps.as_slice() else { panic!("{} steps", plan.steps.len()) };
    assert_eq!((first.on_anomaly, first.approve, first.soak_ms), (OnAnomaly::Pause, false, 0));
    assert_eq!((first.batch.len(), first.gate), (0, plan.gate));
    assert_eq!((first.action.timeout_ms, first.action.retries, first.action.repeatable), (600_000, 0, false));
    assert_eq!(second.after, ["one"]);
    assert_eq!(second.targets.to_string(), "rack in (r1, r2), !old, name!=h4");
    assert_eq!(second.batch, [Amount::Count(1), Amount::Share(0.5)]);
    let rules: Vec<_> = second.keep_up.iter().map(|rule| (rule.label.as_str(), rule.min)).collect();
    assert_eq!(rules, [("vip", Amount::Share(0.5)), ("rack", Amount::Count(1))]);
    assert_eq!((second.on_anomaly, second.approve, second.soak_ms), (OnAnomaly::Rollback, true, 7_200_000));
    assert_eq!(
        (second.gate.clean_before_ms, second.gate.clean_after_ms, second.gate.patience_ms),
        (30_000, 5_000, 1_000)
    );
    assert_eq!(
        (second.action.timeout_ms, second.action.retries, second.action.repeatable),
        (90_000, 3, true)
    );
    let names: Vec<_> = second.action.settings.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["argv", "env", "pass", "dir", "grace", "output"]);
    assert_eq!((second.action.at, &second.action.settings[4].1), ((30, 5), &Given::plain("1m")));
    assert_eq!(second.undo.as_ref().map(|undo| undo.kind.as_str()), Some("shell"));
    assert_eq!(second.probe.as_ref().map(|probe| probe.timeout_ms), Some(10_000));

    let labels: Vec<_> =
        plan.inventory.targets.iter().map(|one| (one.address.as_str(), one.label("vip"))).collect();
    assert_eq!(labels[..2], [("10.0.0.1", Some("v1")), ("h2", Some("v1"))]);
    assert_eq!(order.steps.iter().map(|step| step.batches.len()).collect::<Vec<_>>(), [4, 3]);
}

#[test]
fn each_step_has_what_it_takes_to_run_it() {
    let PlanFile { plan, specs, .. } =
        read(&text(&folder().join("plan.good.full.yaml"))).expect("a good plan");
    let target = &plan.inventory.targets[1];
    let values = Values {
        run: "r7".to_owned(),
        plan: plan.name.clone(),
        step: "two".to_owned(),
        target: target.name.clone(),
        address: target.address.clone(),
        attempt: 1,
        labels: target.labels.clone(),
    };
    let rendered = |spec: &Spec| spec.rendered(&values).expect("good values");
    let [first, second] = specs.as_slice() else { panic!("{} steps", specs.len()) };
    assert!(first.undo.is_none() && first.probe.is_none());
    assert_eq!(
        (rendered(&first.action), rendered(&second.action)),
        ("noop".into(), "[\"./upgrade\",\"h2\"]".into())
    );
    let undo = second.undo.as_ref().expect("an undo");
    assert!(rendered(undo).contains("\"QUIETGATE_LABEL_RACK\":\"r1\""));
    assert!(undo.is_within(Allowed { shell: true }) && !undo.is_within(Allowed::default()));
    let probe = second.probe.as_ref().expect("a probe");
    assert_eq!(rendered(probe), "GET https://h2:8443/hosts/h2?rack=r1");
    // what the plan keeps of a call is what it was made of
    let call = plan.steps[1].undo.as_ref().expect("an undo");
    let anew = |allowed| Spec::new(&call.kind, &call.settings, allowed).map(|spec| rendered(&spec));
    assert_eq!(anew(Allowed { shell: true }), Ok(rendered(undo)));
    assert_eq!(anew(Allowed::default()), Err(SpecError::NotAllowed { kind: "shell" }));
}

/// With `UPDATE_EXPECTED=1` in the environment the expected messages are written anew: read them then.
#[test]
fn bad_plans_give_exactly_the_expected_messages() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let bad = files("plan.bad.");
    assert!(bad.len() >= 30, "{} bad plans", bad.len());
    let mut wrong = Vec::new();
    for path in bad {
        let said = match read(&text(&path)) {
            Ok(_) => panic!("{} was read without a word", name(&path)),
            Err(mistakes) => format!("{mistakes}\n").replace(&format!("{}/", folder().display()), ""),
        };
        let beside = path.with_extension("expected");
        if update {
            fs::write(&beside, &said).expect("the expected messages");
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if said != expected {
            wrong.push(format!("{}\n--- expected\n{expected}--- found\n{said}", name(&path)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_half_of_a_good_plan_and_no_changed_byte_makes_the_reader_fail() {
    let text = text(&folder().join("plan.good.full.yaml"));
    for (cut, _) in text.char_indices() {
        let _ = read(&text[..cut]);
        for other in ["{", "[", "\"", ":", "&", "-", "\n", "é", "\0", "0", "%"] {
            let changed = format!("{}{other}{}", &text[..cut], &text[cut..]);
            // a plan or mistakes: either way an answer, and no mistake without a place in the file
            if let Err(mistakes) = read(&changed) {
                let lines = changed.lines().count() + 1;
                assert!(!mistakes.list().is_empty(), "{changed}");
                assert!(mistakes.list().iter().all(|m| (1..=lines).contains(&m.at.line)), "{mistakes}");
            }
        }
    }
}

#[test]
fn a_plan_is_held_against_a_config() {
    let config = "signals:\n  losses: {interval: 1m, labels: {v: vip, r: rak}, rule: {kind: majority}}\n";
    let config = Config::read("quietgate.yaml", config).expect("a good config");
    let plan = "plan: p\ninventory: [{name: h1, vip: v1, rack: r1}]\nsignals: [losses, loss]\n\
        steps: [{step: s, action: {kind: noop}}]\n";
    let said = read(plan).expect("a good plan").against(&config).to_string();
    let expected = "plan.yaml:3:11: signal \"losses\" takes its label \"r\" for \"rak\" of the inventory, which no target has\n\
        plan.yaml:3:19: signal is \"loss\", did you mean \"losses\"? allowed is one of losses";
    assert_eq!(said, expected);
}

#[test]
fn shells_are_told_where_they_stand_unless_the_config_allows_them() {
    let config = |actions: &str| {
        let text = format!("{actions}signals: {{a: {{interval: 1m, rule: {{kind: majority}}}}}}\n");
        Config::read("quietgate.yaml", &text).expect("a good config")
    };
    let shell = "{kind: shell, script: x}";
    let plan = format!(
        "plan: p\ninventory: [{{name: h1}}]\nsignals: [a]\nsteps:\n\
        - {{step: s, action: {{kind: noop}}, probe: {shell}}}\n- step: t\n  action:\n    kind: noop\n  undo: {shell}\n\
        - {{step: u, action: {shell}}}\n"
    );
    let file = read(&plan).expect("a good plan");
    let message = "kind is \"shell\", which the config allows by `actions: {shell: true}` alone";
    let at = |place: &str| format!("plan.yaml:{place}: {message}");
    let expected = [at("5:42"), at("9:9"), at("10:21")].join("\n");
    for none in ["", "actions: {}\n", "actions: {shell: false}\n"] {
        assert_eq!(file.against(&config(none)).to_string(), expected, "{none}");
    }
    assert_eq!(file.against(&config("actions: {shell: true}\n")).list(), []);
}

#[test]
fn the_minimal_example_is_good() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/examples/minimal");
    if !shared.exists() {
        println!(
            "skipped: ../shared/examples is not there; tests/config/plan.good.minimal.yaml says the same"
        );
        return;
    }
    let config =
        Config::read("quietgate.yaml", &text(&shared.join("quietgate.yaml"))).expect("a good config");
    let plan = read(&text(&shared.join("plan.yaml"))).expect("a good plan");
    assert_eq!(plan.against(&config).list(), []);
    assert_eq!(plan.order.steps.len(), 2);
}
