//! Claims of a sign and a size: which test decides, and how that is said.

use outgrow_statistics::{Interval, equivalence};

use crate::experiment::{
    claims::{
        evidence::SMALLEST,
        verdict::{Because, Verdict, of_sign},
        words,
    },
    outcome::{difference::PairedDifference, over_seeds::OverSeeds},
};

/// The difference as the claim's sign has it: negative where it holds.
fn turned(interval: Interval, is_slower: bool) -> Interval {
    if is_slower { Interval::new(-interval.upper(), -interval.lower()).unwrap_or(interval) } else { interval }
}

/// Whether a speed-up with this interval is as large as the paper's, in the paper's direction.
pub(super) fn reaches(interval: Option<Interval>, paper: f64) -> Option<bool> {
    interval.map(|interval| if paper < 0.0 { interval.lower() <= paper } else { interval.upper() >= paper })
}

/// A verdict on a sign and a size, with the p value of what decided it, in words.
pub(super) fn signed(
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

/// What a rule says of a difference, where there is one with an interval.
pub(super) fn on_difference(
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
