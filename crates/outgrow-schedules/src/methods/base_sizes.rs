//! The model that growths begin with, worked out from the one that they should end with. It plans nothing.

use outgrow_checkpoint::{CheckpointError, LlamaConfig};
use outgrow_operators::{Depth, Growth, Width};
use serde::{Deserialize, Serialize};

use crate::error::ScheduleError;

/// Sizes of a base that its growth doesn't say. Those that aren't given are the target's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table of sizes, such as { hidden_size = 32 }")]
pub struct BaseSizes {
    /// Layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_hidden_layers: Option<usize>,
    /// Width of the residual stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden_size: Option<usize>,
    /// Width inside the feed-forward network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intermediate_size: Option<usize>,
    /// Query heads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_attention_heads: Option<usize>,
    /// Key and value heads. Left out beside query heads, as many as keep the target's proportion, where the growth
    /// makes more of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_key_value_heads: Option<usize>,
}

impl BaseSizes {
    /// Whether none is given: then the growth says what it grows from.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether only the depth is given, or nothing.
    pub(super) fn is_as_wide(&self) -> bool {
        Self { num_hidden_layers: None, ..*self }.is_empty()
    }

    /// The same with the key and value heads that follow from the query heads.
    #[must_use]
    pub(super) fn with_key_value_heads(self, target: &LlamaConfig) -> Self {
        let in_proportion = self.num_attention_heads.and_then(|heads| {
            let product = heads.checked_mul(target.num_key_value_heads)?;
            let divides = product > 0 && product.is_multiple_of(target.num_attention_heads);
            divides.then(|| product / target.num_attention_heads)
        });
        Self { num_key_value_heads: self.num_key_value_heads.or(in_proportion), ..self }
    }

    /// The target's sizes of all that is given in width.
    pub(super) fn width_to(&self, target: &LlamaConfig) -> Width {
        Width {
            hidden_size: self.hidden_size.map(|_| target.hidden_size),
            intermediate_size: self.intermediate_size.map(|_| target.intermediate_size),
            num_attention_heads: self.num_attention_heads.map(|_| target.num_attention_heads),
            num_key_value_heads: self.num_key_value_heads.map(|_| target.num_key_value_heads),
        }
    }

    /// The model that `growths`, one after the other, make `target` of.
    ///
    /// # Errors
    /// A growth that doesn't say what it grows from, where no size is given; factors that don't divide the target;
    /// sizes of which there is no model.
    pub(crate) fn base_of(
        &self,
        target: &LlamaConfig,
        growths: &[Growth],
    ) -> Result<LlamaConfig, ScheduleError> {
        if self.is_empty() {
            return growths.iter().rev().try_fold(target.clone(), |grown, growth| before(growth, &grown));
        }
        let unsaid = self.num_attention_heads.filter(|_| self.num_key_value_heads.is_none());
        let follows = unsaid.is_some_and(|heads| {
            // Where nothing makes more of them, they are the target's already, if they can be.
            growths.iter().any(grows_key_value_heads) || !heads.is_multiple_of(target.num_key_value_heads)
        });
        let sizes = if follows { self.with_key_value_heads(target) } else { *self };
        let base = target.with(|fields| {
            let Self { num_hidden_layers, hidden_size, intermediate_size, .. } = sizes;
            fields.num_hidden_layers = num_hidden_layers.unwrap_or(fields.num_hidden_layers);
            fields.hidden_size = hidden_size.unwrap_or(fields.hidden_size);
            fields.intermediate_size = intermediate_size.unwrap_or(fields.intermediate_size);
            fields.num_attention_heads = sizes.num_attention_heads.unwrap_or(fields.num_attention_heads);
            fields.num_key_value_heads = sizes.num_key_value_heads.unwrap_or(fields.num_key_value_heads);
        });
        base.map_err(|problem| match problem {
            // It speaks of config.json; these sizes are the user's.
            CheckpointError::Config { problems, .. } => {
                ScheduleError::BaseSizes { problems: problems.to_string() }
            }
            problem => ScheduleError::Model(problem),
        })
    }
}

/// The sizes that a growth says it leads to in width.
fn width_of(growth: &Growth) -> Option<&Width> {
    match growth {
        Growth::Split { width, .. }
        | Growth::Aki { width }
        | Growth::ZeroWidth { width, .. }
        | Growth::RandomWidth { width, .. }
        | Growth::Learned { width, .. } => Some(width),
        Growth::Stack { .. }
        | Growth::Interleave { .. }
        | Growth::Layers { .. }
        | Growth::Pattern { .. }
        | Growth::Middle { .. }
        | Growth::Lidas { .. }
        | Growth::Solar { .. }
        | Growth::Last { .. }
        | Growth::ZeroDepth { .. }
        | Growth::RandomDepth { .. }
        | Growth::Hyperclone { .. }
        | Growth::Noise { .. } => None,
    }
}

fn grows_key_value_heads(growth: &Growth) -> bool {
    matches!(growth, Growth::Hyperclone { .. })
        || width_of(growth).is_some_and(|width| width.num_key_value_heads.is_some())
}

/// Half of the sizes that a growth leads to, as a recipe has them.
fn half_as_wide(grown: &LlamaConfig, width: &Width) -> String {
    let sizes = [
        ("hidden_size", width.hidden_size, grown.hidden_size),
        ("intermediate_size", width.intermediate_size, grown.intermediate_size),
        ("num_attention_heads", width.num_attention_heads, grown.num_attention_heads),
        ("num_key_value_heads", width.num_key_value_heads, grown.num_key_value_heads),
    ];
    let named = sizes.iter().filter(|(_, named, size)| named.is_some() && *size > 1);
    let halves: Vec<String> = named.map(|(key, _, size)| format!("{key} = {}", size / 2)).collect();
    if halves.is_empty() {
        return format!("base = {{ hidden_size = {} }}", grown.hidden_size / 2);
    }
    format!("base = {{ {} }}", halves.join(", "))
}

/// The model with another depth.
pub(super) fn with_layers(
    model: &LlamaConfig,
    num_hidden_layers: usize,
) -> Result<LlamaConfig, ScheduleError> {
    model.with(|fields| fields.num_hidden_layers = num_hidden_layers).map_err(ScheduleError::Model)
}

/// What a growth makes `grown` of, where it says so.
fn before(growth: &Growth, grown: &LlamaConfig) -> Result<LlamaConfig, ScheduleError> {
    let layers = grown.num_hidden_layers;
    let unsaid = |example| ScheduleError::NoBase { operator: growth.name(), example };
    let deep = || unsaid(format!("base = {{ num_hidden_layers = {} }}", (layers / 2).max(1)));
    match growth {
        Growth::Stack { factor }
        | Growth::Interleave { factor }
        | Growth::Last { depth: Depth::Factor(factor) }
        | Growth::ZeroDepth { depth: Depth::Factor(factor), .. }
        | Growth::RandomDepth { depth: Depth::Factor(factor), .. } => {
            with_layers(grown, part(layers, *factor, "num_hidden_layers")?)
        }
        Growth::Learned { depth: Some(Depth::Factor(factor)), width, .. } if *width == Width::default() => {
            with_layers(grown, part(layers, *factor, "num_hidden_layers")?)
        }
        Growth::Middle { block_layers } | Growth::Lidas { block_layers } if *block_layers < layers => {
            with_layers(grown, layers - block_layers)
        }
        Growth::Solar { drop_layers } if layers.is_multiple_of(2) => {
            with_layers(grown, layers / 2 + drop_layers)
        }
        Growth::Hyperclone { factor } => {
            let hidden_size = part(grown.hidden_size, *factor, "hidden_size")?;
            let intermediate_size = part(grown.intermediate_size, *factor, "intermediate_size")?;
            let heads = part(grown.num_attention_heads, *factor, "num_attention_heads")?;
            let key_value_heads = part(grown.num_key_value_heads, *factor, "num_key_value_heads")?;
            let base = grown.with(|fields| {
                fields.hidden_size = hidden_size;
                fields.intermediate_size = intermediate_size;
                fields.num_attention_heads = heads;
                fields.num_key_value_heads = key_value_heads;
            });
            base.map_err(ScheduleError::Model)
        }
        Growth::Noise { .. } => Ok(grown.clone()),
        Growth::Middle { .. }
        | Growth::Lidas { .. }
        | Growth::Solar { .. }
        | Growth::Layers { .. }
        | Growth::Pattern { .. }
        | Growth::Last { .. }
        | Growth::ZeroDepth { .. }
        | Growth::RandomDepth { .. } => Err(deep()),
        Growth::Learned { width, .. } if *width == Width::default() => Err(deep()),
        Growth::Learned { width, .. }
        | Growth::Split { width, .. }
        | Growth::Aki { width }
        | Growth::ZeroWidth { width, .. }
        | Growth::RandomWidth { width, .. } => Err(unsaid(half_as_wide(grown, width))),
    }
}

/// A `factor`-th of a size of the target.
fn part(size: usize, factor: usize, key: &'static str) -> Result<usize, ScheduleError> {
    if factor == 0 || !size.is_multiple_of(factor) {
        return Err(ScheduleError::Factor { factor, key, size });
    }
    Ok(size / factor)
}
