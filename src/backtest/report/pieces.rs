//! Pieces of the page for other pages that look the same: the document around them, and pictures.

use super::markup::Esc;
use super::model::FindingView;
use super::{finding, page};
use jiff::tz::TimeZone;
use std::fmt::Write;

/// A whole document with this title, `body` between its header and its foot. `brand` says which command made it.
pub fn document(brand: &str, title: &str, body: &str) -> String {
    let mut out = String::new();
    page::around(&mut out, (brand, title), |out| out.write_str(body))
        .expect("writing to a string does not fail");
    out
}

/// How pictures are to be read.
pub fn legend() -> String {
    let mut out = String::new();
    finding::write_legend(&mut out).expect("writing to a string does not fail");
    out
}

/// The picture of a finding with the rows of its detectors, without words around it.
pub fn picture(view: &FindingView, zone: &TimeZone) -> String {
    let mut out = String::new();
    finding::picture(&mut out, view, zone).expect("writing to a string does not fail");
    out
}

/// Text as it stands in a page.
pub fn escaped(text: &str) -> String {
    Esc(text).to_string()
}
