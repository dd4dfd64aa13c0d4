//! The operations of a decoder as a model calls them: fused on the CPU, composed of burn's elsewhere.
//!
//! Both give the same numbers to rounding, gradients included.

use burn::tensor::Tensor;

use crate::{LayerNumbers, LayerWeights, PackedDocuments, Precision, composed::RotaryTable, home::at_home};

/// One decoder layer, `[batch, sequence, hidden]` to the same: `h = x + attention(norm(x))`, then
/// `h + feed_forward(norm(h))`.
///
/// With `documents`, a position sees its own document only; positions still count from the beginning of the sequence.
/// Memory is linear in the sequence where the layer is fused.
///
/// ```
/// use burn::tensor::Tensor;
/// use outgrow_kernels::{
///     DeviceName, LayerNumbers, LayerWeights, Precision, RotaryTable, decoder_layer, open_device,
/// };
///
/// let device = open_device(DeviceName::Flex)?;
/// let (vector, matrix) = (|| Tensor::<1>::ones([8], &device), |rows, columns| Tensor::<2>::ones([rows, columns], &device));
/// let weights = LayerWeights {
///     input_layernorm: vector(),
///     q_proj: matrix(8, 8),
///     k_proj: matrix(4, 8),
///     v_proj: matrix(4, 8),
///     o_proj: matrix(8, 8) * 0.0,
///     post_attention_layernorm: vector(),
///     gate_proj: matrix(12, 8),
///     up_proj: matrix(12, 8),
///     down_proj: matrix(8, 12) * 0.0,
///     attention_biases: None,
/// };
/// let numbers = LayerNumbers { head_dim: 4, epsilon: 1e-5, precision: Precision::F32 };
/// let rotary = RotaryTable::new(&[1.0, 0.01], 16, &device);
/// // With zeros where it writes, a layer passes on what comes in.
/// let output = decoder_layer(Tensor::ones([2, 5, 8], &device) * 3.0, weights, numbers, &rotary, None);
/// assert_eq!(output.into_data().try_into_vec::<f32>().unwrap(), [3.0; 2 * 5 * 8]);
/// # Ok::<(), outgrow_kernels::DeviceError>(())
/// ```
///
/// # Panics
/// When the sequence is longer than the rotary table, or `documents` is of another shape.
pub fn decoder_layer(
    hidden: Tensor<3>,
    weights: LayerWeights<Tensor<1>, Tensor<2>>,
    numbers: LayerNumbers,
    rotary: &RotaryTable,
    documents: Option<&PackedDocuments>,
) -> Tensor<3> {
    at_home!(hidden, decoder_layer(hidden, weights, numbers, rotary, documents))
}

/// `input / sqrt(mean(input²) + epsilon) · weight` over the last dimension (arXiv 1910.07467): `input` is
/// `[batch, sequence, hidden]`, `weight` is `[hidden]`; the shape is kept.
pub fn rms_norm(input: Tensor<3>, weight: Tensor<1>, epsilon: f64) -> Tensor<3> {
    at_home!(input, rms_norm(input, weight, epsilon))
}

/// `scale · Σ −log softmax(hidden · weightᵀ)[target]` over all tokens, in nats, `[1]`.
///
/// `hidden` is `[batch, sequence, hidden]`, `weight` `[vocabulary, hidden]`, `targets` `[batch, sequence]` row-major,
/// each below `vocabulary`. It is a sum, so that losses of parts of a batch add up to the loss of the batch whatever
/// the parts are. Where it is fused, the logits exist a chunk at a time.
///
/// ```
/// use burn::tensor::Tensor;
/// use outgrow_kernels::{DeviceName, Precision, linear_cross_entropy, open_device};
///
/// let device = open_device(DeviceName::Flex)?.autodiff();
/// let hidden = Tensor::<3>::zeros([1, 2, 4], &device).require_grad();
/// let weight = Tensor::<2>::ones([3, 4], &device);
/// let loss = linear_cross_entropy(hidden.clone(), weight, &[0, 2], 1.0 / 2.0, Precision::F32);
/// assert!(hidden.grad(&loss.backward()).is_some());
/// // All three tokens are as probable.
/// assert!((loss.into_scalar::<f32>() - 3_f32.ln()).abs() < 1e-6);
/// # Ok::<(), outgrow_kernels::DeviceError>(())
/// ```
///
/// # Panics
/// When there isn't a target for each token.
pub fn linear_cross_entropy(
    hidden: Tensor<3>,
    weight: Tensor<2>,
    targets: &[i32],
    scale: f64,
    precision: Precision,
) -> Tensor<1> {
    let [batch, sequence, _] = hidden.dims();
    assert_eq!(targets.len(), batch * sequence, "targets for {batch} sequences of {sequence} tokens");
    at_home!(hidden, linear_cross_entropy(hidden, weight, targets, scale, precision))
}
