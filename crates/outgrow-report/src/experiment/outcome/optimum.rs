//! Where along an axis of numbers the loss is lowest: a parabola in the axis's logarithm, and the interval of its
//! minimum over seeds. A place at 0 has no logarithm and stands apart.

use std::collections::BTreeMap;

use outgrow_statistics::{Fit, Interval, Parabola, fit_parabola, jackknife};
use serde::Serialize;

use crate::{
    experiment::{
        description::RunKind,
        outcome::{
            over_seeds::{LEVEL, OverSeeds, SeedValue},
            sweeps::Edge,
        },
        reading::Experiment,
    },
    report::curve::Curve,
    run::record::Cost,
};

/// Losses along an axis at one budget, and their minimum.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OptimumOutcome {
    /// The axis.
    pub axis: String,
    /// The budget, as a part of the baseline's FLOPs.
    pub at: f64,
    /// The FLOPs there, on average.
    pub flops: Option<f64>,
    /// The places, lowest number first; without 0.
    pub points: Vec<AxisPoint>,
    /// The place at 0, if the axis has one.
    pub at_zero: Option<AxisPoint>,
    /// The number with the lowest mean, 0 included.
    pub lowest: Option<f64>,
    /// Seeds that have a loss at every place: these are fitted.
    pub seeds: Vec<u64>,
    /// The parabola through them, each seed with a level of its own.
    pub fit: Option<Fit<Parabola>>,
    /// Where its minimum is.
    pub minimum: Minimum,
}

/// A kind on an axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AxisPoint {
    /// The kind's name.
    pub kind: String,
    /// As a table has it.
    pub label: String,
    /// Where it is.
    pub x: f64,
    /// Its losses.
    pub loss: Option<OverSeeds>,
}

/// A minimum, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Minimum {
    /// Between the places that were tried.
    Within {
        /// Where.
        x: f64,
        /// The parabola's loss there, on average over seeds.
        loss: f64,
        /// Where it lies at 95 %; it may reach beyond the places that were tried.
        interval: Option<Interval>,
        /// Why there is no interval.
        no_interval: Option<String>,
        /// What each seed says, as the jackknife has it; none without an interval.
        seeds: Vec<SeedValue>,
    },
    /// At the first or last place, or beyond.
    AtEdge {
        /// Which.
        edge: Edge,
        /// The number there.
        x: f64,
    },
    /// The points have none.
    None {
        /// In a few words.
        why: String,
    },
}

impl OptimumOutcome {
    /// Along an axis, for kinds that stand on the other axes as `with` says, at a part of the baseline's FLOPs.
    pub(crate) fn along(
        experiment: &Experiment,
        axis: &str,
        with: &BTreeMap<String, String>,
        at: f64,
    ) -> Self {
        let mut costs = Vec::new();
        let mut all: Vec<AxisPoint> = on_axis(experiment, axis, with)
            .into_iter()
            .map(|(x, kind)| {
                let losses = losses_at(experiment, kind, at);
                costs.extend(losses.iter().map(|(_, cost)| *cost));
                let loss = OverSeeds::of(losses.into_iter().map(|(seed, _)| seed).collect());
                AxisPoint { kind: kind.name.clone(), label: kind.label.clone(), x, loss }
            })
            .collect();
        all.sort_by(|one, two| one.x.total_cmp(&two.x));
        let mean = |point: &AxisPoint| Some((point.loss.as_ref()?.mean, point.x));
        let lowest = all.iter().filter_map(mean).min_by(|one, two| one.0.total_cmp(&two.0));
        let (points, at_zero): (Vec<AxisPoint>, Vec<AxisPoint>) =
            all.into_iter().partition(|point| point.x > 0.0);
        let seeds = common_seeds(&points);
        let (fit, minimum) = match fitted(&points, &seeds) {
            Ok((fit, minimum)) => (Some(fit), minimum),
            Err(why) => (None, Minimum::None { why }),
        };
        Self {
            axis: axis.to_owned(),
            at,
            flops: (!costs.is_empty()).then(|| costs.iter().sum::<f64>() / costs.len() as f64),
            points,
            at_zero: at_zero.into_iter().next(),
            lowest: lowest.map(|(_, x)| x),
            seeds,
            fit,
            minimum,
        }
    }
}

/// The kinds that have a number on an axis and stand on the others as `with` says.
pub(crate) fn on_axis<'a>(
    experiment: &'a Experiment,
    axis: &str,
    with: &BTreeMap<String, String>,
) -> Vec<(f64, &'a RunKind)> {
    let kinds = standing(experiment, &[axis], with).into_iter();
    kinds.filter_map(|kind| Some((kind.axes.get(axis)?.number?, kind))).collect()
}

/// The kinds that stand on these axes, and on others as `with` says. Those that stand on further axes come in only
/// where there are no others: a second set with a budget of its own doesn't belong among those without.
pub(crate) fn standing<'a>(
    experiment: &'a Experiment,
    axes: &[&str],
    with: &BTreeMap<String, String>,
) -> Vec<&'a RunKind> {
    let stands = |kind: &&RunKind| {
        axes.iter().all(|axis| kind.axes.contains_key(*axis))
            && with.iter().all(|(axis, name)| kind.axes.get(axis).is_some_and(|value| value.name == *name))
    };
    let kinds: Vec<&RunKind> = experiment.description().kinds.iter().filter(stands).collect();
    let named = axes.len() + with.keys().filter(|axis| !axes.contains(&axis.as_str())).count();
    let is_exact = |kind: &&RunKind| kind.axes.len() == named;
    if kinds.iter().any(is_exact) { kinds.into_iter().filter(is_exact).collect() } else { kinds }
}

/// The loss of each finished run of a kind, and the FLOPs at which: a part of its baseline's, or of its own.
fn losses_at(experiment: &Experiment, kind: &RunKind, at: f64) -> Vec<(SeedValue, f64)> {
    let against = kind.baseline.as_deref().unwrap_or(&kind.name);
    let pairs = experiment.pairs(&kind.name, against).pairs;
    pairs
        .into_iter()
        .filter_map(|(seed, run, baseline)| {
            let own = Curve::of_finished(run, Cost::ExactFlops)?;
            let whole = Curve::of_finished(baseline, Cost::ExactFlops)?.final_cost();
            let cost = if at >= 1.0 { whole.min(own.final_cost()) } else { at * whole };
            Some((SeedValue { seed, value: own.loss_at(cost)? }, cost))
        })
        .collect()
}

/// The seeds that all places have.
fn common_seeds(points: &[AxisPoint]) -> Vec<u64> {
    let seeds = |point: &AxisPoint| -> Vec<u64> {
        point.loss.iter().flat_map(|loss| loss.seeds.iter().map(|seed| seed.seed)).collect()
    };
    let Some((first, others)) = points.split_first() else { return Vec::new() };
    let mut common = seeds(first);
    common.retain(|seed| others.iter().all(|point| seeds(point).contains(seed)));
    common
}

/// The parabola through some seeds.
fn parabola(points: &[AxisPoint], seeds: &[u64]) -> Result<Fit<Parabola>, String> {
    let (mut x, mut y, mut group) = (Vec::new(), Vec::new(), Vec::new());
    for point in points {
        for (place, seed) in seeds.iter().enumerate() {
            let found = point.loss.iter().flat_map(|loss| &loss.seeds).find(|found| found.seed == *seed);
            if let Some(found) = found {
                x.push(point.x);
                y.push(found.value);
                group.push(place);
            }
        }
    }
    fit_parabola(&x, &y, &group).map_err(|error| error.to_string())
}

fn fitted(points: &[AxisPoint], seeds: &[u64]) -> Result<(Fit<Parabola>, Minimum), String> {
    if points.is_empty() {
        return Err("no kind has a number above 0 there".to_owned());
    }
    if seeds.is_empty() {
        return Err("no seed has a loss at every place".to_owned());
    }
    if let Some(pair) = points.windows(2).find(|pair| pair[0].x.total_cmp(&pair[1].x).is_eq()) {
        return Err(format!("{} and {} stand at the same place", pair[0].kind, pair[1].kind));
    }
    if points.len() < 4 {
        return Err(format!("{} places besides 0: a parabola says something from four on", points.len()));
    }
    let fit = parabola(points, seeds)?;
    let (first, last) = (&points[0], &points[points.len() - 1]);
    let minimum = match fit.law.minimum() {
        _ if !fit.beats_constant() => {
            Minimum::None { why: "a parabola is no better than a constant".to_owned() }
        }
        Some(x) if x > first.x && x < last.x => {
            let of_seeds = |places: &[usize]| {
                let chosen: Vec<u64> = places.iter().map(|place| seeds[*place]).collect();
                parabola(points, &chosen).ok()?.law.minimum().map(f64::ln)
            };
            let (interval, no_interval, seeds) = match jackknife(seeds.len(), LEVEL, of_seeds) {
                Ok(found) => {
                    let values = seeds.iter().zip(&found.pseudo_values);
                    let values = values.map(|(&seed, value)| SeedValue { seed, value: value.exp() });
                    (found.interval.interval.map(f64::exp), None, values.collect())
                }
                Err(_) if seeds.len() == 1 => (None, Some("one seed has no spread".to_owned()), Vec::new()),
                Err(error) => (None, Some(error.to_string()), Vec::new()),
            };
            Minimum::Within { x, loss: fit.law.at(x), interval, no_interval, seeds }
        }
        // Outside of the places, or a hill: the lower end.
        _ => {
            let falls = fit.law.at(last.x) < fit.law.at(first.x);
            let (edge, point) = if falls { (Edge::Highest, last) } else { (Edge::Lowest, first) };
            Minimum::AtEdge { edge, x: point.x }
        }
    };
    Ok((fit, minimum))
}
