//! `run.json`: what a run is, what its numbers are measured on, and what became of it. Steps and losses are in
//! metrics.jsonl.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{TrainingCost, write_file_atomically};
use outgrow_data::{Batches, Manifest};
use outgrow_train::{
    BaseRecord,
    resume::{Change, Comparison, Difference, Field},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::{BadInput, Result},
    machine::compute::Compute,
    recipe::{ModelRecipe, Recipe, ScheduleRecipe},
    run::{
        base::{BaseModel, sha256_of},
        benchmarks::Asked,
        growths::GrowthRecord,
        resolve::ResolvedRecipe,
        stage_times::StageTime,
        summary::Summary,
    },
};

const FILE: &str = "run.json";
/// The version of its layout, and of that of metrics.jsonl.
const FORMAT: u32 = 1;

/// What `run.json` in a folder is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RunFile {
    /// There is none.
    Absent,
    /// That of a run.
    OfRun(Value),
    /// Cut or empty, as after a power cut.
    Unreadable,
    /// Some other program's.
    Foreign,
}

/// What a run remembers that its recipe doesn't say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct History {
    /// The newest checkpoint that was written, by name. Where there is one, a folder without checkpoints has lost them.
    pub checkpoint: Option<String>,
    /// What was changed when it was gone on with, and allowed.
    pub changes: Vec<Change>,
    /// Where it was taken back.
    pub rewinds: Vec<Rewind>,
    /// The run that it branched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<Branch>,
    /// What benchmarks asked, by task.
    pub evaluation: BTreeMap<String, Asked>,
    /// What happened at each growth.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub growths: Vec<GrowthRecord>,
    /// How long steps took in each stage, beside their FLOPs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stage_times: Vec<StageTime>,
    /// The step at which its loss was no number any more; it goes no further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diverged_at_step: Option<u64>,
    /// The step since which the validation data is known to be the one that `data` names; 0 but for runs of earlier
    /// versions.
    pub validation_known_since_step: u64,
}

/// A run that was taken back to an older checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rewind {
    /// The step of its newest checkpoint then.
    pub from_step: u64,
    /// The step that it went on from.
    pub to_step: u64,
    /// The folder, in the run's, that holds what was newer.
    pub set_aside: String,
}

/// The run that another one branched off, as run.json has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Branch {
    /// Its name.
    pub name: String,
    /// Steps taken there.
    pub step: u64,
}

impl RunFile {
    /// Reads that of a folder.
    pub(crate) fn read(folder: &Path) -> Self {
        let Ok(bytes) = fs::read(folder.join(FILE)) else { return Self::Absent };
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(run) if run["format"].is_u64() && run["method"].is_string() => Self::OfRun(run),
            Ok(_) => Self::Foreign,
            Err(_) => Self::Unreadable,
        }
    }

    /// What it says, or nothing.
    pub(crate) fn value(&self) -> &Value {
        match self {
            Self::OfRun(run) => run,
            Self::Absent | Self::Unreadable | Self::Foreign => &Value::Null,
        }
    }

    /// What it remembers; nothing of what earlier versions didn't write.
    pub(crate) fn history(&self) -> History {
        History::deserialize(self.value()).unwrap_or_default()
    }

    /// The step at which it diverged, if it did.
    pub(crate) fn diverged_at_step(&self) -> Option<u64> {
        self.value()["diverged_at_step"].as_u64()
    }

    /// Whether it says of itself that it is finished.
    pub(crate) fn is_finished(&self) -> bool {
        self.value()["finished"] == Value::Bool(true)
    }

    /// Whether the run has written checkpoints; `None` where an earlier version left that open.
    pub(crate) fn has_written_checkpoints(&self) -> Option<bool> {
        if self.is_finished() {
            return Some(true);
        }
        self.value().get("checkpoint").map(Value::is_string)
    }
}

impl History {
    /// Takes over what the lines of metrics.jsonl come to.
    pub(crate) fn summarize(&mut self, summary: &Summary) {
        self.growths = summary.growths.records().to_vec();
        self.stage_times = summary.stage_times.measured();
    }

    /// Forgets what came after a step that the run goes on from, and takes note of what changes there.
    pub(crate) fn go_on(&mut self, step: u64, comparison: &Comparison) {
        self.diverged_at_step = None;
        self.changes.retain(|change| change.step < step);
        self.changes.extend(comparison.differences.iter().map(|difference| difference.after(step)));
        if comparison.unknown.contains(&Field::ValidationData) {
            self.validation_known_since_step = step;
        }
    }
}

/// Writes `run.json`.
pub(crate) fn write_run_file(
    folder: &Path,
    resolved: &ResolvedRecipe,
    history: &History,
    finished: bool,
) -> Result<()> {
    let model = resolved.schedule.model();
    let mut run = json!({
        "format": FORMAT,
        "name": resolved.recipe.name,
        "method": method(resolved),
        "seed": resolved.recipe.seed,
        "recipe": resolved.recipe,
        "stages": resolved.schedule,
        "device": resolved.compute.device.to_string(),
        "dtype": resolved.compute.precision,
        "version": env!("CARGO_PKG_VERSION"),
        "model": model.to_json(),
        "parameters": model.num_parameters(),
        "data": data(resolved),
    });
    if let Some(model) = &resolved.base {
        run["base"] = base(model);
    }
    if let (Value::Object(run), Value::Object(history)) = (&mut run, serde_json::to_value(history)?) {
        run.extend(history);
        run.insert("finished".to_owned(), finished.into());
    }
    let mut text = serde_json::to_string_pretty(&run)?;
    text.push('\n');
    write_file_atomically(&folder.join(FILE), text.as_bytes())?;
    Ok(())
}

/// The recipe's, but that a base which is trained on as it is isn't trained from scratch.
fn method(resolved: &ResolvedRecipe) -> &'static str {
    match (&resolved.base, &resolved.recipe.schedule) {
        (Some(_), ScheduleRecipe::Scratch { .. }) => "continued",
        (_, schedule) => schedule.method(),
    }
}

/// The model that the run began with: by content, and with what it had cost by then.
fn base(base: &BaseModel) -> Value {
    let BaseRecord { name, sha256, cost } = &base.record;
    let TrainingCost { tokens, flops, flops_6nt } = cost;
    json!({ "name": name, "sha256": sha256, "tokens": tokens, "flops": flops, "flops_6nt": flops_6nt })
}

/// What tokens the run reads, by their sums and not by where they are.
fn data(resolved: &ResolvedRecipe) -> Value {
    let shards = |batches: &Batches| {
        let manifest = batches.shards().manifest();
        json!({ "sha256": manifest.shards_sha256(), "tokens": manifest.tokens })
    };
    let mut validation = shards(&resolved.validation);
    validation["sequences"] = resolved.settings.validation_sequences.into();
    json!({
        "tokenizer_sha256": resolved.training.shards().manifest().tokenizer.sha256,
        "sequence_length": resolved.training.sequence_length(),
        "training": shards(&resolved.training),
        "validation": validation,
    })
}

/// Whether the folder holds a finished run of this recipe.
///
/// # Errors
/// When it does, but one that was computed in another precision, or on other data than there is now: its numbers are
/// others.
pub(crate) fn is_finished(folder: &Path, recipe: &Recipe, compute: Compute) -> Result<bool, BadInput> {
    let file = RunFile::read(folder);
    let run = file.value();
    let is_this_run =
        file.is_finished() && serde_json::to_value(recipe).is_ok_and(|recipe| run["recipe"] == recipe);
    if !is_this_run {
        return Ok(false);
    }
    // Before there was a choice, all was f32.
    let (found, asked) = (run["dtype"].as_str().unwrap_or("f32"), compute.precision.to_string());
    if found != asked {
        let folder = folder.display();
        let problem = format!(
            "{folder}: this run is done, in {found}; in {asked} it is another, which needs another --out"
        );
        return Err(BadInput(problem));
    }
    let differing: Vec<Difference> =
        other_base(run, recipe).into_iter().chain(other_data(run, recipe)).collect();
    if differing.is_empty() {
        return Ok(true);
    }
    let differing: Vec<String> = differing.iter().map(ToString::to_string).collect();
    let (folder, differing) = (folder.display(), differing.join("; "));
    Err(BadInput(format!("{folder}: this run is done, with {differing}; with these it needs another --out")))
}

/// What the base of a recipe has become, likewise.
fn other_base(run: &Value, recipe: &Recipe) -> Option<Difference> {
    let (ModelRecipe::From(base), saved) = (&recipe.model, &run["base"]["sha256"]) else { return None };
    let now = Value::from(sha256_of(&base.from)?);
    let field = Field::Base;
    let differs = !saved.is_null() && *saved != now;
    differs.then(|| Difference { field, what: field.key().to_owned(), saved: saved.clone(), now })
}

/// What the data of a recipe has become since a run recorded it. Data that is gone has become nothing: the run is done.
fn other_data(run: &Value, recipe: &Recipe) -> Vec<Difference> {
    let places = [
        (Field::TrainingData, &recipe.data.training, &run["data"]["training"]["sha256"]),
        (Field::ValidationData, &recipe.data.validation, &run["data"]["validation"]["sha256"]),
    ];
    let difference = |(field, folder, saved): (Field, &PathBuf, &Value)| {
        let now = Value::from(Manifest::read(folder).ok()?.shards_sha256());
        let differs = !saved.is_null() && *saved != now;
        differs.then(|| Difference { field, what: field.key().to_owned(), saved: saved.clone(), now })
    };
    places.into_iter().filter_map(difference).collect()
}

/// In what the benchmarks of a run that goes on differ from those that it was evaluated by. Tasks that only one of
/// the two has are no difference: each task is a curve of its own.
pub(crate) fn other_benchmarks(
    file: &RunFile,
    asked: &BTreeMap<String, Asked>,
    recipe: &Recipe,
) -> Vec<Difference> {
    let before = file.history().evaluation;
    let mut all = Vec::new();
    let mut add = |field: Field, saved: Value, now: Value, task: Option<&str>| {
        let what = task.map_or(field.key().to_owned(), |task| format!("{} ({task})", field.key()));
        let same_field = |one: &Difference| one.field == field;
        // One task stands for all: they share these settings.
        if saved != now && !all.iter().any(same_field) {
            all.push(Difference { field, what, saved, now });
        }
    };
    for (task, now) in asked {
        let Some(saved) = before.get(task) else { continue };
        let task = Some(task.as_str());
        if saved.num_fewshot != now.num_fewshot {
            add(Field::EvaluationNumFewshot, saved.num_fewshot.into(), now.num_fewshot.into(), task);
        } else if saved.documents != now.documents {
            let documents = |asked: &Asked| Value::from(format!("{} documents", asked.documents));
            add(Field::EvaluationLimit, documents(saved), documents(now), task);
        } else {
            add(Field::EvaluationData, saved.sha256.clone().into(), now.sha256.clone().into(), task);
        }
    }
    // Earlier versions have the recipe only.
    if let (true, Some(recipe), Value::Object(saved)) =
        (before.is_empty(), &recipe.evaluation, &file.value()["recipe"]["evaluation"])
    {
        let saved = |key: &str| saved.get(key).cloned().unwrap_or_default();
        add(Field::EvaluationLimit, saved("limit"), recipe.limit.into(), None);
        add(Field::EvaluationNumFewshot, saved("num_fewshot"), recipe.num_fewshot.into(), None);
    }
    all
}
