//! Forward, backward and one optimizer step of a tiny model on wgpu, and a text that goes on, against flex. Skips
//! itself where there is no adapter.

use burn::tensor::Device;
use outgrow_checkpoint::{LlamaConfig, NamedTensors};
use outgrow_data::Batch;
use outgrow_kernels::{DeviceName, available_devices, open_device};
use outgrow_model::{Decoder, Initialization, Session, initial_tensors};
use outgrow_train::{AdamW, AdamWSettings, accumulate, global_norm};

const TOLERANCE: f64 = 1e-3;

/// The loss, the gradients' norm, the gradients and the weights after one step.
struct Step {
    loss: f64,
    norm: f64,
    gradients: Vec<(String, Vec<f32>)>,
    weights: NamedTensors,
}

fn decoder(device: &Device) -> Decoder {
    let config = LlamaConfig::from_json(
        r#"{ "model_type": "llama", "vocab_size": 19, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 16, "rms_norm_eps": 1e-5,
             "initializer_range": 0.2 }"#,
    );
    let config = config.unwrap();
    let tensors = initial_tensors(&config, Initialization::Normal, 5);
    Decoder::new(&config, &tensors, device).unwrap()
}

fn one_step(device: DeviceName) -> Step {
    let mut decoder = decoder(&open_device(device).unwrap().autodiff());
    let inputs: Vec<i32> = (0..22).map(|index| index * 7 % 19).collect();
    let targets = inputs.iter().map(|id| (id + 7) % 19).collect();
    let batch = Batch { sequences: 2, sequence_length: 11, inputs, targets };
    let (loss, gradients) = accumulate(&decoder, &batch, 2).unwrap();
    let norm = f64::from(global_norm(&gradients).unwrap().into_scalar::<f32>());
    let host = gradients
        .iter()
        .map(|(name, gradient)| (name.clone(), gradient.to_data().try_into_vec::<f32>().unwrap()));
    let host = host.collect();
    let mut optimizer = AdamW::new(AdamWSettings::default());
    optimizer.step(&mut decoder, gradients, 1.0, 1e-2);
    let loss = f64::from(loss.into_scalar::<f32>());
    Step { loss, norm, gradients: host, weights: decoder.to_named_tensors() }
}

fn assert_close(what: &str, found: &[f32], expected: &[f32]) {
    let scale = expected.iter().fold(0.0_f32, |scale, value| scale.max(value.abs()));
    for (found, expected) in found.iter().zip(expected) {
        let difference = f64::from((found - expected).abs() / scale);
        assert!(difference <= TOLERANCE, "{what}: {found} on wgpu, {expected} on flex");
    }
}

fn has_adapter() -> bool {
    let found = available_devices().iter().any(|device| device.name == DeviceName::Wgpu);
    if !found {
        println!("skipped: no wgpu adapter on this machine");
    }
    found
}

#[test]
fn a_step_on_wgpu_is_as_on_flex() {
    if !has_adapter() {
        return;
    }
    let (wgpu, flex) = (one_step(DeviceName::Wgpu), one_step(DeviceName::Flex));
    assert!((wgpu.loss - flex.loss).abs() <= TOLERANCE * flex.loss, "loss {} and {}", wgpu.loss, flex.loss);
    assert!((wgpu.norm - flex.norm).abs() <= TOLERANCE * flex.norm, "norm {} and {}", wgpu.norm, flex.norm);
    for ((name, found), (_, expected)) in wgpu.gradients.iter().zip(&flex.gradients) {
        assert_close(&format!("gradient of {name}"), found, expected);
    }
    for (name, expected) in &flex.weights {
        assert_close(&format!("{name} after a step"), &wgpu.weights[name].values, &expected.values);
    }
}

#[test]
fn a_text_goes_on_on_wgpu_as_on_flex() {
    if !has_adapter() {
        return;
    }
    let decoders = [DeviceName::Wgpu, DeviceName::Flex].map(|name| decoder(&open_device(name).unwrap()));
    let [mut wgpu, mut flex] = decoders.each_ref().map(Session::new);
    for part in [vec![3, 18, 7, 0, 11], vec![5], vec![5], vec![1, 2, 16], vec![9]] {
        let (found, expected) = (wgpu.read(&part).unwrap(), flex.read(&part).unwrap());
        assert_close(&format!("logits behind {} tokens", flex.tokens().len()), &found, &expected);
    }
}
