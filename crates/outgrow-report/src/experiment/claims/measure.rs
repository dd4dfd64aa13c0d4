//! From a rule to a verdict: which numbers it takes, which test decides, and how the sentence says it.

use crate::{
    experiment::{
        claims::{
            evidence::{Evidence, Judged},
            ranges::{equal, optimum},
            signs::{on_difference, reaches, signed},
            verdict::Verdict,
            words,
        },
        description::{LawSeries, Rule},
        outcome::{
            difference::PairedDifference, laws::LawOutcome, speed_up::SpeedUpOutcome,
            two_laws::LawsAtTheLargest,
        },
        reading::Experiment,
    },
    figures::{flops as flops_in_words, signed_percent},
    run::record::Cost,
};

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

fn speed_up(experiment: &Experiment, of: &str, against: &str, paper: f64) -> Judged {
    let difference = PairedDifference::between(experiment, of, against, 1.0);
    let found = SpeedUpOutcome::between(experiment, of, against, Cost::ExactFlops, 1.0);
    let ours = found.over_seeds.as_ref().map(words::share).unwrap_or_default();
    let sized = found.over_seeds.as_ref().and_then(|all| all.interval);
    let (verdict, p, sentence) = on_difference(&difference, |all, p| {
        let reached = reaches(sized, paper);
        let (verdict, p, words) = signed(all, p, paper < 0.0, reached);
        let size = match (verdict, reached) {
            (Verdict::Reproduced, _) => format!(
                ", and the interval of the speed-up, {ours}, reaches the paper's {}",
                signed_percent(paper)
            ),
            (Verdict::SameSignSmaller, _) => {
                format!(
                    ", and the interval of the speed-up, {ours}, stays short of the paper's {}",
                    signed_percent(paper)
                )
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
