//! A folder of recipes as an experiment: each keeps its own data, and none its seed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    error::{BadInput, Error, Result},
    experiment::{
        cells::PlannedRun,
        lock::FolderLock,
        making::{Making, is_whole},
        results::{REPORT, report_runs},
        running::DESCRIPTION,
    },
    recipe::Recipe,
};

/// Makes the runs of a folder's recipes and their report, unless runs are left to other machines.
///
/// # Errors
/// As [`runs_of_recipes`]; a folder of results that has an experiment's; and what making runs fails with.
pub(crate) fn run_recipes(
    name: &str,
    folder: &Path,
    seeds: &[u64],
    data: Option<&Path>,
    making: &Making<'_>,
) -> Result<Option<PathBuf>> {
    let runs = runs_of_recipes(folder, seeds, data)?;
    if making.out.join(DESCRIPTION).is_file() {
        let problem =
            format!("{}: holds an experiment; give the recipes an --out of their own", making.out.display());
        return Err(BadInput(problem).into());
    }
    let had_folder = making.out.exists();
    let lock = FolderLock::take(making.out, making.shard)?;
    let mut has_begun = had_folder;
    let made = making.make(name, &runs, || {
        has_begun = true;
        Ok(())
    });
    if !has_begun {
        if let Some(lock) = lock {
            lock.remove(making.out);
        }
        let _ = fs::remove_dir(making.out);
    }
    if !is_whole(name, made?) {
        return Ok(None);
    }
    report_runs(&runs, making.out)?;
    Ok(Some(making.out.join(REPORT)))
}

/// The recipes of a folder, `*.toml`, with each seed.
///
/// # Errors
/// A folder without recipes; otherwise all that is wrong with them, each with its file.
pub(crate) fn runs_of_recipes(folder: &Path, seeds: &[u64], data: Option<&Path>) -> Result<Vec<PlannedRun>> {
    // The recipes are run from copies elsewhere, so what they name has to be absolute.
    let folder = folder.canonicalize().map_err(Error::at(folder))?;
    let entries = fs::read_dir(&folder).map_err(Error::at(&folder))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    if paths.is_empty() {
        return Err(BadInput(format!("{}: holds no recipes (*.toml)", folder.display())).into());
    }
    let (mut recipes, mut problems) = (Vec::new(), Vec::new());
    for path in &paths {
        match Recipe::read(path) {
            Ok(recipe) => recipes.push(recipe),
            Err(error) => problems.push(error.one_line()),
        }
    }
    if !problems.is_empty() {
        return Err(BadInput(problems.join("; ")).into());
    }
    let mut runs = Vec::new();
    for seed in seeds {
        for recipe in &recipes {
            runs.push(with_seed(recipe.clone(), *seed, data)?);
        }
    }
    Ok(runs)
}

fn with_seed(mut recipe: Recipe, seed: u64, data: Option<&Path>) -> Result<PlannedRun> {
    if i64::try_from(seed).is_err() {
        return Err(BadInput(format!("seed {seed}: TOML's numbers end at {}", i64::MAX)).into());
    }
    let name = format!("{}-seed-{seed}", recipe.name);
    let kind = std::mem::replace(&mut recipe.name, name.clone());
    recipe.seed = seed;
    if let Some(folder) = data {
        recipe.data.training = folder.join("training");
        recipe.data.validation = folder.join("validation");
    }
    let table = toml::Table::try_from(&recipe)?;
    Ok(PlannedRun { kind, seed, folder: name.clone().into(), name, table, recipe })
}
