//! Actions as they are: real processes and a real server, and what is said about them afterwards.

#[path = "actions/ends.rs"]
mod ends;
#[path = "actions/given.rs"]
mod given;
#[path = "actions/many.rs"]
mod many;
#[path = "actions/outputs.rs"]
mod outputs;
#[path = "actions/rig.rs"]
mod rig;
#[path = "actions/trees.rs"]
mod trees;
