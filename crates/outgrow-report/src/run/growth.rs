//! What a run says of one growth: the losses around it in run.json, and in metrics.jsonl what was measured of old and
//! new values and of copies afterwards.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One growth of a run. Losses are of validations.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GrowthRecord {
    /// The stage that begins with it.
    pub stage: String,
    /// Tokens of the run before it, those of a base not included.
    pub tokens: u64,
    /// The last loss of the smaller model.
    pub loss_before: f64,
    /// The first loss of the grown one.
    pub loss_after: f64,
    /// The highest until the old loss was back.
    pub highest_loss: f64,
    /// Tokens from the growth until the old loss was back; `None` if it wasn't.
    pub tokens_until_back: Option<u64>,
    /// In the steps that were measured.
    #[serde(skip)]
    pub norms: Vec<GrowthNorms>,
    /// In the validations that were measured.
    #[serde(skip)]
    pub copies: Vec<GrowthCopies>,
}

/// Norms in one step after a growth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthNorms {
    /// Tokens of the stage.
    pub stage_tokens: u64,
    /// Of what goes on from the smaller model.
    pub old: PartNorms,
    /// Of what is new.
    pub new: PartNorms,
}

/// The norms of one part.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct PartNorms {
    /// Its values.
    pub parameters: u64,
    /// Of their gradients.
    pub grad_norm: f64,
    /// Of their change in the step.
    pub update_norm: f64,
}

/// How alike copies are: the mean cosine over all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthCopies {
    /// Tokens of the stage.
    pub stage_tokens: u64,
    /// Between layers, or between channels where no layer is a copy.
    pub cosine: f64,
}

/// A line of metrics.jsonl about a growth. What other versions write into it is let through.
#[derive(Deserialize)]
pub(crate) struct GrowthLine {
    tokens: u64,
    stage_tokens: u64,
    growth: Measured,
}

#[derive(Deserialize)]
struct Measured {
    norms: Option<Norms>,
    copies: Option<Copies>,
}

#[derive(Deserialize)]
struct Norms {
    old: Option<PartNorms>,
    new: Option<PartNorms>,
}

#[derive(Deserialize)]
struct Copies {
    #[serde(default)]
    layers: BTreeMap<String, Cosines>,
    #[serde(default)]
    channels: BTreeMap<String, Cosines>,
}

#[derive(Deserialize)]
struct Cosines {
    pairs: u64,
    mean: f64,
}

impl GrowthRecord {
    /// Takes the line, if it is about this growth.
    pub(crate) fn add(&mut self, line: &GrowthLine) {
        let GrowthLine { tokens, stage_tokens, growth } = line;
        if tokens.checked_sub(*stage_tokens) != Some(self.tokens) {
            return;
        }
        if let Some(Norms { old: Some(old), new: Some(new) }) = growth.norms {
            self.norms.retain(|norms| norms.stage_tokens < *stage_tokens);
            self.norms.push(GrowthNorms { stage_tokens: *stage_tokens, old, new });
        }
        if let Some(cosine) = growth.copies.as_ref().and_then(Copies::mean) {
            self.copies.retain(|copies| copies.stage_tokens < *stage_tokens);
            self.copies.push(GrowthCopies { stage_tokens: *stage_tokens, cosine });
        }
    }
}

impl GrowthNorms {
    /// How far a new value moves for each step that an old one takes, by their root mean squares; `None` where old ones
    /// stand still.
    pub fn update_ratio(&self) -> Option<f64> {
        let mean = |part: PartNorms| part.update_norm / (part.parameters.max(1) as f64).sqrt();
        let (old, new) = (mean(self.old), mean(self.new));
        (old > 0.0).then(|| new / old)
    }
}

impl Copies {
    fn mean(&self) -> Option<f64> {
        let cosines = if self.layers.is_empty() { &self.channels } else { &self.layers };
        let pairs: u64 = cosines.values().map(|one| one.pairs).sum();
        let sum: f64 = cosines.values().map(|one| one.pairs as f64 * one.mean).sum();
        (pairs > 0).then(|| sum / pairs as f64)
    }
}
