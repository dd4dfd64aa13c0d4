//! Stages that a recipe gives one by one: each model follows from the first one and the growths.

use outgrow_checkpoint::{CheckpointError, LlamaConfig};
use outgrow_operators::{Growth, Width};
use outgrow_schedules::{
    LearningRate, NextStage, RateBefore, Schedule, ScheduleBuilder, ScheduleError, Stage,
};

use crate::{
    error::{BadInput, Result},
    recipe::StageRecipe,
    run::stages::model::Model,
};

/// Stages one by one; the last one's model is the recipe's.
pub(super) fn stages_one_by_one(recipes: Vec<StageRecipe>, model: Model<'_>) -> Result<Schedule> {
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
                    ends_at,
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
