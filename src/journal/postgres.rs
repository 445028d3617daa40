//! The journal on a PostgreSQL server, for several machines that stand by for each other.

use super::check::{Lag, Whole, check};
use super::error::OpenError;
use super::head::Known;
use super::sql::{Connection, in_time};
use super::{Entry, Tip};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};

/// The key of the advisory lock that the driver's session holds: one journal a database.
const LOCK: i64 = i64::from_be_bytes(*b"quietgat");

/// What the session asks of the server: to notice within half a minute that our machine is gone, and to let go of the
/// lock then.
const SESSION: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "10"), ("tcp_keepalives_interval", "5"), ("tcp_keepalives_count", "3")];

/// Where commits would be acknowledged before they are durable, they are not in our session.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', false) \
     WHERE current_setting('synchronous_commit') = 'off'";

/// Opens the journal at `url` and takes it over. This machine has `known` so much of it.
///
/// The epoch counts up before anything is read: what the driver before had under way is either there then, or is never
/// written.
pub(super) async fn open(
    url: &str,
    known: Known,
    each: impl FnMut(Entry),
) -> Result<(Connection, Whole), OpenError> {
    let mut session = session(url).await?;
    let locked = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK).fetch_one(&mut session);
    if !in_time(locked).await? {
        return Err(OpenError::Held { what: "the database".to_owned() });
    }
    in_time(async { sqlx::raw_sql(DURABLE).execute(&mut session).await.map(drop) }).await?;
    let mut connection = Connection::Postgres(session);
    if !connection.has_tables().await? {
        known.nothing()?;
    }
    connection.make_tables().await?;
    let before = connection.epoch().await?;
    if connection.take_over(before).await?.is_none() {
        return Err(OpenError::Held { what: "the database".to_owned() });
    }
    let whole = check(&mut connection, known, Lag::OF_OTHERS, each).await?;
    Ok((connection, whole))
}

/// Reads the journal at `url` without writing: one state of it, also while a driver appends.
pub(super) async fn look(url: &str, known: Known, each: impl FnMut(Entry)) -> Result<Whole, OpenError> {
    let mut connection = Connection::Postgres(session(url).await?);
    connection.begin_reading().await?;
    let whole = if connection.has_tables().await? {
        check(&mut connection, known, Lag::OF_OTHERS, each).await?
    } else {
        known.nothing()?;
        Whole { tip: Tip::EMPTY, epoch: 0 }
    };
    connection.close().await?;
    Ok(whole)
}

/// A session with a server that keeps what it acknowledges, and every character.
async fn session(url: &str) -> Result<PgConnection, OpenError> {
    let options: PgConnectOptions = url.parse()?;
    // records may hold what does not belong into a log
    let options = options.application_name("quietgate").options(SESSION).disable_statement_logging();
    let mut session = in_time(options.connect()).await?;
    let settings = "SELECT current_setting('fsync'), current_setting('server_encoding')";
    let settings = sqlx::query_as(settings).fetch_one(&mut session);
    let (fsync, encoding): (String, String) = in_time(settings).await?;
    match (fsync.as_str(), encoding.as_str()) {
        ("on", "UTF8") => Ok(session),
        ("on", _) => Err(OpenError::Careless("the encoding of the database is not UTF8")),
        _ => Err(OpenError::Careless("its setting fsync is off, so it may forget what it acknowledged")),
    }
}
