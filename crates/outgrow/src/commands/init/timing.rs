//! Both recipes of a sizing, as they are written and as they are planned: how long they take here, by the plan of
//! `train` and a measured speed.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use outgrow_train::{Speed, measure_speeds};

use super::sizing::Sizing;
use crate::{
    commands::advise::{MICRO_BATCH_COMMENT, micro_batch_sequences},
    error::{Error, Result},
    machine::compute::Compute,
    recipe::{
        Recipe,
        commented::{CommentedRecipe, Entry, from_file, g_stack_schedule, scratch_schedule},
    },
    run::{
        plan::{PlannedStart, RunPlan},
        resolve::ResolvedRecipe,
    },
    terminal::figures::{count, time, times},
};

/// The recipes' names, and their files'.
pub(super) const SCRATCH: &str = "scratch";
pub(super) const G_STACK: &str = "g-stack";
/// How long a speed is measured.
const MEASURING: Duration = Duration::from_secs(3);
/// Validations of a run from scratch, and what they may cost beside it.
const VALIDATIONS: u64 = 25;
const VALIDATION_SHARE: f64 = 0.1;
const VALIDATION_SEQUENCES: [u64; 2] = [8, 64];
const CHECKPOINTS: u64 = 5;

/// Scratch and G_stack by one sizing.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    sizing: &'a Sizing,
    /// The folders of shards, from here.
    shards: [&'a Path; 2],
    compute: Compute,
}

/// What both take.
#[derive(Clone, Debug)]
pub(super) struct PairPlan {
    /// Of scratch and of G_stack.
    pub seconds: [f64; 2],
    flops: f64,
    speeds: Vec<Speed>,
    shards: [PathBuf; 2],
    compute: Compute,
}

impl<'a> Pair<'a> {
    pub(super) fn new(sizing: &'a Sizing, shards: [&'a Path; 2], compute: Compute) -> Self {
        Self { sizing, shards, compute }
    }

    /// A recipe by its name, for a file in that place.
    ///
    /// # Errors
    /// When a path can't be written in TOML.
    pub(super) fn recipe(
        &self,
        name: &'static str,
        file: &Path,
        flags: &[Option<String>; 2],
        plan: Option<&PairPlan>,
    ) -> Result<CommentedRecipe<'a>> {
        let Sizing { budget, advice, .. } = self.sizing;
        let (is_grown, epochs) = (name == G_STACK, self.sizing.epochs());
        let [training, validation] = self.shards.map(|folder| from_file(folder, file));
        let takes = plan.map_or(String::new(), |plan| {
            let seconds = plan.seconds[usize::from(is_grown)];
            format!("; here it takes {}", time(seconds))
        });
        let what = if is_grown {
            "G_stack (arXiv 2405.15319): a small model is trained, its layers are stacked, and that is trained on"
        } else {
            "The final model from the start, which growth is compared with"
        };
        let heading = vec![
            format!("{what}."),
            format!(
                "By `outgrow init`, beside {}: both cost {:.2e} FLOPs{takes}.",
                if is_grown { "scratch.toml" } else { "g-stack.toml" },
                advice.flops
            ),
        ];
        Ok(CommentedRecipe {
            heading,
            name,
            compute: flags.clone(),
            model: &budget.model,
            model_comment: format!(
                "{} parameters, {} tokens for each",
                count(advice.parameters),
                times(advice.tokens_per_parameter)
            ),
            shards: [training?, validation?],
            sequence_length: budget.sequence_length,
            schedule: if is_grown {
                g_stack_schedule(budget, advice)
            } else {
                scratch_schedule(budget, advice, &format!("{} epochs of the corpus", times(epochs)))
            },
            training: self.training(),
        })
    }

    fn training(&self) -> Vec<Entry> {
        let Sizing { budget, corpus, .. } = self.sizing;
        let length = budget.sequence_length as u64;
        let batch = budget.batch_tokens / length;
        let every = |times: u64| (budget.tokens / times / budget.batch_tokens).max(1) * budget.batch_tokens;
        // A validation takes a third of training on as many tokens.
        let affordable = 3.0 * VALIDATION_SHARE * budget.tokens as f64 / (VALIDATIONS * length) as f64;
        let [least, most] = VALIDATION_SEQUENCES;
        let held = corpus.validation_tokens.saturating_sub(1) / length;
        let sequences = (affordable as u64).clamp(least, most).min(held.max(1));
        let micro = micro_batch_sequences(batch);
        vec![
            Entry::count("batch_sequences", batch, format!("a step of {} tokens", budget.batch_tokens)),
            Entry::count("micro_batch_sequences", micro, MICRO_BATCH_COMMENT),
            Entry::count(
                "validation_interval_tokens",
                every(VALIDATIONS),
                format!("{} of scratch's run", budget.tokens / every(VALIDATIONS)),
            ),
            Entry::count("validation_sequences", sequences, format!("of {held} that are held out")),
            Entry::count(
                "checkpoint_interval_tokens",
                every(CHECKPOINTS),
                "a run that is stopped goes on from there",
            ),
        ]
    }

    /// A recipe as a run of this machine, all of it checked.
    fn resolved(&self, name: &'static str) -> Result<ResolvedRecipe> {
        let text = self.recipe(name, Path::new("recipe.toml"), &[None, None], None)?.text();
        let failed = |problem: String| Error::Failed(format!("{name}.toml: {problem}; this is a bug"));
        let table = text.parse::<toml::Table>().map_err(|error| failed(error.message().to_owned()))?;
        let recipe = Recipe::from_table(table).map_err(|problems| failed(problems.join("; ")))?;
        ResolvedRecipe::new(recipe, self.compute, Path::new(""))
    }

    fn plan(&self, speeds: &[Speed]) -> Result<PairPlan> {
        let mut seconds = [0.0; 2];
        let mut flops = 0.0;
        for (index, name) in [SCRATCH, G_STACK].into_iter().enumerate() {
            let resolved = self.resolved(name)?;
            resolved.training(Path::new(""), false).check()?;
            let stages = resolved.schedule.stages().len();
            // Both have the width of the final model.
            let speeds = speeds.iter().rev().take(stages).rev().copied().collect();
            let plan = RunPlan::of(&resolved, PlannedStart::Begins, speeds);
            seconds[index] = plan.seconds().unwrap_or_default().max(f64::MIN_POSITIVE);
            flops += plan.flops();
        }
        Ok(PairPlan {
            seconds,
            flops,
            speeds: speeds.to_vec(),
            shards: self.shards.map(Path::to_owned),
            compute: self.compute,
        })
    }
}

impl PairPlan {
    /// Measures how fast the models of a pair are, and plans both by that.
    ///
    /// # Errors
    /// When the device can't compute them.
    pub(super) fn measured(pair: &Pair<'_>) -> Result<Self> {
        let resolved = pair.resolved(G_STACK)?;
        let speeds = measure_speeds(&resolved.training(Path::new(""), false), MEASURING)?;
        pair.plan(&speeds)
    }

    /// The plan of another length, by the same speed.
    ///
    /// # Errors
    /// As [`Pair::resolved`].
    pub(super) fn of(&self, sizing: &Sizing) -> Result<Self> {
        let [training, validation] = &self.shards;
        Pair::new(sizing, [training, validation], self.compute).plan(&self.speeds)
    }

    /// Of both runs.
    pub(super) fn seconds(&self) -> f64 {
        self.seconds.iter().sum()
    }

    /// Validations included, which are no FLOPs of training.
    pub(super) fn flops_per_second(&self) -> f64 {
        self.flops / self.seconds()
    }
}
