//! The memory that a run takes on the CPU, by a formula that docs/PLANNING.md compares with measured peaks. What a GPU
//! keeps between forward and backward is another matter: there only what is kept between steps is counted.

use outgrow_checkpoint::LlamaConfig;
use outgrow_kernels::{DeviceName, Precision};
use outgrow_operators::{Moments, plan::MaskedUnits};
use outgrow_schedules::{PlannedGrowth, Stage};
use outgrow_train::StageLearning;
use serde::Serialize;

use super::facts::Facts;

/// A process that has read a tokenizer, and logits of some tokens at a time.
const PROCESS_BYTES: u64 = 80_000_000;
/// The most that the kernels keep of buffers that nobody uses at the moment.
const KEPT_BUFFER_BYTES: u64 = 256 << 20;

/// The most memory that a run takes, and when.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct MemoryPlan {
    /// The peak, in bytes.
    pub peak_bytes: u64,
    /// The stage that it is in.
    pub stage: String,
    /// What is done then.
    pub moment: Moment,
    /// Of which parameters, f32.
    pub parameter_bytes: u64,
    /// Of which the moments of what is trained: two of a parameter, one of a matrix that is Muon's.
    pub moment_bytes: u64,
    /// Of which gradients; 0 but in a step.
    pub gradient_bytes: u64,
    /// Of which what the backward pass needs of the forward pass; 0 but in a step, `null` where the device's isn't
    /// known.
    pub activation_bytes: Option<u64>,
}

/// When the peak is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Moment {
    /// In each step.
    Step,
    /// When a checkpoint is written.
    Checkpoint,
    /// When the matrices of the stage's growth are learned.
    Learning,
    /// When the stage's model is grown.
    Growth,
    /// When the run goes on from a checkpoint.
    Resumption,
}

impl MemoryPlan {
    pub(super) fn new(facts: &Facts<'_>) -> Self {
        let stages = facts.schedule.stages();
        let (first, goes_on) = match facts.start.standing() {
            Some((position, _)) => (position.stage.min(stages.len() - 1), true),
            None => (0, false),
        };
        let resumption = goes_on.then(|| of_resumption(facts, &stages[first]));
        let of_stage = |index: usize| {
            let growth = index.checked_sub(1).filter(|before| *before >= first);
            let learning = growth.and_then(|_| of_learning(facts, index));
            let growth = growth.and_then(|before| of_growth(facts, &stages[before], &stages[index]));
            let steps = (stages[index].tokens > 0).then(|| of_step(facts, index));
            [learning, growth, steps, Some(of_checkpoint(facts, &stages[index]))]
        };
        let all = resumption.into_iter().chain((first..stages.len()).flat_map(of_stage).flatten());
        // The first of several that are equal: a step rather than the checkpoint behind it.
        all.reduce(|most, one| if one.peak_bytes > most.peak_bytes { one } else { most })
            .expect("a schedule has a stage")
    }
}

/// Parameters that a stage trains: those that have gradients and moments.
pub(super) fn trained_parameters(stage: &Stage) -> u64 {
    let tensors = stage.model.tensors().into_iter();
    let trained = tensors.filter(|tensor| stage.trainable.includes(&stage.model, &tensor.name));
    trained.map(|tensor| tensor.shape.iter().map(|side| *side as u64).product::<u64>()).sum()
}

/// Two moments of each trained parameter, or one of those that are Muon's.
pub(super) fn moment_bytes(facts: &Facts<'_>, stage: &Stage) -> u64 {
    let two = 8 * trained_parameters(stage);
    if facts.settings.optimizer.muon.is_none() {
        return two;
    }
    let matrices = stage.model.layer_matrices().into_iter();
    let trained = matrices.filter(|(name, _)| stage.trainable.includes(&stage.model, name));
    two - 4 * trained.map(|(_, [rows, columns])| (rows * columns) as u64).sum::<u64>()
}

fn plan(facts: &Facts<'_>, stage: &Stage, moment: Moment, others: u64) -> MemoryPlan {
    let (parameter_bytes, moment_bytes) = (4 * stage.model.num_parameters(), moment_bytes(facts, stage));
    MemoryPlan {
        peak_bytes: parameter_bytes + moment_bytes + others + PROCESS_BYTES,
        stage: stage.name.clone(),
        moment,
        parameter_bytes,
        moment_bytes,
        gradient_bytes: 0,
        activation_bytes: Some(0),
    }
}

/// The peak of a step is where the backward pass begins, or a little later: each layer that is done leaves gradients,
/// and its buffers go back to the kernels, which keep some.
fn of_step(facts: &Facts<'_>, index: usize) -> MemoryPlan {
    let stage = &facts.schedule.stages()[index];
    let trained_layers = (stage.model.num_hidden_layers - stage.trainable.frozen_layers(&stage.model)) as u64;
    let tokens = (facts.settings.micro_batch_sequences * facts.data.sequence_length) as u64;
    let gradients = 4 * trained_parameters(stage);
    if facts.device != DeviceName::Flex {
        let step = plan(facts, stage, Moment::Step, gradients);
        return MemoryPlan { gradient_bytes: gradients, activation_bytes: None, ..step };
    }
    let layer = tokens * layer_bytes_per_token(&stage.model, facts.precision);
    let mask = facts.schedule.growth(index).and_then(PlannedGrowth::mask);
    let masked = mask.map_or(0, |mask| masked_bytes(&stage.model, mask.units(), trained_layers));
    let layers = trained_layers * layer + masked;
    let head = 4 * (stage.model.vocab_size * stage.model.hidden_size) as u64;
    let head = if stage.trainable.head(&stage.model) { head } else { 0 };
    let several_passes = facts.settings.micro_batch_sequences < facts.settings.batch_sequences;
    let gradients_at_peak = if several_passes {
        // Those of the passes before are there, too.
        gradients + head
    } else {
        let kept = KEPT_BUFFER_BYTES.min(layers) as f64 / layers.max(1) as f64;
        head + (gradients.saturating_sub(head) as f64 * kept) as u64
    };
    // The backward pass of a layer has about as much again in its hands, and half of that.
    let in_hand = layer + layer / 2;
    let step = plan(facts, stage, Moment::Step, gradients_at_peak + layers + in_hand);
    MemoryPlan { gradient_bytes: gradients_at_peak, activation_bytes: Some(layers + in_hand), ..step }
}

/// While matrices are learned all of the grown model is run, and no weight has moments; `None` where nothing is
/// learned.
fn of_learning(facts: &Facts<'_>, index: usize) -> Option<MemoryPlan> {
    let learning = StageLearning::of(facts.schedule, index, facts.settings, facts.data.sequence_length)?;
    let stage = &facts.schedule.stages()[index];
    let tokens = (facts.settings.micro_batch_sequences * facts.data.sequence_length) as u64;
    let layer = tokens * layer_bytes_per_token(&stage.model, facts.precision);
    let layers = stage.model.num_hidden_layers as u64 * layer;
    let activation_bytes = (facts.device == DeviceName::Flex).then(|| layers + layer + layer / 2);
    let peak_bytes = learning.bytes + activation_bytes.unwrap_or_default() + PROCESS_BYTES;
    let parameter_bytes = 4 * stage.model.num_parameters();
    Some(MemoryPlan {
        peak_bytes,
        stage: stage.name.clone(),
        moment: Moment::Learning,
        parameter_bytes,
        moment_bytes: 0,
        gradient_bytes: learning.bytes.saturating_sub(parameter_bytes),
        activation_bytes,
    })
}

/// What a layer on the CPU keeps of a token: its input, queries, keys, values, what attention gave, the residual stream
/// between its two blocks, gate and up. In bf16 the stream and what attention gave stay f32.
fn layer_bytes_per_token(model: &LlamaConfig, precision: Precision) -> u64 {
    let queries = model.num_attention_heads * model.head_dim;
    let keys = model.num_key_value_heads * model.head_dim;
    let (streams, products) =
        (2 * model.hidden_size + queries, queries + 2 * keys + 2 * model.intermediate_size);
    let product_bytes = match precision {
        Precision::F32 => 4,
        Precision::Bf16 => 2,
    };
    (4 * streams + product_bytes * products) as u64
}

/// What a mask multiplies beside what it is multiplied into: in a layer `o_proj` and `down_proj`.
fn masked_bytes(model: &LlamaConfig, units: &MaskedUnits, trained_layers: u64) -> u64 {
    let widths = [&units.hidden_size, &units.intermediate_size, &units.num_attention_heads];
    let layers = if widths.iter().all(|masked| masked.is_empty()) {
        units.layers.iter().map(|[first, end]| (end - first) as u64).sum()
    } else {
        trained_layers
    };
    let columns = model.num_attention_heads * model.head_dim + model.intermediate_size;
    layers * (4 * model.hidden_size * columns) as u64
}

/// Weights and then moments are copied to be written.
fn of_checkpoint(facts: &Facts<'_>, stage: &Stage) -> MemoryPlan {
    let copied = (4 * stage.model.num_parameters()).max(moment_bytes(facts, stage));
    plan(facts, stage, Moment::Checkpoint, copied)
}

/// A checkpoint's tensors are read, and then moved to the device.
fn of_resumption(facts: &Facts<'_>, stage: &Stage) -> MemoryPlan {
    plan(facts, stage, Moment::Resumption, 4 * stage.model.num_parameters() + moment_bytes(facts, stage))
}

/// The old model with its optimizer beside the grown one; `None` where nothing grows.
fn of_growth(facts: &Facts<'_>, before: &Stage, stage: &Stage) -> Option<MemoryPlan> {
    stage.enter.as_ref()?;
    let (old, old_moments) = (4 * before.model.num_parameters(), moment_bytes(facts, before));
    let new = 4 * stage.model.num_parameters();
    let moments = match stage.at_growth.moments {
        Moments::Reset => 0,
        // Grown, and then moved to the device.
        Moments::Copy | Moments::KeepOld | Moments::Scaled => 2 * moment_bytes(facts, stage),
    };
    // First the weights: old, their copy, and the grown ones twice. Then the moments.
    let peak = (old + old_moments + old + new).max(2 * old_moments + 2 * new + moments);
    let plan = plan(facts, stage, Moment::Growth, 0);
    Some(MemoryPlan { peak_bytes: peak + PROCESS_BYTES, moment_bytes: moments / 2 + old_moments, ..plan })
}
