//! Two laws beside each other: the speed-up that they give at the largest FLOPs and beyond. How a law is fitted is in
//! laws.rs.

use outgrow_statistics::{Interval, Jackknife, PairedTest, jackknife, paired_test};
use serde::Serialize;

use crate::experiment::outcome::{
    laws::{Law, LawForm, LawOutcome},
    over_seeds::{LEVEL, OverSeeds, SeedValue},
};

/// By how much the largest FLOPs are multiplied where speed-ups are foretold.
const FORETOLD_AT: [f64; 5] = [1.0, 3.0, 10.0, 30.0, 100.0];

/// The speed-up that two laws give: what the first needs to reach the loss that the other has at some FLOPs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ForetoldSpeedUp {
    /// The label of the first.
    pub of: String,
    /// The label of the other.
    pub against: String,
    /// Which form of both.
    pub form: LawForm,
    /// The other's FLOPs.
    pub flops: f64,
    /// The loss there.
    pub loss: f64,
    /// `C / C' − 1`; `None` where the first never reaches the loss.
    pub speed_up: Option<f64>,
    /// Where it lies at 95 %.
    pub interval: Option<Interval>,
    /// Whether that is beyond the largest FLOPs that were paid.
    pub extrapolated: bool,
}

/// Two laws at the largest FLOPs, for a verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LawsAtTheLargest {
    /// The largest FLOPs of the law that the other is held against.
    pub flops: f64,
    /// The difference of the two laws there, nats per token.
    pub difference: Option<OverSeeds>,
    /// The t test of whether that is 0.
    pub test: Option<PairedTest>,
    /// The speed-up there.
    pub speed_up: Option<OverSeeds>,
}

impl ForetoldSpeedUp {
    /// What two laws give at the other's largest FLOPs and beyond, in each form that both have.
    pub(crate) fn all(of: &LawOutcome, against: &LawOutcome) -> Vec<Self> {
        let Some(most) = against.largest_flops() else { return Vec::new() };
        let seeds = shared(of, against);
        let mut all = Vec::new();
        for form in [LawForm::PowerLaw, LawForm::WithFloor] {
            for factor in FORETOLD_AT {
                let flops = factor * most;
                let all_seeds: Vec<usize> = (0..seeds.len()).collect();
                let Some((own, other)) = both(of, against, form, &seeds, &all_seeds) else { continue };
                let interval = jackknife(seeds.len(), LEVEL, |places| {
                    let (own, other) = both(of, against, form, &seeds, places)?;
                    factor_of(own, other, flops).map(f64::ln)
                });
                all.push(Self {
                    of: of.label.clone(),
                    against: against.label.clone(),
                    form,
                    flops,
                    loss: other.at(flops),
                    speed_up: factor_of(own, other, flops).map(|factor| factor - 1.0),
                    interval: interval.ok().and_then(|found| found.interval.interval.map(f64::exp_m1)),
                    extrapolated: factor > 1.0,
                });
            }
        }
        all
    }
}

impl LawsAtTheLargest {
    /// Two power laws at the largest FLOPs of the second; `None` where one of them isn't there.
    pub(crate) fn of(of: &LawOutcome, against: &LawOutcome) -> Option<Self> {
        let flops = against.largest_flops()?;
        let seeds = shared(of, against);
        let all: Vec<usize> = (0..seeds.len()).collect();
        let laws = |places: &[usize]| both(of, against, LawForm::PowerLaw, &seeds, places);
        let (own, other) = laws(&all)?;
        let over_seeds = |found: &Jackknife, to: fn(f64) -> f64| -> Vec<SeedValue> {
            let values = seeds.iter().zip(&found.pseudo_values);
            values.map(|(&seed, &value)| SeedValue { seed, value: to(value) }).collect()
        };
        let difference = jackknife(seeds.len(), LEVEL, |places| {
            let (own, other) = laws(places)?;
            Some(own.at(flops) - other.at(flops))
        });
        let speed_up = jackknife(seeds.len(), LEVEL, |places| {
            laws(places).and_then(|(own, other)| factor_of(own, other, flops)).map(f64::ln)
        });
        let one = |value| vec![SeedValue { seed: seeds.first().copied().unwrap_or(0), value }];
        Some(Self {
            flops,
            test: difference.as_ref().ok().and_then(|found| paired_test(&found.pseudo_values).ok()),
            difference: OverSeeds::of(match &difference {
                Ok(found) => over_seeds(found, |value| value),
                Err(_) => one(own.at(flops) - other.at(flops)),
            }),
            speed_up: match &speed_up {
                Ok(found) => OverSeeds::of_factors(over_seeds(found, f64::exp_m1)),
                Err(_) => {
                    factor_of(own, other, flops).and_then(|factor| OverSeeds::of_factors(one(factor - 1.0)))
                }
            },
        })
    }
}

/// By what factor the first law gets to the other's loss at these FLOPs more cheaply.
fn factor_of(own: Law, other: Law, flops: f64) -> Option<f64> {
    own.reaches(other.at(flops)).map(|own| flops / own)
}

/// Seeds that both laws are fitted to.
fn shared(of: &LawOutcome, against: &LawOutcome) -> Vec<u64> {
    of.seeds.iter().copied().filter(|seed| against.seeds.contains(seed)).collect()
}

/// Both laws from some of the seeds that they share.
fn both(
    of: &LawOutcome,
    against: &LawOutcome,
    form: LawForm,
    seeds: &[u64],
    places: &[usize],
) -> Option<(Law, Law)> {
    let within = |law: &LawOutcome| -> Option<Vec<usize>> {
        places.iter().map(|place| law.seeds.iter().position(|seed| *seed == seeds[*place])).collect()
    };
    Some((of.law(form, &within(of)?)?, against.law(form, &within(against)?)?))
}
