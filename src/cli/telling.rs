//! What the program tells about its work on standard error, for those who ask for it: `-v`.

use crate::clock;
use crate::telemetry::Log;
use crate::text;
use std::fmt;
use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time;

/// The environment variable that asks for more, or for less, by module: `QUIETGATE_LOG=quietgate::sources=debug`.
const FILTER: &str = "QUIETGATE_LOG";

/// Begins to tell, where `verbose` or the environment asks for it. Each line says the seconds since the beginning.
pub(super) fn begin(verbose: bool) {
    let level = if verbose { LevelFilter::INFO } else { LevelFilter::OFF };
    let filter =
        EnvFilter::builder().with_default_directive(level.into()).with_env_var(FILTER).from_env_lossy();
    let lines = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_timer(time::uptime())
        .with_target(false)
        .with_env_filter(filter);
    // whoever set another one before us wants that one
    drop(lines.try_init());
}

/// How much a daemon tells where nobody has asked for more or less.
fn usual() -> EnvFilter {
    EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .with_env_var(FILTER)
        .from_env_lossy()
}

/// Begins to tell what a daemon does: a story to who reads it at the level of information, with the time of day in UTC. Gives what
/// changes how much that is.
pub(super) fn begin_daemon() -> Log {
    let lines = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_timer(Clock)
        .with_target(false)
        .with_env_filter(usual())
        .with_filter_reloading();
    let handle = lines.reload_handle();
    drop(lines.try_init());
    Log::new(move |level| {
        // what others have written tells of requests and their headers: of that no more than usual
        let filter = level.map_or_else(usual, |level| EnvFilter::new(format!("warn,quietgate={level}")));
        handle.reload(filter).map_err(|error| format!("the log cannot be changed: {error}"))
    })
}

/// The time of day of a line.
struct Clock;

impl time::FormatTime for Clock {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        w.write_str(&text::rfc3339(clock::now().as_millis()))
    }
}
