//! The disk that a run's checkpoints take. Metrics are a few hundred bytes a step and left out.

use outgrow_schedules::Stage;
use serde::Serialize;

use super::{facts::Facts, memory::moment_bytes, stage::StagePlan};

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
        let runs: Vec<(u64, u64)> = stages
            .iter()
            .zip(facts.schedule.stages())
            .map(|(planned, stage)| {
                (checkpoint_bytes(facts, stage) + facts.side_file_bytes, planned.checkpoints)
            })
            .collect();
        let written = runs.iter().map(|(_, count)| count).sum();
        let kept_at_once = (kept as u64).saturating_add(1);
        Self {
            checkpoints_kept: kept,
            checkpoints_written: written,
            bytes: sum(&runs, written.saturating_sub(kept as u64), written),
            peak_bytes: largest_sum(&runs, written, kept_at_once.min(written)),
        }
    }
}

/// The bytes of the checkpoints from one to before another, counted from 0, of runs of one size and a count.
fn sum(runs: &[(u64, u64)], from: u64, to: u64) -> u64 {
    let (mut begin, mut bytes) = (0, 0_u64);
    for (size, count) in runs {
        let end = begin + count;
        let within = to.min(end).saturating_sub(from.max(begin));
        bytes = bytes.saturating_add(size.saturating_mul(within));
        begin = end;
    }
    bytes
}

/// The most that so many checkpoints in a row take. Between the ends of runs the sum changes evenly, so that it is the
/// largest where a row begins or ends with a run.
fn largest_sum(runs: &[(u64, u64)], written: u64, row: u64) -> u64 {
    let mut end = 0;
    let mut begins = vec![0];
    for (_, count) in runs {
        end += count;
        begins.extend([end, end.saturating_sub(row)]);
    }
    let sums =
        begins.into_iter().map(|begin| begin.min(written - row)).map(|begin| sum(runs, begin, begin + row));
    sums.max().unwrap_or(0)
}

/// Weights and moments are stored in f32.
fn checkpoint_bytes(facts: &Facts<'_>, stage: &Stage) -> u64 {
    let tensors = stage.model.tensors().len() as u64;
    4 * stage.model.num_parameters() + moment_bytes(facts, stage) + 3 * tensors * HEADER_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_runs_are_summed_as_their_checkpoints_one_by_one() {
        for runs in [vec![(3, 4), (7, 1), (1, 5)], vec![(2, 0), (5, 2)], vec![(1, 1), (9, 3), (2, 2), (8, 1)]]
        {
            let sizes: Vec<u64> =
                runs.iter().flat_map(|(size, count)| std::iter::repeat_n(*size, *count as usize)).collect();
            for row in 1..=sizes.len() {
                let largest = sizes.windows(row).map(|row| row.iter().sum::<u64>()).max().unwrap();
                assert_eq!(largest_sum(&runs, sizes.len() as u64, row as u64), largest, "{runs:?}, {row}");
            }
        }
        assert_eq!(sum(&[(1 << 40, 1 << 40)], 0, 1 << 40), u64::MAX, "no overflow, and no list of them");
    }
}
