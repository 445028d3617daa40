//! Records in, whole texts out.

mod ends;
mod lines;
mod live;
mod status;
mod why;
