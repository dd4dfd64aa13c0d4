//! Small models of many shapes, with a value of its own for every number. They are written and read, never run.

use outgrow_checkpoint::{
    AttentionBias, Dtype, HostTensor, LlamaConfig, LlamaFields, NamedTensors, Rope, RopeScaling, Yarn,
};
use proptest::prelude::*;

/// Models with grouped queries, heads that don't add up to the hidden size, tied heads, biases or none, all dtypes and
/// rope types.
pub(crate) fn models() -> impl Strategy<Value = LlamaConfig> {
    let sizes = (1_usize..40, 1_usize..9, 1_usize..9, 1_usize..5);
    let heads = (1_usize..4, 1_usize..4, 1_usize..4, proptest::sample::select(&AttentionBias::ALL[..]));
    (sizes, heads, any::<bool>(), dtypes(), ropes(), numbers()).prop_map(
        |(sizes, heads, tied, dtype, rope, numbers)| {
            let fields = LlamaFields {
                vocab_size: sizes.0,
                hidden_size: sizes.1,
                intermediate_size: sizes.2,
                num_hidden_layers: sizes.3,
                num_attention_heads: heads.0 * heads.1,
                num_key_value_heads: heads.0,
                head_dim: 2 * heads.2,
                attention_bias: heads.3,
                max_position_embeddings: 64,
                rms_norm_eps: numbers.0,
                rope,
                tie_word_embeddings: tied,
                initializer_range: numbers.1,
                dtype,
                bos_token_id: numbers.2,
                eos_token_id: None,
            };
            LlamaConfig::new(fields).expect("such a model can be built")
        },
    )
}

fn dtypes() -> impl Strategy<Value = Dtype> {
    prop_oneof![Just(Dtype::F32), Just(Dtype::F16), Just(Dtype::Bf16)]
}

fn numbers() -> impl Strategy<Value = (f64, f64, Option<u32>)> {
    (1e-12_f64..1e-3, 0.0_f64..1.0, proptest::option::of(any::<u32>()))
}

fn ropes() -> impl Strategy<Value = Rope> {
    let factor = || 1.0_f64..64.0;
    let llama3 =
        (factor(), 0.1_f64..2.0, 2.0_f64..8.0, 1_usize..1 << 20).prop_map(|(factor, low, high, original)| {
            RopeScaling::Llama3 {
                factor,
                low_freq_factor: low,
                high_freq_factor: high,
                original_max_position_embeddings: original,
            }
        });
    let linear = factor().prop_map(|factor| RopeScaling::Linear { factor });
    let yarn = (factor(), 1_usize..1 << 20, 1.0_f64..64.0, 0.1_f64..1.0, 0.5_f64..2.0, any::<bool>())
        .prop_map(|(factor, original, beta_fast, beta_slow, attention_factor, truncate)| {
            let usual = Yarn::new(factor, original);
            RopeScaling::Yarn(Yarn { beta_fast, beta_slow, attention_factor, truncate, ..usual })
        });
    let usual_yarn = (factor(), 1_usize..1 << 20)
        .prop_map(|(factor, original)| RopeScaling::Yarn(Yarn::new(factor, original)));
    (1.01_f64..1e7, prop_oneof![Just(RopeScaling::Default), linear, llama3, yarn, usual_yarn])
        .prop_map(|(theta, scaling)| Rope { theta, scaling })
}

/// A value of its own for every number: small whole numbers, exact in bfloat16 for as long as that is possible.
pub(crate) fn numbered(config: &LlamaConfig) -> NamedTensors {
    let mut value = 0.0;
    let mut next = || {
        value = if value < 256.0 { value + 1.0 } else { -255.0 };
        value
    };
    let tensor = |shape: Vec<usize>, next: &mut dyn FnMut() -> f32| {
        let size: usize = shape.iter().product();
        HostTensor { values: (0..size).map(|_| next()).collect(), shape }
    };
    config.tensors().into_iter().map(|one| (one.name, tensor(one.shape, &mut next))).collect()
}
