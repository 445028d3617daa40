//! What every store promises, as cases that run against each of them.

use crate::place::{PATIENCE, Place, now};
use quietgate::journal::{Damage, Entry, Hash, JournalError, OpenError, Store, Tip};
use std::time::{Duration, Instant};

/// A promise, and whether a place keeps it.
type Case = (&'static str, fn(&Place));

/// All of them.
pub(crate) const ALL: &[Case] = &[
    ("what was appended is there", what_was_appended_is_there),
    ("an empty journal is whole", an_empty_journal_is_whole),
    ("each opening is another epoch", each_opening_is_another_epoch),
    ("there is one driver", there_is_one_driver),
    ("who was superseded writes nothing", who_was_superseded_writes_nothing),
    ("after an error it stands still", after_an_error_it_stands_still),
    ("what was given up half-way stops it", what_was_given_up_half_way_stops_it),
    ("a reader needs no lock", a_reader_needs_no_lock),
    ("what lost its end is refused", what_lost_its_end_is_refused),
    ("what was changed is refused", what_was_changed_is_refused),
    ("a long journal is read whole", a_long_journal_is_read_whole),
];

/// Records as people and machines write them.
const RECORDS: [&str; 6] = [
    "{}",
    r#"{"kind":"boot"}"#,
    "{ \"kind\" : \"pause\",\n  \"reason\": \"it's \\u0000 \\\"odd\\\" \\\\ $1 ?\" }",
    r#"{"reason":"žluťoučký 🐎 \u202e"}"#,
    r#"{"evidence":{"value":1e300,"deep":[[[null]]]}}"#,
    r#"{"kind":"finish","seq_of":1}"#,
];

fn what_was_appended_is_there(place: &Place) {
    now(async {
        let (mut journal, before) = place.open().await.expect("a journal");
        assert_eq!((before.len(), journal.epoch()), (0, 1));
        let mut told = Vec::new();
        for (at, record) in (-2_i64..).zip(RECORDS) {
            told.push(journal.append(at * 1_000, record).await.expect("an entry"));
        }
        for (index, entry) in told.iter().enumerate() {
            let prev = if index == 0 { Hash::ZERO } else { told[index - 1].hash };
            let seq = index as u64 + 1;
            let at = (index as i64 - 2) * 1_000;
            assert_eq!((entry.seq, entry.at, entry.epoch, entry.prev), (seq, at, 1, prev));
            assert_eq!(entry.record, RECORDS[index]);
        }
        assert_eq!(journal.entries(1).await.expect("all"), told);
        assert_eq!(journal.entries(5).await.expect("some"), told[4..]);
        assert_eq!(journal.entries(99).await.expect("none"), []);
        journal.close().await.expect("an end");
        let (journal, after) = place.open_after_another().await;
        assert_eq!(after, told);
        assert_eq!(journal.tip(), Tip { seq: 6, hash: told[5].hash, epoch: 1 });
    });
}

fn an_empty_journal_is_whole(place: &Place) {
    now(async {
        for epoch in 1..4 {
            let (journal, entries) = place.open_after_another().await;
            assert_eq!((entries.len(), journal.epoch(), journal.tip()), (0, epoch, Tip::EMPTY));
            journal.close().await.expect("an end");
            assert_eq!(place.read().await.expect("whole").0, Tip::EMPTY);
        }
    });
}

fn each_opening_is_another_epoch(place: &Place) {
    now(async {
        for epoch in 1..4 {
            let (mut journal, entries) = place.open_after_another().await;
            assert_eq!(journal.epoch(), epoch);
            assert_eq!(entries.len() as u64, epoch - 1);
            assert_eq!(journal.append(0, "{}").await.expect("an entry").epoch, epoch);
            // one is ended, one dropped
            if epoch == 1 {
                journal.close().await.expect("an end");
            }
        }
    });
}

fn there_is_one_driver(place: &Place) {
    now(async {
        let (journal, _) = place.open().await.expect("a journal");
        assert!(matches!(place.open().await, Err(OpenError::Held { .. })));
        if place.url().is_some() {
            let error = place.elsewhere().open().await.expect_err("the server is held as well");
            assert_eq!(error.to_string(), "another driver holds the database");
        }
        journal.close().await.expect("an end");
        place.open_after_another().await;
    });
}

fn who_was_superseded_writes_nothing(place: &Place) {
    now(async {
        let (mut journal, _) = place.open().await.expect("a journal");
        journal.append(0, "{}").await.expect("an entry");
        place.take_over().await;
        let error = journal.append(1, r#"{"kind":"intent"}"#).await.expect_err("it is not ours any more");
        assert!(matches!(error, JournalError::Superseded { epoch: 1 }), "{error}");
        assert!(matches!(journal.append(2, "{}").await, Err(JournalError::Stopped)));
        drop(journal);
        let (journal, entries) = place.open_after_another().await;
        assert_eq!((journal.epoch(), entries.len()), (3, 1));
    });
}

fn after_an_error_it_stands_still(place: &Place) {
    now(async {
        for record in ["", "[]", "{}{}", "{", "1", r#"{"seq":1}"#, r#"{"at":1}"#, r#"{"epoch":1}"#, "{\u{0}}"]
        {
            let (mut journal, entries) = place.open_after_another().await;
            assert!(entries.is_empty());
            let error = journal.append(0, record).await.expect_err("no record");
            assert!(matches!(error, JournalError::NoRecord(_)), "{record}: {error}");
            assert!(matches!(journal.append(0, "{}").await, Err(JournalError::Stopped)), "{record}");
            assert!(matches!(journal.entries(1).await, Err(JournalError::Stopped)), "{record}");
        }
    });
}

fn what_was_given_up_half_way_stops_it(place: &Place) {
    now(async {
        let (mut journal, _) = place.open().await.expect("a journal");
        journal.append(0, "{}").await.expect("an entry");
        drop(journal);
        let mut most = 1;
        for us in [0, 50, 200, 500, 1_000, 2_000, 3_000, 4_000, 6_000, 8_000] {
            let (mut journal, before) = place.open_after_another().await;
            let limit = Duration::from_micros(us);
            most += 1;
            if tokio::time::timeout(limit, journal.append(1, "{}")).await.is_err() {
                assert!(matches!(journal.append(2, "{}").await, Err(JournalError::Stopped)), "{us} us");
            }
            drop(journal);
            let (mut journal, entries) = place.open_after_another().await;
            assert!(entries.starts_with(&before) && entries.len() <= most, "{} entries", entries.len());
            journal.append(3, "{}").await.unwrap_or_else(|error| panic!("after {us} us: {error:?}"));
            most = entries.len() + 1;
        }
    });
}

fn a_reader_needs_no_lock(place: &Place) {
    now(async {
        let absent = place.read().await;
        if place.url().is_none() {
            assert!(matches!(absent, Err(OpenError::Absent(_))));
        }
        let (mut journal, _) = place.open().await.expect("a journal");
        let mut told: Vec<Entry> = Vec::new();
        for at in 0..20 {
            let (tip, seen) = place.read().await.expect("a whole journal");
            assert_eq!(seen, told);
            assert_eq!(tip, journal.tip());
            told.push(journal.append(at, "{}").await.expect("an entry"));
        }
    });
}

fn what_lost_its_end_is_refused(place: &Place) {
    now(async {
        filled(place, 5).await;
        change(place, "DELETE FROM journal WHERE seq > 3").await;
        refused(place, 4, |why| matches!(why, Damage::Behind { head: 5 })).await;
        change(place, "DELETE FROM journal").await;
        refused(place, 1, |why| matches!(why, Damage::Behind { head: 5 })).await;
        change(place, "DROP TABLE journal").await;
        refused(place, 1, |why| matches!(why, Damage::Behind { head: 5 })).await;
    });
}

fn what_was_changed_is_refused(place: &Place) {
    now(async {
        filled(place, 5).await;
        change(place, "UPDATE journal SET record = '{\"n\":7}' WHERE seq = 4").await;
        refused(place, 4, |why| matches!(why, Damage::Altered)).await;
        change(place, "UPDATE journal SET seq = 9 WHERE seq = 3").await;
        refused(place, 3, |why| matches!(why, Damage::Gap { found: 4 })).await;
        change(place, "UPDATE journal SET seq = -1 WHERE seq = 2").await;
        refused(place, 1, |why| matches!(why, Damage::Unreadable(_))).await;
    });
}

fn a_long_journal_is_read_whole(place: &Place) {
    now(async {
        filled(place, 300).await;
        let (mut journal, entries) = place.open_after_another().await;
        assert_eq!(entries.len(), 300);
        assert_eq!(journal.entries(299).await.expect("the last").len(), 2);
        let (_, seen) = place.read().await.expect("whole");
        assert_eq!(seen, entries);
    });
}

async fn filled(place: &Place, count: i64) {
    let (mut journal, _) = place.open().await.expect("a journal");
    for n in 0..count {
        journal.append(n, &format!("{{\"n\":{n}}}")).await.expect("an entry");
    }
    journal.close().await.expect("an end");
}

/// Does to the database what nobody ought to.
async fn change(place: &Place, statement: &'static str) {
    use sqlx::{Connection, PgConnection, SqliteConnection};
    if let Some(url) = place.url() {
        let mut session = PgConnection::connect(url).await.expect("a session");
        sqlx::query(statement).execute(&mut session).await.expect("a change");
    } else {
        let url = format!("sqlite://{}", place.state().join("journal.db").display());
        let mut session = SqliteConnection::connect(&url).await.expect("a connection");
        sqlx::query(statement).execute(&mut session).await.expect("a change");
        session.close().await.expect("an end");
    }
}

async fn refused(place: &Place, seq: u64, is_why: fn(&Damage) -> bool) {
    for error in [place.read().await.expect_err("damaged"), opening_again(place).await] {
        let OpenError::Refused(refusal) = error else { panic!("{error}") };
        assert_eq!(refusal.seq, seq, "{refusal}");
        assert!(is_why(&refusal.why), "{refusal}");
    }
}

/// The error of opening, once the server has noticed that the opening before is over.
async fn opening_again(place: &Place) -> OpenError {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match place.open().await {
            Err(OpenError::Held { .. }) => tokio::task::yield_now().await,
            Err(error) => return error,
            Ok(_) => panic!("a damaged journal was opened"),
        }
    }
    panic!("the lock is never let go of")
}
