//! The speed-up at equal loss of one kind against another, over seeds, with its interval. Which of the two is better at
//! equal FLOPs is another file's question.

use serde::Serialize;

use crate::{
    experiment::{
        outcome::over_seeds::{LeftOut, OverSeeds, SeedValue},
        reading::{Experiment, Pairing},
    },
    figures::loss as loss_in_words,
    report::{
        curve::Curve,
        speed_up::{ReadAt, speed_up, speed_up_at},
    },
    run::record::{Cost, RunRecord},
};

/// What a pair of runs with one seed says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SpeedUpReading {
    /// The seed.
    pub seed: u64,
    /// Whether the loss is the run's own final one, because it never reaches that of the other.
    pub at_own_final: bool,
    /// The loss, nats per token.
    pub loss: f64,
    /// What the baseline had paid when it first reached the loss.
    pub baseline_cost: f64,
    /// What the run had paid when it first reached the loss.
    pub own_cost: f64,
    /// `baseline_cost / own_cost − 1`.
    pub speed_up: f64,
}

/// The speed-up at one loss, over seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpeedUpOutcome {
    /// The kind.
    pub of: String,
    /// The kind that it is held against.
    pub against: String,
    /// What is paid with.
    pub cost: Cost,
    /// Which loss: the one that the other has at this part of its budget, each seed its own. 1 is its final loss.
    pub at: f64,
    /// The loss, on average over seeds.
    pub loss: Option<f64>,
    /// The speed-ups, averaged as factors; `None` where no seed could be read.
    pub over_seeds: Option<OverSeeds>,
    /// What each seed says.
    pub readings: Vec<SpeedUpReading>,
    /// Seeds that say nothing, and why.
    pub left_out: Vec<LeftOut>,
}

impl SpeedUpOutcome {
    /// Of two kinds by name, at the loss that the other has at a part of its budget.
    pub(crate) fn between(experiment: &Experiment, of: &str, against: &str, cost: Cost, at: f64) -> Self {
        let Pairing { pairs, mut left_out } = experiment.pairs(of, against);
        let mut readings = Vec::new();
        for (seed, run, baseline) in pairs {
            let in_time = cost == Cost::Seconds;
            if in_time && !(experiment.ran_alone(of, seed) && experiment.ran_alone(against, seed)) {
                left_out.push(LeftOut { seed, why: "not measured: ran beside others".to_owned() });
                continue;
            }
            match reading(run, baseline, cost, at) {
                Ok((at_own_final, loss, [own_cost, baseline_cost], speed_up)) => {
                    readings.push(SpeedUpReading {
                        seed,
                        at_own_final,
                        loss,
                        baseline_cost,
                        own_cost,
                        speed_up,
                    });
                }
                Err(why) => left_out.push(LeftOut { seed, why }),
            }
        }
        left_out.sort_by_key(|left_out| left_out.seed);
        let losses: f64 = readings.iter().map(|reading| reading.loss).sum();
        let value = |reading: &SpeedUpReading| SeedValue { seed: reading.seed, value: reading.speed_up };
        Self {
            of: of.to_owned(),
            against: against.to_owned(),
            cost,
            at,
            loss: (!readings.is_empty()).then(|| losses / readings.len() as f64),
            over_seeds: OverSeeds::of_factors(readings.iter().map(value).collect()),
            readings,
            left_out,
        }
    }
}

type Read = (bool, f64, [f64; 2], f64);

/// Reads a pair, or says why it can't be.
fn reading(run: &RunRecord, baseline: &RunRecord, cost: Cost, at: f64) -> Result<Read, String> {
    let curve = |run: &RunRecord| {
        if !run.is_whole(cost) {
            return Err("what its base has cost isn't known".to_owned());
        }
        Curve::of_finished(run, cost).ok_or_else(|| match cost {
            Cost::Seconds => "not measured: steps without a time".to_owned(),
            Cost::ExactFlops | Cost::SixTimesParametersFlops | Cost::Tokens => {
                "fewer than two evaluations".to_owned()
            }
        })
    };
    let (own, other) = (curve(run)?, curve(baseline)?);
    if at >= 1.0 {
        let read = speed_up(&other, &own).ok_or("the curves never meet")?;
        return Ok((
            read.read_at == ReadAt::OwnFinal,
            read.loss,
            [read.grown_cost, read.scratch_cost],
            read.speed_up,
        ));
    }
    let loss = other.lowest_until(at * other.final_cost()).ok_or("no loss there")?;
    let never = || format!("never reaches a loss of {}", loss_in_words(loss));
    let own_cost = own.first_reach(loss).ok_or_else(never)?;
    let other_cost = other.first_reach(loss).ok_or_else(never)?;
    let speed_up = speed_up_at(&other, &own, loss).ok_or("has the loss from its first evaluation on")?;
    Ok((false, loss, [own_cost, other_cost], speed_up))
}
