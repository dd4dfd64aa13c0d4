//! A LLaMA's shape for a number of parameters: widths and depths as people have them. It optimises nothing.

use outgrow_checkpoint::{AttentionBias, Dtype, LlamaConfig, LlamaFields, Rope, RopeScaling};

use crate::advice::error::AdviceError;

/// Parameters and width over depth: those of the 410M of arXiv 2405.15319 and of LLaMA's 7B. Between and beyond them we
/// follow the power law through both.
const ASPECTS: [(f64, f64); 2] = [(410e6, 42.7), (7e9, 128.0)];
/// No shallower and no deeper than that.
const ASPECT_RANGE: (f64, f64) = (ASPECTS[0].1, ASPECTS[1].1);
/// How much a shape may weigh against a size: a factor of two in the aspect is worth as much as 7 % of the parameters.
const ASPECT_WEIGHT: f64 = 0.1;
const LARGEST_HIDDEN_SIZE: usize = 16_384;
/// Two layers of a base, stacked four times.
const LEAST_NUM_HIDDEN_LAYERS: usize = 8;
const LARGEST_NUM_HIDDEN_LAYERS: usize = 128;

/// A LLaMA of about so many parameters, embedding and untied head included. Its layers are a multiple of 4, so that it
/// can be stacked from a quarter of them; heads are 64 wide, and 128 from a width of 2048 on,
/// and even in number.
///
/// # Errors
/// When a vocabulary of this size alone has more parameters.
pub fn llama_shape(
    parameters: u64,
    vocab_size: usize,
    sequence_length: usize,
) -> Result<LlamaFields, AdviceError> {
    let widths = (64..128)
        .step_by(64)
        .chain((128..2048).step_by(128))
        .chain((2048..=LARGEST_HIDDEN_SIZE).step_by(256));
    let depths = (LEAST_NUM_HIDDEN_LAYERS..=LARGEST_NUM_HIDDEN_LAYERS).step_by(4);
    let shapes = widths.flat_map(|width| depths.clone().map(move |depth| (width, depth)));
    let fields = |(width, depth)| llama_with(width, depth, vocab_size, sequence_length);
    let aspect = aspect(parameters as f64);
    let mut best: Option<(f64, u64, LlamaFields)> = None;
    for shape in shapes {
        let config = LlamaConfig::new(fields(shape)).map_err(AdviceError::Model)?;
        let found = config.num_parameters();
        let size = (found as f64 / parameters as f64).ln().abs();
        let proportion = (shape.0 as f64 / shape.1 as f64 / aspect).ln().abs();
        let distance = size + ASPECT_WEIGHT * proportion;
        if best.as_ref().is_none_or(|(least, ..)| distance < *least) {
            best = Some((distance, found, fields(shape)));
        }
    }
    let (_, found, fields) = best.ok_or(AdviceError::Parameters { parameters, nearest: 0, vocab_size })?;
    let is_near = (found as f64 / parameters as f64).ln().abs() < 0.25;
    if is_near { Ok(fields) } else { Err(AdviceError::Parameters { parameters, nearest: found, vocab_size }) }
}

/// Width over depth at a size.
fn aspect(parameters: f64) -> f64 {
    let [(small, narrow), (large, wide)] = ASPECTS;
    let power = (wide / narrow).ln() / (large / small).ln();
    (narrow * (parameters / small).powf(power)).clamp(ASPECT_RANGE.0, ASPECT_RANGE.1)
}

/// A LLaMA of this width and depth, in the usual proportions: a feed-forward network of 8/3 of the width, all heads
/// with keys of their own. Nothing is checked.
pub fn llama_with(
    hidden_size: usize,
    num_hidden_layers: usize,
    vocab_size: usize,
    sequence_length: usize,
) -> LlamaFields {
    let head_dim = if hidden_size < 2048 { 64 } else { 128 };
    let unit = if hidden_size < 1024 { 8 } else { 256 };
    let heads = hidden_size / head_dim;
    LlamaFields {
        vocab_size,
        hidden_size,
        intermediate_size: hidden_size.saturating_mul(8).div_ceil(3).next_multiple_of(unit),
        num_hidden_layers,
        num_attention_heads: heads,
        num_key_value_heads: heads,
        head_dim,
        max_position_embeddings: sequence_length,
        rms_norm_eps: 1e-5,
        rope: Rope { theta: 10_000.0, scaling: RopeScaling::Default },
        attention_bias: AttentionBias::None,
        tie_word_embeddings: false,
        initializer_range: 0.02,
        dtype: Dtype::F32,
        bos_token_id: None,
        eos_token_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_known_models_get_known_shapes() {
        let shape = |parameters| {
            let fields = llama_shape(parameters, 32_000, 2048).unwrap();
            let found = LlamaConfig::new(fields.clone()).unwrap().num_parameters();
            (fields.num_hidden_layers, fields.hidden_size, found as f64 / parameters as f64)
        };
        for parameters in [30_000_000, 60_000_000, 124_000_000, 410_000_000, 1_100_000_000, 7_000_000_000] {
            let (layers, width, ratio) = shape(parameters);
            assert!((0.9..1.1).contains(&ratio), "{parameters}: {layers} layers of {width}, {ratio}");
            assert!(layers.is_multiple_of(4));
        }
        let known = |parameters| (shape(parameters).0, shape(parameters).1);
        assert_eq!(known(374_000_000), (24, 1024), "the paper's 410M");
        assert_eq!(known(6_738_000_000), (32, 4096), "LLaMA's 7B");
    }

    #[test]
    fn a_vocabulary_larger_than_the_model_is_refused() {
        let problem = llama_shape(1_000_000, 128_256, 2048).unwrap_err();
        assert!(matches!(problem, AdviceError::Parameters { .. }), "{problem}");
    }
}
