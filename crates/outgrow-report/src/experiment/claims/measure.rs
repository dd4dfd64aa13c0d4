//! From a rule to a verdict: which numbers it takes, which test decides, and how the sentence says it.

use std::collections::BTreeMap;

use outgrow_statistics::{Equivalence, Interval, equivalence, mean_interval};
use serde::Serialize;

use crate::{
    experiment::{
        claims::{
            verdict::{Because, Verdict, of_range, of_sign},
            words,
        },
        description::{LawSeries, Rule},
        outcome::{
            difference::PairedDifference,
            laws::{LawOutcome, LawsAtTheLargest},
            optimum::{Minimum, OptimumOutcome},
            over_seeds::OverSeeds,
            speed_up::SpeedUpOutcome,
            sweeps::Edge,
        },
        reading::Experiment,
    },
    figures::{flops as flops_in_words, signed_percent},
    run::record::Cost,
};

/// The smallest difference that counts, nats per token.
pub(crate) const SMALLEST: f64 = 0.01;
/// The level of the interval that has to lie within a margin: two one-sided tests at 5 %.
const LEVEL_WITHIN: f64 = 0.9;
/// Below all numbers of an axis, where a range begins at 0.
const NEXT_TO_NOTHING: f64 = 1e-300;

/// The numbers that a verdict follows from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "an experiment has a dozen of them")]
pub enum Evidence {
    /// Of a claimed speed-up.
    SpeedUp {
        /// At the end.
        difference: PairedDifference,
        /// At the final loss of the other kind, in exact FLOPs.
        speed_up: SpeedUpOutcome,
    },
    /// Of a loss that is claimed to be lower.
    Lower {
        /// Where the claim says.
        difference: PairedDifference,
    },
    /// Of losses that are claimed to be equal.
    Equal {
        /// Where the claim says.
        difference: PairedDifference,
        /// The 90 % interval of the difference.
        interval: Option<Interval>,
        /// The one-sided tests against the margin.
        test: Option<Equivalence>,
    },
    /// Of a minimum.
    Optimum {
        /// The losses along the axis, and their minimum.
        optimum: OptimumOutcome,
        /// The tests against the paper's range, in logarithms.
        test: Option<Equivalence>,
    },
    /// Of two laws.
    Law {
        /// The law of the kinds that are claimed to be better.
        of: LawOutcome,
        /// The law of the others.
        against: LawOutcome,
        /// Both at the largest FLOPs.
        at_the_largest: Option<LawsAtTheLargest>,
    },
}

/// What a rule gives before claims are corrected together.
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) ours: String,
    pub(crate) sentence: String,
    pub(crate) seeds: usize,
    pub(crate) p: Option<f64>,
    pub(crate) evidence: Evidence,
}

/// Judges one claim.
pub(crate) fn judged(experiment: &Experiment, rule: &Rule) -> Judged {
    match rule {
        Rule::SpeedUp { of, against, paper } => speed_up(experiment, of, against, *paper),
        Rule::Lower { of, against, paper, by, at } => {
            let by = by.unwrap_or(Cost::ExactFlops);
            lower(PairedDifference::at_equal(by, experiment, of, against, at.unwrap_or(1.0)), *paper)
        }
        Rule::Equal { of, against, margin, by, at } => {
            let by = by.unwrap_or(Cost::ExactFlops);
            equal(PairedDifference::at_equal(by, experiment, of, against, at.unwrap_or(1.0)), *margin)
        }
        Rule::Optimum { axis, with, from, to, at } => {
            optimum(experiment, axis, with, (*from, *to), at.unwrap_or(1.0))
        }
        Rule::Law { of, against, paper } => law(experiment, of, against, *paper),
    }
}

/// The difference as the claim's sign has it: negative where it holds.
fn turned(interval: Interval, is_slower: bool) -> Interval {
    if is_slower { Interval::new(-interval.upper(), -interval.lower()).unwrap_or(interval) } else { interval }
}

/// Whether a speed-up with this interval is as large as the paper's, in the paper's direction.
fn reaches(interval: Option<Interval>, paper: f64) -> Option<bool> {
    interval.map(|interval| if paper < 0.0 { interval.lower() <= paper } else { interval.upper() >= paper })
}

/// A verdict on a sign and a size, with the p value of what decided it, in words.
fn signed(
    difference: &OverSeeds,
    p_off_zero: Option<f64>,
    is_slower: bool,
    reaches: Option<bool>,
) -> (Verdict, Option<f64>, &'static str) {
    let Some(interval) = difference.interval else { return (Verdict::NotDecidable, None, "") };
    let (verdict, because) = of_sign(turned(interval, is_slower), reaches, SMALLEST);
    let within = || {
        let range = Interval::new(-SMALLEST, SMALLEST).ok()?;
        // Twice, as it is the 95 % interval that lies within.
        Some((2.0 * equivalence(&difference.values(), range).ok()?.p_within).min(1.0))
    };
    let (p, words) = match because {
        Because::SameSide if reaches.is_none() => {
            (p_off_zero, "has the claimed sign, and its size can't be read")
        }
        Because::SameSide => (p_off_zero, "has the claimed sign"),
        Because::OtherSide => (p_off_zero, "has the other sign"),
        Because::TooSmall => (within(), "is smaller than what counts"),
        Because::Unsure => (p_off_zero, "isn't sure to have a sign, nor to be small"),
    };
    (verdict, p, words)
}

fn speed_up(experiment: &Experiment, of: &str, against: &str, paper: f64) -> Judged {
    let difference = PairedDifference::between(experiment, of, against, 1.0);
    let found = SpeedUpOutcome::between(experiment, of, against, Cost::ExactFlops, 1.0);
    let ours = found.over_seeds.as_ref().map(words::share).unwrap_or_default();
    let sized = found.over_seeds.as_ref().and_then(|all| all.interval);
    let (verdict, p, sentence) = on_difference(&difference, |all, p| {
        let reached = reaches(sized, paper);
        let (verdict, p, words) = signed(all, p, paper < 0.0, reached);
        let size = match (verdict, reached) {
            (Verdict::Reproduced, _) => format!("; the speed-up {ours} reaches {}", signed_percent(paper)),
            (Verdict::SameSignSmaller, _) => {
                format!("; the speed-up {ours} stays short of {}", signed_percent(paper))
            }
            (Verdict::NotReproduced | Verdict::NotDecidable, _) => String::new(),
        };
        (verdict, p, format!("The loss difference {} {words}{size}.", words::nats(all)))
    });
    let seeds = difference.count();
    Judged { verdict, ours, sentence, seeds, p, evidence: Evidence::SpeedUp { difference, speed_up: found } }
}

fn lower(difference: PairedDifference, paper: Option<f64>) -> Judged {
    let ours = difference.over_seeds.as_ref().map(words::nats).unwrap_or_default();
    let (verdict, p, sentence) = on_difference(&difference, |all, p| {
        let reached = match (paper, all.interval) {
            (None, _) => Some(true),
            (Some(paper), interval) => interval.map(|interval| interval.lower() <= -paper.abs()),
        };
        let (verdict, p, words) = signed(all, p, false, reached);
        let size = match (verdict, paper) {
            (Verdict::Reproduced, Some(paper)) => format!(" and reaches {}", words::signed(-paper.abs())),
            (Verdict::SameSignSmaller, Some(paper)) => {
                format!(" and stays short of {}", words::signed(-paper.abs()))
            }
            _ => String::new(),
        };
        (verdict, p, format!("The loss difference {} {words}{size}.", words::nats(all)))
    });
    Judged { verdict, ours, sentence, seeds: difference.count(), p, evidence: Evidence::Lower { difference } }
}

fn equal(difference: PairedDifference, margin: f64) -> Judged {
    let ours = difference.over_seeds.as_ref().map(words::nats).unwrap_or_default();
    let margin = margin.abs();
    let range = Interval::new(-margin, margin).ok();
    let values = difference.values();
    let test = range.and_then(|range| equivalence(&values, range).ok());
    let inner = mean_interval(&values, LEVEL_WITHIN).ok().map(|mean| mean.interval);
    let (verdict, p, sentence) = on_difference(&difference, |all, _| {
        let (Some(inner), Some(outer), Some(range)) = (inner, all.interval, range) else {
            return (Verdict::NotDecidable, None, words::no_interval(all));
        };
        let verdict = of_range(inner, outer, range);
        let number = words::with_interval(words::signed(all.mean), Some(&inner), words::signed);
        let said = match verdict {
            Verdict::Reproduced => "lies within",
            Verdict::NotReproduced => "lies beyond",
            Verdict::SameSignSmaller | Verdict::NotDecidable => "may lie within or beyond",
        };
        let p = test.map(|test| match verdict {
            Verdict::NotReproduced => test.p_outside,
            Verdict::Reproduced | Verdict::SameSignSmaller | Verdict::NotDecidable => test.p_within,
        });
        (verdict, p, format!("The loss difference {number} (90 %) {said} ± {margin}."))
    });
    let seeds = difference.count();
    Judged {
        verdict,
        ours,
        sentence,
        seeds,
        p,
        evidence: Evidence::Equal { difference, interval: inner, test },
    }
}

fn optimum(
    experiment: &Experiment,
    axis: &str,
    with: &BTreeMap<String, String>,
    (from, to): (f64, f64),
    at: f64,
) -> Judged {
    let optimum = OptimumOutcome::along(experiment, axis, with, at);
    let wanted = format!("{} to {}", words::on_axis(from), words::on_axis(to));
    let logarithms = Interval::new(from.max(NEXT_TO_NOTHING).ln(), to.max(NEXT_TO_NOTHING).ln()).ok();
    let mut test = None;
    let (verdict, p, ours, sentence) = match &optimum.minimum {
        Minimum::None { why } => {
            let sentence = format!("There is no minimum along {axis} to judge: {why}.");
            (Verdict::NotDecidable, None, String::new(), sentence)
        }
        Minimum::AtEdge { edge, x } => {
            let end = match edge {
                Edge::Lowest => "lowest",
                Edge::Highest => "highest",
            };
            let ours = format!("at or beyond {}", words::on_axis(*x));
            let sentence = format!(
                "The minimum along {axis} is at or beyond the edge, the {end} place {}: {wanted} can't be judged.",
                words::on_axis(*x)
            );
            (Verdict::NotDecidable, None, ours, sentence)
        }
        Minimum::Within { x, interval, no_interval, seeds, .. } => {
            let ours = words::with_interval(words::on_axis(*x), interval.as_ref(), words::on_axis);
            match (interval, logarithms) {
                (Some(interval), Some(logarithms)) => {
                    let values: Vec<f64> = seeds.iter().map(|seed| seed.value.ln()).collect();
                    test = equivalence(&values, logarithms).ok();
                    let range = Interval::new(from, to).unwrap_or(*interval);
                    let is_at_zero = optimum.lowest == Some(0.0) && from > 0.0;
                    let verdict = if is_at_zero {
                        Verdict::NotDecidable
                    } else {
                        of_range(*interval, *interval, range)
                    };
                    let p = test.map(|test| match verdict {
                        Verdict::NotReproduced => test.p_outside,
                        // Twice, as it is the 95 % interval that has to lie within.
                        Verdict::Reproduced | Verdict::SameSignSmaller | Verdict::NotDecidable => {
                            (2.0 * test.p_within).min(1.0)
                        }
                    });
                    let said = match verdict {
                        Verdict::Reproduced => "lies within",
                        Verdict::NotReproduced => "lies outside of",
                        Verdict::SameSignSmaller | Verdict::NotDecidable => "may lie within or outside of",
                    };
                    let zero = if is_at_zero {
                        " The lowest mean of all is at 0, which has no logarithm."
                    } else {
                        ""
                    };
                    (
                        verdict,
                        p,
                        ours.clone(),
                        format!("The minimum along {axis}, {ours}, {said} {wanted}.{zero}"),
                    )
                }
                _ => {
                    let why = no_interval.as_deref().unwrap_or("the claimed range is empty");
                    let sentence =
                        format!("The minimum along {axis} is {ours}, and nothing can be decided: {why}.");
                    (Verdict::NotDecidable, None, ours, sentence)
                }
            }
        }
    };
    let seeds = optimum.seeds.len();
    Judged { verdict, ours, sentence, seeds, p, evidence: Evidence::Optimum { optimum, test } }
}

fn law(experiment: &Experiment, of: &[String], against: &[String], paper: f64) -> Judged {
    let series = |kinds: &[String], label: &str| LawSeries { label: label.to_owned(), kinds: kinds.to_vec() };
    let (own, other) = (
        LawOutcome::of(experiment, &series(of, "claimed to be better")),
        LawOutcome::of(experiment, &series(against, "the other")),
    );
    let at_the_largest = LawsAtTheLargest::of(&own, &other);
    let mut ours = String::new();
    let (mut verdict, mut p, mut seeds) =
        (Verdict::NotDecidable, None, own.seeds.len().min(other.seeds.len()));
    let sentence = match &at_the_largest {
        None => {
            let caveats: Vec<&str> = own.caveats.iter().chain(&other.caveats).map(String::as_str).collect();
            format!("There are no two laws to compare: {}.", caveats.first().unwrap_or(&"a fit is missing"))
        }
        Some(_) if own.preferred.is_none() || other.preferred.is_none() => {
            "A law is no better than a constant, or the points are too few to tell: nothing can be decided."
                .to_owned()
        }
        Some(found) => match &found.difference {
            None => "The laws give no difference.".to_owned(),
            Some(all) if all.interval.is_none() => words::no_interval(all),
            Some(all) => {
                seeds = all.count();
                ours = found.speed_up.as_ref().map(words::share).unwrap_or_default();
                let reached = reaches(found.speed_up.as_ref().and_then(|all| all.interval), paper);
                let said;
                (verdict, p, said) = signed(all, found.test.map(|test| test.p), paper < 0.0, reached);
                format!(
                    "At {} the difference of the laws {} {said}; they give a speed-up of {ours}, and the paper {}.",
                    flops_in_words(found.flops),
                    words::nats(all),
                    signed_percent(paper)
                )
            }
        },
    };
    Judged {
        verdict,
        ours,
        sentence,
        seeds,
        p,
        evidence: Evidence::Law { of: own, against: other, at_the_largest },
    }
}

/// What a rule says of a difference, where there is one with an interval.
fn on_difference(
    difference: &PairedDifference,
    rule: impl FnOnce(&OverSeeds, Option<f64>) -> (Verdict, Option<f64>, String),
) -> (Verdict, Option<f64>, String) {
    let Some(all) = &difference.over_seeds else {
        let why = difference.left_out.first().map_or("no run of either", |left_out| left_out.why.as_str());
        return (Verdict::NotDecidable, None, format!("No seed has a pair of finished runs: {why}."));
    };
    if all.interval.is_none() {
        return (Verdict::NotDecidable, None, words::no_interval(all));
    }
    rule(all, difference.test.map(|test| test.p))
}
