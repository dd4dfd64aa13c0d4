//! What matrices are learned on, and what is held out to say what was gained. What keeps one from it is said before the
//! first step.

use outgrow_data::Batches;
use outgrow_model::{Decoder, ModelError};

use crate::{
    error::TrainError,
    learned::settings::LearningSettings,
    validation::{check_tokens, loss_from},
};

/// The data of a learning.
#[derive(Clone, Copy, Debug)]
pub struct LearningData<'a> {
    /// What is learned on.
    pub training: &'a Batches,
    /// The first sample of it that is read.
    pub first_sample: u64,
    /// Held-out data; without it, the training data behind what is learned on.
    pub validation: Option<&'a Batches>,
    /// Sequences that are held out.
    pub validation_sequences: usize,
}

impl LearningData<'_> {
    /// All that keeps a learning of this model from these data.
    pub(super) fn problems(&self, settings: &LearningSettings, positions: usize) -> Vec<TrainError> {
        let Self { training, first_sample, validation, validation_sequences } = *self;
        let mut problems: Vec<TrainError> = settings.check().err().into_iter().collect();
        if validation_sequences == 0 {
            let none = "validation_sequences = 0: at least 1 is needed".to_owned();
            problems.push(TrainError::Settings { problems: none });
        }
        let sequence_length = training.sequence_length();
        if sequence_length > positions {
            problems.push(ModelError::SequenceTooLong { sequence_length, maximum: positions }.into());
        }
        if settings.batch_sequences > 0 {
            problems.extend(training.check_batch(settings.batch_sequences).err().map(TrainError::from));
        }
        if let Some(validation) = validation {
            problems.extend(check_tokens(training.shards(), validation.shards()).err());
            let (asked, held) = (validation_sequences, validation.num_samples());
            if asked as u64 > held {
                problems.push(TrainError::ShortValidation { asked, held });
            }
        } else {
            let (held, learned) = (training.num_samples(), settings.samples());
            let needed = first_sample.saturating_add(learned).saturating_add(validation_sequences as u64);
            if needed > held {
                let validation_sequences = validation_sequences as u64;
                problems.push(TrainError::NothingHeldOut { held, learned, validation_sequences });
            }
        }
        problems
    }

    /// The mean loss on what is held out.
    pub(super) fn validation_loss(
        &self,
        decoder: &Decoder,
        settings: &LearningSettings,
    ) -> Result<f64, TrainError> {
        let (batches, first) = match self.validation {
            Some(validation) => (validation, 0),
            None => (self.training, self.first_sample + settings.samples()),
        };
        loss_from(first, decoder, batches, self.validation_sequences, settings.micro_batch_sequences)
    }
}
