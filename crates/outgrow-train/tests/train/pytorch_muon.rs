//! Fifty steps of AdamW, and of Muon with AdamW for the rest, with clip and a cosine, against PyTorch's;
//! xtask/python/golden makes the expected values.

use std::{collections::BTreeMap, path::Path};

use outgrow_checkpoint::{Checkpoint, NamedTensors};
use outgrow_data::Batch;
use outgrow_kernels::{DeviceName, open_device};
use outgrow_model::Decoder;
use outgrow_schedules::LearningRateCurve;
use outgrow_train::{
    AdamWSettings, Decay, MuonSettings, Optimizer, OptimizerSettings, accumulate, global_norm,
};
use serde::Deserialize;

use crate::expected::{Expected, close, scalar};

#[derive(Deserialize)]
struct Settings {
    weight_decay: f64,
    betas: [f64; 2],
    epsilon: f64,
    clip: f64,
    warmup_tokens: u64,
    horizon_tokens: u64,
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    peak: f64,
    muon: Option<Muon>,
    iterates_in_f32: bool,
}

/// By PyTorch's names.
#[derive(Deserialize)]
struct Muon {
    adjust_lr_fn: String,
    momentum: f64,
    nesterov: bool,
    ns_steps: usize,
    weight_decay: f64,
    learning_rate_ratio: f64,
}

struct Golden {
    settings: Settings,
    expected: Expected,
    start: Checkpoint,
}

/// What a run saw before each update, and its end.
struct Trained {
    losses: Vec<f64>,
    norms: Vec<f64>,
    tensors: NamedTensors,
}

impl Golden {
    fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/muon");
        let settings = serde_json::from_slice(&std::fs::read(folder.join("settings.json")).unwrap());
        let (expected, start) = (Expected::read(&folder), Checkpoint::open(&folder).unwrap());
        Self { settings: settings.unwrap(), expected, start }
    }

    fn optimizer(&self, case: &Case) -> OptimizerSettings {
        let Settings { weight_decay, betas: [beta1, beta2], epsilon, clip, .. } = self.settings;
        let (decay, clip_norm) = (Decay::All, Some(clip));
        let adamw = AdamWSettings { beta1, beta2, epsilon, weight_decay, decay, clip_norm };
        let muon = case.muon.as_ref().map(|muon| MuonSettings {
            momentum: muon.momentum,
            nesterov: muon.nesterov,
            iterations: muon.ns_steps,
            adjust: muon.adjust_lr_fn.replace('_', "-").parse().unwrap(),
            weight_decay: Some(muon.weight_decay),
            learning_rate_ratio: muon.learning_rate_ratio,
        });
        OptimizerSettings { adamw, muon }
    }

    fn train(&self, case: &Case) -> Trained {
        let (shape, text) = self.expected.bytes("tokens");
        let [steps, sequences, with_target] = *shape.as_slice() else {
            panic!("tokens have three dimensions")
        };
        let sequence_length = with_target - 1;
        let device = open_device(DeviceName::Flex).unwrap().autodiff();
        let mut decoder =
            Decoder::new(self.start.config(), &self.start.to_named_tensors().unwrap(), &device).unwrap();
        let mut optimizer = Optimizer::new(self.optimizer(case), self.start.config());
        let Settings { clip, warmup_tokens, horizon_tokens, .. } = self.settings;
        let curve =
            LearningRateCurve::cosine(case.peak, case.peak / 10.0, warmup_tokens).over(horizon_tokens);
        let (mut losses, mut norms) = (Vec::new(), Vec::new());
        for (step, batch) in text.chunks(sequences * with_target).enumerate() {
            let ids = |first: usize| -> Vec<i32> {
                let rows = batch.chunks(with_target);
                rows.flat_map(|row| row[first..first + sequence_length].iter().map(|id| i32::from(*id)))
                    .collect()
            };
            let batch = Batch { sequences, sequence_length, inputs: ids(0), targets: ids(1) };
            let (loss, gradients) = accumulate(&decoder, &batch, sequences).unwrap();
            let norm = scalar(global_norm(&gradients).unwrap());
            losses.push(scalar(loss));
            norms.push(norm);
            let learning_rate = curve.at(((step + 1) * sequences * sequence_length) as u64);
            optimizer.step(&mut decoder, gradients, (clip / (norm + 1e-6)).min(1.0), learning_rate);
        }
        assert_eq!((losses.len(), steps), (50, 50));
        Trained { losses, norms, tensors: decoder.to_named_tensors() }
    }

    fn losses(&self, case: &str) -> Vec<f64> {
        self.expected.floats(&format!("losses.{case}"))
    }
}

#[test]
fn fifty_steps_of_adamw_and_of_muon_iterating_in_f32_are_as_in_pytorch() {
    let golden = Golden::read();
    let in_f32 = golden.settings.cases.iter().filter(|(_, case)| case.iterates_in_f32);
    let mut cases = 0;
    for (name, case) in in_f32 {
        let Trained { losses, norms, tensors } = golden.train(case);
        let expected_norms = golden.expected.floats(&format!("gradient_norms.{name}"));
        for (step, (loss, expected)) in losses.iter().zip(golden.losses(name)).enumerate() {
            close(&format!("{name}: loss of step {step}"), *loss, expected, 1e-4);
            close(&format!("{name}: gradient norm of step {step}"), norms[step], expected_norms[step], 1e-3);
        }
        if name == "match-rms-adamw" {
            check_end(&golden.expected, &tensors);
        }
        cases += 1;
    }
    assert_eq!(cases, 5, "AdamW, each adjustment, and plain momentum");
}

fn check_end(expected: &Expected, tensors: &NamedTensors) {
    let names = ["0.self_attn.q_proj", "0.mlp.up_proj", "1.mlp.down_proj", "1.input_layernorm"];
    for name in names.map(|name| format!("model.layers.{name}.weight")) {
        let wanted = expected.floats(&format!("final.{name}"));
        let scale = wanted.iter().fold(0.0_f64, |scale, value| scale.max(value.abs()));
        for (found, wanted) in tensors[&name].values.iter().zip(wanted) {
            let difference = (f64::from(*found) - wanted).abs() / scale;
            assert!(difference <= 1e-4, "{name} ends at {found} instead of {wanted}");
        }
    }
}

/// What rounding to bf16 in its iteration does to PyTorch's own losses is the measure.
#[test]
fn muon_is_as_near_to_that_of_pytorch_as_released_as_that_is_to_itself_in_f32() {
    let golden = Golden::read();
    let released = golden.losses("as-released");
    let mean_difference = |losses: &[f64]| {
        let differences = losses.iter().zip(&released).map(|(one, other)| (one - other).abs());
        differences.sum::<f64>() / released.len() as f64
    };
    let of_pytorch = mean_difference(&golden.losses("match-rms-adamw"));
    let ours = mean_difference(&golden.train(&golden.settings.cases["as-released"]).losses);
    assert!(of_pytorch > 1e-5, "rounding shows: {of_pytorch}");
    assert!(ours <= 3.0 * of_pytorch, "{ours}, where PyTorch differs from itself by {of_pytorch}");
}
