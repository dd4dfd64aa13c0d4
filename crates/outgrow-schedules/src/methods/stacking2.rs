//! Progressively Stacking 2.0 (arXiv 2011.13635): layers added on top, and only these trained.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::Growth;
use serde::{Deserialize, Serialize};

use crate::{
    error::ScheduleError,
    learning_rate::curve::LearningRateCurve,
    methods::{length::Length, with_layers},
    schedule::Schedule,
    stage::Stage,
    trainable::Trainable,
};

/// The settings of [`Schedule::stacking2`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stacking2 {
    /// Layers of each growing stage, rising to those of the target: `[2, 4, 6, 8]`.
    pub layer_counts: Vec<usize>,
    /// Tokens of the first stage, where they aren't `stage_tokens`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_tokens: Option<u64>,
    /// Tokens of each growing stage.
    pub stage_tokens: u64,
    /// Learning rate of each growing stage, begun anew in each.
    pub stage_learning_rate: LearningRateCurve,
    /// Length of the last stage, in which everything is trained.
    pub joint: Length,
    /// Learning rate of the last stage.
    pub joint_learning_rate: LearningRateCurve,
}

impl Schedule {
    /// Progressively Stacking 2.0 (arXiv 2011.13635): add layers on top, as copies of the top ones, and train only the
    /// new ones, the final norm and the head; when all are there, train everything.
    ///
    /// The first stage trains everything: there is nothing below it. For one learning rate over the whole run, see
    /// [`Schedule::with_continued_learning_rate`].
    ///
    /// # Errors
    /// Layer counts that don't rise to the target's or more than double, a budget that the growing stages use up, and
    /// as [`Schedule::new`].
    pub fn stacking2(target: &LlamaConfig, settings: &Stacking2) -> Result<Self, ScheduleError> {
        stages(target, settings).and_then(Self::new)
    }

    /// The same of a base that there is already. It is trained on for `base_tokens`, which may be 0; the target follows
    /// from it and the last layer count.
    ///
    /// # Errors
    /// Layer counts that don't begin with the base's; and as [`Schedule::stacking2`].
    pub fn stacking2_from(base: &LlamaConfig, settings: &Stacking2) -> Result<Self, ScheduleError> {
        let (counts, num_hidden_layers) = (&settings.layer_counts, base.num_hidden_layers);
        let last = counts.last().filter(|_| counts.first() == Some(&num_hidden_layers));
        let Some(&last) = last else {
            return Err(ScheduleError::FirstLayerCount { layer_counts: counts.clone(), num_hidden_layers });
        };
        stages(&with_layers(base, last)?, settings).and_then(Self::from_base)
    }
}

fn stages(target: &LlamaConfig, settings: &Stacking2) -> Result<Vec<Stage>, ScheduleError> {
    let counts = &settings.layer_counts;
    check_layer_counts(counts, target.num_hidden_layers)?;
    let mut stages = Vec::with_capacity(counts.len() + 1);
    let mut previous = None;
    for &count in counts {
        let (trainable, enter) = match previous {
            None => (Trainable::All, None),
            Some(previous) => (
                Trainable::Top { layers: count - previous },
                Some(Growth::Layers { layers: top_layers_again(previous, count) }),
            ),
        };
        let tokens = settings.base_tokens.filter(|_| previous.is_none()).unwrap_or(settings.stage_tokens);
        stages.push(Stage {
            trainable,
            enter,
            ..Stage::new(
                format!("{count}-layers"),
                with_layers(target, count)?,
                tokens,
                settings.stage_learning_rate.over(tokens),
            )
        });
        previous = Some(count);
    }
    let tokens = settings.joint.tokens(&stages, target, Trainable::All)?;
    stages.push(Stage::new("joint", target.clone(), tokens, settings.joint_learning_rate.over(tokens)));
    Ok(stages)
}

fn check_layer_counts(counts: &[usize], num_hidden_layers: usize) -> Result<(), ScheduleError> {
    let rises = counts.windows(2).all(|pair| pair[0] < pair[1]);
    if !rises || counts.first().is_none_or(|first| *first == 0) || counts.last() != Some(&num_hidden_layers) {
        return Err(ScheduleError::LayerCounts { layer_counts: counts.to_vec(), num_hidden_layers });
    }
    let problems = counts
        .windows(2)
        .filter(|pair| pair[1] > 2 * pair[0])
        .map(|pair| ScheduleError::MoreThanDoubled { from: pair[0], to: pair[1] });
    ScheduleError::from_problems(problems.collect())
}

/// The layers `0 … from`, and the top `to − from` of them again.
fn top_layers_again(from: usize, to: usize) -> Vec<usize> {
    (0..from).chain(2 * from - to..from).collect()
}
