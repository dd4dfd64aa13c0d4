//! A folder that is to be grown: a LLaMA-style model, of which everything is known, or another decoder, of which only
//! the names of its tensors and its config.json are.

use std::{borrow::Cow, path::Path};

use outgrow_checkpoint::{
    Checkpoint, CheckpointError, LlamaConfig, Note, Problems, StoredTensor, TensorShape, WeightFolder,
    config::{ConfigFile, is_base_model},
    folder::CONFIG_FILE,
    tensor_names::{layer_index, layer_prefix},
};
use serde_json::Value;

use crate::{
    error::GrowthError,
    folder::{
        head::{Head, is_head, is_tied, untied},
        mask::MASK_FILE,
    },
};

const HEAD: &str = "lm_head.weight";
/// What the names of tensors end in that follow from config.json and that no architecture of transformers 5 reads.
const SPARE: [&str; 4] = [".rotary_emb.inv_freq", ".masked_bias", ".causal_mask", ".position_ids"];

/// An opened folder.
#[derive(Debug)]
pub enum Source {
    /// A LLaMA-style model; every operator works on it.
    Llama(Checkpoint),
    /// Any other decoder with tensors named `….layers.{i}.…`; operators that copy layers work on it.
    Other(OtherDecoder),
}

/// A decoder of another architecture.
#[derive(Debug)]
pub struct OtherDecoder {
    weights: WeightFolder,
    num_hidden_layers: usize,
    /// Why config.json is none of a LLaMA that can be run.
    reason: Problems,
    head: Head,
    notes: Vec<Note>,
}

impl Source {
    /// Opens a folder.
    ///
    /// # Errors
    /// What [`WeightFolder::open`] and [`Checkpoint::from_weights`] give; a folder whose new parts are behind a mask;
    /// and, for other decoders, layers that can't be told by their names or don't agree with config.json.
    pub fn open(folder: &Path) -> Result<Self, GrowthError> {
        refuse_masked(folder)?;
        Self::of(ConfigFile::read(folder)?)
    }

    /// The same of a folder whose config.json has been read, whether or not there is a mask.
    pub(crate) fn of(config: ConfigFile) -> Result<Self, GrowthError> {
        let weights = WeightFolder::of(config)?;
        match weights.model().map(|config| without_head(&weights, config)) {
            Ok(None) => Ok(Self::Llama(Checkpoint::from_weights(weights)?)),
            Ok(Some(reason)) | Err(reason) => OtherDecoder::new(weights, reason).map(Self::Other),
        }
    }

    /// The folder's tensors, whatever they are.
    pub fn weights(&self) -> &WeightFolder {
        match self {
            Self::Llama(checkpoint) => checkpoint.weights(),
            Self::Other(other) => &other.weights,
        }
    }

    /// What isn't as it should be about the folder, and what of it is passed over.
    pub fn notes(&self) -> &[Note] {
        match self {
            Self::Llama(checkpoint) => checkpoint.notes(),
            Self::Other(other) => &other.notes,
        }
    }

    /// Whether a tensor of the folder is one of the model's. Of another architecture, all are.
    pub fn has_tensor(&self, name: &str) -> bool {
        match self {
            Self::Llama(checkpoint) => checkpoint.tensor(name).is_some(),
            Self::Other(other) => other.weights.tensor(name).is_some(),
        }
    }

    /// config.json as it is, but for a tie that isn't one.
    pub(crate) fn config(&self) -> Cow<'_, Value> {
        let raw = self.weights().raw_config();
        let has_own_head = match self {
            Self::Llama(checkpoint) => is_tied(raw) && !checkpoint.config().tie_word_embeddings,
            Self::Other(other) => matches!(other.head, Head::Own(_)),
        };
        if has_own_head { Cow::Owned(untied(raw)) } else { Cow::Borrowed(raw) }
    }

    /// Parameters; a tied head counts once.
    pub fn num_parameters(&self) -> u64 {
        match self {
            Self::Llama(checkpoint) => checkpoint.config().num_parameters(),
            Self::Other(other) => {
                let parameters = other.weights.tensors().iter().filter(|tensor| other.is_parameter(tensor));
                parameters.map(|tensor| size(&tensor.shape)).sum()
            }
        }
    }
}

/// Why a LLaMA that was saved without its head is none that can be run; `None` of one that has it.
fn without_head(weights: &WeightFolder, config: &LlamaConfig) -> Option<Problems> {
    let is_headless =
        is_base_model(weights.raw_config()) && !config.tie_word_embeddings && weights.tensor(HEAD).is_none();
    let problem = format!(
        "`architectures` is {}, a model without its head, and `tie_word_embeddings` is not true: what it was trained to say isn't there",
        weights.raw_config()["architectures"]
    );
    is_headless.then(|| Problems(vec![problem]))
}

/// Without its mask the folder is another model.
pub(crate) fn refuse_masked(folder: &Path) -> Result<(), GrowthError> {
    if folder.join(MASK_FILE).exists() {
        Err(GrowthError::Masked { folder: folder.to_owned() })
    } else {
        Ok(())
    }
}

/// Values of a tensor.
pub(crate) fn size(shape: &[usize]) -> u64 {
    shape.iter().map(|side| *side as u64).product()
}

impl OtherDecoder {
    fn new(weights: WeightFolder, reason: Problems) -> Result<Self, GrowthError> {
        // It may be one of ours but for its head.
        let own = weights.model().ok().map(|config| (config.tensors(), config.tie_word_embeddings));
        let weights = match own {
            Some((tensors, is_tied)) => {
                weights.with_own_names(&tensors.into_iter().map(|one| one.name).collect(), is_tied)
            }
            None => weights,
        };
        let raw = weights.raw_config();
        let Some(declared) = raw["num_hidden_layers"].as_u64() else {
            let refused =
                || CheckpointError::Config { file: weights.folder().join(CONFIG_FILE), problems: reason };
            return Err(missing_layers(raw).unwrap_or_else(|| refused().into()));
        };
        let mut prefixes: Vec<&str> =
            weights.tensors().iter().filter_map(|one| layer_prefix(&one.name)).collect();
        prefixes.dedup();
        prefixes.sort_unstable();
        prefixes.dedup();
        if let [first, second, ..] = prefixes[..] {
            let (first, second) = (first.to_owned(), second.to_owned());
            return Err(GrowthError::SeveralStacks { first, second });
        }
        let mut layers: Vec<usize> =
            weights.tensors().iter().filter_map(|one| layer_index(&one.name)).collect();
        layers.sort_unstable();
        layers.dedup();
        let declared = usize::try_from(declared).unwrap_or(usize::MAX);
        if layers.is_empty() || !layers.iter().copied().eq(0..declared) {
            // As many as declared, and yet others: numbers are left out.
            let found = if layers.len() == declared {
                layers.last().map_or(0, |last| last + 1)
            } else {
                layers.len()
            };
            return Err(further_layers(&weights, found.saturating_sub(declared))
                .unwrap_or(GrowthError::LayersFound { found, declared }));
        }
        let unneeded = weights.unneeded(|name| !is_spare(name, weights.raw_config()))?;
        let head = Head::of(&weights)?;
        let only_copied = weights.tensors().iter().filter(|one| one.dtype.float().is_none());
        let only_copied: Vec<String> =
            only_copied.map(|one| format!("`{}` ({})", one.name, one.dtype)).collect();
        let only_copied = (!only_copied.is_empty()).then_some(Note::OnlyCopied { names: only_copied });
        let notes = weights.notes().iter().cloned();
        let notes = notes.chain(unneeded).chain(head.note()).chain(only_copied).collect();
        Ok(Self { num_hidden_layers: layers.len(), weights, reason, head, notes })
    }

    /// Layers of the decoder.
    pub(crate) fn num_hidden_layers(&self) -> usize {
        self.num_hidden_layers
    }

    /// Why it can't be run, in words that name the file.
    pub fn why_not_run(&self) -> String {
        format!("{}: {}", self.weights.folder().join(CONFIG_FILE).display(), self.reason)
    }

    /// Why it is no LLaMA, in words.
    pub(crate) fn reason(&self) -> String {
        format!("{CONFIG_FILE}: {}", self.reason)
    }

    /// Whether a tensor holds parameters: numbers, and not the embedding's once more.
    fn is_parameter(&self, tensor: &StoredTensor) -> bool {
        tensor.dtype.float().is_some() && self.head != Head::Again(tensor.name.clone())
    }

    /// The tensors that hold no parameters.
    pub(crate) fn uncounted(&self) -> impl Iterator<Item = &StoredTensor> {
        self.weights.tensors().iter().filter(|tensor| !self.is_parameter(tensor))
    }

    /// Its tensors' names and shapes.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = TensorShape> {
        self.weights
            .tensors()
            .iter()
            .map(|one| TensorShape { name: one.name.clone(), shape: one.shape.clone() })
    }
}

/// Whether a decoder of whatever architecture is whole without a tensor that its index lists.
pub(crate) fn is_spare(name: &str, raw_config: &Value) -> bool {
    (is_head(name) && is_tied(raw_config)) || SPARE.iter().any(|end| name.ends_with(end))
}

/// The better reason for `surplus` layers beyond the decoder's: they predict tokens after the next one.
fn further_layers(weights: &WeightFolder, surplus: usize) -> Option<GrowthError> {
    let counts = |key: &&str| weights.raw_config()[*key].as_u64() == Some(surplus as u64);
    let key = ["num_nextn_predict_layers", "num_mtp_layers"].into_iter().find(counts)?;
    let problem = format!(
        "is {surplus}: layers for further tokens are numbered after the decoder's; remove their tensors and set it to 0"
    );
    (surplus > 0).then(|| GrowthError::ConfigKey { key: key.to_owned(), problem })
}

/// Why config.json of an architecture that isn't ours doesn't say how many layers there are; `None` of ours, where
/// there is more to say about it.
fn missing_layers(raw: &Value) -> Option<GrowthError> {
    let (key, problem) = if raw["text_config"].is_object() {
        ("text_config", "the decoder is part of a larger model; extract it first".to_owned())
    } else if raw["model_type"] == "llama" {
        return None;
    } else {
        let found = &raw["num_hidden_layers"];
        let found = if found.is_null() { "is missing".to_owned() } else { format!("is {found}") };
        let expected = "expected the number of layers; only decoders can be grown whose tensors are named `….layers.0.…` and on";
        ("num_hidden_layers", format!("{found}, {expected}"))
    };
    Some(GrowthError::ConfigKey { key: key.to_owned(), problem })
}
