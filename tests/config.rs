//! Config files, good and bad: one file for each mistake, with the exact messages beside it.

use quietgate::config::{Config, Expected, Meaning};
use std::fs;
use std::path::{Path, PathBuf};

/// Files of `tests/config` whose names begin with `head` and end with `tail`, in order.
fn files(head: &str, tail: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let mut files: Vec<_> = fs::read_dir(dir)
        .expect("the directory of the test files")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| name(path).starts_with(head) && name(path).ends_with(tail))
        .collect();
    files.sort();
    files
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("a name")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What is wrong with the text, or, with `warning: ` before it, odd about it: one line each.
fn messages(text: &str) -> String {
    let mut said = String::new();
    let (mark, found) = match Config::read("quietgate.yaml", text) {
        Ok(config) => ("warning: ", config.lint()),
        Err(mistakes) => ("", mistakes),
    };
    for mistake in found.list() {
        said.push_str(&format!("{mark}{mistake}\n"));
    }
    said
}

#[test]
fn good_files_are_read_without_a_word() {
    let good = files("good.", ".yaml");
    assert!(good.len() >= 3, "{} good files", good.len());
    for path in good {
        assert_eq!(messages(&read(&path)), "", "{}", name(&path));
    }
}

#[test]
fn every_key_arrives_where_it_belongs() {
    let path = files("good.full", ".yaml").remove(0);
    let config = Config::read("quietgate.yaml", &read(&path)).expect("a good file");
    let kinds: Vec<_> =
        config.sources.iter().map(|source| (source.name.as_str(), source.spec.entry().kind)).collect();
    assert_eq!(kinds, [("prom", "prometheus"), ("lvs", "file")]);
    let sink = &config.sinks[0];
    assert_eq!((sink.name.as_str(), sink.spec.entry().kind, sink.queue), ("hook", "webhook", 500));
    assert_eq!(
        (sink.filter.kinds.as_slice(), sink.filter.least.name()),
        (&["gate.*".to_owned()][..], "warning")
    );
    assert!(config.state.is_some() && config.api.is_some() && config.actions.shell);

    let vip = config.signal("vip_in_bytes").expect("the first signal");
    let argv = |name: &str| -> Vec<Vec<String>> {
        let signal = config.signal(name).expect("a signal");
        config.looks(signal).iter().map(|look| look.argv.clone()).collect()
    };
    assert_eq!(argv("vip_in_bytes"), [vec!["ipvsadm", "-Ln", "--stats"], vec!["ps", "aux"]]);
    assert_eq!(argv("connections"), [["vmstat", "1", "5"]]);
    let capture = &config.capture;
    assert_eq!((capture.timeout_ms, capture.max_output), (10_000, 64 << 10));
    assert_eq!((capture.at_most, capture.spacing_ms), (20, 60_000));
    assert_eq!((vip.interval.as_millis(), vip.max_age_ms, vip.lateness_ms), (60_000, 150_000, 10_000));
    assert_eq!((vip.time_zone.as_deref(), vip.unit.as_deref()), (Some("Europe/Berlin"), Some("bytes/s")));
    let label = |name: &str, meaning| (name.to_owned(), meaning);
    assert_eq!(vip.labels, [label("vip", Meaning::Label("vip".into())), label("host", Meaning::Target)]);
    let sites = ["north", "south", "3"].map(str::to_owned).to_vec();
    assert_eq!(vip.expect[1], ("site".to_owned(), Expected::Values(sites)));
    assert_eq!(vip.rule.to_string(), "by_period of ss, ls, chain, ca; sustain 2 of 3; direction either");

    let connections = config.signal("connections").expect("the second signal");
    assert_eq!(
        (connections.max_age_ms, connections.lateness_ms, connections.time_zone.as_deref()),
        (10_000, 0, None)
    );
    let options = connections.rule.detectors().iter().map(|detector| detector.options());
    let given: Vec<_> = options.map(|o| (o.count("days"), o.number("above"), o.number("below"))).collect();
    assert_eq!(given, [(None, None, None), (Some(7), None, None), (None, Some(1e6), Some(-0.5))]);
    assert_eq!(
        connections.rule.to_string(),
        "at_least of ss, chain, threshold; sustain 3 of 5; direction down"
    );
}

/// With `UPDATE_EXPECTED=1` in the environment the expected messages are written anew: read them then.
#[test]
fn bad_and_odd_files_give_exactly_the_expected_messages() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let bad = [files("bad.", ".yaml"), files("odd.", ".yaml")].concat();
    assert!(bad.len() >= 30, "{} bad files", bad.len());
    let mut wrong = Vec::new();
    for path in bad {
        let (said, beside) = (messages(&read(&path)), path.with_extension("expected"));
        assert_ne!(said, "", "{} was read without a word", name(&path));
        assert_eq!(said.starts_with("warning: "), name(&path).starts_with("odd."), "{said}");
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
fn every_expected_file_belongs_to_a_config() {
    for path in files("", ".expected") {
        assert!(path.with_extension("yaml").exists(), "{} stands alone", name(&path));
    }
}

#[test]
fn no_half_of_a_good_file_and_no_changed_byte_makes_the_reader_fail() {
    for path in files("good.", ".yaml") {
        let text = read(&path);
        for (cut, _) in text.char_indices() {
            let _ = messages(&text[..cut]);
            for other in ["{", "[", "\"", ":", "\t", "&", "*", "-", "\n", "é", "\0"] {
                let changed = format!("{}{other}{}", &text[..cut], &text[cut..]);
                // a config or mistakes: either way an answer, and no mistake without a place in the file
                if let Err(mistakes) = Config::read("f", &changed) {
                    let lines = changed.lines().count() + 1;
                    assert!(!mistakes.list().is_empty(), "{changed}");
                    assert!(mistakes.list().iter().all(|m| (1..=lines).contains(&m.at.line)), "{mistakes}");
                }
            }
        }
    }
}

#[test]
fn the_minimal_example_is_good() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/examples/minimal/quietgate.yaml");
    if !shared.exists() {
        println!("skipped: ../shared/examples is not there; tests/config/good.minimal.yaml says the same");
        return;
    }
    let config = Config::read("quietgate.yaml", &read(&shared)).expect("the example is good");
    let signal = config.signal("loss").expect("the signal loss");
    assert_eq!(signal.rule.to_string(), "any of threshold; sustain 1 of 1; direction up");
    assert_eq!((signal.interval.as_millis(), signal.max_age_ms, signal.lateness_ms), (200, 1000, 0));
}
