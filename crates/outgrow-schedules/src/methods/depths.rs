//! Depths that rise from stage to stage, and the operators that lead from one to the next.

use outgrow_operators::{Depth, Growth, Operator, Placement, Width};

use crate::error::ScheduleError;

/// Checks that depths rise to the target's.
pub(super) fn check_layer_counts(counts: &[usize], num_hidden_layers: usize) -> Result<(), ScheduleError> {
    let rises = counts.windows(2).all(|pair| pair[0] < pair[1]);
    if rises && counts.first().is_some_and(|first| *first > 0) && counts.last() == Some(&num_hidden_layers) {
        return Ok(());
    }
    Err(ScheduleError::LayerCounts { layer_counts: counts.to_vec(), num_hidden_layers })
}

/// The last depth, where the first one is that of a base.
pub(super) fn last_above(counts: &[usize], num_hidden_layers: usize) -> Result<usize, ScheduleError> {
    let last = counts.last().filter(|_| counts.first() == Some(&num_hidden_layers));
    last.copied()
        .ok_or_else(|| ScheduleError::FirstLayerCount { layer_counts: counts.to_vec(), num_hidden_layers })
}

/// Checks that copies of the top layers are enough.
pub(super) fn check_doubling(counts: &[usize]) -> Result<(), ScheduleError> {
    let more = counts.windows(2).filter(|pair| pair[1] > 2 * pair[0]);
    let problems = more.map(|pair| ScheduleError::MoreThanDoubled { from: pair[0], to: pair[1] });
    ScheduleError::from_problems(problems.collect())
}

/// The growths between depths by an operator; one that draws weights draws others in each.
///
/// # Errors
/// An operator that has no use for depths, and depths that it doesn't reach; all of them are named.
pub(super) fn growths_between(operator: Operator, counts: &[usize]) -> Result<Vec<Growth>, ScheduleError> {
    let (mut growths, mut problems) = (Vec::new(), Vec::new());
    for (index, pair) in counts.windows(2).enumerate() {
        match growth_between(operator, pair[0], pair[1], index as u64) {
            Ok(growth) => growths.push(growth),
            Err(problem @ ScheduleError::Operator { .. }) => return Err(problem),
            Err(problem) => problems.push(problem),
        }
    }
    ScheduleError::from_problems(problems)?;
    Ok(growths)
}

fn growth_between(operator: Operator, from: usize, to: usize, seed: u64) -> Result<Growth, ScheduleError> {
    let depth = Depth::Layers(to);
    let factor = || {
        let whole = to.is_multiple_of(from).then_some(to / from);
        whole.ok_or(ScheduleError::Multiple { operator, from, to })
    };
    let unfit = |problem| Err(ScheduleError::Operator { operator, problem });
    match operator {
        Operator::Stack => Ok(Growth::Stack { factor: factor()? }),
        Operator::Interleave => Ok(Growth::Interleave { factor: factor()? }),
        Operator::Last if to > 2 * from => Err(ScheduleError::MoreThanDoubled { from, to }),
        Operator::Last => Ok(Growth::Last { depth }),
        Operator::Zero | Operator::ZeroDepth => {
            Ok(Growth::ZeroDepth { depth, placement: Placement::default() })
        }
        Operator::Random | Operator::RandomDepth => Ok(Growth::RandomDepth { depth, seed }),
        Operator::Learned => {
            Ok(Growth::Learned { depth: Some(depth), width: Width::default(), matrices: None, seed })
        }
        Operator::Middle | Operator::Lidas => {
            unfit("adds a block of layers each time, whatever layer_counts says: use `midas` or `lidas`")
        }
        Operator::Solar => unfit("leaves layers out, and layer_counts doesn't say how many: use `stages`"),
        Operator::Split
        | Operator::Hyperclone
        | Operator::Aki
        | Operator::ZeroWidth
        | Operator::RandomWidth => unfit("grows in width, and layer_counts are depths: use `staged`"),
    }
}
