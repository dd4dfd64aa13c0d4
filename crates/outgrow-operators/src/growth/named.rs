//! A growth from an operator's word, an axis and parameters: the vocabulary that recipes and the command line share.
//! How a parameter is spelt on a command line is not known here.

use std::fmt;

use crate::growth::{Axis, Depth, Growth, MatricesFile, Operator, Placement, Width};

/// What an operator may be told; each has a use for some of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    /// How many times as large.
    pub factor: Option<usize>,
    /// Layers of a block.
    pub block_layers: Option<usize>,
    /// Layers that each copy leaves out.
    pub drop_layers: Option<usize>,
    /// Layers of the grown model.
    pub num_hidden_layers: Option<usize>,
    /// Where identity layers stand.
    pub placement: Option<Placement>,
    /// Sizes of the grown model.
    pub width: Width,
    /// The part of a weight that the first copy of a channel gets.
    pub share: Option<f64>,
    /// Trained matrices.
    pub matrices: Option<MatricesFile>,
    /// Seeds what is drawn; 0 without it.
    pub seed: Option<u64>,
}

/// Why a word and parameters are no growth. Parameters are named as in [`Parameters`], and sizes as in [`Width`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterError {
    /// An axis that the operator doesn't grow.
    #[error("`{operator}` has no other axis than {only}")]
    Axis {
        /// The operator.
        operator: Operator,
        /// What it grows.
        only: Axis,
    },
    /// A parameter that it needs; `width` where any size will do.
    #[error("`{parameter}` is missing")]
    Missing {
        /// The parameter.
        parameter: &'static str,
    },
    /// The depth is said in two ways.
    #[error("`num_hidden_layers` and `factor` both say the depth; give one of them")]
    DepthTwice,
    /// Parameters that it has no use for.
    #[error("`{operator}` has no use for {}", .parameters.join(", "))]
    Unused {
        /// The operator.
        operator: Operator,
        /// What it is to grow, where it could grow another axis as well.
        grows: Option<Axis>,
        /// The parameters, in the order of [`Parameters`].
        parameters: Vec<&'static str>,
    },
}

impl ParameterError {
    /// The axis on which all parameters that are of no use would be of some.
    pub fn other_axis(&self) -> Option<Axis> {
        match self {
            Self::Unused { operator, grows: Some(grows), parameters } => {
                let other = operator.axes().iter().find(|axis| *axis != grows)?;
                parameters.iter().all(|parameter| operator.takes(*other, parameter)).then_some(*other)
            }
            Self::Unused { .. } | Self::Axis { .. } | Self::Missing { .. } | Self::DepthTwice => None,
        }
    }

    /// Whether what the user gave is at fault and can be mended: always.
    pub fn is_input(&self) -> bool {
        true
    }

    /// Whether a disk is full: never.
    pub fn is_disk_full(&self) -> bool {
        false
    }
}

/// All that keeps a word and parameters from being a growth; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterErrors(Vec<ParameterError>);

impl ParameterErrors {
    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, ParameterError> {
        self.0.iter()
    }

    /// Whether what the user gave is at fault and can be mended: always.
    pub fn is_input(&self) -> bool {
        true
    }

    /// Whether a disk is full: never.
    pub fn is_disk_full(&self) -> bool {
        false
    }
}

impl<'a> IntoIterator for &'a ParameterErrors {
    type Item = &'a ParameterError;
    type IntoIter = std::slice::Iter<'a, ParameterError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ParameterErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.iter().map(ToString::to_string).collect();
        f.write_str(&all.join("; "))
    }
}

impl std::error::Error for ParameterErrors {}

impl Growth {
    /// The growth that an operator makes of its parameters.
    ///
    /// ```
    /// use outgrow_operators::{Axis, Depth, Growth, Operator, Parameters};
    ///
    /// let parameters = Parameters { factor: Some(2), ..Parameters::default() };
    /// let growth = Growth::named("zero".parse()?, Some(Axis::Depth), parameters.clone())?;
    /// assert!(matches!(growth, Growth::ZeroDepth { depth: Depth::Factor(2), .. }));
    /// assert_eq!(Growth::named(Operator::ZeroDepth, None, parameters)?, growth);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// An axis that the operator doesn't have; else every parameter that is missing and all that it has no use for.
    pub fn named(operator: Operator, axis: Option<Axis>, given: Parameters) -> Result<Self, ParameterErrors> {
        let all = operator.axes();
        let grows = match axis {
            Some(axis) if all.contains(&axis) => vec![axis],
            Some(_) => return Err(ParameterErrors(vec![ParameterError::Axis { operator, only: all[0] }])),
            // Without an axis it may grow on both.
            None if operator == Operator::Learned => all.to_vec(),
            None => vec![all[0]],
        };
        let mut errors = Vec::new();
        let is_unused = |parameter: &&str| !grows.iter().any(|axis| operator.takes(*axis, parameter));
        let parameters: Vec<&'static str> = given.given().into_iter().filter(is_unused).collect();
        if !parameters.is_empty() {
            let is_choice = all.len() > grows.len();
            let grows = grows.first().copied().filter(|_| is_choice);
            errors.push(ParameterError::Unused { operator, grows, parameters });
        }
        match built(operator, grows[0], given) {
            Ok(growth) if errors.is_empty() => Ok(growth),
            Ok(_) => Err(ParameterErrors(errors)),
            Err(error) => {
                errors.insert(0, error);
                Err(ParameterErrors(errors))
            }
        }
    }
}

/// What is made of the parameters that it takes; the others are passed over.
fn built(operator: Operator, axis: Axis, mut given: Parameters) -> Result<Growth, ParameterError> {
    let seed = given.take_seed();
    Ok(match (operator, axis) {
        (Operator::Stack, _) => Growth::Stack { factor: needed(given.factor, "factor")? },
        (Operator::Interleave, _) => Growth::Interleave { factor: needed(given.factor, "factor")? },
        (Operator::Middle, _) => Growth::Middle { block_layers: needed(given.block_layers, "block_layers")? },
        (Operator::Lidas, _) => Growth::Lidas { block_layers: needed(given.block_layers, "block_layers")? },
        (Operator::Solar, _) => Growth::Solar { drop_layers: needed(given.drop_layers, "drop_layers")? },
        (Operator::Last, _) => Growth::Last { depth: given.needed_depth()? },
        (Operator::Zero, Axis::Depth) | (Operator::ZeroDepth, _) => {
            let placement = given.placement.unwrap_or_default();
            Growth::ZeroDepth { depth: given.needed_depth()?, placement }
        }
        (Operator::Random, Axis::Depth) | (Operator::RandomDepth, _) => {
            Growth::RandomDepth { depth: given.needed_depth()?, seed }
        }
        (Operator::Zero, Axis::Width) | (Operator::ZeroWidth, _) => {
            Growth::ZeroWidth { width: given.needed_width()?, seed }
        }
        (Operator::Random, Axis::Width) | (Operator::RandomWidth, _) => {
            Growth::RandomWidth { width: given.needed_width()?, seed }
        }
        (Operator::Split, _) => Growth::Split { width: given.needed_width()?, share: given.share },
        (Operator::Hyperclone, _) => Growth::Hyperclone { factor: needed(given.factor, "factor")? },
        (Operator::Aki, _) => Growth::Aki { width: given.needed_width()? },
        (Operator::Learned, _) => {
            Growth::Learned { depth: given.depth()?, width: given.width, matrices: given.matrices, seed }
        }
    })
}

impl Parameters {
    /// A number of layers or a factor.
    fn depth(&self) -> Result<Option<Depth>, ParameterError> {
        match (self.num_hidden_layers, self.factor) {
            (Some(_), Some(_)) => Err(ParameterError::DepthTwice),
            (layers, factor) => Ok(layers.map(Depth::Layers).or(factor.map(Depth::Factor))),
        }
    }

    fn needed_depth(&self) -> Result<Depth, ParameterError> {
        needed(self.depth()?, "num_hidden_layers")
    }

    fn needed_width(&self) -> Result<Width, ParameterError> {
        needed(Some(self.width).filter(|width| *width != Width::default()), "width")
    }

    pub(super) fn take_seed(&mut self) -> u64 {
        self.seed.take().unwrap_or(0)
    }

    /// Those that are given.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let Width { hidden_size, intermediate_size, num_attention_heads, num_key_value_heads } = self.width;
        let all = [
            ("factor", self.factor.is_some()),
            ("block_layers", self.block_layers.is_some()),
            ("drop_layers", self.drop_layers.is_some()),
            ("num_hidden_layers", self.num_hidden_layers.is_some()),
            ("placement", self.placement.is_some()),
            ("hidden_size", hidden_size.is_some()),
            ("intermediate_size", intermediate_size.is_some()),
            ("num_attention_heads", num_attention_heads.is_some()),
            ("num_key_value_heads", num_key_value_heads.is_some()),
            ("share", self.share.is_some()),
            ("matrices", self.matrices.is_some()),
            ("seed", self.seed.is_some()),
        ];
        all.iter().filter(|(_, is_left)| *is_left).map(|(name, _)| *name).collect()
    }
}

fn needed<T>(parameter: Option<T>, name: &'static str) -> Result<T, ParameterError> {
    parameter.ok_or(ParameterError::Missing { parameter: name })
}
