//! A folder that is to be grown: a LLaMA-style model, of which everything is known, or another decoder, of which only the names of
//! its tensors and its config.json are.

use std::{collections::BTreeSet, path::Path};

use outgrow_checkpoint::{
    Checkpoint, CheckpointError, LlamaConfig, Problems, TensorShape, WeightFolder, layer_index, layer_prefix,
};
use serde_json::Value;

use crate::{biases::Biases, error::GrowthError, mask::MASK_FILE};

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
    /// Why it is no LLaMA.
    reason: CheckpointError,
}

impl Source {
    /// Opens a folder.
    ///
    /// # Errors
    /// What [`WeightFolder::open`] and [`Checkpoint::from_weights`] give; a folder whose new parts are behind a mask; and, for other decoders, layers that can't be told by
    /// their names or don't agree with config.json.
    pub fn open(folder: &Path) -> Result<Self, GrowthError> {
        refuse_masked(folder)?;
        Self::open_masked(folder)
    }

    /// The same, whether or not there is a mask.
    pub(crate) fn open_masked(folder: &Path) -> Result<Self, GrowthError> {
        let weights = WeightFolder::open(folder)?;
        match LlamaConfig::from_json(&weights.raw_config().to_string()) {
            Ok(_) => Ok(Self::Llama(Checkpoint::from_weights(weights)?)),
            Err(reason) => OtherDecoder::new(weights, reason).map(Self::Other),
        }
    }

    /// The folder's tensors, whatever they are.
    pub fn weights(&self) -> &WeightFolder {
        match self {
            Self::Llama(checkpoint) => checkpoint.weights(),
            Self::Other(other) => &other.weights,
        }
    }
}

impl Source {
    /// Parameters; a tied head counts once.
    pub fn num_parameters(&self) -> u64 {
        match self {
            Self::Llama(checkpoint) => checkpoint.config().num_parameters(),
            Self::Other(other) => other.tensors().map(|tensor| size(&tensor.shape)).sum(),
        }
    }
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
    fn new(weights: WeightFolder, reason: CheckpointError) -> Result<Self, GrowthError> {
        let raw = weights.raw_config();
        let Some(declared) = raw["num_hidden_layers"].as_u64() else {
            return Err(missing_layers(raw).unwrap_or_else(|| reason.into()));
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
        Ok(Self { num_hidden_layers: layers.len(), weights, reason })
    }

    /// Layers of the decoder.
    pub(crate) fn num_hidden_layers(&self) -> usize {
        self.num_hidden_layers
    }

    /// Why it is no LLaMA, in words.
    pub(crate) fn reason(&self) -> String {
        // Of a Qwen2 with windows, say, the better reason is the one that is left when biases are passed over.
        match Biases::and_shape(self.weights.raw_config()) {
            Err(reason) => reason.to_string(),
            Ok(_) => self.reason.to_string(),
        }
    }

    /// Its shape, where it is a LLaMA but for biases of queries, keys and values; `None` of other architectures.
    pub(crate) fn biased_llama(&self) -> Option<Result<LlamaConfig, GrowthError>> {
        match Biases::and_shape(self.weights.raw_config()) {
            Ok((shape, Biases::QueryKeyValue)) => {
                Some(self.check(&shape, Biases::QueryKeyValue).map(|()| shape))
            }
            Ok((_, Biases::None)) | Err(_) => None,
        }
    }

    /// Whether the folder has the tensors of this shape. A head beside a tied embedding may be there.
    fn check(&self, shape: &LlamaConfig, biases: Biases) -> Result<(), GrowthError> {
        let mut problems = Vec::new();
        let mut expected = BTreeSet::new();
        for TensorShape { name, shape } in biases.tensors(shape) {
            match self.weights.tensor(&name).map(|tensor| &tensor.shape) {
                None => problems.push(format!("`{name}` is missing, expected shape {shape:?}")),
                Some(found) if *found != shape => {
                    problems.push(format!("`{name}` has shape {found:?}, expected {shape:?}"));
                }
                Some(_) => {}
            }
            expected.insert(name);
        }
        if shape.tie_word_embeddings {
            expected.insert("lm_head.weight".to_owned());
        }
        let unexpected = self.weights.tensors().iter().filter(|tensor| !expected.contains(&tensor.name));
        problems.extend(
            unexpected
                .map(|one| format!("`{}` is no tensor of the model that config.json describes", one.name)),
        );
        if problems.is_empty() {
            return Ok(());
        }
        let (path, problems) = (self.weights.folder().to_owned(), Problems(problems));
        Err(CheckpointError::Tensors { path, problems }.into())
    }

    /// Its tensors' names and shapes.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = TensorShape> {
        self.weights
            .tensors()
            .iter()
            .map(|one| TensorShape { name: one.name.clone(), shape: one.shape.clone() })
    }
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

/// Why config.json of an architecture that isn't ours doesn't say how many layers there are; `None` of ours, where there is more to
/// say about it.
fn missing_layers(raw: &Value) -> Option<GrowthError> {
    let (key, problem) = if raw["text_config"].is_object() {
        ("text_config", "the decoder is part of a larger model; extract it first".to_owned())
    } else if raw["model_type"] == "llama" {
        return None;
    } else {
        let found = &raw["num_hidden_layers"];
        let found = if found.is_null() { "is missing".to_owned() } else { format!("is {found}") };
        ("num_hidden_layers", format!("{found}, expected how many layers are named `….layers.0.…` and on"))
    };
    Some(GrowthError::ConfigKey { key: key.to_owned(), problem })
}
