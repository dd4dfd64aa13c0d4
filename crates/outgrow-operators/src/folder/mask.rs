//! The mask of a folder: the file that says where it stands, and folding it into the weights, which is a plan like any
//! other. What a mask does is in plan/mask.rs. Opening it little by little is training's; nothing here moves it.

use std::{fs, path::Path, sync::Arc};

use outgrow_checkpoint::{CheckpointError, LlamaConfig};
use serde::{Deserialize, Serialize};

use crate::{
    error::GrowthError,
    plan::{
        mask::{MaskFactors, MaskValues, TensorFactors},
        masked_units::MaskedUnits,
        origin::{Channel, Channels, Fill, Origin, PlannedTensor, Widening},
        part::Part,
    },
};

/// Where a masked folder says so.
pub const MASK_FILE: &str = "training/mask.json";

/// Where the mask of a model stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    /// 0, closed, to 1, which is open. Not all of it is open.
    pub mask: MaskValues,
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
        let values = self.mask.list();
        let is_mask = values.iter().all(|value| (0.0..=1.0).contains(value));
        let is_open = values.iter().all(|value| *value >= 1.0);
        let wrong = (!is_mask || is_open).then(|| format!("`mask` is {}, expected 0 to below 1", self.mask));
        wrong.into_iter().chain(self.masked.problems(model)).collect()
    }

    /// The text of the file.
    #[expect(clippy::missing_panics_doc, reason = "numbers and lists of numbers are JSON: it never does")]
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("numbers and lists of numbers are JSON");
        format!("{json}\n")
    }

    /// What it multiplies the tensors of `model` by.
    pub(crate) fn factors(&self, model: &LlamaConfig) -> MaskFactors {
        MaskFactors::new(&self.masked, self.mask, model)
    }

    /// The tensors of `model` with the mask folded in, over those without it.
    pub(crate) fn folded(&self, model: &LlamaConfig) -> Vec<PlannedTensor> {
        let factors = self.factors(model);
        let embedding = factors.of("model.embed_tokens.weight").columns;
        let folded = |name: &str| {
            let TensorFactors { rows, columns } = factors.of(name);
            let rows = match (Part::of(name), &embedding) {
                (Some(Part::FinalNorm), Some(embedding)) if model.tie_word_embeddings => {
                    Some(unmasked_again(rows, embedding))
                }
                _ => rows,
            };
            Origin::copy(name).widened(Widening {
                rows: rows.map(|factors| channels(&factors)),
                columns: columns.map(|factors| channels(&factors)),
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
}

/// A tied head reads the channels through the embedding, which is masked when it is folded; the norm before it makes up
/// for that. Closed channels hold zero, whatever they are multiplied by.
fn unmasked_again(gains: Option<Arc<[f32]>>, embedding: &[f32]) -> Arc<[f32]> {
    let undone = |factor: &f32| if *factor > 0.0 { 1.0 / factor } else { 1.0 };
    match gains {
        Some(gains) => gains.iter().zip(embedding).map(|(gain, factor)| gain * undone(factor)).collect(),
        None => embedding.iter().map(undone).collect(),
    }
}

/// Every channel where it was, times its factor.
fn channels(factors: &[f32]) -> Channels {
    let channel =
        |(source, factor): (usize, &f32)| Some(Channel { source, scale: *factor, gradient: *factor });
    factors.iter().enumerate().map(channel).collect()
}
