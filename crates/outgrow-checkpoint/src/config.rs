//! The shape of a LLaMA-style decoder, and what makes one possible. It does not know how the shape is spelt in JSON.

mod attention_bias;
pub(crate) mod tensors;

pub(crate) mod keys;
mod family;
pub(crate) mod honoured;
mod rope;
pub(crate) mod json;
pub(crate) mod file;
mod opens;

pub use attention_bias::{AttentionBias, UnknownAttentionBias};
pub use file::ConfigFile;
pub use honoured::is_base_model;
pub use opens::heads_that_would_do;
pub use tensors::TensorShape;

use std::ops::Deref;

use crate::{
    dtype::Dtype,
    error::{CheckpointError, Problems},
    folder::file_names::CONFIG_FILE,
};

const NO_ORIGINAL_POSITIONS: &str = "`original_max_position_embeddings` is 0, expected at least 1";

/// More layers than any decoder has; a bound, so that a slip in a factor is an error and not an endless allocation.
pub const LARGEST_NUM_HIDDEN_LAYERS: usize = 65_536;

/// The shape of a LLaMA-style decoder: pre-RMSNorm, rotate-half RoPE, grouped-query attention, SwiGLU, and biases in
/// attention or none. Fields are named as in Hugging Face's config.json. Nothing is checked: [`LlamaConfig::new`] does
/// that.
#[derive(Clone, Debug, PartialEq)]
pub struct LlamaFields {
    /// Rows of the embedding and of the head.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the feed-forward network.
    pub intermediate_size: usize,
    /// Number of decoder layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; divides `num_attention_heads`.
    pub num_key_value_heads: usize,
    /// Width of a head; even. Not necessarily `hidden_size / num_attention_heads`.
    pub head_dim: usize,
    /// Which projections of attention have biases.
    pub attention_bias: AttentionBias,
    /// Longest sequence that the model is meant for, in tokens.
    pub max_position_embeddings: usize,
    /// Added to the mean square inside RMSNorm.
    pub rms_norm_eps: f64,
    /// Rotary position embedding.
    pub rope: Rope,
    /// Whether the head is the embedding.
    pub tie_word_embeddings: bool,
    /// Standard deviation of fresh weights.
    pub initializer_range: f64,
    /// How tensors are stored when this model is written.
    pub dtype: Dtype,
    /// Token that begins a text.
    pub bos_token_id: Option<u32>,
    /// Token that ends a text; the first where the file lists several.
    pub eos_token_id: Option<u32>,
}

/// Rotary position embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// Base of the wave lengths.
    pub theta: f64,
    /// How the frequencies are changed for longer contexts.
    pub scaling: RopeScaling,
}

/// `rope_type` of Hugging Face, as far as the decoder knows it.
#[derive(Clone, Debug, PartialEq)]
pub enum RopeScaling {
    /// Frequencies as they are.
    Default,
    /// All positions divided by `factor`.
    Linear {
        /// Divisor of the positions.
        factor: f64,
    },
    /// Llama 3.1: long waves are divided by `factor`, short ones kept, with a smooth ramp between.
    Llama3 {
        /// Divisor of the low frequencies.
        factor: f64,
        /// Waves longer than `original_max_position_embeddings / low_freq_factor` are divided.
        low_freq_factor: f64,
        /// Waves shorter than `original_max_position_embeddings / high_freq_factor` are kept.
        high_freq_factor: f64,
        /// Context length that the model was first trained with, in tokens.
        original_max_position_embeddings: usize,
    },
    /// YaRN (arXiv 2309.00071): waves that turn seldom within the original context are divided by `factor`, those that
    /// turn often are kept, with a ramp over the pairs between; and scores are made sharper.
    Yarn(Yarn),
}

/// The numbers of YaRN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Yarn {
    /// Divisor of the low frequencies.
    pub factor: f64,
    /// Context length that the model was first trained with, in tokens.
    pub original_max_position_embeddings: usize,
    /// What turns so often or more within the original context is kept.
    pub beta_fast: f64,
    /// What turns so often or less is divided.
    pub beta_slow: f64,
    /// What cosines and sines are multiplied by, so that scores are by its square.
    pub attention_factor: f64,
    /// Whether the ramp begins and ends at whole pairs.
    pub truncate: bool,
}

impl Yarn {
    /// The paper's, and what files leave out: turns from 32 to 1, and `0.1 · ln factor + 1` for the scores.
    pub fn new(factor: f64, original_max_position_embeddings: usize) -> Self {
        Self {
            factor,
            original_max_position_embeddings,
            beta_fast: 32.0,
            beta_slow: 1.0,
            attention_factor: Self::sharpness(factor, 1.0),
            truncate: true,
        }
    }

    /// `0.1 · scale · ln factor + 1`; 1 where nothing is made longer.
    pub(crate) fn sharpness(factor: f64, scale: f64) -> f64 {
        if factor <= 1.0 { 1.0 } else { 0.1 * scale * factor.ln() + 1.0 }
    }
}

/// The shape of a decoder that can be built: [`LlamaFields`] that have been checked, to be read and not to be written.
///
/// ```
/// use outgrow_checkpoint::LlamaConfig;
///
/// let text = r#"{ "model_type": "llama", "vocab_size": 64, "hidden_size": 8, "intermediate_size": 12,
///     "num_hidden_layers": 2, "num_attention_heads": 4 }"#;
/// let config = LlamaConfig::from_json(text)?;
/// assert_eq!(config.head_dim, 2);
/// let deeper = config.with(|fields| fields.num_hidden_layers = 4)?;
/// assert_eq!(deeper.num_hidden_layers, 4);
/// let problem = config.with(|fields| fields.num_key_value_heads = 3).unwrap_err();
/// assert_eq!(
///     problem.to_string(),
///     "config.json: `num_attention_heads` is 4, not a multiple of `num_key_value_heads`, which is 3"
/// );
/// # Ok::<(), outgrow_checkpoint::CheckpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LlamaConfig {
    fields: LlamaFields,
}

impl LlamaConfig {
    /// A shape, if a decoder of it can be built.
    ///
    /// # Errors
    /// [`CheckpointError::Config`] with every problem found.
    pub fn new(fields: LlamaFields) -> Result<Self, CheckpointError> {
        Self::check(fields).map_err(|problems| CheckpointError::Config { file: CONFIG_FILE.into(), problems })
    }

    /// This shape with some fields changed.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with(&self, change: impl FnOnce(&mut LlamaFields)) -> Result<Self, CheckpointError> {
        let mut fields = self.fields.clone();
        change(&mut fields);
        Self::new(fields)
    }

    /// This shape, stored in another type; every shape can be.
    #[must_use]
    pub fn with_dtype(mut self, dtype: Dtype) -> Self {
        self.fields.dtype = dtype;
        self
    }

    /// The fields, to be changed and checked again.
    pub fn into_fields(self) -> LlamaFields {
        self.fields
    }

    pub(crate) fn check(fields: LlamaFields) -> Result<Self, Problems> {
        let problems = fields.problems();
        if problems.is_empty() { Ok(Self { fields }) } else { Err(Problems(problems)) }
    }
}

impl Deref for LlamaConfig {
    type Target = LlamaFields;

    fn deref(&self) -> &LlamaFields {
        &self.fields
    }
}

impl LlamaFields {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        self.check_sizes(&mut problems);
        self.check_numbers(&mut problems);
        if problems.is_empty() && self.num_parameters_wide() > 1 << 53 {
            problems.push("the sizes together give more than 2^53 parameters".to_owned());
        }
        problems
    }

    fn check_sizes(&self, problems: &mut Vec<String>) {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("head_dim", self.head_dim),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        for (key, _) in sizes.iter().filter(|(_, size)| *size == 0) {
            problems.push(format!("`{key}` is 0, expected at least 1"));
        }
        // Products of three sizes must not overflow while the parameters are counted.
        for (key, size) in sizes.iter().filter(|(_, size)| *size > 1 << 40) {
            problems.push(format!("`{key}` is {size}, expected at most 2^40"));
        }
        let (heads, shared) = (self.num_attention_heads, self.num_key_value_heads);
        if shared != 0 && !heads.is_multiple_of(shared) {
            problems.push(format!(
                "`num_attention_heads` is {heads}, not a multiple of `num_key_value_heads`, which is {shared}"
            ));
        }
        if !self.head_dim.is_multiple_of(2) {
            problems.push(format!("`head_dim` is {}; rotary embedding needs an even one", self.head_dim));
        }
        if self.num_hidden_layers > LARGEST_NUM_HIDDEN_LAYERS {
            problems.push(format!(
                "`num_hidden_layers` is {}, expected at most {LARGEST_NUM_HIDDEN_LAYERS}",
                self.num_hidden_layers
            ));
        }
    }

    fn check_numbers(&self, problems: &mut Vec<String>) {
        let mut positive = |key: &str, value: f64| {
            if !(value.is_finite() && value > 0.0) {
                problems.push(format!("`{key}` is {value}, expected a positive number"));
            }
        };
        positive("rms_norm_eps", self.rms_norm_eps);
        positive("rope_theta", self.rope.theta);
        match self.rope.scaling {
            RopeScaling::Default => {}
            RopeScaling::Linear { factor } => positive("rope factor", factor),
            RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings,
            } => {
                positive("rope factor", factor);
                positive("low_freq_factor", low_freq_factor);
                positive("high_freq_factor", high_freq_factor);
                if low_freq_factor >= high_freq_factor {
                    problems.push(format!(
                        "`low_freq_factor` is {low_freq_factor}, not below `high_freq_factor`, which is {high_freq_factor}"
                    ));
                }
                if original_max_position_embeddings == 0 {
                    problems.push(NO_ORIGINAL_POSITIONS.to_owned());
                }
            }
            RopeScaling::Yarn(yarn) => {
                positive("rope factor", yarn.factor);
                positive("beta_fast", yarn.beta_fast);
                positive("beta_slow", yarn.beta_slow);
                positive("attention_factor", yarn.attention_factor);
                if yarn.beta_fast < yarn.beta_slow {
                    let Yarn { beta_fast, beta_slow, .. } = yarn;
                    problems
                        .push(format!("`beta_fast` is {beta_fast}, below `beta_slow`, which is {beta_slow}"));
                }
                if self.rope.theta <= 1.0 {
                    let theta = self.rope.theta;
                    problems.push(format!("`rope_theta` is {theta}, and YaRN needs one above 1"));
                }
                if yarn.original_max_position_embeddings == 0 {
                    problems.push(NO_ORIGINAL_POSITIONS.to_owned());
                }
            }
        }
        if !(self.initializer_range.is_finite() && self.initializer_range >= 0.0) {
            let range = self.initializer_range;
            problems.push(format!("`initializer_range` is {range}, expected 0 or a positive number"));
        }
    }
}
