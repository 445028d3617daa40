//! The plans that a daemon can be told to run by their names: the files of one folder.

use crate::run::job::{Prepared, Read};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// So many files of the folder are looked at.
const FILES_MAX: usize = 1000;

/// A plan in the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanNow {
    /// Its name; that of the file where it cannot be read.
    pub plan: String,
    /// The file's name.
    pub file: String,
    /// How many steps it has.
    pub steps: usize,
    /// How many targets it acts on.
    pub targets: usize,
    /// What is wrong with it: with any mistake it cannot be run.
    pub mistakes: Vec<String>,
}

/// All plans of the folder that `config` names, by their names; none where it names none.
pub(super) fn list(config: &Read) -> Result<Vec<PlanNow>, String> {
    let mut plans: Vec<PlanNow> = files(config)?.iter().map(|path| plan(config, path)).collect();
    plans.sort_by(|a, b| (&a.plan, &a.file).cmp(&(&b.plan, &b.file)));
    Ok(plans)
}

/// The file of the plan `name`.
pub(super) fn find(config: &Read, name: &str) -> Result<PathBuf, String> {
    let is_it = |path: &&PathBuf| plan(config, path).plan == name;
    let files = files(config)?;
    let mut own = files.iter().filter(is_it);
    match (own.next(), own.next()) {
        (Some(path), None) => Ok(path.clone()),
        (Some(_), Some(_)) => {
            Err(format!("several files have a plan {name:?}: it is not known which is meant"))
        }
        (None, _) => Err(format!("there is no plan {name:?} in the folder of the plans")),
    }
}

fn files(config: &Read) -> Result<Vec<PathBuf>, String> {
    let Some(folder) = &config.config.plans else { return Ok(Vec::new()) };
    let folder = config.folder.join(folder);
    let failed = |error: std::io::Error| format!("the folder of the plans cannot be read: {error}");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(failed)?.take(FILES_MAX) {
        let path = entry.map_err(failed)?.path();
        let is_yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        if is_yaml && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn plan(config: &Read, path: &Path) -> PlanNow {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match Prepared::at(path, config.clone()) {
        Ok(prepared) => {
            let own = &prepared.file;
            let mut targets: Vec<usize> = Vec::new();
            let batches = own.order.steps.iter().flat_map(|step| &step.batches);
            batches.for_each(|batch| targets.extend(&batch.targets));
            targets.sort_unstable();
            targets.dedup();
            let (plan, steps) = (own.plan.name.clone(), own.plan.steps.len());
            PlanNow { plan, file, steps, targets: targets.len(), mistakes: Vec::new() }
        }
        Err(error) => {
            // where the file is is nobody's business who asks from elsewhere
            let told = error.to_string().replace(&path.display().to_string(), &file);
            let mistakes = told.lines().map(str::to_owned).collect();
            PlanNow { plan: file.clone(), file, steps: 0, targets: 0, mistakes }
        }
    }
}
