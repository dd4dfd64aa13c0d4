//! A mask that opens in training: how (`MaskRamp`, in a recipe), and what it is over and where it stands when
//! (`GrowthMask`, of a planned growth). What a mask does to tensors is outgrow-operators'.

use std::fmt;

use outgrow_operators::plan::{MaskValues, MaskedUnits};
use serde::{Deserialize, Serialize};

/// How a mask opens, by tokens of the stage that it begins (arXiv 2405.15319, A.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskRamp {
    /// Tokens over which the mask opens, evenly from 0 to 1. One after another, each kind of units takes so many.
    pub tokens: u64,
    /// Which kinds of units are let in when.
    #[serde(default)]
    pub order: MaskOrder,
}

/// Which kinds of units a mask lets in when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskOrder {
    /// All at once.
    #[default]
    Together,
    /// Neurons, then layers, then channels of the residual stream, then heads: the order of MSG, which the code
    /// released with arXiv 2405.15319 has too. Kinds that don't grow are left out.
    OneAfterAnother,
}

impl MaskOrder {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Together, Self::OneAfterAnother];
}

impl fmt::Display for MaskOrder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Together => "together",
            Self::OneAfterAnother => "one-after-another",
        })
    }
}

impl fmt::Display for MaskRamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.order {
            MaskOrder::Together => write!(formatter, "mask over {} tokens", self.tokens),
            MaskOrder::OneAfterAnother => write!(formatter, "masks over {} tokens each", self.tokens),
        }
    }
}

/// The mask of a growth: what it is over, and how it opens.
#[derive(Clone, Debug, PartialEq)]
pub struct GrowthMask {
    ramp: MaskRamp,
    units: MaskedUnits,
}

/// Kinds of units, in the order in which they are let in one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Neurons,
    Layers,
    Hidden,
    Heads,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Neurons, Self::Layers, Self::Hidden, Self::Heads];

    fn masked(self, units: &MaskedUnits) -> &[[usize; 2]] {
        match self {
            Self::Neurons => &units.intermediate_size,
            Self::Layers => &units.layers,
            Self::Hidden => &units.hidden_size,
            Self::Heads => &units.num_attention_heads,
        }
    }

    fn value(self, values: &mut MaskValues) -> &mut f64 {
        match self {
            Self::Neurons => &mut values.intermediate_size,
            Self::Layers => &mut values.layers,
            Self::Hidden => &mut values.hidden_size,
            Self::Heads => &mut values.num_attention_heads,
        }
    }
}

impl GrowthMask {
    /// Opens these units, of which there are some.
    pub(crate) fn new(ramp: MaskRamp, units: MaskedUnits) -> Self {
        Self { ramp, units }
    }

    /// How it opens.
    pub fn ramp(&self) -> MaskRamp {
        self.ramp
    }

    /// What it is over.
    pub fn units(&self) -> &MaskedUnits {
        &self.units
    }

    /// Tokens of the stage after which all is let in.
    pub fn tokens(&self) -> u64 {
        self.ramp.tokens.saturating_mul(self.kinds())
    }

    /// Kinds of units that are let in one after another; 1 where all are let in together.
    pub(crate) fn kinds(&self) -> u64 {
        self.steps().len() as u64
    }

    /// How far everything is let in after so many tokens of the stage; `None` once all is. A step is computed with what
    /// holds before it, so the first one at 0.
    pub fn at(&self, stage_tokens: u64) -> Option<MaskValues> {
        if stage_tokens >= self.tokens() {
            return None;
        }
        let steps = self.steps();
        let [_] = &steps[..] else {
            return Some(self.one_after_another(&steps, stage_tokens));
        };
        Some(MaskValues::all(stage_tokens as f64 / self.ramp.tokens as f64))
    }

    fn one_after_another(&self, steps: &[Vec<Kind>], stage_tokens: u64) -> MaskValues {
        let mut values = MaskValues::all(1.0);
        for (index, kinds) in steps.iter().enumerate() {
            let begun = stage_tokens.saturating_sub(self.ramp.tokens.saturating_mul(index as u64));
            for kind in kinds {
                *kind.value(&mut values) = (begun as f64 / self.ramp.tokens as f64).min(1.0);
            }
        }
        values
    }

    /// The kinds that are let in together, one step after the other.
    fn steps(&self) -> Vec<Vec<Kind>> {
        let masked = Kind::ALL.into_iter().filter(|kind| !kind.masked(&self.units).is_empty());
        match self.ramp.order {
            MaskOrder::Together => vec![masked.collect()],
            MaskOrder::OneAfterAnother => masked.map(|kind| vec![kind]).collect(),
        }
    }
}
