//! What a token of training costs, by two named conventions, and what an optimizer adds to a step. Counts
//! multiplications and additions; knows nothing of seconds.

use std::{fmt, str::FromStr};

use outgrow_checkpoint::LlamaConfig;
use serde::{Deserialize, Serialize};

use crate::{error::ScheduleError, trainable::Trainable};

/// How FLOPs are counted. Never compare numbers of two conventions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlopConvention {
    /// 6 · parameters per token, embedding and head included, whatever is frozen: what the figures of arXiv 2405.15319
    /// use.
    SixTimesParameters,
    /// Matrix products and causal attention, without the backward of what is frozen: [`FlopParts::per_token`].
    Exact,
}

impl FlopConvention {
    /// All conventions.
    pub const ALL: [Self; 2] = [Self::SixTimesParameters, Self::Exact];

    /// FLOPs of one token of training, in sequences of `sequence_length` tokens.
    ///
    /// ```
    /// # fn main() -> Result<(), outgrow_checkpoint::CheckpointError> {
    /// use outgrow_checkpoint::LlamaConfig;
    /// use outgrow_schedules::{FlopConvention, Trainable};
    ///
    /// let model = LlamaConfig::from_json(
    ///     r#"{ "model_type": "llama", "vocab_size": 100, "hidden_size": 16, "intermediate_size": 32,
    ///          "num_hidden_layers": 4, "num_attention_heads": 2, "rms_norm_eps": 1e-5 }"#,
    /// )?;
    /// let all = FlopConvention::Exact.flops_per_token(&model, 64, &Trainable::All);
    /// let top = FlopConvention::Exact.flops_per_token(&model, 64, &Trainable::Top { layers: 1 });
    /// assert!(top < all);
    /// let six = FlopConvention::SixTimesParameters.flops_per_token(&model, 64, &Trainable::All);
    /// assert_eq!(six, 6.0 * model.num_parameters() as f64);
    /// # Ok(())
    /// # }
    /// ```
    pub fn flops_per_token(self, model: &LlamaConfig, sequence_length: usize, trainable: &Trainable) -> f64 {
        match self {
            Self::SixTimesParameters => 6.0 * model.num_parameters() as f64,
            Self::Exact => FlopParts::per_token(model, sequence_length, trainable).total(),
        }
    }

    /// As settings name it.
    fn name(self) -> &'static str {
        match self {
            Self::SixTimesParameters => "six-times-parameters",
            Self::Exact => "exact",
        }
    }
}

impl fmt::Display for FlopConvention {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for FlopConvention {
    type Err = ScheduleError;

    fn from_str(name: &str) -> Result<Self, ScheduleError> {
        let found = Self::ALL.into_iter().find(|convention| convention.name() == name);
        found.ok_or_else(|| {
            let expected = Self::ALL.map(Self::name).join(" or ");
            ScheduleError::Convention { name: name.to_owned(), expected }
        })
    }
}

/// FLOPs of one token by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlopParts {
    /// Running the model.
    pub forward: f64,
    /// Gradients that go on to what lies below; in attention, those of queries, keys, values and weights.
    pub backward_by_input: f64,
    /// Gradients of weights.
    pub backward_by_weight: f64,
}

impl FlopParts {
    /// FLOPs of one token of training, counted from the matrix products.
    ///
    /// - A matrix of P weights costs 2 P forward, 2 P for the gradient of its input and 2 P for that of its weights.
    /// - Causal attention over sequences of S tokens costs 2 · S · H forward and 4 · S · H backward per layer, where H
    ///   is heads times their size: a query sees S / 2 keys on average, with two products forward and four backward.
    /// - The embedding is a look-up and costs nothing; the head is a matrix, tied or not. Norms, activations, rotations
    ///   and AdamW are left out: they are linear in the width. What Muon adds is [`Orthogonalization`]'s.
    /// - A layer below all that is trained costs its forward only. A frozen one above hands its gradient on and costs
    ///   that too, without the gradients of its weights. A trainable layer costs all of it, although the lowest one
    ///   need not hand its gradient on to the frozen ones below. The head always hands its gradient on.
    pub fn per_token(model: &LlamaConfig, sequence_length: usize, trainable: &Trainable) -> Self {
        let layers = model.num_hidden_layers as f64;
        let passed_layers = layers - trainable.frozen_layers(model) as f64;
        let trained_layers = trainable.trained_layers(model) as f64;
        let layer_weights = 2.0 * layer_matrix_parameters(model) as f64;
        let attention = 2.0 * (sequence_length * model.num_attention_heads * model.head_dim) as f64;
        let head = 2.0 * (model.hidden_size * model.vocab_size) as f64;
        Self {
            forward: layers * (layer_weights + attention) + head,
            backward_by_input: passed_layers * (layer_weights + 2.0 * attention) + head,
            backward_by_weight: trained_layers * layer_weights
                + if trainable.head(model) { head } else { 0.0 },
        }
    }

    /// All of it.
    pub fn total(&self) -> f64 {
        self.forward + self.backward_by_input + self.backward_by_weight
    }
}

/// What Muon multiplies at each step, however many tokens the step has: a part of the exact convention, and none of the
/// other.
///
/// ```
/// # fn main() -> Result<(), outgrow_checkpoint::CheckpointError> {
/// use outgrow_checkpoint::LlamaConfig;
/// use outgrow_schedules::{FlopConvention, Orthogonalization, Trainable};
///
/// let model = LlamaConfig::from_json(
///     r#"{ "model_type": "llama", "vocab_size": 8192, "hidden_size": 512, "intermediate_size": 1376,
///          "num_hidden_layers": 8, "num_attention_heads": 8, "rms_norm_eps": 1e-5 }"#,
/// )?;
/// let exact = |trainable| FlopConvention::Exact.flops_per_token(&model, 512, trainable);
/// let muon = Orthogonalization { iterations: 5, batch_tokens: 8 * 512 };
/// let share = muon.flops_per_token(&model, &Trainable::All) / exact(&Trainable::All);
/// assert_eq!((100.0 * share).round(), 43.0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orthogonalization {
    /// Newton–Schulz iterations.
    pub iterations: usize,
    /// Tokens of a step.
    pub batch_tokens: u64,
}

impl Orthogonalization {
    /// FLOPs of one step. An iteration of a matrix with sides `m ≤ n` has the products `XXᵀ`, `AA` and `PX`, in all
    /// `4m²n + 2m³`. Each product counts whole, though two are symmetric and a device may save half of them.
    pub fn flops_per_step(self, model: &LlamaConfig, trainable: &Trainable) -> f64 {
        let matrices = model.layer_matrices().into_iter();
        let trained = matrices.filter(|(name, _)| trainable.includes(model, name));
        let iteration = |[rows, columns]: [usize; 2]| {
            let (short, long) = (rows.min(columns) as f64, rows.max(columns) as f64);
            short * short * (4.0 * long + 2.0 * short)
        };
        self.iterations as f64 * trained.map(|(_, shape)| iteration(shape)).sum::<f64>()
    }

    /// Their share of one token.
    pub fn flops_per_token(self, model: &LlamaConfig, trainable: &Trainable) -> f64 {
        self.flops_per_step(model, trainable) / self.batch_tokens as f64
    }
}

/// Weights of the matrices of one layer.
fn layer_matrix_parameters(model: &LlamaConfig) -> usize {
    let queries = model.num_attention_heads * model.head_dim;
    let keys = model.num_key_value_heads * model.head_dim;
    // Queries and output; keys and values; gate, up and down.
    model.hidden_size * (2 * queries + 2 * keys + 3 * model.intermediate_size)
}
