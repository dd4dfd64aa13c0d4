//! What an evaluation asks of a model, and the only thing that it knows about one. No tensor: tokens go in,
//! log-likelihoods come out.

/// A model that scores tokens.
///
/// An implementation may compute what continuations share once: each group has one context. It may take a batch apart
/// as it likes, as long as a score depends on the tokens of its request alone and not on what else is in the batch.
pub trait LanguageModel {
    /// What is known of the model before it scores anything.
    fn outline(&self) -> ModelOutline;

    /// For each group in turn, the scores of its continuations in turn.
    ///
    /// The input of one is `context + continuation[..len - 1]`, at most [`max_length`](ModelOutline::max_length)
    /// tokens; its score is that of the continuation's tokens, each given all before it. Neither is ever empty.
    ///
    /// # Errors
    /// Whatever keeps the model from scoring; the evaluation stops there and can be gone on with.
    fn score(
        &mut self,
        groups: &[Continuations],
    ) -> Result<Vec<Vec<Score>>, Box<dyn std::error::Error + Send + Sync>>;
}

/// What has to be known of a model to make token requests for it. All of it can be read from a configuration, before
/// any weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOutline {
    /// The rows of its head: ids are below it, probabilities are over all of it.
    pub vocab_size: usize,
    /// The most tokens of an input.
    pub max_length: usize,
    /// The id of the token that begins a text.
    pub bos_token_id: Option<u32>,
    /// The id of the token that ends a text.
    pub eos_token_id: Option<u32>,
}

/// One context and what might follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuations {
    /// At least one token.
    pub context: Vec<u32>,
    /// At least one, each of at least one token.
    pub continuations: Vec<Vec<u32>>,
}

impl Continuations {
    /// Tokens of the longest input.
    pub fn longest_input(&self) -> usize {
        let longest = self.continuations.iter().map(Vec::len).max().unwrap_or(0);
        (self.context.len() + longest).saturating_sub(1)
    }
}

/// What a model says of a continuation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The sum of its tokens' log-probabilities, in nats.
    pub log_likelihood: f64,
    /// Whether each of its tokens is the likeliest in its place, the first of equals.
    pub is_greedy: bool,
}
