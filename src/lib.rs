//! Quietgate judges time series and opens the next upgrade step only when they are quiet.
//!
//! The crate is laid out on floors; a module uses only floors below its own (`tests/tidy.rs` holds it):
//!
//! ```text
//! cli, fuzzing           words in, words out; for fuzzers alone: every parser of what others wrote
//! replay                 a whole plan put through recorded series, or a recorded run once more
//! tune                   the settings of a rule, searched in recorded series
//! run                    one plan driven
//! backtest               recorded series in, findings, scores and reports out
//! config                 what users write, read and checked
//! sources, actions       where samples come from; what a step does to a target
//! journal                what a run decided and did, durably
//! history                the samples of the last days, on disk
//! sinks                  where events go
//! event                  what others are told of what happened: one closed type
//! story                  what a run tells: lines, events, status, why
//! monitor                samples of one series in, findings out
//! plan                   steps, batches, limits, and when they may start
//! settings               what kinds take, checked
//! clock                  the time of day
//! labels                 labels of a series, shared and hashed once
//! sabotage               for tests alone: mistakes that the simulation must see
//! secret                 secrets in files
//! text                   numbers, durations and times as people read them
//! ```
//!
//! Below them lie two crates of their own, without any I/O: `quietgate-rules` and `quietgate-detectors`.
#![forbid(unsafe_code)]

/// Judging takes and gives back large look-backs, series by series: this allocator keeps their pages, where the
/// system's asks the kernel anew each time (`docs/performance.md` has the figures).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod actions;
pub mod backtest;
pub mod cli;
pub mod clock;
pub mod config;
pub mod event;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
pub mod history;
pub mod http;
pub mod journal;
pub mod labels;
pub mod memory;
pub mod monitor;
pub mod plan;
pub mod replay;
pub mod run;
pub mod sabotage;
pub mod secret;
pub mod settings;
pub mod sinks;
pub mod sources;
pub mod steps;
pub mod story;
pub mod telemetry;
pub mod text;
pub mod tune;
