//! Opens the token shards that a recipe names. Where there are none, it says so by the recipe's keys; what is wrong
//! with shards that are there, outgrow-data says.

use std::{
    fs,
    io::ErrorKind,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use outgrow_data::TokenShards;

use crate::{error::Result, problems::Problems, recipe::DataRecipe, terminal::hints::of_no_shards};

/// The shards of `[data]`: for training, and held out.
///
/// # Errors
/// Folders that aren't there or hold no shards, both in one message; shards that can't be used.
pub(super) fn open(recipe: &DataRecipe) -> Result<(Arc<TokenShards>, Arc<TokenShards>)> {
    let folders = [("data.training", &*recipe.training), ("data.validation", &*recipe.validation)];
    let [training, validation] = opened(folders, " (a recipe's paths are taken from its own folder)")?;
    Ok((training, validation))
}

/// The shards of some folders, each by what a user calls it.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_named<const N: usize>(folders: [(&str, &Path); N]) -> Result<[Arc<TokenShards>; N]> {
    opened(folders, "")
}

/// The same, with a word about paths where there is no such folder.
fn opened<const N: usize>(folders: [(&str, &Path); N], about_paths: &str) -> Result<[Arc<TokenShards>; N]> {
    let absent = folders.map(|(key, folder)| {
        let problem = problem_of(folder)?;
        let tidy = tidied(folder);
        let about_paths = if folder.exists() { "" } else { about_paths };
        let problem = format!("{key}: {}: {problem}{about_paths}", tidy.display());
        // Shards can't be written where there is a file.
        Some((problem, if folder.is_file() { PathBuf::from("FOLDER") } else { tidy }))
    });
    let absent: Vec<_> = absent.into_iter().flatten().collect();
    if let Some((_, first)) = absent.first() {
        let hint = of_no_shards(first);
        let mut problems: Vec<_> = absent.into_iter().map(|(problem, _)| problem).collect();
        // It helps against all of them.
        problems.last_mut().expect("there is a first").extend(["; ", hint.as_str()]);
        return Err(Problems::of_run(problems).into());
    }
    let open = |(_, folder): (&str, &Path)| TokenShards::open(folder).map(Arc::new);
    let shards = folders.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
    Ok(shards.try_into().expect("shards of each folder"))
}

/// Why a folder holds no shards, where that can be seen from outside.
fn problem_of(folder: &Path) -> Option<&'static str> {
    let is_absent = |path: &Path| fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    if is_absent(folder) {
        Some("no such folder")
    } else if folder.is_file() {
        Some("is a file, not a folder of token shards")
    } else if is_absent(&folder.join("manifest.json")) {
        Some("holds no token shards")
    } else {
        None
    }
}

/// The path without `folder/..`, for a message. A link stays, as what is above it lies elsewhere.
fn tidied(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        let is_of_a_name = matches!(tidy.components().next_back(), Some(Component::Normal(_)));
        if component == Component::ParentDir && is_of_a_name && tidy.is_dir() && !tidy.is_symlink() {
            tidy.pop();
        } else {
            tidy.push(component);
        }
    }
    if tidy.as_os_str().is_empty() { PathBuf::from(".") } else { tidy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_tidied_where_it_stays_the_same_folder() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path();
        fs::create_dir_all(place.join("recipes/small")).unwrap();
        let of = |path: &str| tidied(&place.join(path)).strip_prefix(place).unwrap().to_owned();
        assert_eq!(of("recipes/small/../../shards"), Path::new("shards"));
        assert_eq!(of("recipes/./small/../shards"), Path::new("recipes/shards"));
        assert_eq!(of("nowhere/../shards"), Path::new("nowhere/../shards"));
        assert_eq!(tidied(Path::new("../shards")), Path::new("../shards"));
        assert_eq!(tidied(Path::new("src/..")), Path::new("."));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(place.join("recipes/small"), place.join("link")).unwrap();
            assert_eq!(of("link/../shards"), Path::new("link/../shards"));
        }
    }
}
