//! Records in, whole texts out.

mod lines;
mod live;
mod status;
mod why;
