//! A linear map without bias, with the weight in PyTorch's layout.

use burn::tensor::{DType, Tensor};

use crate::Precision;

/// `input · weightᵀ`: `input` is `[batch, sequence, in]`, `weight` is `[out, in]`, the result `[batch, sequence, out]`.
///
/// The leading dimensions are folded into rows, so that the gradient of the weight is one matrix product.
pub fn linear(input: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    let [batch, sequence, features] = input.dims();
    let [outputs, _] = weight.dims();
    let rows = input.reshape([batch * sequence, features]);
    rows.matmul(weight.transpose()).reshape([batch, sequence, outputs])
}

/// The same in either precision: in bf16 both sides and the result are rounded to it, and so are the gradients.
pub fn linear_in(input: Tensor<3>, weight: Tensor<2>, precision: Precision) -> Tensor<3> {
    match precision {
        Precision::F32 => linear(input, weight),
        Precision::Bf16 => linear(input.cast(DType::BF16), weight.cast(DType::BF16)).cast(DType::F32),
    }
}

/// As f32 that has been rounded to the precision.
pub(crate) fn rounded<const D: usize>(tensor: Tensor<D>, precision: Precision) -> Tensor<D> {
    match precision {
        Precision::F32 => tensor,
        Precision::Bf16 => tensor.cast(DType::BF16).cast(DType::F32),
    }
}
