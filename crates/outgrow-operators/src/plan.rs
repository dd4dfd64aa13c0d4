//! Growth as a plan: for every tensor of the grown model, what it is made of. No tensor of the source is in sight, no
//! file is opened, and nothing is carried out here.

pub(crate) mod depth;
pub(crate) mod kind;
pub(crate) mod layer_map;
pub(crate) mod pattern;

mod width;
mod widen;
pub(crate) mod learned;
pub(crate) mod part;

pub(crate) mod origin;
mod fresh;
pub(crate) mod draw;

pub(crate) mod preservation;
pub(crate) mod units;
pub(crate) mod masked_units;
pub(crate) mod mask;
pub(crate) mod moments;
pub(crate) mod lineage;

use std::{collections::BTreeMap, fmt};

use outgrow_checkpoint::{LlamaConfig, TensorShape};

pub use self::{
    depth::LayerOrigin,
    layer_map::LayerMap,
    lineage::{ChannelCopies, Lineage, NewPart, TensorLineage},
    mask::{MaskFactors, MaskValues, TensorFactors},
    masked_units::{Copies, MaskedUnits, Share},
    moments::{Moments, MomentsPlan},
    origin::{Channel, Channels, Fill, Origin, PlannedTensor, Widening},
    preservation::Preservation,
};
use crate::{
    error::GrowthError,
    growth::{Growth, LearnedMatrices, MatricesFile, Mix, Width},
    plan::{
        depth::deepened_tensor,
        fresh::fresh,
        kind::{Kind, Size},
        layer_map::layers_in_words,
        learned::Maps,
        part::Part,
        units::{Units, Unmaskable},
        widen::{Style, Widener},
        width::{WidthMaps, widened},
    },
};

/// What each tensor of a grown model is made of. One that exists is sound: it makes all tensors of its target, of the
/// shapes that they have there, and can't be changed.
///
/// ```
/// use outgrow_checkpoint::LlamaConfig;
/// use outgrow_operators::{Growth, GrowthPlan};
///
/// let source = LlamaConfig::from_json(r#"{ "model_type": "llama", "vocab_size": 16, "hidden_size": 8,
///     "intermediate_size": 12, "num_hidden_layers": 3, "num_attention_heads": 2 }"#)?;
/// let plan = GrowthPlan::new(&source, [&Growth::Stack { factor: 2 }])?;
/// assert_eq!(plan.target().num_hidden_layers, 6);
/// assert_eq!(plan.to_string(), "3 → 6 layers: 0-2 ×2 (4 of 5 neighbours kept); function not preserved");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GrowthPlan {
    source: LlamaConfig,
    target: LlamaConfig,
    layers: Vec<LayerOrigin>,
    preservation: Preservation,
    tensors: Vec<PlannedTensor>,
    units: Units,
}

impl GrowthPlan {
    /// Plans growths, one after the other, as one: no model between them is ever made. Growth in depth copies
    /// embedding, final norm and head once and unchanged; growth in width leaves the layers as many as they are.
    ///
    /// # Errors
    /// What doesn't fit the source, or the model that the growths before it make: see [`GrowthError`]. No growths at
    /// all.
    pub fn new<'a>(
        source: &LlamaConfig,
        growths: impl IntoIterator<Item = &'a Growth>,
    ) -> Result<Self, GrowthError> {
        let mut growths = growths.into_iter();
        let first = planned_alone(source, growths.next().ok_or(GrowthError::NoGrowth)?)?;
        growths.try_fold(first, |earlier, growth| {
            let next = planned_alone(&earlier.target, growth)?;
            Ok(earlier.then(next))
        })
    }

    /// Plans a learned growth by these matrices, which needn't be in a file.
    ///
    /// # Errors
    /// Matrices that don't fit source and target, all problems in one message.
    pub fn learned(
        source: &LlamaConfig,
        target: LlamaConfig,
        matrices: &LearnedMatrices,
    ) -> Result<Self, GrowthError> {
        matrices.check(source, &target)?;
        let maps = Maps::new(matrices, source);
        let tensors = planned(&target, |part, name| maps.origin(part, name));
        let layers: Vec<_> = (0..target.num_hidden_layers)
            .map(|layer| LayerOrigin::Copy(layer % source.num_hidden_layers))
            .collect();
        let is_copy = target == *source
            && tensors.iter().all(|tensor| tensor.origin == Origin::copy(tensor.name.clone()));
        let preservation = if is_copy { Preservation::Exact } else { Preservation::None };
        let units = if is_copy { Units::unchanged(&target) } else { Units::mixed(&target) };
        Ok(Self { source: source.clone(), target, layers, preservation, tensors, units })
    }

    /// The model that is grown.
    pub fn source(&self) -> &LlamaConfig {
        &self.source
    }

    /// The grown model.
    pub fn target(&self) -> &LlamaConfig {
        &self.target
    }

    /// For each layer of the grown model, what it is made of. Of a learned growth, what the initial matrices take,
    /// whatever trained ones weigh.
    pub fn layers(&self) -> &[LayerOrigin] {
        &self.layers
    }

    /// Whether the grown model computes what the source does.
    pub fn preservation(&self) -> Preservation {
        self.preservation
    }

    /// All tensors of the grown model, in its order.
    pub fn tensors(&self) -> &[PlannedTensor] {
        &self.tensors
    }

    pub(crate) fn into_tensors(self) -> Vec<PlannedTensor> {
        self.tensors
    }

    /// What each moment of the grown model's optimizer is made of, for [`grow_moments`](crate::grow_moments); nothing
    /// under [`Moments::Reset`].
    ///
    /// # Errors
    /// Tensors that are mixed from several of the source, as learned growth makes them: no rule gives their moments.
    pub fn moments(&self, policy: Moments) -> Result<MomentsPlan, GrowthError> {
        MomentsPlan::new(&self.tensors, policy)
    }

    /// What of the grown model goes on from the source, what is new, and what is a copy of what.
    pub fn lineage(&self) -> Lineage {
        Lineage::new(&self.tensors)
    }

    /// What of the grown model is fresh and let in by a mask; none of it after a learned growth, which mixes
    /// everything.
    pub fn masked_units(&self) -> MaskedUnits {
        self.units.fresh()
    }

    /// What of the grown model a mask can let in: what is fresh or, where nothing is, every copy but the first. While
    /// the mask of a single growth is 0, the grown model computes what its source does.
    ///
    /// # Errors
    /// Growths that add nothing, or nothing that needs a mask; such as change what they copy; layers that aren't the
    /// source's in order, so that they are its function in no part.
    pub fn maskable_units(&self) -> Result<MaskedUnits, GrowthError> {
        Ok(self.maskable()?)
    }

    pub(crate) fn maskable(&self) -> Result<MaskedUnits, Unmaskable> {
        self.units.maskable(self.source.num_hidden_layers, self.target.tie_word_embeddings)
    }

    /// This growth and then `next`, which was planned for its target, as one.
    fn then(self, next: Self) -> Self {
        let made: BTreeMap<&str, &Origin> =
            self.tensors.iter().map(|tensor| (tensor.name.as_str(), &tensor.origin)).collect();
        let earlier =
            |name: &str| made.get(name).map_or_else(|| Origin::copy(name), |origin| Origin::clone(origin));
        let tensors = next
            .tensors
            .into_iter()
            .map(|tensor| PlannedTensor { origin: tensor.origin.over(&earlier), ..tensor })
            .collect();
        let layers = next.layers.into_iter().map(|layer| layer.over(&self.layers));
        Self {
            source: self.source,
            target: next.target,
            layers: layers.collect(),
            preservation: self.preservation.and(next.preservation),
            tensors,
            units: next.units.over(&self.units),
        }
    }
}

impl fmt::Display for GrowthPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [before, after] = [&self.source, &self.target].map(|model| model.num_hidden_layers);
        let layers = layers_in_words(&self.layers);
        write!(f, "{before} → {after} layers: {layers}; function {}", self.preservation)
    }
}

/// The plan of one growth.
fn planned_alone(source: &LlamaConfig, growth: &Growth) -> Result<GrowthPlan, GrowthError> {
    match Kind::of(source.num_hidden_layers, growth)? {
        Kind::Depth { layers, seed } => deepened(source, layers, seed),
        Kind::Width { size: Size::Of(width), style } => wider(source, width, style),
        Kind::Width { size: Size::Times(factor), style } => wider(source, &multiplied(source, factor), style),
        Kind::Learned { num_hidden_layers, width, matrices, seed } => {
            let deeper = widened(source, width)?.with(|fields| fields.num_hidden_layers = num_hidden_layers);
            let target = deeper.map_err(GrowthError::of_target)?;
            if let Some(matrices) = matrices.map(MatricesFile::matrices).transpose()? {
                GrowthPlan::learned(source, target, matrices)
            } else {
                let initial = LearnedMatrices::initial(source, &target, seed);
                GrowthPlan::learned(source, target, &initial)
            }
        }
        Kind::Noise { amount, mix, seed } => Ok(noisy(source, amount, mix, seed)),
    }
}

fn deepened(source: &LlamaConfig, layers: Vec<LayerOrigin>, seed: u64) -> Result<GrowthPlan, GrowthError> {
    let target = source.with(|fields| fields.num_hidden_layers = layers.len());
    let target = target.map_err(GrowthError::of_target)?;
    let fresh = |name: &str| Origin::Fresh(fresh(&target, part(name), name, seed));
    let tensors =
        target.tensors().into_iter().map(|tensor| deepened_tensor(tensor, &layers, &fresh)).collect();
    let preservation = Preservation::of_layers(source.num_hidden_layers, &layers);
    let units = Units::of_layers(source, &layers);
    Ok(GrowthPlan { source: source.clone(), target, layers, preservation, tensors, units })
}

fn wider(source: &LlamaConfig, width: &Width, style: Style) -> Result<GrowthPlan, GrowthError> {
    let mut target = widened(source, width)?;
    let maps = match style {
        Style::Split { .. } | Style::Above => WidthMaps::repeated(source, &target),
        Style::Zero { .. } | Style::Random { .. } => {
            check_only_keys(source, &target)?;
            // The mean square over more channels is smaller; so that the same number is added in proportion.
            let part = source.hidden_size as f64 / target.hidden_size as f64;
            target = target.with(|fields| fields.rms_norm_eps *= part).map_err(GrowthError::of_target)?;
            WidthMaps::padded(source, &target)
        }
    };
    let preservation = Preservation::of_width(source, &target, &maps, style);
    let units = Units::of_width(source, &target, &maps, style);
    let widener = Widener::new(source, &target, maps, style);
    let tensors = planned(&target, |part, name| widener.origin(part, name));
    let layers = (0..source.num_hidden_layers).map(LayerOrigin::Copy).collect();
    Ok(GrowthPlan { source: source.clone(), tensors, layers, preservation, target, units })
}

/// Old queries would read the keys and values of new heads.
fn check_only_keys(source: &LlamaConfig, target: &LlamaConfig) -> Result<(), GrowthError> {
    let group = |model: &LlamaConfig| model.num_attention_heads / model.num_key_value_heads;
    if group(target) >= group(source) {
        return Ok(());
    }
    let (heads, keys) = (target.num_attention_heads, target.num_key_value_heads);
    let problems = format!(
        "`num_key_value_heads` = {keys} with {heads} heads: old heads would read new keys and values; grow whole groups, or use `split`"
    );
    Err(GrowthError::Width { problems })
}

fn multiplied(source: &LlamaConfig, factor: usize) -> Width {
    let times = |size: usize| Some(size.saturating_mul(factor));
    Width {
        hidden_size: times(source.hidden_size),
        intermediate_size: times(source.intermediate_size),
        num_attention_heads: times(source.num_attention_heads),
        num_key_value_heads: times(source.num_key_value_heads),
    }
}

fn noisy(source: &LlamaConfig, amount: f64, mix: Mix, seed: u64) -> GrowthPlan {
    let (weight, noise) = match mix {
        Mix::Linear => (1.0 - amount, amount),
        Mix::VariancePreserving => ((1.0 - amount).sqrt(), amount.sqrt()),
    };
    let tensors = planned(source, |part, name| match part {
        Part::Norm
        | Part::FinalNorm
        | Part::QueryBias
        | Part::KeyBias
        | Part::ValueBias
        | Part::OutputBias => Origin::copy(name),
        _ => Origin::sum([
            (weight, Origin::copy(name)),
            (noise, Origin::Fresh(fresh::noise(source, part, name, seed))),
        ]),
    });
    let layers = (0..source.num_hidden_layers).map(LayerOrigin::Copy).collect();
    let preservation = if amount == 0.0 { Preservation::Exact } else { Preservation::None };
    let units = if amount == 0.0 { Units::unchanged(source) } else { Units::changed(source) };
    GrowthPlan { source: source.clone(), target: source.clone(), layers, preservation, tensors, units }
}

fn planned(target: &LlamaConfig, origin: impl Fn(Part, &str) -> Origin) -> Vec<PlannedTensor> {
    let tensors = target.tensors().into_iter();
    tensors
        .map(|TensorShape { name, shape }| PlannedTensor { origin: origin(part(&name), &name), name, shape })
        .collect()
}

fn part(name: &str) -> Part {
    Part::of(name).expect("every tensor of a LlamaConfig has a part")
}
