//! Times training steps of a fresh model on random tokens and prints one line of JSON: our side of
//! `cargo xtask bench step`.
//!
//! A step is what the trainer's is: forward, backward, global clip, AdamW, or with `--muon 1` Muon for the matrices of
//! the layers. It compares nothing.

use std::{collections::BTreeMap, hint::black_box, time::Instant};

use anyhow::{Context, bail};
use half::bf16;
use outgrow_checkpoint::LlamaConfig;
use outgrow_data::Batch;
use outgrow_kernels::{
    DeviceName, Precision,
    cpu::kernels::{
        matrix::{Matrix, Store, Threads},
        value::Value,
    },
    has_instructions, open_device,
};
use outgrow_model::{Decoder, Initialization, initial_tensors};
use outgrow_train::{MuonSettings, Optimizer, OptimizerSettings, global_norm};

/// Steps that are taken before any is timed.
const WARMUP_STEPS: usize = 3;

/// The numbers of the model and of a step, by the names that xtask passes them under.
struct Sizes {
    numbers: BTreeMap<String, usize>,
    precision: Precision,
}

impl Sizes {
    fn from_arguments() -> anyhow::Result<Self> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let (mut numbers, mut precision) = (BTreeMap::new(), Precision::F32);
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { bail!("`{}` has no value", pair[0]) };
            let name = name.strip_prefix("--").with_context(|| format!("`{name}` is no --name"))?;
            if name == "dtype" {
                precision = value.parse().context("--dtype")?;
                continue;
            }
            let value = value.parse().with_context(|| format!("--{name} {value}: not a whole number"))?;
            numbers.insert(name.replace('-', "_"), value);
        }
        Ok(Self { numbers, precision })
    }

    fn get(&self, name: &str) -> anyhow::Result<usize> {
        self.numbers.get(name).copied().with_context(|| format!("--{} is missing", name.replace('_', "-")))
    }

    fn config(&self) -> anyhow::Result<LlamaConfig> {
        let json = serde_json::json!({
            "model_type": "llama",
            "vocab_size": self.get("vocabulary")?,
            "hidden_size": self.get("hidden")?,
            "intermediate_size": self.get("intermediate")?,
            "num_hidden_layers": self.get("layers")?,
            "num_attention_heads": self.get("heads")?,
            "num_key_value_heads": self.get("heads")?,
            "max_position_embeddings": self.get("sequence")?,
            "rms_norm_eps": 1e-5,
        });
        Ok(LlamaConfig::from_json(&json.to_string())?)
    }
}

fn main() -> anyhow::Result<()> {
    let sizes = Sizes::from_arguments()?;
    let loaded = Instant::now();
    let config = sizes.config()?;
    let device = open_device(DeviceName::Flex)?.autodiff();
    let tensors = initial_tensors(&config, Initialization::DepthScaled, 1);
    let frozen = sizes.get("frozen_layers")?;
    let mut decoder = Decoder::new(&config, &tensors, &device)?.with_precision(sizes.precision);
    drop(tensors);
    if frozen > 0 {
        decoder = decoder.with_trainable(|name| trains(name, frozen));
    }
    let muon = sizes.numbers.get("muon").filter(|muon| **muon > 0).map(|_| MuonSettings::default());
    let settings = OptimizerSettings { muon, ..OptimizerSettings::default() };
    let mut optimizer = Optimizer::new(settings, &config);
    let (batch, sequence) = (sizes.get("batch")?, sizes.get("sequence")?);

    let (mut milliseconds, mut phases) = (Vec::new(), Vec::new());
    let first_step = Instant::now();
    let mut first_step_seconds = 0.0;
    for step in 0..WARMUP_STEPS + sizes.get("steps")? {
        let batch = random_batch(batch, sequence, config.vocab_size, step);
        let start = Instant::now();
        let seconds = one_step(&mut decoder, &mut optimizer, &batch)?;
        if step == 0 {
            first_step_seconds = first_step.elapsed().as_secs_f64();
        }
        if step >= WARMUP_STEPS {
            milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
            phases.push(seconds.map(|seconds| seconds * 1e3));
        }
    }
    let line = serde_json::json!({
        "milliseconds": milliseconds,
        "forward_backward_norm_update": phases,
        "load_seconds": (first_step - loaded).as_secs_f64(),
        "first_step_seconds": first_step_seconds,
        "peak_bytes": peak_bytes(),
        "has_instructions": has_instructions(DeviceName::Flex, sizes.precision)?,
        "product_gflops": product_gflops(sizes.precision),
    });
    println!("{line}");
    Ok(())
}

/// Takes a step; gives the seconds of its forward pass, its backward pass, the norm of the gradients, and the update.
fn one_step(decoder: &mut Decoder, optimizer: &mut Optimizer, batch: &Batch) -> anyhow::Result<[f64; 4]> {
    let length = batch.sequence_length;
    let start = Instant::now();
    let inputs = decoder.tokens(&batch.inputs, length);
    let loss = decoder.loss_sum(inputs, &batch.targets, 1.0 / batch.inputs.len() as f64)?;
    let forward = start.elapsed().as_secs_f64();
    let gradients = decoder.gradients(&mut loss.backward());
    let backward = start.elapsed().as_secs_f64();
    let norm = global_norm(&gradients).context("no gradients")?.into_scalar::<f32>();
    let normed = start.elapsed().as_secs_f64();
    let scale = (1.0 / (f64::from(norm) + 1e-6)).min(1.0);
    optimizer.step(decoder, gradients, scale, 3e-4);
    black_box(loss.into_scalar::<f32>());
    let updated = start.elapsed().as_secs_f64();
    Ok([forward, backward - forward, normed - backward, updated - normed])
}

/// Whether a parameter is trained when the lower `frozen` layers and the embedding are not.
fn trains(name: &str, frozen: usize) -> bool {
    let layer = name.strip_prefix("model.layers.").and_then(|rest| rest.split('.').next());
    match layer.and_then(|index| index.parse::<usize>().ok()) {
        Some(index) => index >= frozen,
        None => name != "model.embed_tokens.weight",
    }
}

fn random_batch(sequences: usize, sequence_length: usize, vocabulary: usize, step: usize) -> Batch {
    let id = |index: usize| {
        let mixed = ((step << 32) + index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mixed >> 33) % vocabulary) as i32
    };
    let tokens = sequences * sequence_length;
    let inputs: Vec<i32> = (0..tokens).map(id).collect();
    let targets = (1..=tokens).map(id).collect();
    Batch { sequences, sequence_length, inputs, targets }
}

/// The most memory that was resident; 0 where the system doesn't tell.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.map_or(0, |kibibytes| kibibytes * 1024)
}

/// What a product of two square matrices reaches in this process: the best of a few.
fn product_gflops(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => product_gflops_of::<f32>(),
        Precision::Bf16 => product_gflops_of::<bf16>(),
    }
}

fn product_gflops_of<T: Value>() -> f64 {
    const SIDE: usize = 2048;
    let [left, right] = [0.5, 0.25].map(|value| vec![T::narrow(value); SIDE * SIDE]);
    let (left, right) = (Matrix::new(&left, SIDE, SIDE), Matrix::new(&right, SIDE, SIDE));
    let mut product = vec![0.0; SIDE * SIDE];
    let best = best_seconds(|| T::multiply(&mut product, Store::Replace, left, right, Threads::All));
    2.0 * (SIDE as f64).powi(3) / best / 1e9
}

fn best_seconds(mut run: impl FnMut()) -> f64 {
    let seconds = (0..5).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    seconds.fold(f64::INFINITY, f64::min)
}
