//! `quietgate gate`: whether signals are clean, for whatever else upgrades something, by an exit code.

use super::exit::{End, Failure};
use super::format::Format;
use super::remote::{Remote, RemoteArgs, Unanswered, part};
use crate::settings::units::Duration;
use crate::text;
use clap::Args;
use reqwest::Method;
use serde_json::Value;
use std::io::Write;
use std::time;
use tokio::time::{Instant, sleep};

/// How often it is asked while it is waited for.
const AGAIN: time::Duration = time::Duration::from_secs(1);

/// Ask a daemon whether signals are clean, and were for long enough
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct GateArgs {
    /// The signals, with commas between, or `all`
    #[arg(value_name = "SIGNALS")]
    signals: String,
    /// For how long every series must have been clean, 24h at most
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    window: Duration,
    /// How long to wait for the gate to open; without it the answer is that of now
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    wait: Duration,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    remote: RemoteArgs,
}

const AFTER: &str = "Exit codes: 0 open; 1 shut, for a series is anomalous; 2 bad usage, no such signal, or the token may not; 3 shut, \
    for nothing can be said of a series, it was not clean for long enough yet, or the daemon does not answer. With --wait it is \
    how the gate stands at the end.";

/// How a gate stands.
struct Seen {
    end: End,
    line: String,
    told: Value,
}

/// Asks for the gate of `args` until it is open, or for as long as is waited.
///
/// # Errors
/// It cannot be asked for.
pub(crate) fn run(args: &GateArgs, out: &mut impl Write) -> Result<End, Failure> {
    let remote = args.remote.open()?;
    let remote = remote
        .ok_or_else(|| Failure::Input("--url and --token-file say which daemon is asked".to_owned()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let seen = runtime.block_on(wait(&remote, args))?;
    match args.format {
        Format::Json => writeln!(out, "{}", seen.told)?,
        _ => writeln!(out, "{}", text::plain(&seen.line))?,
    }
    Ok(seen.end)
}

async fn wait(remote: &Remote, args: &GateArgs) -> Result<Seen, Failure> {
    let end = Instant::now() + time::Duration::from_millis(args.wait.as_millis().max(0).unsigned_abs());
    let mut before = String::new();
    loop {
        let seen = look(remote, args).await?;
        if seen.end == End::Done || Instant::now() + AGAIN > end {
            return Ok(seen);
        }
        if seen.line != before {
            eprintln!("{}", text::plain(&seen.line));
            before.clone_from(&seen.line);
        }
        sleep(AGAIN).await;
    }
}

async fn look(remote: &Remote, args: &GateArgs) -> Result<Seen, Failure> {
    let signals: Vec<String> = args.signals.split(',').map(part).collect();
    let path = format!("/api/v1/gates/{}?window={}", signals.join(","), args.window);
    match remote.ask(Method::GET, &path, None).await {
        Ok(told) => Ok(seen(told)),
        // unknown is not clean
        Err(Unanswered::Away(why)) => {
            let line = Unanswered::Away(why).to_string();
            Ok(Seen { end: End::Paused, told: serde_json::json!({ "open": false, "because": [line] }), line })
        }
        Err(refused) => Err(refused.into()),
    }
}

fn seen(told: Value) -> Seen {
    let end = match told["state"].as_str() {
        Some("open") => End::Done,
        Some("anomalous") => End::Aborted,
        _ => End::Paused,
    };
    let because: Vec<&str> =
        told["because"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let number = |key: &str| told[key].as_i64().unwrap_or_default();
    let line = match end {
        End::Done => {
            let (series, window) = (number("series"), text::duration(number("window_ms")));
            format!("open: {series} series clean for {window}")
        }
        _ => format!("{}: {}", told["state"].as_str().unwrap_or("shut"), because.join("; ")),
    };
    Seen { end, line, told }
}
