//! The primary measure: the difference of two kinds' validation losses at equal FLOPs, seed by seed. Speed-ups are read
//! elsewhere.

use outgrow_statistics::{PairedTest, paired_test};
use serde::Serialize;

use crate::{
    experiment::{
        outcome::over_seeds::{LeftOut, OverSeeds, SeedValue},
        reading::{Experiment, Pairing},
    },
    report::curve::Curve,
    run::record::Cost,
};

/// Two ends that differ by more than this share are no equal budgets, and that is said.
const EQUAL_ENDS: f64 = 0.02;

/// The loss of one kind less that of another, at equal cost. Negative: the first is better.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairedDifference {
    /// The kind.
    pub of: String,
    /// The kind that it is held against.
    pub against: String,
    /// What is equal.
    pub by: Cost,
    /// Where: a part of what the other has paid. 1 is the end, or that of the run which ends first.
    pub at: f64,
    /// What has been paid there, on average over seeds.
    pub paid: Option<f64>,
    /// The differences; `None` where no seed has both runs.
    pub over_seeds: Option<OverSeeds>,
    /// The t test of whether their mean is 0; `None` where there is no interval.
    pub test: Option<PairedTest>,
    /// Seeds that aren't in it.
    pub left_out: Vec<LeftOut>,
    /// What has to be known besides: budgets that end at different places.
    pub caveats: Vec<String>,
}

impl PairedDifference {
    /// Of two kinds by name, at a part of the FLOPs.
    pub(crate) fn between(experiment: &Experiment, of: &str, against: &str, at: f64) -> Self {
        Self::at_equal(Cost::ExactFlops, experiment, of, against, at)
    }

    /// Of two kinds by name, at a part of what the other has paid.
    pub(crate) fn at_equal(by: Cost, experiment: &Experiment, of: &str, against: &str, at: f64) -> Self {
        let Pairing { pairs, mut left_out } = experiment.pairs(of, against);
        let (mut values, mut costs, mut uneven) = (Vec::new(), Vec::new(), 0);
        for (seed, run, baseline) in pairs {
            if !(run.is_whole(by) && baseline.is_whole(by)) {
                left_out.push(LeftOut { seed, why: "what a base has cost isn't known".to_owned() });
                continue;
            }
            let (Some(own), Some(other)) = (Curve::of_finished(run, by), Curve::of_finished(baseline, by))
            else {
                left_out.push(LeftOut { seed, why: "a run has fewer than two evaluations".to_owned() });
                continue;
            };
            let ends = [own.final_cost(), other.final_cost()];
            let is_end = at >= 1.0;
            let cost = if is_end { ends[0].min(ends[1]) } else { at * ends[1] };
            uneven += usize::from(is_end && (ends[0] / ends[1] - 1.0).abs() > EQUAL_ENDS);
            match (own.loss_at(cost), other.loss_at(cost)) {
                (Some(own), Some(other)) => {
                    values.push(SeedValue { seed, value: own - other });
                    costs.push(cost);
                }
                _ => left_out.push(LeftOut { seed, why: "a run has no loss there".to_owned() }),
            }
        }
        let differences: Vec<f64> = values.iter().map(|seed| seed.value).collect();
        let mut caveats = Vec::new();
        if uneven > 0 {
            caveats.push(format!(
                "{uneven} of {} pairs end at different {}: they are compared where the shorter run ends",
                differences.len(),
                match by {
                    Cost::ExactFlops | Cost::SixTimesParametersFlops => "FLOPs",
                    Cost::Tokens => "tokens",
                    Cost::Seconds => "times",
                }
            ));
        }
        left_out.sort_by_key(|left_out| left_out.seed);
        Self {
            of: of.to_owned(),
            against: against.to_owned(),
            by,
            at,
            paid: (!costs.is_empty()).then(|| costs.iter().sum::<f64>() / costs.len() as f64),
            over_seeds: OverSeeds::of(values),
            test: paired_test(&differences).ok(),
            left_out,
            caveats,
        }
    }

    /// How many pairs there are.
    pub fn count(&self) -> usize {
        self.over_seeds.as_ref().map_or(0, OverSeeds::count)
    }

    /// The differences, seed by seed.
    pub fn values(&self) -> Vec<f64> {
        self.over_seeds.as_ref().map(OverSeeds::values).unwrap_or_default()
    }
}
