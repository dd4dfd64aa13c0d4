//! A growth of a folder, decided down to its files: what an account of it prints, and what is then carried out. Nothing
//! is written here.

use std::path::PathBuf;

use crate::{
    error::GrowthError,
    folder::{
        plan::FolderPlan,
        plannable::PlannableRef,
        shards::{GrownMoments, GrownSet},
        side_files::side_files,
    },
    plan::moments::Moments,
};

/// A growth of a folder, decided: what each tensor is made of, of the weights and of an optimizer's moments, the files
/// that they will be in, and which files of the source come along. `S` is as in [`FolderPlan`]: what lends a
/// [`Source`] can be carried out.
///
/// ```
/// use outgrow_operators::{FolderGrowth, FolderPlan, Growth, Moments, Source};
/// # use outgrow_checkpoint::{HostTensor, LlamaConfig, NamedTensors, write_checkpoint};
/// # let dir = tempfile::tempdir()?;
/// # let (source, target) = (dir.path().join("small"), dir.path().join("large"));
/// # let config = LlamaConfig::from_json(r#"{ "model_type": "llama", "vocab_size": 16, "hidden_size": 8,
/// #     "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2 }"#)?;
/// # let zeros = |shape: Vec<usize>| HostTensor { values: vec![0.0; shape.iter().product()], shape };
/// # let tensors: NamedTensors = config.tensors().into_iter().map(|one| (one.name, zeros(one.shape))).collect();
/// # write_checkpoint(&source, &config, &tensors, 1 << 30)?;
/// let source = Source::open(&source)?;
/// let plan = FolderPlan::new(&source, &[Growth::Stack { factor: 2 }])?;
/// let growth = FolderGrowth::new(plan, Moments::Reset, 5_000_000_000)?;
/// println!("{}", growth.account());
/// assert_eq!(growth.carry_out(&target)?.shards, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Source`]: crate::Source
#[derive(Debug)]
pub struct FolderGrowth<S> {
    pub(crate) plan: FolderPlan<S>,
    pub(crate) decided: Decided,
}

/// What is decided beside the plan.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) weights: GrownSet,
    pub(crate) moments: Option<GrownMoments>,
    /// Files that come along.
    pub(crate) side_files: Vec<PathBuf>,
    /// Parameters of the source.
    pub(crate) source_parameters: u64,
    /// Shards of the source that aren't there.
    pub(crate) missing_shards: usize,
}

impl<S> FolderGrowth<S> {
    /// Decides a growth that a plan says, in shards of at most so many bytes.
    ///
    /// # Errors
    /// Moments that aren't there; a folder that can't be read.
    pub fn new<'a>(plan: FolderPlan<S>, moments: Moments, shard_size_bytes: u64) -> Result<Self, GrowthError>
    where
        S: Copy + Into<PlannableRef<'a>>,
    {
        let plannable = plan.source.into();
        let decided = Decided {
            weights: GrownSet::of_weights(plannable, &plan.planned, shard_size_bytes)?,
            moments: GrownMoments::new(plannable.folder(), &plan.planned, moments, shard_size_bytes)?,
            side_files: side_files(plannable.folder())?,
            source_parameters: plannable.num_parameters(),
            missing_shards: plannable.missing_shards(),
        };
        Ok(Self { plan, decided })
    }

    /// What is planned.
    pub fn plan(&self) -> &FolderPlan<S> {
        &self.plan
    }
}
