//! Root-mean-square normalisation (arXiv 1910.07467), without bias.

use burn::tensor::Tensor;

/// `input / sqrt(mean(input²) + epsilon) · weight` over the last dimension.
///
/// `input` is `[batch, sequence, hidden]`, `weight` is `[hidden]`; the shape is kept.
pub fn rms_norm(input: Tensor<3>, weight: Tensor<1>, epsilon: f64) -> Tensor<3> {
    let mean_square = input.clone().square().mean_dim(2);
    let scale = (mean_square + epsilon).sqrt().recip();
    input * scale * weight.unsqueeze()
}
