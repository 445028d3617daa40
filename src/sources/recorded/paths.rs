//! From what the user named to files: globs, the order of files, the name that a file gives to its series.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use super::error::InputError;

/// Endings that say how a file is packed or written; they are no part of its name.
const ENDINGS: [&str; 9] = ["gz", "gzip", "zst", "zstd", "csv", "tsv", "txt", "parquet", "pq"];

/// The files that `patterns` name: patterns in their order, the files of one glob sorted by name,
/// a file that is named twice only once.
pub(super) fn expand(patterns: &[String]) -> Result<Vec<PathBuf>, InputError> {
    if patterns.is_empty() {
        return Err(InputError::new(
            "input",
            "no file",
            "one or more paths or globs of CSV or Parquet files",
        ));
    }
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    for pattern in patterns {
        for file in matches(pattern)? {
            if seen.insert(file.clone()) {
                files.push(file);
            }
        }
    }
    Ok(files)
}

/// A path that exists is itself, whatever characters are in it; anything else is read as a glob.
fn matches(pattern: &str) -> Result<Vec<PathBuf>, InputError> {
    let path = Path::new(pattern);
    if path.is_dir() {
        let glob = path.join("*.csv");
        let allowed = format!("a file or a glob such as {}", glob.display());
        return Err(InputError::new(pattern, "a directory", allowed));
    }
    if path.exists() {
        return Ok(vec![path.to_owned()]);
    }
    if !pattern.contains(['*', '?', '[']) {
        return Err(InputError::new(pattern, "no such file", "a CSV or Parquet file"));
    }
    let paths = glob::glob(pattern).map_err(|cause| {
        InputError::new(pattern, "a broken glob", "a path or a glob with *, ? and []").because(cause)
    })?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|cause| {
            let file = cause.path().display().to_string();
            InputError::new(file, "a directory that cannot be read", "").because(cause)
        })?;
        if !path.is_dir() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(InputError::new(pattern, "no file that matches", "a glob that matches one file or more"));
    }
    Ok(files)
}

/// What the series of each of `files` is called, where nothing else names it: the name of the file without its
/// endings. Files of one name in several directories are told apart by as many directories as it takes
/// (`site-a/load`, `site-b/load`): they are recordings of different things, and as one series they would be judged
/// as a muddle. One file in several forms (`load.csv`, `load.csv.gz`) stays one series.
pub(super) fn stems(files: &[PathBuf]) -> Vec<String> {
    let wholes: Vec<Vec<String>> = files.iter().map(|file| parts(file)).collect();
    let mut same: HashMap<&str, HashSet<&[String]>> = HashMap::new();
    for whole in &wholes {
        same.entry(name_of(whole)).or_default().insert(whole);
    }
    let told_apart = |whole: &Vec<String>| {
        let others = &same[name_of(whole)];
        let apart = |length: &usize| {
            others.iter().map(|other| tail(other, *length)).collect::<HashSet<_>>().len() == others.len()
        };
        let longest = others.iter().map(|other| other.len()).max().unwrap_or(1);
        let length = (1..longest).find(apart).unwrap_or(longest);
        tail(whole, length).join("/")
    };
    wholes.iter().map(told_apart).collect()
}

/// The directories of a file, then its stem.
fn parts(file: &Path) -> Vec<String> {
    let directories = file.parent().into_iter().flat_map(Path::components);
    let named = directories.filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    let mut parts: Vec<String> = named.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    parts.push(stem(file));
    parts
}

fn name_of(parts: &[String]) -> &str {
    parts.last().map_or("", String::as_str)
}

fn tail(parts: &[String], length: usize) -> &[String] {
    &parts[parts.len().saturating_sub(length)..]
}

/// The name of a file without directories and without the endings that say how it is written:
/// `data/nyc_taxi.csv.gz` is `nyc_taxi`.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let mut stem: &str = &name;
    while let Some((front, ending)) = stem.rsplit_once('.') {
        if front.is_empty() || !ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)) {
            break;
        }
        stem = front;
    }
    stem.to_owned()
}

/// What the endings of a name promise about the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Promise {
    /// `gzip` or `zstd`, where the name ends so.
    pub(super) packed: Option<&'static str>,
    /// Whether a Parquet file is promised; `None` where the name says nothing.
    pub(super) parquet: Option<bool>,
}

/// Reads the endings of `path`, the outer one first.
pub(super) fn promise(path: &Path) -> Promise {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let mut endings = name.rsplit('.').take(2);
    let outer = endings.next().unwrap_or_default();
    let packed = match outer {
        "gz" | "gzip" => Some("gzip"),
        "zst" | "zstd" => Some("zstd"),
        _ => None,
    };
    let inner = if packed.is_some() { endings.next().unwrap_or_default() } else { outer };
    let parquet = match inner {
        "parquet" | "pq" => Some(true),
        "csv" | "tsv" => Some(false),
        _ => None,
    };
    Promise { packed, parquet }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stem_drops_how_a_file_is_written() {
        for (path, expected) in [
            ("data/nyc_taxi.csv", "nyc_taxi"),
            ("nyc_taxi.CSV.gz", "nyc_taxi"),
            ("a.b.parquet.zst", "a.b"),
            ("plain", "plain"),
            (".csv", ".csv"),
            ("host.example.csv", "host.example"),
        ] {
            assert_eq!(stem(Path::new(path)), expected);
        }
    }

    #[test]
    fn files_of_one_name_are_told_apart_by_their_directories() {
        let of = |files: &[&str]| stems(&files.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(of(&["d/load.csv", "d/loss.csv"]), ["load", "loss"]);
        assert_eq!(of(&["a/load.csv", "b/load.csv.gz", "b/loss.csv"]), ["a/load", "b/load", "loss"]);
        assert_eq!(
            of(&["a/x/load.csv", "b/x/load.csv", "b/y/load.csv"]),
            ["a/x/load", "b/x/load", "b/y/load"]
        );
        assert_eq!(of(&["load.csv", "../load.csv"]), ["load", "../load"]);
        assert_eq!(of(&["/a/load.csv", "./a/load.csv.gz", "a/load.pq"]), ["load", "load", "load"]);
        assert_eq!(of(&["a/load.csv", "b/load.csv", "b/load.csv.zst"]), ["a/load", "b/load", "b/load"]);
    }

    #[test]
    fn a_name_promises_what_its_endings_say() {
        let of = |path: &str| promise(Path::new(path));
        assert_eq!(of("a.parquet"), Promise { packed: None, parquet: Some(true) });
        assert_eq!(of("a.csv.GZ"), Promise { packed: Some("gzip"), parquet: Some(false) });
        assert_eq!(of("a.zst"), Promise { packed: Some("zstd"), parquet: None });
        assert_eq!(of("a.dat"), Promise { packed: None, parquet: None });
    }
}
