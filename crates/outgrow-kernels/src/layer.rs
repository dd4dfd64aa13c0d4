//! What a decoder layer is made of: its parameters by Hugging Face's names, and the numbers that its equations need.

use std::cell::RefCell;

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
    /// Biases of attention's projections, where the model has them.
    pub attention_biases: Option<AttentionBiases<V>>,
}

/// What is added to what the projections of attention give.
#[derive(Clone, Copy, Debug)]
pub struct AttentionBiases<V> {
    /// `[heads · head_dim]`
    pub query: V,
    /// `[key_value_heads · head_dim]`
    pub key: V,
    /// `[key_value_heads · head_dim]`
    pub value: V,
    /// `[hidden]`; a Qwen2 has none.
    pub output: Option<V>,
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

impl<V, M> LayerWeights<V, M> {
    /// Each parameter turned into something else, in order: as they stand here, the biases last.
    pub fn map<W, N>(
        self,
        mut vector: impl FnMut(V) -> W,
        mut matrix: impl FnMut(M) -> N,
    ) -> LayerWeights<W, N> {
        LayerWeights {
            input_layernorm: vector(self.input_layernorm),
            q_proj: matrix(self.q_proj),
            k_proj: matrix(self.k_proj),
            v_proj: matrix(self.v_proj),
            o_proj: matrix(self.o_proj),
            post_attention_layernorm: vector(self.post_attention_layernorm),
            gate_proj: matrix(self.gate_proj),
            up_proj: matrix(self.up_proj),
            down_proj: matrix(self.down_proj),
            attention_biases: self.attention_biases.map(|biases| biases.map(vector)),
        }
    }

    /// The parameters by reference.
    pub fn as_ref(&self) -> LayerWeights<&V, &M> {
        LayerWeights {
            input_layernorm: &self.input_layernorm,
            q_proj: &self.q_proj,
            k_proj: &self.k_proj,
            v_proj: &self.v_proj,
            o_proj: &self.o_proj,
            post_attention_layernorm: &self.post_attention_layernorm,
            gate_proj: &self.gate_proj,
            up_proj: &self.up_proj,
            down_proj: &self.down_proj,
            attention_biases: self.attention_biases.as_ref().map(AttentionBiases::as_ref),
        }
    }

    /// The parameters by mutable reference.
    pub fn as_mut(&mut self) -> LayerWeights<&mut V, &mut M> {
        LayerWeights {
            input_layernorm: &mut self.input_layernorm,
            q_proj: &mut self.q_proj,
            k_proj: &mut self.k_proj,
            v_proj: &mut self.v_proj,
            o_proj: &mut self.o_proj,
            post_attention_layernorm: &mut self.post_attention_layernorm,
            gate_proj: &mut self.gate_proj,
            up_proj: &mut self.up_proj,
            down_proj: &mut self.down_proj,
            attention_biases: self.attention_biases.as_mut().map(AttentionBiases::as_mut),
        }
    }
}

impl<V, M> LayerWeights<Option<V>, Option<M>> {
    /// All of them, if there is none missing.
    pub fn transpose(self) -> Option<LayerWeights<V, M>> {
        let attention_biases = match self.attention_biases {
            Some(biases) => Some(biases.transpose()?),
            None => None,
        };
        Some(LayerWeights {
            input_layernorm: self.input_layernorm?,
            q_proj: self.q_proj?,
            k_proj: self.k_proj?,
            v_proj: self.v_proj?,
            o_proj: self.o_proj?,
            post_attention_layernorm: self.post_attention_layernorm?,
            gate_proj: self.gate_proj?,
            up_proj: self.up_proj?,
            down_proj: self.down_proj?,
            attention_biases,
        })
    }
}

impl<T> LayerWeights<T> {
    /// [`Self::map`] where vectors and matrices are of one type.
    pub fn map_all<U>(self, each: impl FnMut(T) -> U) -> LayerWeights<U> {
        let each = RefCell::new(each);
        self.map(|vector| each.borrow_mut()(vector), |matrix| each.borrow_mut()(matrix))
    }

    /// The parameters in order.
    pub fn into_list(self) -> Vec<T> {
        let mut list = Vec::new();
        self.map_all(|parameter| list.push(parameter));
        list
    }
}

impl<V> AttentionBiases<V> {
    /// Each bias turned into something else, in order.
    pub fn map<W>(self, mut each: impl FnMut(V) -> W) -> AttentionBiases<W> {
        AttentionBiases {
            query: each(self.query),
            key: each(self.key),
            value: each(self.value),
            output: self.output.map(each),
        }
    }

    /// The biases by reference.
    pub fn as_ref(&self) -> AttentionBiases<&V> {
        let Self { query, key, value, output } = self;
        AttentionBiases { query, key, value, output: output.as_ref() }
    }

    /// The biases by mutable reference.
    pub fn as_mut(&mut self) -> AttentionBiases<&mut V> {
        let Self { query, key, value, output } = self;
        AttentionBiases { query, key, value, output: output.as_mut() }
    }
}

impl<V> AttentionBiases<Option<V>> {
    /// All of them, if there is none missing.
    pub fn transpose(self) -> Option<AttentionBiases<V>> {
        let output = match self.output {
            Some(output) => Some(output?),
            None => None,
        };
        Some(AttentionBiases { query: self.query?, key: self.key?, value: self.value?, output })
    }
}
