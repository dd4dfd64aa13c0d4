//! A folder into a larger one in a single call: for programs that need none of what lies between.

use std::{ops::ControlFlow, path::Path};

use outgrow_checkpoint::{Note, shards::DEFAULT_SHARD_SIZE_BYTES};

use crate::{
    error::GrowthError,
    folder::{growth::FolderGrowth, plan::FolderPlan, progress::GrowProgress, source::Source, write::Grown},
    growth::Growth,
    plan::moments::Moments,
};

/// What can be chosen where a folder is grown, beside the growth itself.
///
/// ```
/// use outgrow_operators::{GrowOptions, Moments};
///
/// let options = GrowOptions { moments: Moments::Copy, ..GrowOptions::default() };
/// assert_eq!(options.shard_size_bytes, 5_000_000_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrowOptions {
    /// What becomes of an optimizer's moments; reset by default, so that none come along.
    pub moments: Moments,
    /// Largest size of a shard, of its values; 5 GB by default, as Hugging Face has it.
    pub shard_size_bytes: u64,
}

impl Default for GrowOptions {
    fn default() -> Self {
        Self { moments: Moments::Reset, shard_size_bytes: DEFAULT_SHARD_SIZE_BYTES }
    }
}

/// What a single call has made.
#[derive(Clone, Debug, PartialEq)]
pub struct GrownFolder {
    /// Shards.
    pub grown: Grown,
    /// What whoever gave the folder should know of it: what is odd about it, and what of it the grown one lacks.
    pub notes: Vec<Note>,
}

/// Grows a Hugging Face folder into a larger one: the growths one after the other, as one. `progress` is told after
/// each tensor, and stops it by `Break`.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use outgrow_checkpoint::read_checkpoint;
/// use outgrow_operators::{GrowOptions, Growth, grow_folder};
/// # use outgrow_checkpoint::{HostTensor, LlamaConfig, NamedTensors, write_checkpoint};
/// # let dir = tempfile::tempdir()?;
/// # let (source, target) = (dir.path().join("small"), dir.path().join("large"));
/// # let config = LlamaConfig::from_json(r#"{ "model_type": "llama", "vocab_size": 16, "hidden_size": 8,
/// #     "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2 }"#)?;
/// # let zeros = |shape: Vec<usize>| HostTensor { values: vec![0.0; shape.iter().product()], shape };
/// # let tensors: NamedTensors = config.tensors().into_iter().map(|one| (one.name, zeros(one.shape))).collect();
/// # write_checkpoint(&source, &config, &tensors, 1 << 30)?;
/// let mut percent = 0;
/// let made = grow_folder(&source, &target, &[Growth::Stack { factor: 2 }], &GrowOptions::default(), &mut |now| {
///     percent = 100 * now.bytes / now.total_bytes;
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!((percent, made.grown.shards), (100, 1));
/// let (config, tensors) = read_checkpoint(&target)?;
/// assert_eq!((config.num_hidden_layers, tensors.len()), (4, 39));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// What doesn't fit the source; a model that transformers would not open where it opens the source; a target that is
/// there; [`GrowthError::Stopped`]; whatever a disk refuses. Nothing is left of the target then.
pub fn grow_folder(
    source: &Path,
    target: &Path,
    growths: &[Growth],
    options: &GrowOptions,
    progress: &mut dyn FnMut(GrowProgress) -> ControlFlow<()>,
) -> Result<GrownFolder, GrowthError> {
    let source = Source::open(source)?;
    let plan = FolderPlan::new(&source, growths)?;
    plan.refuse_unopened()?;
    let notes = [source.notes(), plan.notes()].concat();
    let growth = FolderGrowth::new(plan, options.moments, options.shard_size_bytes)?;
    Ok(GrownFolder { grown: growth.carry_out_watched(target, progress)?, notes })
}
