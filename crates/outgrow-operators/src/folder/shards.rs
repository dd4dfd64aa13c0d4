//! The files that a grown folder's tensors lie in, weights and an optimizer's moments: how they are laid out, and
//! carrying a plan out into them. What else a folder holds is not made here.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use outgrow_checkpoint::{
    Dtype, StoredDtype, StoredTensor, TensorSpec, WeightFolder,
    dtype::encode_into,
    shards::{ShardLayout, ShardSet, ShardWriter, WrittenShards},
    tensor_names::{layer_index, with_layer_index},
};

use crate::{
    error::GrowthError,
    execute::{
        Medium, execute,
        rounding::{Rounded, round},
        values::{VALUES_AT_ONCE, Values, rows_and_columns},
    },
    folder::{plan::Planned, plannable::PlannableRef, progress::Counting},
    plan::{
        moments::{Moments, plan_moments, with_sources},
        origin::{Origin, PlannedTensor},
    },
    recipe::mergekit::PassthroughDtypes,
};

/// Files to make of tensors of one kind, weights or moments.
#[derive(Clone, Debug)]
pub(crate) struct GrownSet {
    /// The tensors, in their order.
    pub(crate) tensors: Vec<PlannedTensor>,
    /// The files, and how each tensor is stored in them.
    pub(crate) layout: ShardLayout,
    /// The types that numbers go through.
    pub(crate) dtypes: Option<PassthroughDtypes>,
    /// Copies that are stored in another type than they have in the source, or go through another.
    pub(crate) converted: BTreeSet<String>,
}

impl GrownSet {
    /// The weights of a grown folder. Each tensor is stored as its source is, unless the plan says otherwise.
    pub(crate) fn of_weights(
        source: PlannableRef<'_>,
        plan: &Planned,
        shard_size_bytes: u64,
    ) -> Result<Self, GrowthError> {
        let stored = plan.dtypes.and_then(|dtypes| dtypes.stored);
        let own = |tensor: &PlannedTensor| match source {
            PlannableRef::Opened(source) => stored_dtype(source.weights(), tensor),
            PlannableRef::Outline(outline) => Ok(outline.dtype().into()),
        };
        let specs = specs(&plan.tensors, |tensor| {
            let dtype = own(tensor)?;
            // Only numbers are converted.
            Ok(stored.filter(|_| dtype.float().is_some()).map_or(dtype, StoredDtype::Float))
        })?;
        let loaded = plan.dtypes.and_then(|dtypes| dtypes.loaded).map(StoredDtype::Float);
        let mut converted = BTreeSet::new();
        for (tensor, spec) in plan.tensors.iter().zip(&specs) {
            if let Origin::Copy { .. } = &tensor.origin {
                let own = own(tensor)?;
                let is_loaded = loaded.is_some_and(|loaded| loaded != own && own.float().is_some());
                if is_loaded || spec.dtype != own {
                    converted.insert(tensor.name.clone());
                }
            }
        }
        let layout = ShardLayout::new(specs, shard_size_bytes);
        Ok(Self { tensors: plan.tensors.clone(), layout, dtypes: plan.dtypes, converted })
    }

    /// How each tensor is stored.
    pub(crate) fn specs(&self) -> impl Iterator<Item = &TensorSpec> {
        self.layout.shards().iter().flat_map(|shard| &shard.tensors)
    }

    /// Whether a tensor's bytes are its source's.
    pub(crate) fn is_copied(&self, tensor: &PlannedTensor) -> bool {
        matches!(tensor.origin, Origin::Copy { .. }) && !self.converted.contains(&tensor.name)
    }

    /// Makes the files, of the tensors of a folder.
    pub(crate) fn write(
        &self,
        source: &WeightFolder,
        folder: &Path,
        counting: &mut Counting<'_>,
    ) -> Result<WrittenShards, GrowthError> {
        let writer = ShardWriter::resume(folder, &self.layout)?;
        let specs = self.specs().map(|spec| (spec.name.as_str(), spec)).collect();
        let mut medium = FolderMedium { weights: source, specs, set: self, writer, counting };
        // In their order, which is the layout's: so that one shard is finished before the next is begun.
        execute(&self.tensors, &mut medium)?;
        Ok(medium.writer.finish()?)
    }
}

fn specs(
    tensors: &[PlannedTensor],
    dtype: impl Fn(&PlannedTensor) -> Result<StoredDtype, GrowthError>,
) -> Result<Vec<TensorSpec>, GrowthError> {
    let spec = |tensor: &PlannedTensor| {
        Ok(TensorSpec { name: tensor.name.clone(), dtype: dtype(tensor)?, shape: tensor.shape.clone() })
    };
    tensors.iter().map(spec).collect()
}

/// A made tensor is stored as what it is made of; a fresh one as the same tensor of the lowest layer that has it.
fn stored_dtype(weights: &WeightFolder, tensor: &PlannedTensor) -> Result<StoredDtype, GrowthError> {
    if let Some(name) = tensor.origin.first_source() {
        return Ok(stored(weights, name)?.dtype);
    }
    let layer = layer_index(&tensor.name).unwrap_or(0);
    let is_like = |one: &&StoredTensor| with_layer_index(&one.name, layer) == tensor.name;
    // Moments that start at zero may have no tensor to go by.
    Ok(weights.tensors().iter().find(is_like).map_or(Dtype::F32.into(), |one| one.dtype))
}

/// An optimizer's moments beside the weights of a grown folder.
#[derive(Debug)]
pub(crate) struct GrownMoments {
    pub(crate) policy: Moments,
    /// Where the source's are.
    pub(crate) source: WeightFolder,
    pub(crate) set: GrownSet,
}

impl GrownMoments {
    /// `None` where they are reset.
    pub(crate) fn new(
        folder: &Path,
        plan: &Planned,
        policy: Moments,
        shard_size_bytes: u64,
    ) -> Result<Option<Self>, GrowthError> {
        let tensors = plan_moments(&plan.tensors, policy)?;
        if tensors.is_empty() {
            return Ok(None);
        }
        let found = WeightFolder::open_moments(folder)?;
        let source = found.ok_or_else(|| GrowthError::MomentsMissing { folder: folder.to_owned() })?;
        let tensors = with_sources(tensors, source.tensors().iter().map(|tensor| tensor.name.as_str()));
        let specs = specs(&tensors, |tensor| stored_dtype(&source, tensor))?;
        let layout = ShardLayout::of(ShardSet::Optimizer, specs, shard_size_bytes);
        let set = GrownSet { tensors, layout, dtypes: None, converted: BTreeSet::new() };
        Ok(Some(Self { policy, source, set }))
    }
}

fn stored<'a>(weights: &'a WeightFolder, name: &str) -> Result<&'a StoredTensor, GrowthError> {
    weights.tensor(name).ok_or_else(|| GrowthError::MissingTensor { name: name.to_owned() })
}

/// From an opened folder into the shards of a new one.
struct FolderMedium<'a, 'b> {
    weights: &'a WeightFolder,
    /// How each tensor of the grown folder is stored; the layout has all of them.
    specs: BTreeMap<&'a str, &'a TensorSpec>,
    set: &'a GrownSet,
    writer: ShardWriter,
    counting: &'a mut Counting<'b>,
}

impl FolderMedium<'_, '_> {
    /// In a shard that an earlier attempt finished.
    fn is_there(&self, target: &PlannedTensor) -> bool {
        !self.writer.awaits(&target.name)
    }

    /// What a tensor is converted to when it is read, and what its product is rounded to before it is stored.
    fn rounding(&self, target: &PlannedTensor) -> Result<[Option<Dtype>; 2], GrowthError> {
        let Some(PassthroughDtypes { loaded, .. }) = self.set.dtypes else { return Ok([None; 2]) };
        let product = match (loaded, target.origin.first_source()) {
            (Some(loaded), _) => Some(loaded),
            (None, Some(source)) => stored(self.weights, source)?.dtype.float(),
            (None, None) => None,
        };
        Ok([loaded, product])
    }
}

impl Medium for FolderMedium<'_, '_> {
    type Error = GrowthError;

    fn made(&mut self, target: &PlannedTensor) -> Result<(), GrowthError> {
        self.counting.add(self.specs[target.name.as_str()].size_bytes())
    }

    fn converts(&self, target: &PlannedTensor) -> bool {
        self.set.converted.contains(&target.name)
    }

    fn copy(&mut self, source: &str, target: &PlannedTensor) -> Result<(), GrowthError> {
        if self.is_there(target) {
            return Ok(());
        }
        let stored = stored(self.weights, source)?;
        if stored.shape != target.shape {
            let (found, expected) = (stored.shape.clone(), target.shape.clone());
            return Err(GrowthError::WrongShape { name: source.to_owned(), found, expected });
        }
        Ok(self.writer.copy(&target.name, stored)?)
    }

    fn compute(&mut self, target: &PlannedTensor) -> Result<(), GrowthError> {
        if self.is_there(target) {
            return Ok(());
        }
        let dtype = self.specs[target.name.as_str()].dtype.float();
        let dtype = dtype.ok_or_else(|| GrowthError::NoNumbers { name: target.name.clone() })?;
        let too_large = |problem| GrowthError::Value { name: target.name.clone(), problem };
        let [loaded, product] = self.rounding(target)?;
        let source = Rounded { weights: self.weights, dtype: loaded };
        let values = Values::new(&target.origin, &target.shape, &source)?;
        let (rows, columns) = rows_and_columns(&target.shape);
        let rows_at_once = (VALUES_AT_ONCE / columns.max(1)).clamp(1, rows.max(1));
        let mut piece = vec![0.0; rows_at_once * columns];
        let mut bytes = vec![0; piece.len() * dtype.size_bytes()];
        let mut writer = self.writer.begin(&target.name)?;
        for first in (0..rows).step_by(rows_at_once) {
            let end = rows.min(first + rows_at_once);
            let piece = &mut piece[..(end - first) * columns];
            let bytes = &mut bytes[..piece.len() * dtype.size_bytes()];
            values.fill(first..end, piece)?;
            round(piece, product.filter(|product| *product != dtype)).map_err(too_large)?;
            encode_into(piece, dtype, bytes).map_err(too_large)?;
            writer.append(bytes)?;
        }
        Ok(writer.finish()?)
    }
}
