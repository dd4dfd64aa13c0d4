//! A Hugging Face folder as a decoder that can be run: its weights, its tokenizer, and the tokens that begin and end a text.
//!
//! It runs nothing itself.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use outgrow_checkpoint::{Checkpoint, LlamaConfig, PythonJson};
use outgrow_kernels::open_device;
use outgrow_model::Decoder;
use outgrow_operators::Source;
use outgrow_tokenizer::{Reading, Tokenizer};
use serde_json::Value;

use crate::{compute::Compute, exit::BadInput, notes};

/// A folder that was opened; weights are mapped, not read.
#[derive(Debug)]
pub struct ModelFolder {
    checkpoint: Checkpoint,
    tokenizer: Tokenizer,
    tokenizer_config: Option<Value>,
    generation_config: Option<Value>,
}

impl ModelFolder {
    /// Opens a folder with a LLaMA-style decoder and its tokenizer.json.
    ///
    /// # Errors
    /// When there is no such decoder, or it is behind a mask, or no tokenizer that fits it.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let source = Source::open(folder)?;
        notes::print(folder, source.notes());
        let checkpoint = match source {
            Source::Llama(checkpoint) => checkpoint,
            Source::Other(other) => {
                let reason = other.why_not_run();
                return Err(BadInput(format!("only LLaMA-style decoders can be run: {reason}")).into());
            }
        };
        let file = folder.join("tokenizer.json");
        if !file.is_file() {
            let problem = format!(
                "{}: there is no tokenizer.json, which turns text into the model's tokens; copy the one it was trained with here",
                folder.display()
            );
            return Err(BadInput(problem).into());
        }
        let tokenizer = Tokenizer::open(&file)?;
        let vocab_size = checkpoint.config().vocab_size;
        if tokenizer.vocab_size() > vocab_size {
            let problem = format!(
                "{}: the tokenizer has ids up to {}, the model has {vocab_size} tokens: they don't belong together",
                file.display(),
                tokenizer.vocab_size() - 1
            );
            return Err(BadInput(problem).into());
        }
        let (tokenizer_config, generation_config) = (
            optional_json(folder, "tokenizer_config.json")?,
            optional_json(folder, "generation_config.json")?,
        );
        Ok(Self { checkpoint, tokenizer, tokenizer_config, generation_config })
    }

    /// The model's shape.
    pub fn config(&self) -> &LlamaConfig {
        self.checkpoint.config()
    }

    /// The folder's tokenizer.json.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The token that begins a text: as the tokenizer's configuration names it, or as the model's does.
    pub fn bos_token_id(&self) -> Option<u32> {
        self.named_token("bos_token", self.config().bos_token_id)
    }

    /// The token that ends a text, likewise.
    pub fn eos_token_id(&self) -> Option<u32> {
        self.named_token("eos_token", self.config().eos_token_id)
    }

    /// A prompt as the model reads it, with the special tokens that the tokenizer puts around texts.
    ///
    /// # Errors
    /// When there is no token at all: an empty prompt, and none that begins a text.
    pub fn prompt_tokens(&self, prompt: &str) -> anyhow::Result<Vec<u32>> {
        let mut tokens = self.tokenizer.encode(prompt, Reading::tokens(true))?;
        if tokens.is_empty() {
            tokens.extend(self.bos_token_id().or(self.eos_token_id()));
        }
        if tokens.is_empty() {
            let problem = "the prompt is empty, and the model has no token that begins a text: give a prompt";
            return Err(BadInput(problem.into()).into());
        }
        Ok(tokens)
    }

    /// All tokens that end a generated text.
    pub fn ends(&self) -> Vec<u32> {
        let of = |config: Option<&Value>| config.and_then(|config| config.get("eos_token_id")).map(ids);
        of(self.generation_config.as_ref())
            .or_else(|| of(Some(self.checkpoint.raw_config())))
            .filter(|ends| !ends.is_empty())
            .unwrap_or_else(|| self.eos_token_id().into_iter().collect())
    }

    /// Tells this state of the folder from any other: the configuration, and each weight file's name, size and time of change.
    pub fn identity(&self) -> anyhow::Result<String> {
        let mut identity = vec![self.checkpoint.raw_config().to_string()];
        for file in self.files()? {
            let meta = fs::metadata(&file).with_context(|| file.display().to_string())?;
            let changed =
                meta.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
            let name = file.file_name().unwrap_or_default().display().to_string();
            identity.push(format!("{name} {} {changed:?}", meta.len()));
        }
        Ok(identity.join("\n"))
    }

    fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let folder = self.checkpoint.folder();
        let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.with_context(|| folder.display().to_string())?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.ends_with(".safetensors") || name == "tokenizer.json" {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// Reads the weights and builds the decoder, without autodiff.
    ///
    /// # Errors
    /// When the device isn't there, or a file can't be read.
    pub fn decoder(&self, compute: Compute) -> anyhow::Result<Decoder> {
        let device = open_device(compute.device)?;
        let tensors = self.checkpoint.to_named_tensors()?;
        Ok(Decoder::new(self.config(), &tensors, &device)?.with_precision(compute.precision))
    }

    /// A token that tokenizer_config.json names, plainly or as an object with its content. Where it says that there is none, there is none;
    /// where it doesn't speak of it, it is what config.json says.
    fn named_token(&self, key: &str, configured: Option<u32>) -> Option<u32> {
        let Some(named) = self.tokenizer_config.as_ref().and_then(|config| config.get(key)) else {
            return configured;
        };
        let spelling = named.as_str().or_else(|| named.get("content")?.as_str())?;
        self.tokenizer.token_id(spelling)
    }

    /// Whether the tokenizer knows a token of the model.
    pub fn spells(&self, token: u32) -> bool {
        (token as usize) < self.tokenizer.vocab_size()
    }
}

/// One id, or several.
fn ids(value: &Value) -> Vec<u32> {
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    value
        .as_array()
        .map_or_else(|| id(value).into_iter().collect(), |list| list.iter().filter_map(id).collect())
}

fn optional_json(folder: &Path, name: &str) -> anyhow::Result<Option<Value>> {
    let file = folder.join(name);
    match fs::read_to_string(&file) {
        Ok(text) => {
            let json = PythonJson::parse(&text).map(|json| json.value);
            json.map(Some).map_err(|error| BadInput(format!("{}: not JSON: {error}", file.display())).into())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| file.display().to_string()),
    }
}
