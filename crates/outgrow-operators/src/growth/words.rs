//! A growth in a few words, for tables and model cards. Nothing reads it back.

use std::fmt;

use crate::growth::{Growth, Mix, Placement, Width};

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
            Self::Last { num_hidden_layers } => write!(f, "last, to {num_hidden_layers} layers"),
            Self::ZeroDepth { num_hidden_layers, placement } => {
                let place = match placement {
                    Placement::Interleaved => "interleaved",
                    Placement::Top => "on top",
                };
                write!(f, "zero, to {num_hidden_layers} layers, {place}")
            }
            Self::RandomDepth { num_hidden_layers, .. } => write!(f, "random, to {num_hidden_layers} layers"),
            Self::Split { width, share: None } => write!(f, "split{width}"),
            Self::Split { width, share: Some(share) } => write!(f, "split{width}, share {share}"),
            Self::Hyperclone { factor } => write!(f, "hyperclone × {factor}"),
            Self::Aki { width } => write!(f, "aki{width}"),
            Self::ZeroWidth { width, .. } => write!(f, "zero{width}"),
            Self::RandomWidth { width, .. } => write!(f, "random{width}"),
            Self::Learned { num_hidden_layers, width, matrices, .. } => {
                let origin = if matrices.is_some() { "learned" } else { "learned, initial" };
                write!(f, "{origin}{width}")?;
                num_hidden_layers.map_or(Ok(()), |layers| write!(f, ", to {layers} layers"))
            }
            Self::Noise { amount, mix: Mix::Linear, .. } => write!(f, "noise {amount}"),
            Self::Noise { amount, mix: Mix::VariancePreserving, .. } => {
                write!(f, "noise {amount}, variance preserved")
            }
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
