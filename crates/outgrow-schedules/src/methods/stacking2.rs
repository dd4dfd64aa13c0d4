//! Progressively Stacking 2.0 (arXiv 2011.13635): layers added on top, and only these trained.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::Growth;
use serde::{Deserialize, Serialize};

use crate::{
    at_growth::AtGrowth,
    error::ScheduleError,
    learning_rate::curve::LearningRateCurve,
    methods::{
        base_sizes::with_layers,
        depths::{check_doubling, check_layer_counts, last_above},
        length::Length,
        outline::{Lengths, Outline, Start, Step},
    },
    schedule::Schedule,
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
    /// Learning rate of each growing stage, begun anew in each unless `at_growth` says otherwise.
    pub stage_learning_rate: LearningRateCurve,
    /// Length of the last stage, in which everything is trained.
    pub joint: Length,
    /// Learning rate of the last stage. None where that of the growing stages goes on.
    pub joint_learning_rate: Option<LearningRateCurve>,
    /// What is chosen at each growth; its rate is that of the last stage, too.
    #[serde(default)]
    pub at_growth: AtGrowth,
}

impl Schedule {
    /// Progressively Stacking 2.0 (arXiv 2011.13635): add layers on top, as copies of the top ones, and train only the
    /// new ones, the final norm and the head; when all are there, train everything.
    ///
    /// The first stage trains everything: there is nothing below it. For one learning rate over the whole run, keep it
    /// in `at_growth`, or see [`Schedule::with_continued_learning_rate`].
    ///
    /// # Errors
    /// Layer counts that don't rise to the target's or more than double, a budget that the growing stages use up, and
    /// as [`Schedule::new`].
    pub fn stacking2(target: &LlamaConfig, settings: &Stacking2) -> Result<Self, ScheduleError> {
        check_layer_counts(&settings.layer_counts, target.num_hidden_layers)?;
        schedule(Start::Target(target), target, settings)
    }

    /// The same of a base that there is already. It is trained on for `base_tokens`, which may be 0; the target follows
    /// from it and the last layer count.
    ///
    /// # Errors
    /// Layer counts that don't begin with the base's; and as [`Schedule::stacking2`].
    pub fn stacking2_from(base: &LlamaConfig, settings: &Stacking2) -> Result<Self, ScheduleError> {
        let last = last_above(&settings.layer_counts, base.num_hidden_layers)?;
        check_layer_counts(&settings.layer_counts, last)?;
        schedule(Start::Base(base), base, settings)
    }
}

fn schedule(start: Start<'_>, like: &LlamaConfig, settings: &Stacking2) -> Result<Schedule, ScheduleError> {
    let Stacking2 { layer_counts: counts, stage_tokens, stage_learning_rate, at_growth, .. } = settings;
    check_doubling(counts)?;
    let name = |count: usize| format!("{count}-layers");
    let first = with_layers(like, counts[0])?;
    let mut outline = Outline::new(start, first, &name(counts[0]), *stage_learning_rate);
    for pair in counts.windows(2) {
        outline.then(Step {
            name: name(pair[1]),
            enter: Some(Growth::Layers { layers: top_layers_again(pair[0], pair[1]) }),
            trainable: Trainable::Top { layers: pair[1] - pair[0] },
            at_growth: *at_growth,
            learning_rate: at_growth.own_rate(*stage_learning_rate),
        })?;
    }
    outline.then(Step {
        name: "joint".to_owned(),
        enter: None,
        trainable: Trainable::All,
        at_growth: *at_growth,
        learning_rate: settings.joint_learning_rate,
    })?;
    let mut earlier = vec![*stage_tokens; counts.len()];
    earlier[0] = settings.base_tokens.unwrap_or(*stage_tokens);
    outline.build(Lengths::Earlier(earlier, settings.joint))
}

/// The layers `0 … from`, and the top `to − from` of them again.
fn top_layers_again(from: usize, to: usize) -> Vec<usize> {
    (0..from).chain(2 * from - to..from).collect()
}
