//! The runs of an experiment as a matrix: cells and the trunks that they branch off, what each costs, in which order
//! and on which machine they are made. It runs nothing and writes nothing.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::LlamaConfig;
use outgrow_schedules::{Beginning, LearningRate, LearningRateCurve, Stage, Trainable};
use outgrow_train::{TrainSettings, resume::checkpoint_name};
use serde_json::json;

use crate::{
    error::Result,
    experiment::{
        cell_record::recipe_sha256,
        cells::PlannedRun,
        shard::Shard,
        trunks::{FirstStage, Group, groups},
    },
    machine::compute::Compute,
    recipe::{ModelRecipe, ModelSizes, Recipe, ScheduleRecipe},
    run::{
        plan::{PlannedStart, RunPlan},
        resolve::ResolvedRecipe,
    },
};

/// The folder of trunks in an experiment's.
const TRUNKS: &str = "trunks";
/// Digits of a trunk's sum in its name.
const SHOWN_DIGITS: usize = 8;

/// All runs of an experiment.
#[derive(Debug)]
pub(crate) struct Matrix {
    /// Those that count, in their order.
    pub cells: Vec<Cell>,
    /// What several of them begin with.
    pub trunks: Vec<Trunk>,
}

/// A run that counts.
#[derive(Debug)]
pub(crate) struct Cell {
    /// What is run.
    pub run: PlannedRun,
    /// What it comes to.
    pub facts: RunFacts,
    /// Where it branches off: the index of a trunk, and the steps until there.
    pub branch: Option<(usize, u64)>,
}

/// A run of a beginning alone.
#[derive(Debug)]
pub(crate) struct Trunk {
    /// What is run.
    pub run: PlannedRun,
    /// What it comes to.
    pub facts: RunFacts,
    /// The cells that branch off it.
    pub members: Vec<usize>,
}

/// What a recipe comes to, as far as the matrix needs it.
#[derive(Clone, Debug)]
pub(crate) struct RunFacts {
    /// What it is computed on and in.
    pub compute: Compute,
    /// Tokens of all stages.
    pub tokens: u64,
    /// FLOPs of all stages.
    pub flops: f64,
    /// FLOPs of the first stage.
    first_flops: f64,
    /// The widths of its models.
    pub widths: BTreeSet<usize>,
    first_model: LlamaConfig,
    first_rate: LearningRate,
    first_tokens: u64,
    /// The first stage, where it can be shared.
    first: Option<FirstStage>,
}

impl RunFacts {
    /// Of a resolved recipe.
    pub(crate) fn of(resolved: &ResolvedRecipe) -> Self {
        let plan = RunPlan::of(resolved, PlannedStart::Begins, Vec::new());
        let stages = resolved.schedule.stages();
        Self {
            compute: resolved.compute,
            tokens: resolved.schedule.tokens(),
            flops: plan.flops(),
            first_flops: plan.flops_of_stage(0),
            widths: stages.iter().map(|stage| stage.model.hidden_size).collect(),
            first_model: stages[0].model.clone(),
            first_rate: stages[0].learning_rate,
            first_tokens: stages[0].tokens,
            first: first_stage(resolved),
        }
    }
}

/// The first of several stages, where another run's could be the same: weights that are drawn, all of them trained, for
/// a length that is known.
fn first_stage(resolved: &ResolvedRecipe) -> Option<FirstStage> {
    let [stage, _, ..] = resolved.schedule.stages() else { return None };
    let Stage { model, tokens, ends_at, trainable, learning_rate, .. } = stage;
    let begins_at_zero = learning_rate.start_tokens == 0 && learning_rate.initial.to_bits() == 0;
    let is_plain = resolved.schedule.beginning() == Beginning::Fresh
        && ends_at.is_none()
        && *trainable == Trainable::All
        && begins_at_zero;
    if !is_plain {
        return None;
    }
    let ResolvedRecipe { recipe, settings, training, validation, compute, initialization, .. } = resolved;
    let settings =
        TrainSettings { checkpoint_interval_tokens: None, checkpoints_kept: 1, ..settings.clone() };
    let key = json!([
        recipe.seed,
        training.order(),
        training.sequence_length(),
        training.shards().manifest().shards_sha256(),
        validation.shards().manifest().shards_sha256(),
        settings,
        compute.device.to_string(),
        initialization,
        model.to_json(),
        recipe.evaluation,
    ]);
    let step_tokens = (settings.batch_sequences * training.sequence_length()) as u64;
    let steps = tokens.div_ceil(step_tokens);
    Some(FirstStage { key: key.to_string(), learning_rate: *learning_rate, steps, step_tokens })
}

/// The run of what a group begins with; the recipe is that of its longest beginning, alone.
fn trunk_run(cell: &Cell, group: &Group) -> Result<Option<PlannedRun>> {
    let (Some(first), ModelRecipe::Sizes(sizes)) = (&cell.facts.first, &cell.run.recipe.model) else {
        return Ok(None);
    };
    let LearningRate { peak, minimum, warmup_tokens, horizon_tokens, shape, .. } = first.learning_rate;
    let learning_rate =
        LearningRateCurve { peak, minimum, warmup_tokens, horizon_tokens: Some(horizon_tokens), shape };
    let mut recipe = cell.run.recipe.clone();
    recipe.model = ModelRecipe::Sizes(sizes_of(&cell.facts.first_model, sizes));
    recipe.schedule = ScheduleRecipe::Scratch { tokens: cell.facts.first_tokens, learning_rate };
    recipe.training.checkpoint_interval_tokens =
        group.interval_steps.map(|interval| interval * first.step_tokens);
    recipe.training.checkpoints_kept = Some(group.checkpoints as usize);
    // What is asked at the end of a run isn't asked where its first stage ends.
    recipe.evaluation =
        recipe.evaluation.filter(|evaluation| evaluation.interval_tokens <= cell.facts.first_tokens);
    recipe.name = String::new();
    let model = &cell.facts.first_model;
    // By its content, so that another trunk never lies where this one did.
    let sum = recipe_sha256(&toml::Table::try_from(&Recipe { seed: 0, ..recipe.clone() })?);
    let kind = format!("{}x{}-{}", model.hidden_size, model.num_hidden_layers, &sum[..SHOWN_DIGITS]);
    let (seed, name) = (recipe.seed, format!("{kind}-seed-{}", recipe.seed));
    recipe.name.clone_from(&name);
    let (folder, table) = (Path::new(TRUNKS).join(&name), toml::Table::try_from(&recipe)?);
    Ok(Some(PlannedRun { kind, seed, name, folder, table, recipe }))
}

/// A model as `[model]` has it; how its weights are drawn stays.
fn sizes_of(model: &LlamaConfig, drawn: &ModelSizes) -> ModelSizes {
    ModelSizes {
        vocab_size: Some(model.vocab_size),
        hidden_size: model.hidden_size,
        intermediate_size: model.intermediate_size,
        num_hidden_layers: model.num_hidden_layers,
        num_attention_heads: model.num_attention_heads,
        num_key_value_heads: Some(model.num_key_value_heads),
        head_dim: Some(model.head_dim),
        attention_bias: Some(model.attention_bias),
        max_position_embeddings: Some(model.max_position_embeddings),
        rms_norm_eps: Some(model.rms_norm_eps),
        rope_theta: Some(model.rope.theta),
        tie_word_embeddings: Some(model.tie_word_embeddings),
        initializer_range: Some(model.initializer_range),
        initialization: drawn.initialization,
    }
}

/// Which run of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A trunk, by its index.
    Trunk(usize),
    /// A cell, by its index.
    Cell(usize),
}

impl Cell {
    /// FLOPs that it takes itself.
    fn own_flops(&self) -> f64 {
        let shared = if self.branch.is_some() { self.facts.first_flops } else { 0.0 };
        self.facts.flops - shared
    }
}

impl Trunk {
    /// The folder of its checkpoint after so many steps, in an experiment's.
    pub(crate) fn checkpoint(&self, step: u64) -> PathBuf {
        self.run.folder.join(checkpoint_name(step))
    }
}

impl Matrix {
    /// Plans the trunks that runs can share. `resolve` says what a recipe comes to.
    ///
    /// # Errors
    /// A run that can't be resolved.
    pub(crate) fn new(
        runs: Vec<PlannedRun>,
        mut resolve: impl FnMut(&PlannedRun) -> Result<RunFacts>,
    ) -> Result<Self> {
        let facts = runs.iter().map(&mut resolve).collect::<Result<Vec<_>>>()?;
        let firsts: Vec<Option<FirstStage>> = facts.iter().map(|facts| facts.first.clone()).collect();
        let groups = groups(&firsts);
        let cells = runs.into_iter().zip(facts).map(|(run, facts)| Cell { run, facts, branch: None });
        let mut matrix = Self { cells: cells.collect(), trunks: Vec::new() };
        for group in groups {
            matrix.add_trunk(group, &firsts, &mut resolve)?;
        }
        Ok(matrix)
    }

    /// Where a trunk doesn't come to what its cells begin with, each trains that itself.
    fn add_trunk(
        &mut self,
        group: Group,
        firsts: &[Option<FirstStage>],
        resolve: &mut impl FnMut(&PlannedRun) -> Result<RunFacts>,
    ) -> Result<()> {
        let longest = &self.cells[group.longest];
        let Some(run) = trunk_run(longest, &group)? else { return Ok(()) };
        let facts = resolve(&run)?;
        if (&facts.first_model, facts.first_rate) != (&longest.facts.first_model, longest.facts.first_rate) {
            return Ok(());
        }
        let trunk = self.trunks.len();
        for member in &group.members {
            let steps = firsts[*member].as_ref().map_or(0, |first| first.steps);
            self.cells[*member].branch = Some((trunk, steps));
        }
        self.trunks.push(Trunk { run, facts, members: group.members });
        Ok(())
    }

    /// A run, and what it comes to.
    pub(crate) fn at(&self, place: Place) -> (&PlannedRun, &RunFacts) {
        match place {
            Place::Trunk(index) => (&self.trunks[index].run, &self.trunks[index].facts),
            Place::Cell(index) => (&self.cells[index].run, &self.cells[index].facts),
        }
    }

    /// Where a run branches off.
    pub(crate) fn branch(&self, place: Place) -> Option<(usize, u64)> {
        match place {
            Place::Trunk(_) => None,
            Place::Cell(index) => self.cells[index].branch,
        }
    }

    /// FLOPs that a run takes itself.
    pub(crate) fn own_flops(&self, place: Place) -> f64 {
        match place {
            Place::Trunk(index) => self.trunks[index].facts.flops,
            Place::Cell(index) => self.cells[index].own_flops(),
        }
    }

    /// FLOPs of everything, each beginning once.
    pub(crate) fn flops(&self) -> f64 {
        let trunks: f64 = self.trunks.iter().map(|trunk| trunk.facts.flops).sum();
        trunks + self.cells.iter().map(Cell::own_flops).sum::<f64>()
    }

    /// The part of the FLOPs that trunks save.
    pub(crate) fn saved(&self) -> f64 {
        let alone: f64 = self.cells.iter().map(|cell| cell.facts.flops).sum();
        if alone > 0.0 { 1.0 - self.flops() / alone } else { 0.0 }
    }

    /// The cells of one of several machines. Cells of one trunk stay together, and the parts have about as many FLOPs.
    pub(crate) fn shard(&self, shard: Shard) -> BTreeSet<usize> {
        let mut units: Vec<(f64, Vec<usize>)> = Vec::new();
        let mut of_trunk = vec![None; self.trunks.len()];
        for (index, cell) in self.cells.iter().enumerate() {
            let unit = match cell.branch {
                None => units.len(),
                Some((trunk, _)) => *of_trunk[trunk].get_or_insert(units.len()),
            };
            if unit == units.len() {
                let flops = cell.branch.map_or(0.0, |(trunk, _)| self.trunks[trunk].facts.flops);
                units.push((flops, Vec::new()));
            }
            units[unit].0 += cell.own_flops();
            units[unit].1.push(index);
        }
        // The largest first, each to whoever has least.
        units.sort_by(|one, two| two.0.total_cmp(&one.0).then_with(|| one.1.cmp(&two.1)));
        let mut loads = vec![0.0; shard.count];
        let mut own = BTreeSet::new();
        for (flops, cells) in units {
            let least =
                (0..shard.count).min_by(|one, two| f64::total_cmp(&loads[*one], &loads[*two])).unwrap_or(0);
            loads[least] += flops;
            if least + 1 == shard.number {
                own.extend(cells);
            }
        }
        own
    }
}
