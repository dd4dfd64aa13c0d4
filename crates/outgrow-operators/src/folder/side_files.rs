//! The files of a folder that come along when it grows: the tokenizer and whatever else is as true of the grown model
//! as of its source.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{CheckpointError, folder::CONFIG_FILE};

use crate::folder::card::CARD_FILE;

/// Weights that are not grown: copied along they would leave a folder with two models in it.
const WEIGHTS: [&str; 10] =
    ["safetensors", "bin", "pth", "pt", "ckpt", "gguf", "h5", "msgpack", "onnx", "ot"];
/// What other tools left beside the source that is not true of the target: state and results of its training, the
/// configuration of another format's weights, an adapter.
const NOT_THE_TARGETS: [&str; 9] = [
    "trainer_state.json",
    "all_results.json",
    "train_results.json",
    "eval_results.json",
    "predict_results.json",
    "latest",
    "zero_to_fp32.py",
    "params.json",
    "adapter_config.json",
];
/// What comes along: every file of the folder but configuration, weights, training state and hidden files; no folders.
pub(crate) fn side_files(folder: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let failed = |error| CheckpointError::io("read", folder, error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        // Follows links: a downloaded folder is often one of links into a cache.
        if path.is_file() && comes_along(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn comes_along(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let extension = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let is_replaced = name == CONFIG_FILE || name == CARD_FILE || name.ends_with(".index.json");
    // TensorBoard's logs are of the source's training too.
    let is_the_sources = NOT_THE_TARGETS.iter().any(|file| *file == name) || name.contains(".tfevents.");
    !is_replaced && !is_the_sources && !name.starts_with('.') && !WEIGHTS.contains(&extension.as_str())
}

/// Copies a file into a folder.
pub(crate) fn copy_along(file: &Path, folder: &Path) -> Result<(), CheckpointError> {
    let copy = folder.join(file.file_name().unwrap_or_default());
    let mut from = File::open(file).map_err(|error| CheckpointError::io("read", file, error))?;
    let copied = File::create(&copy).and_then(|mut to| io::copy(&mut from, &mut to));
    copied.map(|_| ()).map_err(|error| CheckpointError::io("write", &copy, error))
}
