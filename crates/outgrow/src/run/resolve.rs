//! A recipe made into what is run: stages, settings, batches, device. All that can be wrong is found here, before
//! training starts.

use std::{collections::BTreeSet, path::Path, rc::Rc};

use outgrow_checkpoint::{
    CheckpointError, Dtype, LlamaConfig, LlamaFields, Rope, RopeScaling, config::heads_that_would_do,
};
use outgrow_data::{Batches, Order};
use outgrow_model::Initialization;
use outgrow_operators::folder::card::CardHead;
use outgrow_schedules::Schedule;
use outgrow_train::{CardFacts, TrainSettings, Training, data_problems};

use crate::{
    error::{BadInput, Result},
    machine::compute::Compute,
    model::tokenizer::{CheckpointTokenizer, Tokenizers},
    problems::Problems,
    recipe::{ModelRecipe, ModelSizes, Recipe},
    run::{
        base::BaseModel,
        benchmarks::Benchmarks,
        stages::{Model, schedule, that_grow_nothing},
        token_shards,
    },
};

/// Everything that a run needs but an opened device.
#[derive(Debug)]
pub(crate) struct ResolvedRecipe {
    /// The recipe as read.
    pub recipe: Recipe,
    /// The model that the run begins with, where it draws none.
    pub base: Option<BaseModel>,
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
    pub tokenizer: Rc<CheckpointTokenizer>,
    /// What checkpoints say of the run.
    pub card: CardFacts,
    /// What is computed on, and in.
    pub compute: Compute,
    /// Benchmarks while training.
    pub benchmarks: Option<Benchmarks>,
}

impl ResolvedRecipe {
    /// Resolves a recipe that is computed on the device, and in the precision, that flags and recipe come to, for a run
    /// in the folder `run`. Of that nothing is read but what it remembers of a base whose own folder is gone.
    ///
    /// # Errors
    /// Data that can't be used; then every problem of model, settings and stages together.
    pub(crate) fn new(recipe: Recipe, compute: Compute, run: &Path) -> Result<Self> {
        Self::with(recipe, compute, run, &Tokenizers::default())
    }

    /// The same, with tokenizers that were made for other recipes.
    ///
    /// # Errors
    /// Likewise.
    pub(crate) fn with(
        recipe: Recipe,
        compute: Compute,
        run: &Path,
        tokenizers: &Tokenizers,
    ) -> Result<Self> {
        let (training, validation) = token_shards::open(&recipe.data)?;
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
        let mut base = None;
        let (fields, head_problem) = match &recipe.model {
            ModelRecipe::Sizes(sizes) => {
                let head_dim = head_dim(sizes);
                // With any even width the other problems are the same.
                let with = *head_dim.as_ref().unwrap_or(&2);
                (model(sizes, with, entries, length, &training), head_dim.err())
            }
            ModelRecipe::From(folder) => {
                let base = base.insert(BaseModel::open(folder, run)?);
                if let Err(problem) = base.check_tokenizer(training.shards()) {
                    problems.push(format!("model: {}", problem.one_line()));
                }
                (base.config.clone().into_fields(), None)
            }
        };
        let (vocab_size, maximum) = (fields.vocab_size, fields.max_position_embeddings);
        let model = LlamaConfig::new(fields).map_err(|problem| match problem {
            // It speaks of config.json; here the same keys are the recipe's.
            CheckpointError::Config { problems: several, .. } => problems.push(format!("model: {several}")),
            problem => problems.push(format!("model: {problem}")),
        });
        let refused = model.as_ref().map(LlamaConfig::refused_by_transformers).unwrap_or_default();
        let refused = head_problem.map_or(refused, |problem| vec![problem]);
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
            let model = match &base {
                Some(base) => Model::Base(&base.config, &base.record.cost),
                None => Model::Final(&model),
            };
            schedule(
                &recipe.schedule,
                model,
                [settings.batch_sequences, length],
                settings.orthogonalization(length),
            )
            .map_err(|problem| problems.push(format!("schedule: {}", problem.one_line())))
            .ok()
        });
        problems.extend(schedule.iter().flat_map(stages_refused_by_transformers));
        let (Some(schedule), true) = (schedule, problems.is_empty()) else {
            return Err(Problems::of_run(problems).into());
        };
        let tokenizer = tokenizers.of(training.shards(), schedule.model().max_position_embeddings)?;
        let benchmarks = recipe
            .evaluation
            .as_ref()
            .map(|recipe| Benchmarks::new(recipe, &tokenizer.tokenizer, schedule.model()));
        let benchmarks = benchmarks
            .transpose()
            .map_err(|problem| BadInput(format!("evaluation: {}", problem.one_line())))?;
        let initialization = match &recipe.model {
            ModelRecipe::Sizes(sizes) => sizes.initialization.unwrap_or_default(),
            ModelRecipe::From(_) => Initialization::default(),
        };
        let base_folder = base.as_ref().and_then(|base| Some(base.checkpoint.as_ref()?.folder()));
        let card = CardFacts {
            name: recipe.name.clone(),
            method: recipe.schedule.method().to_owned(),
            head: base_folder.map(CardHead::of_source).unwrap_or_default(),
            program: format!("Outgrow {}", env!("CARGO_PKG_VERSION")),
        };
        Ok(Self {
            recipe,
            base,
            schedule,
            settings,
            initialization,
            training,
            validation,
            tokenizer,
            card,
            compute,
            benchmarks,
        })
    }

    /// All that a run in a folder is made of, as the trainer takes it.
    pub(crate) fn training<'a>(&'a self, folder: &'a Path, extend: bool) -> Training<'a> {
        Training {
            schedule: &self.schedule,
            settings: &self.settings,
            base: self.base.as_ref().map(BaseModel::for_training),
            initialization: self.initialization,
            seed: self.recipe.seed,
            training: self.training.clone(),
            validation: &self.validation,
            device: self.compute.device,
            folder,
            side_files: &self.tokenizer.files,
            card: Some(&self.card),
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
        let tokenizers =
            [&self.training, &self.validation].map(|batches| &batches.shards().manifest().tokenizer.sha256);
        let of_tokens = (tokenizers[0] != tokenizers[1]).then(|| {
            "the validation shards were made with another tokenizer.json than the training shards; it gives the same \
             ids"
                .to_owned()
        });
        let of_base = self.base.iter().flat_map(|base| base.notes.iter().cloned());
        let of_tokenizer = self.tokenizer.notes.iter().cloned();
        let of_stages = that_grow_nothing(&self.schedule)
            .map(|name| format!("stage {name:?}: nothing grows: its growth leaves the model as it is"));
        let of_ends = self.schedule.stages().iter().enumerate().filter_map(|(index, stage)| {
            let ends_at = stage.ends_at?;
            let (name, slope) = (&stage.name, ends_at.slope);
            let opening = stage.at_growth.mask.map_or(0, |mask| mask.tokens);
            let counted = stage.tokens.saturating_sub(opening);
            let intervals = counted.div_ceil(self.settings.validation_interval_tokens);
            // The last validation is where the tokens end. A stage that begins between two has one more within.
            let validations = if index == 0 { intervals.saturating_sub(1) } else { intervals };
            // A slope ends nothing before one has been below it.
            let needed = ends_at.validations as u64 + 1;
            if validations < needed {
                return Some(format!(
                    "stage {name:?}: ends_at never ends it: that needs {needed} validations before the end, and there \
                     are at most {validations}; shorten training.validation_interval_tokens"
                ));
            }
            let said = "ends where the slope of its loss comes up to";
            Some(format!(
                "stage {name:?} {said} {slope}, and with its tokens at the latest: those are what is planned"
            ))
        });
        of_base.chain(of_tokenizer).chain(of_data).chain(of_tokens).chain(of_stages).chain(of_ends).collect()
    }
}

/// The width of a head; where only the number of heads is given, it follows from that.
///
/// # Errors
/// Heads that divide the model into no even widths, with those that would.
fn head_dim(recipe: &ModelSizes) -> Result<usize, String> {
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
    recipe: &ModelSizes,
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
        attention_bias: recipe.attention_bias.unwrap_or_default(),
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

/// Stages whose checkpoints transformers would not open.
fn stages_refused_by_transformers(schedule: &Schedule) -> impl Iterator<Item = String> {
    schedule.stages().iter().flat_map(|stage| {
        let problems = stage.model.refused_by_transformers();
        problems.into_iter().map(|problem| format!("schedule: stage {:?}: model: {problem}", stage.name))
    })
}
