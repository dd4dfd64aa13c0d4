//! The probability of given continuations of given contexts.
//!
//! On the CPU a context that several continuations share is computed once, rows are packed without padding, and a score
//! doesn't depend on what else is in the call. Elsewhere, whole sequences are padded to one length.

use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};
use outgrow_kernels::composed::linear_in;
#[cfg(feature = "flex")]
use outgrow_kernels::cpu::kernels::reading::{Asked, KeyValueRows, Rows, Said, Span, predict};

#[cfg(feature = "flex")]
use super::rows::{RowReader, Stored};
use crate::{Decoder, ModelError};

/// Continuations of one context.
#[derive(Clone, Copy, Debug)]
pub struct Continuations<'a> {
    /// Token ids, at least one.
    pub context: &'a [u32],
    /// Token ids, at least one each.
    pub continuations: &'a [Vec<u32>],
}

/// What a model says of a continuation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Natural logarithm of its probability: the sum over its tokens, in f32 like the summands.
    pub log_likelihood: f32,
    /// Whether each of its tokens is the most probable one at its place.
    pub is_greedy: bool,
}

/// A decoder made ready for scoring.
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
/// use outgrow_model::{Continuations, Scorer};
///
/// let scorer = Scorer::new(&decoder);
/// let asked = Continuations { context: &[1, 2, 3], continuations: &[vec![4], vec![5, 6]] };
/// let scores = scorer.score(&[asked])?;
/// assert!(scores[0][1].log_likelihood < scores[0][0].log_likelihood, "two tokens are less probable than one");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Scorer {
    decoder: Decoder,
    #[cfg(feature = "flex")]
    reader: Option<RowReader>,
}

impl Scorer {
    /// Shares the decoder's parameters; in bf16, matrices are copied.
    pub fn new(decoder: &Decoder) -> Self {
        Self {
            decoder: decoder.inner(),
            #[cfg(feature = "flex")]
            reader: RowReader::new(decoder),
        }
    }

    /// For each context the scores of its continuations.
    ///
    /// # Errors
    /// When a context is empty, a continuation is, both together are longer than the model's positions (the last token
    /// isn't read), or a token isn't in the vocabulary.
    pub fn score(&self, asked: &[Continuations<'_>]) -> Result<Vec<Vec<Score>>, ModelError> {
        check(asked, &self.decoder)?;
        #[cfg(feature = "flex")]
        if let Some(reader) = &self.reader {
            return Ok(score_rows(reader, asked));
        }
        score_padded(&self.decoder, asked)
    }
}

fn check(asked: &[Continuations<'_>], decoder: &Decoder) -> Result<(), ModelError> {
    let config = decoder.config();
    for Continuations { context, continuations } in asked {
        let longest = continuations.iter().map(Vec::len).max().unwrap_or(1);
        let sequence_length = context.len() + longest - 1;
        if context.is_empty() || continuations.iter().any(Vec::is_empty) {
            return Err(ModelError::NothingToRead);
        }
        if sequence_length > config.max_position_embeddings {
            let maximum = config.max_position_embeddings;
            return Err(ModelError::SequenceTooLong { sequence_length, maximum });
        }
        let tokens = context.iter().chain(continuations.iter().flatten());
        if let Some(&token) = tokens.into_iter().find(|&&token| token as usize >= config.vocab_size) {
            return Err(ModelError::UnknownToken { token, vocab_size: config.vocab_size });
        }
    }
    Ok(())
}

/// The sum of what was said of a continuation's tokens.
fn total(said: impl IntoIterator<Item = (f32, bool)>) -> Score {
    let mut score = Score { log_likelihood: 0.0, is_greedy: true };
    for (log_probability, is_greedy) in said {
        score.log_likelihood += log_probability;
        score.is_greedy &= is_greedy;
    }
    score
}

#[cfg(feature = "flex")]
fn score_rows(reader: &RowReader, asked: &[Continuations<'_>]) -> Vec<Vec<Score>> {
    let mut packed = Packed::default();
    for group in asked {
        packed.push(*group);
    }
    let Packed { tokens, spans, mut questions, .. } = packed;
    let rows = Rows::new(spans, Rows::ALIKE);
    let hidden = reader.run(&tokens, &rows, Stored::Passing(&mut KeyValueRows::default()));
    // The answers come by rows; a continuation's first token is asked of its context's last row.
    questions.sort_by_key(|question| question.asked.row);
    let by_row: Vec<_> = questions.iter().map(|question| question.asked).collect();
    let wanted = rows.wanted().len().max(Rows::ALIKE);
    let said = predict(&hidden, reader.head(), wanted, &by_row);
    let mut answers: Vec<(usize, Said)> = questions.iter().map(|question| question.place).zip(said).collect();
    answers.sort_by_key(|(place, _)| *place);
    let mut answers = answers.into_iter().map(|(_, said)| (said.log_probability, said.is_greedy));
    let mut score = |continuation: &Vec<u32>| total(answers.by_ref().take(continuation.len()));
    asked.iter().map(|group| group.continuations.iter().map(&mut score).collect()).collect()
}

/// Rows of all contexts and continuations, and what is asked of those that something is asked of.
#[cfg(feature = "flex")]
#[derive(Default)]
struct Packed {
    tokens: Vec<u32>,
    spans: Vec<Span>,
    wanted: u32,
    questions: Vec<Question>,
}

/// A token of a continuation: the one at `place` among all tokens of all continuations.
#[cfg(feature = "flex")]
struct Question {
    asked: Asked,
    place: usize,
}

#[cfg(feature = "flex")]
impl Packed {
    fn push(&mut self, Continuations { context, continuations }: Continuations<'_>) {
        // Even of a single continuation: a score must not depend on how many others its context has.
        let start = self.tokens.len();
        self.tokens.extend(context);
        let shared = self.wanted;
        self.span(context.len(), 0, 0..0, 1);
        for continuation in continuations {
            let (first, read) = (self.wanted, continuation.len() - 1);
            self.tokens.extend(&continuation[..read]);
            self.span(read, context.len(), start..start + context.len(), read);
            self.ask(&continuation[..1], shared);
            self.ask(&continuation[1..], first);
        }
    }

    fn span(&mut self, rows: usize, first_position: usize, before: std::ops::Range<usize>, wanted: usize) {
        self.spans.push(Span { rows, first_position, before, wanted });
        self.wanted += wanted as u32;
    }

    fn ask(&mut self, tokens: &[u32], first_row: u32) {
        for (row, &token) in (first_row..).zip(tokens) {
            let place = self.questions.len();
            self.questions.push(Question { asked: Asked { row, token }, place });
        }
    }
}

fn score_padded(decoder: &Decoder, asked: &[Continuations<'_>]) -> Result<Vec<Vec<Score>>, ModelError> {
    let mut sequences = Vec::new();
    for Continuations { context, continuations } in asked {
        let whole = |continuation: &Vec<u32>| context.iter().chain(continuation).copied().collect::<Vec<_>>();
        sequences.extend(continuations.iter().map(|continuation| (whole(continuation), continuation.len())));
    }
    let longest = sequences.iter().map(|(tokens, _)| tokens.len() - 1).max().unwrap_or(0);
    if longest == 0 {
        return Ok(asked.iter().map(|_| Vec::new()).collect());
    }
    let (mut ids, mut rows, mut targets) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (tokens, asked)) in sequences.iter().enumerate() {
        let read = tokens.len() - 1;
        ids.extend(tokens[..read].iter().map(|&token| token as i32));
        ids.resize((index + 1) * longest, 0);
        rows.extend((read - (asked - 1) - 1..read).map(|row| (index * longest + row) as i32));
        targets.extend(tokens[tokens.len() - asked..].iter().map(|&token| token as i32));
    }
    let hidden = decoder.hidden(decoder.tokens(&ids, longest), &mut |_| ())?;
    let [batch, _, width] = hidden.dims();
    let hidden = hidden.reshape([batch * longest, width]);
    let chunks = rows.chunks(LOGIT_ROWS).zip(targets.chunks(LOGIT_ROWS));
    let mut said = chunks.flat_map(|(rows, targets)| said_of(decoder, &hidden, rows, targets));
    let mut score = |continuation: &Vec<u32>| total(said.by_ref().take(continuation.len()));
    Ok(asked.iter().map(|group| group.continuations.iter().map(&mut score).collect()).collect())
}

/// Rows whose logits exist at once.
const LOGIT_ROWS: usize = 256;

/// For some rows of `hidden`, `[rows, hidden]`, the logarithm of the probability of each row's target, and whether it
/// is the most probable.
fn said_of(decoder: &Decoder, hidden: &Tensor<2>, rows: &[i32], targets: &[i32]) -> Vec<(f32, bool)> {
    let (device, count) = (decoder.device(), rows.len());
    let integers =
        |values: &[i32]| Tensor::<1, Int>::from_data(TensorData::new(values.to_vec(), [count]), &device);
    let wanted = hidden.clone().select(0, integers(rows));
    let logits = linear_in(wanted.unsqueeze::<3>(), decoder.head(), decoder.precision()).squeeze_dim::<2>(0);
    let greedy = host(logits.clone().argmax(1).reshape([count]));
    let said = log_softmax(logits, 1).gather(1, integers(targets).reshape([count, 1]));
    let said = said.into_data().convert::<f32>().try_into_vec::<f32>().expect("converted to f32");
    let is_greedy = greedy.iter().zip(targets).map(|(greedy, target)| *greedy == i64::from(*target));
    said.into_iter().zip(is_greedy).collect()
}

fn host(tensor: Tensor<1, Int>) -> Vec<i64> {
    tensor.into_data().convert::<i64>().try_into_vec::<i64>().expect("converted to i64")
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use outgrow_checkpoint::LlamaConfig;
    use outgrow_kernels::{DeviceName, open_device};

    use super::*;
    use crate::{Initialization, initial_tensors};

    #[test]
    fn rows_without_padding_score_as_padded_sequences_do() {
        let config = r#"{"model_type": "llama", "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 50, "max_position_embeddings": 64,
            "rms_norm_eps": 1e-5, "initializer_range": 0.4}"#;
        let config = LlamaConfig::from_json(config).unwrap();
        let tensors = initial_tensors(&config, Initialization::Normal, 1);
        let decoder = Decoder::new(&config, &tensors, &open_device(DeviceName::Flex).unwrap()).unwrap();
        let context: Vec<u32> = (0..40).map(|index| index * 7 % 50).collect();
        let continuations = [vec![3], vec![4, 9, 11], vec![9; 20]];
        let asked = [
            Continuations { context: &context, continuations: &continuations },
            Continuations { context: &context[..1], continuations: &continuations[1..] },
            Continuations { context: &context, continuations: &[] },
        ];
        let padded = score_padded(&decoder, &asked).unwrap();
        let rows = Scorer::new(&decoder).score(&asked).unwrap();
        assert_eq!(padded.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2, 0]);
        for (padded, row) in padded.iter().flatten().zip(rows.iter().flatten()) {
            assert!((padded.log_likelihood - row.log_likelihood).abs() <= 1e-4, "{padded:?} {row:?}");
            assert_eq!(padded.is_greedy, row.is_greedy);
        }
    }
}
