//! `command` with real programs: what they print, how they end, and what they leave behind.

use crate::{fetch, given_source, only};
use quietgate::settings::Given;
use quietgate::sources::{Answer, Ask, Source, SourceError};
use quietgate::text::with_causes;
use quietgate_detectors::{Interval, Reason, Timestamp};
use std::path::Path;
use std::time::Duration;

/// The time of asking, in milliseconds.
const NOW: i64 = 1_709_251_200_000;

/// A source that runs `script` by a shell, with more settings.
fn program(script: &str, more: &[(&str, Given)]) -> Box<dyn Source> {
    let argv = ["sh", "-c", script].map(Given::plain).to_vec();
    let more = more.iter().map(|(name, given)| ((*name).to_owned(), given.clone()));
    let given: Vec<_> = std::iter::once(("argv".to_owned(), Given::List(argv))).chain(more).collect();
    given_source("command", &given)
}

fn run(script: &str, more: &[(&str, Given)]) -> Result<Answer, SourceError> {
    ask(&*program(script, more), None)
}

fn ask(source: &dyn Source, query: Option<&str>) -> Result<Answer, SourceError> {
    if let Some(query) = query {
        return fetch(source, query, NOW - 20_000, NOW, 10_000);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(source.fetch(&whole()))
}

/// Whatever it prints, of the last 20 s.
fn whole() -> Ask {
    Ask {
        query: None,
        from: Timestamp::from_millis(NOW - 20_000),
        until: Timestamp::from_millis(NOW),
        interval: Interval::from_millis(10_000).expect("in range"),
    }
}

fn said(script: &str, more: &[(&str, Given)]) -> String {
    let error = run(script, more).expect_err("nothing that can be used");
    assert_eq!(error.reason(), Reason::SourceDown);
    with_causes(&error)
}

#[test]
fn what_a_program_prints_is_read_in_both_forms() {
    let answer = run("printf '1709251190,4\\n1709251100,3\\n1709251200,5\\n'", &[]).expect("an answer");
    assert_eq!(only(&answer), [(NOW - 10_000, 4.0), (NOW, 5.0)], "what is older than wanted is left out");
    let labels =
        program("echo 'load{cpu=\"0\"} 0.5'; echo '{vip=\"a\"} 12 1709251195000'; echo noise >&2", &[]);
    let answer = ask(&*labels, None).expect("an answer");
    assert!(answer.complete && answer.series.len() == 2, "{answer:?}");
    assert_eq!(only(&ask(&*labels, Some("load")).expect("an answer")), [(NOW, 0.5)]);
    assert_eq!(only(&ask(&*labels, Some("{vip=\"a\"}")).expect("an answer")), [(NOW - 5_000, 12.0)]);
    let ahead = run("echo '{a=\"b\"} 1 1709251210001'", &[]).expect("an answer");
    assert!(only(&ahead).is_empty() && !ahead.complete && ahead.warnings.len() == 1, "{ahead:?}");
    let nothing = run("true", &[]).expect("an answer");
    assert!(nothing.complete && nothing.series.is_empty());
}

#[test]
fn a_program_has_the_environment_that_it_is_given_and_no_other() {
    let environment = Given::Map(vec![("ZONE".to_owned(), Given::plain("a b"))]);
    let script = "set | sed -n 's/^ZONE=//p' >&2; cat; test -z \"$CARGO_MANIFEST_DIR\" && test \"$ZONE\" = 'a b' && echo '{} 1'";
    assert_eq!(only(&run(script, &[("env", environment)]).expect("an answer")), [(NOW, 1.0)]);
    let passed = Given::List(vec![Given::plain("CARGO_MANIFEST_DIR")]);
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "what runs tests sets it");
    let script = "test -n \"$CARGO_MANIFEST_DIR\" && echo '{} 1'";
    assert_eq!(only(&run(script, &[("pass", passed)]).expect("an answer")), [(NOW, 1.0)]);
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("value"), "1709251200,7\n").expect("a file");
    let folder = Given::plain(&dir.path().display().to_string());
    assert_eq!(only(&run("cat value", &[("dir", folder)]).expect("an answer")), [(NOW, 7.0)]);
}

#[test]
fn a_program_that_does_not_end_well_says_nothing() {
    let ends = [
        ("echo '{} 1'; echo 'no such\tvip' >&2; exit 3", "sh: exit code 3: no such\\tvip"),
        ("echo '{} 1'; exit 1", "sh: exit code 1"),
        ("echo '{} 1'; kill -KILL $$", "sh: ended by signal 9"),
        (
            "echo 5",
            "sh: not an answer that can be used: line 1 has the number 5 alone, allowed is at,value, or {…} value",
        ),
        (
            "echo '{} 1'; echo oops",
            "sh: not an answer that can be used: line 2 has the value \"\", which is no number",
        ),
    ];
    for (script, why) in ends {
        assert_eq!(said(script, &[]), why, "{script}");
    }
    let limit = [("max_output", Given::plain("1KiB"))];
    assert_eq!(
        said("head -c 3000 /dev/zero", &limit),
        "sh: 3,000 bytes of output, allowed is at most 1KiB (max_output)"
    );
    let limit = [("max_series", Given::plain("1"))];
    let two = "echo '{a=\"1\"} 1'; echo '{a=\"2\"} 1'";
    assert_eq!(said(two, &limit), "sh: 2 series, allowed is at most 1 (max_series)");
    let twice = run("echo '{} 1'; echo '{} 2'", &[]).expect_err("which holds?");
    assert_eq!(twice.reason(), Reason::Conflicting);
    let absent =
        given_source("command", &[("argv".to_owned(), Given::List(vec![Given::plain("no-such-program")]))]);
    let error = ask(&*absent, None).expect_err("it is not there");
    assert!(
        error
            .to_string()
            .starts_with("no-such-program: not started: no-such-program: no such program in PATH"),
        "{error}"
    );
}

/// Whether a process whose number stands in `file` is alive; waits until there is one.
fn process(file: &Path) -> impl Fn() -> bool {
    let pid = crate::servers::wait("the number of a process", || {
        std::fs::read_to_string(file).ok().filter(|text| text.ends_with('\n'))
    });
    let stat = format!("/proc/{}/stat", pid.trim());
    move || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn what_takes_too_long_is_ended_with_all_that_it_started() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("pid");
    let script =
        format!("echo '{{}} 1'; setsid sh -c 'echo $$ > {0}; exec sleep 600' & sleep 600", file.display());
    let limits = [("timeout", Given::plain("1s")), ("grace", Given::plain("0ms"))];
    assert_eq!(said(&script, &limits), "sh: no answer within 1 s");
    assert!(!process(&file)(), "what hid in a session of its own is gone too");
    // also where it ends well and leaves something behind
    std::fs::remove_file(&file).expect("the file");
    let script = format!(
        "(setsid sh -c 'echo $$ > {0}; exec sleep 600' &) ; while ! test -s {0}; do :; done; echo '{{}} 1'",
        file.display()
    );
    let answer = run(&script, &[("grace", Given::plain("0ms"))]).expect("an answer");
    assert!(answer.complete && !process(&file)(), "{answer:?}");
}

#[test]
fn who_does_not_wait_any_more_ends_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("pid");
    let source =
        program(&format!("echo $$ > {}; exec sleep 600", file.display()), &[("timeout", Given::plain("1m"))]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let ask = whole();
    runtime.block_on(async {
        let mut fetching = source.fetch(&ask);
        // the program runs once its number is there
        while !file.exists() {
            let step = tokio::time::timeout(Duration::from_millis(10), &mut fetching).await;
            assert!(step.is_err(), "it sleeps: {step:?}");
        }
        let is_alive = process(&file);
        assert!(is_alive());
        drop(fetching);
        crate::servers::wait("its end", || (!is_alive()).then_some(()));
    });
}
