//! Plans and their schema say the same, and an inventory can come from anywhere.

use super::*;
use crate::config::Table;
use serde_json::{Value, json};

/// An inventory that was written down earlier.
struct Pinned(&'static str);

impl Supply for Pinned {
    fn fetch(&self, from: &Elsewhere<'_>) -> Result<String, SupplyError> {
        match from {
            Elsewhere::File("hosts.csv") => Ok(self.0.to_owned()),
            Elsewhere::Command { argv, timeout_ms: 30_000 } if argv == &["./hosts"] => Ok(self.0.to_owned()),
            _ => Err(SupplyError::Unknown),
        }
    }
}

fn names(inventory: &str, supply: &dyn Supply) -> Result<Vec<String>, String> {
    let text = format!(
        "plan: p\ninventory: {inventory}\nsignals: [s]\nsteps: [{{step: a, action: {{kind: noop}}}}]\n"
    );
    let file = PlanFile::read("p.yaml", &text, supply).map_err(|mistakes| mistakes.to_string())?;
    Ok(file.plan.inventory.targets.into_iter().map(|target| target.name).collect())
}

#[test]
fn an_inventory_can_be_one_that_was_written_down() {
    let csv = Pinned("name\nh1\nh2\n");
    assert_eq!(names("{file: hosts.csv}", &csv), Ok(vec!["h1".to_owned(), "h2".to_owned()]));
    assert_eq!(
        names("{file: others.csv}", &csv),
        Err("p.yaml:2:19: file others.csv: it is not known".to_owned())
    );
    let json = Pinned("[{\"name\": \"h3\"}]");
    assert_eq!(names("{command: [./hosts]}", &json), Ok(vec!["h3".to_owned()]));
}

#[test]
fn every_key_of_the_reader_is_in_the_schema() {
    let schema = schema();
    let keys = |path: &str| -> Vec<String> {
        let object = schema.pointer(path).unwrap_or_else(|| panic!("{path} is missing"));
        object["properties"].as_object().expect("an object").keys().cloned().collect()
    };
    let step = "/properties/steps/items";
    let paths = [
        (String::new(), &PLAN),
        ("/properties/inventory/oneOf/0/items".to_owned(), &fields::TARGET),
        ("/properties/inventory/oneOf/1".to_owned(), &fields::INVENTORY),
        ("/properties/gate".to_owned(), &GATE),
        ("/properties/limits".to_owned(), &LIMITS),
        ("/properties/windows".to_owned(), &fields::WINDOWS),
        (step.to_owned(), &fields::STEP),
        (format!("{step}/properties/expects/oneOf/0"), &fields::EXPECTS),
        (format!("{step}/properties/keep_up/oneOf/0"), &fields::KEEP_UP),
        ("/$defs/call/oneOf/4".to_owned(), &fields::CALL),
    ];
    assert_eq!(paths.len(), tables().len());
    for (path, table) in paths {
        assert_eq!(keys(&path), table.names().collect::<Vec<_>>(), "{path}");
    }
    assert_eq!(
        schema.pointer("/$defs/call/oneOf/4/properties/kind/const"),
        Some(&json!("noop")),
        "no keys of its own"
    );
    // what a target has beside is open, all else is closed
    let open = |path: &str| schema.pointer(path).expect(path).get("additionalProperties").is_none();
    assert!(open("/properties/inventory/oneOf/0/items"));
    assert_eq!(schema.pointer(step).expect("steps")["additionalProperties"], json!(false));
}

#[test]
fn every_kind_of_action_is_in_the_schema_with_its_keys() {
    let schema = schema();
    let calls = schema["$defs"]["call"]["oneOf"].as_array().expect("a list");
    assert_eq!(calls.len(), crate::actions::all().len());
    for (entry, call) in crate::actions::all().iter().zip(calls) {
        assert_eq!(call["properties"]["kind"], json!({"const": entry.kind}));
        assert_eq!(call["additionalProperties"], json!(false), "{}", entry.kind);
        let keys: Vec<_> =
            call["properties"].as_object().expect("an object").keys().map(String::as_str).collect();
        let settings = entry.settings.iter().map(|doc| doc.name);
        assert_eq!(keys, fields::CALL.names().chain(settings).collect::<Vec<_>>());
        let required = call["required"].as_array().expect("a list");
        for doc in entry.settings {
            assert_eq!(required.contains(&json!(doc.name)), doc.need == Need::Required, "{}", doc.name);
        }
    }
    for key in ["action", "undo", "probe"] {
        let call = &schema["properties"]["steps"]["items"]["properties"][key];
        assert_eq!(call["$ref"], json!("#/$defs/call"), "{key}");
    }
}

#[test]
fn what_holds_by_default_is_accepted_where_it_is_written_out() {
    let given = |table: &Table| -> String {
        let defaults = table.fields.iter().filter_map(|field| match field.need {
            Need::Default(text) => Some(format!(", {}: {text}", field.name)),
            _ => None,
        });
        defaults.collect()
    };
    let plan = |gate: &str, more: &str, step: &str, call: &str| {
        let text = format!(
            "{{plan: p, inventory: [{{name: h1}}], signals: [s]{more}{gate}, steps: [{{step: a{step}, action: {{kind: noop{call}}}}}]}}\n"
        );
        PlanFile::read("p.yaml", &text, &Pinned("")).expect("a good plan").plan
    };
    let gate = format!(", gate: {{{}}}", given(&GATE).trim_start_matches(", "));
    let written = plan(&gate, &given(&PLAN), &given(&fields::STEP), &given(&fields::CALL));
    let mut left_out = plan("", "", "", "");
    // the same in other words, and elsewhere in the file
    left_out.steps[0].batch = vec![Amount::Count(1)];
    left_out.steps[0].action.at = written.steps[0].action.at;
    assert_eq!(written, left_out);
}

#[test]
fn defaults_of_the_schema_are_numbers_where_the_keys_take_numbers() {
    let call = schema().pointer("/$defs/call/oneOf/0/properties").cloned();
    let default = |key: &str| call.as_ref().map(|call| call[key]["default"].clone());
    assert_eq!(default("retries"), Some(json!(0)));
    assert_eq!(default("repeatable"), Some(Value::Bool(false)));
    assert_eq!(default("timeout"), Some(json!("10m")));
}

#[test]
fn what_is_expected_is_read_one_by_one_or_as_a_list() {
    let expected = |expects: &str| {
        let text = format!(
            "{{plan: p, inventory: [{{name: h1}}], signals: [cpu, net, loss], watch_after: 2h, \
             steps: [{{step: a, expects: {expects}, action: {{kind: noop}}}}]}}\n"
        );
        let file = PlanFile::read("p.yaml", &text, &Pinned("")).expect("a good plan");
        assert_eq!(file.plan.watch_after_ms, 7_200_000);
        let step = &file.plan.steps[0];
        (
            ["cpu", "net", "loss"].map(|signal| step.expected_ms(signal)),
            step.settles_ms(),
            file.lint().list().len(),
        )
    };
    assert_eq!(expected("{signals: [cpu, net], for: 4m}"), ([240_000, 240_000, 0], 240_000, 0));
    let both = "[{signals: [cpu], for: 4m}, {signals: [net], for: 30s}]";
    assert_eq!(expected(both), ([240_000, 30_000, 0], 240_000, 0));
    // the default patience is 2 h, and the clean window after what is expected may take longer
    assert_eq!(expected("{signals: [cpu], for: 1h45m}").2, 1);
}

#[test]
fn plans_and_configs_are_told_apart_by_their_keys() {
    for plan in ["plan: p\n", "plan: p\nsignals: [a]\n", "steps: []\ninventory: []\nsignals: {a: b}\n"] {
        assert!(is_plan_text(plan), "{plan}");
    }
    for config in
        ["signals: {a: b}\n", "plan: p\nsignals: {a: b}\nsources: {}\n", "", "[", "state: x\nplan: y\n"]
    {
        assert!(!is_plan_text(config), "{config}");
    }
}
