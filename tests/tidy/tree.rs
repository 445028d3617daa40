//! The files of the project, as the rules see them.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the project.
#[derive(Debug)]
pub(crate) struct File {
    /// Where it is, from the root of the project, with `/` between.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
}

/// Where the project lies.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file with this `extension`, sorted by path.
pub(crate) fn files(extension: &str) -> Vec<File> {
    let mut found = Vec::new();
    walk(root(), &mut |path| {
        if path.extension().is_some_and(|e| e == extension) {
            found.push(read(path));
        }
    });
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn read(path: &Path) -> File {
    let inside = path.strip_prefix(root()).expect("the walk starts at the root");
    let path_text = inside.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{path_text} is no UTF-8 text: {error}"));
    File { path: path_text, text }
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            if !is_foreign(&path) {
                walk(&path, visit);
            }
        } else {
            visit(&path);
        }
    }
}

/// Folders that tools fill: build output marks itself as a cache, Python's environments have their own mark.
fn is_foreign(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let hidden = name.starts_with('.') && name != ".ci";
    hidden || name == "target" || folder.join("CACHEDIR.TAG").exists() || folder.join("pyvenv.cfg").exists()
}
