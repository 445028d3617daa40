//! The crates that decide are pure: they know neither the crates above them nor the world outside.
//!
//! Their `clippy.toml` bans single functions; this bans whole modules of the standard library, and dependencies.

use crate::tokens::{code, follows, names_behind};
use crate::tree::File;

/// A crate that only computes.
struct Pure {
    folder: &'static str,
    /// Crates above it, as code names them.
    above: &'static [&'static str],
    /// The only dependencies it may have; tests may have others.
    needs: &'static [&'static str],
}

const PURE: &[Pure] = &[
    Pure {
        folder: "detectors/",
        above: &["quietgate_rules", "quietgate"],
        needs: &["fearless_simd", "serde", "statrs"],
    },
    Pure {
        folder: "rules/",
        above: &["quietgate"],
        needs: &["fearless_simd", "quietgate-detectors", "serde"],
    },
];

/// Modules of the standard library that reach outside.
const WORLD: &[&str] = &["env", "fs", "net", "os", "process", "thread"];

/// What `file` of a pure crate names that it must not.
pub(crate) fn complaints(file: &File) -> Vec<String> {
    let Some(pure) = PURE.iter().find(|pure| file.path.starts_with(pure.folder)) else { return Vec::new() };
    let shipped = file.path[pure.folder.len()..].starts_with("src/");
    let tokens = code(&file.text);
    let mut out = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if pure.above.contains(&token.text) && follows(&tokens, at + 1, &[":", ":"]) {
            out.push(format!(
                "{}:{}: {} may not use {}: pass in what is needed",
                file.path, token.line, pure.folder, token.text
            ));
        }
        if shipped && token.is("std") && follows(&tokens, at + 1, &[":", ":"]) {
            let names = names_behind(&tokens, at + 3);
            out.extend(names.into_iter().filter(|name| WORLD.contains(&name.text)).map(|name| {
                let (path, line, text) = (&file.path, name.line, name.text);
                format!("{path}:{line}: std::{text} reaches outside, this crate only computes: make it an argument")
            }));
        }
    }
    out
}

/// The dependencies in the `Cargo.toml` of a pure crate that it must not have.
pub(crate) fn manifest_complaints(file: &File) -> Vec<String> {
    let of = |pure: &&Pure| file.path == format!("{}Cargo.toml", pure.folder);
    let Some(pure) = PURE.iter().find(of) else { return Vec::new() };
    dependencies(&file.text)
        .into_iter()
        .filter(|(_, name)| !pure.needs.contains(&name.as_str()))
        .map(|(line, name)| {
            let allowed = pure.needs.join(", ");
            format!("{}:{line}: {name} is no dependency of a pure crate, allowed are {allowed}", file.path)
        })
        .collect()
}

/// Line and name of each dependency that is not for tests alone.
fn dependencies(manifest: &str) -> Vec<(usize, String)> {
    let mut out = Vec::new();
    let mut inside = false;
    for (line, text) in (1..).zip(manifest.lines().map(str::trim)) {
        if let Some(header) = text.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            let (before, named) = header.split_once("dependencies.").unwrap_or((header, ""));
            let ours = !before.contains("dev-");
            inside = ours && header.ends_with("dependencies");
            if ours && !named.is_empty() {
                out.push((line, named.to_owned()));
            }
        } else if inside && !text.is_empty() && !text.starts_with('#') {
            let name = text.split(['.', '=', ' ']).next().unwrap_or_default();
            out.push((line, name.trim_matches('"').to_owned()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(path: &str, text: &str) -> usize {
        complaints(&File { path: path.into(), text: text.into() }).len()
    }

    #[test]
    fn crates_above_are_out_of_reach() {
        assert_eq!(about("detectors/src/a.rs", "use quietgate_rules::Rule;"), 1);
        assert_eq!(about("detectors/tests/a.rs", "use quietgate_detectors::Sample;"), 0);
        assert_eq!(about("rules/src/a.rs", "use quietgate_detectors::Verdict; use quietgate::cli;"), 1);
    }

    #[test]
    fn the_world_is_out_of_reach() {
        assert_eq!(
            about("rules/src/a.rs", "use std::{fmt, fs::File, net}; fn f() { std::process::exit(1) }"),
            3
        );
        assert_eq!(about("rules/src/a.rs", "use std::collections::BTreeMap;"), 0);
        assert_eq!(about("rules/tests/a.rs", "use std::fs;"), 0);
    }

    #[test]
    fn dependencies_are_found_in_every_spelling() {
        let text = "[dependencies]\nserde.workspace = true\n\"a\" = \"1\"\n# x\n[dev-dependencies]\nb = \"1\"\n\
                    [dependencies.c]\nversion = \"1\"\n[target.'cfg(unix)'.dependencies]\nd = { path = \"d\" }\n[lints]\ne = 1\n";
        let names: Vec<_> = dependencies(text).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["serde", "a", "c", "d"]);
        let manifest = File { path: "detectors/Cargo.toml".into(), text: text.into() };
        assert_eq!(manifest_complaints(&manifest).len(), 3);
    }
}
