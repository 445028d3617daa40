//! stub
use crate::steps::*;
use quietgate_detectors::Timestamp;
#[derive(Debug, Clone)]
pub struct Noted { pub seq: u64, pub at: Timestamp, pub epoch: u64, pub record: Record }
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level { Detail, Usual, Loud }
pub fn level(_: &Record) -> Level { Level::Usual }
pub fn line(n: &Noted, _: &State) -> String { format!("{} {}", n.seq, serde_json::to_string(&n.record).unwrap()) }
pub fn event(n: &Noted) -> serde_json::Value { serde_json::to_value(&n.record).unwrap() }
#[derive(Debug, Clone, Copy)]
pub enum Waits<'a> { Now(&'a [Waiting]), Recorded(Timestamp) }
#[derive(Debug, serde::Serialize)]
pub struct Status { text: String }
impl Status { pub fn text(&self) -> String { self.text.clone() } }
pub fn status(_: &State, _: Option<&str>, _: Timestamp, w: Waits<'_>) -> Status { Status { text: format!("{w:?}") } }
