//! Growth as a plan: for every tensor of the grown model, what it is made of. No tensor of the source is in sight, and nothing
//! is carried out here; the one file that is read is that of a learned growth's matrices, which are part of the plan.

pub(crate) mod depth;
pub(crate) mod layer_map;
pub(crate) mod pattern;

mod width;
mod widen;
pub(crate) mod learned;
pub(crate) mod biases;
pub(crate) mod part;

pub(crate) mod origin;
mod fresh;
pub(crate) mod draw;

pub(crate) mod preservation;
pub(crate) mod units;
pub(crate) mod moments;

use std::collections::BTreeMap;

use outgrow_checkpoint::{LlamaConfig, TensorShape};

use crate::{
    error::GrowthError,
    growth::{Growth, Mix, Width},
    plan::{
        biases::Biases,
        depth::{LayerOrigin, deepened_tensor, grown_layers},
        fresh::fresh,
        learned::LearnedMatrices,
        origin::{Origin, PlannedTensor},
        part::Part,
        preservation::Preservation,
        units::{MaskedUnits, Unit, Units},
        widen::{Style, Widener},
        width::{WidthMaps, widened},
    },
};

/// What each tensor of a grown model is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct GrowthPlan {
    /// The model that is grown.
    pub source: LlamaConfig,
    /// The grown model.
    pub target: LlamaConfig,
    /// For each layer of the grown model, what it is made of. Of a learned growth, what the initial matrices take,
    /// whatever trained ones weigh.
    pub layers: Vec<LayerOrigin>,
    /// Whether the grown model computes what the source does.
    pub preservation: Preservation,
    /// All tensors of the grown model, in its order.
    pub tensors: Vec<PlannedTensor>,
    /// Where its layers, channels, neurons and heads come from.
    pub(crate) units: Units,
}

/// Plans a growth. Growth in depth copies embedding, final norm and head once and unchanged; growth in width leaves the layers
/// as many as they are.
///
/// # Errors
/// What doesn't fit the source: see [`GrowthError`].
pub fn plan(source: &LlamaConfig, growth: &Growth) -> Result<GrowthPlan, GrowthError> {
    plan_with(source, Biases::None, growth)
}

fn plan_with(source: &LlamaConfig, biases: Biases, growth: &Growth) -> Result<GrowthPlan, GrowthError> {
    let wider = |width: &Width, style| wider(source, biases, width, style);
    if let Some(layers) = grown_layers(source.num_hidden_layers, growth)? {
        return deepened(source, biases, growth, layers);
    }
    match growth {
        Growth::Split { width, share } => {
            check_share(*share)?;
            wider(width, Style::Split { share: *share })
        }
        Growth::Hyperclone { factor } => wider(&multiplied(source, *factor)?, Style::Split { share: None }),
        Growth::Aki { width } => wider(width, Style::Above),
        Growth::ZeroWidth { width, seed } => wider(width, Style::Zero { seed: *seed }),
        Growth::RandomWidth { width, seed } => wider(width, Style::Random { seed: *seed }),
        Growth::Learned { num_hidden_layers, width, matrices, seed } => {
            let layers = num_hidden_layers.unwrap_or(source.num_hidden_layers);
            let target = widened(source, width)?.with(|fields| fields.num_hidden_layers = layers)?;
            let matrices = match matrices {
                Some(path) => LearnedMatrices::read(path)?,
                None => LearnedMatrices::initial_with(source, &target, biases, *seed),
            };
            learned(source, target, biases, &matrices)
        }
        Growth::Noise { amount, mix, seed } => noisy(source, biases, *amount, *mix, *seed),
        Growth::Stack { .. }
        | Growth::Interleave { .. }
        | Growth::Layers { .. }
        | Growth::Pattern { .. }
        | Growth::Middle { .. }
        | Growth::Lidas { .. }
        | Growth::Solar { .. }
        | Growth::Last { .. }
        | Growth::ZeroDepth { .. }
        | Growth::RandomDepth { .. } => {
            unreachable!("grown_layers gives the layers of every growth in depth")
        }
    }
}

/// Plans several growths, one after the other, as one: no model between them is ever made.
///
/// # Errors
/// As [`plan`], for each; no growths at all.
pub fn plan_all(source: &LlamaConfig, growths: &[Growth]) -> Result<GrowthPlan, GrowthError> {
    plan_all_with(source, Biases::None, growths)
}

pub(crate) fn plan_all_with(
    source: &LlamaConfig,
    biases: Biases,
    growths: &[Growth],
) -> Result<GrowthPlan, GrowthError> {
    let (first, rest) = growths.split_first().ok_or(GrowthError::NoGrowth)?;
    rest.iter().try_fold(plan_with(source, biases, first)?, |earlier, growth| {
        let next = plan_with(&earlier.target, biases, growth)?;
        Ok(earlier.then(next))
    })
}

impl GrowthPlan {
    /// This growth and then `next`, which was planned for its target, as one.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
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

    /// What of the grown model is new and let in by a mask; none of it after a learned growth, which mixes everything.
    pub fn masked_units(&self) -> MaskedUnits {
        self.units.masked()
    }
}

fn deepened(
    source: &LlamaConfig,
    biases: Biases,
    growth: &Growth,
    layers: Vec<LayerOrigin>,
) -> Result<GrowthPlan, GrowthError> {
    let target = source.with(|fields| fields.num_hidden_layers = layers.len())?;
    let seed = if let Growth::RandomDepth { seed, .. } = growth { *seed } else { 0 };
    let fresh = |name: &str| Origin::Fresh(fresh(&target, part(name), name, seed));
    let tensors =
        biases.tensors(&target).into_iter().map(|tensor| deepened_tensor(tensor, &layers, &fresh)).collect();
    let preservation = Preservation::of_layers(source.num_hidden_layers, &layers);
    let units = Units::of_layers(source, &layers);
    Ok(GrowthPlan { source: source.clone(), target, layers, preservation, tensors, units })
}

fn wider(
    source: &LlamaConfig,
    biases: Biases,
    width: &Width,
    style: Style,
) -> Result<GrowthPlan, GrowthError> {
    let mut target = widened(source, width)?;
    let maps = match style {
        Style::Split { .. } | Style::Above => WidthMaps::repeated(source, &target),
        Style::Zero { .. } | Style::Random { .. } => {
            check_only_keys(source, &target)?;
            // The mean square over more channels is smaller; so that the same number is added in proportion.
            let part = source.hidden_size as f64 / target.hidden_size as f64;
            target = target.with(|fields| fields.rms_norm_eps *= part)?;
            WidthMaps::padded(source, &target)
        }
    };
    let preservation = Preservation::of_width(source, &target, &maps, style);
    let new = if matches!(style, Style::Random { .. }) { Unit::Masked } else { Unit::New };
    let units = Units::of_width(source, &maps, new);
    let widener = Widener::new(source, &target, maps, style);
    let tensors = planned(&target, biases, |part, name| widener.origin(part, name));
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

fn multiplied(source: &LlamaConfig, factor: usize) -> Result<Width, GrowthError> {
    if factor == 0 {
        return Err(GrowthError::FactorZero);
    }
    let times = |size: usize| Some(size.saturating_mul(factor));
    Ok(Width {
        hidden_size: times(source.hidden_size),
        intermediate_size: times(source.intermediate_size),
        num_attention_heads: times(source.num_attention_heads),
        num_key_value_heads: times(source.num_key_value_heads),
    })
}

fn check_share(share: Option<f64>) -> Result<(), GrowthError> {
    match share {
        Some(share) if !(share > 0.0 && share < 1.0) => Err(GrowthError::Share { share }),
        _ => Ok(()),
    }
}

fn learned(
    source: &LlamaConfig,
    target: LlamaConfig,
    biases: Biases,
    matrices: &LearnedMatrices,
) -> Result<GrowthPlan, GrowthError> {
    matrices.check(source, &target, biases)?;
    let tensors = planned(&target, biases, |part, name| matrices.origin(source, part, name));
    let layers: Vec<_> = (0..target.num_hidden_layers)
        .map(|layer| LayerOrigin::Copy(layer % source.num_hidden_layers))
        .collect();
    let is_copy =
        target == *source && tensors.iter().all(|tensor| tensor.origin == Origin::copy(tensor.name.clone()));
    let preservation = if is_copy { Preservation::Exact } else { Preservation::None };
    let units = if is_copy { Units::unchanged(&target) } else { Units::mixed(&target) };
    Ok(GrowthPlan { source: source.clone(), target, layers, preservation, tensors, units })
}

fn noisy(
    source: &LlamaConfig,
    biases: Biases,
    amount: f64,
    mix: Mix,
    seed: u64,
) -> Result<GrowthPlan, GrowthError> {
    if !(0.0..=1.0).contains(&amount) {
        return Err(GrowthError::Noise { amount });
    }
    let (weight, noise) = match mix {
        Mix::Linear => (1.0 - amount, amount),
        Mix::VariancePreserving => ((1.0 - amount).sqrt(), amount.sqrt()),
    };
    let tensors = planned(source, biases, |part, name| match part {
        Part::Norm | Part::FinalNorm | Part::QueryBias | Part::KeyBias | Part::ValueBias => {
            Origin::copy(name)
        }
        _ => Origin::sum([
            (weight, Origin::copy(name)),
            (noise, Origin::Fresh(fresh::noise(source, part, name, seed))),
        ]),
    });
    let layers = (0..source.num_hidden_layers).map(LayerOrigin::Copy).collect();
    let preservation = if amount == 0.0 { Preservation::Exact } else { Preservation::None };
    let units = Units::unchanged(source);
    Ok(GrowthPlan { source: source.clone(), target: source.clone(), layers, preservation, tensors, units })
}

fn planned(
    target: &LlamaConfig,
    biases: Biases,
    origin: impl Fn(Part, &str) -> Origin,
) -> Vec<PlannedTensor> {
    let tensors = biases.tensors(target).into_iter();
    tensors
        .map(|TensorShape { name, shape }| PlannedTensor { origin: origin(part(&name), &name), name, shape })
        .collect()
}

fn part(name: &str) -> Part {
    Part::of(name).expect("every tensor of a LlamaConfig has a part")
}
