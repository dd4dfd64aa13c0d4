//! Numbers to compute with: random ones that a device draws itself, and weights that the host can make fast.
//!
//! No time depends on their values. Where losses are compared, first_step.rs draws weights as the model does.

use burn::tensor::{DType, Device, Distribution, Int, Shape, Tensor, TensorData};
use outgrow_checkpoint::{HostTensor, LlamaConfig, NamedTensors};
use outgrow_data::Batch;
use outgrow_kernels::{LayerWeights, Precision};

use super::models::Model;

/// Normal values with a standard deviation as weights have it.
pub(crate) fn normal<const D: usize>(shape: impl Into<Shape>, device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 0.02), device)
}

/// The same in a precision.
pub(crate) fn normal_in<const D: usize>(
    shape: impl Into<Shape>,
    precision: Precision,
    device: &Device,
) -> Tensor<D> {
    let tensor = normal(shape, device);
    match precision {
        Precision::F32 => tensor,
        Precision::Bf16 => tensor.cast(DType::BF16),
    }
}

/// Whether the device has bf16 at all; there is f32 everywhere.
pub(crate) fn precisions(device: &Device) -> Vec<Precision> {
    let mut precisions = vec![Precision::F32];
    if device.supports_dtype(DType::BF16) {
        precisions.insert(0, Precision::Bf16);
    }
    precisions
}

/// The weights of one layer.
pub(crate) fn layer(model: &Model, device: &Device) -> LayerWeights<Tensor<1>, Tensor<2>> {
    let (hidden, intermediate) = (model.hidden, model.intermediate);
    let keys = model.key_value_heads * model.head_dim();
    let matrix = |rows: usize, columns: usize| normal::<2>([rows, columns], device);
    LayerWeights {
        input_layernorm: Tensor::ones([hidden], device),
        q_proj: matrix(hidden, hidden),
        k_proj: matrix(keys, hidden),
        v_proj: matrix(keys, hidden),
        o_proj: matrix(hidden, hidden),
        post_attention_layernorm: Tensor::ones([hidden], device),
        gate_proj: matrix(intermediate, hidden),
        up_proj: matrix(intermediate, hidden),
        down_proj: matrix(hidden, intermediate),
        attention_biases: None,
    }
}

/// Token ids of a micro-batch on a device.
pub(crate) fn tokens(model: &Model, salt: usize, device: &Device) -> Tensor<2, Int> {
    let ids = batch(model, salt).inputs;
    Tensor::from_data(TensorData::new(ids, [model.batch, model.sequence]), device)
}

/// A micro-batch of random tokens.
pub(crate) fn batch(model: &Model, salt: usize) -> Batch {
    let id = |index: usize| (scrambled((salt << 32) + index) % model.vocabulary as u64) as i32;
    Batch {
        sequences: model.batch,
        sequence_length: model.sequence,
        inputs: (0..model.tokens()).map(id).collect(),
        targets: (1..=model.tokens()).map(id).collect(),
    }
}

/// All weights of a decoder, uniform with the standard deviation that a normal initialization has. A billion of them
/// take seconds.
pub(crate) fn weights(config: &LlamaConfig) -> NamedTensors {
    let half_width = 3.0_f32.sqrt() * 0.02;
    let value = |index: usize| {
        let unit = (scrambled(index) as u32 as f32) / u32::MAX as f32;
        (2.0 * unit - 1.0) * half_width
    };
    let values = |shape: &[usize]| {
        let count = shape.iter().product();
        if shape.len() == 1 { vec![1.0; count] } else { (0..count).map(value).collect() }
    };
    let tensors = config.tensors().into_iter();
    tensors.map(|spec| (spec.name, HostTensor { values: values(&spec.shape), shape: spec.shape })).collect()
}

/// Bits that look drawn.
fn scrambled(index: usize) -> u64 {
    (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}
