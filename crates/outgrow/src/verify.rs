//! What a growth has done, measured: both models on the same text, gradients old and new, duplicates, and bytes. It is
//! a report; whether that is what one wanted is for the reader to say.

mod bytes;
mod layers;
mod lines;
mod running;
mod symmetry;
mod table;
mod tokens;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{Checkpoint, Dtype, Note, tensor_names::layer_index};
use outgrow_kernels::DeviceName;
use outgrow_operators::Source;
use serde::Serialize;

use self::{
    bytes::{Compared, ComparedTensor, Duplicates, Relation},
    layers::ComparedLayer,
    running::{Outcome, norm, outcome},
    symmetry::{Symmetry, symmetry},
    tokens::sample,
};
use crate::error::Result;

/// Logits that differ by less than this part of the largest are the same, but for the order of f32 sums.
const SAME_LOGITS: f64 = 1e-5;

/// Source and target compared. Its `Display` is for people, its JSON has every tensor and every layer.
#[derive(Debug, Serialize)]
pub(crate) struct Verification {
    source: PathBuf,
    target: PathBuf,
    /// `None` where one of the folders holds no model that can be run.
    models: Option<Models>,
    /// Why not.
    not_run: Option<String>,
    layers: Vec<ComparedLayer>,
    tensors: Vec<ComparedTensor>,
    /// Tensors of the source whose names and bytes are nowhere in the target.
    left_out: Vec<String>,
    /// What isn't as it should be about the source.
    pub source_notes: Vec<String>,
    /// What isn't as it should be about the target.
    pub target_notes: Vec<String>,
}

/// What running both models gave.
#[derive(Debug, Serialize)]
struct Models {
    /// Where the tokens are from.
    text: String,
    sequences: usize,
    sequence_length: usize,
    source: Numbers,
    target: Numbers,
    /// `None` where the vocabularies differ.
    logits: Option<Logits>,
    /// 2-norms of the target's gradients, by what its tensors are to the source.
    gradient_groups: BTreeMap<Relation, GradientGroup>,
    /// Tensors of the target whose gradient is exactly zero.
    zero_gradients: Vec<String>,
    symmetry: Symmetry,
}

#[derive(Debug, Serialize)]
struct Numbers {
    /// Mean next-token cross-entropy, in nats a token.
    loss: f64,
    /// The 2-norm of all gradients taken as one vector.
    gradient_norm: f64,
    embedding_rms: f64,
    /// Root mean square of the residual stream behind each layer.
    layer_output_rms: Vec<f64>,
}

#[derive(Debug, Serialize)]
struct Logits {
    largest_difference: f64,
    difference_rms: f64,
    /// Of the source's.
    rms: f64,
    /// The largest of the source's, without its sign.
    largest: f64,
    /// The type that the target is stored in, which rounds what was computed.
    dtype: String,
    function: Function,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Function {
    /// But for the order of f32 sums.
    Preserved,
    /// As much as the stored type's rounding can explain.
    PreservedToRounding,
    NotPreserved,
}

#[derive(Debug, Default, Serialize)]
struct GradientGroup {
    tensors: usize,
    gradient_norm: f64,
}

impl Verification {
    /// Compares two folders; `text` is run instead of the program's own.
    ///
    /// # Errors
    /// When a folder holds no decoder, a file can't be read, or the text can't be tokenised.
    pub(crate) fn new(source: &Path, target: &Path, text: Option<&Path>, device: DeviceName) -> Result<Self> {
        let (before, after) = (Source::open(source)?, Source::open(target)?);
        let Compared { mut tensors, duplicates, left_out } = bytes::compare(&before, &after)?;
        let mut layers = layers::compare(&tensors);
        let (mut models, mut not_run) = (None, None);
        match (&before, &after) {
            (Source::Llama(before), Source::Llama(after)) => {
                models = Some(run(before, after, &duplicates, &mut tensors, &mut layers, text, device)?);
            }
            (Source::Other(other), _) | (_, Source::Other(other)) => not_run = Some(other.why_not_run()),
        }
        let [source_notes, target_notes] =
            [&before, &after].map(|folder| folder.notes().iter().map(Note::to_string).collect());
        let (source, target) = (source.to_owned(), target.to_owned());
        Ok(Self { source, target, models, not_run, layers, tensors, left_out, source_notes, target_notes })
    }
}

fn run(
    before: &Checkpoint,
    after: &Checkpoint,
    duplicates: &Duplicates,
    tensors: &mut [ComparedTensor],
    layers: &mut [ComparedLayer],
    text: Option<&Path>,
    device: DeviceName,
) -> Result<Models> {
    let (small, large) = (before.config(), after.config());
    let positions = small.max_position_embeddings.min(large.max_position_embeddings);
    let vocab_size = small.vocab_size.min(large.vocab_size);
    let sample = sample(before.folder(), text, vocab_size, positions)?;
    let source = outcome(before, &sample.batch, device)?;
    let (source_numbers, source_logits) = (Numbers::of(&source), source.logits);
    drop(source.gradients);
    let target = outcome(after, &sample.batch, device)?;
    let logits = (small.vocab_size == large.vocab_size)
        .then(|| Logits::compare(&source_logits, &target.logits, large.dtype));
    let mut groups: BTreeMap<Relation, GradientGroup> = BTreeMap::new();
    let mut zero_gradients = Vec::new();
    for tensor in &mut *tensors {
        // A tensor that the loss doesn't reach has no gradient; that is zero.
        let norm = target.gradients.get(&tensor.name).map_or(0.0, |gradient| norm(gradient.iter()));
        tensor.gradient_norm = Some(norm);
        if norm == 0.0 {
            zero_gradients.push(tensor.name.clone());
        }
        let group = groups.entry(tensor.relation).or_default();
        group.tensors += 1;
        group.gradient_norm = group.gradient_norm.hypot(norm);
    }
    for layer in &mut *layers {
        let of_layer = tensors.iter().filter(|tensor| layer_index(&tensor.name) == Some(layer.layer));
        layer.output_rms = target.rms.get(layer.layer + 1).copied();
        layer.gradient_norm = Some(of_layer.filter_map(|one| one.gradient_norm).fold(0.0, f64::hypot));
    }
    Ok(Models {
        text: sample.origin,
        sequences: sample.batch.sequences,
        sequence_length: sample.batch.sequence_length,
        source: source_numbers,
        target: Numbers::of(&target),
        logits,
        gradient_groups: groups,
        zero_gradients,
        symmetry: symmetry(after, duplicates, &target.gradients)?,
    })
}

impl Numbers {
    fn of(outcome: &Outcome) -> Self {
        Self {
            loss: outcome.loss,
            gradient_norm: norm(outcome.gradients.values().flatten()),
            embedding_rms: outcome.rms[0],
            layer_output_rms: outcome.rms[1..].to_vec(),
        }
    }
}

impl Logits {
    fn compare(source: &[f32], target: &[f32], dtype: Dtype) -> Self {
        let root_mean = |squares: f64| (squares / source.len() as f64).sqrt();
        let differences =
            || source.iter().zip(target).map(|(left, right)| (f64::from(*left) - f64::from(*right)).abs());
        // `f64::max` would pass over what is not a number.
        let larger = |left: f64, right: f64| if left >= right || left.is_nan() { left } else { right };
        let largest_difference = differences().fold(0.0, larger);
        let largest = source.iter().map(|value| f64::from(value.abs())).fold(0.0, larger);
        let rounding = match dtype {
            Dtype::F64 | Dtype::F32 => 0.0,
            Dtype::F16 => 2.0_f64.powi(-10),
            Dtype::Bf16 => 2.0_f64.powi(-7),
        };
        let function = if largest_difference <= SAME_LOGITS * largest.max(1.0) {
            Function::Preserved
        } else if largest_difference <= rounding * largest {
            Function::PreservedToRounding
        } else {
            Function::NotPreserved
        };
        Self {
            largest_difference,
            difference_rms: root_mean(differences().map(|difference| difference.powi(2)).sum()),
            rms: root_mean(source.iter().map(|value| f64::from(*value).powi(2)).sum()),
            largest,
            dtype: dtype.to_string(),
            function,
        }
    }
}
