//! A growth from an operator's word, an axis and parameters: the vocabulary that recipes and the command line share.
//! How a parameter is spelt on a command line is not known here.

use serde::Deserialize;

use crate::growth::{Depth, Growth, MatricesFile, Placement, Width, closed_set::closed_set};

/// An operator by its word. `zero` and `random` grow in depth unless an axis says otherwise; `zero-depth` and the like
/// say it themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// [`Growth::Stack`].
    Stack,
    /// [`Growth::Interleave`].
    Interleave,
    /// [`Growth::Middle`].
    Middle,
    /// [`Growth::Lidas`].
    Lidas,
    /// [`Growth::Solar`].
    Solar,
    /// [`Growth::Last`].
    Last,
    /// [`Growth::ZeroDepth`] or [`Growth::ZeroWidth`].
    Zero,
    /// [`Growth::RandomDepth`] or [`Growth::RandomWidth`].
    Random,
    /// [`Growth::Learned`].
    Learned,
    /// [`Growth::Split`].
    Split,
    /// [`Growth::Hyperclone`].
    Hyperclone,
    /// [`Growth::Aki`].
    Aki,
    /// [`Growth::ZeroDepth`].
    ZeroDepth,
    /// [`Growth::ZeroWidth`].
    ZeroWidth,
    /// [`Growth::RandomDepth`].
    RandomDepth,
    /// [`Growth::RandomWidth`].
    RandomWidth,
}

closed_set!(Operator, "operator", 16,
    Stack => "stack", Interleave => "interleave", Middle => "middle", Lidas => "lidas", Solar => "solar", Last => "last",
    Zero => "zero", Random => "random", Learned => "learned", Split => "split", Hyperclone => "hyperclone", Aki => "aki",
    ZeroDepth => "zero-depth", ZeroWidth => "zero-width", RandomDepth => "random-depth", RandomWidth => "random-width",
);

/// What becomes larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// The number of layers.
    Depth,
    /// What each layer has: channels, neurons and heads.
    Width,
}

closed_set!(Axis, "axis", 2, Depth => "depth", Width => "width");

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
    #[error("`num_hidden_layers` and `factor` both say the depth; expected one of them")]
    DepthTwice,
    /// Parameters that it has no use for.
    #[error("`{operator}` has no use for {}", .parameters.join(", "))]
    Unused {
        /// The operator.
        operator: Operator,
        /// The parameters, in the order of [`Parameters`].
        parameters: Vec<&'static str>,
    },
}

impl ParameterError {
    /// Whether what the user gave is at fault and can be mended: always.
    pub fn is_input(&self) -> bool {
        true
    }

    /// Whether a disk is full: never.
    pub fn is_disk_full(&self) -> bool {
        false
    }
}

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
    /// An axis that the operator doesn't have, a parameter that is missing, or all that it has no use for.
    pub fn named(
        operator: Operator,
        axis: Option<Axis>,
        mut given: Parameters,
    ) -> Result<Self, ParameterError> {
        let on = |home: Axis| match axis {
            Some(axis) if axis != home => Err(ParameterError::Axis { operator, only: home }),
            _ => Ok(()),
        };
        let growth = match (operator, axis.unwrap_or(Axis::Depth)) {
            (Operator::Stack, _) => {
                on(Axis::Depth)?;
                Self::Stack { factor: needed(&mut given.factor, "factor")? }
            }
            (Operator::Interleave, _) => {
                on(Axis::Depth)?;
                Self::Interleave { factor: needed(&mut given.factor, "factor")? }
            }
            (Operator::Middle, _) => {
                on(Axis::Depth)?;
                Self::Middle { block_layers: needed(&mut given.block_layers, "block_layers")? }
            }
            (Operator::Lidas, _) => {
                on(Axis::Depth)?;
                Self::Lidas { block_layers: needed(&mut given.block_layers, "block_layers")? }
            }
            (Operator::Solar, _) => {
                on(Axis::Depth)?;
                Self::Solar { drop_layers: needed(&mut given.drop_layers, "drop_layers")? }
            }
            (Operator::Last, _) => {
                on(Axis::Depth)?;
                Self::Last { depth: given.needed_depth()? }
            }
            (Operator::Zero, Axis::Depth) | (Operator::ZeroDepth, _) => {
                on(Axis::Depth)?;
                let placement = given.placement.take().unwrap_or_default();
                Self::ZeroDepth { depth: given.needed_depth()?, placement }
            }
            (Operator::Random, Axis::Depth) | (Operator::RandomDepth, _) => {
                on(Axis::Depth)?;
                Self::RandomDepth { depth: given.needed_depth()?, seed: given.take_seed() }
            }
            (Operator::Zero, Axis::Width) | (Operator::ZeroWidth, _) => {
                on(Axis::Width)?;
                Self::ZeroWidth { width: given.needed_width()?, seed: given.take_seed() }
            }
            (Operator::Random, Axis::Width) | (Operator::RandomWidth, _) => {
                on(Axis::Width)?;
                Self::RandomWidth { width: given.needed_width()?, seed: given.take_seed() }
            }
            (Operator::Split, _) => {
                on(Axis::Width)?;
                Self::Split { width: given.needed_width()?, share: given.share.take() }
            }
            (Operator::Hyperclone, _) => {
                on(Axis::Width)?;
                Self::Hyperclone { factor: needed(&mut given.factor, "factor")? }
            }
            (Operator::Aki, _) => {
                on(Axis::Width)?;
                Self::Aki { width: given.needed_width()? }
            }
            // Without an axis it may grow on both; with one, what is left is of no use.
            (Operator::Learned, _) => Self::Learned {
                depth: if axis == Some(Axis::Width) { None } else { given.take_depth()? },
                width: if axis == Some(Axis::Depth) {
                    Width::default()
                } else {
                    std::mem::take(&mut given.width)
                },
                matrices: given.matrices.take(),
                seed: given.take_seed(),
            },
        };
        match given.left() {
            parameters if parameters.is_empty() => Ok(growth),
            parameters => Err(ParameterError::Unused { operator, parameters }),
        }
    }
}

impl Parameters {
    /// A number of layers or a factor.
    fn take_depth(&mut self) -> Result<Option<Depth>, ParameterError> {
        match (self.num_hidden_layers.take(), self.factor.take()) {
            (Some(_), Some(_)) => Err(ParameterError::DepthTwice),
            (layers, factor) => Ok(layers.map(Depth::Layers).or(factor.map(Depth::Factor))),
        }
    }

    fn needed_depth(&mut self) -> Result<Depth, ParameterError> {
        self.take_depth()?.ok_or(ParameterError::Missing { parameter: "num_hidden_layers" })
    }

    fn needed_width(&mut self) -> Result<Width, ParameterError> {
        match std::mem::take(&mut self.width) {
            width if width == Width::default() => Err(ParameterError::Missing { parameter: "width" }),
            width => Ok(width),
        }
    }

    fn take_seed(&mut self) -> u64 {
        self.seed.take().unwrap_or(0)
    }

    /// Those that nothing has taken.
    fn left(&self) -> Vec<&'static str> {
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

fn needed<T>(parameter: &mut Option<T>, name: &'static str) -> Result<T, ParameterError> {
    parameter.take().ok_or(ParameterError::Missing { parameter: name })
}
