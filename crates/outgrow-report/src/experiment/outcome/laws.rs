//! Laws of the loss over models of several sizes, `L = a·C^b` and with an irreducible term: fitted to all seeds, with
//! intervals by the jackknife over seeds. What lies beyond the largest FLOPs is marked as extrapolation.

use std::collections::BTreeSet;

use outgrow_statistics::{
    Fit, Interval, Jackknife, PowerLaw, PowerLawWithFloor, fit_power_law, fit_power_law_with_floor, jackknife,
};
use serde::{Deserialize, Serialize};

use crate::{
    experiment::{
        description::LawSeries,
        outcome::over_seeds::{LEVEL, OverSeeds, SeedValue},
        reading::Experiment,
    },
    run::record::Cost,
};

/// How many steps a band has within the FLOPs that were paid, and how many beyond.
const BAND_STEPS: usize = 16;
/// How far beyond the largest FLOPs a band goes.
const FORETOLD: f64 = 100.0;

/// Which form a law has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LawForm {
    /// `L = a·C^b`, the paper's.
    PowerLaw,
    /// `L = E + a·C^b`.
    WithFloor,
}

/// The law of a series of kinds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LawOutcome {
    /// As the legend has it.
    pub label: String,
    /// The kinds with their FLOPs and losses, smallest first.
    pub points: Vec<LawPoint>,
    /// Seeds that all kinds have: these are fitted.
    pub seeds: Vec<u64>,
    /// `L = a·C^b`, or why not.
    pub power_law: Option<Fit<PowerLaw>>,
    /// `L = E + a·C^b`.
    pub with_floor: Option<Fit<PowerLawWithFloor>>,
    /// Why a fit isn't there, or isn't to be believed.
    pub caveats: Vec<String>,
    /// The form that the points speak for, by AICc; `None` where neither beats a constant.
    pub preferred: Option<LawForm>,
    /// The numbers of both forms, with intervals.
    pub numbers: Vec<LawNumber>,
    /// The preferred form, or the paper's, over FLOPs.
    pub band: Vec<LawBandPoint>,
    /// Both forms from all seeds, and then without each: what intervals are made of.
    #[serde(skip)]
    fitted: [Vec<Option<Law>>; 2],
}

/// The runs of one size.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LawPoint {
    /// The kind's name.
    pub kind: String,
    /// As a table has it.
    pub label: String,
    /// Parameters of the final model, embeddings and head included.
    pub parameters: Option<u64>,
    /// Exact FLOPs at the end, on average over seeds.
    pub flops: Option<f64>,
    /// The final losses.
    pub loss: Option<OverSeeds>,
}

/// A number of a law.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LawNumber {
    /// Of which form.
    pub form: LawForm,
    /// `exponent`, `floor`, or `scale`: the loss, or what is above the floor, at the reference FLOPs.
    pub name: String,
    /// From all seeds.
    pub estimate: f64,
    /// Where it lies at 95 %.
    pub interval: Option<Interval>,
}

/// A law at some FLOPs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LawBandPoint {
    /// Where.
    pub flops: f64,
    /// The law.
    pub loss: f64,
    /// Where the law lies at 95 %.
    pub interval: Option<Interval>,
    /// Whether that is beyond the largest FLOPs that were paid.
    pub extrapolated: bool,
}

/// A law of either form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Law {
    PowerLaw(PowerLaw),
    WithFloor(PowerLawWithFloor),
}

impl Law {
    pub(crate) fn at(&self, flops: f64) -> f64 {
        match self {
            Self::PowerLaw(law) => law.at(flops),
            Self::WithFloor(law) => law.at(flops),
        }
    }

    pub(crate) fn reaches(&self, loss: f64) -> Option<f64> {
        match self {
            Self::PowerLaw(law) => law.reaches(loss),
            Self::WithFloor(law) => law.reaches(loss),
        }
    }
}

impl LawOutcome {
    /// The law of a series.
    pub(crate) fn of(experiment: &Experiment, series: &LawSeries) -> Self {
        let points: Vec<LawPoint> = series.kinds.iter().map(|kind| point(experiment, kind)).collect();
        let seeds = common_seeds(&points);
        let mut outcome = Self {
            label: series.label.clone(),
            points,
            seeds,
            power_law: None,
            with_floor: None,
            caveats: Vec::new(),
            preferred: None,
            numbers: Vec::new(),
            band: Vec::new(),
            fitted: [Vec::new(), Vec::new()],
        };
        let without = left_out(&outcome.points, &outcome.seeds);
        let (x, y) = outcome.data(&(0..outcome.seeds.len()).collect::<Vec<_>>());
        if !x.is_empty() && !without.is_empty() {
            let seeds = without.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            outcome.caveats.push(format!("without seed {seeds}, which lacks finished runs of a size"));
        }
        if x.is_empty() {
            outcome.caveats.push("no seed has finished runs of all sizes".to_owned());
            return outcome;
        }
        match fit_power_law(&x, &y) {
            Ok(fit) => outcome.power_law = Some(fit),
            Err(error) => outcome.caveats.push(error.to_string()),
        }
        match fit_power_law_with_floor(&x, &y) {
            Ok(fit) => outcome.with_floor = Some(fit),
            Err(error) => outcome.caveats.push(format!("no irreducible term: {error}")),
        }
        let seeds: Vec<usize> = (0..outcome.seeds.len()).collect();
        let without = |left_out: usize| seeds.iter().copied().filter(|place| *place != left_out).collect();
        let subsets: Vec<Vec<usize>> =
            std::iter::once(seeds.clone()).chain(seeds.iter().map(|place| without(*place))).collect();
        outcome.fitted = [LawForm::PowerLaw, LawForm::WithFloor]
            .map(|form| subsets.iter().map(|places| outcome.fit(form, places)).collect());
        outcome.prefer();
        outcome.numbers = outcome.all_numbers();
        outcome.band = outcome.over_flops();
        outcome
    }

    /// The largest FLOPs of its points.
    pub(crate) fn largest_flops(&self) -> Option<f64> {
        self.points.iter().filter_map(|point| point.flops).max_by(f64::total_cmp)
    }

    fn prefer(&mut self) {
        let with_floor = self.with_floor.filter(Fit::beats_constant);
        let power_law = self.power_law.filter(Fit::beats_constant);
        self.preferred = match (power_law, with_floor) {
            (Some(law), Some(floor)) if floor.beats(&law) => Some(LawForm::WithFloor),
            (Some(_), _) => Some(LawForm::PowerLaw),
            (None, Some(_)) => Some(LawForm::WithFloor),
            (None, None) => None,
        };
        if self.preferred.is_none() && self.power_law.is_some() {
            self.caveats
                .push("a law is no better than a constant, or the points are too few to tell".to_owned());
        }
    }

    /// FLOPs and losses of some seeds, by their places.
    fn data(&self, places: &[usize]) -> (Vec<f64>, Vec<f64>) {
        let of_seed = |point: &LawPoint, place: &usize| {
            let seeds = &point.loss.as_ref()?.seeds;
            let value = seeds.iter().find(|found| found.seed == self.seeds[*place])?.value;
            Some((point.flops?, value))
        };
        let points =
            self.points.iter().flat_map(|point| places.iter().filter_map(move |place| of_seed(point, place)));
        points.unzip()
    }

    /// The law of some seeds, by their places: of all, or of all but one, it is there already.
    pub(crate) fn law(&self, form: LawForm, places: &[usize]) -> Option<Law> {
        let fitted = &self.fitted[match form {
            LawForm::PowerLaw => 0,
            LawForm::WithFloor => 1,
        }];
        let (all, is_rising) = (self.seeds.len(), places.windows(2).all(|pair| pair[0] < pair[1]));
        let left_out = (0..all).find(|place| !places.contains(place));
        match left_out {
            None if is_rising => fitted.first().copied().flatten(),
            Some(left_out) if is_rising && places.len() + 1 == all => {
                fitted.get(left_out + 1).copied().flatten()
            }
            _ => self.fit(form, places),
        }
    }

    fn fit(&self, form: LawForm, places: &[usize]) -> Option<Law> {
        let (x, y) = self.data(places);
        match form {
            LawForm::PowerLaw => Some(Law::PowerLaw(fit_power_law(&x, &y).ok()?.law)),
            LawForm::WithFloor => Some(Law::WithFloor(fit_power_law_with_floor(&x, &y).ok()?.law)),
        }
    }

    fn jackknifed(&self, form: LawForm, of: impl Fn(Law) -> Option<f64>) -> Option<Jackknife> {
        jackknife(self.seeds.len(), LEVEL, |places| of(self.law(form, places)?)).ok()
    }

    fn all_numbers(&self) -> Vec<LawNumber> {
        let mut numbers = Vec::new();
        let mut add = |form, name: &str, estimate, of: &dyn Fn(Law) -> Option<f64>| {
            let interval = self.jackknifed(form, of).map(|found| found.interval.interval);
            numbers.push(LawNumber { form, name: name.to_owned(), estimate, interval });
        };
        if let Some(fit) = &self.power_law {
            let reference = fit.law.reference;
            add(LawForm::PowerLaw, "scale", fit.law.scale, &|law| Some(law.at(reference)));
            add(LawForm::PowerLaw, "exponent", fit.law.exponent, &|law| match law {
                Law::PowerLaw(law) => Some(law.exponent),
                Law::WithFloor(law) => Some(law.exponent),
            });
        }
        if let Some(fit) = &self.with_floor {
            let parts = |law| match law {
                Law::WithFloor(law) => Some((law.floor, law.scale, law.exponent)),
                Law::PowerLaw(_) => None,
            };
            add(LawForm::WithFloor, "floor", fit.law.floor, &|law| Some(parts(law)?.0));
            add(LawForm::WithFloor, "scale", fit.law.scale, &|law| Some(parts(law)?.1));
            add(LawForm::WithFloor, "exponent", fit.law.exponent, &|law| Some(parts(law)?.2));
        }
        numbers
    }

    fn over_flops(&self) -> Vec<LawBandPoint> {
        let form = self.preferred.unwrap_or(LawForm::PowerLaw);
        let all: Vec<usize> = (0..self.seeds.len()).collect();
        let least = self.points.iter().filter_map(|point| point.flops).min_by(f64::total_cmp);
        let (Some(law), Some(least), Some(most)) = (self.law(form, &all), least, self.largest_flops()) else {
            return Vec::new();
        };
        let between = |from: f64, to: f64, step: usize| {
            let part = step as f64 / BAND_STEPS as f64;
            (from.ln() + part * (to / from).ln()).exp()
        };
        // What is foretold begins where the runs end. A law that says no more than a constant foretells nothing.
        let paid = (0..BAND_STEPS).map(|step| (between(least, most, step), false)).chain([(most, false)]);
        let beyond = (1..=BAND_STEPS).map(|step| (between(most, FORETOLD * most, step), true));
        paid.chain(beyond)
            .filter(|(_, extrapolated)| !extrapolated || self.preferred.is_some())
            .map(|(flops, extrapolated)| {
                let interval = self.jackknifed(form, |law| Some(law.at(flops).ln()));
                LawBandPoint {
                    flops,
                    loss: law.at(flops),
                    interval: interval.and_then(|found| found.interval.interval.map(f64::exp)),
                    extrapolated,
                }
            })
            .collect()
    }
}

fn point(experiment: &Experiment, kind: &str) -> LawPoint {
    let finished = || experiment.cells(kind).filter_map(|cell| Some((cell.planned.seed, cell.finished()?)));
    let losses =
        finished().filter_map(|(seed, run)| Some(SeedValue { seed, value: run.final_point()?.loss }));
    let flops: Vec<f64> = finished()
        .filter(|(_, run)| run.is_whole(Cost::ExactFlops))
        .filter_map(|(_, run)| Some(run.final_point()?.flops))
        .collect();
    LawPoint {
        kind: kind.to_owned(),
        label: experiment.kind(kind).map_or_else(|| kind.to_owned(), |kind| kind.label.clone()),
        parameters: finished().next().map(|(_, run)| run.parameters),
        flops: (!flops.is_empty()).then(|| flops.iter().sum::<f64>() / flops.len() as f64),
        loss: OverSeeds::of(losses.collect()),
    }
}

/// The seeds that some sizes have, and that aren't among these.
fn left_out(points: &[LawPoint], seeds: &[u64]) -> BTreeSet<u64> {
    let all =
        points.iter().flat_map(|point| &point.loss).flat_map(|loss| &loss.seeds).map(|found| found.seed);
    all.filter(|seed| !seeds.contains(seed)).collect()
}

/// The seeds that all sizes have.
fn common_seeds(points: &[LawPoint]) -> Vec<u64> {
    let has = |point: &LawPoint, seed: u64| {
        point.flops.is_some()
            && point.loss.iter().flat_map(|loss| &loss.seeds).any(|found| found.seed == seed)
    };
    let Some((first, others)) = points.split_first() else { return Vec::new() };
    let seeds = first.loss.iter().flat_map(|loss| &loss.seeds).map(|found| found.seed);
    seeds.filter(|seed| has(first, *seed) && others.iter().all(|point| has(point, *seed))).collect()
}
