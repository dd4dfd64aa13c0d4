//! The first question: do training steps run on this device, and is the first one's loss the CPU's.
//!
//! A small model with grouped queries takes a few steps of the trainer's kind on both devices, from the same weights
//! and on the same tokens.

use std::time::Instant;

use anyhow::Context;
use burn::tensor::Device;
use outgrow_checkpoint::LlamaConfig;
use outgrow_kernels::{DeviceName, Precision, open_device};
use outgrow_model::{Decoder, Initialization, initial_tensors};
use outgrow_train::{AdamW, AdamWSettings, accumulate, global_norm};
use serde_json::{Map, json};

use super::{
    models::{Model, SMALL},
    record::Record,
    tensors::{batch, precisions},
};

/// How far the first loss may be from the CPU's.
const TOLERANCE: f64 = 1e-3;
const STEPS: usize = 4;

/// What one step gave.
#[derive(Clone, Copy, Debug)]
struct Step {
    loss: f64,
    gradient_norm: f64,
    milliseconds: f64,
}

/// Takes the steps in each precision that the device has. A first loss that isn't the CPU's is a failure.
pub(crate) fn run(record: &Record, device: &Device) -> anyhow::Result<()> {
    let model = Model::named(SMALL)?;
    let config = model.config()?;
    let cpu = open_device(DeviceName::Flex)?;
    for precision in precisions(device) {
        record.measure(&format!("steps in {precision}"), || {
            let ours = steps(&model, &config, precision, device)?;
            let theirs = steps(&model, &config, precision, &cpu)?;
            let difference = (ours[0].loss - theirs[0].loss).abs();
            let mut line = Map::new();
            for (key, of) in [
                ("losses", (|step| step.loss) as fn(Step) -> f64),
                ("gradient_norms", |step| step.gradient_norm),
                ("milliseconds_of_each", |step| step.milliseconds),
            ] {
                let list = |steps: &[Step]| steps.iter().copied().map(of).collect::<Vec<_>>();
                line.insert(key.to_owned(), json!(list(&ours)));
                line.insert(format!("{key}_of_cpu"), json!(list(&theirs)));
            }
            line.insert("first_seconds".to_owned(), json!(ours[0].milliseconds / 1e3));
            line.insert("difference".to_owned(), json!(difference));
            line.insert("agrees".to_owned(), json!(difference <= TOLERANCE));
            Ok(line)
        })?;
    }
    Ok(())
}

fn steps(
    model: &Model,
    config: &LlamaConfig,
    precision: Precision,
    device: &Device,
) -> anyhow::Result<Vec<Step>> {
    let tensors = initial_tensors(config, Initialization::DepthScaled, 1);
    let mut decoder = Decoder::new(config, &tensors, &device.clone().autodiff())?.with_precision(precision);
    let mut optimizer = AdamW::new(AdamWSettings::default());
    let mut steps = Vec::new();
    for index in 0..STEPS {
        let start = Instant::now();
        let (loss, gradients) = accumulate(&decoder, &batch(model, index), model.batch)?;
        let norm = global_norm(&gradients).context("no gradients")?;
        let (loss, norm) = (f64::from(loss.into_scalar::<f32>()), f64::from(norm.into_scalar::<f32>()));
        optimizer.step(&mut decoder, gradients, (1.0 / (norm + 1e-6)).min(1.0), 1e-3);
        super::timing::wait(device)?;
        steps.push(Step { loss, gradient_norm: norm, milliseconds: 1e3 * start.elapsed().as_secs_f64() });
    }
    Ok(steps)
}
