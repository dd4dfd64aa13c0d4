//! The moments of AdamW and of Muon, grown with the parameters: the same expressions over `….exp_avg`, `….exp_avg_sq`
//! and `….momentum_buffer`, under a policy. It knows nothing of how an optimizer uses them.

use std::{collections::BTreeSet, sync::Arc};

use outgrow_checkpoint::tensor_names::name_in_layer;
use serde::Serialize;

use crate::{
    error::GrowthError,
    growth::closed_set::closed_set,
    plan::origin::{Channel, Channels, Fill, Origin, PlannedTensor, Widening},
};

/// What becomes of an optimizer's moments when a model is grown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moments {
    /// They are gone: the optimizer starts anew, as in arXiv 2405.15319.
    #[default]
    Reset,
    /// Every copy has those of its source; fresh parameters start at zero.
    Copy,
    /// The first copy keeps those of its source, whatever is new starts at zero: copies then go different ways
    /// (arXiv 2602.02472).
    KeepOld,
    /// As `copy`, but divided as gradients are divided among copies: for a width of twice the size ½ for the first
    /// moments and ¼ for the second (arXiv 2203.06211).
    Scaled,
}

closed_set!(Moments, "policy for moments", 4, Reset => "reset", Copy => "copy", KeepOld => "keep-old", Scaled => "scaled");

/// What each moment of a grown model's optimizer is made of: see [`GrowthPlan::moments`](super::GrowthPlan::moments).
#[derive(Clone, Debug, PartialEq)]
pub struct MomentsPlan {
    tensors: Vec<PlannedTensor>,
}

impl MomentsPlan {
    /// # Errors
    /// As [`plan_moments`].
    pub(crate) fn new(tensors: &[PlannedTensor], policy: Moments) -> Result<Self, GrowthError> {
        Ok(Self { tensors: plan_moments(tensors, policy)? })
    }

    /// All that there can be, of whatever optimizer has the parameter; none under [`Moments::Reset`].
    pub fn tensors(&self) -> &[PlannedTensor] {
        &self.tensors
    }
}

const FIRST: &str = ".exp_avg";
const SECOND: &str = ".exp_avg_sq";
/// Muon's, a mean of gradients as AdamW's first moment is.
const MOMENTUM: &str = ".momentum_buffer";

/// What each moment of a grown model's optimizer is made of; nothing under [`Moments::Reset`].
///
/// # Errors
/// Tensors that are mixed from several of the source, as learned growth makes them: no rule gives their moments.
pub(crate) fn plan_moments(
    tensors: &[PlannedTensor],
    policy: Moments,
) -> Result<Vec<PlannedTensor>, GrowthError> {
    if policy == Moments::Reset {
        return Ok(Vec::new());
    }
    let mut kept = BTreeSet::new();
    let mut moments = Vec::with_capacity(3 * tensors.len());
    for tensor in tensors {
        let source = tensor.origin.first_source().filter(|_| !tensor.origin.is_silenced());
        let is_first = source.is_none_or(|source| kept.insert(source));
        for suffix in [FIRST, SECOND, MOMENTUM] {
            let rule = Rule { policy, suffix };
            let origin = if policy == Moments::KeepOld && !is_first {
                Some(Origin::zeros())
            } else {
                rule.moment(&tensor.origin)
            };
            let origin = origin.ok_or_else(|| GrowthError::NoMoments { name: tensor.name.clone() })?;
            moments.push(PlannedTensor {
                name: format!("{}{suffix}", tensor.name),
                shape: tensor.shape.clone(),
                origin,
            });
        }
    }
    Ok(moments)
}

/// Those moments whose sources are there: parameters that were frozen have none, and what is made of them has none
/// either. A moment that starts at zero is kept where the same parameter of some layer has it: which optimizer has a
/// parameter, its place in a layer decides.
pub(crate) fn with_sources<'a>(
    mut moments: Vec<PlannedTensor>,
    sources: impl IntoIterator<Item = &'a str>,
) -> Vec<PlannedTensor> {
    let sources: BTreeSet<&str> = sources.into_iter().collect();
    let places: BTreeSet<&str> = sources.iter().map(|name| name_in_layer(name)).collect();
    moments.retain(|tensor| {
        let (mut all, mut any) = (true, false);
        tensor.origin.visit_sources(&mut |name| (all, any) = (all && sources.contains(name), true));
        if any { all } else { places.contains(name_in_layer(&tensor.name)) }
    });
    moments
}

struct Rule {
    policy: Moments,
    suffix: &'static str,
}

impl Rule {
    /// The moment of a tensor that is made like this; `None` where no rule gives it.
    fn moment(&self, origin: &Origin) -> Option<Origin> {
        match origin {
            Origin::Copy { source } => Some(Origin::copy(format!("{source}{}", self.suffix))),
            Origin::Fresh(_) => Some(Origin::zeros()),
            Origin::Widened { of, widening } => {
                let of = self.moment(of)?;
                let [rows, columns] = [&widening.rows, &widening.columns]
                    .map(|side| side.as_ref().map(|side| self.channels(side)));
                let [new_columns, new_rows, corner] = [Fill::ZERO, Fill::ZERO, Fill::ZERO];
                Some(of.widened(Widening { rows, columns, new_columns, new_rows, corner }))
            }
            Origin::Sum { .. } if origin.is_silenced() => Some(Origin::zeros()),
            Origin::Sum { terms } => {
                // Noise has no moments, and a part of the weights keeps those it had.
                let mixed: Vec<_> =
                    terms.iter().filter(|(_, term)| !matches!(term, Origin::Fresh(_))).collect();
                let pieces = mixed.iter().all(|(weight, _)| weight.to_bits() == 1_f64.to_bits());
                match &mixed[..] {
                    [(_, only)] => self.moment(only),
                    several if pieces => {
                        let pieces = several.iter().map(|(_, piece)| Some((1.0, self.moment(piece)?)));
                        Some(Origin::sum(pieces.collect::<Option<Vec<_>>>()?))
                    }
                    _ => None,
                }
            }
            Origin::Mapped { .. } => None,
        }
    }

    fn channels(&self, channels: &Channels) -> Channels {
        let mut seen = BTreeSet::new();
        let moment = |channel: &Option<Channel>| {
            let channel = (*channel)?;
            let is_first = seen.insert(channel.source);
            let scale = match self.policy {
                Moments::KeepOld if !is_first => return None,
                Moments::Scaled if self.suffix == SECOND => channel.gradient * channel.gradient,
                Moments::Scaled => channel.gradient,
                Moments::Reset | Moments::Copy | Moments::KeepOld => 1.0,
            };
            Some(Channel { source: channel.source, scale, gradient: 1.0 })
        };
        Arc::from(channels.iter().map(moment).collect::<Vec<_>>())
    }
}
