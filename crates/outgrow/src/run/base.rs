//! The model that a run begins with, where its recipe names a folder: its weights, who it is by content, what it has
//! cost, and whether it reads the shards' tokens. It trains nothing.

use std::path::{Component, Path};

use outgrow_checkpoint::{Checkpoint, Dtype, LlamaConfig, TrainingCost};
use outgrow_data::{OtherIds, TokenShards};
use outgrow_operators::{
    Source,
    folder::{card::model_name, model_sha256},
};
use outgrow_tokenizer::{TokenizerError, pretrained::TokenizerFiles};
use outgrow_train::{
    Base, BaseRecord,
    resume::{checkpoint_cost, saved_base},
};

use crate::{
    error::{BadInput, Result},
    model::place::ModelPlace,
    recipe::BaseRecipe,
};

/// A base, opened.
#[derive(Debug)]
pub(crate) struct BaseModel {
    /// Which one it is, and what it has cost.
    pub record: BaseRecord,
    /// The model's shape, as it is trained: in f32.
    pub config: LlamaConfig,
    /// Its weights. `None` where the folder is gone and the run has checkpoints of its own.
    pub checkpoint: Option<Checkpoint>,
    /// What should be known of the folder.
    pub notes: Vec<String>,
}

impl BaseModel {
    /// Opens the folder of a recipe; where it is gone, what the run in `run` remembers of it.
    ///
    /// # Errors
    /// No such folder and no such run; a model that can't be trained; a cost that can't be read, or is said twice.
    pub(crate) fn open(recipe: &BaseRecipe, run: &Path) -> Result<Self> {
        // Not every error of a folder says what named it.
        Self::open_folder(recipe, run).map_err(|error| {
            if error.is_input() { BadInput(format!("model: {}", error.one_line())).into() } else { error }
        })
    }

    fn open_folder(recipe: &BaseRecipe, run: &Path) -> Result<Self> {
        if let Some(flops) = recipe.from_flops.filter(|flops| !(flops.is_finite() && *flops >= 0.0)) {
            return Err(BadInput(format!("from_flops = {flops}, expected FLOPs from 0")).into());
        }
        if !recipe.from.exists()
            && let Some((mut record, config)) = saved_base(run)
        {
            record.cost.flops = recipe.from_flops.or(record.cost.flops);
            let note =
                format!("{}: is gone; the run goes on from its own checkpoints", recipe.from.display());
            return Ok(Self { record, config, checkpoint: None, notes: vec![note] });
        }
        if let Some(name) = hub_name(&recipe.from) {
            let problem = format!(
                "{}: no such folder; a model of the hub has to be downloaded first: \
                 `hf download {name} --local-dir FOLDER`",
                recipe.from.display()
            );
            return Err(BadInput(problem).into());
        }
        let ModelPlace { folder, note } = ModelPlace::find(&recipe.from)?;
        let checkpoint = match Source::open(&folder)? {
            Source::Llama(checkpoint) => checkpoint,
            Source::Other(other) => {
                let reason = other.why_not_run();
                return Err(BadInput(format!("only LLaMA-style decoders can be trained: {reason}")).into());
            }
        };
        let cost = cost(&folder, recipe.from_flops)?;
        let record =
            BaseRecord { name: model_name(&folder), sha256: model_sha256(checkpoint.weights())?, cost };
        let notes = checkpoint.notes().iter().map(|note| format!("{}: {note}", folder.display()));
        let notes = note.into_iter().chain(notes).collect();
        let config = checkpoint.config().clone().with_dtype(Dtype::F32);
        Ok(Self { record, config, checkpoint: Some(checkpoint), notes })
    }

    /// As the trainer takes it.
    pub(crate) fn for_training(&self) -> Base<'_> {
        Base { record: &self.record, checkpoint: self.checkpoint.as_ref() }
    }

    /// Compares the folder's tokenizer with that of some shards. A folder without one gives a note.
    ///
    /// # Errors
    /// Ids that mean something else to the model than in the shards.
    pub(crate) fn check_tokenizer(&mut self, shards: &TokenShards) -> Result<()> {
        let Some(checkpoint) = &self.checkpoint else { return Ok(()) };
        self.notes.extend(check_tokenizer(checkpoint.folder(), shards)?);
        Ok(())
    }
}

/// Compares a folder's tokenizer with that of some shards. A folder without one gives a note.
///
/// # Errors
/// Ids that mean something else to the model than in the shards.
pub(crate) fn check_tokenizer(folder: &Path, shards: &TokenShards) -> Result<Option<String>> {
    let own = match TokenizerFiles::open_plain(folder) {
        Ok(own) => own,
        Err(error @ TokenizerError::NoTokenizer { .. }) => {
            return Ok(Some(format!("{error}; whether the shards' ids are the model's isn't known")));
        }
        Err(error) => return Err(error.into()),
    };
    let difference = match shards.other_ids(&own)? {
        None => return Ok(None),
        Some(OtherIds::Token { id, here, there }) => {
            let there = there.map_or("nothing".to_owned(), |token| format!("{token:?}"));
            format!("id {id} is {there} there, {here:?} in the shards")
        }
        Some(OtherIds::Documents) => {
            "with the same ids for the same words it reads the shards' first documents otherwise".to_owned()
        }
    };
    Err(BadInput(format!(
        "{}: its tokenizer isn't that of the shards in {}: {difference}; prepare shards with --tokenizer {}",
        folder.display(),
        shards.folder().display(),
        own.path().display()
    ))
    .into())
}

/// The name that a path has on the hub if it was meant for one: of an owner and a model, and neither is a folder here.
fn hub_name(path: &Path) -> Option<String> {
    let owner_folder = path.parent().filter(|folder| !folder.exists())?;
    if path.components().any(|component| component == Component::ParentDir) {
        return None;
    }
    let (Component::Normal(model), Component::Normal(owner)) =
        (path.components().next_back()?, owner_folder.components().next_back()?)
    else {
        return None;
    };
    Some(format!("{}/{}", owner.to_str()?, model.to_str()?))
}

/// Which model a folder holds now; `None` where there is none.
pub(crate) fn sha256_of(folder: &Path) -> Option<String> {
    let ModelPlace { folder, .. } = ModelPlace::find(folder).ok()?;
    model_sha256(Source::open(&folder).ok()?.weights()).ok()
}

/// What its training has cost: as the folder says, or as the recipe does.
fn cost(folder: &Path, from_flops: Option<f64>) -> Result<TrainingCost> {
    let mut cost = checkpoint_cost(folder)?;
    if let (Some(known), Some(given)) = (cost.flops, from_flops)
        && known.total_cmp(&given).is_ne()
    {
        return Err(BadInput(format!(
            "{} itself says that it has cost {known:e} FLOPs: remove from_flops, which says {given:e}",
            folder.display()
        ))
        .into());
    }
    cost.flops = cost.flops.or(from_flops);
    Ok(cost)
}
