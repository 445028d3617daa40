//! Speaking to a running driver over the socket in the folder of its state: how things stand, what happens, and what
//! persons want done. Nothing is done that is not on record with who asked and why.

mod client;
mod desk;
mod message;
mod server;
mod socket;
mod verb;
mod who;

pub use client::ask;
pub use desk::{Asked, Desk, Shown};
pub use message::{Answer, Question};
pub use server::serve;
pub(super) use socket::remove;
pub use verb::Verb;
pub use who::ourselves;
