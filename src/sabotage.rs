//! For tests alone: mistakes that this program must never make, built in with the feature `sabotage`, so that a test can
//! show that the simulation of runs would see each of them.
//!
//! Without the feature, which no release has, [`is`] is a constant and nothing of this is in the program.

/// A mistake. Each is made in one place, where the right thing is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// An attempt is started first, and its intent is put on record afterwards.
    RecordAfterRun,
    /// What was under way when the driver ended is taken for something that never began.
    RerunStarted,
    /// What was under way when the driver ended is taken for something that succeeded.
    SkipStarted,
    /// A record that could not be written is taken in all the same.
    ContinueAfterError,
    /// Nothing is looked at between an intent and its start.
    NoRecheck,
    /// A series stays what it was, however old its newest sample is.
    StaleIsClean,
    /// What is no number counts as clean.
    NanIsClean,
    /// The clean window goes on over missing samples.
    GapKeepsWindow,
    /// The clean window goes on over a time in which the source said nothing, where it tells of it afterwards.
    TroubleKeepsWindow,
    /// An abort is taken in and answered, and not put on record.
    AbortInMemory,
    /// A person is answered before what they said is on record.
    AnswerBeforeRecord,
    /// A gate that held for too long blames the batch for it.
    TroubleIsBlamed,
    /// The keep-up rules are not asked.
    KeepUpNotAsked,
    /// What was started first is undone first.
    UndoInOrder,
    /// Batches start although everything is frozen.
    FreezeIgnored,
    /// An entry of the journal is taken for whole whatever its hash says.
    TornTailAccepted,
    /// A journal is taken for whole whatever its head says.
    HeadNotAsked,
    /// What is expected of a batch's own series is expected of all others as well.
    MutedElsewhere,
    /// What is expected to move counts as clean.
    ExpectedIsClean,
    /// What is expected to move is judged as if it was not.
    ExpectedFires,
    /// What is unknown while a series is expected to move counts as expected.
    UnknownIsExpected,
    /// What the slow layer finds is blamed on the first batch that its targets were in.
    BlamesFirstBatch,
    /// The gate before a batch does not ask the slow layer.
    SlowNotAsked,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::RecordAfterRun,
        Self::RerunStarted,
        Self::SkipStarted,
        Self::ContinueAfterError,
        Self::NoRecheck,
        Self::StaleIsClean,
        Self::NanIsClean,
        Self::GapKeepsWindow,
        Self::TroubleKeepsWindow,
        Self::AbortInMemory,
        Self::AnswerBeforeRecord,
        Self::TroubleIsBlamed,
        Self::KeepUpNotAsked,
        Self::UndoInOrder,
        Self::FreezeIgnored,
        Self::TornTailAccepted,
        Self::HeadNotAsked,
        Self::MutedElsewhere,
        Self::ExpectedIsClean,
        Self::ExpectedFires,
        Self::UnknownIsExpected,
        Self::BlamesFirstBatch,
        Self::SlowNotAsked,
    ];
}

#[cfg(feature = "sabotage")]
thread_local! {
    static CHOSEN: std::cell::Cell<Option<Sabotage>> = const { std::cell::Cell::new(None) };
}

/// From now on this thread makes this mistake and no other; or none.
#[cfg(feature = "sabotage")]
pub fn choose(mistake: Option<Sabotage>) {
    CHOSEN.set(mistake);
}

/// Whether this mistake is to be made here.
#[cfg(feature = "sabotage")]
pub fn is(mistake: Sabotage) -> bool {
    CHOSEN.get() == Some(mistake)
}

/// Never, without the feature.
#[cfg(not(feature = "sabotage"))]
#[inline(always)]
pub const fn is(_mistake: Sabotage) -> bool {
    false
}
