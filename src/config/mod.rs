//! temporary
pub mod units;
use quietgate_detectors::*;
use quietgate_rules::RuleSpec;
#[derive(Debug)]
pub struct Config {
    pub signals: Vec<Signal>,
}
#[derive(Debug)]
pub struct Signal {
    pub name: String,
    pub interval: Interval,
    pub lateness_ms: i64,
    pub time_zone: Option<String>,
    pub rule: RuleSpec,
}
#[derive(Debug)]
pub struct Mistakes;
impl std::fmt::Display for Mistakes {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}
impl std::error::Error for Mistakes {}
impl Config {
    pub fn read(_: &str, _: &str) -> Result<Self, Mistakes> {
        Err(Mistakes)
    }
}
pub fn calendar(_zone: &str, _from: i64, _until: i64) -> Result<Calendar, String> {
    Ok(Calendar::Utc)
}
