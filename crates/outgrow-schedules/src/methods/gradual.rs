//! Gradual stacking (arXiv 2405.15319, section 5.1): several growths in depth, everything trained all the time.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::Operator;
use serde::{Deserialize, Serialize};

use crate::{
    at_growth::AtGrowth,
    error::ScheduleError,
    learning_rate::curve::LearningRateCurve,
    methods::{
        base_sizes::with_layers,
        depths::{check_layer_counts, growths_between, last_above},
        length::Length,
        outline::{Lengths, Outline, Start, Step},
    },
    schedule::Schedule,
    trainable::Trainable,
};

/// The settings of [`Schedule::gradual`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gradual {
    /// Layers of each stage, rising to those of the target: `[6, 12, 24]` in the paper.
    pub layer_counts: Vec<usize>,
    /// What leads from one to the next: `last`, the top layers again, in the code released with the paper; `stack`, the
    /// whole again, in its figure.
    pub operator: Operator,
    /// Tokens of the first stage, where they aren't `stage_tokens`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_tokens: Option<u64>,
    /// Tokens of each stage but the last; 10 billion in the paper.
    pub stage_tokens: u64,
    /// Learning rate of each stage but the last, begun anew in each unless `at_growth` says otherwise.
    pub stage_learning_rate: LearningRateCurve,
    /// Length of the last stage.
    pub grown: Length,
    /// Learning rate of the last stage. None where that of the stages before goes on.
    pub grown_learning_rate: Option<LearningRateCurve>,
    /// What is chosen at each growth.
    #[serde(default)]
    pub at_growth: AtGrowth,
}

impl Schedule {
    /// Gradual stacking (arXiv 2405.15319, section 5.1 and H.1): grow in depth several times, and train everything all
    /// the time. The paper finds one growth at once better.
    ///
    /// # Errors
    /// Layer counts that don't rise to the target's, or that the operator doesn't reach; a budget that the stages
    /// before the last use up; and as [`Schedule::new`].
    pub fn gradual(target: &LlamaConfig, settings: &Gradual) -> Result<Self, ScheduleError> {
        check_layer_counts(&settings.layer_counts, target.num_hidden_layers)?;
        schedule(Start::Target(target), target, settings)
    }

    /// The same of a base that there is already. It is trained on for `base_tokens`, which may be 0; the target follows
    /// from it and the last layer count.
    ///
    /// # Errors
    /// Layer counts that don't begin with the base's; and as [`Schedule::gradual`].
    pub fn gradual_from(base: &LlamaConfig, settings: &Gradual) -> Result<Self, ScheduleError> {
        let last = last_above(&settings.layer_counts, base.num_hidden_layers)?;
        check_layer_counts(&settings.layer_counts, last)?;
        schedule(Start::Base(base), base, settings)
    }
}

fn schedule(start: Start<'_>, like: &LlamaConfig, settings: &Gradual) -> Result<Schedule, ScheduleError> {
    let counts = &settings.layer_counts;
    let growths = growths_between(settings.operator, counts)?;
    let name = |count: usize| format!("{count}-layers");
    let first = with_layers(like, counts[0])?;
    let mut outline = Outline::new(start, first, &name(counts[0]), settings.stage_learning_rate);
    let last = growths.len();
    for (index, (growth, count)) in growths.into_iter().zip(&counts[1..]).enumerate() {
        let own = settings.at_growth.own_rate(settings.stage_learning_rate);
        outline.then(Step {
            name: name(*count),
            enter: Some(growth),
            trainable: Trainable::All,
            at_growth: settings.at_growth,
            learning_rate: if index + 1 == last { settings.grown_learning_rate } else { own },
        })?;
    }
    let mut earlier = vec![settings.stage_tokens; last];
    if let (Some(first), Some(tokens)) = (earlier.first_mut(), settings.base_tokens) {
        *first = tokens;
    }
    outline.build(Lengths::Earlier(earlier, settings.grown))
}
