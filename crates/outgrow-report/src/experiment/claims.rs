//! What is claimed, judged by the rules that stand in the experiment's file: a verdict with the numbers that it follows
//! from. docs/EXPERIMENT_RULES.md has the rules in words.

pub(crate) mod verdict;

pub(crate) mod evidence;
pub(crate) mod words;

mod signs;
mod ranges;
mod measure;

use outgrow_statistics::holm;
use serde::Serialize;

use crate::experiment::{
    claims::{
        evidence::{Evidence, Judged},
        measure::judged,
        verdict::Verdict,
    },
    description::Claim,
    reading::Experiment,
};

/// A decision has to be as sure as this after the correction.
const SIGNIFICANCE: f64 = 0.05;

/// A claim and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClaimOutcome {
    /// What is claimed, and the rule.
    pub claim: Claim,
    /// What came of it.
    pub verdict: Verdict,
    /// What would have come of it if it were the only claim.
    pub uncorrected: Verdict,
    /// Our number with its interval, as a table has it; empty where there is none.
    pub ours: String,
    /// What the verdict follows from, in a sentence.
    pub sentence: String,
    /// How many seeds it is judged by.
    pub seeds: usize,
    /// The p value of the test that decided, or of that which would have; `None` where there is none.
    pub p: Option<f64>,
    /// The same by Holm's method over all claims of the experiment.
    pub adjusted_p: Option<f64>,
    /// The numbers.
    pub evidence: Evidence,
}

/// Judges all claims, and corrects them together.
pub(crate) fn judge(experiment: &Experiment) -> Vec<ClaimOutcome> {
    let claims = &experiment.description().claims;
    let judged: Vec<Judged> = claims.iter().map(|claim| judged(experiment, &claim.rule)).collect();
    let tested: Vec<f64> = judged.iter().filter_map(|judged| judged.p).collect();
    // No p is 0 or no number: each comes from a test that could be made.
    let mut adjusted = holm(&tested).unwrap_or_default().into_iter();
    claims
        .iter()
        .zip(judged)
        .map(|(claim, judged)| {
            let adjusted_p = judged.p.and_then(|_| adjusted.next());
            let is_lost = judged.verdict != Verdict::NotDecidable
                && adjusted_p.is_none_or(|adjusted| adjusted >= SIGNIFICANCE);
            let (verdict, sentence) = if is_lost {
                let verdict = judged.verdict.in_words(!claim.paper.is_empty());
                let why = words::lost(verdict, judged.p, adjusted_p, tested.len());
                (Verdict::NotDecidable, format!("{} {why}", judged.sentence))
            } else {
                (judged.verdict, judged.sentence)
            };
            ClaimOutcome {
                claim: claim.clone(),
                verdict,
                uncorrected: judged.verdict,
                ours: judged.ours,
                sentence,
                seeds: judged.seeds,
                p: judged.p,
                adjusted_p,
                evidence: judged.evidence,
            }
        })
        .collect()
}
