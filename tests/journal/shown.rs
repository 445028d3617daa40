//! `quietgate journal`: what it prints, and how it ends.

use crate::place::{Place, now};
use quietgate::journal::Store;
use std::path::Path;
use std::process::Command;

const RECORDS: [&str; 4] = [
    r#"{"kind":"boot"}"#,
    r#"{"who":"alice","kind":"intent","run":"r1","step":"agent","target":"h7","attempt":1,"argv":["./up","h7"]}"#,
    r#"{"kind":"gate","run":"r2","decision":"hold","reason":"load\u001b[2J is high\nfor h7"}"#,
    r#"{"kind":"result","run":"r1","step":"agent","target":"h7","attempt":1,"exit":0}"#,
];

const TEXT: &str = "\
1  2026-03-09 08:01 UTC  epoch 1  boot
2  2026-03-09 08:01:01.500 UTC  epoch 1  intent  run r1  step agent  target h7  attempt 1  who alice  argv [\"./up\",\"h7\"]
3  2026-03-09 08:01:03 UTC  epoch 1  gate  run r2  decision hold  reason load\\u{1b}[2J is high\\nfor h7
4  2026-03-09 08:01:04.500 UTC  epoch 1  result  run r1  step agent  target h7  attempt 1  exit 0
";

const JSON: &str = r#"{"seq":2,"at":"2026-03-09T08:01:01.5Z","epoch":1,"kind":"intent","run":"r1","step":"agent","target":"h7","attempt":1,"decision":null,"reason":null,"who":"alice","argv":["./up","h7"]}
{"seq":4,"at":"2026-03-09T08:01:04.5Z","epoch":1,"kind":"result","run":"r1","step":"agent","target":"h7","attempt":1,"decision":null,"reason":null,"exit":0}
"#;

fn filled() -> Place {
    let place = Place::files();
    now(async {
        let (mut journal, _) = place.open().await.expect("a journal");
        for (n, record) in (0..).zip(RECORDS) {
            journal.append(1_773_043_260_000 + 1_500 * n, record).await.expect("an entry");
        }
        journal.close().await.expect("an end");
    });
    place
}

/// Standard output, standard error and the exit code of `quietgate journal` with these words before and after the folder.
fn journal(word: &str, state: &Path, more: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quietgate"));
    let output = command.args(["journal", word]).arg(state).args(more).output().expect("the program");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[test]
fn records_are_shown_one_a_line_and_nothing_is_obeyed() {
    let place = filled();
    assert_eq!(journal("show", place.state(), &[]), (TEXT.to_owned(), String::new(), Some(0)));
    let json = journal("show", place.state(), &["--format", "json", "--run", "r1"]);
    assert_eq!(json, (JSON.to_owned(), String::new(), Some(0)));
    let (last, ..) = journal("show", place.state(), &["--from", "4"]);
    assert_eq!(last, TEXT.lines().last().expect("a line").to_owned() + "\n");
}

#[test]
fn a_whole_journal_is_said_to_be_whole() {
    let place = filled();
    let (tip, _) = now(place.read()).expect("a whole journal");
    let said = format!("the journal is whole: 4 records, the newest of epoch 1\nhead 4:{}\n", tip.hash);
    assert_eq!(journal("verify", place.state(), &[]), (said, String::new(), Some(0)));
}

#[test]
fn beside_a_running_driver_it_is_read_too() {
    let place = filled();
    now(async {
        let (mut open, _) = place.open().await.expect("a journal");
        open.append(0, "{}").await.expect("an entry");
        let (said, _, code) = journal("verify", place.state(), &[]);
        assert_eq!(
            (said.lines().next(), code),
            (Some("the journal is whole: 5 records, the newest of epoch 2"), Some(0))
        );
    });
}

#[test]
fn a_damaged_journal_ends_5_and_names_the_first_bad_record() {
    let place = filled();
    let path = place.state().join("journal.db");
    let mut bytes = std::fs::read(&path).expect("the file");
    let at = bytes.windows(4).position(|four| four == b"hold").expect("record 3");
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).expect("a damaged file");
    let why = "error: the journal is damaged from seq 3 on: its hash is not that of what it says\n";
    assert_eq!(journal("verify", place.state(), &[]), (String::new(), why.to_owned(), Some(5)));
    let whole: String = TEXT.lines().take(2).map(|line| format!("{line}\n")).collect();
    assert_eq!(journal("show", place.state(), &[]), (whole, why.to_owned(), Some(5)));
}

#[test]
fn where_there_is_no_journal_it_ends_2_and_makes_none() {
    let place = Place::files();
    let (said, why, code) = journal("verify", place.state(), &[]);
    assert_eq!((said.as_str(), code), ("", Some(2)));
    assert!(why.starts_with("error: there is no journal in "), "{why}");
    assert_eq!(std::fs::read_dir(place.state()).expect("a folder").count(), 0);
}
