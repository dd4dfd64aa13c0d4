//! The growth that a stage begins with, planned: the model's tensors and the optimizer's moments.

use outgrow_operators::{Growth, GrowthPlan, Moments, MomentsPlan, Preservation};

use crate::error::ScheduleError;

/// A growth between two stages, as the trainer carries it out.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedGrowth {
    plan: GrowthPlan,
    moments: MomentsPlan,
}

impl PlannedGrowth {
    /// Plans the moments of a growth that has been planned.
    ///
    /// # Errors
    /// A growth behind a mask, or one for whose moments there is no rule.
    pub(crate) fn new(growth: &Growth, plan: GrowthPlan, policy: Moments) -> Result<Self, ScheduleError> {
        if plan.preservation() == Preservation::AtMaskZero {
            return Err(ScheduleError::Masked { operator: growth.name() });
        }
        let moments = plan.moments(policy).map_err(ScheduleError::Growth)?;
        Ok(Self { plan, moments })
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
