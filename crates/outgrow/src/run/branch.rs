//! What a run takes over from the run that it branches off: the lines of its metrics until there, what it remembers of
//! that time, and its name. Which checkpoint that is, and whether the beginnings agree, outgrow-train says; what only
//! the other's lines tell is compared here.

use std::{collections::BTreeSet, path::Path};

use outgrow_schedules::Stage;
use outgrow_train::resume::{BranchPoint, Difference, Field, Resumption, rate_after};
use serde_json::Value;

use crate::{
    error::Result,
    run::{
        benchmarks::Benchmarks,
        metrics::{METRICS_FILE, lost_steps, read},
        resolve::ResolvedRecipe,
        run_json::{Branch, History, RunFile},
    },
};

/// Fields whose changes stay true of a run that takes over what was done before.
const KEPT_CHANGES: [Field; 2] = [Field::Device, Field::MicroBatchSequences];

/// A beginning that another run has trained.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// What of the other's run.json stays true.
    pub history: History,
    /// The lines that this run would have written until there.
    pub lines: String,
    /// In what the rates of its steps differ from those here, which only its lines tell where it was extended.
    pub differences: Vec<Difference>,
    /// What is missing of its lines.
    pub lost: Option<String>,
}

impl Beginning {
    /// Of the run whose checkpoint a run branches off from.
    ///
    /// # Errors
    /// Metrics that can't be read.
    pub(crate) fn read(from: &Resumption, resolved: &ResolvedRecipe) -> Result<Self> {
        let point = from.branch().expect("another run's checkpoint is a branch point");
        let other = from.checkpoint().parent().unwrap_or(Path::new(""));
        let (file, position) = (RunFile::read(other), from.position());
        let before = file.history();
        let is_kept = |field: &str| KEPT_CHANGES.iter().any(|kept| kept.key() == field);
        let changes = before.changes.into_iter();
        let mut history = History {
            changes: changes.filter(|one| one.step < position.step && is_kept(&one.field)).collect(),
            evaluation: before.evaluation,
            validation_known_since_step: before.validation_known_since_step,
            branch: Some(Branch { name: name(&file, other), step: position.step }),
            ..History::default()
        };
        let asked = resolved.benchmarks.as_ref().map(Benchmarks::asked).unwrap_or_default();
        history.evaluation.retain(|task, _| asked.contains_key(task));
        let tasks = asked.into_keys().collect();
        let taken = Taken { from, point, resolved, stages: resolved.schedule.stages(), tasks };
        let lines = taken.lines(&read(&other.join(METRICS_FILE))?, &from.stage_names());
        let lost = lost_steps(&lines, position.step);
        let lost = lost.map(|lost| format!("{}: {lost}", other.join(METRICS_FILE).display()));
        // Steps are counted by their lines.
        let differences = if lost.is_none() { taken.other_rates(&lines) } else { Vec::new() };
        Ok(Self { history, lines, differences, lost })
    }
}

/// The name that a run goes by, or that of its folder.
fn name(file: &RunFile, folder: &Path) -> String {
    let own = file.value()["name"].as_str().map(str::to_owned);
    let of_folder = || folder.file_name().map_or_else(|| "run".into(), |name| name.to_string_lossy());
    own.unwrap_or_else(|| of_folder().into_owned())
}

/// What is taken over.
struct Taken<'a> {
    from: &'a Resumption,
    point: &'a BranchPoint,
    resolved: &'a ResolvedRecipe,
    stages: &'a [Stage],
    /// Benchmarks that are asked here.
    tasks: BTreeSet<String>,
}

impl Taken<'_> {
    /// The other's lines up to the checkpoint, with the names that the stages have here.
    fn lines(&self, text: &str, other_names: &[&str]) -> String {
        let position = self.from.position();
        let mut lines = String::new();
        let mut evaluated_tokens = 0;
        for line in text.lines() {
            let Ok(mut line) = serde_json::from_str::<Value>(line) else { continue };
            let stage = other_names.iter().position(|name| line["stage"] == *name);
            let (Some(stage), Some(step)) = (stage, line["step"].as_u64()) else { continue };
            let is_of_the_last_step = step == position.step && stage == position.stage;
            let is_later = step > position.step || stage > position.stage;
            let (Some(here), false) = (self.stages.get(stage), is_later) else { continue };
            if is_of_the_last_step && !self.is_of_the_last_step_here(&line, evaluated_tokens) {
                continue;
            }
            if let Some(results) = line.get_mut("evaluation").and_then(Value::as_object_mut) {
                // Each task is a curve of its own; one that isn't asked here has none.
                results.retain(|task, _| self.tasks.contains(task));
                if results.is_empty() {
                    continue;
                }
                evaluated_tokens = line["tokens"].as_u64().unwrap_or(evaluated_tokens);
            }
            line["stage"] = here.name.as_str().into();
            lines.push_str(&line.to_string());
            lines.push('\n');
        }
        lines
    }

    /// Whether a line of the last step would be here, and won't be written anew.
    fn is_of_the_last_step_here(&self, line: &Value, evaluated_tokens: u64) -> bool {
        let BranchPoint { ends_stage, validates, is_measured } = *self.point;
        let tokens = self.from.position().tokens;
        if line["loss"].is_number() {
            true
        } else if line["growth"]["norms"].is_object() {
            is_measured
        } else if line["stage_end"].is_object() {
            false
        } else if line["evaluation"].is_object() {
            let is_due = self.resolved.benchmarks.as_ref().map(|one| one.are_due(evaluated_tokens, tokens));
            validates && !ends_stage && is_due == Some(true)
        } else {
            validates && !ends_stage
        }
    }

    /// The first step of each stage whose rate was another than it is here.
    fn other_rates(&self, lines: &str) -> Vec<Difference> {
        let mut differences = Vec::new();
        let settings = &self.resolved.settings;
        let step_tokens = (settings.batch_sequences * self.resolved.recipe.data.sequence_length) as u64;
        let mut stages: Vec<_> = self.stages.iter().map(|stage| (stage, 0, false)).collect();
        for line in lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let is_step = line["loss"].is_number() && line["learning"] != true;
            let of_line = stages.iter_mut().find(|(stage, ..)| line["stage"] == stage.name.as_str());
            let Some((stage, tokens, is_said)) = of_line.filter(|_| is_step) else { continue };
            *tokens += step_tokens;
            let (saved, now) = (line["learning_rate"].clone(), Value::from(stage.learning_rate.at(*tokens)));
            if saved != now && !*is_said {
                *is_said = true;
                let what = rate_after(&stage.name, self.stages.len() == 1, *tokens);
                differences.push(Difference { field: Field::Stages, what, saved, now });
            }
        }
        differences
    }
}
