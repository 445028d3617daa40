//! Actions as they are: real processes and a real server, and what is said about them afterwards.

#[path = "actions/ends.rs"]
mod ends;
#[path = "actions/given.rs"]
mod given;
#[path = "actions/many.rs"]
mod many;
#[path = "actions/outputs.rs"]
mod outputs;
#[path = "actions/requests.rs"]
mod requests;
#[path = "actions/rig.rs"]
mod rig;
#[path = "actions/server.rs"]
mod server;
#[path = "actions/trees.rs"]
mod trees;
