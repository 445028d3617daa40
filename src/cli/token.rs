//! `quietgate token`: who may ask the daemon over HTTP, and for what.

use super::exit::{End, Failure};
use super::format::Format;
use super::state::StateArgs;
use crate::clock;
use crate::http::{Level, Token, Tokens};
use crate::settings::units::Duration;
use crate::text;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::io::{self, Write};

/// The longest that a token lasts, in milliseconds: a year.
const LASTS_MAX_MS: i64 = 366 * 86_400_000;

/// What `quietgate token` takes.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a token, and print its text: it is kept nowhere, and cannot be shown again
    Create(CreateArgs),
    /// List all tokens, without their texts
    List(ListArgs),
    /// Take a token back, at once, also where it is in use
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// Whose it is, or what for
    name: String,
    /// What it allows
    #[arg(long, value_enum, default_value_t = Scope::Read)]
    scope: Scope,
    /// How long it is good, a year at most
    #[arg(long, value_name = "DURATION", default_value = "90d")]
    lasts: Duration,
    #[command(flatten)]
    state: StateArgs,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    state: StateArgs,
}

#[derive(Debug, Args)]
struct RevokeArgs {
    /// The token: what stands behind its first underscore
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    state: StateArgs,
}

/// What a token allows.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scope {
    /// To look
    Read,
    /// To start, approve, pause, resume, abort, roll back as well
    Operate,
    /// To make and revoke tokens and to reload the config as well
    Admin,
}

impl From<Scope> for Level {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Read => Self::Read,
            Scope::Operate => Self::Operate,
            Scope::Admin => Self::Admin,
        }
    }
}

/// Does what `args` say.
///
/// # Errors
/// There is no state, or its tokens cannot be read or written.
pub(crate) fn run(args: &TokenArgs, out: &mut dyn Write) -> Result<End, Failure> {
    match &args.what {
        What::Create(args) => create(args, out),
        What::List(args) => list(args, out),
        What::Revoke(args) => revoke(args),
    }
}

fn tokens(state: &StateArgs) -> Result<Tokens, Failure> {
    let folder = state.folder()?;
    if !folder.is_dir() {
        let folder = folder.display();
        return Err(Failure::Input(format!("there is no state in {folder}: nothing was run there")));
    }
    Ok(Tokens::of(&folder))
}

fn unusable(error: &io::Error) -> Failure {
    Failure::Input(format!("the tokens cannot be used: {error}"))
}

fn create(args: &CreateArgs, out: &mut dyn Write) -> Result<End, Failure> {
    let lasts_ms = args.lasts.as_millis();
    if !(60_000..=LASTS_MAX_MS).contains(&lasts_ms) {
        return Err(Failure::Input(format!("--lasts is {}, allowed is 1m to 366d", args.lasts)));
    }
    let made = tokens(&args.state)?.create(&args.name, args.scope.into(), lasts_ms);
    let (token, secret) = made.map_err(|error| unusable(&error))?;
    writeln!(out, "{secret}")?;
    let until = text::rfc3339(token.expires);
    eprintln!(
        "token {} of {:?} for {}, good until {until}; it is not shown again",
        token.id,
        token.name,
        token.scope.name()
    );
    Ok(End::Done)
}

fn list(args: &ListArgs, out: &mut dyn Write) -> Result<End, Failure> {
    let all = tokens(&args.state)?.all().map_err(|error| unusable(&error))?;
    match args.format {
        Format::Json => {
            let all: Vec<Value> = all.iter().map(Token::told).collect();
            writeln!(out, "{:#}", json!(all))?;
        }
        Format::Text if all.is_empty() => writeln!(out, "no tokens")?,
        Format::Text => {
            writeln!(out, "{:<10}{:<9}{:<26}name", "id", "scope", "good until")?;
            for Token { id, name, scope, expires, .. } in all.iter() {
                let ended = if *expires <= clock::now().as_millis() { " (ended)" } else { "" };
                writeln!(
                    out,
                    "{id:<10}{:<9}{:<26}{}{ended}",
                    scope.name(),
                    text::rfc3339(*expires),
                    text::plain(name)
                )?;
            }
        }
    }
    Ok(End::Done)
}

fn revoke(args: &RevokeArgs) -> Result<End, Failure> {
    let gone = tokens(&args.state)?.revoke(&args.id).map_err(|error| unusable(&error))?;
    if !gone {
        return Err(Failure::Input(format!("there is no token {:?}", args.id)));
    }
    Ok(End::Done)
}
