//! `outgrow grow … --operator learned --data SHARDS`: the matrices of the growth are learned before it is carried out.
//! How they are learned is outgrow-train's; here are the flags, and what is said of it.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use outgrow_checkpoint::{Checkpoint, LlamaConfig, TrainingCost};
use outgrow_data::{Batches, Order};
use outgrow_kernels::open_device;
use outgrow_operators::{
    Growth, GrowthPlan, Source,
    folder::{LearningRecord, MATRICES_FILE},
    growth::{LearnedMatrices, MatricesFile},
};
use outgrow_train::{
    Control, Learned, Learning, LearningData, LearningSettings, LearningStep, Position, TrainError,
    learning_bytes, resume::checkpoint_cost,
};

use crate::{
    error::{BadInput, Error, Result},
    machine::compute::{Compute, ComputeFlags},
    run::{base::check_tokenizer, token_shards::open_named},
    terminal::{
        figures::{grouped, megabytes, three_figures},
        interrupt::Interrupt,
        notes,
        progress::training::{StageCost, TrainingProgress},
    },
};

/// Steps, as in arXiv 2405.15319.
const STEPS: u64 = 100;
const BATCH_SEQUENCES: usize = 8;
const LONGEST_SEQUENCE: usize = 512;
const VALIDATION_SEQUENCES: usize = 64;

/// The flags of learning.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Learning the matrices of --operator learned")]
pub(super) struct LearningFlags {
    /// Token shards to learn the matrices on, through the frozen source, before it grows by them. Without it the growth
    /// takes --matrices, or the initial ones.
    #[arg(long, value_name = "SHARDS")]
    data: Option<PathBuf>,
    /// Steps of learning; 100 by default.
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Sequences in a step; 8 by default.
    #[arg(long, value_name = "N")]
    batch_sequences: Option<usize>,
    /// Sequences in one pass; by default all of a step. Fewer take less memory.
    #[arg(long, value_name = "N")]
    micro_batch_sequences: Option<usize>,
    /// Tokens in a sequence; by default as many as the model has positions, 512 at most.
    #[arg(long, value_name = "N")]
    sequence_length: Option<usize>,
    /// Highest learning rate, after a warm-up over half of the steps; a cosine then leads to a tenth of it. 0.01 by
    /// default.
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    learning_rate: Option<f64>,
    /// Learn matrices of sizes that stay as well: in depth alone those of the width, too, which begin as identities.
    #[arg(long)]
    all_widths: bool,
    /// Held-out token shards, on which it is said what was gained; by default sequences of --data that nothing is
    /// learned on.
    #[arg(long, value_name = "SHARDS")]
    validation: Option<PathBuf>,
    /// Held-out sequences; 64 by default.
    #[arg(long, value_name = "N")]
    validation_sequences: Option<usize>,
    #[command(flatten)]
    compute: ComputeFlags,
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    rate.ok_or_else(|| "expected a number above 0, such as 0.01".to_owned())
}

impl LearningFlags {
    /// The shards to learn on, where something is to be learned.
    ///
    /// # Errors
    /// Flags that mean nothing without.
    pub(super) fn data(&self) -> Result<Option<&Path>, BadInput> {
        let given = [
            ("steps", self.steps.is_some()),
            ("batch-sequences", self.batch_sequences.is_some()),
            ("micro-batch-sequences", self.micro_batch_sequences.is_some()),
            ("sequence-length", self.sequence_length.is_some()),
            ("learning-rate", self.learning_rate.is_some()),
            ("all-widths", self.all_widths),
            ("validation", self.validation.is_some()),
            ("validation-sequences", self.validation_sequences.is_some()),
            ("device", self.compute.device.is_some()),
            ("dtype", self.compute.dtype.is_some()),
        ];
        let given: Vec<_> = given.iter().filter(|(_, is_given)| *is_given).collect();
        if self.data.is_some() || given.is_empty() {
            return Ok(self.data.as_deref());
        }
        let names: Vec<_> = given.iter().map(|(name, _)| format!("--{name}")).collect();
        Err(BadInput(format!("--data is missing: nothing else has a use for {}", names.join(", "))))
    }
}

/// A learning that was looked at and can begin.
#[derive(Debug)]
pub(super) struct PlannedLearning<'a> {
    growth: Growth,
    checkpoint: &'a Checkpoint,
    target: LlamaConfig,
    initial: LearnedMatrices,
    training: Batches,
    validation: Option<Batches>,
    validation_sequences: usize,
    settings: LearningSettings,
    compute: Compute,
}

impl<'a> PlannedLearning<'a> {
    /// Of one growth of a folder.
    ///
    /// # Errors
    /// Another growth than one learned one; a folder that can't be run; data that isn't for it.
    pub(super) fn new(
        flags: &LearningFlags,
        data: &Path,
        growths: &[Growth],
        source: &'a Source,
    ) -> Result<Self> {
        let (growth, seed) = only_learned(growths)?;
        let checkpoint = match source {
            Source::Llama(checkpoint) => checkpoint,
            Source::Other(other) => {
                let reason = other.why_not_run();
                return Err(BadInput(format!("only LLaMA-style decoders can be trained: {reason}")).into());
            }
        };
        let compute = flags.compute.resolve(None, None)?;
        let config = checkpoint.config();
        let target = GrowthPlan::new(config, [growth])?.target().clone();
        let initial = LearnedMatrices::of_growth(config, &target, growth)?.unwrap_or_default();
        let initial = if flags.all_widths { initial.with_identities(config, &target) } else { initial };
        if initial.num_values() == 0 {
            return Err(TrainError::NothingToLearn.into());
        }
        let folders = (("--data", data), flags.validation.as_deref().map(|folder| ("--validation", folder)));
        let (training, validation) = match folders {
            (data, Some(validation)) => {
                let [training, validation] = open_named([data, validation])?;
                (training, Some(validation))
            }
            (data, None) => {
                let [training] = open_named([data])?;
                (training, None)
            }
        };
        notes::print(check_tokenizer(checkpoint.folder(), &training)?);
        let length = flags.sequence_length.unwrap_or(config.max_position_embeddings.min(LONGEST_SEQUENCE));
        let training = Batches::new(training, length, Order::Shuffled { seed })?;
        let validation =
            validation.map(|shards| Batches::new(shards, length, Order::Sequential)).transpose()?;
        let batch = flags.batch_sequences.unwrap_or(BATCH_SEQUENCES);
        let rate = flags.learning_rate.unwrap_or(LearningSettings::PEAK);
        let usual = LearningSettings::new(flags.steps.unwrap_or(STEPS), batch, length, rate);
        let settings = LearningSettings {
            micro_batch_sequences: flags.micro_batch_sequences.unwrap_or(batch),
            precision: compute.precision,
            ..usual
        };
        let validation_sequences = flags.validation_sequences.unwrap_or(VALIDATION_SEQUENCES);
        let growth = growth.clone();
        let planned = Self {
            growth,
            checkpoint,
            target,
            initial,
            training,
            validation,
            validation_sequences,
            settings,
            compute,
        };
        planned.learning().check()?;
        Ok(planned)
    }

    fn learning(&self) -> Learning<'_> {
        let data = LearningData {
            training: &self.training,
            first_sample: 0,
            validation: self.validation.as_ref(),
            validation_sequences: self.validation_sequences,
        };
        Learning { source: self.checkpoint.config(), target: &self.target, data, settings: &self.settings }
    }

    fn tokens_per_step(&self) -> u64 {
        self.settings.batch_sequences.saturating_mul(self.training.sequence_length()) as u64
    }

    /// Learns. Gives the growth by what was learned, and what the folder is to say of it.
    ///
    /// # Errors
    /// A loss that is not finite; being asked to end, after which nothing has been written.
    pub(super) fn learn(&self) -> Result<(Growth, LearningRecord)> {
        let learning = self.learning();
        let cost = learning.cost(&self.initial);
        let device = open_device(self.compute.device)?;
        notes::print(self.compute.note());
        let tensors = self.checkpoint.to_named_tensors()?;
        let (tokens, flops) = (cost.tokens.unwrap_or_default(), cost.flops.unwrap_or_default());
        let mut progress = TrainingProgress::new(
            self.settings.steps,
            vec![StageCost { flops, tokens, steps: self.settings.steps, learning_steps: 0 }],
        );
        let say = progress.speaker();
        let interrupt = Interrupt::announced(move |_| say("stopping: nothing is grown"))?;
        let mut observe = |LearningStep { step, report }: &LearningStep| {
            let tokens = step * self.tokens_per_step();
            let position = Position { step: *step, tokens, stage_tokens: tokens, ..Position::default() };
            progress.step(&position, "learning", report);
            if interrupt.is_set() { Control::Stop } else { Control::Continue }
        };
        let learned = learning.with(&tensors, &device)?.learn(&self.initial, &mut observe);
        progress.finish();
        let Some(learned) = learned? else {
            return Err(Error::Failed("interrupted: nothing was grown".to_owned()));
        };
        crate::terminal::output::say!("{}", self.gained(&learned));
        if learned.learned_loss >= learned.initial_loss {
            notes::print(["nothing was gained: more steps, or another --learning-rate, may help"]);
        }
        let words = format!("The recipe's matrices were {}.", self.gained(&learned));
        let spent = checkpoint_cost(self.checkpoint.folder())?;
        let record =
            LearningRecord { matrices: Arc::new(learned.matrices.clone()), words, cost: spent.plus(cost) };
        Ok((with_matrices(self.growth.clone(), learned.matrices), record))
    }

    /// `learned in 100 steps of 4,096 tokens: …`
    fn gained(&self, learned: &Learned) -> String {
        let Learned { initial_loss, learned_loss, .. } = learned;
        let flops = self.learning().cost(&self.initial).flops.unwrap_or_default();
        let (steps, tokens) = (grouped(self.settings.steps), grouped(self.tokens_per_step()));
        format!(
            "learned in {steps} steps of {tokens} tokens ({} FLOPs): the loss on held-out text is {learned_loss:.4}, \
             with the initial matrices {initial_loss:.4}",
            three_figures(flops)
        )
    }
}

/// What would be learned, and what that would take: a line of `--plan`.
impl fmt::Display for PlannedLearning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TrainingCost { tokens, flops, .. } = self.learning().cost(&self.initial);
        let steps = grouped(self.settings.steps);
        writeln!(
            f,
            "learning     {} numbers in {steps} steps of {} tokens, {} in all; {} FLOPs",
            grouped(self.initial.num_values()),
            grouped(self.tokens_per_step()),
            grouped(tokens.unwrap_or_default()),
            three_figures(flops.unwrap_or_default())
        )?;
        let bytes = learning_bytes(self.checkpoint.config(), &self.target, &self.initial);
        writeln!(
            f,
            "             {} of weights and gradients, beside what passes through the model",
            megabytes(bytes)
        )?;
        write!(
            f,
            "             above, what the initial matrices make; by learned ones, more tensors are computed"
        )
    }
}

/// The growth, and what seeds its matrices and the order of its data.
fn only_learned(growths: &[Growth]) -> Result<(&Growth, u64), BadInput> {
    match growths {
        [growth @ Growth::Learned { seed, .. }] => Ok((growth, *seed)),
        [growth] => Err(BadInput(format!(
            "--data has no use for `{}`: only the matrices of --operator learned are learned",
            growth.name()
        ))),
        _ => Err(BadInput(format!(
            "--data goes with one growth, and there are {}: learn first, and grow what comes of it again",
            growths.len()
        ))),
    }
}

/// The growth by matrices that will be in the grown folder.
fn with_matrices(growth: Growth, matrices: LearnedMatrices) -> Growth {
    match growth {
        Growth::Learned { depth, width, seed, .. } => {
            let matrices = Some(MatricesFile::holding(MATRICES_FILE.into(), matrices));
            Growth::Learned { depth, width, matrices, seed }
        }
        other => other,
    }
}
