//! The head of a decoder of any architecture: whether it is the embedding, told by names, shapes and values. It knows
//! no more of the model.

use outgrow_checkpoint::{CheckpointError, Note, StoredTensor, WeightFolder, tensor_names::layer_index};
use serde_json::Value;

const TIED: &str = "tie_word_embeddings";
/// What architectures of transformers 5.24 call their heads, in their files.
const HEADS: [&str; 5] =
    ["lm_head.weight", "embed_out.weight", "output_projection.weight", "proj_out.weight", "head.weight"];
/// What the names of the embeddings end in that they tie them to.
const EMBEDDINGS: [&str; 8] = [
    "embed_tokens.weight",
    "embed_in.weight",
    "wte.weight",
    "word_embeddings.weight",
    "tokens_embed.weight",
    "tok_embeddings.weight",
    "embeddings.weight",
    "shared.weight",
];

/// Decoders that transformers 5.24 ties where config.json doesn't speak of it.
const TIED_BY_DEFAULT: [&str; 29] = [
    "biogpt",
    "cohere",
    "cohere2",
    "cohere2_moe",
    "ernie4_5",
    "ernie4_5_moe",
    "falcon_mamba",
    "gemma",
    "gemma2",
    "gemma3_text",
    "gemma3n_text",
    "gemma4_text",
    "gpt_neox_japanese",
    "granite_swa",
    "jetmoe",
    "lfm2",
    "lfm2_moe",
    "lfm3",
    "mamba",
    "minicpm3",
    "opt",
    "recurrent_gemma",
    "smollm3",
    "starcoder2",
    "vaultgemma",
    "xglm",
    "youtu",
    "zamba",
    "zamba2",
];

/// What a stored head is to the embedding, in a model whose config.json says that they are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// Nothing is known to contradict config.json: the model isn't said to be tied, or no head is stored.
    AsSaid,
    /// The embedding once more, under this name.
    Again(String),
    /// It has other values than the embedding, under this name.
    Own(String),
}

impl Head {
    /// Compares the two, if there are two.
    ///
    /// # Errors
    /// When a file can't be read.
    pub(super) fn of(weights: &WeightFolder) -> Result<Self, CheckpointError> {
        if !is_tied(weights.raw_config()) {
            return Ok(Self::AsSaid);
        }
        let is_float = |one: &&StoredTensor| layer_index(&one.name).is_none() && one.dtype.float().is_some();
        let outside: Vec<&StoredTensor> = weights.tensors().iter().filter(is_float).collect();
        let Some(head) = outside.iter().find(|one| HEADS.contains(&one.name.as_str())) else {
            return Ok(Self::AsSaid);
        };
        let is_embedding = |one: &&&StoredTensor| {
            one.name != head.name && one.shape == head.shape && ends_in(&one.name, &EMBEDDINGS)
        };
        let embeddings: Vec<_> = outside.iter().filter(is_embedding).collect();
        let [embedding] = embeddings[..] else { return Ok(Self::AsSaid) };
        let name = head.name.clone();
        let is_same = weights.has_same_values(&embedding.name, &name)?;
        Ok(if is_same { Self::Again(name) } else { Self::Own(name) })
    }

    /// What whoever gave the folder should know.
    pub(super) fn note(&self) -> Option<Note> {
        match self {
            Self::AsSaid | Self::Again(_) => None,
            Self::Own(head) => Some(Note::HeadKept { head: head.clone() }),
        }
    }
}

/// Whether config.json says that the head is the embedding, be it by the architecture alone.
pub(crate) fn is_tied(raw_config: &Value) -> bool {
    match &raw_config[TIED] {
        Value::Null => TIED_BY_DEFAULT.iter().any(|model_type| raw_config["model_type"] == *model_type),
        said => *said == true,
    }
}

/// Whether a name is a head's.
pub(crate) fn is_head(name: &str) -> bool {
    HEADS.contains(&name)
}

/// config.json of a model whose head is its own, whatever the file says: every reader then takes it for that.
pub(crate) fn untied(raw_config: &Value) -> Value {
    let mut config = raw_config.clone();
    config[TIED] = false.into();
    config
}

/// Whether a name is one of these, or ends in one after a dot.
fn ends_in(name: &str, endings: &[&str]) -> bool {
    endings
        .iter()
        .any(|ending| name.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}
