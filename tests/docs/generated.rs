//! The tables that stand in pages between `<!-- NAME:begin -->` and `<!-- NAME:end -->`, made from the registries.

use quietgate::config::{Field, Need, plan, tables};
use quietgate::event::Kind;
use quietgate::http::{Doc, Route};
use quietgate::settings::SettingDoc;
use quietgate::telemetry::{METRICS, Metric};
use serde_json::Value;
use std::process::Command;

/// `text`, the page at `path`, with every generated table as it should be.
pub(crate) fn filled(path: &str, text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, name, after)) = next_mark(rest) {
        let end = format!("<!-- {name}:end -->");
        let close = after.find(&end).unwrap_or_else(|| panic!("{path}: {name}:begin has no {name}:end"));
        let table =
            table(path, name).unwrap_or_else(|| panic!("{path}: nothing is known of the table {name}"));
        out += &format!("{before}<!-- {name}:begin -->\n{table}{end}");
        rest = &after[close + end.len()..];
    }
    out + rest
}

/// The text before the next mark, its name, and the text after it.
fn next_mark(text: &str) -> Option<(&str, &str, &str)> {
    let end = text.find(":begin -->")?;
    let start = text[..end].rfind("<!-- ")?;
    Some((&text[..start], &text[start + "<!-- ".len()..end], &text[end + ":begin -->".len()..]))
}

/// The table `name` of a page.
fn table(path: &str, name: &str) -> Option<String> {
    match (path, name) {
        ("docs/detectors.md" | "detectors/README.md", "kinds") => Some(overview(&detectors())),
        ("docs/rules.md" | "rules/README.md", "kinds") => Some(overview(&rules())),
        ("docs/detectors.md", kind) => options_of(&detectors(), kind),
        ("docs/rules.md", "signals") => Some(presets()),
        ("docs/rules.md", kind) => options_of(&rules(), kind),
        ("docs/config.md" | "docs/plan.md", name) => keys(name),
        ("docs/actions.md", "kinds") => Some(actions()),
        ("docs/actions.md", kind) => settings(kind),
        ("docs/sources.md", "kinds") => Some(overview_of_sources()),
        ("docs/sources.md", kind) => options_of(&sources(), kind),
        ("docs/daemon.md", "routes") => Some(routes()),
        ("docs/daemon.md", "metrics") => Some(metrics()),
        ("docs/sinks.md", "kinds") => Some(overview_of_sinks()),
        ("docs/sinks.md", "events") => Some(events()),
        ("docs/sinks.md", kind) => options_of(&kinds("sinks"), kind),
        _ => None,
    }
}

/// Every detector as `quietgate kinds --format json` tells it.
pub(crate) fn detectors() -> Vec<Value> {
    kinds("detectors")
}

/// Every rule, in the same way.
pub(crate) fn rules() -> Vec<Value> {
    kinds("rules")
}

/// Every source, in the same way.
pub(crate) fn sources() -> Vec<Value> {
    kinds("sources")
}

/// One row a source.
fn overview_of_sources() -> String {
    let row = |kind: &Value| vec![code(&kind["kind"]), words(&kind["summary"]), words(&kind["query"])];
    markdown(&["kind", "reads", "query"], sources().iter().map(row))
}

/// One row a sink.
fn overview_of_sinks() -> String {
    let row = |kind: &Value| vec![code(&kind["kind"]), words(&kind["summary"])];
    markdown(&["kind", "what it does"], kinds("sinks").iter().map(row))
}

/// One row a route of the API.
fn routes() -> String {
    let all = quietgate::http::routes();
    let row = |route: &Route| {
        let needs = route.level.map_or("nothing", |level| level.name());
        let Doc { method, path, about, query, body, .. } = route.doc;
        let takes: Vec<String> = query.iter().chain(body.unwrap_or_default()).map(taken).collect();
        vec![format!("`{} {path}`", method.name()), needs.to_owned(), takes.join(", "), about.to_owned()]
    };
    markdown(&["route", "needs", "takes", "what it gives or does"], all.iter().map(row))
}

/// One row a metric.
fn metrics() -> String {
    let row = |metric: &Metric| {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        vec![
            format!("`{}`", metric.series()),
            metric.kind.name().to_owned(),
            labels.join(", "),
            metric.about.to_owned(),
        ]
    };
    markdown(&["metric", "what it is", "labels", "what it means"], METRICS.iter().map(row))
}

/// A value of a query or a body.
fn taken(field: &quietgate::http::Field) -> String {
    format!("`{}`{}", field.name, if field.required { "" } else { "?" })
}

/// One row a kind of event.
fn events() -> String {
    let row = |kind: &Kind| vec![format!("`{kind}`"), kind.severity().to_string(), kind.about().to_owned()];
    markdown(&["type", "severity", "what happened"], Kind::ALL.iter().map(row))
}

/// One row a kind of signal.
fn presets() -> String {
    let row = |kind: &Value| {
        let code = |key: &str| if kind[key] == "none" { "none".to_owned() } else { code(&kind[key]) };
        vec![code("kind"), words(&kind["summary"]), words(&kind["direction"]), code("rule"), code("slow")]
    };
    markdown(&["kind", "what it measures", "direction", "rule", "slow"], kinds("signals").iter().map(row))
}

fn kinds(family: &str) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_quietgate")).args(["kinds", "--format", "json"]).output();
    let kinds: Value = serde_json::from_slice(&output.expect("the program runs").stdout).expect("JSON");
    kinds[family].as_array().expect("a list").clone()
}

/// One row a kind.
fn overview(kinds: &[Value]) -> String {
    let is_detector = kinds.iter().all(|kind| kind.get("seasonal").is_some());
    let head: &[&str] = if is_detector {
        &["kind", "finds", "compares days", "warm-up"]
    } else {
        &["kind", "fires where", "detectors, where none are named"]
    };
    let row = |kind: &Value| {
        let mut cells = vec![code(&kind["kind"]), words(&kind["summary"])];
        if is_detector {
            cells.push(if kind["seasonal"] == true { "yes" } else { "no" }.to_owned());
            cells.push(words(&kind["warm_up"]));
        } else {
            let named = kind["detectors"].as_array().expect("a list").iter().map(code).collect::<Vec<_>>();
            cells.push(if named.is_empty() { "must be named".to_owned() } else { named.join(", ") });
        }
        cells
    };
    markdown(head, kinds.iter().map(row))
}

/// One row an option.
fn options_of(kinds: &[Value], name: &str) -> Option<String> {
    let kind = kinds.iter().find(|kind| kind["kind"] == name)?;
    let options = kind["options"].as_array().expect("a list");
    if options.is_empty() {
        return Some("No options.\n".to_owned());
    }
    let default = |option: &Value| match &option["default"] {
        Value::Null if option["required"] == true => "required".to_owned(),
        Value::Null => "off".to_owned(),
        value => words(value),
    };
    let row = |option: &Value| {
        [
            code(&option["name"]),
            words(&option["accepts"]),
            words(&option["unit"]),
            default(option),
            words(&option["why"]),
        ]
        .to_vec()
    };
    Some(markdown(&["option", "takes", "unit", "default", "why"], options.iter().map(row)))
}

/// One row a key of the mapping `name` of the config file or of a plan: `a-config`, `a-signal`, `rule`, `a-step`.
fn keys(name: &str) -> Option<String> {
    let table =
        tables().into_iter().chain(plan::tables()).find(|table| table.what.replace(' ', "-") == name)?;
    let row = |field: &Field| key(field.name, &field.shape.to_string(), field.need, field.about);
    Some(markdown(KEY, table.fields.iter().map(row)))
}

/// What is told of a key.
const KEY: &[&str] = &["key", "takes", "default", "what it does"];

fn key(name: &str, takes: &str, need: Need, about: &str) -> Vec<String> {
    let default = match need {
        Need::Required => "required".to_owned(),
        Need::Optional => "none".to_owned(),
        Need::Default(value) => format!("`{value}`"),
        Need::DefaultWords(words) => words.to_owned(),
    };
    vec![format!("`{name}`"), escaped(takes), default, escaped(about)]
}

/// One row a kind of action.
fn actions() -> String {
    let row = |entry: &quietgate::actions::Entry| vec![format!("`{}`", entry.kind), escaped(entry.summary)];
    markdown(&["kind", "what it does"], quietgate::actions::all().iter().map(row))
}

/// One row a key of an action.
fn settings(kind: &str) -> Option<String> {
    let entry = quietgate::actions::find(kind)?;
    if entry.settings.is_empty() {
        return Some("No keys.\n".to_owned());
    }
    let row = |doc: &SettingDoc| key(doc.name, &doc.shape.to_string(), doc.need, doc.about);
    Some(markdown(KEY, entry.settings.iter().map(row)))
}

fn markdown(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let rows: String = rows.map(|cells| line(&cells)).collect();
    format!("{}|{}\n{rows}", line(&head), "---|".repeat(head.len()))
}

fn code(value: &Value) -> String {
    format!("`{}`", value.as_str().expect("a word"))
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), escaped)
}

/// A bar would end the cell.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_replaced_and_nothing_else() {
        let page = "a\n<!-- any:begin -->\nold\n<!-- any:end -->\nb <!-- note -->\n";
        let expected = "a\n<!-- any:begin -->\nNo options.\n<!-- any:end -->\nb <!-- note -->\n";
        assert_eq!(filled("docs/rules.md", page), expected);
    }

    #[test]
    #[should_panic(expected = "nothing is known of the table nope")]
    fn an_unknown_table_is_an_error() {
        filled("docs/rules.md", "<!-- nope:begin -->\n<!-- nope:end -->\n");
    }
}
