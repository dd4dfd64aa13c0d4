//! A linear map without bias, with the weight in PyTorch's layout.

use burn::tensor::Tensor;

/// `input · weightᵀ`: `input` is `[batch, sequence, in]`, `weight` is `[out, in]`, the result `[batch, sequence, out]`.
///
/// The leading dimensions are folded into rows, so that the gradient of the weight is one matrix product.
pub fn linear(input: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    let [batch, sequence, features] = input.dims();
    let [outputs, _] = weight.dims();
    let rows = input.reshape([batch * sequence, features]);
    rows.matmul(weight.transpose()).reshape([batch, sequence, outputs])
}
