//! What can go wrong while training.

use std::path::{Path, PathBuf};

use outgrow_checkpoint::{io_error, with_causes};
use outgrow_kernels::DeviceError;
use outgrow_operators::GrowthError;
use outgrow_schedules::ScheduleError;

use crate::resume::{difference::Difference, layout::checkpoint_name};

/// Why a run can't start, or ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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
         a lower learning rate or a longer warm-up may help"
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
         a lower learning rate or a longer warm-up may help"
    )]
    ValidationNotFinite {
        /// The steps taken.
        step: u64,
        /// The loss.
        loss: f64,
        /// The learning rate of the last step.
        learning_rate: f64,
    },
    /// The loss or the gradient is not a finite number while matrices are learned.
    #[error(
        "the loss is {loss:.4} (gradient norm {gradient_norm:.4}) at step {step} of learning the matrices with learning rate \
         {learning_rate:.2e}: a lower learning rate or a longer warm-up may help; nothing was grown"
    )]
    LearningNotFinite {
        /// The step of the learning, counted from 1.
        step: u64,
        /// The loss.
        loss: f64,
        /// The norm of the matrices' gradients.
        gradient_norm: f64,
        /// The learning rate of the step.
        learning_rate: f64,
    },
    /// Training shards of which nothing is left to be held out.
    #[error(
        "the training shards hold {held} sequences: {learned} to learn on and {validation_sequences} held out are more; \
         fewer steps, or held-out shards of their own"
    )]
    NothingHeldOut {
        /// Sequences in the shards.
        held: u64,
        /// Those that are learned on.
        learned: u64,
        /// Those that are to be held out.
        validation_sequences: u64,
    },
    /// A learned growth that makes nothing larger.
    #[error("nothing grows: a learned growth without matrices has nothing to learn")]
    NothingToLearn,
    /// The observer abandoned the run, for reasons that it knows.
    #[error("the run was abandoned by whoever observes it")]
    Abandoned,
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
    /// A moment in a checkpoint doesn't fit its parameter.
    #[error("{}", other_moment(name, found.as_deref(), expected.as_deref()))]
    OptimizerTensor {
        /// The moment's name.
        name: String,
        /// Its shape, where it is there.
        found: Option<Vec<usize>>,
        /// The parameter's shape, where the model has it.
        expected: Option<Vec<usize>>,
    },
    /// The validation shards' ids are not those of the training shards.
    #[error("{problem}")]
    OtherTokens {
        /// What differs, with both folders and values.
        problem: String,
    },
    /// Stages that begin with a base where none is given, or the other way round.
    #[error("{problem}")]
    Base {
        /// Which of the two.
        problem: &'static str,
    },
    /// A checkpoint of another run.
    #[error("{}", other_run(folder, differences))]
    OtherRun {
        /// The checkpoint.
        folder: PathBuf,
        /// What differs and may not.
        differences: Vec<Difference>,
    },
    /// A checkpoint of a run whose beginning is another.
    #[error("{}", other_beginning(folder, differences))]
    OtherBeginning {
        /// The checkpoint.
        folder: PathBuf,
        /// What differs in what was done until there.
        differences: Vec<Difference>,
    },
    /// What was named is no checkpoint that a run could branch off from, and no run with one.
    #[error("{}: no run can branch off from it: {problem}", folder.display())]
    NoBranch {
        /// What was named.
        folder: PathBuf,
        /// Why not.
        problem: String,
    },
    /// An extension of a run that is at its end, without a step that would follow.
    #[error("{}", nothing_to_extend(folder, extensions, *stage_tokens))]
    NothingToExtend {
        /// The checkpoint.
        folder: PathBuf,
        /// What was to be other.
        extensions: Vec<Difference>,
        /// What the last stage has had.
        stage_tokens: u64,
    },
    /// Checkpoints that are newer than where a run is to begin, and would be met on its way.
    #[error(
        "{}: holds checkpoints up to {}: those after {} have to be set aside first",
        run.display(), checkpoint_name(*newest), checkpoint_name(*step)
    )]
    NewerCheckpoints {
        /// The run's folder.
        run: PathBuf,
        /// The step of the checkpoint that it was to begin from.
        step: u64,
        /// That of the newest one.
        newest: u64,
    },
    /// Several problems at once.
    #[error("{}", all(problems))]
    Several {
        /// Each of them.
        problems: Vec<TrainError>,
    },
    /// The newest checkpoints of a run, or that which was asked for, can't be gone on from.
    #[error("{}", not_whole(run, problems, *whole))]
    NotWhole {
        /// The run's folder.
        run: PathBuf,
        /// By step what is wrong with each, oldest first.
        problems: Vec<(u64, String)>,
        /// The step of the newest one that is whole.
        whole: Option<u64>,
    },
    /// There is no checkpoint after so many steps.
    #[error("{}: no checkpoint {}: there {}", run.display(), checkpoint_name(*step), those_there(steps))]
    NoSuchCheckpoint {
        /// The run's folder.
        run: PathBuf,
        /// The step that was asked for.
        step: u64,
        /// The steps that there are checkpoints of.
        steps: Vec<u64>,
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
    #[error("{}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A device that isn't there.
    #[error(transparent)]
    Device(#[from] DeviceError),
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
    Growth(#[from] GrowthError),
    /// From the stages.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

impl TrainError {
    /// One problem as itself, more as [`Self::Several`].
    pub(crate) fn of_several(mut problems: Vec<Self>) -> Result<(), Self> {
        match problems.pop() {
            None => Ok(()),
            Some(only) if problems.is_empty() => Err(only),
            Some(last) => {
                problems.push(last);
                Err(Self::Several { problems })
            }
        }
    }

    /// Whether what the user gave is at fault and can be mended. A loss that isn't finite is no input, and neither is
    /// what the operating system refuses for reasons of its own.
    pub fn is_input(&self) -> bool {
        match self {
            Self::NotFinite { .. }
            | Self::ValidationNotFinite { .. }
            | Self::LearningNotFinite { .. }
            | Self::Abandoned => false,
            Self::Io { source, .. } => io_error::is_input(source),
            Self::Several { problems } => problems.iter().all(Self::is_input),
            Self::Device(error) => error.is_input(),
            Self::Model(error) => error.is_input(),
            Self::Data(error) => error.is_input(),
            Self::Checkpoint(error) => error.is_input(),
            Self::Growth(error) => error.is_input(),
            Self::Schedule(error) => error.is_input(),
            Self::Settings { .. }
            | Self::EmptyBatch
            | Self::NothingToLearn
            | Self::NothingHeldOut { .. }
            | Self::Vocabulary { .. }
            | Self::ShortValidation { .. }
            | Self::OptimizerTensor { .. }
            | Self::OtherTokens { .. }
            | Self::Base { .. }
            | Self::OtherRun { .. }
            | Self::OtherBeginning { .. }
            | Self::NoBranch { .. }
            | Self::NothingToExtend { .. }
            | Self::NewerCheckpoints { .. }
            | Self::NotWhole { .. }
            | Self::NoSuchCheckpoint { .. }
            | Self::State { .. } => true,
        }
    }

    /// Whether the disk that was written to is full.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => io_error::is_disk_full(source),
            Self::Checkpoint(error) => error.is_disk_full(),
            Self::Growth(error) => error.is_disk_full(),
            Self::Data(error) => error.is_disk_full(),
            Self::Several { problems } => problems.iter().any(Self::is_disk_full),
            _ => false,
        }
    }
}

/// Problems that a message has room for.
const SHOWN: usize = 3;

fn all(problems: &[TrainError]) -> String {
    problems.iter().map(|problem| with_causes(problem)).collect::<Vec<_>>().join("; ")
}

fn nothing_to_extend(folder: &Path, extensions: &[Difference], stage_tokens: u64) -> String {
    let extensions = extensions.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let folder = folder.display();
    format!(
        "{folder}: no step would follow {extensions}; the last stage has had {stage_tokens} tokens: give it more, or \
         leave the rest as it was"
    )
}

fn other_run(folder: &Path, differences: &[Difference]) -> String {
    let differences: Vec<_> = differences.iter().map(ToString::to_string).collect();
    format!("{}: was written by a run with {}", folder.display(), differences.join("; "))
}

fn other_beginning(folder: &Path, differences: &[Difference]) -> String {
    let differences: Vec<_> = differences.iter().map(ToString::to_string).collect();
    format!("{}: has another beginning, with {}", folder.display(), differences.join("; "))
}

fn not_whole(run: &Path, problems: &[(u64, String)], whole: Option<u64>) -> String {
    // The newest say most.
    let (unsaid, said) = problems.split_at(problems.len().saturating_sub(SHOWN));
    let said = said
        .iter()
        .map(|(step, problem)| format!("{}: {problem}", run.join(checkpoint_name(*step)).display()));
    let mut said: Vec<String> = said.collect();
    if !unsaid.is_empty() {
        said.push(format!("nor is any of {} older ones whole", unsaid.len()));
    }
    let said = said.join("; ");
    match whole {
        Some(step) => format!("{said}; the newest whole checkpoint is {}", checkpoint_name(step)),
        None => format!("{said}; no checkpoint is whole"),
    }
}

fn those_there(steps: &[u64]) -> String {
    match steps {
        [] => "are none".to_owned(),
        [step] => format!("is {}", checkpoint_name(*step)),
        steps => {
            let names: Vec<String> = steps.iter().map(|step| checkpoint_name(*step)).collect();
            format!("are {}", names.join(", "))
        }
    }
}

fn other_moment(name: &str, found: Option<&[usize]>, expected: Option<&[usize]>) -> String {
    match (found, expected) {
        (_, None) => format!("optimizer tensor `{name}` is of no parameter of the model"),
        (None, Some(_)) => format!("optimizer tensor `{name}` is missing"),
        (Some(found), Some(expected)) => {
            format!("optimizer tensor `{name}` has shape {found:?}, its parameter {expected:?}")
        }
    }
}
