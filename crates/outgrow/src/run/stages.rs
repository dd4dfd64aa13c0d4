//! A recipe's `[schedule]` made into stages, of a final model that its sizes say or of a base that there is. What is
//! wrong with a stage by itself, outgrow-schedules finds.

use outgrow_checkpoint::{CheckpointError, LlamaConfig, TrainingCost};
use outgrow_operators::{Growth, Origin, PlannedTensor, Width};
use outgrow_schedules::{
    FlopConvention, GStack, LearningRate, LearningRateCurve, Length, NextStage, Orthogonalization,
    RateBefore, Schedule, ScheduleBuilder, ScheduleError, Stacking2, Stage, Trainable,
};

use crate::{
    error::{BadInput, Result},
    recipe::{ScheduleRecipe, StageRecipe},
};

/// The model that stages are made for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Model<'a> {
    /// The final one. The first weights are drawn.
    Final(&'a LlamaConfig),
    /// The one that the run begins with, and what it has cost.
    Base(&'a LlamaConfig, &'a TrainingCost),
}

/// The stages of a recipe.
///
/// # Errors
/// Settings that lead to no stages, or to such as don't fit each other.
pub(crate) fn schedule(
    recipe: &ScheduleRecipe,
    model: Model<'_>,
    sequence_length: usize,
    orthogonalization: Option<Orthogonalization>,
) -> Result<Schedule> {
    Ok(match recipe.clone() {
        ScheduleRecipe::Scratch { tokens, learning_rate } => {
            let learning_rate = learning_rate.over(tokens);
            match model {
                Model::Final(model) => Schedule::scratch(model.clone(), tokens, learning_rate)?,
                Model::Base(base, _) => Schedule::continued(base.clone(), tokens, learning_rate)?,
            }
        }
        ScheduleRecipe::GStack {
            factor,
            base_tokens,
            base_learning_rate,
            grown_tokens,
            scratch_tokens,
            grown_learning_rate,
        } => {
            let num_hidden_layers = model.shape().num_hidden_layers;
            let last = match model {
                Model::Final(_) => num_hidden_layers,
                Model::Base(..) => num_hidden_layers.saturating_mul(factor),
            };
            let budget = Budget { model, num_hidden_layers: last, sequence_length, orthogonalization };
            let settings = GStack {
                factor,
                base_tokens,
                base_learning_rate: rate_of_base(base_tokens, base_learning_rate, model)?,
                grown: budget.length(grown_tokens, scratch_tokens, "grown_tokens")?,
                grown_learning_rate,
            };
            match model {
                Model::Final(model) => Schedule::g_stack(model, &settings)?,
                Model::Base(base, _) => Schedule::g_stack_from(base, &settings)?,
            }
        }
        ScheduleRecipe::Stacking2 {
            layer_counts,
            base_tokens,
            stage_tokens,
            stage_learning_rate,
            joint_tokens,
            scratch_tokens,
            joint_learning_rate,
        } => {
            let last = layer_counts.last().copied().unwrap_or(0);
            let budget = Budget { model, num_hidden_layers: last, sequence_length, orthogonalization };
            let joint = budget.length(joint_tokens, scratch_tokens, "joint_tokens")?;
            let settings = Stacking2 {
                layer_counts,
                base_tokens,
                stage_tokens,
                stage_learning_rate,
                joint,
                joint_learning_rate,
            };
            match model {
                Model::Final(model) => Schedule::stacking2(model, &settings)?,
                Model::Base(base, _) if base_tokens.is_some() => Schedule::stacking2_from(base, &settings)?,
                Model::Base(..) => {
                    let problem = "base_tokens is missing: how long the base of model.from is trained on before it \
                                   grows, 0 for not at all";
                    return Err(BadInput(problem.to_owned()).into());
                }
            }
        }
        ScheduleRecipe::Stages { stages } => stages_one_by_one(stages, model)?,
    })
}

impl Model<'_> {
    fn shape(&self) -> &LlamaConfig {
        match self {
            Self::Final(model) | Self::Base(model, _) => model,
        }
    }
}

/// The learning rate of G_stack's base; any stands for that of a base which takes no step.
fn rate_of_base(
    tokens: u64,
    rate: Option<LearningRateCurve>,
    model: Model<'_>,
) -> Result<LearningRateCurve, BadInput> {
    let no_step = LearningRateCurve::cosine(0.0, 0.0, 0);
    match (model, tokens, rate) {
        (Model::Final(_), 0, _) => Err(BadInput(
            "base_tokens = 0: only a base that there is, by model.from, grows at once".to_owned(),
        )),
        (Model::Base(..), 0, _) => Ok(no_step),
        (_, _, Some(rate)) => Ok(rate),
        (_, _, None) => Err(BadInput("base_learning_rate is missing".to_owned())),
    }
}

/// What the last stage's length is worked out from, where it is given as a budget.
struct Budget<'a> {
    model: Model<'a>,
    /// Of the final model, which is the given one but for its depth.
    num_hidden_layers: usize,
    sequence_length: usize,
    orthogonalization: Option<Orthogonalization>,
}

impl Budget<'_> {
    /// The length of the last stage: its tokens, or what training the final model from scratch on so many would cost.
    /// All that came before is paid from it, that of a base's folder too.
    fn length(&self, tokens: Option<u64>, scratch_tokens: Option<u64>, name: &str) -> Result<Length> {
        let scratch_tokens = match (tokens, scratch_tokens) {
            (Some(tokens), None) => return Ok(Length::Tokens(tokens)),
            (None, Some(tokens)) => tokens,
            (found, _) => {
                let given = if found.is_some() { "both are" } else { "neither is" };
                let problem = format!("one of `{name}` and `scratch_tokens` is needed, {given} given");
                return Err(BadInput(problem).into());
            }
        };
        let Self { num_hidden_layers, sequence_length, orthogonalization, .. } = *self;
        let last = self.model.shape().with(|fields| fields.num_hidden_layers = num_hidden_layers);
        let last = last.map_err(ScheduleError::Model)?;
        let of_optimizer = orthogonalization.map_or(0.0, |one| one.flops_per_token(&last, Trainable::All));
        let per_token =
            FlopConvention::Exact.flops_per_token(&last, sequence_length, Trainable::All) + of_optimizer;
        let flops = per_token * scratch_tokens as f64;
        let spent = match self.model {
            Model::Final(_) => 0.0,
            Model::Base(_, cost) => cost.flops.ok_or_else(|| {
                BadInput(format!(
                    "scratch_tokens includes what the base has cost, and that isn't known: give {name}, or \
                     model.from_flops"
                ))
            })?,
        };
        if spent >= flops {
            return Err(BadInput(format!(
                "scratch_tokens = {scratch_tokens} are {flops:.4e} FLOPs, and the base alone has cost {spent:.4e}: give \
                 more, or {name}"
            ))
            .into());
        }
        Ok(Length::Budget { flops: flops - spent, sequence_length, orthogonalization })
    }
}

/// Stages one by one; the last one's model is the recipe's.
fn stages_one_by_one(recipes: Vec<StageRecipe>, model: Model<'_>) -> Result<Schedule> {
    let stages = follow(recipes.clone(), model)?;
    let Model::Final(target) = model else { return Ok(stages.build()?) };
    check_reached(stages.model(), target)?;
    // Channels of zero make the mean square smaller, so their growth divides what the norms add to it. The first model
    // begins with as much more.
    let (reached, wanted) = (stages.model().rms_norm_eps, target.rms_norm_eps);
    if reached.to_bits() == wanted.to_bits() {
        return Ok(stages.build()?);
    }
    let first = target.with(|fields| fields.rms_norm_eps = wanted * (wanted / reached))?;
    Ok(follow(recipes, Model::Final(&first))?.build()?)
}

/// Follows the growth from the first stage's model, so that a recipe names each shape once.
fn follow(recipes: Vec<StageRecipe>, model: Model<'_>) -> Result<ScheduleBuilder> {
    let mut begun: Option<ScheduleBuilder> = None;
    for recipe in recipes {
        let first_only = first_stage_key(&recipe);
        let name = recipe.name;
        let enter = recipe.enter.map(Growth::read_matrices).transpose()?;
        let (tokens, ends_at) = (recipe.tokens, recipe.ends_at);
        let (trainable, at_growth) = (recipe.trainable, recipe.at_growth);
        let before = begun.as_ref().map_or(RateBefore::NOTHING, ScheduleBuilder::rate_before_next);
        let learning_rate = at_growth.learning_rate.learning_rate(before, recipe.learning_rate, tokens);
        let learning_rate = learning_rate.map_err(|problem| problem.in_stage(&name))?;
        if let Some(stages) = &mut begun {
            if let Some(key) = first_only {
                let problem = format!("stage `{name}`: only the first stage has {key}; later ones grow");
                return Err(BadInput(problem).into());
            }
            stages.then(NextStage { name, enter, tokens, ends_at, trainable, at_growth, learning_rate })?;
            continue;
        }
        begun = Some(match model {
            Model::Final(target) => {
                let (Some(num_hidden_layers), None) = (recipe.num_hidden_layers, &enter) else {
                    let problem = format!(
                        "stage `{name}`: the first stage needs num_hidden_layers and can't have `enter`"
                    );
                    return Err(BadInput(problem).into());
                };
                let model = first_model(target, num_hidden_layers, recipe.width)
                    .map_err(|problem| BadInput(format!("stage {name:?}: model: {problem}")))?;
                ScheduleBuilder::new(Stage {
                    trainable,
                    at_growth,
                    ..Stage::new(name, model, tokens, learning_rate)
                })
            }
            Model::Base(base, _) => {
                if let Some(key) = first_only {
                    let problem = format!(
                        "stage `{name}`: the first stage's model is that of model.from: remove {key}"
                    );
                    return Err(BadInput(problem).into());
                }
                if enter.is_some() {
                    let base = Stage::new("base", base.clone(), 0, LearningRate::NONE);
                    let mut stages = ScheduleBuilder::from_base(base);
                    stages.then(NextStage {
                        name,
                        enter,
                        tokens,
                        ends_at,
                        trainable,
                        at_growth,
                        learning_rate,
                    })?;
                    stages
                } else {
                    let first = Stage::new(name, base.clone(), tokens, learning_rate);
                    ScheduleBuilder::from_base(Stage { ends_at, trainable, at_growth, ..first })
                }
            }
        });
    }
    Ok(begun.ok_or(ScheduleError::NoStages)?)
}

/// The names of stages whose growth makes the model that there was.
pub(crate) fn that_grow_nothing(schedule: &Schedule) -> impl Iterator<Item = &str> {
    schedule.stages().iter().enumerate().filter_map(|(index, stage)| {
        let plan = schedule.growth(index)?.plan();
        let is_same = |tensor: &PlannedTensor| match &tensor.origin {
            Origin::Copy { source } => *source == tensor.name,
            _ => false,
        };
        let stays = plan.source() == plan.target() && plan.tensors().iter().all(is_same);
        stays.then_some(stage.name.as_str())
    })
}

/// The key of a stage that only the first one of a model that is drawn has.
fn first_stage_key(recipe: &StageRecipe) -> Option<&'static str> {
    if recipe.width == Width::default() {
        recipe.num_hidden_layers.map(|_| "num_hidden_layers")
    } else {
        Some("width")
    }
}

/// The final model with the sizes of the first stage.
///
/// # Errors
/// Sizes of which there is no model.
fn first_model(
    target: &LlamaConfig,
    num_hidden_layers: usize,
    width: Width,
) -> Result<LlamaConfig, CheckpointError> {
    target.with(|fields| {
        fields.num_hidden_layers = num_hidden_layers;
        fields.hidden_size = width.hidden_size.unwrap_or(fields.hidden_size);
        fields.intermediate_size = width.intermediate_size.unwrap_or(fields.intermediate_size);
        fields.num_attention_heads = width.num_attention_heads.unwrap_or(fields.num_attention_heads);
        fields.num_key_value_heads = width.num_key_value_heads.unwrap_or(fields.num_key_value_heads);
    })
}

/// Whether growth leads to the final model's sizes.
fn check_reached(reached: &LlamaConfig, target: &LlamaConfig) -> Result<(), BadInput> {
    let sizes = [
        ("num_hidden_layers", reached.num_hidden_layers, target.num_hidden_layers),
        ("hidden_size", reached.hidden_size, target.hidden_size),
        ("intermediate_size", reached.intermediate_size, target.intermediate_size),
        ("num_attention_heads", reached.num_attention_heads, target.num_attention_heads),
        ("num_key_value_heads", reached.num_key_value_heads, target.num_key_value_heads),
    ];
    let differing = sizes.iter().filter(|(_, reached, wanted)| reached != wanted);
    let differing: Vec<String> = differing
        .map(|(key, reached, wanted)| {
            format!("the stages end with {key} {reached}, but model.{key} = {wanted}")
        })
        .collect();
    if differing.is_empty() { Ok(()) } else { Err(BadInput(differing.join("; "))) }
}
