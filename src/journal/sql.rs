//! The statements of the journal, the same for both databases, and a connection to either of them.

use super::chain::{Entry, Hash, Tip};
use super::error::{Damage, JournalError, OpenError, Refusal};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Connection as _, PgConnection, SqlSafeStr, SqliteConnection};
use std::time::Duration;
use std::{future::Future, io};

/// The migrations, oldest first. One that is out is never changed: a new form is a new file and a new line.
const MIGRATIONS: &[(i64, &str, &str)] = &[(1, "journal", include_str!("migrations/0001_journal.sql"))];

macro_rules! append {
    ($held:literal) => {
        concat!(
            "INSERT INTO journal (seq, at, epoch, prev, hash, record) ",
            "SELECT $1, $2, $3, $4, $5, $6 FROM driver WHERE epoch = $3",
            $held
        )
    };
}

/// Writes an entry, where the epoch is still ours. PostgreSQL holds the row of the driver while it does, so that
/// nobody takes over between the look and the write; SQLite has one writer anyway.
const APPEND: (&str, &str) = (append!(""), append!(" FOR SHARE"));
const ENTRIES: &str =
    "SELECT seq, at, epoch, prev, hash, record FROM journal WHERE seq >= $1 ORDER BY seq LIMIT $2";
const EPOCH: &str = "SELECT epoch FROM driver WHERE one = 1";
const TAKE_OVER: &str = "UPDATE driver SET epoch = $2 WHERE epoch = $1";
const NEWER: &str = "SELECT count(*) FROM _sqlx_migrations WHERE version > $1";
/// Whether the tables are there: they are made in one transaction.
const TABLES: (&str, &str) = (
    "SELECT count(*) FROM sqlite_master WHERE name = 'journal'",
    "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('journal')",
);
/// A reading that sees one state from its beginning to its end.
const BEGIN: (&str, &str) = ("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");

/// Entries that are fetched at once: enough to make a fetch cheap, few enough to hold.
const PAGE: i64 = 256;
/// A server that does not answer for so long counts as gone. A file has no such bound: it fails or goes on.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to the database of a journal.
#[derive(Debug)]
pub(super) enum Connection {
    /// A file in the folder of the state.
    Sqlite(SqliteConnection),
    /// A server.
    Postgres(PgConnection),
}

/// Does the same with either connection.
macro_rules! with {
    ($connection:expr, $inner:ident => $work:expr) => {
        match $connection {
            Connection::Sqlite($inner) => $work.await,
            Connection::Postgres($inner) => in_time($work).await,
        }
    };
}

impl Connection {
    /// Appends `entry` durably. Gives the number of rows written: none where the epoch in the database is another.
    pub(super) async fn append(&mut self, entry: &Entry) -> sqlx::Result<u64> {
        let statement = self.pick(APPEND);
        let Entry { seq, at, epoch, prev, hash, record } = entry;
        let (seq, epoch) = (number(*seq), number(*epoch));
        let (prev, hash) = (prev.to_string(), hash.to_string());
        with!(self, inner => async {
            let query = sqlx::query(statement).bind(seq).bind(at).bind(epoch).bind(prev).bind(hash).bind(record);
            Ok(query.execute(inner).await?.rows_affected())
        })
    }

    /// Whether the tables of the journal are there.
    pub(super) async fn has_tables(&mut self) -> sqlx::Result<bool> {
        let statement = self.pick(TABLES);
        with!(self, inner => async { sqlx::query_scalar::<_, i64>(statement).fetch_one(inner).await })
            .map(|count| count > 0)
    }

    /// Makes the tables, or brings them to the form of this program.
    pub(super) async fn make_tables(&mut self) -> Result<(), OpenError> {
        let migration = |&(version, name, text): &(i64, &'static str, &'static str)| {
            Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
        };
        let migrator = Migrator::with_migrations(MIGRATIONS.iter().map(migration).collect());
        let made = match self {
            Self::Sqlite(inner) => migrator.run_direct(None, inner, false).await,
            Self::Postgres(inner) => migrator.run_direct(None, inner, false).await,
        };
        made.map_err(|error| match error {
            sqlx::migrate::MigrateError::VersionMissing(_) => OpenError::Newer,
            error => OpenError::Tables(error),
        })
    }

    /// The epoch of the driver that the journal belongs to.
    pub(super) async fn epoch(&mut self) -> sqlx::Result<u64> {
        let epoch: i64 = with!(self, inner => async { sqlx::query_scalar(EPOCH).fetch_one(inner).await })?;
        u64::try_from(epoch).map_err(|error| sqlx::Error::Decode(error.into()))
    }

    /// Takes the journal over from the driver of `epoch`, durably. Gives the epoch that is ours from now on; nothing
    /// where somebody else was faster.
    pub(super) async fn take_over(&mut self, epoch: u64) -> sqlx::Result<Option<u64>> {
        let ours = epoch.saturating_add(1);
        let changed = with!(self, inner => async {
            let query = sqlx::query(TAKE_OVER).bind(number(epoch)).bind(number(ours));
            Ok::<_, sqlx::Error>(query.execute(inner).await?.rows_affected())
        })?;
        Ok((changed == 1).then_some(ours))
    }

    /// Begins a reading that sees one state from its beginning to its end; it ends with the connection.
    pub(super) async fn begin_reading(&mut self) -> sqlx::Result<()> {
        let statement = self.pick(BEGIN);
        with!(self, inner => async { sqlx::raw_sql(statement).execute(inner).await.map(drop) })
    }

    /// At most [`PAGE`] entries from `from` on, in their order.
    pub(super) async fn entries(&mut self, from: i64, most: i64) -> sqlx::Result<Vec<Entry>> {
        let rows: Vec<Row> = with!(self, inner => async {
            sqlx::query_as(ENTRIES).bind(from).bind(most).fetch_all(inner).await
        })?;
        rows.into_iter().map(entry).collect()
    }

    /// Follows the chain from `tip` to its end and gives each entry to `each`.
    ///
    /// # Errors
    /// [`Unread::Refused`] at the first entry that cannot be read or does not continue the chain.
    pub(super) async fn follow(&mut self, mut tip: Tip, each: &mut impl FnMut(Entry)) -> Result<Tip, Unread> {
        let mut most = PAGE;
        loop {
            let from = if tip == Tip::EMPTY { i64::MIN } else { number(tip.seq.saturating_add(1)) };
            match self.entries(from, most).await {
                Ok(entries) if entries.is_empty() => return Ok(tip),
                Ok(entries) => {
                    for entry in entries {
                        tip = tip.followed(&entry)?;
                        each(entry);
                    }
                }
                // one by one, to see which it is
                Err(error) if is_damage(&error) && most > 1 => most = 1,
                Err(error) => return Err(unreadable(error, tip.seq.saturating_add(1))),
            }
        }
    }

    /// What the database says of itself; nothing where it is well. Only SQLite can be asked.
    pub(super) async fn complaint(&mut self) -> sqlx::Result<Option<String>> {
        let Self::Sqlite(inner) = self else { return Ok(None) };
        let said: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_all(inner).await?;
        Ok(said.into_iter().find(|line| line != "ok"))
    }

    /// Whether a newer program made the tables.
    pub(super) async fn is_newer(&mut self) -> sqlx::Result<bool> {
        let ours = MIGRATIONS.iter().map(|(version, ..)| *version).max();
        with!(self, inner => async { sqlx::query_scalar::<_, i64>(NEWER).bind(ours).fetch_one(inner).await })
            .map(|count| count > 0)
    }

    /// Ends the connection. A file is brought in order before this returns.
    pub(super) async fn close(self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(inner) => inner.close().await,
            Self::Postgres(inner) => in_time(inner.close()).await,
        }
    }

    fn pick(&self, (sqlite, postgres): (&'static str, &'static str)) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
        }
    }
}

/// The same, with an error where the server does not answer for [`PATIENCE`].
pub(super) async fn in_time<T>(work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| {
        Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the database server does not answer")))
    })
}

/// An error of reading as a refusal from `seq` on where it tells of damage, and as trouble of the database elsewhere.
pub(super) fn unreadable(error: sqlx::Error, seq: u64) -> Unread {
    if is_damage(&error) {
        Unread::Refused(Refusal { seq, why: Damage::Unreadable(error) })
    } else {
        Unread::Database(error)
    }
}

/// Why entries were not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// They do not make a chain.
    Refused(Refusal),
    /// The database failed.
    Database(sqlx::Error),
}

impl From<Refusal> for Unread {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Unread> for OpenError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Refused(refusal) => Self::Refused(refusal),
            Unread::Database(error) => Self::Database(error),
        }
    }
}

impl From<Unread> for JournalError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Refused(refusal) => Self::Refused(refusal),
            Unread::Database(error) => Self::Database(error),
        }
    }
}

/// Whether an error of reading tells of damage, and not of rights, room, or a server that is away.
fn is_damage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::RowNotFound => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            match code.parse::<i32>() {
                // of SQLite: a table or column that is not there, a damaged page, no database, a file that is too short
                Ok(code) if code < 10_000 => matches!(code & 0xff, 1 | 11 | 26) || code == 522,
                // of PostgreSQL: a table that is not there, a damaged page
                _ => matches!(&*code, "42P01" | "XX001" | "XX002"),
            }
        }
        _ => false,
    }
}

type Row = (i64, i64, i64, String, String, String);

fn entry((seq, at, epoch, prev, hash, record): Row) -> sqlx::Result<Entry> {
    let count = |number: i64| u64::try_from(number).map_err(|error| sqlx::Error::Decode(error.into()));
    let hashed = |text: String| text.parse::<Hash>().map_err(|error| sqlx::Error::Decode(error.into()));
    Ok(Entry { seq: count(seq)?, at, epoch: count(epoch)?, prev: hashed(prev)?, hash: hashed(hash)?, record })
}

/// A number as SQL has it. Beyond its range nothing continues the chain, so the nearest will do.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
