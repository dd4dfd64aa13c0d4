//! What has been gained by growth at which size, and what newer papers say against counting on it.

use serde::Serialize;

use crate::advice::timing::Zone;

/// Speed-ups at equal loss, `FLOPs_scratch / FLOPs_grown − 1`, and where they are from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Saving {
    /// Parameters of the models that they were measured on.
    pub parameters: f64,
    /// The least of several losses.
    pub least_speed_up: f64,
    /// The most.
    pub most_speed_up: f64,
    /// Which figures, and of how many runs.
    pub source: &'static str,
}

/// Something that newer work says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Caution {
    /// In a sentence.
    pub says: &'static str,
    /// Its paper.
    pub source: &'static str,
}

const SAVINGS: [Saving; 4] = [
    saving_of(410e6, 0.31, 0.531, "arXiv 2405.15319, figure 6, single runs"),
    saving_of(1.1e9, 0.39, 0.491, "arXiv 2405.15319, figure 3 and its site's plots, single runs"),
    saving_of(3e9, 0.486, 0.545, "arXiv 2405.15319, figure 4, single runs"),
    saving_of(7e9, 0.408, 0.553, "arXiv 2405.15319, figure 5, single runs"),
];

const fn saving_of(parameters: f64, least_speed_up: f64, most_speed_up: f64, source: &'static str) -> Saving {
    Saving { parameters, least_speed_up, most_speed_up, source }
}

impl Saving {
    /// The part of scratch's FLOPs that is saved at the least and at the most.
    pub fn saved_flops(&self) -> (f64, f64) {
        let saved = |speed_up: f64| 1.0 - 1.0 / (1.0 + speed_up);
        (saved(self.least_speed_up), saved(self.most_speed_up))
    }
}

/// That of the nearest size; below the sizes that were measured nobody has published one.
pub(super) fn saving(zone: Zone, parameters: f64) -> Option<Saving> {
    let distance = |one: &Saving| (one.parameters / parameters).ln().abs();
    match zone {
        Zone::Below => None,
        Zone::Fitted | Zone::Above => {
            SAVINGS.into_iter().min_by(|one, two| distance(one).total_cmp(&distance(two)))
        }
    }
}

/// What holds for this factor and this many tokens.
pub(super) fn cautions(factor: usize, tokens_per_parameter: f64) -> Vec<Caution> {
    let caution = |says, source| Caution { says, source };
    let of_factor = (factor > 2)
        .then(|| caution("a factor of 2 is the safest; above some factor scratch wins", "arXiv 2605.13405"));
    let of_tokens = (tokens_per_parameter > 20.0)
        .then(|| caution("gains shrink beyond 20 tokens for each parameter", "arXiv 2605.13405"));
    let always = [
        caution("the longer the base was trained, the less the grown model learns", "arXiv 2510.06548"),
        caution("a base that has converged is better interleaved than stacked", "arXiv 2510.08008"),
    ];
    of_factor.into_iter().chain(of_tokens).chain(always).collect()
}
