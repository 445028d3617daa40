//! The document: its head, its order, its foot.

use std::fmt::{self, Write};

use jiff::tz::TimeZone;

use super::markup::Esc;
use super::model::Report;
use super::{finding, overview, summary, words};
use crate::text;

/// How the page looks, on screen, in the dark and in print.
const STYLE: &str = include_str!("style.css");

/// Nothing but the style within the page: no script, no picture, no font, no address from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The pattern of what is unknown, used by every picture of the page.
const HATCH: &str = r#"<svg class="defs" width="0" height="0" aria-hidden="true"><defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="2" height="6"/></pattern></defs></svg>"#;

/// Writes the whole document.
pub(super) fn write(out: &mut String, report: &Report, zone: &TimeZone) -> fmt::Result {
    let result = words::result(report);
    around(out, ("Quietgate backtest", &result), |out| {
        header(out, report, &result, zone)?;
        writeln!(out, "<main>")?;
        summary::write(out, report)?;
        overview::write(out, report, zone)?;
        summary::write_series(out, report)?;
        findings(out, report, zone)?;
        writeln!(out, "</main>")
    })
}

/// Writes a document with `body` in it; `brand` says which command made it.
pub(super) fn around(
    out: &mut String,
    (brand, title): (&str, &str),
    body: impl FnOnce(&mut String) -> fmt::Result,
) -> fmt::Result {
    writeln!(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(out, r#"<meta http-equiv="Content-Security-Policy" content="{POLICY}">"#)?;
    writeln!(out, r#"<meta name="viewport" content="width=device-width, initial-scale=1">"#)?;
    writeln!(out, r#"<meta name="color-scheme" content="light dark">"#)?;
    writeln!(out, "<title>{} · {}</title>", Esc(title), Esc(brand))?;
    writeln!(out, "<style>\n{STYLE}</style>\n</head>\n<body>\n{HATCH}")?;
    body(out)?;
    writeln!(
        out,
        "<footer><p>Made by quietgate {}. This page holds all it shows and asks nothing of any network.</p></footer>",
        env!("CARGO_PKG_VERSION")
    )?;
    writeln!(out, "</body>\n</html>")
}

/// The result, and what it was got from.
fn header(out: &mut String, report: &Report, result: &str, zone: &TimeZone) -> fmt::Result {
    writeln!(out, "<header>\n<p class=\"brand\">Quietgate backtest</p>\n<h1>{}</h1>", Esc(result))?;
    if report.interrupted {
        writeln!(
            out,
            r#"<p class="notice"><strong>Interrupted.</strong> The backtest was stopped before all was judged: this is what was found until then.</p>"#
        )?;
    }
    if words::findings(report) == 0 {
        writeln!(out, r#"<p class="lead">{}</p>"#, Esc(&words::reassurance(report)))?;
    }
    writeln!(out, r#"<dl class="facts">"#)?;
    writeln!(out, "<div><dt>Rule</dt><dd>{}</dd></div>", Esc(&report.rule))?;
    if let Some(span) = report.span {
        let (shown, length) =
            (text::time_span(span.from_ms, span.until_ms, zone), text::duration(span.len_ms()));
        writeln!(out, "<div><dt>Span</dt><dd>{} ({length})</dd></div>", Esc(&shown))?;
    }
    writeln!(out, "<div><dt>Time zone</dt><dd>{}</dd></div>", Esc(&report.time_zone))?;
    writeln!(out, "<div><dt>Input</dt><dd>")?;
    for input in &report.inputs {
        writeln!(out, r#"<span class="name">{}</span>"#, Esc(input))?;
    }
    writeln!(out, "</dd></div>\n</dl>\n</header>")
}

/// Every finding in its section.
fn findings(out: &mut String, report: &Report, zone: &TimeZone) -> fmt::Result {
    if words::findings(report) == 0 {
        return Ok(());
    }
    writeln!(out, r#"<section aria-labelledby="findings"><h2 id="findings">Findings</h2>"#)?;
    finding::write_legend(out)?;
    for view in &report.findings {
        finding::write(out, view, zone)?;
    }
    if report.findings_left_out > 0 {
        let more = text::counted(report.findings_left_out, "more finding is", "more findings are");
        writeln!(
            out,
            "<p>{more} not shown here; the text, JSON and CSV output of the command has them all.</p>"
        )?;
    }
    writeln!(out, "</section>")
}
