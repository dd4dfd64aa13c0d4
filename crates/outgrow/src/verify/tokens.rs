//! The tokens that two models are compared on: a text by the source's tokenizer, or seeded ids where there is none. It
//! runs no model.

use std::{fs, path::Path};

use outgrow_data::Batch;
use outgrow_tokenizer::{Reading, Tokenizer};

use crate::error::{BadInput, Error, Result};

/// The beginning of Stevenson's Kidnapped; experiments/corpus/README.md says where it comes from.
const TEXT: &str = include_str!("corpus/kidnapped.txt");
const SEQUENCES: usize = 4;
const LONGEST_SEQUENCE: usize = 128;
/// More than enough for all sequences by any tokenizer; a long file need not be tokenised to its end.
const LONGEST_TEXT_BYTES: usize = 1 << 16;

/// Tokens for both models, and where they are from.
#[derive(Debug)]
pub(super) struct Sample {
    pub batch: Batch,
    pub origin: String,
}

/// Tokens below `vocab_size`, in sequences of at most `positions`.
///
/// # Errors
/// When `text` can't be read or tokenised. Without it there always is something: the text that comes with the program,
/// or ids.
pub(super) fn sample(
    source: &Path,
    text: Option<&Path>,
    vocab_size: usize,
    positions: usize,
) -> Result<Sample> {
    let tokenizer = source.join("tokenizer.json");
    let Some(path) = text else {
        let tokens = tokenizer.exists().then(|| tokens_of(TEXT, &tokenizer, vocab_size));
        let (tokens, origin) = match tokens {
            Some(Ok(tokens)) if tokens.len() > 1 => {
                (tokens, format!("the program's own text, by {}", tokenizer.display()))
            }
            Some(Err(error)) => (seeded_ids(vocab_size), format!("random, seed 0 ({})", error.one_line())),
            _ => (seeded_ids(vocab_size), format!("random, seed 0 (no {})", tokenizer.display())),
        };
        return Ok(Sample { batch: batch(&tokens, positions), origin });
    };
    let content = fs::read_to_string(path).map_err(Error::at(path))?;
    let tokens = tokens_of(&content, &tokenizer, vocab_size)?;
    if tokens.len() < 2 {
        let (path, found) = (path.display(), tokens.len());
        let message = format!("{path}: too short to compare models on: {found} of at least 2 tokens");
        return Err(BadInput(message).into());
    }
    let origin = format!("{}, by {}", path.display(), tokenizer.display());
    Ok(Sample { batch: batch(&tokens, positions), origin })
}

fn tokens_of(text: &str, tokenizer: &Path, vocab_size: usize) -> Result<Vec<i32>> {
    let text = &text[..text.floor_char_boundary(LONGEST_TEXT_BYTES)];
    let tokens = Tokenizer::open(tokenizer)?.encode(text, Reading::TEXT)?;
    if let Some(id) = tokens.iter().find(|id| **id as usize >= vocab_size) {
        let message = format!(
            "{}: gives token {id}, but both models should know it and one has vocab_size = {vocab_size}",
            tokenizer.display()
        );
        return Err(BadInput(message).into());
    }
    Ok(tokens.into_iter().map(|id| id as i32).collect())
}

fn batch(tokens: &[i32], positions: usize) -> Batch {
    let predicted = tokens.len() - 1;
    let sequence_length = positions.min(LONGEST_SEQUENCE).min(predicted);
    let sequences = (predicted / sequence_length).min(SEQUENCES);
    let used = sequences * sequence_length;
    Batch { sequences, sequence_length, inputs: tokens[..used].to_vec(), targets: tokens[1..=used].to_vec() }
}

/// Ids that are the same everywhere (SplitMix64 from 0).
fn seeded_ids(vocab_size: usize) -> Vec<i32> {
    let mut state = 0_u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % vocab_size as u64) as i32
    };
    (0..=SEQUENCES * LONGEST_SEQUENCE).map(|_| next()).collect()
}
