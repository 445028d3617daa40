//! The page of a replay: what all runs come to, where and why they were held, and pictures of that.

use super::Replay;
use super::summary::{Added, Episode, Summary};
use crate::backtest;
use crate::backtest::labels::Labels;
use crate::backtest::report::{self, Direction, FindingView, Picture, Span, State, escaped};
use crate::sources::recorded::SeriesInfo;
use crate::steps::Side;
use crate::text::{self, count, counted, duration};
use jiff::tz::TimeZone;

/// So many pictures the page has at most: those of most runs.
const MOST_PICTURES: usize = 40;

/// The page, a whole HTML document that asks nothing of any network. `labels` are those of the series of the recording.
pub fn html(replay: &Replay, summary: &Summary, labels: Option<(&Labels, &[SeriesInfo])>) -> String {
    let title =
        format!("{}: {} of {} held", summary.plan, count(summary.held), counted(summary.runs, "run", "runs"));
    let mut body = String::new();
    header(&mut body, summary, &title);
    body += "<main>\n<dl class=\"tiles\">\n";
    tiles(&mut body, summary);
    body += "</dl>\n";
    incidents(&mut body, summary);
    places(&mut body, summary);
    series(&mut body, summary);
    pictures(&mut body, replay, summary, labels);
    body += "</main>\n";
    report::document("Quietgate replay", &title, &body)
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn header(out: &mut String, summary: &Summary, title: &str) {
    line(out, &format!("<header>\n<p class=\"brand\">Quietgate replay</p>\n<h1>{}</h1>", escaped(title)));
    if summary.about.interrupted {
        let of = count(summary.about.starts);
        line(
            out,
            &format!(r#"<p class="notice"><strong>Interrupted.</strong> {of} runs were to be started.</p>"#),
        );
    }
    line(out, r#"<dl class="facts">"#);
    let mut fact = |name: &str, value: &str| {
        line(out, &format!("<div><dt>{name}</dt><dd>{}</dd></div>", escaped(value)));
    };
    fact("Span", &format!("{} to {}", summary.from, summary.until));
    let every = summary.about.every_ms.map(|ms| format!("one every {}", duration(ms)));
    fact("Starts", &every.unwrap_or_else(|| "named one by one".to_owned()));
    fact("Actions", &summary.takes.join("; "));
    fact("Input", &summary.about.inputs.join(" "));
    line(out, "</dl>\n</header>");
}

fn tiles(out: &mut String, summary: &Summary) {
    let mut tile = |name: &str, value: &str, meaning: &str| {
        let (value, meaning) = (escaped(value), escaped(meaning));
        let value = format!(r#"<span class="figure">{value}</span><span class="meaning">{meaning}</span>"#);
        line(out, &format!("<div><dt>{name}</dt><dd>{value}</dd></div>"));
    };
    let added = |added: &Added| match (added.median_ms, added.p90_ms, added.max_ms) {
        (Some(median), Some(p90), Some(max)) => {
            (duration(median), format!("median; p90 {}, most {}", duration(p90), duration(max)))
        }
        _ => ("–".to_owned(), "no run was done".to_owned()),
    };
    let share = summary.held_share.map_or_else(|| "–".to_owned(), text::share);
    tile("Runs", &count(summary.runs), "driven through the real gates");
    tile("Held", &count(summary.held), &format!("{share} of all"));
    tile("Blamed", &count(summary.blamed), "something was blamed on a batch");
    let (value, meaning) = added(&summary.added);
    tile("Added", &value, &meaning);
    let (value, meaning) = added(&summary.added_when_held);
    tile("Added where held", &value, &meaning);
    for (word, runs) in summary.endings.iter().filter(|(_, runs)| **runs > 0) {
        tile(&format!("Ended: {word}"), &count(*runs), "");
    }
}

fn table(out: &mut String, id: &str, title: &str, head: &[&str], rows: &[Vec<String>], left_out: u64) {
    if rows.is_empty() {
        return;
    }
    line(out, &format!(r#"<section aria-labelledby="{id}"><h2 id="{id}">{title}</h2><table><thead><tr>"#));
    head.iter().for_each(|cell| line(out, &format!("<th scope=\"col\">{cell}</th>")));
    line(out, "</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for (number, cell) in row.iter().enumerate() {
            let (open, close) = if number == 0 { ("<th scope=\"row\">", "</th>") } else { ("<td>", "</td>") };
            *out += &format!("{open}{}{close}", escaped(cell));
        }
        line(out, "</tr>");
    }
    line(out, "</tbody></table>");
    if left_out > 0 {
        line(out, &format!("<p>And {} more.</p>", count(left_out)));
    }
    line(out, "</section>");
}

fn places(out: &mut String, summary: &Summary) {
    let row = |place: &super::Place| {
        let side = if place.side == Side::Before { "before" } else { "after" };
        let name = format!("{side} batch {} of {}", place.batch + 1, place.step);
        vec![name, count(place.runs), duration(place.held_ms), count(place.blamed)]
    };
    let rows: Vec<_> = summary.places.iter().map(row).collect();
    table(
        out,
        "where",
        "Where runs were held",
        &["Gate", "Runs", "In all", "Blamed"],
        &rows,
        summary.places_left_out,
    );
}

fn series(out: &mut String, summary: &Summary) {
    let row = |of: &super::SeriesHolds| {
        let name = format!("{} {}", of.series, of.cause);
        vec![name, count(of.runs), duration(of.held_ms), count(of.blamed)]
    };
    let rows: Vec<_> = summary.series.iter().map(row).collect();
    table(out, "why", "Why", &["Series", "Runs", "In all", "Blamed"], &rows, summary.series_left_out);
}

fn incidents(out: &mut String, summary: &Summary) {
    let Some(incidents) = &summary.incidents else { return };
    let row = |of: &super::Incident| {
        let late = of.delay_ms_median.map_or_else(|| "–".to_owned(), duration);
        let name = format!("{}, {} to {}", of.series, of.from, of.to);
        let caught = format!("{} of {}", count(of.caught), count(of.on));
        vec![name, caught, format!("{} of {}", count(of.kept), count(of.started)), late]
    };
    let shown = &incidents[..incidents.len().min(super::summary::MOST_EPISODES)];
    let rows: Vec<_> = shown.iter().map(row).collect();
    let head = ["Incident", "Caught", "Kept from starting", "Late by"];
    table(out, "incidents", "Labelled incidents", &head, &rows, (incidents.len() - shown.len()) as u64);
}

fn pictures(out: &mut String, replay: &Replay, summary: &Summary, labels: Option<(&Labels, &[SeriesInfo])>) {
    let mut shown: Vec<&Episode> = summary.episodes.iter().collect();
    shown.sort_by_key(|episode| std::cmp::Reverse(episode.runs));
    shown.truncate(MOST_PICTURES);
    shown.sort_by_key(|episode| episode.from_ms);
    if shown.is_empty() {
        return;
    }
    line(out, r#"<section aria-labelledby="pictures"><h2 id="pictures">What held them</h2>"#);
    let more = (summary.episodes.len() - shown.len()) as u64 + summary.episodes_left_out;
    if more > 0 {
        line(out, &format!("<p>Those that held most runs; {} more are not shown.</p>", count(more)));
    }
    line(
        out,
        "<p>A line from top to bottom is the start of a batch, the bar at the lower edge the time in which a gate was shut.</p>",
    );
    out.push_str(&report::legend());
    let zone = zone(replay);
    let views: Vec<FindingView> = shown.iter().map(|episode| drawn(replay, episode, labels)).collect();
    for (episode, view) in shown.iter().zip(&views) {
        section(out, episode, view, &zone);
    }
    line(out, "</section>");
}

fn section(out: &mut String, episode: &Episode, view: &FindingView, zone: &TimeZone) {
    let id = escaped(&episode.id);
    line(out, &format!(r#"<section class="finding" id="{id}" aria-labelledby="{id}-head">"#));
    let (series, cause) = (escaped(&episode.series), escaped(&episode.cause));
    line(
        out,
        &format!(
            r##"<h3 id="{id}-head"><a class="id" href="#{id}">{id}</a> <span class="name">{series}</span> {cause}</h3>"##
        ),
    );
    let span = text::time_span(episode.from_ms, episode.until_ms, zone);
    let blamed =
        if episode.blamed > 0 { format!(", blamed on {}", count(episode.blamed)) } else { String::new() };
    let held = format!("{span}: held {}{blamed}", counted(episode.runs, "run", "runs"));
    line(out, &format!(r#"<p class="when">{}</p><p>{}</p>"#, escaped(&held), escaped(&episode.words)));
    out.push_str(&report::picture(view, zone));
    line(out, "</section>");
}

/// The zone of the signals, where all have the same; else UTC.
fn zone(replay: &Replay) -> TimeZone {
    let mut names = replay.signals().iter().map(|signal| signal.time_zone.as_deref());
    let first = names.next().flatten();
    let name = first.filter(|first| names.all(|other| other == Some(*first)));
    name.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
}

/// An episode as a finding with its picture: the series around it, as its rule judges it.
fn drawn(replay: &Replay, episode: &Episode, labels: Option<(&Labels, &[SeriesInfo])>) -> FindingView {
    let held = Span { from_ms: episode.from_ms, until_ms: episode.until_ms };
    let mut view = FindingView {
        id: episode.id.clone(),
        series: episode.series.clone(),
        direction: Direction::Surge,
        from_ms: held.from_ms,
        until_ms: held.until_ms,
        found_ms: held.from_ms,
        samples: 0,
        by: Vec::new(),
        words: Vec::new(),
        peak_ms: held.from_ms,
        value: f64::NAN,
        lower: None,
        upper: None,
        score: 0.0,
        labelled: None,
        picture: Picture { starts_ms: episode.starts_ms.clone(), held: vec![held], ..Picture::default() },
    };
    let stream = replay.tape().streams.iter().find(|stream| stream.name == episode.series);
    let Some(stream) = stream else { return view };
    let Some(watched) = replay.watch.signals().nth(stream.signal) else { return view };
    let windows = labels.map_or(&[][..], |(labels, infos)| labels.of(&infos[stream.series]));
    backtest::draw(&watched.spec, &stream.samples, windows, &mut [&mut view]);
    let during = |ms: i64| (held.from_ms..=held.until_ms).contains(&ms);
    let anomalous = |point: &report::Point| match point.state {
        State::Anomalous(way) => Some((way, point.at_ms, point.value?, point.lower, point.upper)),
        _ => None,
    };
    // the stretch is that of the anomaly where there is one to be seen, the bar below it that of the gate
    let seen = view.picture.points.iter().filter(|point| during(point.at_ms)).filter_map(anomalous);
    let far = |value: f64, lower: Option<f64>, upper: Option<f64>| {
        let beyond = [lower.map(|limit| limit - value), upper.map(|limit| value - limit)];
        beyond.into_iter().flatten().fold(f64::MIN, f64::max)
    };
    let furthest = seen.max_by(|a, b| far(a.2, a.3, a.4).total_cmp(&far(b.2, b.3, b.4)));
    if let Some((direction, peak_ms, value, lower, upper)) = furthest {
        view = FindingView { direction, peak_ms, value, lower, upper, ..view };
    }
    view
}
