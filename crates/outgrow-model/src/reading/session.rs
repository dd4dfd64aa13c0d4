//! A text that goes on: what is read is computed once, and kept as keys and values.
//!
//! On the CPU by rows.rs, which packs rows of many texts; elsewhere by tensors.rs, in burn's operations.

#[cfg(feature = "flex")]
use outgrow_kernels::cpu::kernels::reading::{KeyValueRows, Rows, Span, logits_of};

#[cfg(feature = "flex")]
use super::rows::{RowReader, Stored};
use super::tensors::StoredText;
use crate::{Decoder, ModelError};

/// A text so far, and what the model computed of it.
///
/// ```
/// # use outgrow_checkpoint::LlamaConfig;
/// # use outgrow_kernels::{DeviceName, open_device};
/// # use outgrow_model::{Decoder, Initialization, initial_tensors};
/// # let config = LlamaConfig::from_json(
/// #     r#"{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12,
/// #         "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 32}"#,
/// # )?;
/// # let tensors = initial_tensors(&config, Initialization::Normal, 1);
/// # let decoder = Decoder::new(&config, &tensors, &open_device(DeviceName::Flex)?)?;
/// use outgrow_model::Session;
///
/// let mut session = Session::new(&decoder);
/// session.read(&[1, 2])?;
/// let logits = session.read(&[3])?;
/// assert_eq!((logits.len(), session.tokens()), (16, [1, 2, 3].as_slice()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Session {
    decoder: Decoder,
    tokens: Vec<u32>,
    kept: Kept,
}

/// Where keys and values are, and who reads on from them.
#[derive(Debug)]
enum Kept {
    #[cfg(feature = "flex")]
    Host(Box<Cached>),
    Tensors(StoredText),
}

#[cfg(feature = "flex")]
#[derive(Debug)]
struct Cached {
    reader: RowReader,
    stored: Vec<KeyValueRows>,
}

impl Session {
    /// An empty text. The decoder's parameters are shared; in bf16, matrices are copied.
    pub fn new(decoder: &Decoder) -> Self {
        #[cfg(feature = "flex")]
        if let Some(reader) = RowReader::new(decoder) {
            let cached = Cached { stored: reader.empty(), reader };
            return Self { decoder: decoder.inner(), tokens: Vec::new(), kept: Kept::Host(Box::new(cached)) };
        }
        Self::with_tensors(decoder)
    }

    /// On any device, the CPU included.
    fn with_tensors(decoder: &Decoder) -> Self {
        let kept = Kept::Tensors(StoredText::new(decoder));
        Self { decoder: decoder.inner(), tokens: Vec::new(), kept }
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
        let logits = match &mut self.kept {
            #[cfg(feature = "flex")]
            Kept::Host(cached) => cached.read(tokens, self.tokens.len()),
            Kept::Tensors(stored) => stored.read(&self.decoder, tokens),
        };
        self.tokens.extend(tokens);
        Ok(logits)
    }
}

#[cfg(feature = "flex")]
impl Cached {
    fn read(&mut self, tokens: &[u32], first_position: usize) -> Vec<f32> {
        let span = Span { rows: tokens.len(), first_position, before: 0..first_position, wanted: 1 };
        let rows = Rows::new(vec![span], 1);
        let last = self.reader.run(tokens, &rows, Stored::Kept(&mut self.stored));
        logits_of(&last, self.reader.head())
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests;
