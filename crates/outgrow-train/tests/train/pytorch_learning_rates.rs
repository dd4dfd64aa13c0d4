//! Fifty steps of AdamW with clip by every shape of learning rate, against PyTorch's with the schedulers of
//! transformers; xtask/python/golden makes the expected values.

use std::{collections::BTreeMap, path::Path};

use outgrow_checkpoint::Checkpoint;
use outgrow_data::Batch;
use outgrow_kernels::{DeviceName, open_device};
use outgrow_model::Decoder;
use outgrow_schedules::{LearningRate, LearningRateCurve, RateAtGrowth, RateBefore};
use outgrow_train::{AdamW, AdamWSettings, Decay, accumulate, global_norm};
use serde::Deserialize;

use crate::expected::{Expected, close, scalar};

#[derive(Deserialize)]
struct Settings {
    weight_decay: f64,
    betas: [f64; 2],
    epsilon: f64,
    clip: f64,
    cases: BTreeMap<String, Vec<Stage>>,
}

#[derive(Clone, Copy, Deserialize)]
struct Stage {
    at_growth: RateAtGrowth,
    tokens: u64,
    learning_rate: LearningRateCurve,
}

/// The rate after so many tokens of the run.
fn rate_at(stages: &[Stage], tokens: u64) -> f64 {
    let (mut before, mut rest) = (RateBefore::NOTHING, tokens);
    for Stage { at_growth, tokens, learning_rate } in stages {
        let rate: LearningRate = at_growth.learning_rate(before, Some(*learning_rate), *tokens).unwrap();
        if rest <= *tokens {
            return rate.at(rest);
        }
        rest -= tokens;
        before = RateBefore { learning_rate: rate, tokens: *tokens };
    }
    panic!("the stages are over");
}

#[test]
fn fifty_steps_by_each_shape_of_learning_rate_are_as_in_pytorch() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/learning-rates");
    let settings: Settings =
        serde_json::from_slice(&std::fs::read(folder.join("settings.json")).unwrap()).unwrap();
    let expected = Expected::read(&folder);
    assert!(settings.cases.len() >= 9, "every shape, and both ways in which a rate begins a later stage");
    for (case, stages) in &settings.cases {
        check(case, stages, &settings, &expected, &folder);
    }
}

fn check(case: &str, stages: &[Stage], settings: &Settings, expected: &Expected, folder: &Path) {
    let (shape, text) = expected.bytes("tokens");
    let [steps, sequences, with_target] = *shape.as_slice() else { panic!("tokens have three dimensions") };
    let sequence_length = with_target - 1;
    let losses = expected.floats(&format!("losses.{case}"));
    let norms = expected.floats(&format!("gradient_norms.{case}"));
    let learning_rates = expected.doubles(&format!("learning_rates.{case}"));

    let checkpoint = Checkpoint::open(folder).unwrap();
    let device = open_device(DeviceName::Flex).unwrap().autodiff();
    let mut decoder =
        Decoder::new(checkpoint.config(), &checkpoint.to_named_tensors().unwrap(), &device).unwrap();
    let mut optimizer = AdamW::new(AdamWSettings {
        beta1: settings.betas[0],
        beta2: settings.betas[1],
        epsilon: settings.epsilon,
        weight_decay: settings.weight_decay,
        decay: Decay::All,
        clip_norm: Some(settings.clip),
    });
    for (step, batch) in text.chunks(sequences * with_target).enumerate() {
        let ids = |first: usize| -> Vec<i32> {
            let rows = batch.chunks(with_target);
            rows.flat_map(|row| row[first..first + sequence_length].iter().map(|id| i32::from(*id))).collect()
        };
        let batch = Batch { sequences, sequence_length, inputs: ids(0), targets: ids(1) };
        let (loss, gradients) = accumulate(&decoder, &batch, sequences).unwrap();
        let norm = scalar(global_norm(&gradients).unwrap());
        close(&format!("{case}: loss of step {step}"), scalar(loss), losses[step], 1e-4);
        close(&format!("{case}: gradient norm of step {step}"), norm, norms[step], 1e-4);
        let tokens = (step + 1) * sequences * sequence_length;
        let learning_rate = rate_at(stages, tokens as u64);
        close(&format!("{case}: learning rate of step {step}"), learning_rate, learning_rates[step], 1e-12);
        let scale = (settings.clip / (norm + 1e-6)).min(1.0);
        optimizer.step(&mut decoder, gradients, scale, learning_rate);
    }
    assert_eq!(text.len(), steps * sequences * with_target, "{case}: all steps were taken");
}
