//! `quietgate kinds`: every detector, rule, kind of signal, source, action and sink with its options, from the registries alone.

use super::format::Format;
use crate::config::{option_schema, setting_schema};
use crate::settings::{self, Need, SettingDoc};
use clap::Args;
use quietgate_detectors::{Default, Interval, OptionDoc, Options, number};
use quietgate_rules::Preset;
use serde_json::{Value, json};
use std::io::{self, Write};

/// What `quietgate kinds` takes.
#[derive(Debug, Args)]
pub(crate) struct KindsArgs {
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Writes the kinds to `out`.
///
/// # Errors
/// Where `out` cannot be written.
pub(crate) fn run(args: &KindsArgs, out: &mut dyn Write) -> io::Result<()> {
    let kinds = kinds();
    match args.format {
        Format::Text => {
            write_family("Detectors", &kinds.detectors, out)?;
            writeln!(out)?;
            write_family("Rules", &kinds.rules, out)?;
            writeln!(out)?;
            write_family("Signals", &kinds.signals, out)?;
            writeln!(out)?;
            write_family("Sources", &kinds.sources, out)?;
            writeln!(out)?;
            write_family("Actions", &kinds.actions, out)?;
            writeln!(out)?;
            write_family("Sinks", &kinds.sinks, out)
        }
        Format::Json => {
            let list = |kinds: &[Kind]| kinds.iter().map(Kind::json).collect::<Vec<_>>();
            let value = json!({
                "detectors": list(&kinds.detectors),
                "rules": list(&kinds.rules),
                "signals": list(&kinds.signals),
                "sources": list(&kinds.sources),
                "actions": list(&kinds.actions),
                "sinks": list(&kinds.sinks),
            });
            serde_json::to_writer_pretty(&mut *out, &value)?;
            writeln!(out)
        }
    }
}

/// All there is to say.
struct Kinds {
    detectors: Vec<Kind>,
    rules: Vec<Kind>,
    signals: Vec<Kind>,
    sources: Vec<Kind>,
    actions: Vec<Kind>,
    sinks: Vec<Kind>,
}

/// A kind of detector, rule, signal, source, action or sink.
struct Kind {
    name: &'static str,
    summary: &'static str,
    about: &'static str,
    options: Vec<Row>,
    /// What else is to say of it: key, words for people, value for programs.
    notes: Vec<(&'static str, String, Value)>,
}

/// An option or setting: words for people, value for programs.
struct Row {
    name: &'static str,
    facts: String,
    why: &'static str,
    json: Value,
}

fn kinds() -> Kinds {
    let detector = |entry: &quietgate_detectors::Entry| {
        let warm_up = warm_up(entry);
        Kind {
            name: entry.kind,
            summary: entry.summary,
            about: entry.about,
            options: entry.options.iter().map(option).collect(),
            notes: vec![
                ("seasonal", if entry.seasonal { "yes" } else { "no" }.to_owned(), json!(entry.seasonal)),
                ("warm_up", warm_up.clone(), json!(warm_up)),
            ],
        }
    };
    let rule = |entry: &quietgate_rules::Entry| {
        let detectors = entry.default_detectors;
        let words = if detectors.is_empty() { "must be named".to_owned() } else { detectors.join(", ") };
        Kind {
            name: entry.kind,
            summary: entry.summary,
            about: entry.about,
            options: entry.options.iter().map(option).collect(),
            notes: vec![("detectors", words, json!(detectors))],
        }
    };
    let signal = |preset: &Preset| {
        let slow = preset.slow.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
        let (direction, rule) = (preset.direction.to_string(), preset.rule.to_string());
        Kind {
            name: preset.kind,
            summary: preset.summary,
            about: preset.about,
            options: Vec::new(),
            notes: [("direction", direction), ("rule", rule), ("slow", slow)]
                .map(|(key, words)| (key, words.clone(), json!(words)))
                .into(),
        }
    };
    let source = |entry: &crate::sources::Entry| {
        with_settings(entry.described(), vec![("query", entry.query.to_owned(), json!(entry.query))])
    };
    Kinds {
        detectors: quietgate_detectors::all().iter().map(detector).collect(),
        rules: quietgate_rules::all().iter().map(rule).collect(),
        signals: quietgate_rules::presets().iter().map(signal).collect(),
        sources: crate::sources::all().iter().map(source).collect(),
        actions: crate::actions::all().iter().map(|entry| with_settings(entry.described(), vec![])).collect(),
        sinks: crate::sinks::all().iter().map(|entry| with_settings(entry.described(), vec![])).collect(),
    }
}

fn with_settings(kind: settings::Kind, notes: Vec<(&'static str, String, Value)>) -> Kind {
    Kind {
        name: kind.kind,
        summary: kind.summary,
        about: kind.about,
        options: kind.settings.iter().map(setting).collect(),
        notes,
    }
}

/// The warm-up with options at their defaults, in words: `3 days and 1 sample`.
///
/// A warm-up is so many days and so many samples; how many of each is told by two intervals.
fn warm_up(entry: &quietgate_detectors::Entry) -> String {
    let options = Options::defaults(entry.options);
    let of = |interval: Interval| ((entry.warm_up)(&options, interval), interval.cells_a_day());
    let (half_day, day) =
        (Interval::from_millis(Interval::MAX_MS / 2).unwrap_or(Interval::LONGEST), Interval::LONGEST);
    let ((samples_half, cells_half), (samples_day, cells_day)) = (of(half_day), of(day));
    let days = samples_half.abs_diff(samples_day) / (cells_half - cells_day).max(1);
    let samples = samples_day.saturating_sub(days * cells_day);
    let counted = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        _ => Some(format!("{count} {what}s")),
    };
    let parts: Vec<_> = [counted(days, "day"), counted(samples, "sample")].into_iter().flatten().collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(" and ") }
}

impl Kind {
    fn json(&self) -> Value {
        let options: Vec<_> = self.options.iter().map(|row| &row.json).collect();
        let mut value = json!({"kind": self.name, "summary": self.summary, "about": self.about});
        for (key, _, note) in &self.notes {
            value[*key] = note.clone();
        }
        value["options"] = json!(options);
        value
    }
}

fn option(doc: &OptionDoc) -> Row {
    let unit = if doc.unit.is_empty() { String::new() } else { format!(" ({})", doc.unit) };
    let facts = format!("{}{unit}; {}", doc.accepts, default_words(doc));
    Row { name: doc.name, facts, why: doc.why, json: option_json(doc) }
}

fn setting(doc: &SettingDoc) -> Row {
    let default = match doc.need {
        Need::Required => "required".to_owned(),
        Need::Optional => "default off".to_owned(),
        Need::Default(words) | Need::DefaultWords(words) => format!("default {words}"),
    };
    let mut json = json!({
        "name": doc.name,
        "accepts": doc.shape.to_string(),
        "unit": "",
        "required": doc.need == Need::Required,
    });
    let schema = setting_schema(doc);
    copy_bounds(&schema, &mut json);
    if let Need::DefaultWords(words) = doc.need {
        json["default"] = json!(words);
    }
    json["why"] = json!(doc.about);
    Row { name: doc.name, facts: format!("{}; {default}", doc.shape), why: doc.about, json }
}

/// An option: its name and unit, and what a schema says of it.
fn option_json(doc: &OptionDoc) -> Value {
    let mut value = json!({
        "name": doc.name,
        "accepts": doc.accepts.to_string(),
        "unit": doc.unit,
        "required": doc.default == Default::Required,
    });
    copy_bounds(&option_schema(doc), &mut value);
    value["why"] = json!(doc.why);
    value
}

/// What a schema says of the values.
fn copy_bounds(schema: &Value, value: &mut Value) {
    for key in ["type", "minimum", "maximum", "enum", "default"] {
        if let Some(known) = schema.get(key) {
            value[key] = known.clone();
        }
    }
}

/// Columns of the text form.
const WIDTH: usize = 100;
/// Columns before the values of the text form.
const INDENT: usize = 20;

fn write_family(title: &str, kinds: &[Kind], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{title}\n{}", "=".repeat(title.len()))?;
    for kind in kinds {
        writeln!(out)?;
        write_beside(kind.name, kind.summary, out)?;
        write_beside("", kind.about, out)?;
        for (name, words, _) in &kind.notes {
            write_beside(&format!("  {}:", name.replace('_', "-")), words, out)?;
        }
        for row in &kind.options {
            write_beside(&format!("  {}", row.name), &row.facts, out)?;
            write_beside("", row.why, out)?;
        }
    }
    Ok(())
}

fn default_words(doc: &OptionDoc) -> String {
    match doc.default {
        Default::Number(n) => format!("default {}", number(n)),
        Default::Word(word) => format!("default {word}"),
        Default::Off => "default off".to_owned(),
        Default::Required => "required".to_owned(),
    }
}

/// Writes `text` in lines beside `name`.
fn write_beside(name: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut head = name;
    for line in lines(text, WIDTH - INDENT) {
        writeln!(out, "{head:<INDENT$}{line}")?;
        head = "";
    }
    Ok(())
}

/// `text` cut between words into lines of at most `width` characters; a longer word is a line of its own.
fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(format: Format) -> String {
        let mut out = Vec::new();
        run(&KindsArgs { format }, &mut out).expect("a writer that does not fail");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_kind_and_option_is_told_within_100_columns() {
        let text = output(Format::Text);
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH && line == line.trim_end(), "{line:?}");
        }
        let kinds = kinds();
        let families =
            [kinds.detectors, kinds.rules, kinds.signals, kinds.sources, kinds.actions, kinds.sinks];
        for kind in families.iter().flatten() {
            assert!(text.contains(&format!("\n{:<INDENT$}{}", kind.name, lines(kind.summary, 80)[0])));
            for row in &kind.options {
                assert!(text.contains(&format!("\n  {:<18}{}", row.name, lines(&row.facts, 40)[0])));
            }
        }
    }

    #[test]
    fn the_json_form_has_all_that_the_registries_have() {
        let value: Value = serde_json::from_str(&output(Format::Json)).expect("JSON");
        let detectors = value["detectors"].as_array().expect("a list");
        assert_eq!(detectors.len(), quietgate_detectors::all().len());
        let chain = detectors.iter().find(|kind| kind["kind"] == "chain").expect("chain");
        assert_eq!((&chain["seasonal"], &chain["warm_up"]), (&json!(true), &json!("3 days")));
        let days = &chain["options"][0];
        assert_eq!(
            (&days["name"], &days["minimum"], &days["maximum"], &days["default"], &days["required"]),
            (&json!("days"), &json!(1), &json!(60), &json!(14), &json!(false))
        );
        assert_eq!(value["rules"].as_array().map(Vec::len), Some(quietgate_rules::all().len()));
        assert_eq!(value["sources"].as_array().map(Vec::len), Some(crate::sources::all().len()));
        let actions = value["actions"].as_array().expect("a list");
        assert_eq!(actions.len(), crate::actions::all().len());
        let method = &actions.iter().find(|kind| kind["kind"] == "http").expect("http")["options"][0];
        assert_eq!((&method["name"], &method["default"]), (&json!("method"), &json!("POST")));
        assert!(method["enum"].as_array().is_some_and(|words| words.contains(&json!("DELETE"))));
    }

    #[test]
    fn a_warm_up_is_told_in_days_and_samples() {
        let of = |kind| warm_up(quietgate_detectors::find(kind).expect("a kind"));
        assert_eq!((of("threshold"), of("ca")), ("none".to_owned(), "3 days and 1 sample".to_owned()));
        let interval = Interval::from_millis(60_000).expect("in range");
        for entry in quietgate_detectors::all().iter().filter(|entry| !entry.seasonal) {
            let samples = (entry.warm_up)(&Options::defaults(entry.options), interval);
            let words = of(entry.kind);
            assert!(
                samples == 0 || words == format!("{samples} sample{}", if samples == 1 { "" } else { "s" })
            );
        }
    }
}
