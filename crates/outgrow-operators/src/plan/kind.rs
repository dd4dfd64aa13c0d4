//! What kind of growth a growth is: one in depth, whose layers are decided here, or one that says something of every
//! channel or weight. It names no tensor.

use crate::{
    error::GrowthError,
    growth::{Growth, MatricesFile, Mix, Width},
    plan::{
        depth::{self, LayerOrigin},
        widen::Style,
    },
};

/// A growth by what has to be known of the source to plan it.
pub(crate) enum Kind<'a> {
    /// In depth: what each layer of the grown model is made of, from the bottom, and what seeds fresh ones.
    Depth { layers: Vec<LayerOrigin>, seed: u64 },
    /// In width.
    Width { size: Size<'a>, style: Style },
    /// In both, by matrices.
    Learned { num_hidden_layers: usize, width: &'a Width, matrices: Option<&'a MatricesFile>, seed: u64 },
    /// In neither.
    Noise { amount: f64, mix: Mix, seed: u64 },
}

/// How wide a grown model is.
pub(crate) enum Size<'a> {
    /// So wide.
    Of(&'a Width),
    /// So many times as wide as its source, in everything.
    Times(usize),
}

impl<'a> Kind<'a> {
    /// The kind of a growth, on a source of so many layers.
    ///
    /// # Errors
    /// A factor of 0, an empty list, layers that the source doesn't have (all of them are named), blocks that don't
    /// fit, more layers than any decoder has; a share or an amount that is none.
    pub(crate) fn of(source_layers: usize, growth: &'a Growth) -> Result<Self, GrowthError> {
        let layers = match growth {
            Growth::Stack { factor } => depth::stacked(source_layers, *factor),
            Growth::Interleave { factor } => depth::interleaved(source_layers, *factor),
            Growth::Layers { layers } => depth::listed(source_layers, layers),
            Growth::Pattern { pattern } => depth::by_pattern(source_layers, pattern),
            Growth::Middle { block_layers } => depth::middle(source_layers, *block_layers),
            Growth::Lidas { block_layers } => depth::lidas(source_layers, *block_layers),
            Growth::Solar { drop_layers } => depth::solar(source_layers, *drop_layers),
            Growth::Last { depth } => depth::last(source_layers, depth::layers(source_layers, *depth)?),
            Growth::ZeroDepth { depth, placement } => {
                depth::with_identities(source_layers, depth::layers(source_layers, *depth)?, *placement)
            }
            Growth::RandomDepth { depth, seed } => {
                let layers = depth::with_fresh(source_layers, depth::layers(source_layers, *depth)?)?;
                return Ok(Self::Depth { layers, seed: *seed });
            }
            Growth::Split { share: Some(share), .. } if !(*share > 0.0 && *share < 1.0) => {
                return Err(GrowthError::Share { share: *share });
            }
            Growth::Split { width, share } => return Ok(Self::wider(width, Style::Split { share: *share })),
            Growth::Hyperclone { factor: 0 } => return Err(GrowthError::FactorZero),
            Growth::Hyperclone { factor } => {
                return Ok(Self::Width { size: Size::Times(*factor), style: Style::Split { share: None } });
            }
            Growth::Aki { width } => return Ok(Self::wider(width, Style::Above)),
            Growth::ZeroWidth { width, seed } => return Ok(Self::wider(width, Style::Zero { seed: *seed })),
            Growth::RandomWidth { width, seed } => {
                return Ok(Self::wider(width, Style::Random { seed: *seed }));
            }
            Growth::Learned { depth, width, matrices, seed } => {
                let layers = depth.map(|depth| depth::layers(source_layers, depth)).transpose()?;
                let num_hidden_layers = layers.unwrap_or(source_layers);
                return Ok(Self::Learned {
                    num_hidden_layers,
                    width,
                    matrices: matrices.as_ref(),
                    seed: *seed,
                });
            }
            Growth::Noise { amount, .. } if !(0.0..=1.0).contains(amount) => {
                return Err(GrowthError::Noise { amount: *amount });
            }
            Growth::Noise { amount, mix, seed } => {
                return Ok(Self::Noise { amount: *amount, mix: *mix, seed: *seed });
            }
        };
        Ok(Self::Depth { layers: layers?, seed: 0 })
    }

    fn wider(width: &'a Width, style: Style) -> Self {
        Self::Width { size: Size::Of(width), style }
    }
}
