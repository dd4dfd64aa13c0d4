//! Logits, loss and gradients against values computed by `transformers`; xtask/python/golden makes them.

use std::{collections::BTreeMap, path::Path};

use outgrow_checkpoint::Checkpoint;
use outgrow_kernels::{DeviceName, Precision, open_device};
use outgrow_model::Decoder;
use safetensors::{Dtype, SafeTensors};

const LOGIT_TOLERANCE: f32 = 1e-4;
const GRADIENT_TOLERANCE: f32 = 1e-4;

/// What `transformers` computed for a case.
struct Expected {
    floats: BTreeMap<String, Vec<f32>>,
    inputs: Vec<i32>,
    targets: Vec<i32>,
    sequence_length: usize,
}

fn read_expected(folder: &Path) -> Expected {
    let bytes = std::fs::read(folder.join("expected.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let ids = |name: &str| {
        let data = file.tensor(name).unwrap().data().to_vec();
        data.chunks_exact(8).map(|id| i64::from_le_bytes(id.try_into().unwrap()) as i32).collect()
    };
    let floats = file.iter().filter(|(_, tensor)| tensor.dtype() == Dtype::F32).map(|(name, tensor)| {
        let values = tensor.data().chunks_exact(4).map(|value| f32::from_le_bytes(value.try_into().unwrap()));
        (name.to_owned(), values.collect())
    });
    let sequence_length = file.tensor("inputs").unwrap().shape()[1];
    Expected { floats: floats.collect(), inputs: ids("inputs"), targets: ids("targets"), sequence_length }
}

/// The largest difference, relative to the largest expected value.
fn relative_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(0.0_f32, |scale, value| scale.max(value.abs()));
    largest_difference(found, expected) / scale
}

fn largest_difference(found: &[f32], expected: &[f32]) -> f32 {
    found.iter().zip(expected).fold(0.0, |largest, (found, expected)| largest.max((found - expected).abs()))
}

fn check(case: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case);
    let expected = read_expected(&folder);
    let checkpoint = Checkpoint::open(&folder).unwrap();
    let tensors = checkpoint.to_named_tensors().unwrap();
    let device = open_device(DeviceName::Flex).unwrap();
    let decoder = Decoder::new(checkpoint.config(), &tensors, &device.autodiff()).unwrap();
    let tokens = |ids: &[i32]| decoder.tokens(ids, expected.sequence_length);

    let logits = decoder.inner().logits(tokens(&expected.inputs)).unwrap();
    let logits = logits.into_data().try_into_vec::<f32>().unwrap();
    let difference = largest_difference(&logits, &expected.floats["logits"]);
    assert!(difference <= LOGIT_TOLERANCE, "{case}: logits differ by {difference}");

    let loss = decoder.loss_sum(tokens(&expected.inputs), &expected.targets, 1.0).unwrap();
    let loss = loss / expected.targets.len() as f64;
    let mut gradients = decoder.gradients(&mut loss.backward());
    let loss = loss.into_data().try_into_vec::<f32>().unwrap();
    assert!(relative_difference(&loss, &expected.floats["loss"]) <= 1e-5, "{case}: loss {loss:?}");
    for name in tensors.keys() {
        let gradient = gradients.remove(name).unwrap_or_else(|| panic!("{case}: no gradient for {name}"));
        let gradient = gradient.into_data().try_into_vec::<f32>().unwrap();
        let difference = relative_difference(&gradient, &expected.floats[&format!("gradients.{name}")]);
        assert!(difference <= GRADIENT_TOLERANCE, "{case}: the gradient of {name} differs by {difference}");
    }
    assert!(gradients.is_empty(), "{case}: gradients of {:?} belong to no parameter", gradients.keys());
}

/// How far PyTorch's gradients are from f32 when it computes in bf16.
#[derive(serde::Deserialize)]
struct Autocast {
    gradient_error: f32,
    largest_gradient_error: f32,
}

fn squares(values: impl Iterator<Item = f32>) -> f32 {
    values.map(|value| value * value).sum()
}

/// In bf16, loss and gradients are as near to f32 as PyTorch's autocast has them.
fn check_bf16(case: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case);
    let expected = read_expected(&folder);
    let peer = std::fs::read_to_string(folder.join("autocast.json")).unwrap();
    let peer: Autocast = serde_json::from_str(&peer).unwrap();
    let checkpoint = Checkpoint::open(&folder).unwrap();
    let tensors = checkpoint.to_named_tensors().unwrap();
    let device = open_device(DeviceName::Flex).unwrap().autodiff();
    let decoder = Decoder::new(checkpoint.config(), &tensors, &device).unwrap();
    let decoder = decoder.with_precision(Precision::Bf16);
    let tokens = |ids: &[i32]| decoder.tokens(ids, expected.sequence_length);
    let scale = 1.0 / expected.targets.len() as f64;
    let loss = decoder.loss_sum(tokens(&expected.inputs), &expected.targets, scale).unwrap();
    let mut gradients = decoder.gradients(&mut loss.backward());
    let (mut differences, mut norms, mut largest) = (0.0, 0.0, 0.0_f32);
    for name in tensors.keys() {
        let exact = &expected.floats[&format!("gradients.{name}")];
        let found = gradients.remove(name).unwrap().into_data().try_into_vec::<f32>().unwrap();
        let difference = squares(found.iter().zip(exact).map(|(found, exact)| found - exact));
        let norm = squares(exact.iter().copied());
        (differences, norms) = (differences + difference, norms + norm);
        largest = largest.max((difference / norm).sqrt());
    }
    let error = (differences / norms).sqrt();
    let loss = loss.into_scalar::<f32>() - expected.floats["loss"][0];
    let Autocast { gradient_error, largest_gradient_error } = peer;
    // Equal but for luck: other roundings in other places.
    assert!(error <= 1.25 * gradient_error, "{case}: gradients {error} from f32, PyTorch's {gradient_error}");
    assert!(
        largest <= 1.5 * largest_gradient_error,
        "{case}: a gradient {largest} from f32, PyTorch's {largest_gradient_error}"
    );
    assert!(loss.abs() <= expected.floats["loss"][0] / 512.0, "{case}: loss {loss} from f32");
}

#[test]
fn in_bf16_loss_and_gradients_are_as_near_to_f32_as_in_pytorch() {
    for case in [
        "mha-untied",
        "gqa-tied",
        "own-head-dim",
        "llama3-rope",
        "linear-rope",
        "qwen2",
        "attention-bias",
        "yarn-rope",
    ] {
        check_bf16(case);
    }
}

#[test]
fn plain_attention_with_an_untied_head_is_as_in_transformers() {
    check("mha-untied");
}

#[test]
fn grouped_queries_with_a_tied_head_are_as_in_transformers() {
    check("gqa-tied");
}

#[test]
fn a_head_dimension_of_its_own_is_as_in_transformers() {
    check("own-head-dim");
}

#[test]
fn llama3_rotary_scaling_is_as_in_transformers() {
    check("llama3-rope");
}

#[test]
fn linear_rotary_scaling_is_as_in_transformers() {
    check("linear-rope");
}

#[test]
fn a_qwen2_with_its_biases_is_as_in_transformers() {
    check("qwen2");
}

#[test]
fn biases_at_all_projections_of_attention_are_as_in_transformers() {
    check("attention-bias");
}

#[test]
fn yarn_is_as_in_transformers() {
    check("yarn-rope");
}
