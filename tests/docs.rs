//! Holds the pages to the program: tables equal the registries, commands parse, examples show what comes out, paths exist.
//!
//! `UPDATE_EXPECTED=1` writes generated tables and the output of examples into the pages; read the difference before you
//! commit it.

#[path = "docs/commands.rs"]
mod commands;
#[path = "docs/examples.rs"]
mod examples;
#[path = "docs/generated.rs"]
mod generated;
#[path = "docs/mentions.rs"]
mod mentions;
#[path = "docs/page.rs"]
mod page;
#[path = "tidy/tree.rs"]
mod tree;

use mentions::{first_cells, missing, quoted_paths, section};
use page::hold;
use quietgate_detectors::Reason;
use std::collections::BTreeSet;
use tree::{File, files};

/// The page at `path`.
fn page(path: &str) -> File {
    files("md").into_iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is not there"))
}

/// Fails with all complaints at once, so that one run is enough to mend them.
fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "{} to mend:\n{}", complaints.len(), complaints.join("\n"));
}

/// One test for both, since both may write the page.
#[test]
fn tables_equal_the_registries_and_examples_show_what_the_program_says() {
    for file in files("md") {
        let mut text = generated::filled(&file.path, &file.text);
        if text.contains("```console") {
            text = examples::played(&text);
        }
        hold(&file, &text);
    }
}

#[test]
fn every_example_is_without_mistakes() {
    let examples = std::fs::read_dir(tree::root().join("examples")).expect("the examples");
    let folders: Vec<_> = examples.map(|entry| entry.expect("an entry").path()).collect();
    assert!(folders.len() >= 3, "{folders:?}");
    for folder in folders {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_quietgate"))
            .args(["check", "plan.yaml", "quietgate.yaml"])
            .current_dir(&folder)
            .output()
            .expect("the program");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && !said.contains("warning"), "{}: {said}", folder.display());
    }
}

#[test]
fn every_kind_has_a_section_with_its_fixed_parts() {
    none(mentions::kinds_without_words(
        "docs/detectors.md",
        &page("docs/detectors.md").text,
        &generated::detectors(),
    ));
    none(mentions::kinds_without_words("docs/rules.md", &page("docs/rules.md").text, &generated::rules()));
    let sources = page("docs/sources.md").text;
    none(mentions::kinds_without_words("docs/sources.md", &sources, &generated::sources()));
}

#[test]
fn every_reason_for_an_unknown_is_told() {
    let rows = first_cells(section(&page("docs/rules.md").text, "## Reasons for an unknown"));
    let words: Vec<_> = Reason::ALL.iter().map(|reason| reason.word().to_owned()).collect();
    assert_eq!(rows, words, "the table of docs/rules.md and Reason::ALL");
}

#[test]
fn every_fault_of_an_input_is_told() {
    use quietgate::sources::recorded::FaultKind;
    let rows = first_cells(section(&page("docs/backtest.md").text, "## What is wrong with the data"));
    let words: Vec<_> = FaultKind::ALL.iter().map(|kind| kind.words().to_owned()).collect();
    assert_eq!(rows, words, "the table of docs/backtest.md and FaultKind::ALL");
}

#[test]
fn every_unit_of_time_is_one() {
    use quietgate::config::units::Duration;
    let rows = first_cells(section(&page("docs/config.md").text, "## Durations"));
    assert!(rows.len() >= 6, "the table of units has only {rows:?}");
    for unit in rows {
        format!("1{unit}").parse::<Duration>().unwrap_or_else(|error| panic!("1{unit}: {error}"));
    }
}

#[test]
fn every_key_that_comes_out_is_told() {
    let text = page("docs/backtest.md").text;
    none(missing("docs/backtest.md", &text, examples::keys_of_a_backtest()));
}

#[test]
fn every_path_in_backticks_exists() {
    none(files("md").iter().flat_map(quoted_paths).collect());
}

#[test]
fn every_command_parses() {
    let found: Vec<_> = files("md").iter().flat_map(commands::in_page).collect();
    assert!(found.len() > 10, "only {} commands in all pages", found.len());
    none(found.iter().filter_map(commands::complaint).collect());
}

#[test]
fn the_table_of_dependencies_is_that_of_the_manifest() {
    let manifest = std::fs::read_to_string(tree::root().join("Cargo.toml")).expect("the manifest");
    let told: BTreeSet<_> =
        first_cells(section(&page("CONTRIBUTING.md").text, "## Dependencies")).into_iter().collect();
    assert_eq!(told, mentions::dependencies(&manifest));
}

#[test]
fn the_map_has_every_module() {
    let map = page("ARCHITECTURE.md").text;
    let module = |file: &File| {
        let (krate, inside) = file.path.split_once("src/")?;
        let name = inside.split('/').next().unwrap_or(inside);
        let known = !["lib.rs", "main.rs"].contains(&name) && ["", "detectors/", "rules/"].contains(&krate);
        known.then(|| format!("{krate}src/{name}"))
    };
    let modules: BTreeSet<_> = files("rs").iter().filter_map(module).collect();
    none(missing("ARCHITECTURE.md", &map, modules));
}
