//! One finding: what happened in a sentence, its picture, the votes, and the words of the detectors.

use std::fmt::{self, Write};

use jiff::tz::TimeZone;

use super::markup::{Esc, Short, anchor};
use super::model::{Direction, FindingView, Picture, Said, Words};
use super::scale::{TimeScale, ValueScale};
use super::{lanes, plot, words};
use crate::text;

/// The width of a character of the value axis, with some to spare: the font is the reader's.
const CHARACTER_REM: f64 = 0.55;

/// How the pictures are to be read, each sign beside its meaning.
const LEGEND: [(&str, &str); 8] = [
    (r#"<line class="sign-series" x2="28" y1="10" y2="10"/>"#, "the series"),
    (r#"<rect class="band" y="3" width="28" height="14"/>"#, "expected band"),
    (r#"<rect class="stretch surge" y="1" width="28" height="18"/>"#, "anomalous"),
    (
        r#"<g class="label"><rect y="2" width="28" height="4"/><line x1="0" x2="0" y1="2" y2="20"/><line x1="28" x2="28" y1="2" y2="20"/></g>"#,
        "labelled window",
    ),
    (
        r#"<rect class="normal" y="9" width="28" height="2"/><rect class="surge" x="8" y="1" width="12" height="9"/>"#,
        "surge",
    ),
    (
        r#"<rect class="normal" y="9" width="28" height="2"/><rect class="drop" x="8" y="10" width="12" height="9"/>"#,
        "drop",
    ),
    (r#"<rect class="suspect" x="8" y="6" width="12" height="8"/>"#, "suspect: not yet sustained"),
    (r#"<rect class="unknown" y="3" width="28" height="14"/>"#, "unknown"),
];

/// Writes how the pictures are to be read.
pub(super) fn write_legend(out: &mut String) -> fmt::Result {
    writeln!(out, r#"<ul class="legend" aria-label="How to read the pictures">"#)?;
    for (sign, meaning) in LEGEND {
        writeln!(
            out,
            r#"<li><svg width="28" height="20" aria-hidden="true">{sign}</svg>{}</li>"#,
            Esc(meaning)
        )?;
    }
    writeln!(out, "</ul>")
}

/// Writes the section of a finding.
pub(super) fn write(out: &mut String, finding: &FindingView, zone: &TimeZone) -> fmt::Result {
    let id = anchor(&finding.id);
    writeln!(out, r#"<section class="finding" id="{id}" aria-labelledby="{id}-head">"#)?;
    headline(out, finding, &id)?;
    facts(out, finding, zone)?;
    picture(out, finding, zone)?;
    if !finding.words.is_empty() {
        writeln!(out, r#"<ul class="words">"#)?;
        for words in &finding.words {
            write_words(out, words)?;
        }
        writeln!(out, "</ul>")?;
    }
    writeln!(out, "</section>")
}

fn headline(out: &mut String, finding: &FindingView, id: &str) -> fmt::Result {
    let (sign, did) = match finding.direction {
        Direction::Surge => (Said::Surge, "surged"),
        Direction::Drop => (Said::Drop, "dropped"),
    };
    write!(out, r##"<h3 id="{id}-head"><a class="id" href="#{id}">{}</a> "##, Esc(&finding.id))?;
    write!(out, r#"<span class="name">{}</span> "#, Esc(&finding.series))?;
    writeln!(out, "{} {did} for {}</h3>", arrow(sign), Esc(&words::lasted(finding)))
}

/// When, how far, by whom, and whether the labels agree.
fn facts(out: &mut String, finding: &FindingView, zone: &TimeZone) -> fmt::Result {
    let span = text::time_span(finding.from_ms, finding.until_ms, zone);
    let samples = text::counted(finding.samples, "sample", "samples");
    write!(out, r#"<p class="when"><span>{}, {samples}</span>"#, Esc(&span))?;
    match finding.labelled {
        Some(true) => write!(out, r#"<span class="chip">✓ labelled</span>"#)?,
        Some(false) => write!(out, r#"<span class="chip against">✗ not labelled: a false hold</span>"#)?,
        None => {}
    }
    writeln!(out, "</p>")?;
    let (peak, far) = (text::time(finding.peak_ms, zone), words::how_far(finding));
    write!(out, "<p>At its peak, {}, it was {}.", Esc(&peak), Esc(&far))?;
    if !finding.by.is_empty() {
        write!(out, " Called by {}", Esc(&finding.by.join(", ")))?;
        write!(out, "; score {}.", Esc(&text::number(finding.score)))?;
    }
    writeln!(out, "</p>")
}

/// Writes the picture, or that there is none.
pub(super) fn picture(out: &mut String, finding: &FindingView, zone: &TimeZone) -> fmt::Result {
    let picture = &finding.picture;
    let Some(time) = TimeScale::of(picture) else {
        return writeln!(out, r#"<p class="caption">There are no samples to draw.</p>"#);
    };
    let values = ValueScale::of(picture);
    let labels = values.map(ValueScale::ticks).unwrap_or_default();
    let widest = labels.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0);
    writeln!(
        out,
        r#"<div class="picture" style="--y:{}rem">"#,
        Short((widest + 1) as f64 * CHARACTER_REM, 2)
    )?;
    plot::write(out, finding, time, values, zone)?;
    lanes::write(out, finding, time)?;
    caption(out, picture, time, zone)?;
    writeln!(out, "</div>")
}

fn caption(out: &mut String, picture: &Picture, time: TimeScale, zone: &TimeZone) -> fmt::Result {
    let shown = time.span();
    let half = super::scale::half_interval(picture);
    let (from, until) = (shown.from_ms.saturating_add(half), shown.until_ms.saturating_sub(half));
    write!(out, r#"<p class="caption">{}"#, Esc(&text::time_span(from, until, zone)))?;
    if !picture.band_of.is_empty() {
        write!(out, "; band: what {} expected", Esc(&picture.band_of))?;
    }
    writeln!(out, "</p>")
}

fn write_words(out: &mut String, words: &Words) -> fmt::Result {
    let (detector, sentence) = (Esc(&words.detector), Esc(&words.sentence));
    write!(out, r#"<li><span class="who">{detector}</span> "#)?;
    let (sign, word) = (arrow(words.verdict), words.verdict.word());
    writeln!(out, r#"<span class="verdict">{sign} {word}</span> <span>{sentence}</span></li>"#)
}

/// A verdict as a sign in its colour; the word stands beside it, so it is not read aloud.
fn arrow(said: Said) -> String {
    let sign = match said {
        Said::Surge => "▲",
        Said::Drop => "▼",
        Said::Normal => "–",
        Said::Unknown => "?",
    };
    format!(r#"<span class="sign {}" aria-hidden="true">{sign}</span>"#, said.word())
}
