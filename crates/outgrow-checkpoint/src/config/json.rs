//! config.json in and out, in the spellings of transformers 4 (`rope_theta`, `torch_dtype`) and 5 (`rope_parameters`,
//! `dtype`). Keys that would change what the decoder computes are refused by name; all other unknown keys
//! are left alone, because such files are full of them.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{
    config::{
        AttentionBias, LlamaConfig, LlamaFields,
        family::Family,
        honoured::{check_honoured, check_layer_types, max_position_embeddings},
        keys::Keys,
        rope,
    },
    dtype::Dtype,
    error::{CheckpointError, Problems},
    folder::file_names::CONFIG_FILE,
    json::{file::parse_object, shown},
    notes::Note,
};

impl LlamaConfig {
    /// Reads the text of a Hugging Face config.json.
    ///
    /// Defaults are those of transformers, here of LLaMA: as many key-value heads as heads, `head_dim` =
    /// hidden / heads, `rms_norm_eps` 1e-6, `rope_theta` 10000, 2048 positions, `initializer_range` 0.02, an untied
    /// head. Weights are F32 where neither `dtype` nor `torch_dtype` is there. The sizes of the model have no defaults.
    ///
    /// # Errors
    /// [`CheckpointError::Config`] with every problem found, each naming its key.
    pub fn from_json(text: &str) -> Result<Self, CheckpointError> {
        let file = Path::new(CONFIG_FILE);
        of_keys(file, &parse_object(file, text, &mut Vec::new())?, DtypeFrom::Config)
    }

    /// The same of a text that has been read, for weights that are stored already: then a type that isn't known is no
    /// error, and F32 stands for it.
    ///
    /// # Errors
    /// As [`Self::from_json`].
    pub fn from_value(json: &Value) -> Result<Self, CheckpointError> {
        let file = Path::new(CONFIG_FILE);
        let keys = json.as_object().ok_or_else(|| CheckpointError::Json {
            file: file.to_owned(),
            problem: "expected a JSON object".to_owned(),
        })?;
        of_keys(file, keys, DtypeFrom::Weights)
    }

    /// The config.json that transformers opens. [`Self::from_json`] gives the same configuration back.
    ///
    /// It is written in the older spelling, which versions 4 and 5 both read. A model with biases of queries, keys and
    /// values only is a `qwen2`; any other is a `llama`.
    pub fn to_json(&self) -> Value {
        let family = Family::with_biases(self.attention_bias);
        let mut json = json!({
            "architectures": [family.class()],
            "model_type": family.model_type(),
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": self.num_attention_heads,
            "num_key_value_heads": self.num_key_value_heads,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "max_position_embeddings": self.max_position_embeddings,
            "rms_norm_eps": self.rms_norm_eps,
            "rope_theta": self.rope.theta,
            "rope_scaling": rope::write_scaling(&self.rope.scaling),
        });
        match self.attention_bias {
            AttentionBias::None | AttentionBias::All => {
                json["attention_bias"] = (self.attention_bias == AttentionBias::All).into();
                json["mlp_bias"] = false.into();
            }
            // Its biases follow from the family. What it could have instead, a window, is said not to be there.
            AttentionBias::QueryKeyValue => {
                json["use_sliding_window"] = false.into();
                json["sliding_window"] = Value::Null;
                json["max_window_layers"] = self.num_hidden_layers.into();
            }
        }
        let rest = [
            ("attention_dropout", json!(0.0)),
            ("tie_word_embeddings", self.tie_word_embeddings.into()),
            ("initializer_range", self.initializer_range.into()),
            ("bos_token_id", self.bos_token_id.into()),
            ("eos_token_id", self.eos_token_id.into()),
            ("torch_dtype", self.dtype.config_name().into()),
            ("use_cache", true.into()),
        ];
        for (key, value) in rest {
            json[key] = value;
        }
        json
    }
}

/// The model that an object describes; `file` is where it is from.
pub(crate) fn of_keys(
    file: &Path,
    keys: &Map<String, Value>,
    dtype_from: DtypeFrom,
) -> Result<LlamaConfig, CheckpointError> {
    let read = ReadConfig::of(keys, dtype_from);
    read.map(|read| read.config)
        .map_err(|problems| CheckpointError::Config { file: file.to_owned(), problems })
}

/// What a JSON object says of a model.
#[derive(Clone, Debug)]
pub(crate) struct ReadConfig {
    /// The model's shape. Its type is F32 where the file names none that is known.
    pub config: LlamaConfig,
    /// What is odd about the file and changes nothing.
    pub notes: Vec<Note>,
    /// Why the type isn't known.
    pub unknown_dtype: Option<String>,
}

/// What says how the weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DtypeFrom {
    /// The configuration; one that names no type is refused.
    Config,
    /// The weights themselves.
    Weights,
}

impl ReadConfig {
    /// The configuration that a JSON object gives.
    pub(crate) fn of(object: &Map<String, Value>, dtype_from: DtypeFrom) -> Result<Self, Problems> {
        let mut keys = Keys::new(object);
        let (dtype, unknown_dtype) = match read_dtype(&keys) {
            Ok(dtype) => (dtype, None),
            Err(problem) => (Dtype::F32, Some(problem)),
        };
        let fields = fields_of(&mut keys, dtype);
        let Keys { mut problems, notes, .. } = keys;
        if dtype_from == DtypeFrom::Config {
            problems.extend(unknown_dtype.clone());
        }
        let config = match fields {
            Some(fields) if problems.is_empty() => LlamaConfig::check(fields),
            _ => Err(Problems(problems)),
        };
        Ok(Self { config: config?, notes, unknown_dtype })
    }
}

/// `None` where a needed key is missing or wrong; then the problems say so.
fn fields_of(keys: &mut Keys<'_>, dtype: Dtype) -> Option<LlamaFields> {
    let family = Family::of(keys);
    let windows = check_honoured(keys, family);
    let attention_bias = family.attention_bias(keys);
    let hidden_size = keys.required_size("hidden_size");
    let num_attention_heads = keys.required_size("num_attention_heads");
    let num_hidden_layers = keys.required_size("num_hidden_layers");
    let head_dim = keys.size("head_dim").or_else(|| {
        let (hidden, heads) = (hidden_size?, num_attention_heads?);
        if heads != 0 && !hidden.is_multiple_of(heads) {
            keys.problem(format!(
                "`head_dim` is missing and `hidden_size` {hidden} is not a multiple of `num_attention_heads` {heads}"
            ));
        }
        hidden.checked_div(heads).or(Some(0))
    });
    check_layer_types(keys, num_hidden_layers, windows);
    // All keys are read before the first `?`, so that one run reports all problems.
    let (vocab_size, intermediate_size) =
        (keys.required_size("vocab_size"), keys.required_size("intermediate_size"));
    let max_position_embeddings = max_position_embeddings(keys, family);
    let rope = rope::read(keys, max_position_embeddings);
    // Left out, it is not what null is.
    let left_out = family.default_key_value_heads().filter(|_| !keys.is_there("num_key_value_heads"));
    let num_key_value_heads = keys.size("num_key_value_heads").or(left_out).or(num_attention_heads);
    let rms_norm_eps = keys.number("rms_norm_eps").unwrap_or(1e-6);
    let initializer_range = keys.number("initializer_range").unwrap_or(0.02);
    let tie_word_embeddings = keys.flag("tie_word_embeddings").unwrap_or(false);
    let (bos_token_id, eos_token_id) = (keys.token("bos_token_id"), keys.token("eos_token_id"));
    Some(LlamaFields {
        vocab_size: vocab_size?,
        hidden_size: hidden_size?,
        intermediate_size: intermediate_size?,
        num_hidden_layers: num_hidden_layers?,
        num_attention_heads: num_attention_heads?,
        num_key_value_heads: num_key_value_heads?,
        head_dim: head_dim?,
        attention_bias,
        max_position_embeddings,
        rms_norm_eps,
        rope,
        tie_word_embeddings,
        initializer_range,
        dtype,
        bos_token_id,
        eos_token_id,
    })
}

/// The type that a JSON object names; what is wrong where it names none that is known.
pub(crate) fn dtype_of(object: &Map<String, Value>) -> Result<Dtype, String> {
    read_dtype(&Keys::new(object))
}

/// The type, as PyTorch names it; what is wrong where it is none.
fn read_dtype(keys: &Keys<'_>) -> Result<Dtype, String> {
    let Some((key, value)) =
        ["dtype", "torch_dtype"].into_iter().find_map(|key| Some((key, keys.value(key)?)))
    else {
        return Ok(Dtype::F32);
    };
    value.as_str().and_then(Dtype::with_config_name).ok_or_else(|| {
        format!("`{key}` is {}, expected \"float32\", \"float16\" or \"bfloat16\"", shown(value))
    })
}
