//! What transformers asks of a LLaMA beyond what a decoder needs. A folder that it wouldn't open can still be read
//! here: version 4.57 opened most of these, and opens them still.

use crate::config::{LlamaConfig, family::Family};

impl LlamaConfig {
    /// Why transformers 5 would not open a model of this shape, a line for each reason; none where it opens.
    ///
    /// Checked with version 5.24, which asks two things of a `LlamaConfig` that a decoder doesn't need: heads that
    /// divide `hidden_size`, whether `head_dim` is given or not, and an `initializer_range` of at most 1. Its Mistral
    /// and its Qwen2 ask neither.
    ///
    /// ```
    /// use outgrow_checkpoint::LlamaConfig;
    ///
    /// let text = r#"{ "model_type": "llama", "vocab_size": 64, "hidden_size": 128, "intermediate_size": 344,
    ///     "num_hidden_layers": 2, "num_attention_heads": 12, "head_dim": 10 }"#;
    /// assert_eq!(LlamaConfig::from_json(text)?.refused_by_transformers(), [
    ///     "`hidden_size` is 128, not a multiple of `num_attention_heads`, which is 12; 8 or 16 heads would do"
    /// ]);
    /// # Ok::<(), outgrow_checkpoint::CheckpointError>(())
    /// ```
    pub fn refused_by_transformers(&self) -> Vec<String> {
        if Family::with_biases(self.attention_bias) == Family::Qwen2 {
            return Vec::new();
        }
        let (hidden, heads) = (self.hidden_size, self.num_attention_heads);
        let dividing = (!hidden.is_multiple_of(heads)).then(|| {
            let would_do = heads_that_would_do(hidden, heads).map_or_else(
                || "an even `hidden_size` would have some".to_owned(),
                |numbers| format!("{numbers} would do"),
            );
            format!(
                "`hidden_size` is {hidden}, not a multiple of `num_attention_heads`, which is {heads}; {would_do}"
            )
        });
        let range = (self.initializer_range > 1.0)
            .then(|| format!("`initializer_range` is {}, expected at most 1", self.initializer_range));
        dividing.into_iter().chain(range).collect()
    }
}

/// The numbers of heads nearest to `heads`, below and above, that give each head an even number of `hidden` channels:
/// `8 or 16 heads`. `None` where no number does.
pub fn heads_that_would_do(hidden: usize, heads: usize) -> Option<String> {
    // Heads of two channels are the narrowest.
    let fits = |count: &usize| *count > 0 && hidden.is_multiple_of(2 * count);
    let below = (1..heads.min(hidden)).rev().find(fits);
    let above = (heads.saturating_add(1)..=hidden / 2).find(fits);
    match (below, above) {
        (Some(below), Some(above)) => Some(format!("{below} or {above} heads")),
        (Some(1), None) | (None, Some(1)) => Some("1 head".to_owned()),
        (Some(count), None) | (None, Some(count)) => Some(format!("{count} heads")),
        (None, None) => None,
    }
}
