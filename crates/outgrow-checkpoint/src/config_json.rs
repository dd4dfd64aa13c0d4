//! config.json in and out, in the spellings of transformers 4 (`rope_theta`, `torch_dtype`) and 5 (`rope_parameters`,
//! `dtype`). Keys that would change what the decoder computes are refused by name; all other unknown keys are left
//! alone, because such files are full of them.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{
    config::{Dtype, LlamaConfig},
    error::{CheckpointError, Problems},
    rope_json,
    weights::{CONFIG_FILE, parse_object, read_raw_config},
};

/// Keys that the decoder can only honour with these values; absent and null are fine as well.
const ONLY: &[(&str, &[&str], &str)] = &[
    ("model_type", &["\"llama\"", "\"mistral\""], "this decoder is \"llama\" or \"mistral\""),
    ("hidden_act", &["\"silu\"", "\"swish\""], "the decoder's activation is \"silu\""),
    ("attention_bias", &["false"], "the decoder has no biases"),
    ("mlp_bias", &["false"], "the decoder has no biases"),
    ("sliding_window", &[], "the decoder attends to the whole sequence"),
    ("use_sliding_window", &["false"], "the decoder attends to the whole sequence"),
    ("attention_chunk_size", &[], "the decoder attends to the whole sequence"),
    ("attention_dropout", &["0", "0.0"], "the decoder has no dropout"),
    ("quantization_config", &[], "weights must be F32, F16 or BF16"),
    ("compression_config", &[], "weights must be F32, F16 or BF16"),
    ("partial_rotary_factor", &["1", "1.0"], "the decoder rotates whole heads"),
    ("rope_interleaved", &["false"], "the decoder rotates halves"),
    ("use_qk_norm", &["false"], "the decoder does not normalise queries and keys"),
    ("is_encoder_decoder", &["false"], "the decoder stands alone"),
];

const LLAMA_CLASS: &str = "LlamaForCausalLM";
const MISTRAL_CLASS: &str = "MistralForCausalLM";

impl LlamaConfig {
    /// Reads the text of a Hugging Face config.json.
    ///
    /// Defaults are those of transformers: as many key-value heads as heads, `head_dim` = hidden / heads,
    /// `rms_norm_eps` 1e-6, `rope_theta` 10000, 2048 positions, `initializer_range` 0.02, an untied head. Weights are
    /// F32 where neither `dtype` nor `torch_dtype` is there. The sizes of the model have no defaults.
    ///
    /// # Errors
    /// [`CheckpointError::Config`] with every problem found, each naming its key.
    pub fn from_json(text: &str) -> Result<Self, CheckpointError> {
        let file = Path::new(CONFIG_FILE);
        Self::from_raw(file, &parse_object(file, text)?)
    }

    /// Reads `folder/config.json`.
    ///
    /// # Errors
    /// As [`Self::from_json`], or [`CheckpointError::Io`].
    pub fn read(folder: &Path) -> Result<Self, CheckpointError> {
        Self::from_raw(&folder.join(CONFIG_FILE), &read_raw_config(folder)?)
    }

    /// The configuration that a JSON object gives; `file` is where it is from.
    pub(crate) fn from_raw(file: &Path, json: &Value) -> Result<Self, CheckpointError> {
        let object = json.as_object().ok_or_else(|| CheckpointError::Json {
            file: file.to_owned(),
            problem: "expected a JSON object".to_owned(),
        })?;
        let mut keys = Keys::new(object);
        let config = read_keys(&mut keys);
        let problems = match &config {
            Some(config) if keys.problems.is_empty() => config.problems(),
            _ => Problems(keys.problems),
        };
        problems.into_result(|problems| CheckpointError::Config { file: file.to_owned(), problems })?;
        Ok(config.expect("a config without problems has every key"))
    }

    /// The config.json that transformers opens. [`Self::from_json`] gives the same configuration back.
    ///
    /// It is written in the older spelling, which versions 4 and 5 both read.
    pub fn to_json(&self) -> Value {
        json!({
            "architectures": [LLAMA_CLASS],
            "model_type": "llama",
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
            "rope_scaling": rope_json::write_scaling(&self.rope.scaling),
            "attention_bias": false,
            "mlp_bias": false,
            "attention_dropout": 0.0,
            "tie_word_embeddings": self.tie_word_embeddings,
            "initializer_range": self.initializer_range,
            "bos_token_id": self.bos_token_id,
            "eos_token_id": self.eos_token_id,
            "torch_dtype": self.dtype.config_name(),
            "use_cache": true,
        })
    }
}

/// `None` where a needed key is missing or wrong; then the problems say so.
fn read_keys(keys: &mut Keys) -> Option<LlamaConfig> {
    check_honoured(keys);
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
    check_layer_types(keys, num_hidden_layers);
    // All keys are read before the first `?`, so that one run reports all problems.
    let (vocab_size, intermediate_size) =
        (keys.required_size("vocab_size"), keys.required_size("intermediate_size"));
    let rope = rope_json::read(keys);
    let dtype = read_dtype(keys);
    let num_key_value_heads = keys.size("num_key_value_heads").or(num_attention_heads);
    let max_position_embeddings = keys.size("max_position_embeddings").unwrap_or(2048);
    let rms_norm_eps = keys.number("rms_norm_eps").unwrap_or(1e-6);
    let initializer_range = keys.number("initializer_range").unwrap_or(0.02);
    let tie_word_embeddings = keys.flag("tie_word_embeddings").unwrap_or(false);
    let (bos_token_id, eos_token_id) = (keys.token("bos_token_id"), keys.token("eos_token_id"));
    Some(LlamaConfig {
        vocab_size: vocab_size?,
        hidden_size: hidden_size?,
        intermediate_size: intermediate_size?,
        num_hidden_layers: num_hidden_layers?,
        num_attention_heads: num_attention_heads?,
        num_key_value_heads: num_key_value_heads?,
        head_dim: head_dim?,
        max_position_embeddings,
        rms_norm_eps,
        rope,
        tie_word_embeddings,
        initializer_range,
        dtype: dtype?,
        bos_token_id,
        eos_token_id,
    })
}

fn check_honoured(keys: &mut Keys) {
    for (key, allowed, reason) in ONLY {
        if let Some(value) = keys.value(key)
            && !allowed.contains(&value.to_string().as_str())
        {
            keys.problem(format!("`{key}` is {value}, but {reason}"));
        }
    }
    if let Some(architectures) = keys.value("architectures") {
        let is_causal = |name: &Value| [LLAMA_CLASS, MISTRAL_CLASS].iter().any(|class| name == class);
        if !architectures.as_array().is_some_and(|names| names.iter().all(is_causal)) {
            keys.problem(format!(
                "`architectures` is {architectures}, but this decoder is \"{LLAMA_CLASS}\""
            ));
        }
    } else if keys.value("model_type").is_none() {
        keys.problem("neither `model_type` nor `architectures` is there, expected \"llama\"".to_owned());
    }
    check_mistral(keys);
}

/// Mistral without its window is a LLaMA. What its files leave out means something else, though.
fn check_mistral(keys: &mut Keys) {
    let is_mistral = keys.value("model_type").map_or_else(
        || keys.value("architectures").is_some_and(|names| names[0] == MISTRAL_CLASS),
        |kind| kind == "mistral",
    );
    if !is_mistral {
        return;
    }
    for (key, meaning) in [("sliding_window", "4096"), ("num_key_value_heads", "8")] {
        if !keys.object.contains_key(key) {
            keys.problem(format!("`{key}` is missing, which means {meaning} in a \"mistral\"; write it out"));
        }
    }
}

fn check_layer_types(keys: &mut Keys, num_hidden_layers: Option<usize>) {
    let Some(types) = keys.value("layer_types") else { return };
    let full = json!("full_attention");
    match types.as_array() {
        Some(list) if list.iter().all(|one| *one == full) => {
            if let Some(layers) = num_hidden_layers.filter(|layers| *layers != list.len()) {
                keys.problem(format!("`layer_types` has {} entries for {layers} layers", list.len()));
            }
        }
        _ => keys.problem(format!(
            "`layer_types` may only list {full}: the decoder attends to the whole sequence"
        )),
    }
}

fn read_dtype(keys: &mut Keys) -> Option<Dtype> {
    let Some((key, value)) =
        ["dtype", "torch_dtype"].into_iter().find_map(|key| Some((key, keys.value(key)?)))
    else {
        return Some(Dtype::F32);
    };
    match value.as_str().map(|name| name.strip_prefix("torch.").unwrap_or(name)) {
        Some("float32") => Some(Dtype::F32),
        Some("float16") => Some(Dtype::F16),
        Some("bfloat16") => Some(Dtype::BF16),
        _ => {
            keys.problem(format!("`{key}` is {value}, expected \"float32\", \"float16\" or \"bfloat16\""));
            None
        }
    }
}

/// The keys of a JSON object, read one by one; what is wrong with any is gathered.
pub(crate) struct Keys<'a> {
    object: &'a Map<String, Value>,
    pub(crate) problems: Vec<String>,
}

impl<'a> Keys<'a> {
    pub(crate) fn new(object: &'a Map<String, Value>) -> Self {
        Self { object, problems: Vec::new() }
    }

    /// Null and absent are the same.
    pub(crate) fn value(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    fn read<T>(&mut self, key: &str, expected: &str, read: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        let value = self.value(key)?;
        let found = read(value);
        if found.is_none() {
            self.problem(format!("`{key}` is {value}, expected {expected}"));
        }
        found
    }

    pub(crate) fn size(&mut self, key: &str) -> Option<usize> {
        self.read(key, "a whole number", |value| value.as_u64().and_then(|size| usize::try_from(size).ok()))
    }

    pub(crate) fn number(&mut self, key: &str) -> Option<f64> {
        self.read(key, "a number", Value::as_f64)
    }

    pub(crate) fn required_size(&mut self, key: &str) -> Option<usize> {
        self.require(key, "a whole number");
        self.size(key)
    }

    pub(crate) fn required_number(&mut self, key: &str) -> Option<f64> {
        self.require(key, "a number");
        self.number(key)
    }

    fn require(&mut self, key: &str, expected: &str) {
        if self.value(key).is_none() {
            self.problem(format!("`{key}` is missing, expected {expected}"));
        }
    }

    fn flag(&mut self, key: &str) -> Option<bool> {
        self.read(key, "true or false", Value::as_bool)
    }

    /// A token id, or the first of a list of them.
    fn token(&mut self, key: &str) -> Option<u32> {
        self.read(key, "a token id", |value| {
            let first = value.as_array().map_or(Some(value), |list| list.first())?;
            first.as_u64().and_then(|token| u32::try_from(token).ok())
        })
    }
}
