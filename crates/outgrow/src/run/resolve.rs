//! A recipe made into what is run: stages, settings, batches, device. All that can be wrong is found here, before
//! training starts.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use outgrow_checkpoint::{
    AttentionBias, CheckpointError, Dtype, LlamaConfig, LlamaFields, Rope, RopeScaling,
    config::heads_that_would_do,
};
use outgrow_data::{Batches, Order, TokenShards};
use outgrow_model::Initialization;
use outgrow_operators::{Growth, Width};
use outgrow_schedules::{
    FlopConvention, GStack, Length, NextStage, Schedule, ScheduleBuilder, ScheduleError, Stacking2, Stage,
    Trainable,
};
use outgrow_train::{TrainSettings, Training, data_problems};

use crate::{
    error::{BadInput, Result},
    machine::compute::Compute,
    model::tokenizer::CheckpointTokenizer,
    recipe::{ModelRecipe, Recipe, ScheduleRecipe, StageRecipe},
    run::benchmarks::Benchmarks,
};

/// Everything that a run needs but an opened device.
#[derive(Debug)]
pub(crate) struct ResolvedRecipe {
    /// The recipe as read.
    pub recipe: Recipe,
    /// The stages.
    pub schedule: Schedule,
    /// Steps, optimizer, intervals.
    pub settings: TrainSettings,
    /// How the first weights are drawn.
    pub initialization: Initialization,
    /// Training data in its seeded order.
    pub training: Batches,
    /// Held-out data in its own order.
    pub validation: Batches,
    /// The tokenizer as checkpoints carry it.
    pub tokenizer: CheckpointTokenizer,
    /// What is computed on, and in.
    pub compute: Compute,
    /// Benchmarks while training.
    pub benchmarks: Option<Benchmarks>,
}

impl ResolvedRecipe {
    /// Resolves a recipe that is computed on the device, and in the precision, that flags and recipe come to.
    ///
    /// # Errors
    /// Data that can't be used; then every problem of model, settings and stages together.
    pub(crate) fn new(recipe: Recipe, compute: Compute) -> Result<Self> {
        let open = |folder: &PathBuf| TokenShards::open(folder).map(Arc::new);
        let (training, validation) = (open(&recipe.data.training)?, open(&recipe.data.validation)?);
        // Checkpoints carry it along, and benchmarks are asked with it.
        training.verify_tokenizer()?;
        let length = recipe.data.sequence_length;
        let entries = training.manifest().vocab_size;
        let order = Order::Shuffled { seed: recipe.data.order_seed.unwrap_or(recipe.seed) };
        let training = Batches::new(training, length, order)?;
        let validation = Batches::new(validation, length, Order::Sequential)?;

        let settings = settings(&recipe, compute);
        let problems = data_problems(&training, &validation, &settings);
        let mut problems: Vec<String> = problems.iter().map(|problem| format!("data: {problem}")).collect();
        let before_the_model = problems.len();
        let head_dim = head_dim(&recipe.model);
        // With any even width the other problems are the same.
        let fields = model(&recipe.model, *head_dim.as_ref().unwrap_or(&2), entries, length, &training);
        let (vocab_size, maximum) = (fields.vocab_size, fields.max_position_embeddings);
        let model = LlamaConfig::new(fields).map_err(|problem| match problem {
            // It speaks of config.json; here the same keys are the recipe's.
            CheckpointError::Config { problems: several, .. } => problems.push(format!("model: {several}")),
            problem => problems.push(format!("model: {problem}")),
        });
        let refused = model.as_ref().map(LlamaConfig::refused_by_transformers).unwrap_or_default();
        let refused = head_dim.map_or_else(|problem| vec![problem], |_| refused);
        problems.extend(refused.into_iter().map(|problem| format!("model: {problem}")));
        if vocab_size < entries {
            problems.push(format!("model: vocab_size = {vocab_size}, but the tokenizer has {entries} entries: at least {entries} is needed"));
        }
        if maximum < length {
            problems.push(format!(
                "model: max_position_embeddings = {maximum} is below sequence_length = {length}"
            ));
        }
        let model_is_sound = problems.len() == before_the_model;
        if let Err(problem) = settings.check() {
            problems.push(format!("training: {problem}"));
        }
        if recipe.evaluation.as_ref().is_some_and(|evaluation| evaluation.interval_tokens == 0) {
            problems.push("evaluation: interval_tokens = 0, at least 1 is needed".to_owned());
        }
        // Stages of a model that can't be say nothing new; with a sound one they are reported beside the other
        // problems.
        let schedule = model.ok().filter(|_| model_is_sound).and_then(|model| {
            schedule(&recipe, &model)
                .map_err(|problem| problems.push(format!("schedule: {}", problem.one_line())))
                .ok()
        });
        problems.extend(schedule.iter().flat_map(stages_refused_by_transformers));
        let (Some(schedule), true) = (schedule, problems.is_empty()) else {
            return Err(BadInput(problems.join("; ")).into());
        };
        let tokenizer =
            CheckpointTokenizer::new(training.shards(), schedule.model().max_position_embeddings)?;
        let benchmarks = recipe
            .evaluation
            .as_ref()
            .map(|recipe| Benchmarks::new(recipe, &tokenizer.tokenizer, schedule.model()));
        let benchmarks = benchmarks
            .transpose()
            .map_err(|problem| BadInput(format!("evaluation: {}", problem.one_line())))?;
        let initialization = recipe.model.initialization.unwrap_or_default();
        Ok(Self {
            recipe,
            schedule,
            settings,
            initialization,
            training,
            validation,
            tokenizer,
            compute,
            benchmarks,
        })
    }

    /// All that a run in a folder is made of, as the trainer takes it.
    pub(crate) fn training<'a>(&'a self, folder: &'a Path, extend: bool) -> Training<'a> {
        Training {
            schedule: &self.schedule,
            settings: &self.settings,
            initialization: self.initialization,
            seed: self.recipe.seed,
            training: self.training.clone(),
            validation: &self.validation,
            device: self.compute.device,
            folder,
            side_files: &self.tokenizer.files,
            extend,
        }
    }

    /// What is allowed and seldom meant.
    pub(crate) fn notes(&self) -> Vec<String> {
        let sums = |batches: &Batches| -> BTreeSet<String> {
            batches.shards().manifest().shards.iter().map(|shard| shard.sha256.clone()).collect()
        };
        let (training, validation) = (sums(&self.training), sums(&self.validation));
        let shared = validation.intersection(&training).count();
        let count = validation.len();
        let of_data = (shared > 0).then(|| {
            format!(
                "{shared} of {count} validation shards are training shards, too: the validation loss is of text that is trained on"
            )
        });
        self.tokenizer.notes.iter().cloned().chain(of_data).collect()
    }
}

/// The width of a head; where only the number of heads is given, it follows from that.
///
/// # Errors
/// Heads that divide the model into no even widths, with those that would.
fn head_dim(recipe: &ModelRecipe) -> Result<usize, String> {
    let (hidden, heads) = (recipe.hidden_size, recipe.num_attention_heads);
    match recipe.head_dim {
        Some(head_dim) => Ok(head_dim),
        // The sizes themselves are said to be wrong then.
        None if hidden == 0 || heads == 0 => Ok(0),
        None if hidden.is_multiple_of(2 * heads) => Ok(hidden / heads),
        None => {
            let would_do = heads_that_would_do(hidden, heads).map_or_else(
                || "no number does, an even hidden_size is needed".to_owned(),
                |numbers| format!("{numbers} would do"),
            );
            Err(format!(
                "num_attention_heads = {heads} doesn't divide hidden_size = {hidden} into heads of an even width: {would_do}"
            ))
        }
    }
}

fn model(
    recipe: &ModelRecipe,
    head_dim: usize,
    entries: usize,
    sequence_length: usize,
    training: &Batches,
) -> LlamaFields {
    let heads = recipe.num_attention_heads;
    LlamaFields {
        vocab_size: recipe.vocab_size.unwrap_or(entries),
        hidden_size: recipe.hidden_size,
        intermediate_size: recipe.intermediate_size,
        num_hidden_layers: recipe.num_hidden_layers,
        num_attention_heads: heads,
        num_key_value_heads: recipe.num_key_value_heads.unwrap_or(heads),
        head_dim,
        attention_bias: AttentionBias::None,
        max_position_embeddings: recipe.max_position_embeddings.unwrap_or(sequence_length),
        rms_norm_eps: recipe.rms_norm_eps.unwrap_or(1e-5),
        rope: Rope { theta: recipe.rope_theta.unwrap_or(10_000.0), scaling: RopeScaling::Default },
        tie_word_embeddings: recipe.tie_word_embeddings.unwrap_or(false),
        initializer_range: recipe.initializer_range.unwrap_or(0.02),
        dtype: Dtype::F32,
        bos_token_id: Some(training.shards().manifest().separator.id),
        eos_token_id: Some(training.shards().manifest().separator.id),
    }
}

fn settings(recipe: &Recipe, compute: Compute) -> TrainSettings {
    let training = &recipe.training;
    TrainSettings {
        batch_sequences: training.batch_sequences,
        micro_batch_sequences: training.micro_batch_sequences.unwrap_or(training.batch_sequences),
        precision: compute.precision,
        optimizer: training.optimizer.clone(),
        validation_interval_tokens: training.validation_interval_tokens,
        validation_sequences: training.validation_sequences,
        checkpoint_interval_tokens: training.checkpoint_interval_tokens,
        checkpoints_kept: training.checkpoints_kept.unwrap_or(2),
    }
}

fn schedule(recipe: &Recipe, model: &LlamaConfig) -> Result<Schedule> {
    let sequence_length = recipe.data.sequence_length;
    let length = |tokens: Option<u64>, scratch_tokens: Option<u64>, name: &str| match (tokens, scratch_tokens)
    {
        (Some(tokens), None) => Ok(Length::Tokens(tokens)),
        (None, Some(tokens)) => {
            let per_token = FlopConvention::Exact.flops_per_token(model, sequence_length, Trainable::All);
            Ok(Length::Budget { flops: per_token * tokens as f64, sequence_length })
        }
        (found, _) => {
            let given = if found.is_some() { "both are" } else { "neither is" };
            Err(BadInput(format!("one of `{name}` and `scratch_tokens` is needed, {given} given")))
        }
    };
    Ok(match recipe.schedule.clone() {
        ScheduleRecipe::Scratch { tokens, learning_rate } => {
            Schedule::scratch(model.clone(), tokens, learning_rate.over(tokens))?
        }
        ScheduleRecipe::GStack {
            factor,
            base_tokens,
            base_learning_rate,
            grown_tokens,
            scratch_tokens,
            grown_learning_rate,
        } => {
            let grown = length(grown_tokens, scratch_tokens, "grown_tokens")?;
            Schedule::g_stack(
                model,
                &GStack { factor, base_tokens, base_learning_rate, grown, grown_learning_rate },
            )?
        }
        ScheduleRecipe::Stacking2 {
            layer_counts,
            stage_tokens,
            stage_learning_rate,
            joint_tokens,
            scratch_tokens,
            joint_learning_rate,
        } => {
            let joint = length(joint_tokens, scratch_tokens, "joint_tokens")?;
            Schedule::stacking2(
                model,
                &Stacking2 { layer_counts, stage_tokens, stage_learning_rate, joint, joint_learning_rate },
            )?
        }
        ScheduleRecipe::Stages { stages } => stages_one_by_one(stages, model)?,
    })
}

/// Follows the growth from the first stage's layers, so that a recipe names each shape once.
fn stages_one_by_one(recipes: Vec<StageRecipe>, target: &LlamaConfig) -> Result<Schedule> {
    let mut begun: Option<ScheduleBuilder> = None;
    for recipe in recipes {
        let name = recipe.name;
        let enter = recipe.enter.map(Growth::read_matrices).transpose()?;
        let (tokens, trainable, moments) = (recipe.tokens, recipe.trainable, recipe.moments);
        let learning_rate = recipe.learning_rate.over(tokens);
        if let Some(stages) = &mut begun {
            let first_only = if recipe.width == Width::default() {
                recipe.num_hidden_layers.map(|_| "num_hidden_layers")
            } else {
                Some("width")
            };
            if let Some(key) = first_only {
                let problem = format!("stage `{name}`: only the first stage has {key}; later ones grow");
                return Err(BadInput(problem).into());
            }
            stages.then(NextStage { name, enter, tokens, trainable, moments, learning_rate })?;
        } else {
            let (Some(num_hidden_layers), None) = (recipe.num_hidden_layers, &enter) else {
                let problem =
                    format!("stage `{name}`: the first stage needs num_hidden_layers and can't have `enter`");
                return Err(BadInput(problem).into());
            };
            let model = first_model(target, num_hidden_layers, recipe.width)
                .map_err(|problem| BadInput(format!("stage {name:?}: model: {problem}")))?;
            let first = Stage { name, model, tokens, trainable, enter, moments, learning_rate };
            begun = Some(ScheduleBuilder::new(first));
        }
    }
    let stages = begun.ok_or(ScheduleError::NoStages)?;
    check_reached(stages.model(), target)?;
    Ok(stages.build()?)
}

/// Stages whose checkpoints transformers would not open.
fn stages_refused_by_transformers(schedule: &Schedule) -> impl Iterator<Item = String> {
    schedule.stages().iter().flat_map(|stage| {
        let problems = stage.model.refused_by_transformers();
        problems.into_iter().map(|problem| format!("schedule: stage {:?}: model: {problem}", stage.name))
    })
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
