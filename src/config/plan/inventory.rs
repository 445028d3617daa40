//! Reads the inventory: targets written in the plan, in a CSV file, or printed by a command.

use super::fields::{INVENTORY, PlanShape, TARGET};
use super::supply::{Elsewhere, Supply};
use super::texts;
use crate::config::Shape;
use crate::config::mistakes::{Mistakes, Place};
use crate::config::read::{Beside, Fields, is_name};
use crate::config::yaml::{Node, Value};
use crate::plan::{ADDRESS, Inventory, NAME, Target, is_target_name};
use std::collections::BTreeMap;

mod columns;

/// The inventory of the plan, and whether that is all of it: with a mistake in it there may be more.
pub(super) fn read(plan: &Fields<'_>, supply: &dyn Supply, mistakes: &mut Mistakes) -> (Inventory, bool) {
    let before = mistakes.list().len();
    let mut gathered = Gathered { inventory: Inventory::default(), first: BTreeMap::new(), mistakes };
    match plan.node("inventory").map(|node| (node, &node.value)) {
        None => return (gathered.inventory, false),
        Some((node, Value::List(items))) => gathered.inline(node, items),
        Some((node, Value::Map(_))) => gathered.elsewhere(node, plan.place("inventory"), supply),
        Some((node, Value::Scalar(_))) => {
            plan.or_wrong::<()>("inventory", node, None, gathered.mistakes);
        }
    }
    let inventory = gathered.inventory;
    let whole = mistakes.list().len() == before;
    (inventory, whole)
}

/// Where a value is found.
#[derive(Debug, Clone)]
struct Spot {
    /// Another file than the plan.
    file: Option<String>,
    at: Place,
    /// Words before the message, where the place does not say it all.
    head: String,
}

impl Spot {
    /// In the plan itself.
    fn plan(at: Place) -> Self {
        Self { file: None, at, head: String::new() }
    }

    fn refuse(&self, message: &str, mistakes: &mut Mistakes) {
        let message = format!("{}{message}", self.head);
        match &self.file {
            Some(file) => mistakes.add_in(file, self.at, message),
            None => mistakes.add(self.at, message),
        }
    }
}

/// A value of a target: its name, its address or a label.
struct Cell<'a> {
    label: &'a str,
    /// The text, or what stands there instead.
    value: Result<&'a str, String>,
    spot: Spot,
}

/// The targets found so far.
struct Gathered<'a> {
    inventory: Inventory,
    /// Where each name came first, in words.
    first: BTreeMap<String, String>,
    mistakes: &'a mut Mistakes,
}

impl Gathered<'_> {
    fn inline(&mut self, node: &Node, items: &[Node]) {
        for item in items {
            // its keys are labels: only what every target has is looked for here
            let Some(_) = Fields::open(item, item.at, &TARGET, Beside::Anything, self.mistakes) else {
                continue;
            };
            let cells = item.map().unwrap_or_default().iter().map(|(key, node)| {
                if !is_label(&key.name) {
                    self.mistakes.add(key.at, odd_label(&key.name));
                }
                let value = node.scalar().ok_or_else(|| node.found());
                Cell { label: &key.name, value, spot: Spot::plan(node.at) }
            });
            let cells: Vec<_> = cells.collect();
            self.add(&cells);
        }
        if items.is_empty() {
            self.mistakes.add(node.at, "the inventory has no targets, allowed is at least one");
        }
    }

    fn elsewhere(&mut self, node: &Node, at: Place, supply: &dyn Supply) {
        let Some(fields) = Fields::open(node, at, &INVENTORY, Beside::Options(&[]), self.mistakes) else {
            return;
        };
        let timeout_ms = fields.duration("timeout", self.mistakes);
        match (fields.node("file"), fields.node("command")) {
            (Some(at), None) => {
                let Some(path) = fields.text("file", self.mistakes) else { return };
                if let Some(node) = fields.node("timeout") {
                    self.mistakes.add(node.at, "timeout is given, but a file needs none");
                }
                let Some(text) = self.fetched(&Elsewhere::File(&path), at.at, supply) else { return };
                self.csv(&supply.shown(&path), &text);
            }
            (None, Some(at)) => {
                let Some(argv) = texts(&fields, "command", self.mistakes) else { return };
                let argv: Vec<String> = argv.into_iter().map(|(word, _)| word).collect();
                if argv.is_empty() {
                    fields.or_wrong::<()>("command", at, None, self.mistakes);
                }
                let (false, Some(timeout_ms)) = (argv.is_empty(), timeout_ms) else { return };
                let from = Elsewhere::Command { argv: &argv, timeout_ms };
                let Some(text) = self.fetched(&from, at.at, supply) else { return };
                self.json(at.at, &text);
            }
            _ => {
                let message = "inventory has both file and command or neither, allowed is one of them";
                self.mistakes.add(node.at, message);
            }
        }
    }

    fn fetched(&mut self, from: &Elsewhere<'_>, at: Place, supply: &dyn Supply) -> Option<String> {
        let told = |error| self.mistakes.add(at, format!("{from}: {}", super::supply::with_causes(&error)));
        supply.fetch(from).map_err(told).ok()
    }

    /// The targets of a CSV file: the first line has the names of its columns.
    fn csv(&mut self, file: &str, text: &str) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let spot = |at| Spot { file: Some(file.to_owned()), at, head: String::new() };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let (mut header, mut any): (Option<Vec<String>>, bool) = (None, false);
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    return spot(Place::START).refuse(&format!("this is not CSV: {error}"), self.mistakes);
                }
            };
            let start = record.position().map_or(0, |position| position.byte() as usize);
            let places = columns::places(text, start, record.len());
            let Some(header) = &header else {
                header = Some(self.header(file, &record, &places));
                continue;
            };
            any = true;
            if record.len() != header.len() {
                let message = format!(
                    "the line has {} values, allowed are {} as in the first line",
                    record.len(),
                    header.len()
                );
                spot(places[0]).refuse(&message, self.mistakes);
                continue;
            }
            let cells = record.iter().zip(header).zip(&places);
            let cells: Vec<_> = cells
                .filter(|((value, label), _)| !value.is_empty() || *label == NAME)
                .map(|((value, label), at)| Cell { label, value: Ok(value), spot: spot(*at) })
                .collect();
            self.add(&cells);
        }
        if header.is_none() {
            spot(Place::START)
                .refuse("the file is empty, allowed is a line name,address,… and targets", self.mistakes);
        } else if !any {
            spot(Place::START).refuse("the inventory has no targets, allowed is at least one", self.mistakes);
        }
    }

    /// The names of the columns; an odd one is a mistake.
    fn header(&mut self, file: &str, record: &csv::StringRecord, places: &[Place]) -> Vec<String> {
        let mut labels: Vec<String> = Vec::new();
        let spot = |at| Spot { file: Some(file.to_owned()), at, head: String::new() };
        for (label, at) in record.iter().zip(places) {
            if !is_label(label) {
                spot(*at).refuse(&odd_label(label), self.mistakes);
            } else if labels.iter().any(|known| known == label) {
                spot(*at).refuse(&format!("column {label:?} is given twice"), self.mistakes);
            }
            labels.push(label.to_owned());
        }
        if !labels.iter().any(|label| label == NAME) {
            let message = "no column is called \"name\", allowed is a first line such as name,address,rack";
            spot(places.first().copied().unwrap_or(Place::START)).refuse(message, self.mistakes);
        }
        labels
    }

    /// The targets that a command printed: a list of objects.
    fn json(&mut self, at: Place, text: &str) {
        type Objects = Vec<serde_json::Map<String, serde_json::Value>>;
        let objects: Objects = match serde_json::from_str(text) {
            Ok(objects) => objects,
            Err(error) => {
                let message = format!(
                    "the command's output is not JSON such as [{{\"name\": \"h1\", \"address\": \"10.0.0.1\"}}]: {error}"
                );
                return self.mistakes.add(at, message);
            }
        };
        for (i, object) in objects.iter().enumerate() {
            let head = format!("target {} of the command's output: ", i + 1);
            let spot = Spot { file: None, at, head };
            let given = object.iter().filter(|(_, value)| !value.is_null());
            let owned: Vec<(&String, Result<String, String>)> =
                given.map(|(key, value)| (key, json_text(value))).collect();
            for (key, _) in owned.iter().filter(|(key, _)| !is_label(key)) {
                spot.refuse(&odd_label(key), self.mistakes);
            }
            if !owned.iter().any(|(key, _)| *key == NAME) {
                spot.refuse(
                    &format!("a target has no name, allowed is {}", Shape::Plan(PlanShape::Name)),
                    self.mistakes,
                );
            }
            let cells: Vec<_> = owned
                .iter()
                .map(|(key, value)| Cell {
                    label: key,
                    value: value.as_deref().map_err(Clone::clone),
                    spot: spot.clone(),
                })
                .collect();
            self.add(&cells);
        }
        if objects.is_empty() {
            self.mistakes.add(at, "the inventory has no targets, allowed is at least one");
        }
    }

    /// Adds the target that `cells` describe; what is wrong with them is noted. Without a name it is none.
    fn add(&mut self, cells: &[Cell<'_>]) {
        let mut labels = BTreeMap::new();
        let (mut name, mut address) = (None, None);
        for cell in cells {
            let (label, value) = match self.value(cell) {
                Some(value) => (cell.label, value),
                None => continue,
            };
            match label {
                NAME => name = Some((value, cell.spot.clone())),
                ADDRESS => address = Some(value),
                label => {
                    labels.insert(label.to_owned(), value);
                }
            }
        }
        let Some((name, spot)) = name else { return };
        if let Some(first) = self.first.get(&name) {
            let message = format!("target {name:?} is given twice, first {first}");
            return spot.refuse(&message, self.mistakes);
        }
        let first = if spot.head.is_empty() {
            format!("in line {}", spot.at.line)
        } else {
            format!("as {}", spot.head.split(" of ").next().unwrap_or_default())
        };
        self.first.insert(name.clone(), first);
        let address = address.unwrap_or_else(|| name.clone());
        self.inventory.targets.push(Target { name, address, labels });
    }

    /// The value of a cell, where it is a good one.
    fn value(&mut self, cell: &Cell<'_>) -> Option<String> {
        let Cell { label, value, spot } = cell;
        let (found, good) = match value {
            Ok(text) => (format!("{text:?}"), is_good(label, text)),
            Err(found) => (found.clone(), false),
        };
        if !good {
            let allowed = match *label {
                NAME => Shape::Plan(PlanShape::Name).to_string(),
                ADDRESS => "text without blanks that does not begin with `-`".to_owned(),
                _ => "text on one line".to_owned(),
            };
            spot.refuse(&format!("{label} is {found}, allowed is {allowed}"), self.mistakes);
        }
        value.as_ref().ok().filter(|_| good).map(|text| (*text).to_owned())
    }
}

/// Whether `text` may be the value of `label`. Values become arguments of programs, and are shown on terminals.
fn is_good(label: &str, text: &str) -> bool {
    let one_line = !text.is_empty() && !text.contains(char::is_control);
    match label {
        NAME => is_target_name(text),
        ADDRESS => one_line && !text.contains(char::is_whitespace) && !text.starts_with('-'),
        _ => one_line,
    }
}

/// Whether a label may be called so. `target` is what signals call the name of a target.
fn is_label(label: &str) -> bool {
    is_name(label) && label != "target"
}

fn odd_label(label: &str) -> String {
    format!(
        "a label is named {label:?}, allowed is a letter or _, then letters, digits, _ and -, and not \"target\""
    )
}

/// A JSON value as the text of a label, or what it is instead.
fn json_text(value: &serde_json::Value) -> Result<String, String> {
    match value {
        serde_json::Value::String(text) => Ok(text.clone()),
        serde_json::Value::Number(_) | serde_json::Value::Bool(_) => Ok(value.to_string()),
        serde_json::Value::Array(_) => Err("a list".to_owned()),
        serde_json::Value::Object(_) => Err("a mapping".to_owned()),
        serde_json::Value::Null => Err("empty".to_owned()),
    }
}
