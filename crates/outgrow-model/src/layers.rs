//! The parts of the decoder as burn modules, with Hugging Face's field names and weight layouts.
//!
//! They are built from tensors in decoder.rs; what a layer computes is outgrow-kernels'.

use burn::{
    module::{Module, Param},
    tensor::{Int, Tensor, module::embedding},
};
use outgrow_kernels::{
    AttentionBiases, LayerNumbers, LayerWeights, Precision, RotaryTable,
    composed::reading::{KeyValueTensors, NewRows, decoder_layer_behind},
    decoder_layer, rms_norm,
};

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

impl Embedding {
    /// `[batch, sequence]` token ids to `[batch, sequence, hidden]`.
    pub(crate) fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        embedding(self.weight.val(), tokens)
    }
}

impl Attention {
    /// The biases of all projections by what `bias` makes of one; `None` where there are none.
    pub(crate) fn biases<V>(&self, bias: impl Fn(&Param<Tensor<1>>) -> V) -> Option<AttentionBiases<V>> {
        Some(AttentionBiases {
            query: bias(self.q_proj.bias.as_ref()?),
            key: bias(self.k_proj.bias.as_ref()?),
            value: bias(self.v_proj.bias.as_ref()?),
            output: self.o_proj.bias.as_ref().map(bias),
        })
    }
}

impl RmsNorm {
    /// Keeps the shape `[batch, sequence, hidden]`.
    pub(crate) fn forward(&self, input: Tensor<3>) -> Tensor<3> {
        rms_norm(input, self.weight.val(), self.epsilon)
    }
}

impl DecoderLayer {
    /// Keeps the shape `[batch, sequence, hidden]`.
    pub(crate) fn forward(&self, hidden: Tensor<3>, rotary: &RotaryTable, precision: Precision) -> Tensor<3> {
        decoder_layer(hidden, self.weights(), self.numbers(precision), rotary, None)
    }

    /// New rows of a text, `[batch, rows, hidden]`, behind those whose keys and values are stored; theirs are stored as
    /// well. Keeps the shape.
    pub(crate) fn forward_behind(
        &self,
        hidden: Tensor<3>,
        new: &NewRows,
        stored: KeyValueTensors,
        precision: Precision,
    ) -> (Tensor<3>, KeyValueTensors) {
        decoder_layer_behind(hidden, self.weights(), self.numbers(precision), new, stored)
    }

    fn weights(&self) -> LayerWeights<Tensor<1>, Tensor<2>> {
        let (attention, feed_forward) = (&self.self_attn, &self.mlp);
        LayerWeights {
            input_layernorm: self.input_layernorm.weight.val(),
            q_proj: attention.q_proj.weight.val(),
            k_proj: attention.k_proj.weight.val(),
            v_proj: attention.v_proj.weight.val(),
            o_proj: attention.o_proj.weight.val(),
            post_attention_layernorm: self.post_attention_layernorm.weight.val(),
            gate_proj: feed_forward.gate_proj.weight.val(),
            up_proj: feed_forward.up_proj.weight.val(),
            down_proj: feed_forward.down_proj.weight.val(),
            attention_biases: attention.biases(Param::val),
        }
    }

    fn numbers(&self, precision: Precision) -> LayerNumbers {
        let epsilon = self.input_layernorm.epsilon;
        LayerNumbers { head_dim: self.self_attn.head_dim, epsilon, precision }
    }
}
