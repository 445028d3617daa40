//! A driver elsewhere takes over in the middle of an append: on a server the two meet, and one of them is first.

use crate::place::{Place, now};
use crate::server::Server;
use quietgate::journal::{JournalError, Store};
use sqlx::{Connection, Executor, PgConnection};

/// Whether somebody waits for the row of the driver.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE wait_event_type = 'Lock' AND datname = current_database()";
/// How often that is asked.
const ASKED: usize = 100_000;

#[test]
fn an_append_that_waits_for_a_takeover_writes_nothing() {
    let Some(server) = Server::start() else {
        println!("skipped: PostgreSQL is not installed (Debian: apt-get install postgresql)");
        return;
    };
    let place = Place::on(&server);
    let url = place.url().expect("a database").to_owned();
    now(async {
        let (mut journal, _) = place.open().await.expect("a journal");
        journal.append(0, "{}").await.expect("an entry");
        let mut other = PgConnection::connect(&url).await.expect("a session");
        other.execute("BEGIN").await.expect("a transaction");
        other.execute("UPDATE driver SET epoch = epoch + 1").await.expect("a takeover under way");
        let finish = async {
            let mut asked = 0;
            while sqlx::query_scalar::<_, i64>(WAITING).fetch_one(&mut other).await.expect("a number") == 0 {
                asked += 1;
                assert!(asked < ASKED, "the append does not wait for the takeover");
            }
            other.execute("COMMIT").await.expect("a takeover");
        };
        let (appended, ()) = tokio::join!(journal.append(1, r#"{"kind":"intent"}"#), finish);
        assert!(matches!(appended, Err(JournalError::Superseded { epoch: 1 })), "{appended:?}");
        let (tip, _) = place.read().await.expect("a whole journal");
        assert_eq!(tip.seq, 1);
    });
}
