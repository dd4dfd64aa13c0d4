//! A text that goes on: what is read is computed once, and kept as keys and values.
//!
//! On the CPU. Elsewhere the whole text is read again for each new token, until there is a cache for those devices.

#[cfg(feature = "flex")]
use outgrow_kernels::flex::{
    buffers::Buffer,
    matrix::Store,
    rows::{KeyValues, Rows, Span, product},
};

#[cfg(feature = "flex")]
use crate::inference::{Inference, Stored};
use crate::{Decoder, ModelError};

/// A text so far, and what the model computed of it.
#[derive(Debug)]
pub struct Session {
    decoder: Decoder,
    tokens: Vec<u32>,
    #[cfg(feature = "flex")]
    cached: Option<Cached>,
}

#[cfg(feature = "flex")]
#[derive(Debug)]
struct Cached {
    inference: Inference,
    stored: Vec<KeyValues>,
}

impl Session {
    /// An empty text. The decoder's parameters are shared.
    pub fn new(decoder: &Decoder) -> Self {
        #[cfg(feature = "flex")]
        let cached = Inference::new(decoder).map(|inference| Cached { stored: inference.empty(), inference });
        Self {
            decoder: decoder.inner(),
            tokens: Vec::new(),
            #[cfg(feature = "flex")]
            cached,
        }
    }

    /// All tokens read so far.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Reads tokens behind those read before, and gives the logits of what may come next, `[vocab_size]`.
    ///
    /// # Errors
    /// When there is no token to read, one isn't in the vocabulary, or the text gets longer than the model's positions.
    pub fn read(&mut self, tokens: &[u32]) -> Result<Vec<f32>, ModelError> {
        let config = self.decoder.config();
        let (sequence_length, maximum) = (self.tokens.len() + tokens.len(), config.max_position_embeddings);
        if tokens.is_empty() {
            return Err(ModelError::NothingToRead);
        }
        if sequence_length > maximum {
            return Err(ModelError::SequenceTooLong { sequence_length, maximum });
        }
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= config.vocab_size) {
            return Err(ModelError::UnknownToken { token, vocab_size: config.vocab_size });
        }
        let first_position = self.tokens.len();
        self.tokens.extend(tokens);
        #[cfg(feature = "flex")]
        if let Some(cached) = &mut self.cached {
            return Ok(cached.read(tokens, first_position, config.vocab_size));
        }
        let _ = first_position;
        self.read_again()
    }

    fn read_again(&self) -> Result<Vec<f32>, ModelError> {
        let ids: Vec<_> = self.tokens.iter().map(|&token| token as i32).collect();
        let logits = self.decoder.logits(self.decoder.tokens(&ids, ids.len()))?;
        let [_, sequence, _] = logits.dims();
        let last = logits.narrow(1, sequence - 1, 1);
        Ok(last.into_data().convert::<f32>().try_into_vec::<f32>().expect("converted to f32"))
    }
}

#[cfg(feature = "flex")]
impl Cached {
    fn read(&mut self, tokens: &[u32], first_position: usize, vocab_size: usize) -> Vec<f32> {
        let span = Span { rows: tokens.len(), first_position, before: 0..first_position, wanted: 1 };
        let rows = Rows::new(vec![span], 1);
        let last: Buffer = self.inference.run(tokens, &rows, Stored::Kept(&mut self.stored));
        let mut logits = vec![0.0; vocab_size];
        product(&mut logits, Store::Replace, &last, self.inference.head(), 1);
        logits
    }
}
