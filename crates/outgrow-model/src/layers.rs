//! The parts of the decoder as burn modules, with Hugging Face's field names and weight layouts.
//!
//! They are built from tensors in building.rs; what a layer computes is outgrow-kernels'.

use burn::{
    module::{Module, Param},
    tensor::{Int, Tensor, module::embedding},
};
use outgrow_kernels::{
    AttentionBiases, LayerNumbers, LayerWeights, Precision, RotaryTable,
    composed::reading::{KeyValueTensors, NewRows, decoder_layer_behind},
    decoder_layer,
};

use crate::mask::MaskTensors;

/// Token vectors: `weight` is `[vocab_size, hidden_size]`.
#[derive(Module, Debug)]
pub(crate) struct Embedding {
    /// One row a token.
    pub(crate) weight: Param<Tensor<2>>,
}

/// A linear map: `weight` is `[out, in]`.
#[derive(Module, Debug)]
pub(crate) struct Linear {
    /// One row an output.
    pub(crate) weight: Param<Tensor<2>>,
    /// Added to each output; only projections of attention may have it.
    pub(crate) bias: Option<Param<Tensor<1>>>,
}

/// Root-mean-square normalisation: `weight` is `[hidden_size]`.
#[derive(Module, Debug)]
pub(crate) struct RmsNorm {
    /// The gain of each channel.
    pub(crate) weight: Param<Tensor<1>>,
    /// Added to the mean square.
    pub(crate) epsilon: f64,
}

/// Causal self-attention with rotary positions and grouped queries.
#[derive(Module, Debug)]
pub(crate) struct Attention {
    /// `[heads · head_dim, hidden_size]`
    pub(crate) q_proj: Linear,
    /// `[key_value_heads · head_dim, hidden_size]`
    pub(crate) k_proj: Linear,
    /// `[key_value_heads · head_dim, hidden_size]`
    pub(crate) v_proj: Linear,
    /// `[hidden_size, heads · head_dim]`
    pub(crate) o_proj: Linear,
    /// Width of a head.
    pub(crate) head_dim: usize,
}

/// The gated feed-forward block.
#[derive(Module, Debug)]
pub(crate) struct FeedForward {
    /// `[intermediate_size, hidden_size]`
    pub(crate) gate_proj: Linear,
    /// `[intermediate_size, hidden_size]`
    pub(crate) up_proj: Linear,
    /// `[hidden_size, intermediate_size]`
    pub(crate) down_proj: Linear,
}

/// One layer: `x + attention(norm(x))`, then `x + feed_forward(norm(x))`.
#[derive(Module, Debug)]
pub(crate) struct DecoderLayer {
    /// Before attention.
    pub(crate) input_layernorm: RmsNorm,
    /// Attention.
    pub(crate) self_attn: Attention,
    /// Before the feed-forward block.
    pub(crate) post_attention_layernorm: RmsNorm,
    /// The feed-forward block.
    pub(crate) mlp: FeedForward,
}

/// The embedding, the layers and the final norm; Hugging Face's `model.` prefix.
#[derive(Module, Debug)]
pub(crate) struct Backbone {
    /// Token vectors.
    pub(crate) embed_tokens: Embedding,
    /// From the bottom (next to the embedding) to the top.
    pub(crate) layers: Vec<DecoderLayer>,
    /// The norm before the head.
    pub(crate) norm: RmsNorm,
}

impl Embedding {
    /// `[batch, sequence]` token ids to `[batch, sequence, hidden]`, by a table that is multiplied by factors.
    pub(crate) fn forward(&self, tokens: Tensor<2, Int>, factors: Option<Tensor<2>>) -> Tensor<3> {
        match factors {
            None => embedding(self.weight.val(), tokens),
            // Channels after the look-up, so that the table isn't there twice.
            Some(factors) if factors.dims()[0] == 1 => {
                embedding(self.weight.val(), tokens) * factors.unsqueeze::<3>()
            }
            Some(factors) => embedding(self.weight.val() * factors, tokens),
        }
    }
}

/// What the parameters of one layer are multiplied by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LayerMask<'a> {
    /// The decoder's, if it has one.
    pub(crate) mask: Option<&'a MaskTensors>,
    /// From the bottom.
    pub(crate) layer: usize,
}

impl LayerMask<'_> {
    fn name(&self, parameter: &str) -> String {
        format!("model.layers.{}.{parameter}", self.layer)
    }

    fn vector(&self, parameter: &str, value: &Param<Tensor<1>>) -> Tensor<1> {
        match self.mask {
            Some(mask) => mask.vector(&self.name(parameter), value.val()),
            None => value.val(),
        }
    }

    fn matrix(&self, parameter: &str, value: &Param<Tensor<2>>) -> Tensor<2> {
        match self.mask {
            Some(mask) => mask.matrix(&self.name(parameter), value.val()),
            None => value.val(),
        }
    }
}

impl DecoderLayer {
    /// Keeps the shape `[batch, sequence, hidden]`.
    pub(crate) fn forward(
        &self,
        hidden: Tensor<3>,
        rotary: &RotaryTable,
        precision: Precision,
        mask: LayerMask<'_>,
    ) -> Tensor<3> {
        decoder_layer(hidden, self.weights(mask), self.numbers(precision, mask), rotary, None)
    }

    /// New rows of a text, `[batch, rows, hidden]`, behind those whose keys and values are stored; theirs are stored as
    /// well. Keeps the shape.
    pub(crate) fn forward_behind(
        &self,
        hidden: Tensor<3>,
        new: &NewRows,
        stored: KeyValueTensors,
        precision: Precision,
        mask: LayerMask<'_>,
    ) -> (Tensor<3>, KeyValueTensors) {
        decoder_layer_behind(hidden, self.weights(mask), self.numbers(precision, mask), new, stored)
    }

    /// The parameters, masked.
    pub(crate) fn weights(&self, mask: LayerMask<'_>) -> LayerWeights<Tensor<1>, Tensor<2>> {
        let (attention, feed_forward) = (&self.self_attn, &self.mlp);
        LayerWeights {
            input_layernorm: mask.vector("input_layernorm.weight", &self.input_layernorm.weight),
            q_proj: mask.matrix("self_attn.q_proj.weight", &attention.q_proj.weight),
            k_proj: mask.matrix("self_attn.k_proj.weight", &attention.k_proj.weight),
            v_proj: mask.matrix("self_attn.v_proj.weight", &attention.v_proj.weight),
            o_proj: mask.matrix("self_attn.o_proj.weight", &attention.o_proj.weight),
            post_attention_layernorm: mask
                .vector("post_attention_layernorm.weight", &self.post_attention_layernorm.weight),
            gate_proj: mask.matrix("mlp.gate_proj.weight", &feed_forward.gate_proj.weight),
            up_proj: mask.matrix("mlp.up_proj.weight", &feed_forward.up_proj.weight),
            down_proj: mask.matrix("mlp.down_proj.weight", &feed_forward.down_proj.weight),
            attention_biases: attention.biases(mask),
        }
    }

    fn numbers(&self, precision: Precision, mask: LayerMask<'_>) -> LayerNumbers {
        let epsilon = mask.mask.map_or(self.input_layernorm.epsilon, MaskTensors::rms_norm_eps);
        LayerNumbers { head_dim: self.self_attn.head_dim, epsilon, precision }
    }
}

impl Attention {
    /// The biases of all projections, masked; `None` where there are none.
    fn biases(&self, mask: LayerMask<'_>) -> Option<AttentionBiases<Tensor<1>>> {
        let bias = |projection: &str, bias: &Param<Tensor<1>>| {
            mask.vector(&format!("self_attn.{projection}.bias"), bias)
        };
        Some(AttentionBiases {
            query: bias("q_proj", self.q_proj.bias.as_ref()?),
            key: bias("k_proj", self.k_proj.bias.as_ref()?),
            value: bias("v_proj", self.v_proj.bias.as_ref()?),
            output: self.o_proj.bias.as_ref().map(|one| bias("o_proj", one)),
        })
    }
}
