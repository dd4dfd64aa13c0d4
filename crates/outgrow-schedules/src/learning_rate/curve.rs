//! A learning rate as a recipe gives it: before the stage's length, and what came before it, are known.

use serde::{Deserialize, Serialize};

use crate::learning_rate::{LearningRate, shape::Shape};

/// A learning rate before the stage's length is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenCurve")]
pub struct LearningRateCurve {
    /// The rate at the end of the warm-up.
    pub peak: f64,
    /// The rate at the horizon and after it.
    pub minimum: f64,
    /// Tokens of the warm-up; 0 for none.
    pub warmup_tokens: u64,
    /// Tokens to the minimum; where it is left out, the length of the stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizon_tokens: Option<u64>,
    /// How it comes down.
    #[serde(skip_serializing_if = "Shape::is_cosine")]
    pub shape: Shape,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCurve {
    peak: f64,
    minimum: Option<f64>,
    warmup_tokens: u64,
    horizon_tokens: Option<u64>,
    #[serde(default)]
    shape: Shape,
}

impl TryFrom<WrittenCurve> for LearningRateCurve {
    type Error = String;

    /// A shape that ends at a minimum is given one, however small; one that stays up has none.
    fn try_from(written: WrittenCurve) -> Result<Self, String> {
        let WrittenCurve { peak, minimum, warmup_tokens, horizon_tokens, shape } = written;
        let minimum = match (minimum, shape) {
            (Some(minimum), _) => minimum,
            (None, Shape::Constant) => peak,
            (None, Shape::InverseSquareRoot) => 0.0,
            (None, Shape::Cosine | Shape::Linear | Shape::Wsd { .. }) => {
                return Err("missing field `minimum`".to_owned());
            }
        };
        Ok(Self { peak, minimum, warmup_tokens, horizon_tokens, shape })
    }
}

impl LearningRateCurve {
    /// A cosine that comes down to its minimum where the stage ends.
    pub fn cosine(peak: f64, minimum: f64, warmup_tokens: u64) -> Self {
        Self { peak, minimum, warmup_tokens, horizon_tokens: None, shape: Shape::Cosine }
    }

    /// The learning rate of a stage of `tokens`, whose warm-up begins at 0.
    pub fn over(self, tokens: u64) -> LearningRate {
        let Self { peak, minimum, warmup_tokens, horizon_tokens, shape } = self;
        let horizon_tokens = horizon_tokens.unwrap_or(tokens);
        LearningRate { peak, minimum, warmup_tokens, horizon_tokens, start_tokens: 0, initial: 0.0, shape }
    }
}
