//! `quietgate watch`: what happens in the run that is under way, as its driver puts it on record.

use super::exit::{End, Failure};
use super::format::Format;
use super::state::{StateArgs, fold};
use crate::journal;
use crate::run::control::{self, Answer, Question};
use crate::steps::State;
use crate::story::{self, Level, Noted};
use clap::Args;
use quietgate_detectors::Timestamp;
use std::io::{self, Write};

/// What `quietgate watch` takes.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    state: StateArgs,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Writes a line for each record until the driver ends.
///
/// # Errors
/// No driver holds the state, or the connection to it breaks.
pub(crate) fn run(args: &WatchArgs) -> Result<End, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = args.state.folder()?;
    let driven = runtime.block_on(async {
        let mut entries = Vec::new();
        journal::read(&folder, args.state.database(), |entry| entries.push(entry)).await?;
        let mut watcher = Watcher { state: fold(&entries)?, form: args.format };
        let each = |answer| watcher.tell(answer);
        control::ask(&folder, &Question::Watch, each).await.map_err(Failure::from)
    })?;
    match driven {
        true => Ok(End::Done),
        false => {
            Err(Failure::Input(format!("no driver holds {}: there is nothing to watch", folder.display())))
        }
    }
}

struct Watcher {
    state: State,
    form: Format,
}

impl Watcher {
    fn tell(&mut self, answer: Answer) -> io::Result<()> {
        let (seq, at, epoch, record) = match answer {
            Answer::Record { seq, at, epoch, record } => (seq, at, epoch, record),
            Answer::Missed { count } => {
                eprintln!("{count} records came too fast; the journal has them");
                return Ok(());
            }
            Answer::Refused { why } => return Err(io::Error::other(why)),
            Answer::Done { .. } | Answer::Began { .. } | Answer::Well | Answer::Status { .. } => {
                return Ok(());
            }
        };
        let noted =
            Noted { seq, at: Timestamp::from_millis(at), epoch, record: serde_json::from_value(*record)? };
        // what came between the reading of the journal and the first answer is in neither: such a line says less
        drop(self.state.apply(seq, noted.at, &noted.record));
        match self.form {
            Format::Json => writeln!(io::stdout(), "{}", story::event(&noted)),
            Format::Text if story::level(&noted.record) > Level::Detail => {
                writeln!(io::stdout(), "{}", story::line(&noted, &self.state))
            }
            Format::Text => Ok(()),
        }
    }
}
