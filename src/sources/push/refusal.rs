//! Why a request is not taken, and what its sender is told.
//!
//! Prometheus repeats what was answered with a status of 500 or more, and throws away what was answered with one of 400: so
//! these are for what can never be right, and what may be right later has one of those.

use std::borrow::Cow;

/// Why a request is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is nothing at this path.
    NoSuchPath,
    /// It is no POST.
    NoPost,
    /// It has no token.
    NoToken,
    /// Its token is another one.
    WrongToken,
    /// It can never be right: what is wrong with it.
    Malformed(String),
    /// It is beyond a limit: which.
    TooLarge(String),
    /// It is in a form that is not read: what is allowed.
    OtherForm(&'static str),
    /// It may be repeated: why it cannot be taken now.
    NotNow(&'static str),
}

impl Refusal {
    /// The HTTP status.
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::NoSuchPath => 404,
            Self::NoPost => 405,
            Self::NoToken => 401,
            Self::WrongToken => 403,
            Self::Malformed(_) => 400,
            Self::TooLarge(_) => 413,
            Self::OtherForm(_) => 415,
            Self::NotNow(_) => 503,
        }
    }

    /// What its sender is told; nothing of what was sent but for names, and no secret.
    pub(super) fn words(&self) -> Cow<'static, str> {
        match self {
            Self::NoSuchPath => {
                "samples are taken at /api/v1/write (remote-write) and /push (JSON lines)".into()
            }
            Self::NoPost => "samples are taken by POST".into(),
            Self::NoToken => "a token is needed: Authorization: Bearer …".into(),
            Self::WrongToken => "the token is not the right one".into(),
            Self::OtherForm(allowed) => format!("not in a form that is read, allowed is {allowed}").into(),
            Self::Malformed(why) | Self::TooLarge(why) => why.clone().into(),
            Self::NotNow(why) => format!("{why}; try again").into(),
        }
    }
}
