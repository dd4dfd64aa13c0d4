//! What can be wrong with a schedule. Every message is one line with the field and both numbers.

pub(crate) mod new_parameters;

use outgrow_checkpoint::{CheckpointError, with_causes};
use outgrow_operators::{GrowthError, Moments, Operator};

use crate::{error::new_parameters::NewParametersError, learning_rate::error::RateError};

/// Why a schedule can't be built.
///
/// What is wrong in a stage, or beside other problems, is shown with its causes; else a cause is the error's source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// More than one thing is wrong.
    #[error("{} problems: {}", .0.len(), one_line(.0))]
    Several(Vec<ScheduleError>),
    /// Something is wrong with one stage.
    #[error("stage {stage:?}: {}", with_causes(problem))]
    Stage {
        /// The stage's name.
        stage: String,
        /// What is wrong with it.
        problem: Box<ScheduleError>,
    },
    /// There is nothing to train.
    #[error("a schedule needs at least one stage")]
    NoStages,
    /// The stage can't be told from others in metrics and reports.
    #[error("name is empty: metrics and reports tell stages apart by it")]
    NoName,
    /// Two stages have one name.
    #[error(
        "name is used by stages {first} and {second}, counted from 1: metrics and reports tell stages apart by it"
    )]
    SameName {
        /// The first of them.
        first: usize,
        /// The second of them.
        second: usize,
    },
    /// The stage trains nothing.
    #[error("tokens is 0: a stage trains on at least one token")]
    NoTokens,
    /// A slope at which no stage ends.
    #[error(
        "ends_at: slope is {slope} over {validations} validations, it must be below 0 and over at least 2: -0.0575 is usual in depth, -0.0475 in width"
    )]
    LossSlope {
        /// The threshold.
        slope: f64,
        /// Validations that it is taken over.
        validations: usize,
    },
    /// The last stage is to end early.
    #[error(
        "ends_at is set on the last stage, which ends with its tokens: it says when the next stage begins"
    )]
    LastStageEnds,
    /// The model isn't one.
    #[error("model")]
    Model(#[source] CheckpointError),
    /// The growth can't be done.
    #[error("enter")]
    Growth(#[source] GrowthError),
    /// Choices at a growth, where there is none.
    #[error("at_growth is set, but the stage begins with no growth: give `enter`, or leave it out")]
    NothingGrows,
    /// Fresh parts, and nothing that lets them in.
    #[error(
        "enter makes fresh parts, which a mask lets in little by little: give at_growth.mask = {{ tokens = N }}, the tokens \
         over which it opens"
    )]
    Unmasked,
    /// A mask that opens over nothing.
    #[error("at_growth.mask: tokens is 0: at least 1 is needed; copies without a mask are let in at once")]
    MaskTokens,
    /// A mask over what needs none, or can't have one.
    #[error("at_growth.mask")]
    Mask(#[source] GrowthError),
    /// The next stage would have to go on with the mask.
    #[error(
        "at_growth.mask opens over {ramp_tokens} tokens{}, the stage has {tokens}: it has to be open when the stage ends",
        of_kinds(*.kinds, *.ramp_tokens)
    )]
    MaskNotOpened {
        /// Tokens until all is let in.
        ramp_tokens: u64,
        /// Kinds of units that are let in one after another.
        kinds: u64,
        /// The stage's.
        tokens: u64,
    },
    /// The first stage has nothing to grow from.
    #[error("enter is set on the first stage, which has nothing to grow from: leave it out")]
    GrowthOfNothing,
    /// New parameters can't have the rate of their own.
    #[error(transparent)]
    NewParameters(NewParametersError),
    /// Only one operator has matrices.
    #[error("at_growth.learning learns the matrices of `learned`, and `{operator}` has none: leave it out")]
    NothingIsLearned {
        /// The operator.
        operator: &'static str,
    },
    /// Learned matrices mix tensors.
    #[error(
        "at_growth.moments is `{moments}`: learned matrices mix tensors, for whose moments there is no rule; use \"reset\""
    )]
    MomentsOfLearned {
        /// The policy.
        moments: Moments,
    },
    /// Nothing to learn on.
    #[error("at_growth.learning.tokens is 0: matrices are learned on at least one token")]
    NoLearningTokens,
    /// The rate of learning isn't one.
    #[error("at_growth.learning.learning_rate is {peak}, it must be finite and above 0")]
    LearningPeak {
        /// The rate.
        peak: f64,
    },
    /// The model isn't what comes out of the stage before it.
    #[error("model differs from what stage {previous:?} {how}: {differences}")]
    ModelMismatch {
        /// The stage before it.
        previous: String,
        /// `ends with` or `grows into`.
        how: &'static str,
        /// The fields that differ, with both values.
        differences: String,
    },
    /// More layers are to be trained than there are, or none.
    #[error(
        "trainable top layers is {layers}, the model has {num_hidden_layers}: 1 to {num_hidden_layers} can be trained"
    )]
    TrainableLayers {
        /// Layers to be trained.
        layers: usize,
        /// Layers of the model.
        num_hidden_layers: usize,
    },
    /// A stage trains no layer.
    #[error("trainable layers is empty, which freezes everything: name the layers that are trained")]
    NothingTrained,
    /// Layers are to be trained that aren't there, or in no order.
    #[error(
        "trainable layers is {layers:?}: they must rise, and each be below num_hidden_layers, {num_hidden_layers}"
    )]
    TrainableSet {
        /// Layers to be trained, from 0.
        layers: Vec<usize>,
        /// Layers of the model.
        num_hidden_layers: usize,
    },
    /// The growth makes a smaller model.
    #[error("enter: the growth leaves fewer parameters, {grown} of {parameters}: a stage doesn't shrink")]
    Shrinks {
        /// Parameters before the growth.
        parameters: u64,
        /// Parameters after it.
        grown: u64,
    },
    /// The growth makes nothing larger.
    #[error("growth by `{operator}` leaves the model as large as it is: nothing grows")]
    SameSize {
        /// The operator.
        operator: &'static str,
    },
    /// The growths lead to another model than the target.
    #[error("growth ends with {differences}")]
    NotReached {
        /// The sizes that differ, with both values.
        differences: String,
    },
    /// A growth doesn't say from which model it makes the target.
    #[error(
        "base is missing: `{operator}` doesn't say which model it grows from; give the sizes that differ from the target's, such as {example}"
    )]
    NoBase {
        /// The operator.
        operator: &'static str,
        /// Half of the target's.
        example: String,
    },
    /// Sizes of which there is no model.
    #[error("base: {problems}")]
    BaseSizes {
        /// All that is wrong with them.
        problems: String,
    },
    /// An operator that a method has no use for.
    #[error("operator `{operator}` {problem}")]
    Operator {
        /// The operator.
        operator: Operator,
        /// Why not, and what would do.
        problem: &'static str,
    },
    /// Layers that can't be stacked from fewer ones.
    #[error("layer_counts goes from {from} to {to}: `{operator}` makes whole multiples, such as {}", 2 * .from)]
    Multiple {
        /// The operator.
        operator: Operator,
        /// Layers before the growth.
        from: usize,
        /// Layers after the growth.
        to: usize,
    },
    /// Parts that are no parts of a whole.
    #[error("shares is {shares:?}: {stages} are needed, each above 0, that add up to 1")]
    Shares {
        /// The parts.
        shares: Vec<f64>,
        /// The stages.
        stages: usize,
    },
    /// A growth that isn't within the run.
    #[error(
        "base_share is {base_share}, it must be above 0 and below 1: the part of the tokens before the growth"
    )]
    BaseShare {
        /// The part.
        base_share: f64,
    },
    /// Blocks that don't make up the target.
    #[error(
        "block_layers is {block_layers}, it must be below the target's num_hidden_layers, {num_hidden_layers}, and divide it"
    )]
    Blocks {
        /// Layers of a block.
        block_layers: usize,
        /// Layers of the target.
        num_hidden_layers: usize,
    },
    /// Blocks that have no halves.
    #[error("block_layers is {block_layers}, it must be even: each growth takes the halves of two blocks")]
    OddBlocks {
        /// Layers of a block.
        block_layers: usize,
    },
    /// An exponent that gives no lengths.
    #[error(
        "exponent is {exponent}, a number from 0 is needed: a stage is as long as its number to that power"
    )]
    Exponent {
        /// The exponent.
        exponent: f64,
    },
    /// More layers are to be added than there can be.
    #[error(
        "added_layers is {added_layers}, num_hidden_layers of the target {num_hidden_layers}: 1 to {} can be added",
        .num_hidden_layers.saturating_sub(1)
    )]
    AddedLayers {
        /// Layers to be added.
        added_layers: usize,
        /// Layers of the target.
        num_hidden_layers: usize,
    },
    /// A growth that would have to be two.
    #[error(
        "base is smaller in depth and in width, and fresh parts are let in on one axis at a time: use `staged`, with a growth for each"
    )]
    BothAxes,
    /// There is nothing to grow.
    #[error("growths is empty: each stage but the first begins with one")]
    NoGrowths,
    /// The learning rate isn't one.
    #[error(transparent)]
    LearningRate(#[from] RateError),
    /// The target can't be made of equal parts.
    #[error("factor is {factor}, it must divide the target's {key}, {size}")]
    Factor {
        /// The growth factor.
        factor: usize,
        /// What it has to divide.
        key: &'static str,
        /// That of the target.
        size: usize,
    },
    /// A base is to be stacked no times.
    #[error("factor is 0, which leaves nothing of the base: 2 to 4 are usual")]
    NoFactor,
    /// The layer counts don't begin where the base is.
    #[error(
        "layer_counts is {layer_counts:?}, it must begin with the base's num_hidden_layers, {num_hidden_layers}"
    )]
    FirstLayerCount {
        /// The layer counts.
        layer_counts: Vec<usize>,
        /// Layers of the base.
        num_hidden_layers: usize,
    },
    /// The layer counts don't lead to the target.
    #[error(
        "layer_counts is {layer_counts:?}, it must rise from at least 1 to the target's num_hidden_layers, {num_hidden_layers}"
    )]
    LayerCounts {
        /// The layer counts.
        layer_counts: Vec<usize>,
        /// Layers of the target.
        num_hidden_layers: usize,
    },
    /// There are fewer layers to copy than are to be added.
    #[error("layer_counts goes from {from} to {to}: the added layers copy the top ones, so it can at most double, to {}", 2 * .from)]
    MoreThanDoubled {
        /// Layers before the growth.
        from: usize,
        /// Layers after the growth.
        to: usize,
    },
    /// A word that names no way of counting FLOPs.
    #[error("`{name}` is no convention of counting FLOPs; expected {expected}")]
    Convention {
        /// The word.
        name: String,
        /// The words that do.
        expected: String,
    },
    /// The stages before the last already cost the whole budget.
    #[error(
        "budget is {budget:.4e} FLOPs, the stages before the last one cost {spent:.4e}{} and one token of the last one {flops_per_token:.4e}: shorten them or raise it",
        with_learning(*.learning)
    )]
    Budget {
        /// The budget, FLOPs.
        budget: f64,
        /// The cost of the earlier stages, and of the learning of matrices, FLOPs.
        spent: f64,
        /// That of the learning alone.
        learning: f64,
        /// The cost of a token of the last stage, FLOPs.
        flops_per_token: f64,
    },
}

impl ScheduleError {
    /// Whether what the user gave is at fault and can be mended: all but a file of a growth that the system refuses for
    /// reasons of its own.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Several(problems) => problems.iter().all(Self::is_input),
            Self::Stage { problem, .. } => problem.is_input(),
            Self::Model(problem) => problem.is_input(),
            Self::Growth(problem) | Self::Mask(problem) => problem.is_input(),
            Self::NoStages
            | Self::NoName
            | Self::SameName { .. }
            | Self::NoTokens
            | Self::LossSlope { .. }
            | Self::LastStageEnds
            | Self::NothingGrows
            | Self::Unmasked
            | Self::MaskTokens
            | Self::MaskNotOpened { .. }
            | Self::NewParameters(_)
            | Self::NothingIsLearned { .. }
            | Self::MomentsOfLearned { .. }
            | Self::NoLearningTokens
            | Self::LearningPeak { .. }
            | Self::GrowthOfNothing
            | Self::ModelMismatch { .. }
            | Self::TrainableLayers { .. }
            | Self::NothingTrained
            | Self::TrainableSet { .. }
            | Self::Shrinks { .. }
            | Self::SameSize { .. }
            | Self::NotReached { .. }
            | Self::NoBase { .. }
            | Self::BaseSizes { .. }
            | Self::Operator { .. }
            | Self::Multiple { .. }
            | Self::Shares { .. }
            | Self::BaseShare { .. }
            | Self::Blocks { .. }
            | Self::OddBlocks { .. }
            | Self::Exponent { .. }
            | Self::AddedLayers { .. }
            | Self::NoGrowths
            | Self::BothAxes
            | Self::LearningRate(_)
            | Self::Factor { .. }
            | Self::NoFactor
            | Self::FirstLayerCount { .. }
            | Self::LayerCounts { .. }
            | Self::MoreThanDoubled { .. }
            | Self::Convention { .. }
            | Self::Budget { .. } => true,
        }
    }

    /// Whether a disk is full. Schedules write nothing, so this is never so.
    pub fn is_disk_full(&self) -> bool {
        false
    }

    /// Nothing wrong, one thing wrong, or several.
    pub(crate) fn from_problems(mut problems: Vec<Self>) -> Result<(), Self> {
        match problems.len() {
            0 => Ok(()),
            1 => Err(problems.swap_remove(0)),
            _ => Err(Self::Several(problems)),
        }
    }

    /// The same problem, with the stage that has it.
    #[must_use]
    pub fn in_stage(self, stage: &str) -> Self {
        Self::Stage { stage: stage.to_owned(), problem: Box::new(self) }
    }
}

impl RateError {
    /// The same problem, with the stage that has it.
    #[must_use]
    pub fn in_stage(self, stage: &str) -> ScheduleError {
        ScheduleError::from(self).in_stage(stage)
    }
}

fn with_learning(learning: f64) -> String {
    if learning > 0.0 {
        return format!(
            " ({learning:.4e} of that is the learning of matrices: learning = {{ tokens = N }} makes it shorter)"
        );
    }
    String::new()
}

fn of_kinds(kinds: u64, ramp_tokens: u64) -> String {
    if kinds < 2 {
        return String::new();
    }
    format!(" ({} for each of {kinds} kinds of units, one after another)", ramp_tokens / kinds)
}

fn one_line(problems: &[ScheduleError]) -> String {
    problems.iter().map(|problem| with_causes(problem)).collect::<Vec<_>>().join("; ")
}
