//! Twenty steps of AdamW with clip and cosine against PyTorch's; xtask/python/golden makes the expected values.

use std::{collections::BTreeMap, path::Path};

use outgrow_checkpoint::Checkpoint;
use outgrow_data::Batch;
use outgrow_kernels::{DeviceName, open_device};
use outgrow_model::Decoder;
use outgrow_schedules::LearningRate;
use outgrow_train::{AdamW, AdamWSettings, Decay, accumulate, global_norm};
use serde::Deserialize;

use crate::expected::{Expected, close, scalar};

#[derive(Deserialize)]
struct Settings {
    peak: f64,
    minimum: f64,
    warmup_tokens: u64,
    horizon_tokens: u64,
    weight_decay: f64,
    betas: [f64; 2],
    epsilon: f64,
    clip: f64,
}

fn check(case: &str, decay: Decay, micro_batch_sequences: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case);
    let settings: Settings =
        serde_json::from_slice(&std::fs::read(folder.join("settings.json")).unwrap()).unwrap();
    let expected = Expected::read(&folder);
    let (shape, inputs) = expected.ids("inputs");
    let (_, targets) = expected.ids("targets");
    let (losses, norms) = (expected.floats("losses"), expected.floats("gradient_norms"));
    let [steps, sequences, sequence_length] = *shape.as_slice() else {
        panic!("inputs have three dimensions")
    };

    let checkpoint = Checkpoint::open(&folder).unwrap();
    let device = open_device(DeviceName::Flex).unwrap().autodiff();
    let mut decoder =
        Decoder::new(checkpoint.config(), &checkpoint.to_named_tensors().unwrap(), &device).unwrap();
    let mut optimizer = AdamW::new(AdamWSettings {
        beta1: settings.betas[0],
        beta2: settings.betas[1],
        epsilon: settings.epsilon,
        weight_decay: settings.weight_decay,
        decay,
        clip_norm: Some(settings.clip),
    });
    let Settings { peak, minimum, warmup_tokens, horizon_tokens, .. } = settings;
    let curve = LearningRate { peak, minimum, warmup_tokens, horizon_tokens, ..LearningRate::NONE };
    let tokens = sequences * sequence_length;
    for step in 0..steps {
        let part = step * tokens..(step + 1) * tokens;
        let (inputs, targets) = (inputs[part.clone()].to_vec(), targets[part].to_vec());
        let batch = Batch { sequences, sequence_length, inputs, targets };
        let (loss, gradients) = accumulate(&decoder, &batch, micro_batch_sequences).unwrap();
        let norm = scalar(global_norm(&gradients).unwrap());
        let loss = scalar(loss);
        close(&format!("{case}: loss of step {step}"), loss, losses[step], 1e-4);
        close(&format!("{case}: gradient norm of step {step}"), norm, norms[step], 1e-4);
        let learning_rate = curve.at(((step + 1) * tokens) as u64);
        close("learning rate", learning_rate, expected.doubles("learning_rates")[step], 1e-12);
        let scale = (settings.clip / (norm + 1e-6)).min(1.0);
        optimizer.step(&mut decoder, gradients, scale, learning_rate);
    }
    let trained: BTreeMap<_, _> = decoder.to_named_tensors();
    for (name, tensor) in trained {
        let wanted = expected.floats(&format!("final.{name}"));
        let scale = wanted.iter().fold(0.0_f64, |scale, value| scale.max(value.abs()));
        for (found, wanted) in tensor.values.iter().zip(wanted) {
            let difference = (f64::from(*found) - wanted).abs() / scale;
            assert!(difference <= 2e-5, "{case}: {name} ends at {found} instead of {wanted}");
        }
    }
}

#[test]
fn twenty_steps_that_decay_all_parameters_are_as_in_pytorch() {
    check("adamw", Decay::All, 4);
}

#[test]
fn twenty_steps_that_spare_norms_and_embedding_are_as_in_pytorch() {
    check("adamw-norms-excluded", Decay::MatricesOnly, 4);
}

#[test]
fn splitting_a_batch_does_not_change_what_is_learnt() {
    check("adamw", Decay::All, 1);
    check("adamw", Decay::All, 3);
}
