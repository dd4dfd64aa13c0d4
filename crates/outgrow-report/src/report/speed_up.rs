//! The speed-up at equal loss, `FLOPs_scratch / FLOPs_grown − 1` (arXiv 2405.15319, equation 48), for one pair of
//! curves and over seeds.

use serde::Serialize;

use crate::{report::curve::Curve, run::record::Cost};

/// Which loss a speed-up was read at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadAt {
    /// The final loss of the run from scratch: the comparison that was asked for.
    ScratchFinal,
    /// The grown run's own final loss, because it never reached that of scratch.
    OwnFinal,
}

/// A speed-up and where it was read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reading {
    /// Which loss it is.
    pub read_at: ReadAt,
    /// The loss, nats per token.
    pub loss: f64,
    /// What scratch had paid when it first reached the loss.
    pub scratch_cost: f64,
    /// What the grown run had paid when it first reached the loss, its base included.
    pub grown_cost: f64,
    /// `scratch_cost / grown_cost − 1`.
    pub speed_up: f64,
}

/// A reading of the pair of runs with one seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SeedReading {
    /// The seed of both runs.
    pub seed: u64,
    /// What was read.
    #[serde(flatten)]
    pub reading: Reading,
}

/// The speed-up of a method at the final loss, over seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpeedUp {
    /// What the runs pay with.
    pub cost: Cost,
    /// The mean over the seeds.
    pub mean: f64,
    /// The worst seed.
    pub min: f64,
    /// The best seed.
    pub max: f64,
    /// One reading per seed, by seed.
    pub seeds: Vec<SeedReading>,
}

/// The speed-up of a method at one given loss, over the seeds that reached it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LossReading {
    /// The loss, nats per token.
    pub loss: f64,
    /// How many pairs of runs there are.
    pub pairs: usize,
    /// The speed-ups of the pairs in which both runs reach the loss, by seed.
    pub speed_ups: Vec<f64>,
}

impl LossReading {
    /// The mean over the pairs that reach the loss, `None` if none does.
    pub fn mean(&self) -> Option<f64> {
        mean(&self.speed_ups)
    }
}

/// The speed-up at `loss`: `None` where one of the two never reaches it, or is there from its first point on. Then
/// nothing says when it got there: a curve from its beginning is above any loss that matters, and one that lost its
/// beginning may have been there long before.
pub fn speed_up_at(scratch: &Curve, grown: &Curve, loss: f64) -> Option<f64> {
    if [scratch, grown].iter().any(|curve| curve.points().first().is_none_or(|first| first.loss <= loss)) {
        return None;
    }
    let (scratch_cost, grown_cost) = (scratch.first_reach(loss)?, grown.first_reach(loss)?);
    (grown_cost > 0.0).then(|| scratch_cost / grown_cost - 1.0)
}

/// The speed-up at the final loss of scratch or, where the grown run never reaches that, at the grown run's own final
/// loss.
///
/// The second is negative for runs of equal budget; a grown run that was stopped early can be ahead even so. `None`
/// as in [`speed_up_at`].
pub fn speed_up(scratch: &Curve, grown: &Curve) -> Option<Reading> {
    let (read_at, loss) = match grown.first_reach(scratch.final_loss()) {
        Some(_) => (ReadAt::ScratchFinal, scratch.final_loss()),
        None => (ReadAt::OwnFinal, grown.final_loss()),
    };
    let (scratch_cost, grown_cost) = (scratch.first_reach(loss)?, grown.first_reach(loss)?);
    let speed_up = speed_up_at(scratch, grown, loss)?;
    Some(Reading { read_at, loss, scratch_cost, grown_cost, speed_up })
}

/// A pair of curves with one seed.
pub(crate) struct Pair<'a> {
    pub seed: u64,
    pub scratch: &'a Curve,
    pub grown: &'a Curve,
}

/// The speed-up over seeds, `None` where no pair can be read.
pub(crate) fn over_seeds(cost: Cost, pairs: &[Pair<'_>]) -> Option<SpeedUp> {
    let seeds: Vec<SeedReading> = pairs
        .iter()
        .filter_map(|pair| {
            speed_up(pair.scratch, pair.grown).map(|reading| SeedReading { seed: pair.seed, reading })
        })
        .collect();
    let values: Vec<f64> = seeds.iter().map(|seed| seed.reading.speed_up).collect();
    Some(SpeedUp {
        cost,
        mean: mean(&values)?,
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        seeds,
    })
}

/// The speed-ups at the losses that scratch has, on average over the seeds, at these parts of its budget.
pub(crate) fn at_parts_of_the_budget(pairs: &[Pair<'_>], parts: &[f64]) -> Vec<LossReading> {
    parts
        .iter()
        .filter_map(|part| {
            let losses: Vec<f64> = pairs
                .iter()
                .filter_map(|pair| pair.scratch.lowest_until(part * pair.scratch.final_cost()))
                .collect();
            let loss = mean(&losses)?;
            let speed_ups =
                pairs.iter().filter_map(|pair| speed_up_at(pair.scratch, pair.grown, loss)).collect();
            Some(LossReading { loss, pairs: pairs.len(), speed_ups })
        })
        .collect()
}

/// The arithmetic mean, `None` of nothing.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
