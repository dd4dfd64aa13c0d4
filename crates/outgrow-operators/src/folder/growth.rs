//! A growth of a folder, decided down to its files: what an account of it prints, and what is then carried out. Nothing
//! is written here.

use std::path::PathBuf;

use crate::{
    error::GrowthError,
    folder::{
        outline::Plannable,
        plan::FolderPlan,
        shards::{GrownMoments, GrownSet},
        side_files::side_files,
    },
    plan::moments::Moments,
};

/// A growth of a folder, decided: what each tensor is made of, of the weights and of an optimizer's moments, the files
/// that they will be in, and which files of the source come along. `S` is a [`Source`], which can be grown, or an
/// [`Outline`], which can't.
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
/// let growth = FolderGrowth::new(&source, plan, Moments::Reset, 5_000_000_000)?;
/// println!("{}", growth.account());
/// assert_eq!(growth.carry_out(&target)?.shards, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Source`]: crate::Source
/// [`Outline`]: crate::folder::Outline
#[derive(Debug)]
pub struct FolderGrowth<S> {
    pub(crate) source: S,
    pub(crate) decided: Decided,
}

/// What is decided.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) plan: FolderPlan,
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
    /// Decides a growth that a plan says, in shards of at most so many bytes. The plan has to be one of this source:
    /// another's is refused only where names of tensors differ, here, or their shapes, when it is carried out.
    ///
    /// # Errors
    /// Tensors of the plan that aren't in the source; moments that aren't there; a folder that can't be read.
    pub fn new<'a>(
        source: S,
        plan: FolderPlan,
        moments: Moments,
        shard_size_bytes: u64,
    ) -> Result<Self, GrowthError>
    where
        S: Copy + Into<Plannable<'a>>,
    {
        let plannable = source.into();
        let decided = Decided {
            weights: GrownSet::of_weights(plannable, &plan, shard_size_bytes)?,
            moments: GrownMoments::new(plannable.folder(), &plan, moments, shard_size_bytes)?,
            side_files: side_files(plannable.folder())?,
            source_parameters: plannable.num_parameters(),
            missing_shards: plannable.missing_shards(),
            plan,
        };
        Ok(Self { source, decided })
    }

    /// What is planned.
    pub fn plan(&self) -> &FolderPlan {
        &self.decided.plan
    }
}
