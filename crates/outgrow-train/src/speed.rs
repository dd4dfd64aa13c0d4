//! How fast a device trains models of a width: a look of a second or so, before a run. It trains a small model of no
//! sense and keeps nothing of it.
//!
//! A model's depth hardly changes how fast its FLOPs are, but its width does. So models that are too large for a short
//! look are measured with fewer layers, and where one layer is too large, with plain matrix products.

use std::{
    fmt,
    time::{Duration, Instant},
};

use burn::tensor::{Device, Tensor};
use outgrow_checkpoint::{HostTensor, LlamaConfig, NamedTensors};
use outgrow_data::Batch;
use outgrow_kernels::{Precision, composed::linear_in, open_device};
use outgrow_model::Decoder;
use outgrow_schedules::{FlopConvention, Stage, Trainable};
use serde::Serialize;

use crate::{
    adamw::AdamW,
    error::TrainError,
    gradients::{Gradients, accumulate, global_norm},
    settings::optimizer::AdamWSettings,
    training::Training,
};

/// The largest model that is made for it: 190 MB with gradients and moments.
const MOST_PARAMETERS: u64 = 12_000_000;
/// What the first pass costs, of which the size of the others follows.
const FIRST_FLOPS: f64 = 1e9;
const FEWEST_TOKENS: usize = 16;
/// A pass is at most so many times as large as the one before.
const MOST_GROWTH: f64 = 8.0;
/// A pass takes such a part of the time.
const PASSES: u32 = 4;
/// Sides of the matrices that are multiplied instead.
const PRODUCT_SIZE: usize = 512;

/// How fast a device trains.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Speed {
    /// What was measured.
    #[serde(flatten)]
    pub measured: Measured,
    /// FLOPs of forward and backward passes a second, by [`FlopConvention::Exact`].
    pub flops_per_second: f64,
    /// What the optimizer's update takes for each trained parameter; 0 where that wasn't measured.
    pub seconds_per_updated_parameter: f64,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "measured", rename_all = "kebab-case")]
pub enum Measured {
    /// Training steps.
    Steps {
        /// The model's width.
        hidden_size: usize,
        /// Its layers, of which the planned model may have more.
        num_hidden_layers: usize,
        /// Sequences in a pass.
        sequences: usize,
        /// Tokens in a sequence.
        sequence_length: usize,
    },
    /// Products of square matrices, which are faster than training steps.
    Products {
        /// Rows and columns.
        size: usize,
    },
}

/// Measures how fast each stage of a run trains: every width once, and all of them in about `time`, apart from what
/// making the models takes. Frozen layers are not measured on their own: their FLOPs are those of the convention.
///
/// # Errors
/// When the device can't be opened, or such a model can't be run.
pub fn measure_speeds(training: &Training<'_>, time: Duration) -> Result<Vec<Speed>, TrainError> {
    let device = open_device(training.device)?;
    let stages = training.schedule.stages();
    let mut widths: Vec<LlamaConfig> = Vec::new();
    // The last stage of a width is its deepest.
    for stage in stages.iter().rev() {
        if !widths.iter().any(|model| is_as_wide(model, &stage.model)) {
            widths.push(stage.model.clone());
        }
    }
    let measure = |model: &LlamaConfig| {
        let probe = SpeedProbe {
            model,
            precision: training.settings.precision,
            sequences: training.settings.micro_batch_sequences,
            sequence_length: training.training.sequence_length(),
            time: time / widths.len() as u32,
        };
        probe.measure(&device)
    };
    let speeds = widths.iter().map(measure).collect::<Result<Vec<_>, _>>()?;
    let speed_of = |stage: &Stage| {
        let index = widths.iter().position(|model| is_as_wide(model, &stage.model)).unwrap_or(0);
        speeds[index]
    };
    Ok(stages.iter().map(speed_of).collect())
}

/// Whether two models differ in nothing but their layers.
fn is_as_wide(one: &LlamaConfig, other: &LlamaConfig) -> bool {
    one.with(|fields| fields.num_hidden_layers = other.num_hidden_layers).is_ok_and(|one| one == *other)
}

/// What is measured of one width, and how long.
#[derive(Clone, Copy, Debug)]
struct SpeedProbe<'a> {
    model: &'a LlamaConfig,
    precision: Precision,
    /// Sequences in a pass, at most.
    sequences: usize,
    /// Tokens in a sequence, at most.
    sequence_length: usize,
    time: Duration,
}

impl SpeedProbe<'_> {
    fn measure(&self, device: &Device) -> Result<Speed, TrainError> {
        match self.part_of_the_model() {
            Some(model) => self.measure_steps(&model, device),
            None => Ok(self.measure_products(device)),
        }
    }

    /// The model with as many of its layers as a short look allows; `None` where one is too many.
    fn part_of_the_model(&self) -> Option<LlamaConfig> {
        let with = |layers: u64| self.model.with(|fields| fields.num_hidden_layers = layers as usize).ok();
        let one = with(1)?.num_parameters();
        let layer = with(2)?.num_parameters() - one;
        let more = MOST_PARAMETERS.checked_sub(one)? / layer.max(1);
        with((1 + more).min(self.model.num_hidden_layers as u64))
    }

    fn measure_steps(&self, model: &LlamaConfig, device: &Device) -> Result<Speed, TrainError> {
        let convention = FlopConvention::Exact;
        let flops = |length: usize| convention.flops_per_token(model, length, &Trainable::All);
        let mut decoder =
            Decoder::new(model, &tensors(model), &device.clone().autodiff())?.with_precision(self.precision);
        let most = self.sequences * self.sequence_length;
        let first = (FIRST_FLOPS / flops(1)) as usize;
        let mut batch = self.batch(model, first.clamp(FEWEST_TOKENS, most.max(FEWEST_TOKENS)));
        let pass_time = self.time.as_secs_f64() / f64::from(PASSES);
        let (begun, mut times) = (Instant::now(), Vec::new());
        let gradients = loop {
            let (seconds, gradients) = pass(&decoder, &batch)?;
            let tokens = batch.inputs.len();
            // The first passes make threads and find out how large the others may be.
            if tokens < most && seconds < pass_time / 2.0 && begun.elapsed() < self.time {
                let larger = (pass_time / seconds).min(MOST_GROWTH);
                batch = self.batch(model, (tokens as f64 * larger) as usize);
                times.clear();
                continue;
            }
            times.push(seconds);
            if begun.elapsed() >= self.time || times.len() == 2 * PASSES as usize {
                break gradients;
            }
        };
        times.sort_by(f64::total_cmp);
        let seconds = times[times.len() / 2];
        let update = update(&mut decoder, &gradients);
        let Batch { sequences, sequence_length, .. } = batch;
        let (hidden_size, num_hidden_layers) = (model.hidden_size, model.num_hidden_layers);
        Ok(Speed {
            measured: Measured::Steps { hidden_size, num_hidden_layers, sequences, sequence_length },
            flops_per_second: batch.inputs.len() as f64 * flops(sequence_length) / seconds,
            seconds_per_updated_parameter: update / model.num_parameters() as f64,
        })
    }

    /// About so many tokens: whole sequences, or a part of one.
    fn batch(&self, model: &LlamaConfig, tokens: usize) -> Batch {
        let sequences = (tokens / self.sequence_length).clamp(1, self.sequences);
        let sequence_length = tokens.min(self.sequence_length);
        // Ids of all the vocabulary, in no order.
        let id = |index: usize| (index.wrapping_mul(7919) % model.vocab_size) as i32;
        let ids = |from: usize| (from..from + sequences * sequence_length).map(id).collect::<Vec<_>>();
        Batch { sequences, sequence_length, inputs: ids(0), targets: ids(1) }
    }

    fn measure_products(&self, device: &Device) -> Speed {
        let size = PRODUCT_SIZE;
        let weight = Tensor::<2>::ones([size, size], device) / size as f64;
        let mut rows = Tensor::<3>::ones([1, size, size], device);
        let (begun, mut products) = (Instant::now(), 0_u32);
        let mut first = None;
        while begun.elapsed() < self.time / 2 {
            rows = linear_in(rows, weight.clone(), self.precision);
            wait(device);
            // The first one makes threads and programs.
            let Some(_) = first else {
                first = Some(begun.elapsed());
                continue;
            };
            products += 1;
        }
        let seconds = begun.elapsed().saturating_sub(first.unwrap_or_default()).as_secs_f64();
        let flops = f64::from(products.max(1)) * 2.0 * (size as f64).powi(3);
        Speed {
            measured: Measured::Products { size },
            flops_per_second: flops / seconds.max(1e-9),
            seconds_per_updated_parameter: 0.0,
        }
    }
}

/// Forward and backward, and what they took.
fn pass(decoder: &Decoder, batch: &Batch) -> Result<(f64, Gradients), TrainError> {
    let begun = Instant::now();
    let (_, gradients) = accumulate(decoder, batch, batch.sequences)?;
    // A read waits for the device, and this one for all gradients.
    let norm = global_norm(&gradients).ok_or(TrainError::EmptyBatch)?;
    let _ = norm.into_scalar::<f32>();
    Ok((begun.elapsed().as_secs_f64(), gradients))
}

/// The second of two updates: the first makes the moments.
fn update(decoder: &mut Decoder, gradients: &Gradients) -> f64 {
    let device = decoder.device();
    let mut optimizer = AdamW::new(AdamWSettings::default());
    optimizer.step(decoder, gradients.clone(), 1.0, 1e-3);
    wait(&device);
    let begun = Instant::now();
    optimizer.step(decoder, gradients.clone(), 1.0, 1e-3);
    wait(&device);
    begun.elapsed().as_secs_f64()
}

/// Work on a device is done in the order in which it was asked for.
fn wait(device: &Device) {
    let _ = Tensor::<1>::zeros([1], device).into_scalar::<f32>();
}

/// Weights as small as first ones are, quickly made.
fn tensors(model: &LlamaConfig) -> NamedTensors {
    let pattern: Vec<f32> =
        (0..1021).map(|index| 0.04 * ((index * 389 % 1021) as f32 / 1020.0 - 0.5)).collect();
    let tensor = |shape: Vec<usize>| {
        let length = shape.iter().product();
        let values = if shape.len() == 1 {
            vec![1.0; length]
        } else {
            let mut values = pattern.repeat(length.div_ceil(pattern.len()));
            values.truncate(length);
            values
        };
        HostTensor { shape, values }
    };
    model.tensors().into_iter().map(|spec| (spec.name, tensor(spec.shape))).collect()
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gigaflops = self.flops_per_second / 1e9;
        write!(f, "{gigaflops:.1} GFLOP/s, measured: {}", self.measured)
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps { hidden_size, num_hidden_layers, sequences, sequence_length } => {
                let layers = if *num_hidden_layers == 1 { "layer" } else { "layers" };
                write!(
                    f,
                    "steps of {sequences} × {sequence_length} tokens with {num_hidden_layers} {layers} of {hidden_size}"
                )
            }
            Self::Products { size } => {
                write!(f, "products of {size} × {size} matrices, which are faster than training")
            }
        }
    }
}
