//! Whether a growth leaves the function of the model as it was: a promise that each operator makes, and that its test
//! holds it to.

use std::fmt;

use outgrow_checkpoint::LlamaConfig;
use serde::{Deserialize, Serialize};

use crate::plan::{depth::LayerOrigin, widen::Style, width::WidthMaps};

/// What the grown model computes, compared with its source; to the rounding of the stored type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preservation {
    /// Something else.
    None,
    /// The same while the mask of what is new is 0.
    AtMaskZero,
    /// The same.
    Exact,
}

impl Preservation {
    /// Of two growths, one after the other.
    pub(crate) fn and(self, other: Self) -> Self {
        self.min(other)
    }

    pub(crate) fn of_layers(source_layers: usize, layers: &[LayerOrigin]) -> Self {
        let copies = layers.iter().filter_map(|layer| match layer {
            LayerOrigin::Copy(source) => Some(*source),
            LayerOrigin::Identity(_) | LayerOrigin::Fresh => None,
        });
        if !copies.eq(0..source_layers) {
            Self::None
        } else if layers.contains(&LayerOrigin::Fresh) {
            Self::AtMaskZero
        } else {
            Self::Exact
        }
    }

    pub(crate) fn of_width(
        source: &LlamaConfig,
        target: &LlamaConfig,
        maps: &WidthMaps,
        style: Style,
    ) -> Self {
        if source == target {
            return Self::Exact;
        }
        match style {
            // Nothing is above a single layer.
            Style::Above if source.num_hidden_layers > 1 => Self::None,
            // RMSNorm's mean square is the same only where every channel occurs equally often.
            Style::Split { .. } | Style::Above if maps.hidden.is_even() => Self::Exact,
            Style::Split { .. } | Style::Above => Self::None,
            Style::Zero { .. } => Self::Exact,
            Style::Random { .. } => Self::AtMaskZero,
        }
    }
}

impl fmt::Display for Preservation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "not preserved",
            Self::AtMaskZero => "preserved while the mask of the new parts is 0",
            Self::Exact => "preserved",
        })
    }
}
