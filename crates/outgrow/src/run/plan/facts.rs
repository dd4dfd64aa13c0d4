//! What a plan is worked out from: a run as it was checked. Nothing is worked out here.

use outgrow_kernels::{DeviceName, Precision};
use outgrow_schedules::Schedule;
use outgrow_train::{BaseRecord, Position, Speed, TrainSettings, resume::checkpoint_name};
use serde::Serialize;

use crate::{
    recipe::Recipe,
    run::{run_json::Branch, start::Start},
};

/// All that a plan is worked out from.
#[derive(Clone, Debug)]
pub(crate) struct Facts<'a> {
    /// Its name, method and seed.
    pub recipe: &'a Recipe,
    /// The stages.
    pub schedule: &'a Schedule,
    /// Steps and intervals.
    pub settings: &'a TrainSettings,
    /// The data.
    pub data: DataPlan,
    /// The device.
    pub device: DeviceName,
    /// What matrices are multiplied in.
    pub precision: Precision,
    /// Threads that compute, on the CPU.
    pub threads: Option<usize>,
    /// Files that each checkpoint carries along.
    pub side_file_bytes: u64,
    /// Where the run begins or goes on.
    pub start: PlannedStart,
    /// The model that it begins with.
    pub base: Option<BaseRecord>,
    /// For each stage, how fast it is computed here; empty where that wasn't measured.
    pub speeds: Vec<Speed>,
}

/// The sizes of the data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct DataPlan {
    /// Tokens in a sequence.
    pub sequence_length: usize,
    /// Tokens of the training shards.
    pub training_tokens: u64,
    /// Sequences in an epoch.
    pub training_sequences: u64,
    /// Sequences that the validation shards hold.
    pub validation_sequences: u64,
}

/// Where a run begins or goes on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum PlannedStart {
    /// With the first step.
    Begins,
    /// From a checkpoint.
    GoesOn {
        /// Its name.
        checkpoint: String,
        /// Where it stands.
        position: Position,
        /// What is allowed to be, and is, other than in that checkpoint; and what else will be said first.
        notes: Vec<String>,
    },
    /// From a checkpoint of another run.
    BranchesOff {
        /// Its name.
        checkpoint: String,
        /// The name of that run.
        run: String,
        /// Where it stands.
        position: Position,
        /// As above.
        notes: Vec<String>,
    },
}

impl Facts<'_> {
    /// Tokens of a step.
    pub(super) fn batch_tokens(&self) -> u64 {
        (self.settings.batch_sequences * self.data.sequence_length) as u64
    }
}

impl PlannedStart {
    /// Where a run that has been accepted starts.
    pub(crate) fn of(start: &Start<'_>) -> Self {
        match start.run.resumption() {
            None => Self::Begins,
            Some(from) => {
                let (position, notes) = (*from.position(), start.notes.clone());
                let checkpoint = checkpoint_name(position.step);
                match start.history.branch.as_ref().filter(|_| from.branch().is_some()) {
                    Some(Branch { name, .. }) => {
                        Self::BranchesOff { checkpoint, run: name.clone(), position, notes }
                    }
                    None => Self::GoesOn { checkpoint, position, notes },
                }
            }
        }
    }

    /// Where the run stands before its first step, and what is said of that; `None` where it begins anew.
    pub(super) fn standing(&self) -> Option<(&Position, &[String])> {
        match self {
            Self::Begins => None,
            Self::GoesOn { position, notes, .. } | Self::BranchesOff { position, notes, .. } => {
                Some((position, notes))
            }
        }
    }
}
