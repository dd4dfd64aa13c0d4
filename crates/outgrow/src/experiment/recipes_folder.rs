//! A folder of recipes as an experiment: each keeps its own data, and none its seed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    error::{BadInput, Error, Result},
    experiment::cells::PlannedRun,
    recipe::Recipe,
};

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
