//! The part that a tensor plays in a LLaMA-style decoder, by its Hugging Face name.

/// A kind of tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Token embedding, `[vocabulary, hidden]`.
    Embedding,
    /// A norm inside a layer, `[hidden]`.
    Norm,
    /// `[heads · head_dim, hidden]`.
    Query,
    /// `[key-value heads · head_dim, hidden]`.
    Key,
    /// `[key-value heads · head_dim, hidden]`.
    Value,
    /// The bias of the queries, `[heads · head_dim]`, where the model has biases.
    QueryBias,
    /// The bias of the keys, `[key-value heads · head_dim]`.
    KeyBias,
    /// The bias of the values, `[key-value heads · head_dim]`.
    ValueBias,
    /// The bias of attention's output, `[hidden]`.
    OutputBias,
    /// `[hidden, heads · head_dim]`.
    Output,
    /// `[intermediate, hidden]`.
    Gate,
    /// `[intermediate, hidden]`.
    Up,
    /// `[hidden, intermediate]`.
    Down,
    /// The norm before the head, `[hidden]`.
    FinalNorm,
    /// `[vocabulary, hidden]`.
    Head,
}

impl Part {
    /// The part of a tensor of a LLaMA, with biases or none.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let biases = [
            ("self_attn.q_proj.bias", Self::QueryBias),
            ("self_attn.k_proj.bias", Self::KeyBias),
            ("self_attn.v_proj.bias", Self::ValueBias),
            ("self_attn.o_proj.bias", Self::OutputBias),
        ];
        if let Some((_, part)) = biases.into_iter().find(|(ending, _)| name.ends_with(ending)) {
            return Some(part);
        }
        let ends = |ending: &str| name.strip_suffix(".weight").is_some_and(|stem| stem.ends_with(ending));
        let parts = [
            ("embed_tokens", Self::Embedding),
            ("layernorm", Self::Norm),
            ("self_attn.q_proj", Self::Query),
            ("self_attn.k_proj", Self::Key),
            ("self_attn.v_proj", Self::Value),
            ("self_attn.o_proj", Self::Output),
            ("mlp.gate_proj", Self::Gate),
            ("mlp.up_proj", Self::Up),
            ("mlp.down_proj", Self::Down),
            ("model.norm", Self::FinalNorm),
            ("lm_head", Self::Head),
        ];
        parts.into_iter().find(|(ending, _)| ends(ending)).map(|(_, part)| part)
    }
}
