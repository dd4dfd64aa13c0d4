//! A small model in a temporary folder, and what lies beside it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::write_checkpoint;
use outgrow_operators::{FolderGrowth, FolderPlan, GrowthError, Moments, Source, folder::Grown};
use serde_json::Value;
use tempfile::TempDir;

use crate::models::{model, numbered};

/// A model in a temporary folder.
pub(crate) struct Folder {
    pub dir: TempDir,
    pub folder: PathBuf,
}

impl Folder {
    pub(crate) fn new(num_hidden_layers: usize, change: impl Fn(&mut Value)) -> Self {
        let dir = TempDir::new().unwrap();
        let folder = dir.path().join("source");
        let config = model(num_hidden_layers);
        write_checkpoint(&folder, &config, &numbered(&config), 1 << 30).unwrap();
        let file = folder.join("config.json");
        let mut json: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        change(&mut json);
        fs::write(file, json.to_string()).unwrap();
        Self { dir, folder }
    }

    pub(crate) fn open(&self) -> Source {
        Source::open(&self.folder).unwrap()
    }

    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// Grows a folder by a plan.
pub(crate) fn grow_folder(
    plan: &FolderPlan<&Source>,
    moments: Moments,
    target: &Path,
    shard_size_bytes: u64,
) -> Result<Grown, GrowthError> {
    FolderGrowth::new(plan.clone(), moments, shard_size_bytes)?.carry_out(target)
}

/// Names in a folder, sorted.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
