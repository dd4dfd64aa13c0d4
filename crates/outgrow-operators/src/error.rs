//! What can be wrong with a growth, one line each. What can be wrong with folders is outgrow-checkpoint's to say.

use std::path::PathBuf;

use outgrow_checkpoint::{CheckpointError, Problems, dtype::ValueTooLarge};

/// Why a growth can't be planned or carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrowthError {
    /// A factor of 0.
    #[error("factor = 0: at least 1 is needed")]
    FactorZero,
    /// A list without layers.
    #[error("the list of layers is empty: at least one layer is needed")]
    NoLayers,
    /// Layers that the source doesn't have.
    #[error("layers {outside:?} are not in the source, which has layers 0 to {}", source_layers.saturating_sub(1))]
    LayersOutside {
        /// The entries that are too high, each once, in order.
        outside: Vec<usize>,
        /// Layers of the source.
        source_layers: usize,
    },
    /// A factor that gives an absurd depth.
    #[error("factor = {factor} for {source_layers} layers: at most {largest} layers are possible")]
    TooDeep {
        /// The factor.
        factor: usize,
        /// Layers of the source.
        source_layers: usize,
        /// The bound.
        largest: usize,
    },
    /// The source lacks a tensor.
    #[error("tensor `{name}` is missing in the source")]
    MissingTensor {
        /// Its name.
        name: String,
    },
    /// The source has a tensor with another shape.
    #[error("tensor `{name}` has shape {found:?} in the source, the plan needs {expected:?}")]
    WrongShape {
        /// Its name.
        name: String,
        /// Its shape in the source.
        found: Vec<usize>,
        /// Its shape by the plan.
        expected: Vec<usize>,
    },
    /// config.json has a key that can't be grown, such as a list with one entry for each layer.
    #[error("config.json: {}", with_key(key, problem))]
    ConfigKey {
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A pattern that can't be read, or names layers that aren't there.
    #[error("pattern `{pattern}`: {problem}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A depth that the operator can't give.
    #[error(
        "num_hidden_layers = {num_hidden_layers}: this growth gives at {}",
        if num_hidden_layers < smallest { format!("least {smallest} layers, as the source has") } else { format!("most {largest} layers") }
    )]
    Depth {
        /// What was asked for.
        num_hidden_layers: usize,
        /// The least.
        smallest: usize,
        /// The most.
        largest: usize,
    },
    /// Blocks that the layers can't be divided into.
    #[error("block_layers = {block_layers} for {source_layers} layers: {}", blocks_needed(*source_layers, *at_least, *step))]
    Blocks {
        /// Layers of a block.
        block_layers: usize,
        /// Layers of the source.
        source_layers: usize,
        /// How many blocks the operator needs.
        at_least: usize,
        /// What a block's layers must be a multiple of: 2 where halves of blocks are copied.
        step: usize,
    },
    /// Copies of which nothing would be left.
    #[error("drop_layers = {drop_layers} of {source_layers} layers: at most {} can be left out", source_layers - 1)]
    Drop {
        /// Layers that each copy leaves out.
        drop_layers: usize,
        /// Layers of the source.
        source_layers: usize,
    },
    /// New layers that can't be spread evenly.
    #[error(
        "num_hidden_layers = {num_hidden_layers} for {source_layers} layers: the {} new ones can't be spread evenly; a multiple \
         or a divisor of {source_layers} can, or place them on top",
        num_hidden_layers - source_layers
    )]
    Interleaving {
        /// Layers of the source.
        source_layers: usize,
        /// Layers that were asked for.
        num_hidden_layers: usize,
    },
    /// Sizes that can't be grown to.
    #[error("{problems}")]
    Width {
        /// All that is wrong.
        problems: String,
    },
    /// A model that can't be.
    #[error("the grown model can't be: {problems}")]
    Target {
        /// All that is wrong with it.
        problems: Problems,
    },
    /// A share that leaves nothing to one of the copies.
    #[error("share = {share}: a number between 0 and 1 is needed")]
    Share {
        /// The share.
        share: f64,
    },
    /// An amount of noise that is none.
    #[error("amount = {amount} of noise: a number from 0 to 1 is needed")]
    Noise {
        /// The amount.
        amount: f64,
    },
    /// Matrices of a learned growth that don't fit.
    #[error("matrices of a learned growth: {problems}")]
    Matrices {
        /// All that is wrong.
        problems: String,
    },
    /// A file of matrices that nothing has read: a plan opens no file.
    #[error("{}: the matrices of a learned growth have to be read before it is planned", file.display())]
    MatricesUnread {
        /// The file.
        file: PathBuf,
    },
    /// A computed value that its type can't hold.
    #[error("tensor `{name}` {problem}")]
    Value {
        /// The tensor.
        name: String,
        /// The value and the type.
        problem: ValueTooLarge,
    },
    /// A tensor that something would have to be computed of, and that holds no numbers.
    #[error("tensor `{name}` holds no numbers that could be computed with; operators that copy layers work")]
    NoNumbers {
        /// The tensor.
        name: String,
    },
    /// A tensor whose moments follow from no rule.
    #[error("tensor `{name}` is mixed from several, and no rule gives its moments: reset them")]
    NoMoments {
        /// The tensor.
        name: String,
    },
    /// Moments that are asked for and aren't there.
    #[error("{}: no optimizer.safetensors, here or in training/, whose moments could be grown: reset them", folder.display())]
    MomentsMissing {
        /// The source.
        folder: PathBuf,
    },
    /// Growths that a recipe can't hold: a seed beyond 2^63, for one.
    #[error("the growths can't be written as a recipe: {problem}")]
    Recipe {
        /// Why.
        problem: String,
    },
    /// A passthrough recipe that doesn't fit the source.
    #[error("{problems}")]
    Passthrough {
        /// All that is wrong, by line of the recipe.
        problems: String,
    },
    /// A plan of nothing.
    #[error("no growth is given: at least one step is needed")]
    NoGrowth,
    /// An operator that must know the architecture, on one that isn't known.
    #[error(
        "`{operator}` works on LLaMA-style models only, and this is none ({reason}); operators that copy layers work"
    )]
    OnlyLlama {
        /// The operator.
        operator: &'static str,
        /// Why the model isn't one.
        reason: String,
    },
    /// Shards that aren't there, of a model whose shapes only they tell.
    #[error(
        "{}: {missing} of the shards that the index names not there, and without them shapes are known of LLaMA-style models only \
         ({reason})",
        folder.display()
    )]
    ShapesUnknown {
        /// The source.
        folder: PathBuf,
        /// Shards that aren't there.
        missing: usize,
        /// Why the model isn't one.
        reason: String,
    },
    /// A folder that is nothing without its mask.
    #[error("{}: its new parts are behind a mask (training/mask.json)", folder.display())]
    Masked {
        /// The folder.
        folder: PathBuf,
    },
    /// A folder without a mask that could be folded in.
    #[error("{}: has no mask to fold in (training/mask.json); it is a whole model as it is", folder.display())]
    NoMask {
        /// The folder.
        folder: PathBuf,
    },
    /// A mask's file that isn't one of this model.
    #[error("{}: {problems}", file.display())]
    Mask {
        /// The file.
        file: PathBuf,
        /// All that is wrong.
        problems: String,
    },
    /// A mask where there is nothing to mask.
    #[error(
        "a mask lets in what is fresh or copied as it is, and this growth has nothing of it: leave the mask out"
    )]
    NothingMasked,
    /// A mask over layers that aren't the source's in any part.
    #[error(
        "a mask that lets copies in begins with the source's own layers, 0 to {}, in their order; here their first copies are {layers:?}",
        source_layers.saturating_sub(1)
    )]
    MaskedDisorder {
        /// The source's layers, by their first copies.
        layers: Vec<usize>,
        /// Layers of the source.
        source_layers: usize,
    },
    /// A mask that is none.
    #[error("mask = {mask}: a number from 0 to 1 is needed")]
    MaskValue {
        /// The mask.
        mask: f64,
    },
    /// Tensors of more than one stack of layers.
    #[error(
        "tensors are in `{first}…` and in `{second}…`: it can't be told which of these layers are to be grown"
    )]
    SeveralStacks {
        /// What stands before the number of a layer.
        first: String,
        /// What else does.
        second: String,
    },
    /// Layers by the tensors' names that aren't those of config.json.
    #[error(
        "the tensors are of {found} layers by their names; config.json has num_hidden_layers = {declared}"
    )]
    LayersFound {
        /// Different numbers in names of tensors.
        found: usize,
        /// config.json's.
        declared: usize,
    },
    /// A layer that can't be silenced.
    #[error(
        "layer {layer} can't be made an identity: its output projections aren't an `o_proj` and a `down_proj` without biases"
    )]
    NoIdentity {
        /// The layer.
        layer: usize,
    },
    /// A model that transformers refuses, grown of one that it opens.
    #[error("transformers would not open the grown model: {}", reasons.join("; "))]
    NotOpened {
        /// Why, one by one.
        reasons: Vec<String>,
    },
    /// Whoever was told of the progress asked to stop.
    #[error("stopped before the grown folder was whole; nothing is left of it")]
    Stopped,
    /// From reading or writing folders.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl GrowthError {
    /// Why a grown model can't be, which is no fault of the source's config.json.
    pub(crate) fn of_target(error: CheckpointError) -> Self {
        match error {
            CheckpointError::Config { problems, .. } => Self::Target { problems },
            other => Self::Checkpoint(other),
        }
    }

    /// Whether what the user gave is at fault and can be mended: all but a full disk, what the operating system
    /// refuses for reasons of its own, and [`Self::Stopped`].
    ///
    /// ```
    /// use outgrow_operators::GrowthError;
    ///
    /// assert!(GrowthError::FactorZero.is_input() && !GrowthError::FactorZero.is_disk_full());
    /// ```
    pub fn is_input(&self) -> bool {
        match self {
            Self::Checkpoint(error) => error.is_input(),
            Self::Stopped => false,
            _ => true,
        }
    }

    /// Whether the disk that was written to is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Checkpoint(error) if error.is_disk_full())
    }
}

/// A key and what is said of it: `key` is missing, or `key`: why it is refused.
fn with_key(key: &str, problem: &str) -> String {
    let is_said_of_it = ["is ", "has ", "holds "].iter().any(|verb| problem.starts_with(verb));
    format!("`{key}`{} {problem}", if is_said_of_it { "" } else { ":" })
}

/// Which blocks would do.
fn blocks_needed(source_layers: usize, at_least: usize, step: usize) -> String {
    let fits = |layers: &usize| source_layers.is_multiple_of(*layers) && source_layers / layers >= at_least;
    let numbers: Vec<String> =
        (step..=source_layers).step_by(step).filter(fits).map(|layers| layers.to_string()).collect();
    let blocks =
        if at_least > 1 { format!("{at_least} or more equal blocks") } else { "equal blocks".to_owned() };
    let halves = if step > 1 { ", which have halves" } else { "" };
    match &numbers[..] {
        [] if step > 1 => format!("they make no {blocks} that have halves"),
        [] => format!("they make no {blocks}"),
        [one] => format!("they make {blocks} of {one}{halves}"),
        [several @ .., last] => format!("they make {blocks} of {} or {last}{halves}", several.join(", ")),
    }
}
