//! The words of operators and axes, and what each operator takes: the vocabulary that recipes and the command line
//! share. Values are not known here.

use serde::Serialize;

use crate::growth::closed_set::closed_set;

/// An operator by its word. `zero` and `random` grow in depth unless an axis says otherwise; `zero-depth` and the like
/// say it themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operator {
    /// [`Growth::Stack`](crate::Growth::Stack).
    Stack,
    /// [`Growth::Interleave`](crate::Growth::Interleave).
    Interleave,
    /// [`Growth::Middle`](crate::Growth::Middle).
    Middle,
    /// [`Growth::Lidas`](crate::Growth::Lidas).
    Lidas,
    /// [`Growth::Solar`](crate::Growth::Solar).
    Solar,
    /// [`Growth::Last`](crate::Growth::Last).
    Last,
    /// [`Growth::ZeroDepth`](crate::Growth::ZeroDepth) or [`Growth::ZeroWidth`](crate::Growth::ZeroWidth).
    Zero,
    /// [`Growth::RandomDepth`](crate::Growth::RandomDepth) or [`Growth::RandomWidth`](crate::Growth::RandomWidth).
    Random,
    /// [`Growth::Learned`](crate::Growth::Learned).
    Learned,
    /// [`Growth::Split`](crate::Growth::Split).
    Split,
    /// [`Growth::Hyperclone`](crate::Growth::Hyperclone).
    Hyperclone,
    /// [`Growth::Aki`](crate::Growth::Aki).
    Aki,
    /// [`Growth::ZeroDepth`](crate::Growth::ZeroDepth).
    ZeroDepth,
    /// [`Growth::ZeroWidth`](crate::Growth::ZeroWidth).
    ZeroWidth,
    /// [`Growth::RandomDepth`](crate::Growth::RandomDepth).
    RandomDepth,
    /// [`Growth::RandomWidth`](crate::Growth::RandomWidth).
    RandomWidth,
}

closed_set!(Operator, "operator", 16,
    Stack => "stack", Interleave => "interleave", Middle => "middle", Lidas => "lidas", Solar => "solar", Last => "last",
    Zero => "zero", Random => "random", Learned => "learned", Split => "split", Hyperclone => "hyperclone", Aki => "aki",
    ZeroDepth => "zero-depth", ZeroWidth => "zero-width", RandomDepth => "random-depth", RandomWidth => "random-width",
);

/// What becomes larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Axis {
    /// The number of layers.
    Depth,
    /// What each layer has: channels, neurons and heads.
    Width,
}

closed_set!(Axis, "axis", 2, Depth => "depth", Width => "width");

const DEPTH: [&str; 2] = ["num_hidden_layers", "factor"];
const SIZES: [&str; 4] = ["hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads"];

impl Operator {
    /// What it can grow; in depth, if it can do both and nothing is said.
    pub fn axes(self) -> &'static [Axis] {
        match self {
            Self::Stack
            | Self::Interleave
            | Self::Middle
            | Self::Lidas
            | Self::Solar
            | Self::Last
            | Self::ZeroDepth
            | Self::RandomDepth => &[Axis::Depth],
            Self::Split | Self::Hyperclone | Self::Aki | Self::ZeroWidth | Self::RandomWidth => {
                &[Axis::Width]
            }
            Self::Zero | Self::Random | Self::Learned => &[Axis::Depth, Axis::Width],
        }
    }

    /// Whether it has a use for a parameter when it grows an axis of its own.
    pub(crate) fn takes(self, axis: Axis, parameter: &str) -> bool {
        let (is_depth, is_size) = (DEPTH.contains(&parameter), SIZES.contains(&parameter));
        match (self, axis) {
            (Self::Stack | Self::Interleave | Self::Hyperclone, _) => parameter == "factor",
            (Self::Middle | Self::Lidas, _) => parameter == "block_layers",
            (Self::Solar, _) => parameter == "drop_layers",
            (Self::Last, _) => is_depth,
            (Self::Zero, Axis::Depth) | (Self::ZeroDepth, _) => is_depth || parameter == "placement",
            (Self::Random, Axis::Depth) | (Self::RandomDepth, _) => is_depth || parameter == "seed",
            (Self::Zero | Self::Random, Axis::Width) | (Self::ZeroWidth | Self::RandomWidth, _) => {
                is_size || parameter == "seed"
            }
            (Self::Split, _) => is_size || parameter == "share",
            (Self::Aki, _) => is_size,
            (Self::Learned, Axis::Depth) => is_depth || ["matrices", "seed"].contains(&parameter),
            (Self::Learned, Axis::Width) => is_size || ["matrices", "seed"].contains(&parameter),
        }
    }
}
