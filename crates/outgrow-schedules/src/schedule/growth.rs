//! The growth that a stage begins with, planned: the model's tensors and the optimizer's moments.

use outgrow_operators::{GrowthPlan, MomentsPlan};

use crate::{
    at_growth::mask::{GrowthMask, MaskRamp},
    error::ScheduleError,
    stage::Stage,
};

/// A growth between two stages, as the trainer carries it out.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedGrowth {
    plan: GrowthPlan,
    moments: MomentsPlan,
    mask: Option<GrowthMask>,
}

impl PlannedGrowth {
    /// Plans the moments and the mask of a stage's growth that has been planned.
    ///
    /// # Errors
    /// New parameters with a rate that isn't one, or where there are none; fresh parts without a mask; a mask over
    /// nothing, or one that isn't open when the stage ends; a growth for whose moments there is no rule.
    pub(crate) fn new(stage: &Stage, plan: GrowthPlan) -> Result<Self, ScheduleError> {
        let mask = match stage.at_growth.mask {
            Some(ramp) => Some(mask(stage, ramp, &plan)?),
            None if plan.masked_units().is_empty() => None,
            None => return Err(ScheduleError::Unmasked),
        };
        let is_learned = stage.at_growth.learning.is_some();
        let new = stage.at_growth.new_parameters;
        if let Some(problem) = new.and_then(|new| new.problem(stage.tokens, is_learned, &plan)) {
            return Err(ScheduleError::NewParameters(problem));
        }
        let moments = plan.moments(stage.at_growth.moments).map_err(ScheduleError::Growth)?;
        Ok(Self { plan, moments, mask })
    }

    /// The mask that the stage opens.
    pub fn mask(&self) -> Option<&GrowthMask> {
        self.mask.as_ref()
    }

    /// What each tensor of the grown model is made of.
    pub fn plan(&self) -> &GrowthPlan {
        &self.plan
    }

    /// What each moment of its optimizer is made of, by the stage's policy.
    pub fn moments(&self) -> &MomentsPlan {
        &self.moments
    }
}

fn mask(stage: &Stage, ramp: MaskRamp, plan: &GrowthPlan) -> Result<GrowthMask, ScheduleError> {
    if ramp.tokens == 0 {
        return Err(ScheduleError::MaskTokens);
    }
    let mask = GrowthMask::new(ramp, plan.maskable_units().map_err(ScheduleError::Mask)?);
    if mask.tokens() > stage.tokens {
        let (ramp_tokens, kinds) = (mask.tokens(), mask.kinds());
        return Err(ScheduleError::MaskNotOpened { ramp_tokens, kinds, tokens: stage.tokens });
    }
    Ok(mask)
}
