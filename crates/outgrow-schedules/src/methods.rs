//! Schedules under the names that the papers gave them. Each is a list of stages and nothing more: the trainer knows no method.

pub(crate) mod budget;

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::{Growth, Moments};
use serde::{Deserialize, Serialize};

use crate::{
    error::ScheduleError,
    learning_rate::{Cosine, LearningRate},
    methods::budget::Length,
    schedule::Schedule,
    stage::{Stage, Trainable},
};

/// Training the model as it is, in one stage: what growing is compared with.
///
/// # Errors
/// As [`Schedule::new`].
pub fn scratch(
    model: LlamaConfig,
    tokens: u64,
    learning_rate: LearningRate,
) -> Result<Schedule, ScheduleError> {
    Schedule::new(vec![Stage {
        name: "scratch".to_owned(),
        model,
        tokens,
        trainable: Trainable::All,
        enter: None,
        moments: Moments::Reset,
        learning_rate,
    }])
}

/// The settings of [`g_stack`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GStack {
    /// How many times the base is stacked; the paper finds 2 to 4 best.
    pub factor: usize,
    /// Tokens of the base.
    pub base_tokens: u64,
    /// Learning rate of the base.
    pub base_learning_rate: Cosine,
    /// Length of the training after the growth.
    pub grown: Length,
    /// Learning rate after the growth: a new curve with its own warm-up and peak.
    pub grown_learning_rate: Cosine,
}

/// G_stack (arXiv 2405.15319, Algorithm 1): train a base of a `factor`-th of the target's layers, stack it, train on.
///
/// # Errors
/// A factor that doesn't divide the target's layers, a budget that the base uses up, and as [`Schedule::new`].
pub fn g_stack(target: &LlamaConfig, settings: &GStack) -> Result<Schedule, ScheduleError> {
    let GStack { factor, .. } = *settings;
    let num_hidden_layers = target.num_hidden_layers;
    if factor == 0 || !num_hidden_layers.is_multiple_of(factor) {
        return Err(ScheduleError::Factor { factor, num_hidden_layers });
    }
    let base = Stage {
        name: "base".to_owned(),
        model: with_layers(target, num_hidden_layers / factor)?,
        tokens: settings.base_tokens,
        trainable: Trainable::All,
        enter: None,
        moments: Moments::Reset,
        learning_rate: settings.base_learning_rate.over(settings.base_tokens),
    };
    let earlier = vec![base];
    let tokens = settings.grown.tokens(&earlier, target, &Trainable::All)?;
    let grown = Stage {
        name: "grown".to_owned(),
        model: target.clone(),
        tokens,
        trainable: Trainable::All,
        enter: Some(Growth::Stack { factor }),
        moments: Moments::Reset,
        learning_rate: settings.grown_learning_rate.over(tokens),
    };
    Schedule::new(earlier.into_iter().chain([grown]).collect())
}

/// The settings of [`stacking2`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stacking2 {
    /// Layers of each growing stage, rising to those of the target: `[2, 4, 6, 8]`.
    pub layer_counts: Vec<usize>,
    /// Tokens of each growing stage.
    pub stage_tokens: u64,
    /// Learning rate of each growing stage, begun anew in each.
    pub stage_learning_rate: Cosine,
    /// Length of the last stage, in which everything is trained.
    pub joint: Length,
    /// Learning rate of the last stage.
    pub joint_learning_rate: Cosine,
}

/// Progressively Stacking 2.0 (arXiv 2011.13635): add layers on top, as copies of the top ones, and train only the new ones, the
/// final norm and the head; when all are there, train everything.
///
/// The first stage trains everything: there is nothing below it. For one learning rate over the whole run, see
/// [`Schedule::with_continued_learning_rate`].
///
/// # Errors
/// Layer counts that don't rise to the target's or more than double, a budget that the growing stages use up, and as
/// [`Schedule::new`].
pub fn stacking2(target: &LlamaConfig, settings: &Stacking2) -> Result<Schedule, ScheduleError> {
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
        stages.push(Stage {
            name: format!("{count}-layers"),
            model: with_layers(target, count)?,
            tokens: settings.stage_tokens,
            trainable,
            enter,
            moments: Moments::Reset,
            learning_rate: settings.stage_learning_rate.over(settings.stage_tokens),
        });
        previous = Some(count);
    }
    let tokens = settings.joint.tokens(&stages, target, &Trainable::All)?;
    stages.push(Stage {
        name: "joint".to_owned(),
        model: target.clone(),
        tokens,
        trainable: Trainable::All,
        enter: None,
        moments: Moments::Reset,
        learning_rate: settings.joint_learning_rate.over(tokens),
    });
    Schedule::new(stages)
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

fn with_layers(model: &LlamaConfig, num_hidden_layers: usize) -> Result<LlamaConfig, ScheduleError> {
    model.with(|fields| fields.num_hidden_layers = num_hidden_layers).map_err(ScheduleError::Model)
}
