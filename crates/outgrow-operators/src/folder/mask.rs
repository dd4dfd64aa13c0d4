//! A mask over the new parts of a model (G_random, arXiv 2405.15319, A.5): the file that says where it stands, and
//! folding it into the weights, which is a plan like any other. Opening it little by little is training's; nothing here
//! moves it.
//!
//! At mask `m` a new layer, channel, neuron or head puts out `m` times what its weights say: 0 is the source's
//! function, 1 is the model as its weights are. That is a factor of columns of the embedding, and of rows and columns
//! of what writes the residual stream, so that a folded model needs no mask.

use std::{fs, path::Path, sync::Arc};

use outgrow_checkpoint::{CheckpointError, LlamaConfig, tensor_names::layer_index};
use serde::{Deserialize, Serialize};

use crate::{
    error::GrowthError,
    plan::{
        origin::{Channel, Channels, Fill, Origin, PlannedTensor, Widening},
        part::Part,
        units::MaskedUnits,
    },
};

/// Where a masked folder says so.
pub(crate) const MASK_FILE: &str = "training/mask.json";

/// Where the mask of a model stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    /// 0, closed, to below 1, which is open.
    pub mask: f64,
    /// Tokens over which it is to open, where that has been said.
    pub ramp_tokens: Option<u64>,
    /// What it is over.
    pub masked: MaskedUnits,
}

impl Mask {
    /// The mask of a folder, if it has one.
    ///
    /// # Errors
    /// `Mask` for a file that says no mask of this model; `Io`.
    pub(crate) fn read(folder: &Path, model: &LlamaConfig) -> Result<Option<Self>, GrowthError> {
        let file = folder.join(MASK_FILE);
        if !file.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&file).map_err(|error| CheckpointError::io("read", &file, error))?;
        let mask: Result<Self, _> = serde_json::from_str(&text);
        let problems = match &mask {
            Ok(mask) => mask.problems(model),
            Err(error) => vec![error.to_string()],
        };
        match mask {
            Ok(mask) if problems.is_empty() => Ok(Some(mask)),
            _ => Err(GrowthError::Mask { file, problems: problems.join("; ") }),
        }
    }

    fn problems(&self, model: &LlamaConfig) -> Vec<String> {
        let value = self.mask;
        let wrong =
            (!(0.0..1.0).contains(&value)).then(|| format!("`mask` is {value}, expected 0 to below 1"));
        wrong.into_iter().chain(self.masked.problems(model)).collect()
    }

    /// The text of the file.
    pub(crate) fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("numbers and lists of numbers are JSON");
        format!("{json}\n")
    }

    /// The tensors of `model` with the mask folded in, over those without it.
    pub(crate) fn folded(&self, model: &LlamaConfig) -> Vec<PlannedTensor> {
        let masked = &self.masked;
        let hidden = self.factors(&masked.hidden_size, model.hidden_size, 1);
        let neurons = self.factors(&masked.intermediate_size, model.intermediate_size, 1);
        // A tied head reads the channels through the embedding, masked as it is now; the norm before it makes up for
        // that. Closed channels hold zero, whatever they are multiplied by.
        let undone = |factor: &f32| if *factor > 0.0 { 1.0 / factor } else { 1.0 };
        let gains: Vec<f32> = hidden.iter().map(undone).collect();
        let heads = self.factors(&masked.num_attention_heads, model.num_attention_heads, model.head_dim);
        let of_layer = |layer: usize| {
            let is_masked = masked.layers.iter().any(|[first, end]| (*first..*end).contains(&layer));
            if is_masked { self.mask as f32 } else { 1.0 }
        };
        let folded = |name: &str| {
            let (rows, columns) = match Part::of(name) {
                Some(Part::Embedding) => (&[][..], &hidden[..]),
                Some(Part::Output) => (&hidden[..], &heads[..]),
                Some(Part::OutputBias) => (&hidden[..], &[][..]),
                Some(Part::Down) => (&hidden[..], &neurons[..]),
                Some(Part::FinalNorm) if model.tie_word_embeddings => (&gains[..], &[][..]),
                _ => return Origin::copy(name),
            };
            let layer = layer_index(name).map_or(1.0, of_layer);
            let rows: Vec<f32> = rows.iter().map(|factor| factor * layer).collect();
            Origin::copy(name).widened(Widening {
                rows: channels(&rows),
                columns: channels(columns),
                new_columns: Fill::ZERO,
                new_rows: Fill::ZERO,
                corner: Fill::ZERO,
            })
        };
        let tensors = model.tensors().into_iter();
        tensors
            .map(|one| PlannedTensor { origin: folded(&one.name), name: one.name, shape: one.shape })
            .collect()
    }

    /// What each channel is multiplied by.
    fn factors(&self, masked: &[[usize; 2]], size: usize, channels: usize) -> Vec<f32> {
        let mut factors = vec![1.0; size * channels];
        for [first, end] in masked {
            factors[first * channels..end * channels].fill(self.mask as f32);
        }
        factors
    }
}

/// Every channel where it was, times its factor; `None` where all factors are 1.
fn channels(factors: &[f32]) -> Option<Channels> {
    let is_one = |factor: &f32| factor.to_bits() == 1_f32.to_bits();
    let channel =
        |(source, factor): (usize, &f32)| Some(Channel { source, scale: *factor, gradient: *factor });
    (!factors.iter().all(is_one))
        .then(|| Arc::from(factors.iter().enumerate().map(channel).collect::<Vec<_>>()))
}
