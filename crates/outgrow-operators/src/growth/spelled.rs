//! A growth as recipes spell it, before what it says has been put together: a depth is layers or a factor, and `zero`
//! and `random` take an axis. What is written, [`Growth`] writes itself.

use serde::{Deserialize, Serialize, Serializer};

use crate::growth::{
    Axis, Depth, Growth, MatricesFile, Mix, Operator, ParameterError, Parameters, Placement, Width,
};

/// As [`Growth`], field by field as recipes have them.
#[derive(Deserialize)]
#[serde(tag = "operator", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Spelled {
    Stack {
        factor: usize,
    },
    Interleave {
        factor: usize,
    },
    Layers {
        layers: Vec<usize>,
    },
    Pattern {
        pattern: String,
    },
    Middle {
        block_layers: usize,
    },
    Lidas {
        block_layers: usize,
    },
    Solar {
        drop_layers: usize,
    },
    Last {
        num_hidden_layers: Option<usize>,
        factor: Option<usize>,
    },
    ZeroDepth {
        num_hidden_layers: Option<usize>,
        factor: Option<usize>,
        #[serde(default)]
        placement: Placement,
    },
    RandomDepth {
        num_hidden_layers: Option<usize>,
        factor: Option<usize>,
        seed: u64,
    },
    Split {
        width: Width,
        share: Option<f64>,
    },
    Hyperclone {
        factor: usize,
    },
    Aki {
        width: Width,
    },
    ZeroWidth {
        width: Width,
        seed: u64,
    },
    RandomWidth {
        width: Width,
        seed: u64,
    },
    Learned {
        num_hidden_layers: Option<usize>,
        factor: Option<usize>,
        #[serde(default)]
        width: Width,
        matrices: Option<MatricesFile>,
        #[serde(default)]
        seed: u64,
    },
    Noise {
        amount: f64,
        #[serde(default)]
        mix: Mix,
        seed: u64,
    },
    Zero {
        axis: Option<Axis>,
        num_hidden_layers: Option<usize>,
        factor: Option<usize>,
        placement: Option<Placement>,
        #[serde(default)]
        width: Width,
        seed: Option<u64>,
    },
    Random {
        axis: Option<Axis>,
        num_hidden_layers: Option<usize>,
        factor: Option<usize>,
        #[serde(default)]
        width: Width,
        seed: Option<u64>,
    },
}

impl TryFrom<Spelled> for Growth {
    type Error = String;

    fn try_from(spelled: Spelled) -> Result<Self, String> {
        Ok(match spelled {
            Spelled::Stack { factor } => Self::Stack { factor },
            Spelled::Interleave { factor } => Self::Interleave { factor },
            Spelled::Layers { layers } => Self::Layers { layers },
            Spelled::Pattern { pattern } => Self::Pattern { pattern },
            Spelled::Middle { block_layers } => Self::Middle { block_layers },
            Spelled::Lidas { block_layers } => Self::Lidas { block_layers },
            Spelled::Solar { drop_layers } => Self::Solar { drop_layers },
            Spelled::Last { num_hidden_layers, factor } => {
                Self::Last { depth: needed_depth(num_hidden_layers, factor)? }
            }
            Spelled::ZeroDepth { num_hidden_layers, factor, placement } => {
                Self::ZeroDepth { depth: needed_depth(num_hidden_layers, factor)?, placement }
            }
            Spelled::RandomDepth { num_hidden_layers, factor, seed } => {
                Self::RandomDepth { depth: needed_depth(num_hidden_layers, factor)?, seed }
            }
            Spelled::Split { width, share } => Self::Split { width, share },
            Spelled::Hyperclone { factor } => Self::Hyperclone { factor },
            Spelled::Aki { width } => Self::Aki { width },
            Spelled::ZeroWidth { width, seed } => Self::ZeroWidth { width, seed },
            Spelled::RandomWidth { width, seed } => Self::RandomWidth { width, seed },
            Spelled::Learned { num_hidden_layers, factor, width, matrices, seed } => {
                Self::Learned { depth: depth(num_hidden_layers, factor)?, width, matrices, seed }
            }
            Spelled::Noise { amount, mix, seed } => Self::Noise { amount, mix, seed },
            Spelled::Zero { axis, num_hidden_layers, factor, placement, width, seed } => {
                let depth = Parameters { factor, num_hidden_layers, placement, ..Parameters::default() };
                named(Operator::Zero, axis, Parameters { width, seed, ..depth })?
            }
            Spelled::Random { axis, num_hidden_layers, factor, width, seed } => {
                let depth = Parameters { factor, num_hidden_layers, ..Parameters::default() };
                named(Operator::Random, axis, Parameters { width, seed, ..depth })?
            }
        })
    }
}

fn named(operator: Operator, axis: Option<Axis>, parameters: Parameters) -> Result<Growth, String> {
    depth(parameters.num_hidden_layers, parameters.factor)?;
    Growth::named(operator, axis, parameters).map_err(|error| match error {
        ParameterError::Missing { parameter } => missing(parameter),
        // One at a time, as of every field that isn't known.
        ParameterError::Unused { operator, parameters } => {
            let first = parameters.first().copied().unwrap_or_default();
            let field = if first.ends_with("_size") || first.ends_with("_heads") { "width" } else { first };
            format!("unknown field `{field}`: `{operator}` has no use for it on this axis")
        }
        other => other.to_string(),
    })
}

fn depth(num_hidden_layers: Option<usize>, factor: Option<usize>) -> Result<Option<Depth>, String> {
    match (num_hidden_layers, factor) {
        (Some(_), Some(_)) => {
            Err("num_hidden_layers and factor both say the depth; expected one of them".into())
        }
        (Some(layers), None) => Ok(Some(Depth::Layers(layers))),
        (None, Some(factor)) => Ok(Some(Depth::Factor(factor))),
        (None, None) => Ok(None),
    }
}

fn needed_depth(num_hidden_layers: Option<usize>, factor: Option<usize>) -> Result<Depth, String> {
    depth(num_hidden_layers, factor)?.ok_or_else(|| missing("num_hidden_layers"))
}

/// As it is said of fields that are always needed.
fn missing(field: &str) -> String {
    match field {
        "num_hidden_layers" => "missing field `num_hidden_layers` or `factor`".to_owned(),
        field => format!("missing field `{field}`"),
    }
}

/// A depth that may be left out is written as a number of layers that is none.
#[expect(clippy::ref_option, reason = "serde asks for it")]
pub(super) fn optional_depth<S: Serializer>(depth: &Option<Depth>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Unsaid {
        num_hidden_layers: Option<usize>,
    }
    match depth {
        Some(depth) => depth.serialize(serializer),
        None => Unsaid { num_hidden_layers: None }.serialize(serializer),
    }
}
