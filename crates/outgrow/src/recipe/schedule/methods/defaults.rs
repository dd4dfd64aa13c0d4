//! What a method's recipe says where it says nothing: its paper's numbers and choices, as outgrow-schedules has them.

use outgrow_operators::Operator;
use outgrow_schedules::{AtGrowth, Late, Midas, Stackbert, Staged, StagedTraining};
use serde::{Deserialize, Deserializer, de::Error as _};

pub(super) fn last() -> Operator {
    Operator::Last
}

pub(super) fn stackbert_shares() -> Vec<f64> {
    Stackbert::PAPER_SHARES.to_vec()
}

pub(super) fn staged_shares() -> Vec<f64> {
    Staged::PAPER_SHARES.to_vec()
}

pub(super) fn late_share() -> f64 {
    Late::PAPER_SHARE
}

pub(super) fn midas_exponent() -> f64 {
    Midas::PAPER_EXPONENT
}

pub(super) fn kept_rate() -> AtGrowth {
    AtGrowth::KEPT_RATE
}

pub(super) fn kept_state() -> AtGrowth {
    AtGrowth::KEPT_STATE
}

pub(super) fn grown_moments() -> AtGrowth {
    StagedTraining::PAPER_CHOICE
}

pub(super) fn over_grown_moments<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AtGrowth, D::Error> {
    over(StagedTraining::PAPER_CHOICE, deserializer)
}

pub(super) fn over_kept_rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AtGrowth, D::Error> {
    over(AtGrowth::KEPT_RATE, deserializer)
}

pub(super) fn over_kept_state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AtGrowth, D::Error> {
    over(AtGrowth::KEPT_STATE, deserializer)
}

/// What is chosen, where a method's own choice stands for what isn't said.
fn over<'de, D: Deserializer<'de>>(otherwise: AtGrowth, deserializer: D) -> Result<AtGrowth, D::Error> {
    let said = serde_json::Map::deserialize(deserializer)?;
    let mut all = serde_json::to_value(otherwise).map_err(D::Error::custom)?;
    if let Some(all) = all.as_object_mut() {
        all.extend(said);
    }
    serde_json::from_value(all).map_err(D::Error::custom)
}
