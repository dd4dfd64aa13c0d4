//! How many seeds the verdicts of an experiment would need, from the spread of the runs that are there. It judges
//! nothing.

use std::fmt::{self, Write};

use outgrow_statistics::needed_pairs;
use serde::Serialize;

use crate::{
    experiment::{
        claims::{
            evidence::{Evidence, SMALLEST},
            judge,
            words::{on_axis, signed},
        },
        description::Rule,
        outcome::{
            difference::PairedDifference,
            optimum::{Minimum, OptimumOutcome},
            over_seeds::{OverSeeds, SeedValue},
        },
        reading::Experiment,
    },
    figures::signed_percent,
    report::curve::Curve,
    run::record::Cost,
};

/// A test is to see an effect in so many cases.
const POWER: f64 = 0.8;
/// And to see one that isn't there in so many.
const SIGNIFICANCE: f64 = 0.05;

/// How many seeds each claim would need.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Power {
    /// In the order of the experiment's file.
    pub claims: Vec<ClaimPower>,
}

/// How many seeds one claim would need.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClaimPower {
    /// What is claimed.
    pub says: String,
    /// How many seeds it has.
    pub seeds: usize,
    /// How its number spreads over them; in nats for losses, in logarithms for an optimum and a law's speed-up.
    pub standard_deviation: Option<f64>,
    /// What is to be seen, and how many seeds that needs.
    pub needs: Vec<Need>,
    /// Why nothing can be said.
    pub unknown: Option<String>,
}

/// An effect, and how many seeds it needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Need {
    /// What it is, in words.
    pub what: String,
    /// How large it is, in the unit of the spread.
    pub effect: f64,
    /// How many seeds; `None` where 100 000 don't do.
    pub seeds: Option<usize>,
}

impl Experiment {
    /// How many seeds its claims would need, at 5 % and in four of five cases, each claim by itself.
    pub fn power(&self) -> Power {
        let judged = judge(self);
        let claims = judged.iter().map(|claim| {
            let (spread, effects) = match &claim.evidence {
                Evidence::SpeedUp { difference, .. } => self.of_speed_up(difference, &claim.claim.rule),
                Evidence::Lower { difference } => of_lower(difference, &claim.claim.rule),
                Evidence::Equal { difference, .. } => of_equal(difference, &claim.claim.rule),
                Evidence::Optimum { optimum, .. } => of_optimum(optimum, &claim.claim.rule),
                Evidence::Law { at_the_largest, .. } => {
                    let speed_up = at_the_largest.as_ref().and_then(|found| found.speed_up.as_ref());
                    of_law(speed_up, &claim.claim.rule)
                }
            };
            let needs = spread.map(|spread| effects.iter().map(|effect| effect.need(spread)).collect());
            let unknown = match (&needs, claim.seeds) {
                (Some(_), _) => None,
                (None, 0) => Some("no seed is done".to_owned()),
                (None, 1) => Some("one seed has no spread: two at least, better three".to_owned()),
                (None, _) => Some("its number has no spread".to_owned()),
            };
            ClaimPower {
                says: claim.claim.says.clone(),
                seeds: claim.seeds,
                standard_deviation: spread,
                needs: needs.unwrap_or_default(),
                unknown,
            }
        });
        Power { claims: claims.collect() }
    }

    /// The paper's speed-up in nats: what the baseline gains over the last part of its own budget.
    fn of_speed_up(&self, difference: &PairedDifference, rule: &Rule) -> (Option<f64>, Vec<Effect>) {
        let mut effects = vec![Effect::smallest()];
        if let Rule::SpeedUp { against, paper, .. } = rule {
            let factor = (1.0 + paper).min(1.0 / (1.0 + paper));
            let gains: Vec<f64> = self
                .cells(against)
                .filter_map(|cell| {
                    let curve = Curve::of_finished(cell.finished()?, Cost::ExactFlops)?;
                    Some(curve.loss_at(factor * curve.final_cost())? - curve.final_loss())
                })
                .collect();
            let mean = gains.iter().sum::<f64>() / gains.len() as f64;
            if mean > 0.0 {
                let what = format!("the paper's {}, about {mean:.3} nats here", signed_percent(*paper));
                effects.insert(0, Effect::new(what, mean));
            }
        }
        (spread(difference), effects)
    }
}

/// What is to be seen.
struct Effect {
    what: String,
    size: f64,
    /// Power and significance: those of two one-sided tests are others.
    asked: (f64, f64),
}

impl Effect {
    fn new(what: String, size: f64) -> Self {
        Self { what, size: size.abs(), asked: (POWER, SIGNIFICANCE) }
    }

    fn smallest() -> Self {
        Self::new(format!("the smallest that counts, {SMALLEST} nats"), SMALLEST)
    }

    fn need(&self, spread: f64) -> Need {
        let (power, significance) = self.asked;
        let seeds = needed_pairs(self.size, spread, power, significance).ok().flatten();
        Need { what: self.what.clone(), effect: self.size, seeds }
    }
}

fn spread(difference: &PairedDifference) -> Option<f64> {
    difference.over_seeds.as_ref()?.standard_deviation
}

fn of_lower(difference: &PairedDifference, rule: &Rule) -> (Option<f64>, Vec<Effect>) {
    let mut effects = vec![Effect::smallest()];
    if let Rule::Lower { paper: Some(paper), .. } = rule {
        effects.insert(0, Effect::new(format!("the paper's {} nats", signed(-paper.abs())), *paper));
    }
    (spread(difference), effects)
}

/// Both one-sided tests at 5 % reject in four of five cases where each does in nine of ten.
fn of_equal(difference: &PairedDifference, rule: &Rule) -> (Option<f64>, Vec<Effect>) {
    let mut effects = Vec::new();
    if let Rule::Equal { margin, .. } = rule {
        let what = format!("no difference to be seen within ±{margin} nats");
        let asked = (0.5 + 0.5 * POWER, 2.0 * SIGNIFICANCE);
        effects.push(Effect { asked, ..Effect::new(what, *margin) });
    }
    (spread(difference), effects)
}

/// In logarithms: from the minimum to the nearer end of the paper's range.
fn of_optimum(optimum: &OptimumOutcome, rule: &Rule) -> (Option<f64>, Vec<Effect>) {
    let (Minimum::Within { x, seeds, .. }, Rule::Optimum { from, to, .. }) = (&optimum.minimum, rule) else {
        return (None, Vec::new());
    };
    let end = [*from, *to]
        .into_iter()
        .filter(|end| *end > 0.0)
        .min_by(|one, two| (one / x).ln().abs().total_cmp(&(two / x).ln().abs()));
    let logarithms = seeds.iter().map(|seed| SeedValue { seed: seed.seed, value: seed.value.ln() });
    let spread = OverSeeds::of(logarithms.collect()).and_then(|all| all.standard_deviation);
    let effect = end.map(|end| {
        Effect::new(format!("the minimum {} to be told from {}", on_axis(*x), on_axis(end)), (end / x).ln())
    });
    (spread, effect.into_iter().collect())
}

fn of_law(speed_up: Option<&OverSeeds>, rule: &Rule) -> (Option<f64>, Vec<Effect>) {
    let mut effects = Vec::new();
    if let Rule::Law { paper, .. } = rule {
        effects.push(Effect::new(format!("the paper's {}", signed_percent(*paper)), paper.ln_1p()));
    }
    (speed_up.and_then(|all| all.standard_deviation), effects)
}

impl fmt::Display for Power {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cases = POWER * 100.0;
        writeln!(
            formatter,
            "Seeds that a test at 5 % needs to see an effect in {cases:.0} % of cases, each claim by itself:"
        )?;
        for claim in &self.claims {
            writeln!(formatter, "{}", claim.says)?;
            let seeds = if claim.seeds == 1 { "1 seed".to_owned() } else { format!("{} seeds", claim.seeds) };
            if let Some(unknown) = &claim.unknown {
                writeln!(formatter, "  {seeds}: {unknown}")?;
                continue;
            }
            let mut line = String::new();
            if let Some(spread) = claim.standard_deviation {
                write!(line, ", which spread by {spread:.4}")?;
            }
            writeln!(formatter, "  {seeds}{line}")?;
            for need in &claim.needs {
                let needed = match need.seeds {
                    Some(count) => count.to_string(),
                    None => "more than 100000".to_owned(),
                };
                writeln!(formatter, "  {needed:>6} for {}", need.what)?;
            }
        }
        Ok(())
    }
}
