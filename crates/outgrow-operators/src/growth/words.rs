//! A growth in a few words, for tables and model cards. Nothing reads it back.

use std::fmt;

use crate::growth::{Depth, Growth, Mix, Placement, Width};

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stack { factor } => write!(f, "stack × {factor}"),
            Self::Interleave { factor } => write!(f, "interleave × {factor}"),
            Self::Layers { layers } => {
                write!(f, "layers {}", layers.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
            }
            Self::Pattern { pattern } => write!(f, "pattern {pattern}"),
            Self::Middle { block_layers } => write!(f, "middle block of {block_layers}"),
            Self::Lidas { block_layers } => write!(f, "lidas, blocks of {block_layers}"),
            Self::Solar { drop_layers } => write!(f, "solar without {drop_layers}"),
            Self::Last { depth } => write!(f, "last{depth}"),
            Self::ZeroDepth { depth, placement } => {
                let place = match placement {
                    Placement::Interleaved => "interleaved",
                    Placement::Top => "on top",
                };
                write!(f, "zero{depth}, {place}")
            }
            Self::RandomDepth { depth, .. } => write!(f, "random{depth}"),
            Self::Split { width, share: None } => write!(f, "split{width}"),
            Self::Split { width, share: Some(share) } => write!(f, "split{width}, share {share}"),
            Self::Hyperclone { factor } => write!(f, "hyperclone × {factor}"),
            Self::Aki { width } => write!(f, "aki{width}"),
            Self::ZeroWidth { width, .. } => write!(f, "zero{width}"),
            Self::RandomWidth { width, .. } => write!(f, "random{width}"),
            Self::Learned { depth, width, matrices, .. } => {
                let origin = if matrices.is_some() { "learned" } else { "learned, initial" };
                write!(f, "{origin}{width}")?;
                depth.map_or(Ok(()), |depth| write!(f, "{depth}"))
            }
            Self::Noise { amount, mix: Mix::Linear, .. } => write!(f, "noise {amount}"),
            Self::Noise { amount, mix: Mix::VariancePreserving, .. } => {
                write!(f, "noise {amount}, variance preserved")
            }
        }
    }
}

/// As it stands behind an operator.
impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layers(layers) => write!(f, ", to {layers} layers"),
            Self::Factor(factor) => write!(f, " × {factor}"),
        }
    }
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = [
            ("hidden", self.hidden_size),
            ("intermediate", self.intermediate_size),
            ("heads", self.num_attention_heads),
            ("key-value heads", self.num_key_value_heads),
        ];
        for (index, (name, size)) in
            sizes.iter().filter_map(|(name, size)| Some((name, (*size)?))).enumerate()
        {
            write!(f, "{} {size} {name}", if index == 0 { " to" } else { "," })?;
        }
        Ok(())
    }
}
