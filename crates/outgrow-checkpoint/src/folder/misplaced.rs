//! What a path is that holds no model which can be opened: a file, an adapter, a cache of the hub, a run, weights in
//! another format. One line says what it is and what to do. Only names are looked at.

use std::{
    fs,
    path::{Component, Path},
};

use crate::{
    error::CheckpointError,
    folder::file_names::{ADAPTER_CONFIG_FILE, CONFIG_FILE, INDEX_FILE, SINGLE_FILE},
    json::PythonJson,
    notes::first_few,
};

/// What a path without a config.json is; `None` of a folder that nothing can be said of.
pub(crate) fn misplaced(path: &Path) -> Option<CheckpointError> {
    if !path.is_dir() {
        return Some(no_folder(path));
    }
    let folder = Folder::read(path);
    let problem = dangling(path, CONFIG_FILE)
        .or_else(|| folder.adapter())
        .or_else(|| folder.hub_cache())
        .or_else(|| folder.folders_inside())
        .or_else(|| folder.token_shards())
        .or_else(|| folder.other_format().map(|found| format!("there is no config.json, and {found}")))?;
    Some(CheckpointError::NotAModel { path: path.to_owned(), problem })
}

/// An adapter that lies beside the weights of a whole model; `None` where only its configuration was left, which
/// nothing comes of.
pub(crate) fn adapter_beside_model(path: &Path) -> Option<CheckpointError> {
    let folder = Folder::read(path);
    let has_model = folder.has(SINGLE_FILE) || folder.has(INDEX_FILE);
    folder.first(|name| name.starts_with("adapter_model.")).filter(|_| has_model)?;
    let problem = "holds an adapter (LoRA) beside a whole model, and transformers applies it: merge it first, by merge_and_unload and \
         save_pretrained of PEFT, or move adapter_config.json away to have the model as it is"
        .to_owned();
    Some(CheckpointError::NotAModel { path: path.to_owned(), problem })
}

/// A folder with config.json in which there are no weights.
pub(crate) fn no_weights(path: &Path) -> CheckpointError {
    let folder = Folder::read(path);
    let problem =
        folder.adapter().or_else(|| [SINGLE_FILE, INDEX_FILE].iter().find_map(|name| dangling(path, name)));
    if let Some(problem) = problem {
        return CheckpointError::NotAModel { path: path.to_owned(), problem };
    }
    let found = folder.shards_without_index().or_else(|| folder.other_format());
    CheckpointError::NoWeights { folder: path.to_owned(), found }
}

fn no_folder(path: &Path) -> CheckpointError {
    let problem = if path.is_file() {
        let parent = path.parent().filter(|parent| parent.join(CONFIG_FILE).exists());
        match (parent, path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))) {
            (_, true) => format!("is a file; {GGUF}"),
            (Some(parent), false) if parent.as_os_str().is_empty() => {
                "is a file; give its folder, `.`".to_owned()
            }
            (Some(parent), false) => format!("is a file; give its folder, {}", parent.display()),
            (None, false) => "is a file; expected a folder with config.json and model.safetensors".to_owned(),
        }
    } else if is_name_on_the_hub(path) {
        format!(
            "no such folder; if it is a name on the Hugging Face hub, download it first: hf download {} --local-dir FOLDER",
            path.display()
        )
    } else {
        return CheckpointError::NoFolder { path: path.to_owned() };
    };
    CheckpointError::NotAModel { path: path.to_owned(), problem }
}

/// `organisation/model`, of which not even the first is a folder here.
fn is_name_on_the_hub(path: &Path) -> bool {
    let parts: Vec<Component<'_>> = path.components().collect();
    parts.len() == 2
        && parts.iter().all(|part| matches!(part, Component::Normal(_)))
        && path.parent().is_some_and(|parent| !parent.exists())
}

/// A link to what isn't there any more, as a download leaves them that was cut or cleaned away.
fn dangling(folder: &Path, name: &str) -> Option<String> {
    let file = folder.join(name);
    let target = fs::read_link(&file).ok().filter(|_| !file.exists())?;
    Some(format!("{name} is a link to {}, which is not there; download it again", target.display()))
}

const GGUF: &str =
    "GGUF is not read: give the Hugging Face folder that it was made of, or convert it to safetensors";
const PICKLED: &str = "is pickled, which is not read: make safetensors of it first, by from_pretrained and save_pretrained of transformers";
const DEEPSPEED: &str = "what is there is DeepSpeed's state of a training: make weights of it first, by zero_to_fp32.py beside it with --safe_serialization";

/// The names in a folder.
struct Folder<'a> {
    path: &'a Path,
    names: Vec<String>,
}

impl<'a> Folder<'a> {
    fn read(path: &'a Path) -> Self {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        Self { path, names }
    }

    fn token_shards(&self) -> Option<String> {
        let is_shards = self.has("manifest.json") && self.first(|name| name.starts_with("shard-")).is_some();
        is_shards.then(|| "holds token shards, not a model".to_owned())
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|found| found == name)
    }

    fn first(&self, fits: impl Fn(&str) -> bool) -> Option<&str> {
        self.names.iter().map(String::as_str).find(|name| fits(name))
    }

    fn adapter(&self) -> Option<String> {
        if !self.has(ADAPTER_CONFIG_FILE) {
            return None;
        }
        let text = fs::read_to_string(self.path.join(ADAPTER_CONFIG_FILE)).unwrap_or_default();
        let config = PythonJson::parse(&text).map(|json| json.value).unwrap_or_default();
        let base = config["base_model_name_or_path"].as_str().map(|base| format!(" for {base}"));
        let base = base.unwrap_or_default();
        Some(format!(
            "is an adapter (LoRA){base}, not a whole model: merge it into its base model first, by merge_and_unload and \
             save_pretrained of PEFT, and give that folder"
        ))
    }

    fn hub_cache(&self) -> Option<String> {
        if self.has("snapshots") && (self.has("refs") || self.has("blobs")) {
            const WHAT: &str = "is a cache of the Hugging Face hub, not a model's folder";
            let snapshots = snapshots(self.path);
            return Some(match &snapshots[..] {
                [] => format!("{WHAT}, and without a snapshot; download the model again"),
                [one] => format!("{WHAT}; give its snapshot, {one}"),
                several => format!("{WHAT}; give one of its snapshots: {}", first_few(several)),
            });
        }
        let model = self.first(|name| name.starts_with("models--"))?;
        let snapshots = snapshots(&self.path.join(model));
        let example = snapshots.first().map(|one| format!(", such as {one}")).unwrap_or_default();
        Some(format!("is the cache of the Hugging Face hub; give the snapshot of a model in it{example}"))
    }

    /// A run instead of one of its checkpoints, a folder of several models.
    fn folders_inside(&self) -> Option<String> {
        let has_model =
            |name: &&String| !name.starts_with('.') && self.path.join(name).join(CONFIG_FILE).exists();
        let models: Vec<String> = self
            .names
            .iter()
            .filter(has_model)
            .map(|name| self.path.join(name).display().to_string())
            .collect();
        match (&models[..], self.has("metrics.jsonl")) {
            ([], _) => None,
            // Their names are in the order of their steps.
            ([.., last], true) => {
                Some(format!("is a run; give one of its checkpoints, the newest of which is {last}"))
            }
            ([one], false) => Some(format!("has no config.json; give the folder in it that has one, {one}")),
            (several, false) => Some(format!(
                "has no config.json; give one of the folders in it that have one: {}",
                first_few(several)
            )),
        }
    }

    fn shards_without_index(&self) -> Option<String> {
        let is_shard = |name: &&String| {
            name.starts_with("model-") && name.contains("-of-") && name.ends_with(".safetensors")
        };
        let shards: Vec<&String> = self.names.iter().filter(is_shard).collect();
        let shards = (!shards.is_empty()).then_some(shards)?;
        Some(format!("there is no index, and {} can't be all; download what is missing", first_few(&shards)))
    }

    /// Weights that are there, but not as they are read here.
    fn other_format(&self) -> Option<String> {
        let ends =
            |endings: &'static [&str]| move |name: &str| endings.iter().any(|ending| name.ends_with(ending));
        let is_deepspeed = |name: &str| {
            name.starts_with("global_step") || name.starts_with("mp_rank_") || name.contains("_optim_states.")
        };
        if self.first(ends(&[".distcp"])).is_some() {
            return Some("what is there is a distributed checkpoint of PyTorch (DCP): gather it into safetensors first".to_owned());
        }
        if self.first(is_deepspeed).is_some() {
            return Some(DEEPSPEED.to_owned());
        }
        if let Some(name) = self.first(|name| name.starts_with("consolidated")) {
            return Some(format!(
                "{name} has tensors under the names of its maker's own code: give the folder that transformers opens"
            ));
        }
        if let Some(name) = self.first(|name| name.starts_with("model.") && name.ends_with(".safetensors")) {
            return Some(format!("{name} is a variant: rename it to {SINGLE_FILE} to have it read"));
        }
        if let Some(name) =
            self.first(|name| name.ends_with(".safetensors") && !name.starts_with("optimizer"))
        {
            return Some(format!("{name} is not read: if these are the weights, rename it to {SINGLE_FILE}"));
        }
        if self.first(ends(&[".gguf"])).is_some() {
            return Some(GGUF.to_owned());
        }
        if let Some(name) = self.first(ends(&[".bin", ".bin.index.json", ".pth", ".pt", ".ckpt"])) {
            return Some(format!("{name} {PICKLED}"));
        }
        self.first(ends(&[".h5", ".msgpack", ".onnx", ".npz", ".ot"]))
            .map(|name| format!("{name} is in a format that is not read: convert it to safetensors first"))
    }
}

/// The snapshots of a model in the hub's cache, as paths: the one that `main` stands for alone, or all.
fn snapshots(model: &Path) -> Vec<String> {
    let folder = model.join("snapshots");
    let main = fs::read_to_string(model.join("refs/main")).unwrap_or_default();
    let shown = |name: &str| folder.join(name).display().to_string();
    if !main.trim().is_empty() && folder.join(main.trim()).is_dir() {
        return vec![shown(main.trim())];
    }
    Folder::read(&folder).names.iter().map(|name| shown(name)).collect()
}
