//! A replay told to people, and as a table.

use super::Replay;
use super::ran::Ran;
use super::summary::{Added, Place, Summary, why};
use crate::steps::Side;
use crate::text::{self, count, counted, duration, rfc3339};
use std::io::{self, Write};

/// Writes what a replay comes to: a page of lines, however many runs there were.
///
/// # Errors
/// Where `out` cannot be written.
pub fn text(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let every = summary.about.every_ms.map(|ms| format!(", one every {}", duration(ms))).unwrap_or_default();
    writeln!(out, "{}: {}{every}", summary.plan, counted(summary.runs, "run", "runs"))?;
    writeln!(
        out,
        "  over {} to {}, looked at every {}",
        summary.from,
        summary.until,
        duration(summary.look_ms)
    )?;
    if summary.about.interrupted {
        writeln!(out, "  interrupted: {} were to be started", count(summary.about.starts))?;
    }
    writeln!(out, "  taken for granted: {}; every approval is given at once", summary.takes.join("; "))?;
    if let Some(quiet) = summary.quiet_ms {
        writeln!(out, "  a run that nothing holds lasts {}", duration(quiet))?;
    }
    writeln!(out)?;
    let of_all = |runs: u64| match summary.runs {
        0 => String::new(),
        all => format!(" ({})", text::share(runs as f64 / all as f64)),
    };
    writeln!(out, "held             {}{}", count(summary.held), of_all(summary.held))?;
    writeln!(out, "blamed           {}{}", count(summary.blamed), of_all(summary.blamed))?;
    for (word, runs) in summary.endings.iter().filter(|(_, runs)| **runs > 0) {
        writeln!(out, "{word:<16} {}{}", count(*runs), of_all(*runs))?;
    }
    added("added by holds", &summary.added, "runs that were done", out)?;
    added("where held", &summary.added_when_held, "of them that were held", out)?;
    places(summary, out)?;
    series(summary, out)?;
    worst(summary, out)?;
    incidents(summary, out)
}

fn added(what: &str, added: &Added, of: &str, out: &mut dyn Write) -> io::Result<()> {
    let (Some(median), Some(p90), Some(max)) = (added.median_ms, added.p90_ms, added.max_ms) else {
        return Ok(());
    };
    let [median, p90, max] = [median, p90, max].map(duration);
    writeln!(out, "{what:<16} median {median}, p90 {p90}, most {max} (over {} {of})", count(added.runs))
}

fn places(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    if summary.places.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nwhere")?;
    for place in &summary.places {
        let Place { step, batch, side, runs, blamed, held_ms } = place;
        let side = if *side == Side::Before { "before" } else { "after" };
        let blamed = if *blamed > 0 { format!(", blamed {}", count(*blamed)) } else { String::new() };
        let runs = counted(*runs, "run", "runs");
        writeln!(
            out,
            "  {side} batch {} of {step}: {runs}{blamed}, {} in all",
            batch + 1,
            duration(*held_ms)
        )?;
    }
    more(summary.places_left_out, out)
}

fn series(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    if summary.series.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nwhy")?;
    for of in &summary.series {
        let blamed = if of.blamed > 0 { format!(", blamed {}", count(of.blamed)) } else { String::new() };
        let (runs, held) = (counted(of.runs, "run", "runs"), duration(of.held_ms));
        writeln!(out, "  {} {}: {runs}{blamed}, {held} in all", text::plain(&of.series), of.cause)?;
        writeln!(out, "    such as: {}", text::plain(&of.words))?;
    }
    more(summary.series_left_out, out)
}

fn worst(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    if summary.worst.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nto these most was added")?;
    for run in &summary.worst {
        writeln!(
            out,
            "  {} {}, {} more: {}",
            run.start,
            run.ending,
            duration(run.added_ms),
            text::plain(&run.why)
        )?;
    }
    Ok(())
}

fn incidents(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    const SHOWN: usize = 40;
    let Some(incidents) = &summary.incidents else { return Ok(()) };
    let met = incidents.iter().filter(|incident| incident.on > 0);
    let (on, caught) = met.fold((0_u64, 0_u64), |(on, caught), i| (on + 1, caught + u64::from(i.caught > 0)));
    let labelled = counted(incidents.len() as u64, "labelled incident", "labelled incidents");
    writeln!(
        out,
        "\n{labelled}: {} began while a run was on, {} of these were caught",
        count(on),
        count(caught)
    )?;
    for incident in incidents.iter().take(SHOWN) {
        let late = match (incident.delay_ms_median, incident.delay_ms_p90) {
            (Some(median), Some(p90)) => format!(", late by {} (p90 {})", duration(median), duration(p90)),
            _ => String::new(),
        };
        let (on, caught) = (count(incident.on), count(incident.caught));
        let (started, kept) = (count(incident.started), count(incident.kept));
        writeln!(
            out,
            "  {} to {} {}: caught by {caught} of {on} that were on{late}; kept {kept} of {started} from beginning",
            incident.from,
            incident.to,
            text::plain(&incident.series)
        )?;
    }
    more(incidents.len().saturating_sub(SHOWN) as u64, out)
}

fn more(left_out: u64, out: &mut dyn Write) -> io::Result<()> {
    if left_out > 0 { writeln!(out, "  and {} more", count(left_out)) } else { Ok(()) }
}

/// Writes one row a run: when it was started, when it began and ended, how, what was added, and the longest hold in words.
///
/// # Errors
/// Where `out` cannot be written.
pub fn csv(replay: &Replay, runs: &[Ran], out: &mut dyn Write) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table
        .write_record(["start", "begun", "end", "ending", "held", "blamed", "length_s", "added_s", "why"])?;
    // a machine reads them: no thousands in short
    let seconds = |ms: i64| (ms as f64 / 1000.0).to_string();
    for run in runs {
        let time = |at: quietgate_detectors::Timestamp| rfc3339(at.as_millis());
        let grain = replay.grain_ms();
        table.write_record([
            time(run.start),
            run.begun.map(time).unwrap_or_default(),
            time(run.end),
            run.ending.word().to_owned(),
            run.is_held(grain).to_string(),
            (!run.course.blames.is_empty()).to_string(),
            seconds(run.length_ms()),
            seconds(run.added_ms(grain)),
            text::cell(&why(replay, run)).into_owned(),
        ])?;
    }
    table.flush()
}
