//! Whole training steps of a model: forward, backward, norm and AdamW, as the trainer takes them.

use std::time::Instant;

use anyhow::Context;
use burn::tensor::Device;
use outgrow_model::Decoder;
use outgrow_train::{AdamW, AdamWSettings, accumulate, global_norm};
use serde_json::json;

use super::{
    models::Model,
    record::Record,
    tensors::{batch, precisions, weights},
    timing::{median, wait},
};

const WARMUP_STEPS: usize = 2;
const STEPS: usize = 6;

/// Times steps in the best precision that the device has.
pub(crate) fn run(record: &Record, model: &Model, device: &Device) -> anyhow::Result<()> {
    let precision = precisions(device)[0];
    record.measure(&format!("{} step in {precision}", model.name), || {
        let config = model.config()?;
        let tensors = weights(&config);
        let mut decoder =
            Decoder::new(&config, &tensors, &device.clone().autodiff())?.with_precision(precision);
        drop(tensors);
        let mut optimizer = AdamW::new(AdamWSettings::default());
        let (mut milliseconds, mut first_seconds, mut losses) = (Vec::new(), 0.0, Vec::new());
        for index in 0..WARMUP_STEPS + STEPS {
            let start = Instant::now();
            losses.push(step(&mut decoder, &mut optimizer, model, index)?);
            wait(device)?;
            let seconds = start.elapsed().as_secs_f64();
            if index == 0 {
                first_seconds = seconds;
            }
            if index >= WARMUP_STEPS {
                milliseconds.push(1e3 * seconds);
            }
        }
        let milliseconds = median(milliseconds);
        let reserved = device.memory_pool_usage().map(|usage| usage.bytes_reserved);
        let line = json!({
            "model": model.name,
            "precision": precision,
            "sequence": model.sequence,
            "batch": model.batch,
            "milliseconds": milliseconds,
            "tokens_per_second": 1e3 * model.tokens() as f64 / milliseconds,
            "first_seconds": first_seconds,
            "reserved_bytes": reserved,
            "losses": losses,
        });
        line.as_object().cloned().context("numbers make an object")
    })
}

fn step(decoder: &mut Decoder, optimizer: &mut AdamW, model: &Model, index: usize) -> anyhow::Result<f32> {
    let (loss, gradients) = accumulate(decoder, &batch(model, index), model.batch)?;
    let norm = global_norm(&gradients).context("no gradients")?.into_scalar::<f32>();
    let scale = (1.0 / (f64::from(norm) + 1e-6)).min(1.0);
    optimizer.step(decoder, gradients, scale, 3e-4);
    Ok(loss.into_scalar::<f32>())
}
