//! A decoder layer forward and backward on the CPU, fused and composed of burn's operations.
//!
//! It prints how far apart their numbers are, and how long each takes.
//!
//! `cargo run --release -p outgrow-kernels --example layer`, with `f32` or `bf16` behind `--` for the products.

use std::{error::Error, time::Instant};

use burn::tensor::{Device, Tensor, TensorData};
use outgrow_kernels::{
    DeviceName, LayerNumbers, LayerWeights, PackedDocuments, Precision, RotaryTable, composed, decoder_layer,
    open_device,
};

const SEQUENCES: usize = 4;
const TOKENS: usize = 256;
const HIDDEN: usize = 256;
const INTERMEDIATE: usize = 688;
const HEAD_DIM: usize = 32;

/// What both implementations are called by.
type Layer = fn(
    Tensor<3>,
    LayerWeights<Tensor<1>, Tensor<2>>,
    LayerNumbers,
    &RotaryTable,
    Option<&PackedDocuments>,
) -> Tensor<3>;

/// Numbers between −½ and ½ that depend on their index, times `size`, with a gradient.
fn trained<const D: usize>(shape: [usize; D], size: f32, device: &Device) -> Tensor<D> {
    let number = |index: usize| size * ((index * 7919 % 1009) as f32 / 1009.0 - 0.5);
    let values: Vec<f32> = (0..shape.iter().product()).map(number).collect();
    Tensor::from_data(TensorData::new(values, shape), device).require_grad()
}

/// Half as many heads of keys and values as of queries.
fn weights(device: &Device) -> LayerWeights<Tensor<1>, Tensor<2>> {
    let matrix = |outputs, inputs: usize| trained([outputs, inputs], 3.0 / (inputs as f32).sqrt(), device);
    LayerWeights {
        input_layernorm: trained([HIDDEN], 2.0, device),
        q_proj: matrix(HIDDEN, HIDDEN),
        k_proj: matrix(HIDDEN / 2, HIDDEN),
        v_proj: matrix(HIDDEN / 2, HIDDEN),
        o_proj: matrix(HIDDEN, HIDDEN),
        post_attention_layernorm: trained([HIDDEN], 2.0, device),
        gate_proj: matrix(INTERMEDIATE, HIDDEN),
        up_proj: matrix(INTERMEDIATE, HIDDEN),
        down_proj: matrix(HIDDEN, INTERMEDIATE),
        attention_biases: None,
    }
}

/// What came of a pass over a layer.
struct Pass {
    /// The layer's output, and the gradient of its input.
    results: [Vec<f32>; 2],
    milliseconds: f64,
}

/// The second of two passes; the first warms up.
fn run(layer: Layer, precision: Precision) -> Result<Pass, Box<dyn Error>> {
    let device = open_device(DeviceName::Flex)?.autodiff();
    let frequencies: Vec<f64> =
        (0..HEAD_DIM / 2).map(|pair| 10_000_f64.powf(-2.0 * pair as f64 / HEAD_DIM as f64)).collect();
    let rotary = RotaryTable::new(&frequencies, TOKENS, &device);
    let numbers = LayerNumbers { head_dim: HEAD_DIM, epsilon: 1e-5, precision };
    let weights = weights(&device);
    let hidden = trained([SEQUENCES, TOKENS, HIDDEN], 2.0, &device);
    let pass = || {
        let output = layer(hidden.clone(), weights.clone(), numbers, &rotary, None);
        let gradients = output.clone().square().mean().backward();
        let gradient = hidden.grad(&gradients).expect("the input is trained");
        let host = |tensor: Tensor<3>| tensor.into_data().try_into_vec::<f32>();
        Ok::<_, Box<dyn Error>>([host(output)?, host(gradient)?])
    };
    pass()?;
    let start = Instant::now();
    let results = pass()?;
    Ok(Pass { results, milliseconds: start.elapsed().as_secs_f64() * 1e3 })
}

fn main() -> Result<(), Box<dyn Error>> {
    let precision = std::env::args().nth(1).map_or(Ok(Precision::F32), |word| word.parse())?;
    let fused = run(decoder_layer, precision)?;
    let twin = run(composed::decoder_layer, precision)?;
    println!("{SEQUENCES} sequences of {TOKENS} tokens, hidden size {HIDDEN}, products of {precision}");
    println!("fused     {:8.1} ms", fused.milliseconds);
    println!("composed  {:8.1} ms", twin.milliseconds);
    let results = fused.results.iter().zip(&twin.results);
    for (what, (fused, twin)) in ["output", "gradient of the input"].iter().zip(results) {
        let differences: Vec<f32> = fused.iter().zip(twin).map(|(fused, twin)| fused - twin).collect();
        println!("{what}: {:.1e} of its largest number apart", largest(&differences) / largest(twin));
    }
    Ok(())
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |largest, value| largest.max(value.abs()))
}
