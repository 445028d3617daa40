//! How the program ends: documented exit codes, and errors with their causes.

use crate::backtest::BacktestError;
use crate::journal::OpenError;
use crate::run::live::DriveError;
use crate::text;
use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// 0: done.
    Done,
    /// 1: stopped before the end, or failed.
    Aborted,
    /// 2: what was wrong with the input has been said.
    BadInput,
    /// 3: paused, and a person is needed.
    Paused,
    /// 4: what a run did is undone.
    RolledBack,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(match end {
            End::Done => 0,
            End::Aborted => 1,
            End::BadInput => 2,
            End::Paused => 3,
            End::RolledBack => 4,
        })
    }
}

/// Why a command cannot do what it is asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// 2: bad usage or input, in words.
    Input(String),
    /// 2: bad input, with its causes.
    Cause(Box<dyn Error + Send + Sync>),
    /// 1: what was to be written cannot be.
    Write(std::io::Error),
    /// 1: the file of that name cannot be written.
    File(String, std::io::Error),
    /// 5: the journal is damaged or cannot be used. 6: another driver holds it. 2: there is none.
    Journal(OpenError),
    /// 5: the journal cannot be written; why.
    Unwritten(String),
    /// A run that cannot be driven on: 5 where the journal does not take it, else 2.
    Drive(DriveError),
    /// 5: the journal is whole, and has a record that cannot be used.
    Record(Box<dyn Error + Send + Sync>),
}

impl Failure {
    /// Bad input whose causes are told too.
    pub(crate) fn because(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Cause(Box::new(error))
    }

    /// The exit code; a reader that went away (`| head`) is no failure.
    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Self::Input(_) | Self::Cause(_) => ExitCode::from(2),
            Self::Write(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Self::Write(_) | Self::File(..) => ExitCode::from(1),
            Self::Journal(OpenError::Absent(_)) => ExitCode::from(2),
            Self::Journal(OpenError::Held { .. }) => ExitCode::from(6),
            Self::Journal(_) | Self::Unwritten(_) | Self::Drive(DriveError::Journal { .. }) => {
                ExitCode::from(5)
            }
            Self::Record(_) => ExitCode::from(5),
            Self::Drive(_) => ExitCode::from(2),
        }
    }

    /// Whether there is anything to say.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self, Self::Write(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(message) => f.write_str(message),
            Self::Cause(error) | Self::Record(error) => f.write_str(&text::with_causes(error.as_ref())),
            Self::Journal(error) => f.write_str(&text::with_causes(error)),
            Self::Unwritten(why) => write!(f, "the journal cannot be written: {why}"),
            Self::Drive(error) => f.write_str(&text::with_causes(error)),
            Self::Write(error) => write!(f, "standard output cannot be written: {error}"),
            Self::File(file, error) => write!(f, "{file} cannot be written: {error}"),
        }
    }
}

impl From<BacktestError> for Failure {
    fn from(error: BacktestError) -> Self {
        Self::because(error)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::Journal(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Write(error)
    }
}
