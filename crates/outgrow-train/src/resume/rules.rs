//! What may change when a run goes on: one table, a rule for each field of a recipe. docs/RESUMING.md shows it to
//! people, and a test of the runner holds the two together. Finding what did change is the comparison's.

use std::fmt;

/// What becomes of a run that goes on with another value of a field than it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// No number of the run depends on it. Nothing is said.
    Free,
    /// The same run but for the last bits of its numbers. Printed, and recorded in run.json.
    Recorded,
    /// A longer run, which has to be asked for ([`Training::extend`](crate::Training::extend)). Printed, and recorded
    /// in run.json.
    Extension,
    /// Another run. Refused with both values.
    Refused,
}

/// A field of a recipe, or a part of one that has a rule of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The run's name.
    Name,
    /// Seed of the first weights.
    Seed,
    /// What is computed on.
    Device,
    /// What matrices are multiplied in.
    Dtype,
    /// The model, and how its first weights are drawn.
    Model,
    /// The model that it begins with, by its configuration and weights.
    Base,
    /// What that has cost, where its folder doesn't say so.
    BaseFlops,
    /// The tokenizer of the shards, by its bytes.
    Tokenizer,
    /// The training shards, by their bytes.
    TrainingData,
    /// The validation shards, by their bytes.
    ValidationData,
    /// Tokens in a sequence.
    SequenceLength,
    /// Seed of the data order.
    OrderSeed,
    /// The stages, apart from the two fields that follow.
    Stages,
    /// Length of the last stage. Fewer tokens are no extension, and refused.
    LastStageTokens,
    /// Where the learning rate of the last stage reaches its minimum.
    LastStageHorizon,
    /// Sequences in a step.
    BatchSequences,
    /// Sequences in a pass.
    MicroBatchSequences,
    /// The optimizer's settings.
    Optimizer,
    /// Tokens between validations.
    ValidationInterval,
    /// Sequences that a validation reads.
    ValidationSequences,
    /// Tokens between checkpoints.
    CheckpointInterval,
    /// Checkpoints that stay.
    CheckpointsKept,
    /// Which benchmarks are scored. Each is a curve of its own.
    EvaluationTasks,
    /// Their documents, by what is asked of the model.
    EvaluationData,
    /// Tokens between evaluations.
    EvaluationInterval,
    /// How many documents of each task.
    EvaluationLimit,
    /// Examples in each prompt.
    EvaluationNumFewshot,
}

impl Field {
    /// All of them, in the order of the documentation's table.
    pub const ALL: [Self; Self::EvaluationNumFewshot as usize + 1] = [
        Self::Name,
        Self::Seed,
        Self::Device,
        Self::Dtype,
        Self::Model,
        Self::Base,
        Self::BaseFlops,
        Self::Tokenizer,
        Self::TrainingData,
        Self::ValidationData,
        Self::SequenceLength,
        Self::OrderSeed,
        Self::Stages,
        Self::LastStageTokens,
        Self::LastStageHorizon,
        Self::BatchSequences,
        Self::MicroBatchSequences,
        Self::Optimizer,
        Self::ValidationInterval,
        Self::ValidationSequences,
        Self::CheckpointInterval,
        Self::CheckpointsKept,
        Self::EvaluationTasks,
        Self::EvaluationData,
        Self::EvaluationInterval,
        Self::EvaluationLimit,
        Self::EvaluationNumFewshot,
    ];

    /// The rule.
    pub fn rule(self) -> Rule {
        match self {
            Self::Name
            | Self::BaseFlops
            | Self::ValidationInterval
            | Self::CheckpointInterval
            | Self::CheckpointsKept
            | Self::EvaluationTasks
            | Self::EvaluationInterval => Rule::Free,
            Self::Device | Self::MicroBatchSequences => Rule::Recorded,
            Self::LastStageTokens | Self::LastStageHorizon => Rule::Extension,
            Self::Seed
            | Self::Dtype
            | Self::Model
            | Self::Base
            | Self::Tokenizer
            | Self::TrainingData
            | Self::ValidationData
            | Self::SequenceLength
            | Self::OrderSeed
            | Self::Stages
            | Self::BatchSequences
            | Self::Optimizer
            | Self::ValidationSequences
            | Self::EvaluationData
            | Self::EvaluationLimit
            | Self::EvaluationNumFewshot => Rule::Refused,
        }
    }

    /// Its key in a recipe, or that of the section which it is a part of.
    pub fn key(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Seed => "seed",
            Self::Device => "device",
            Self::Dtype => "dtype",
            Self::Model => "model",
            Self::Base => "model.from",
            Self::BaseFlops => "model.from_flops",
            Self::Tokenizer => "data (tokenizer)",
            Self::TrainingData => "data.training",
            Self::ValidationData => "data.validation",
            Self::SequenceLength => "data.sequence_length",
            Self::OrderSeed => "data.order_seed",
            Self::Stages => "schedule",
            Self::LastStageTokens => "schedule (tokens of the last stage)",
            Self::LastStageHorizon => "schedule (horizon_tokens of the last stage)",
            Self::BatchSequences => "training.batch_sequences",
            Self::MicroBatchSequences => "training.micro_batch_sequences",
            Self::Optimizer => "training.optimizer",
            Self::ValidationInterval => "training.validation_interval_tokens",
            Self::ValidationSequences => "training.validation_sequences",
            Self::CheckpointInterval => "training.checkpoint_interval_tokens",
            Self::CheckpointsKept => "training.checkpoints_kept",
            Self::EvaluationTasks => "evaluation.tasks",
            Self::EvaluationData => "evaluation.data",
            Self::EvaluationInterval => "evaluation.interval_tokens",
            Self::EvaluationLimit => "evaluation.limit",
            Self::EvaluationNumFewshot => "evaluation.num_fewshot",
        }
    }

    /// The field that a key of a recipe belongs to: its own, or that of the section around it. `None` where no rule
    /// has been thought of.
    pub fn of_key(key: &str) -> Option<Self> {
        let covers = |field: &Self| {
            key.strip_prefix(field.key()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        Self::ALL.into_iter().filter(covers).max_by_key(|field| field.key().len())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Free => "free",
            Self::Recorded => "printed and recorded",
            Self::Extension => "an extension, printed and recorded",
            Self::Refused => "refused",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_in_the_list_at_its_own_place() {
        for (index, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, index, "{field:?}");
        }
    }

    #[test]
    fn a_key_has_its_own_rule_or_that_of_its_section() {
        assert_eq!(Field::of_key("training.micro_batch_sequences"), Some(Field::MicroBatchSequences));
        assert_eq!(Field::of_key("training.optimizer.beta2"), Some(Field::Optimizer));
        assert_eq!(Field::of_key("schedule.stages.learning_rate.peak"), Some(Field::Stages));
        assert_eq!(Field::of_key("training.groups"), None);
        assert_eq!(Field::of_key("names"), None);
    }
}
