//! Claims of a range: a difference within a margin, a minimum within the paper's numbers.

use std::collections::BTreeMap;

use outgrow_statistics::{Interval, equivalence, mean_interval};

use crate::experiment::{
    claims::{
        evidence::{Evidence, Judged},
        signs::on_difference,
        verdict::{Verdict, of_range},
        words,
    },
    outcome::{
        difference::PairedDifference,
        optimum::{Minimum, OptimumOutcome},
        sweeps::Edge,
    },
    reading::Experiment,
};

/// The level of the interval that has to lie within a margin: two one-sided tests at 5 %.
const LEVEL_WITHIN: f64 = 0.9;
/// Below all numbers of an axis, where a range begins at 0.
const NEXT_TO_NOTHING: f64 = 1e-300;

pub(super) fn equal(difference: PairedDifference, margin: f64) -> Judged {
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

pub(super) fn optimum(
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
            if let (Some(interval), Some(logarithms)) = (interval, logarithms) {
                let values: Vec<f64> = seeds.iter().map(|seed| seed.value.ln()).collect();
                test = equivalence(&values, logarithms).ok();
                let range = Interval::new(from, to).unwrap_or(*interval);
                let is_at_zero = optimum.lowest == Some(0.0) && from > 0.0;
                let verdict =
                    if is_at_zero { Verdict::NotDecidable } else { of_range(*interval, *interval, range) };
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
                let zero =
                    if is_at_zero { " The lowest mean of all is at 0, which has no logarithm." } else { "" };
                (
                    verdict,
                    p,
                    ours.clone(),
                    format!("The minimum along {axis}, {ours}, {said} {wanted}.{zero}"),
                )
            } else {
                let why = no_interval.as_deref().unwrap_or("the claimed range is empty");
                let sentence =
                    format!("The minimum along {axis} is {ours}, and nothing can be decided: {why}.");
                (Verdict::NotDecidable, None, ours, sentence)
            }
        }
    };
    let seeds = optimum.seeds.len();
    Judged { verdict, ours, sentence, seeds, p, evidence: Evidence::Optimum { optimum, test } }
}
