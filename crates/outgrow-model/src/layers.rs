//! The parts of the decoder as burn modules, with Hugging Face's field names and weight layouts.
//!
//! Building them from tensors is decoder.rs's; here is what they compute.

use burn::{
    module::{Module, Param},
    tensor::{Int, Tensor, module::embedding},
};
use outgrow_kernels::{RotaryTable, causal_attention, linear, rms_norm, rotate, swi_glu};

/// Token vectors: `weight` is `[vocab_size, hidden_size]`.
#[derive(Module, Debug)]
pub struct Embedding {
    /// One row a token.
    pub weight: Param<Tensor<2>>,
}

/// A linear map without bias: `weight` is `[out, in]`.
#[derive(Module, Debug)]
pub struct Linear {
    /// One row an output.
    pub weight: Param<Tensor<2>>,
}

/// Root-mean-square normalisation: `weight` is `[hidden_size]`.
#[derive(Module, Debug)]
pub struct RmsNorm {
    /// The gain of each channel.
    pub weight: Param<Tensor<1>>,
    /// Added to the mean square.
    pub epsilon: f64,
}

/// Causal self-attention with rotary positions and grouped queries.
#[derive(Module, Debug)]
pub struct Attention {
    /// `[heads · head_dim, hidden_size]`
    pub q_proj: Linear,
    /// `[key_value_heads · head_dim, hidden_size]`
    pub k_proj: Linear,
    /// `[key_value_heads · head_dim, hidden_size]`
    pub v_proj: Linear,
    /// `[hidden_size, heads · head_dim]`
    pub o_proj: Linear,
    /// Width of a head.
    pub head_dim: usize,
}

/// The gated feed-forward block.
#[derive(Module, Debug)]
pub struct FeedForward {
    /// `[intermediate_size, hidden_size]`
    pub gate_proj: Linear,
    /// `[intermediate_size, hidden_size]`
    pub up_proj: Linear,
    /// `[hidden_size, intermediate_size]`
    pub down_proj: Linear,
}

/// One layer: `x + attention(norm(x))`, then `x + feed_forward(norm(x))`.
#[derive(Module, Debug)]
pub struct DecoderLayer {
    /// Before attention.
    pub input_layernorm: RmsNorm,
    /// Attention.
    pub self_attn: Attention,
    /// Before the feed-forward block.
    pub post_attention_layernorm: RmsNorm,
    /// The feed-forward block.
    pub mlp: FeedForward,
}

impl Embedding {
    /// `[batch, sequence]` token ids to `[batch, sequence, hidden]`.
    pub fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        embedding(self.weight.val(), tokens)
    }
}

impl Linear {
    /// `[batch, sequence, in]` to `[batch, sequence, out]`.
    pub fn forward(&self, input: Tensor<3>) -> Tensor<3> {
        linear(input, self.weight.val())
    }
}

impl RmsNorm {
    /// Keeps the shape `[batch, sequence, hidden]`.
    pub fn forward(&self, input: Tensor<3>) -> Tensor<3> {
        rms_norm(input, self.weight.val(), self.epsilon)
    }
}

impl Attention {
    /// Keeps the shape `[batch, sequence, hidden]`.
    pub fn forward(&self, input: Tensor<3>, rotary: &RotaryTable) -> Tensor<3> {
        let [batch, sequence, _] = input.dims();
        let heads = |projected: Tensor<3>| {
            let count = projected.dims()[2] / self.head_dim;
            projected.reshape([batch, sequence, count, self.head_dim]).swap_dims(1, 2)
        };
        let query = rotate(heads(self.q_proj.forward(input.clone())), rotary);
        let key = rotate(heads(self.k_proj.forward(input.clone())), rotary);
        let value = heads(self.v_proj.forward(input));
        let attended = causal_attention(query, key, value).swap_dims(1, 2);
        let [_, _, count, head_dim] = attended.dims();
        self.o_proj.forward(attended.reshape([batch, sequence, count * head_dim]))
    }
}

impl FeedForward {
    /// Keeps the shape `[batch, sequence, hidden]`.
    pub fn forward(&self, input: Tensor<3>) -> Tensor<3> {
        self.down_proj.forward(swi_glu(self.gate_proj.forward(input.clone()), self.up_proj.forward(input)))
    }
}

impl DecoderLayer {
    /// Keeps the shape `[batch, sequence, hidden]`.
    pub fn forward(&self, hidden: Tensor<3>, rotary: &RotaryTable) -> Tensor<3> {
        let attended = self.self_attn.forward(self.input_layernorm.forward(hidden.clone()), rotary);
        let hidden = hidden + attended;
        let transformed = self.mlp.forward(self.post_attention_layernorm.forward(hidden.clone()));
        hidden + transformed
    }
}
