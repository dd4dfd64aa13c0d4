//! The mask over a model while a stage lets in what its growth has made. It is a function of the run's position, so
//! that a run that goes on has nothing to remember of it.

use outgrow_model::{Decoder, Factors};
use outgrow_operators::{
    folder::Mask,
    plan::{MaskFactors, MaskValues},
};
use outgrow_schedules::{GrowthMask, Schedule};

use crate::{error::TrainError, position::Position};

/// The mask that isn't open yet at a position, and where it stands.
fn standing<'a>(schedule: &'a Schedule, position: &Position) -> Option<(&'a GrowthMask, MaskValues)> {
    let mask = schedule.growth(position.stage)?.mask()?;
    Some((mask, mask.at(position.stage_tokens)?))
}

/// How far what is new is let in at a position; `None` where all is.
pub(crate) fn values(schedule: &Schedule, position: &Position) -> Option<MaskValues> {
    Some(standing(schedule, position)?.1)
}

/// Puts the decoder behind the mask of its position, or takes it out of that of an earlier one.
pub(crate) fn put(decoder: &mut Decoder, schedule: &Schedule, position: &Position) -> Result<(), TrainError> {
    let mask = standing(schedule, position).map(|(mask, values)| {
        let config = decoder.config();
        let factors = MaskFactors::new(mask.units(), values, config);
        let names = config.tensors().into_iter().map(|tensor| tensor.name);
        let of = |name: String| {
            let of = factors.of(&name);
            (name, Factors { rows: of.rows, columns: of.columns })
        };
        outgrow_model::Mask { factors: names.map(of).collect(), rms_norm_eps: factors.rms_norm_eps() }
    });
    Ok(decoder.set_mask(mask.as_ref())?)
}

/// What a checkpoint at a position says of its mask.
pub(crate) fn of_checkpoint(schedule: &Schedule, position: &Position) -> Option<Mask> {
    let (mask, values) = standing(schedule, position)?;
    Some(Mask { mask: values, ramp_tokens: Some(mask.tokens()), masked: mask.units().clone() })
}
