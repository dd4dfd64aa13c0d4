//! The disk that a run's checkpoints take. Metrics are a few hundred bytes a step and left out.

use outgrow_schedules::Stage;
use serde::Serialize;

use super::{facts::Facts, memory::trained_parameters, stage::StagePlan};

/// Names, shapes and offsets of a tensor in a file's header.
const HEADER_BYTES: u64 = 150;

/// The disk that checkpoints take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct DiskPlan {
    /// How many stay.
    pub checkpoints_kept: usize,
    /// How many are written in all.
    pub checkpoints_written: u64,
    /// Those that are left in the end.
    pub bytes: u64,
    /// The most at any time: a new one is written before the oldest is removed.
    pub peak_bytes: u64,
}

impl DiskPlan {
    pub(super) fn new(facts: &Facts<'_>, stages: &[StagePlan]) -> Self {
        let kept = facts.settings.checkpoints_kept;
        let counted = stages.iter().zip(facts.schedule.stages());
        let at_once = kept as u64 + 1;
        // More of one size than there are at once change no sum.
        let sizes: Vec<u64> = counted
            .flat_map(|(planned, stage)| {
                let size = checkpoint_bytes(stage) + facts.side_file_bytes;
                std::iter::repeat_n(size, planned.checkpoints.min(at_once) as usize)
            })
            .collect();
        let window = (kept + 1).min(sizes.len()).max(1);
        Self {
            checkpoints_kept: kept,
            checkpoints_written: stages.iter().map(|stage| stage.checkpoints).sum(),
            bytes: sizes.iter().rev().take(kept).sum(),
            peak_bytes: sizes.windows(window).map(|sizes| sizes.iter().sum()).max().unwrap_or(0),
        }
    }
}

/// Weights and moments are stored in f32.
fn checkpoint_bytes(stage: &Stage) -> u64 {
    let tensors = stage.model.tensors().len() as u64;
    4 * stage.model.num_parameters() + 8 * trained_parameters(stage) + 3 * tensors * HEADER_BYTES
}
