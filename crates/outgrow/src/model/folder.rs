//! A Hugging Face folder as a decoder that can be run: its weights, its tokenizer as transformers reads it, and the
//! tokens that end a text.
//!
//! It runs nothing itself.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::builder::TypedValueParser;
use outgrow_checkpoint::{Checkpoint, LlamaConfig, json::PythonJson};
use outgrow_kernels::open_device;
use outgrow_model::Decoder;
use outgrow_operators::Source;
use outgrow_tokenizer::pretrained::{PretrainedTokenizer, TokenizerFiles, TokenizerSource};
use serde_json::Value;

use crate::{
    error::{BadInput, Error, Result},
    machine::compute::Compute,
    terminal::{notes, words::one_of},
};

/// What a folder's tokenizer is made of.
const TOKENIZER_FILES: [&str; 7] = [
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
];

/// What transformers' `generate` heeds even where it takes the likeliest token, with the number that changes nothing.
const UNHEEDED: [(&str, f64); 14] = [
    ("repetition_penalty", 1.0),
    ("no_repeat_ngram_size", 0.0),
    ("min_length", 0.0),
    ("min_new_tokens", 0.0),
    ("num_beams", 1.0),
    ("penalty_alpha", 0.0),
    ("guidance_scale", 1.0),
    ("bad_words_ids", f64::NAN),
    ("suppress_tokens", f64::NAN),
    ("begin_suppress_tokens", f64::NAN),
    ("forced_bos_token_id", f64::NAN),
    ("forced_eos_token_id", f64::NAN),
    ("sequence_bias", f64::NAN),
    ("stop_strings", f64::NAN),
];

/// A folder that was opened; weights are mapped, not read.
#[derive(Debug)]
pub(crate) struct ModelFolder {
    checkpoint: Checkpoint,
    tokenizer: PretrainedTokenizer,
    generation_config: Option<Value>,
    notes: Vec<String>,
}

/// Reads the word of a flag that says what reads texts.
pub(crate) fn tokenizer_source() -> impl TypedValueParser<Value = TokenizerSource> {
    one_of(&TokenizerSource::ALL, |source| match source {
        TokenizerSource::Class => "The class that the folder names, as transformers builds it",
        TokenizerSource::File => "tokenizer.json as it is",
    })
}

impl ModelFolder {
    /// Opens a folder with a LLaMA-style decoder and its tokenizer. `add_bos_token` is the harness' flag of this name.
    ///
    /// # Errors
    /// When there is no such decoder, or it is behind a mask, or no tokenizer that can be run.
    pub(crate) fn open(folder: &Path, from: TokenizerSource, add_bos_token: Option<bool>) -> Result<Self> {
        let source = Source::open(folder)?;
        // One that is refused says nothing but why.
        let checkpoint = match source {
            Source::Llama(checkpoint) => {
                notes::print_about(folder, checkpoint.notes());
                checkpoint
            }
            Source::Other(other) => {
                let reason = other.why_not_run();
                return Err(BadInput(format!("only LLaMA-style decoders can be run: {reason}")).into());
            }
        };
        let files = TokenizerFiles::read(folder)?.with_config(checkpoint.raw_config().clone());
        let tokenizer = files.open(from, add_bos_token)?;
        let mut notes = tokenizer.notes().to_vec();
        let (rows, vocab_size) = (checkpoint.config().vocab_size, tokenizer.tokenizer().vocab_size());
        if vocab_size > rows {
            notes.push(format!(
                "the tokenizer has ids up to {}, the model {rows} tokens: a text with one beyond is refused",
                vocab_size - 1
            ));
        }
        let generation_config = optional_json(folder, "generation_config.json")?;
        Ok(Self { checkpoint, tokenizer, generation_config, notes })
    }

    /// The model's shape.
    pub(crate) fn config(&self) -> &LlamaConfig {
        self.checkpoint.config()
    }

    /// The folder's tokenizer.
    pub(crate) fn tokenizer(&self) -> &PretrainedTokenizer {
        &self.tokenizer
    }

    /// What a user should know about the folder: one line for each thing.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The token that begins a text: as the tokenizer's files name it, or where they name none that begins or ends one,
    /// as config.json does.
    pub(crate) fn bos_token_id(&self) -> Option<u32> {
        self.tokenizer.named().bos.as_ref().map(|token| token.id)
    }

    /// The token that ends a text, likewise.
    pub(crate) fn eos_token_id(&self) -> Option<u32> {
        self.tokenizer.named().eos.as_ref().map(|token| token.id)
    }

    /// A prompt as the model reads it, with the special tokens that the tokenizer puts around texts.
    ///
    /// # Errors
    /// When there is no token at all: an empty prompt, and none that begins a text; and when the model has no row for a
    /// token.
    pub(crate) fn prompt_tokens(&self, prompt: &str) -> Result<Vec<u32>> {
        let mut tokens = self.tokenizer.encode(prompt, true)?;
        if tokens.is_empty() {
            tokens.extend(self.bos_token_id().or(self.eos_token_id()));
        }
        if tokens.is_empty() {
            let problem = "the prompt is empty, and the model has no token that begins a text: give a prompt";
            return Err(BadInput(problem.into()).into());
        }
        let rows = self.config().vocab_size;
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= rows) {
            let spelling = self.tokenizer.decode(&[token]).unwrap_or_default();
            let problem =
                format!("the prompt has token {token}, {spelling:?}, but the model has {rows} tokens");
            return Err(BadInput(problem).into());
        }
        Ok(tokens)
    }

    /// All tokens that end a generated text, as for transformers' `generate`: generation_config.json decides where
    /// there is one, even by naming none, and config.json otherwise. What the tokenizer's files name plays no part.
    pub(crate) fn ends(&self) -> Vec<u32> {
        self.generation().get("eos_token_id").map(ids).unwrap_or_default()
    }

    /// What transformers' `generate` would do beyond taking the likeliest token, or leave, and this program doesn't or
    /// does: one line for each thing.
    pub(crate) fn generation_notes(&self, ignore_eos: bool) -> Vec<String> {
        let file = if self.generation_config.is_some() { "generation_config.json" } else { "config.json" };
        let generation = self.generation();
        let unheeded = UNHEEDED.into_iter().filter(|(key, neutral)| {
            let value = generation.get(*key).filter(|value| !value.is_null() && **value != false);
            value.is_some_and(|value| value.as_f64().is_none_or(|number| number.total_cmp(neutral).is_ne()))
        });
        let unheeded: Vec<&str> = unheeded.map(|(key, _)| key).collect();
        let mut notes = Vec::new();
        if !unheeded.is_empty() {
            notes.push(format!("{file}: {} plays no part here", unheeded.join(", ")));
        }
        if self.ends().is_empty() && !ignore_eos {
            let named = self.tokenizer.named().eos.as_ref();
            let named = named
                .map_or_else(String::new, |token| format!(", though the tokenizer has {}", token.spelling));
            notes.push(format!(
                "{file} names no eos_token_id{named}: as in transformers, no token ends the text"
            ));
        }
        notes
    }

    fn generation(&self) -> &Value {
        self.generation_config.as_ref().unwrap_or(self.checkpoint.raw_config())
    }

    /// Tells this state of the folder from any other: the configuration, and each weight file's name, size and time of
    /// change.
    pub(crate) fn identity(&self) -> Result<String> {
        let mut identity = vec![self.checkpoint.raw_config().to_string()];
        for file in self.files()? {
            let meta = fs::metadata(&file).map_err(Error::at(&file))?;
            let changed =
                meta.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
            let name = file.file_name().unwrap_or_default().display().to_string();
            identity.push(format!("{name} {} {changed:?}", meta.len()));
        }
        Ok(identity.join("\n"))
    }

    fn files(&self) -> Result<Vec<PathBuf>> {
        let folder = self.checkpoint.folder();
        let entries = fs::read_dir(folder).map_err(Error::at(folder))?;
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::at(folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.ends_with(".safetensors") || TOKENIZER_FILES.contains(&name) {
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
    pub(crate) fn decoder(&self, compute: Compute) -> Result<Decoder> {
        let device = open_device(compute.device)?;
        let tensors = self.checkpoint.to_named_tensors()?;
        Ok(Decoder::new(self.config(), &tensors, &device)?.with_precision(compute.precision))
    }

    /// Whether lm-evaluation-harness scores another head than transformers computes with: it ties anew what config.json
    /// ties, a head of other values with it.
    pub(crate) fn head_is_tied_by_harness(&self) -> bool {
        self.checkpoint.raw_config()["tie_word_embeddings"] == Value::Bool(true)
            && !self.config().tie_word_embeddings
    }

    /// The decoder as lm-evaluation-harness scores it.
    ///
    /// # Errors
    /// As [`decoder`](Self::decoder).
    pub(crate) fn scored_decoder(&self, compute: Compute) -> Result<Decoder> {
        if !self.head_is_tied_by_harness() {
            return self.decoder(compute);
        }
        let device = open_device(compute.device)?;
        let mut tensors = self.checkpoint.to_named_tensors()?;
        tensors.remove("lm_head.weight");
        let config = self.config().with(|fields| fields.tie_word_embeddings = true)?;
        Ok(Decoder::new(&config, &tensors, &device)?.with_precision(compute.precision))
    }

    /// Whether the tokenizer knows a token of the model.
    pub(crate) fn spells(&self, token: u32) -> bool {
        (token as usize) < self.tokenizer.tokenizer().vocab_size()
    }
}

/// One id, or several.
fn ids(value: &Value) -> Vec<u32> {
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    value
        .as_array()
        .map_or_else(|| id(value).into_iter().collect(), |list| list.iter().filter_map(id).collect())
}

fn optional_json(folder: &Path, name: &str) -> Result<Option<Value>> {
    let file = folder.join(name);
    match fs::read_to_string(&file) {
        Ok(text) => {
            let json = PythonJson::parse(&text).map(|json| json.value);
            json.map(Some).map_err(|error| BadInput(format!("{}: not JSON: {error}", file.display())).into())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::at(&file)(error)),
    }
}
