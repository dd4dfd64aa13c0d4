//! Batches: samples of consecutive tokens, in an order that is a pure function of (seed, global sample index). It holds
//! no position; who reads, counts.

pub(crate) mod order;
pub(crate) mod prefetch;

use std::{path::Path, sync::Arc};

use crate::{
    batches::order::{Order, SampleOrder},
    error::DataError,
    shards::TokenShards,
};

/// Some sequences and, for each of their tokens, the one that follows it.
///
/// Both fields are row-major `[sequences, sequence_length]`; ids are below the vocabulary's size and so fit an `i32`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Rows.
    pub sequences: usize,
    /// Tokens in a row.
    pub sequence_length: usize,
    /// What the model reads.
    pub inputs: Vec<i32>,
    /// What it is to predict: `inputs` moved on by one token.
    pub targets: Vec<i32>,
}

impl Batch {
    /// Tokens that the model predicts, `sequences · sequence_length`.
    pub fn num_tokens(&self) -> u64 {
        self.targets.len() as u64
    }
}

/// Any batch of a corpus, by the index of its first sample.
///
/// Sample `s` covers the tokens from `s · sequence_length` to `(s + 1) · sequence_length`, both included: it is
/// `sequence_length + 1` long, and its last token is the next sample's first, so that every token but the corpus' first
/// is predicted exactly once an epoch (but for what is left over at the end). Documents follow one another in the
/// stream; a sample may hold the end of one and the beginning of the next.
#[derive(Clone, Debug)]
pub struct Batches {
    shards: Arc<TokenShards>,
    sequence_length: usize,
    order: SampleOrder,
}

impl Batches {
    /// Batches of rows of `sequence_length` tokens.
    ///
    /// # Errors
    /// If `sequence_length` is 0 or the corpus is shorter than one sample.
    pub fn new(shards: Arc<TokenShards>, sequence_length: usize, order: Order) -> Result<Self, DataError> {
        if sequence_length == 0 {
            return Err(DataError::Option { option: "sequence_length", value: 0, expected: "at least 1" });
        }
        let num_tokens = shards.num_tokens();
        let num_samples = num_tokens.saturating_sub(1) / sequence_length as u64;
        let order =
            SampleOrder::new(order, num_samples).ok_or_else(|| DataError::CorpusShorterThanSample {
                folder: shards.folder().to_path_buf(),
                num_tokens,
                sequence_length,
                needed: (sequence_length as u64).saturating_add(1),
            })?;
        Ok(Self { shards, sequence_length, order })
    }

    /// Samples in an epoch; at least one.
    pub fn num_samples(&self) -> u64 {
        self.order.num_samples()
    }

    /// Tokens in a row.
    pub fn sequence_length(&self) -> usize {
        self.sequence_length
    }

    /// Which sample is read when.
    pub fn order(&self) -> SampleOrder {
        self.order
    }

    /// The shards that the batches are cut from.
    pub fn shards(&self) -> &Arc<TokenShards> {
        &self.shards
    }

    /// Refuses a batch of no sequences, and one that the corpus can't fill without repeating itself.
    ///
    /// # Errors
    /// [`DataError::Option`], or [`DataError::CorpusShorterThanBatch`] with both numbers.
    pub fn check_batch(&self, sequences: usize) -> Result<(), DataError> {
        if sequences == 0 {
            return Err(DataError::Option { option: "batch of sequences", value: 0, expected: "at least 1" });
        }
        if sequences as u64 > self.num_samples() {
            return Err(DataError::CorpusShorterThanBatch {
                folder: Path::to_path_buf(self.shards.folder()),
                num_samples: self.num_samples(),
                sequence_length: self.sequence_length,
                sequences,
            });
        }
        Ok(())
    }

    /// The samples at the global indices `first_sample .. first_sample + sequences`; past the last sample the next
    /// epoch begins, in an order of its own.
    ///
    /// # Errors
    /// Those of [`check_batch`](Self::check_batch), and an id outside the vocabulary, with its shard and position.
    pub fn batch(&self, first_sample: u64, sequences: usize) -> Result<Batch, DataError> {
        self.check_batch(sequences)?;
        let tokens = sequences * self.sequence_length;
        let (mut inputs, mut targets) = (Vec::with_capacity(tokens), Vec::with_capacity(tokens));
        let mut ids = vec![0; self.sequence_length + 1];
        for row in 0..sequences as u64 {
            let sample = self.order.sample(first_sample.wrapping_add(row));
            self.shards.read(sample * self.sequence_length as u64, &mut ids)?;
            inputs.extend(ids[..self.sequence_length].iter().map(|&id| id as i32));
            targets.extend(ids[1..].iter().map(|&id| id as i32));
        }
        Ok(Batch { sequences, sequence_length: self.sequence_length, inputs, targets })
    }
}
