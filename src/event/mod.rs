//! What is told to others of what happened: one closed type with a version. Pure.
//!
//! An event is made of an entry of the journal and says what whoever receives it needs to act: which run, step, batch and target, why,
//! how much it matters, and a sentence. The numbers of a decision stay in the journal, where `quietgate why` explains them.

mod kind;
mod of;
mod schema;

pub use kind::{Kind, Severity};
pub use of::Telling;
pub use schema::schema;

use quietgate_detectors::Timestamp;
use serde::Serialize;

/// The version of the form: what is added does not change it, what is taken away or means something else does.
pub const VERSION: u32 = 1;

/// So many causes of a decision are told of; the journal has more.
pub const CAUSES_MAX: usize = 20;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The version of this form.
    pub version: u32,
    /// The same for every delivery of it, and for no other event.
    pub id: String,
    /// When it happened, in RFC 3339.
    pub timestamp: String,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence for a person.
    pub summary: String,
    /// What it is about.
    pub data: Data,
    /// When it happened.
    #[serde(skip)]
    pub at: Timestamp,
}

/// What an event is about; what it has nothing to say of is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Data {
    /// The number of its entry in the journal; none where it has none there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The plan of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The number of the batch in the step, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    /// On which side of the batch the gate stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<&'static str>,
    /// The target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What is done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doing: Option<&'static str>,
    /// The number of the attempt at that, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Who said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// Why, with numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same without what changes from moment to moment: a cause each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// How a run ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<&'static str>,
    /// How many events were dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
}

impl Event {
    /// An event of `kind`, as much as that matters by itself.
    pub fn new(kind: Kind, id: String, at: Timestamp, summary: String, data: Data) -> Self {
        let (timestamp, severity) = (crate::text::rfc3339(at.as_millis()), kind.severity());
        Self { kind, version: VERSION, id, timestamp, severity, summary, data, at }
    }
}
