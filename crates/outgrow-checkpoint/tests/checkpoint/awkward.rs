//! Folders as other people's tools leave them: a part that isn't needed is passed over with a note, and what is given
//! is what the plain folder gives. What must be refused, in one line, is here too.

mod heads;
mod json;
mod shards;
mod tensors;

use std::{
    fs,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{
    Checkpoint, HostTensor, LlamaConfig, NamedTensors, write_checkpoint, write_tensors,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::models::numbered;

const EMBEDDING: &str = "model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";
const NORM: &str = "model.norm.weight";

/// A model of two layers in a temporary folder, F32, in one file.
struct Folder {
    dir: TempDir,
    path: PathBuf,
    config: LlamaConfig,
}

impl Folder {
    fn new(tie_word_embeddings: bool) -> Self {
        let config = json!({
            "model_type": "llama", "vocab_size": 12, "hidden_size": 8, "intermediate_size": 12,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "tie_word_embeddings": tie_word_embeddings,
        });
        let config = LlamaConfig::from_json(&config.to_string()).unwrap();
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("model");
        write_checkpoint(&path, &config, &numbered(&config), 1 << 30).unwrap();
        Self { dir, path, config }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Its tensors, changed.
    fn with(self, change: impl FnOnce(&mut NamedTensors)) -> Self {
        let mut tensors = numbered(&self.config);
        change(&mut tensors);
        write_tensors(&self.file("model.safetensors"), &tensors).unwrap();
        self
    }

    /// Its config.json, changed.
    fn configured(self, change: impl FnOnce(&mut Value)) -> Self {
        let mut json = self.config.to_json();
        change(&mut json);
        fs::write(self.file("config.json"), json.to_string()).unwrap();
        self
    }

    /// The same tensors in two shards, the index changed.
    fn indexed(self, change: impl FnOnce(&mut Value)) -> Self {
        let text = fs::read(self.file("model.safetensors")).unwrap();
        drop(text);
        let tensors = Checkpoint::open(&self.path).unwrap().to_named_tensors().unwrap();
        fs::remove_file(self.file("model.safetensors")).unwrap();
        let mut map = serde_json::Map::new();
        for (shard, first) in [("a.safetensors", true), ("b.safetensors", false)] {
            let mine = tensors.iter().enumerate().filter(|(index, _)| (*index < tensors.len() / 2) == first);
            let mine: NamedTensors = mine.map(|(_, (name, one))| (name.clone(), one.clone())).collect();
            map.extend(mine.keys().map(|name| (name.clone(), json!(shard))));
            write_tensors(&self.file(shard), &mine).unwrap();
        }
        let mut index = json!({ "metadata": { "total_size": 1.5e6 }, "weight_map": map });
        change(&mut index);
        fs::write(self.file("model.safetensors.index.json"), index.to_string()).unwrap();
        self
    }

    fn open(&self) -> Checkpoint {
        Checkpoint::open(&self.path).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Opens it as the plain folder that it was made of; gives the notes, a line each.
    fn notes_of_the_plain_one(&self) -> String {
        let opened = self.open();
        assert_eq!(opened.config(), &self.config);
        assert_eq!(opened.to_named_tensors().unwrap(), numbered(&self.config));
        lines(&opened)
    }

    fn refusal(&self) -> String {
        anonymous(&Checkpoint::open(&self.path).unwrap_err().to_string(), self.dir.path())
    }
}

fn lines(opened: &Checkpoint) -> String {
    opened.notes().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn anonymous(message: &str, folder: &Path) -> String {
    assert!(!message.contains('\n'), "{message}");
    message.replace(&folder.display().to_string(), "DIR")
}

fn tensor(shape: &[usize], value: f32) -> HostTensor {
    HostTensor { shape: shape.to_vec(), values: vec![value; shape.iter().product()] }
}
