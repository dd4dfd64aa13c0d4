//! The tensors that a decoder has: their Hugging Face names, their shapes, their order. It does not read any.

use crate::{
    config::{AttentionBias, LlamaConfig, LlamaFields},
    tensor_names::layer_index,
};

const LAYER_PREFIX: &str = "model.layers.";
/// What a model that was saved without its head lacks in its tensors' names.
pub(crate) const BASE_MODEL: &str = "model.";
/// The token embedding.
pub(crate) const EMBEDDING: &str = "model.embed_tokens.weight";
/// The head; absent where it is tied to the embedding.
pub(crate) const HEAD: &str = "lm_head.weight";

/// A tensor's name and shape. Matrices are `[out_features, in_features]`, as PyTorch stores them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorShape {
    /// The Hugging Face name.
    pub name: String,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
}

impl LlamaConfig {
    /// Every parameter of the model in canonical order: embedding, layers from the bottom, final norm, head. A bias
    /// stands behind its weight. A tied head is the embedding and not listed.
    pub fn tensors(&self) -> Vec<TensorShape> {
        let tensor =
            |name: &str, shape: &[usize]| TensorShape { name: name.to_owned(), shape: shape.to_owned() };
        let mut tensors = vec![tensor(EMBEDDING, &[self.vocab_size, self.hidden_size])];
        for index in 0..self.num_hidden_layers {
            for (name, shape) in self.layer_tensors() {
                tensors.push(tensor(&format!("{LAYER_PREFIX}{index}.{name}"), &shape));
            }
        }
        tensors.push(tensor("model.norm.weight", &[self.hidden_size]));
        if !self.tie_word_embeddings {
            tensors.push(tensor(HEAD, &[self.vocab_size, self.hidden_size]));
        }
        tensors
    }

    /// The matrices of the layers with their rows and columns, in canonical order: queries, keys, values, output, gate,
    /// up and down. Neither embedding nor head is one.
    ///
    /// ```
    /// use outgrow_checkpoint::LlamaConfig;
    ///
    /// let model = LlamaConfig::from_json(
    ///     r#"{ "model_type": "llama", "vocab_size": 100, "hidden_size": 16, "intermediate_size": 32,
    ///          "num_hidden_layers": 3, "num_attention_heads": 2, "attention_bias": true }"#,
    /// )?;
    /// let matrices = model.layer_matrices();
    /// assert_eq!(matrices.len(), 3 * 7);
    /// assert_eq!(matrices[4], ("model.layers.0.mlp.gate_proj.weight".to_owned(), [32, 16]));
    /// # Ok::<(), outgrow_checkpoint::CheckpointError>(())
    /// ```
    pub fn layer_matrices(&self) -> Vec<(String, [usize; 2])> {
        let of_layer = |tensor: TensorShape| match *tensor.shape {
            [rows, columns] if layer_index(&tensor.name).is_some() => Some((tensor.name, [rows, columns])),
            _ => None,
        };
        self.tensors().into_iter().filter_map(of_layer).collect()
    }

    /// Number of parameters; a tied head counts once.
    pub fn num_parameters(&self) -> u64 {
        u64::try_from(self.num_parameters_wide()).unwrap_or(u64::MAX)
    }
}

impl LlamaFields {
    /// Counted wide, for shapes that are still to be checked.
    pub(crate) fn num_parameters_wide(&self) -> u128 {
        let product =
            |shape: &[usize]| shape.iter().fold(1_u128, |size, side| size.saturating_mul(*side as u128));
        let layer =
            self.layer_tensors().iter().map(|(_, shape)| product(shape)).fold(0, u128::saturating_add);
        let embeddings = if self.tie_word_embeddings { 1 } else { 2 };
        product(&[embeddings, self.vocab_size, self.hidden_size])
            .saturating_add(layer.saturating_mul(self.num_hidden_layers as u128))
            .saturating_add(self.hidden_size as u128)
    }

    fn layer_tensors(&self) -> Vec<(&'static str, Vec<usize>)> {
        let (hidden, intermediate) = (self.hidden_size, self.intermediate_size);
        let queries = self.num_attention_heads.saturating_mul(self.head_dim);
        let keys = self.num_key_value_heads.saturating_mul(self.head_dim);
        let (inputs_biased, output_biased) = match self.attention_bias {
            AttentionBias::None => (false, false),
            AttentionBias::QueryKeyValue => (true, false),
            AttentionBias::All => (true, true),
        };
        let tensors = [
            Some(("input_layernorm.weight", vec![hidden])),
            Some(("self_attn.q_proj.weight", vec![queries, hidden])),
            inputs_biased.then(|| ("self_attn.q_proj.bias", vec![queries])),
            Some(("self_attn.k_proj.weight", vec![keys, hidden])),
            inputs_biased.then(|| ("self_attn.k_proj.bias", vec![keys])),
            Some(("self_attn.v_proj.weight", vec![keys, hidden])),
            inputs_biased.then(|| ("self_attn.v_proj.bias", vec![keys])),
            Some(("self_attn.o_proj.weight", vec![hidden, queries])),
            output_biased.then(|| ("self_attn.o_proj.bias", vec![hidden])),
            Some(("post_attention_layernorm.weight", vec![hidden])),
            Some(("mlp.gate_proj.weight", vec![intermediate, hidden])),
            Some(("mlp.up_proj.weight", vec![intermediate, hidden])),
            Some(("mlp.down_proj.weight", vec![hidden, intermediate])),
        ];
        tensors.into_iter().flatten().collect()
    }
}
