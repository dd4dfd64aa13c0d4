//! The checkpoints in a run's folder: which there are, which of them can be gone on from, and what is wrong with the
//! others. All of it is known before a step is taken. It loads no weights and knows nothing of metrics.
//!
//! Whole is what its own files say of themselves: sizes, headers, a state that fits the model and the moments. Values
//! aren't summed up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{Checkpoint, LlamaConfig, StoredTensor, WeightFolder, with_causes};
use outgrow_operators::folder::MASK_FILE;

use crate::{
    error::TrainError,
    mask,
    moments::shapes,
    optimizer::Optimizer,
    position::Position,
    resume::{
        comparison::model_differences,
        difference::shown,
        layout::{OPTIMIZER_FILE, STATE_FILE, TRAINING_FOLDER, checkpoint_name},
        state::State,
    },
};

/// The end of a file that is looked at for lost pages. After a power cut a file can have its length and no content.
const TAIL_BYTES: u64 = 4096;

/// Something in a run's folder that has the name of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointFolder {
    /// Where it is.
    pub path: PathBuf,
    /// The step of its name.
    pub step: u64,
}

/// What such a folder is good for.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// A run can go on from it.
    Whole {
        /// Where the run had come to.
        position: Position,
    },
    /// There is a model, perhaps, but nothing to go on from: `training/` was removed, as people do before they publish.
    NoTrainingState,
    /// Something in it is cut, empty, gone, or of another checkpoint.
    Damaged {
        /// What, and where in the folder.
        problem: String,
    },
}

/// A checkpoint that a run can go on from, with its state as it was read to find that out.
#[derive(Debug)]
pub(crate) struct WholeCheckpoint {
    /// The folder.
    pub folder: CheckpointFolder,
    /// What it remembers.
    pub saved: State,
}

/// All that has the name of a checkpoint, by step.
pub fn checkpoint_folders(run: &Path) -> Vec<CheckpointFolder> {
    let Ok(entries) = fs::read_dir(run) else { return Vec::new() };
    let as_checkpoint = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        let step = name.strip_prefix("step-")?.parse().ok()?;
        (name == checkpoint_name(step)).then_some(CheckpointFolder { path, step })
    };
    let mut found: Vec<_> = entries.flatten().filter_map(|entry| as_checkpoint(entry.path())).collect();
    found.sort_by_key(|checkpoint| checkpoint.step);
    found
}

/// The checkpoint that a run in this folder goes on from; `None` where nothing has the name of one.
///
/// # Errors
/// [`TrainError::NotWhole`] where the newest one isn't whole: a run that went on from an older one would meet the
/// newer ones on its way.
pub fn checkpoint_to_go_on_from(run: &Path) -> Result<Option<PathBuf>, TrainError> {
    Ok(newest_whole(run)?.map(|found| found.folder.path))
}

/// The same, with its state.
pub(crate) fn newest_whole(run: &Path) -> Result<Option<WholeCheckpoint>, TrainError> {
    let mut problems = Vec::new();
    for folder in checkpoint_folders(run).into_iter().rev() {
        match folder.read() {
            Ok(saved) if problems.is_empty() => return Ok(Some(WholeCheckpoint { folder, saved })),
            Ok(_) => {
                problems.reverse();
                let whole = Some(folder.step);
                return Err(TrainError::NotWhole { run: run.to_owned(), problems, whole });
            }
            Err(problem) => problems.push((folder.step, problem.in_words())),
        }
    }
    problems.reverse();
    if problems.is_empty() {
        Ok(None)
    } else {
        Err(TrainError::NotWhole { run: run.to_owned(), problems, whole: None })
    }
}

/// The checkpoint after so many steps, whole.
pub(crate) fn whole_at(run: &Path, step: u64) -> Result<WholeCheckpoint, TrainError> {
    let all = checkpoint_folders(run);
    let Some(folder) = all.iter().find(|checkpoint| checkpoint.step == step) else {
        let steps = all.iter().map(|checkpoint| checkpoint.step).collect();
        return Err(TrainError::NoSuchCheckpoint { run: run.to_owned(), step, steps });
    };
    let problem = match folder.read() {
        Ok(saved) => return Ok(WholeCheckpoint { folder: folder.clone(), saved }),
        Err(problem) => problem.in_words(),
    };
    let whole = all.iter().rev().find(|one| one.read().is_ok()).map(|one| one.step);
    Err(TrainError::NotWhole { run: run.to_owned(), problems: vec![(step, problem)], whole })
}

impl CheckpointFolder {
    /// Looks at headers, sizes and the state.
    pub fn condition(&self) -> Condition {
        match self.read() {
            Ok(saved) => Condition::Whole { position: saved.position },
            Err(Unusable::NoTrainingState) => Condition::NoTrainingState,
            Err(Unusable::Damaged { problem }) => Condition::Damaged { problem },
        }
    }

    /// Itself with its state, or what is wrong with it.
    pub(super) fn whole(self) -> Result<WholeCheckpoint, String> {
        match self.read() {
            Ok(saved) => Ok(WholeCheckpoint { folder: self, saved }),
            Err(problem) => Err(problem.in_words()),
        }
    }

    /// Its state, where the whole folder is as that says.
    fn read(&self) -> Result<State, Unusable> {
        if !self.path.is_dir() {
            return Err(Unusable::Damaged { problem: "is no folder".to_owned() });
        }
        if !self.has_state() {
            return Err(Unusable::NoTrainingState);
        }
        self.check().map_err(|problem| {
            let inside = format!("{}{}", self.path.display(), std::path::MAIN_SEPARATOR);
            let outside = format!("{}: ", self.path.display());
            Unusable::Damaged { problem: problem.replace(&inside, "").replace(&outside, "") }
        })
    }

    pub(crate) fn has_state(&self) -> bool {
        self.path.join(STATE_FILE).is_file()
    }

    /// The state, or what is wrong.
    fn check(&self) -> Result<State, String> {
        let saved = State::read(&self.path).map_err(|error| with_causes(&error))?;
        let position = saved.position;
        if position.step != self.step {
            return Err(format!("{STATE_FILE} is of {}: it was renamed", checkpoint_name(position.step)));
        }
        let stages = saved.schedule.stages();
        let stage = stages.get(position.stage).ok_or_else(|| {
            let (index, count) = (position.stage, stages.len());
            format!("{STATE_FILE}: stage is {index}, but there are {count}, counted from 0")
        })?;
        let checkpoint = Checkpoint::open(&self.path).map_err(|error| with_causes(&error))?;
        check_model(checkpoint.config(), &stage.model)?;
        check_tails(checkpoint.tensors())?;
        if mask::values(&saved.schedule, &position).is_some() && !self.path.join(MASK_FILE).is_file() {
            return Err(format!("{MASK_FILE} isn't there, and without it this is another model"));
        }
        let moments = WeightFolder::open_moments(&self.path.join(TRAINING_FOLDER));
        let moments = moments.map_err(|error| with_causes(&error))?;
        let moments = moments.ok_or_else(|| format!("{OPTIMIZER_FILE} isn't there"))?;
        let optimizer = Optimizer::new(saved.settings.optimizer.clone(), &stage.model);
        check_moments(&moments, &saved.optimizer_steps, &stage.model, &optimizer)?;
        check_tails(moments.tensors().iter())?;
        Ok(saved)
    }
}

/// What keeps a run from going on from a folder.
enum Unusable {
    NoTrainingState,
    Damaged { problem: String },
}

impl Unusable {
    fn in_words(self) -> String {
        match self {
            Self::NoTrainingState => format!("has no {STATE_FILE} to go on from"),
            Self::Damaged { problem } => problem,
        }
    }
}

/// Whether config.json is of the model that the state speaks of.
fn check_model(found: &LlamaConfig, expected: &LlamaConfig) -> Result<(), String> {
    // People raise it when they publish, and no tensor depends on it.
    let bound = "max_position_embeddings";
    let differing = model_differences(found, expected).into_iter().filter(|(key, ..)| key != bound);
    let differing: Vec<String> = differing
        .map(|(key, found, expected)| {
            format!("config.json has {key} = {}, {STATE_FILE} {}", shown(&found), shown(&expected))
        })
        .collect();
    if differing.is_empty() { Ok(()) } else { Err(differing.join(", ")) }
}

fn check_moments(
    moments: &WeightFolder,
    optimizer_steps: &BTreeMap<String, u64>,
    model: &LlamaConfig,
    optimizer: &Optimizer,
) -> Result<(), String> {
    let shapes = shapes(model);
    let parts = |name: &str| optimizer.moments_of(name).iter();
    let needed = optimizer_steps.keys().flat_map(|name| parts(name).map(move |part| (name, *part)));
    let is_wrong = |(name, part): &(&String, &str)| {
        let found = moments.tensor(&format!("{name}.{part}"));
        found.is_none_or(|found| shapes.get(*name) != Some(&found.shape))
    };
    let wrong: Vec<String> = needed.filter(is_wrong).map(|(name, part)| format!("`{name}.{part}`")).collect();
    match wrong.as_slice() {
        [] => Ok(()),
        [first, others @ ..] => {
            let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
            Err(format!("{OPTIMIZER_FILE}: {first}{more} missing or of another shape"))
        }
    }
}

/// Refuses files whose last bytes are all zero, which values of a trained model are not.
fn check_tails<'a>(tensors: impl Iterator<Item = &'a StoredTensor>) -> Result<(), String> {
    let mut files: BTreeMap<&Path, (u64, u64)> = BTreeMap::new();
    for tensor in tensors {
        let (first, end) = files.entry(&tensor.shard).or_insert((tensor.range.start, tensor.range.end));
        (*first, *end) = ((*first).min(tensor.range.start), (*end).max(tensor.range.end));
    }
    let lost: BTreeSet<&Path> = files
        .into_iter()
        .filter(|&(file, data)| ends_in_zeros(file, data).unwrap_or(true))
        .map(|(file, _)| file)
        .collect();
    match lost.first() {
        None => Ok(()),
        Some(file) => Err(format!("{}: ends in zeros, as files do after a power cut", file.display())),
    }
}

fn ends_in_zeros(file: &Path, (first, end): (u64, u64)) -> io::Result<bool> {
    let length = TAIL_BYTES.min(end - first);
    let mut tail = vec![0; length as usize];
    let mut file = File::open(file)?;
    file.seek(SeekFrom::Start(end - length))?;
    file.read_exact(&mut tail)?;
    Ok(length > 0 && tail.iter().all(|byte| *byte == 0))
}
