//! `quietgate run` and its verbs as an operator has them: real processes, a real file with samples, a real journal.

#[path = "runs/api.rs"]
mod api;
#[path = "runs/browser.rs"]
mod browser;
#[path = "runs/captures.rs"]
mod captures;
#[path = "runs/daemon.rs"]
mod daemon;
#[path = "runs/drive.rs"]
mod drive;
#[path = "runs/exporter.rs"]
mod exporter;
#[path = "runs/faults.rs"]
mod faults;
#[path = "runs/fleet.rs"]
mod fleet;
#[path = "runs/kept.rs"]
mod kept;
#[path = "runs/page.rs"]
mod page;
#[path = "runs/persons.rs"]
mod persons;
#[path = "runs/pushes.rs"]
mod pushes;
#[path = "runs/receiver.rs"]
mod receiver;
#[path = "runs/recorded.rs"]
mod recorded;
#[path = "runs/remote.rs"]
mod remote;
#[path = "runs/samples.rs"]
mod samples;
#[path = "runs/secure.rs"]
mod secure;
#[path = "runs/sinks.rs"]
mod sinks;
#[path = "runs/site.rs"]
mod site;
#[path = "runs/troubles.rs"]
mod troubles;
