//! What a decoder layer is made of: its parameters by Hugging Face's names, and the numbers that its equations need.

use crate::Precision;

/// The parameters of a layer, of whatever type: `V` for vectors and `M` for matrices, which are `[out, in]`.
#[derive(Clone, Copy, Debug)]
pub struct LayerWeights<V, M = V> {
    /// `[hidden]`
    pub input_layernorm: V,
    /// `[heads · head_dim, hidden]`
    pub q_proj: M,
    /// `[key_value_heads · head_dim, hidden]`
    pub k_proj: M,
    /// `[key_value_heads · head_dim, hidden]`
    pub v_proj: M,
    /// `[hidden, heads · head_dim]`
    pub o_proj: M,
    /// `[hidden]`
    pub post_attention_layernorm: V,
    /// `[intermediate, hidden]`
    pub gate_proj: M,
    /// `[intermediate, hidden]`
    pub up_proj: M,
    /// `[hidden, intermediate]`
    pub down_proj: M,
}

/// The numbers of a layer that its parameters don't tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNumbers {
    /// Width of a head.
    pub head_dim: usize,
    /// Added to the mean square of both norms.
    pub epsilon: f64,
    /// What matrices are multiplied in.
    pub precision: Precision,
}

impl<T> LayerWeights<T> {
    /// The parameters in order.
    pub fn into_array(self) -> [T; 9] {
        [
            self.input_layernorm,
            self.q_proj,
            self.k_proj,
            self.v_proj,
            self.o_proj,
            self.post_attention_layernorm,
            self.gate_proj,
            self.up_proj,
            self.down_proj,
        ]
    }

    /// The parameters by reference, in the same order.
    pub fn as_array(&self) -> [&T; 9] {
        [
            &self.input_layernorm,
            &self.q_proj,
            &self.k_proj,
            &self.v_proj,
            &self.o_proj,
            &self.post_attention_layernorm,
            &self.gate_proj,
            &self.up_proj,
            &self.down_proj,
        ]
    }

    /// From the order of [`Self::into_array`].
    pub fn from_array(parameters: [T; 9]) -> Self {
        let [
            input_layernorm,
            q_proj,
            k_proj,
            v_proj,
            o_proj,
            post_attention_layernorm,
            gate_proj,
            up_proj,
            down_proj,
        ] = parameters;
        Self {
            input_layernorm,
            q_proj,
            k_proj,
            v_proj,
            o_proj,
            post_attention_layernorm,
            gate_proj,
            up_proj,
            down_proj,
        }
    }
}
