//! How the best place on an axis moves with the model's size and with the budget, as equation 2 of arXiv 2405.15319 has
//! it for the tokens of the base, `log d = a·log N + b / log C + c`, and as a power law of both. It takes minima that
//! optimum.rs has found.

use outgrow_statistics::{Fit, Interval, Plane, PowerLaw, fit_plane, fit_power_law};
use serde::Serialize;

use crate::experiment::{
    claims::{ClaimOutcome, evidence::Evidence},
    outcome::{
        figures::{FigureOutcome, Shown},
        kinds::KindOutcome,
        optimum::{Minimum, OptimumOutcome},
    },
};

/// Minima that a law of the budget takes.
const LEAST_OF_BUDGETS: usize = 3;
/// Minima that a law of size and budget takes: one more than it has numbers, and one to tell how good it is.
const LEAST_OF_SIZES: usize = 6;
/// The tokens of a base are its place on the axis times a number, up to the last batch of each.
const ROUNDING: f64 = 0.1;

/// The minima along one axis, at several budgets or sizes, and what they follow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OptimumLaw {
    /// The axis.
    pub axis: String,
    /// The other axes on which the runs stand.
    pub beside: Vec<String>,
    /// The minima that were found.
    pub points: Vec<OptimumPoint>,
    /// How many places were looked at, those without a minimum included.
    pub looked_at: usize,
    /// `x = a·C^b` with exact FLOPs, at one size.
    pub over_flops: Option<Fit<PowerLaw>>,
    /// `ln d = a·ln N + b·ln C + c` with exact FLOPs, at several sizes.
    pub power_law: Option<Fit<Plane>>,
    /// `log10 d = a·log10 N + b / log10 C + c` with C as 6·N·T: the paper's form.
    pub papers_form: Option<Fit<Plane>>,
    /// Why a fit isn't there, or isn't to be believed.
    pub caveats: Vec<String>,
}

/// One minimum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OptimumPoint {
    /// Parameters of the final model, embeddings and head included.
    pub parameters: u64,
    /// The budget, as a part of the baseline's FLOPs.
    pub at: f64,
    /// The exact FLOPs there.
    pub flops: f64,
    /// The same as 6 · parameters · tokens.
    pub flops_6nt: f64,
    /// Where the minimum is on the axis.
    pub x: f64,
    /// Where it lies at 95 %.
    pub interval: Option<Interval>,
    /// What that is in tokens of the first stage, where a place is a share of tokens.
    pub tokens: Option<f64>,
    /// What equation 2 of the paper, with its own numbers, gives in tokens. It was fitted from 8e19 FLOPs on.
    pub papers_tokens: f64,
}

impl OptimumLaw {
    /// Of all axes along which minima were looked for at several places; none for an axis with one.
    pub(crate) fn all(
        figures: &[FigureOutcome],
        claims: &[ClaimOutcome],
        kinds: &[KindOutcome],
    ) -> Vec<Self> {
        let mut laws: Vec<Self> = Vec::new();
        for optimum in optima(figures, claims) {
            let Some(beside) = beside(kinds, optimum) else { continue };
            let known = laws.iter().position(|law| law.axis == optimum.axis && law.beside == beside);
            let place = known.unwrap_or_else(|| {
                laws.push(Self::new(&optimum.axis, beside));
                laws.len() - 1
            });
            laws[place].looked_at += 1;
            laws[place].points.extend(point(kinds, optimum));
        }
        laws.retain(|law| law.looked_at > 1);
        laws.iter_mut().for_each(Self::fit);
        laws
    }

    fn new(axis: &str, beside: Vec<String>) -> Self {
        Self {
            axis: axis.to_owned(),
            beside,
            points: Vec::new(),
            looked_at: 0,
            over_flops: None,
            power_law: None,
            papers_form: None,
            caveats: Vec::new(),
        }
    }

    /// How many sizes have a minimum.
    pub fn sizes(&self) -> usize {
        let mut sizes: Vec<u64> = self.points.iter().map(|point| point.parameters).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes.len()
    }

    fn fit(&mut self) {
        let (count, sizes) = (self.points.len(), self.sizes());
        let needed = if sizes > 1 { LEAST_OF_SIZES } else { LEAST_OF_BUDGETS };
        if count < needed {
            let what = if sizes > 1 { "of size and budget" } else { "of the budget" };
            self.caveats.push(format!(
                "{count} of {} have a minimum between the places that were tried, and a law {what} takes {needed}",
                self.looked_at
            ));
            return;
        }
        let column = |of: fn(&OptimumPoint) -> f64| self.points.iter().map(of).collect::<Vec<f64>>();
        let is_in_tokens = self.points.iter().all(|point| point.tokens.is_some());
        let y = if is_in_tokens {
            column(|point| point.tokens.unwrap_or(point.x))
        } else {
            column(|point| point.x)
        };
        if sizes == 1 {
            match fit_power_law(&column(|point| point.flops), &y) {
                Ok(fit) => self.over_flops = Some(fit),
                Err(error) => self.caveats.push(error.to_string()),
            }
        } else {
            let logarithms: Vec<f64> = y.iter().map(|y| y.ln()).collect();
            let (sizes, flops) =
                (column(|point| (point.parameters as f64).ln()), column(|point| point.flops.ln()));
            match fit_plane(&sizes, &flops, &logarithms) {
                Ok(fit) => self.power_law = Some(fit),
                Err(error) => self.caveats.push(error.to_string()),
            }
            let logarithms: Vec<f64> = y.iter().map(|y| y.log10()).collect();
            let sizes = column(|point| (point.parameters as f64).log10());
            let flops = column(|point| 1.0 / point.flops_6nt.log10());
            match fit_plane(&sizes, &flops, &logarithms) {
                Ok(fit) => self.papers_form = Some(fit),
                Err(error) => self.caveats.push(format!("in the paper's form: {error}")),
            }
        }
        if !self.is_believed() {
            self.caveats.push("no law is better than one place for all of them".to_owned());
        }
    }

    /// Whether a law says more than that the best place stays where it is.
    pub fn is_believed(&self) -> bool {
        let planes = [&self.power_law, &self.papers_form].into_iter().flatten();
        self.over_flops.is_some_and(|fit| fit.beats_constant()) || planes.into_iter().any(Fit::beats_constant)
    }
}

/// Equation 2 of arXiv 2405.15319 with its own numbers: parameters, and FLOPs as 6 · parameters · tokens.
fn equation_2(parameters: u64, flops_6nt: f64) -> f64 {
    10_f64.powf(0.88 * (parameters as f64).log10() + 163.27 / flops_6nt.log10() - 5.74)
}

/// All minima that figures and claims look for, each once.
fn optima<'a>(figures: &'a [FigureOutcome], claims: &'a [ClaimOutcome]) -> Vec<&'a OptimumOutcome> {
    let of_figures = figures.iter().flat_map(|figure| match &figure.shows {
        Shown::Valley { lines, .. } | Shown::HeatMap { ridge: lines, .. } => &lines[..],
        Shown::Differences { .. }
        | Shown::Curves { .. }
        | Shown::SpeedUps { .. }
        | Shown::Stages { .. }
        | Shown::Grid { .. }
        | Shown::Laws { .. } => &[],
    });
    let of_claims = claims.iter().filter_map(|claim| match &claim.evidence {
        Evidence::Optimum { optimum, .. } => Some(optimum),
        Evidence::SpeedUp { .. } | Evidence::Lower { .. } | Evidence::Equal { .. } | Evidence::Law { .. } => {
            None
        }
    });
    let mut all: Vec<&OptimumOutcome> = Vec::new();
    for optimum in of_figures.chain(of_claims) {
        let is_same = |other: &&OptimumOutcome| {
            other.axis == optimum.axis
                && other.at.total_cmp(&optimum.at).is_eq()
                && other.points == optimum.points
        };
        if !all.iter().any(is_same) {
            all.push(optimum);
        }
    }
    all.sort_by(|one, two| one.flops.unwrap_or(0.0).total_cmp(&two.flops.unwrap_or(0.0)));
    all
}

fn named<'a>(kinds: &'a [KindOutcome], name: &str) -> Option<&'a KindOutcome> {
    kinds.iter().find(|kind| kind.name == name)
}

/// The further axes of the kinds along an axis.
fn beside(kinds: &[KindOutcome], optimum: &OptimumOutcome) -> Option<Vec<String>> {
    let kind = named(kinds, &optimum.points.first()?.kind)?;
    Some(kind.axes.keys().filter(|axis| **axis != optimum.axis).cloned().collect())
}

fn point(kinds: &[KindOutcome], optimum: &OptimumOutcome) -> Option<OptimumPoint> {
    let Minimum::Within { x, interval, .. } = optimum.minimum else { return None };
    let kind = named(kinds, &optimum.points.first()?.kind)?;
    let baseline = named(kinds, kind.baseline.as_deref().unwrap_or(&kind.name))?;
    let parameters = kind.runs.first()?.summary.parameters;
    let flops_6nt = optimum.at * baseline.curve.last()?.flops_6nt;
    Some(OptimumPoint {
        parameters,
        at: optimum.at,
        flops: optimum.flops?,
        flops_6nt,
        x,
        interval,
        tokens: tokens_of_a_place(kinds, optimum).map(|tokens| tokens * x),
        papers_tokens: equation_2(parameters, flops_6nt),
    })
}

/// The tokens of the first stage for a place of 1, where each place is a share of tokens.
fn tokens_of_a_place(kinds: &[KindOutcome], optimum: &OptimumOutcome) -> Option<f64> {
    let tokens = |kind: &str| Some(named(kinds, kind)?.stages.first()?.last_token as f64);
    let last = optimum.points.last()?;
    let of_one = tokens(&last.kind)? / last.x;
    let is_share = optimum.points.iter().all(|point| {
        tokens(&point.kind).is_some_and(|tokens| (tokens / point.x / of_one - 1.0).abs() < ROUNDING)
    });
    is_share.then_some(of_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_equation_gives_the_papers_table() {
        // Table 4: 8 B with 15 T tokens, 7 B, 13 B and 70 B with 2 T.
        let rows = [(8e9, 15e12), (7e9, 2e12), (13e9, 2e12), (70e9, 2e12)];
        let tokens = rows.map(|(parameters, tokens)| {
            let billions = equation_2(parameters as u64, 6.0 * parameters * tokens) / 1e9;
            format!("{billions:.2}")
        });
        assert_eq!(tokens, ["6.58", "11.11", "15.84", "42.48"]);
    }
}
