//! What can go wrong while training.

use std::path::PathBuf;

use outgrow_kernels::Precision;

/// Why a run can't start, or ended early.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Settings outside their ranges.
    #[error("{problems}")]
    Settings {
        /// All of them, separated by semicolons.
        problems: String,
    },
    /// The loss or the gradient is not a finite number.
    #[error(
        "the loss is {loss:.4} (gradient norm {gradient_norm:.4}) at step {step} with learning rate {learning_rate:.2e}: \
         a lower learning rate or a longer warm-up may help; the last good checkpoint is kept"
    )]
    NotFinite {
        /// The step, counted from 1.
        step: u64,
        /// The loss.
        loss: f64,
        /// The norm of the gradients.
        gradient_norm: f64,
        /// The learning rate of the step.
        learning_rate: f64,
    },
    /// The validation loss is not a number.
    #[error(
        "the validation loss is {loss} after step {step}, whose learning rate was {learning_rate:.2e}: \
         a lower learning rate or a longer warm-up may help; the last good checkpoint is kept"
    )]
    ValidationNotFinite {
        /// The steps taken.
        step: u64,
        /// The loss.
        loss: f64,
        /// The learning rate of the last step.
        learning_rate: f64,
    },
    /// A batch has no sequence.
    #[error("a batch has no sequence")]
    EmptyBatch,
    /// The data holds tokens that the model doesn't know.
    #[error(
        "the data's vocabulary has {data} entries, the model's vocab_size is {model}: at least {data} is needed"
    )]
    Vocabulary {
        /// Entries of the tokenizer.
        data: usize,
        /// The model's `vocab_size`.
        model: usize,
    },
    /// The validation shards are shorter than what is asked of them.
    #[error("validation_sequences = {asked}, but the validation shards hold only {held} sequences")]
    ShortValidation {
        /// The setting.
        asked: usize,
        /// Sequences in the shards.
        held: u64,
    },
    /// A moment in a checkpoint does not fit its parameter.
    #[error("optimizer tensor `{name}` is missing or of the wrong size (found {found:?} values)")]
    Moments {
        /// The moment's name.
        name: String,
        /// How many values it has.
        found: Option<usize>,
    },
    /// A checkpoint of another run.
    #[error("{}: was written by a run with other {what}; use another --out, or the recipe that began this run", folder.display())]
    OtherRun {
        /// The checkpoint.
        folder: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// A checkpoint of the same run in another precision.
    #[error("{}: is of a run in {found}, and this one computes in {computed}; use another --out, or --dtype {}", folder.display(), anywhere(*found))]
    OtherPrecision {
        /// The checkpoint.
        folder: PathBuf,
        /// The checkpoint's.
        found: Precision,
        /// That of the run that was to go on.
        computed: Precision,
    },
    /// A checkpoint's state can't be read.
    #[error("{}: {problem}", file.display())]
    State {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A folder can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// From the model.
    #[error(transparent)]
    Model(#[from] outgrow_model::ModelError),
    /// From the data.
    #[error(transparent)]
    Data(#[from] outgrow_data::DataError),
    /// From checkpoint folders.
    #[error(transparent)]
    Checkpoint(#[from] outgrow_checkpoint::CheckpointError),
    /// From growth.
    #[error(transparent)]
    Growth(#[from] outgrow_operators::GrowthError),
}

/// The precision's name where a processor may lack instructions for it.
fn anywhere(precision: Precision) -> &'static str {
    match precision {
        Precision::F32 => "f32",
        Precision::Bf16 => "bf16-emulated",
    }
}
