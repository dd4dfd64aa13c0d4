//! `law.json`: the laws and minima of an experiment that are to be believed, for a program that plans with them. How
//! sure they are stands in `report.json`.

use std::path::Path;

use outgrow_statistics::{Fit, Interval, Plane, PowerLaw, PowerLawWithFloor};
use serde::{Deserialize, Serialize};

use crate::{
    error::ReportError,
    experiment::{
        claims::evidence::Evidence,
        description::Program,
        outcome::{
            Outcome,
            figures::Shown,
            laws::{LawForm, LawOutcome},
            optimum::{Minimum, OptimumOutcome},
            optimum_laws::OptimumLaw,
        },
    },
};

/// The version of the file's layout.
const FORMAT: u32 = 1;

/// What an experiment has fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedLaw {
    /// The version of this layout.
    pub format: u32,
    /// The experiment.
    pub experiment: String,
    /// Its scale.
    pub scale: String,
    /// The program that ran it.
    pub program: Program,
    /// Laws of the loss, in the order of the experiment's figures.
    pub laws: Vec<FittedSeries>,
    /// Minima along axes.
    pub optima: Vec<FittedOptimum>,
    /// How these minima move with size and budget, where a law says more than that they stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub optimum_laws: Vec<FittedOptimumLaw>,
}

/// A law of the loss over exact FLOPs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedSeries {
    /// As the figure's legend has it.
    pub label: String,
    /// The kinds that it was fitted to.
    pub kinds: Vec<String>,
    /// The seeds that it was fitted to.
    pub seeds: Vec<u64>,
    /// Their least FLOPs.
    pub least_flops: f64,
    /// Their most: beyond, the law is extrapolated.
    pub most_flops: f64,
    /// The form that the points prefer, of those below.
    pub preferred: LawForm,
    /// `L = a·C^b`.
    pub power_law: Option<PowerLaw>,
    /// `L = E + a·C^b`.
    pub with_floor: Option<PowerLawWithFloor>,
}

/// A minimum of the loss along an axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedOptimum {
    /// The axis, whose numbers the experiment's file gives a meaning.
    pub axis: String,
    /// Parameters of the final model, embeddings and head included.
    pub parameters: Option<u64>,
    /// The exact FLOPs at which losses were compared.
    pub flops: f64,
    /// The same as a part of the baseline's.
    pub at: f64,
    /// Where the minimum is.
    pub x: f64,
    /// Where it lies at 95 %.
    pub interval: Option<Interval>,
}

/// A law of minima along an axis: of the base's tokens where the axis has shares of them, else of its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedOptimumLaw {
    /// The axis.
    pub axis: String,
    /// Whether it gives tokens.
    pub is_in_tokens: bool,
    /// How many minima it was fitted to.
    pub points: usize,
    /// `x = a·C^b` with exact FLOPs, at one size.
    pub over_flops: Option<PowerLaw>,
    /// `ln d = a·ln N + b·ln C + c` with exact FLOPs.
    pub power_law: Option<Plane>,
    /// `log10 d = a·log10 N + b / log10 C + c` with C as 6·N·T.
    pub papers_form: Option<Plane>,
}

impl FittedLaw {
    /// Reads a `law.json`.
    ///
    /// # Errors
    /// A file that can't be read, isn't one, or is of another format.
    pub fn read(file: &Path) -> Result<Self, ReportError> {
        let unreadable = |cause| ReportError::UnreadableLaw { file: file.to_path_buf(), cause };
        let wrong = |source| ReportError::LawFile { file: file.to_path_buf(), source };
        let text = std::fs::read_to_string(file).map_err(unreadable)?;
        let value: serde_json::Value = serde_json::from_str(&text).map_err(wrong)?;
        let format = value["format"].as_u64();
        if let Some(found) = format.filter(|format| *format != u64::from(FORMAT)) {
            let file = file.to_path_buf();
            return Err(ReportError::Format { file, found, expected: u64::from(FORMAT) });
        }
        serde_json::from_value(value).map_err(wrong)
    }
}

impl FittedSeries {
    /// The loss that the preferred form gives.
    pub fn loss_at(&self, flops: f64) -> Option<f64> {
        match self.preferred {
            LawForm::PowerLaw => Some(self.power_law?.at(flops)),
            LawForm::WithFloor => Some(self.with_floor?.at(flops)),
        }
    }

    /// The FLOPs that the preferred form needs for a loss; `None` where it never gets there.
    pub fn flops_for(&self, loss: f64) -> Option<f64> {
        match self.preferred {
            LawForm::PowerLaw => self.power_law?.reaches(loss),
            LawForm::WithFloor => self.with_floor?.reaches(loss),
        }
    }

    /// Whether FLOPs lie outside of those that it was fitted to.
    pub fn is_extrapolated(&self, flops: f64) -> bool {
        flops < self.least_flops || flops > self.most_flops
    }
}

impl Outcome {
    /// What of its fits is to be believed; `None` where nothing is.
    pub fn fitted_law(&self) -> Option<FittedLaw> {
        let (mut laws, mut optima): (Vec<FittedSeries>, Vec<FittedOptimum>) = (Vec::new(), Vec::new());
        let mut add_law = |law: &LawOutcome| {
            let fitted = series(law);
            let is_new = |fitted: &FittedSeries| laws.iter().all(|other| other.kinds != fitted.kinds);
            if let Some(fitted) = fitted.filter(is_new) {
                laws.push(fitted);
            }
        };
        let mut add_optimum = |optimum: &OptimumOutcome| {
            let fitted = self.optimum(optimum);
            let is_new = |fitted: &FittedOptimum| !optima.contains(fitted);
            optima.extend(fitted.filter(is_new));
        };
        for figure in &self.figures {
            match &figure.shows {
                Shown::Laws { laws, .. } => laws.iter().for_each(&mut add_law),
                Shown::Valley { lines, .. } | Shown::HeatMap { ridge: lines, .. } => {
                    lines.iter().for_each(&mut add_optimum);
                }
                Shown::Differences { .. }
                | Shown::Curves { .. }
                | Shown::SpeedUps { .. }
                | Shown::Stages { .. }
                | Shown::Grid { .. } => {}
            }
        }
        for claim in &self.claims {
            match &claim.evidence {
                Evidence::Law { of, against, .. } => [of, against].into_iter().for_each(&mut add_law),
                Evidence::Optimum { optimum, .. } => add_optimum(optimum),
                Evidence::SpeedUp { .. } | Evidence::Lower { .. } | Evidence::Equal { .. } => {}
            }
        }
        let description = &self.description;
        (!laws.is_empty() || !optima.is_empty()).then(|| FittedLaw {
            format: FORMAT,
            experiment: description.name.clone(),
            scale: description.scale.clone(),
            program: description.program.clone(),
            laws,
            optima,
            optimum_laws: self.optimum_laws.iter().filter(|law| law.is_believed()).map(optimum_law).collect(),
        })
    }

    fn optimum(&self, optimum: &OptimumOutcome) -> Option<FittedOptimum> {
        let Minimum::Within { x, interval, .. } = optimum.minimum else { return None };
        let kind = self.kind(&optimum.points.first()?.kind)?;
        Some(FittedOptimum {
            axis: optimum.axis.clone(),
            parameters: kind.runs.first().map(|run| run.summary.parameters),
            flops: optimum.flops?,
            at: optimum.at,
            x,
            interval,
        })
    }
}

fn optimum_law(law: &OptimumLaw) -> FittedOptimumLaw {
    let plane = |fit: Option<Fit<Plane>>| fit.filter(Fit::beats_constant).map(|fit| fit.law);
    FittedOptimumLaw {
        axis: law.axis.clone(),
        is_in_tokens: law.points.iter().all(|point| point.tokens.is_some()),
        points: law.points.len(),
        over_flops: law.over_flops.filter(Fit::beats_constant).map(|fit| fit.law),
        power_law: plane(law.power_law),
        papers_form: plane(law.papers_form),
    }
}

fn series(law: &LawOutcome) -> Option<FittedSeries> {
    let flops = || law.points.iter().filter_map(|point| point.flops);
    Some(FittedSeries {
        label: law.label.clone(),
        kinds: law.points.iter().map(|point| point.kind.clone()).collect(),
        seeds: law.seeds.clone(),
        least_flops: flops().min_by(f64::total_cmp)?,
        most_flops: law.largest_flops()?,
        preferred: law.preferred?,
        power_law: law.power_law.map(|fit| fit.law),
        with_floor: law.with_floor.map(|fit| fit.law),
    })
}
