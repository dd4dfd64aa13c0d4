//! How a difference goes on: a straight line in the logarithm of what was paid, as Figure 6b of arXiv 2405.15319 has
//! it, and what that foretells. Points of one curve follow each other, so the interval is over seeds alone.

use outgrow_statistics::{Fit, Interval, Logarithm, fit_logarithm, jackknife};
use serde::Serialize;

use crate::experiment::{
    outcome::{
        difference::PairedDifference,
        over_seeds::{LEVEL, OverSeeds},
    },
    reading::Experiment,
};

/// The parts of the baseline's FLOPs that are fitted. Before, a grown run is still recovering.
const FITTED_AT: [f64; 7] = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
/// By how much the FLOPs at the end are multiplied.
const TIMES: [f64; 4] = [1.0, 3.0, 10.0, 100.0];
/// The same where the line is drawn. It isn't drawn as far as it is told: there its band would hide everything else.
const DRAWN_TIMES: [f64; 10] = [0.4, 0.55, 0.75, 1.0, 1.4, 2.0, 3.0, 4.5, 7.0, 10.0];

/// A difference to a baseline over what was paid.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DifferenceTrend {
    /// The line: nats over exact FLOPs.
    pub fit: Fit<Logarithm>,
    /// Whether it says more than a constant.
    pub beats_constant: bool,
    /// The differences that it was fitted to: exact FLOPs, and the mean of the seeds.
    pub points: Vec<(f64, f64)>,
    /// The line over FLOPs, for a drawing: up to the end as it was fitted, and extrapolated beyond.
    pub line: Vec<ForetoldDifference>,
    /// What it gives at the end of training and beyond.
    pub foretold: Vec<ForetoldDifference>,
    /// The FLOPs at which the line is at 0, where that is beyond the end.
    pub vanishes_at: Option<f64>,
}

/// What the line gives somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ForetoldDifference {
    /// How many times as many FLOPs as at the end. 1 is the end; all else is extrapolated.
    pub times: f64,
    /// The exact FLOPs.
    pub flops: f64,
    /// Nats.
    pub difference: f64,
    /// Where the line lies at 95 %.
    pub interval: Option<Interval>,
}

impl DifferenceTrend {
    /// Of two kinds by name; `None` where there is no line.
    pub(crate) fn of(experiment: &Experiment, of: &str, against: &str) -> Option<Self> {
        let points = FITTED_AT.map(|at| PairedDifference::between(experiment, of, against, at));
        let points: Vec<(f64, OverSeeds)> =
            points.into_iter().filter_map(|found| Some((found.paid?, found.over_seeds?))).collect();
        let mut seeds: Vec<u64> = points.first()?.1.seeds.iter().map(|found| found.seed).collect();
        seeds.retain(|seed| points.iter().all(|(_, all)| all.seeds.iter().any(|found| found.seed == *seed)));
        let fit = |places: &[usize]| {
            let (mut x, mut y) = (Vec::new(), Vec::new());
            for (flops, all) in &points {
                for found in all
                    .seeds
                    .iter()
                    .filter(|found| places.iter().any(|place| seeds.get(*place) == Some(&found.seed)))
                {
                    x.push(*flops);
                    y.push(found.value);
                }
            }
            fit_logarithm(&x, &y).ok()
        };
        let whole = fit(&(0..seeds.len()).collect::<Vec<_>>())?;
        let end = points.last()?.0;
        let at = |times: f64| {
            let flops = times * end;
            let found = jackknife(seeds.len(), LEVEL, |places| Some(fit(places)?.law.at(flops)));
            ForetoldDifference {
                times,
                flops,
                difference: whole.law.at(flops),
                interval: found.ok().map(|found| found.interval.interval),
            }
        };
        Some(Self {
            fit: whole,
            beats_constant: whole.beats_constant(),
            points: points.iter().map(|(flops, all)| (*flops, all.mean)).collect(),
            line: DRAWN_TIMES.map(at).into(),
            foretold: TIMES.map(at).into(),
            vanishes_at: whole.law.reaches(0.0).filter(|flops| *flops > end),
        })
    }
}
