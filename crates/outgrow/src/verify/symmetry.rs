//! Whether what growth has duplicated receives different gradients. Copies with the same gradient stay the same for
//! ever, and the grown model has only the capacity of the source.

use std::{collections::BTreeMap, ops::AddAssign};

use outgrow_checkpoint::{
    Checkpoint,
    tensor_names::{layer_index, name_in_layer},
};
use serde::Serialize;

use super::{
    bytes::{Duplicates, values},
    lines::{Lines, transposed},
    running::HostGradients,
};
use crate::error::Result;

/// Gradients that differ by less than this part of their size are the same: f32 sums of the same terms agree to about
/// 1e-7.
const TOLERANCE: f64 = 1e-6;
/// Gradients at a smaller angle than this, in radians, differ in size only. Wider, since the sizes magnify what f32
/// rounds.
const ANGLE: f64 = 1e-4;
/// Copies of one thing that each further copy is compared with; more than any growth makes.
const COMPARED_COPIES: usize = 16;

/// Copies beyond the first of their kind, by the gradient that they receive compared with the copies before them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Copies {
    /// The same as another copy's.
    pub same_gradient: usize,
    /// Another copy's times a positive factor. Adam divides such a factor away in its first step; later ones differ.
    pub proportional_gradient: usize,
    /// Different from all.
    pub different_gradient: usize,
    /// Zero, as another copy's.
    pub no_gradient: usize,
}

/// Copies among the rows or the columns of one tensor.
#[derive(Debug, Serialize)]
pub(super) struct TensorCopies {
    pub tensor: String,
    pub side: Side,
    /// Exact copies.
    pub exact: Copies,
    /// Copies times a factor, as by an uneven split: they differ already.
    pub scaled: usize,
}

/// Rows are outputs, columns inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Side {
    Rows,
    Columns,
}

/// All duplicates of a model.
#[derive(Debug, Serialize)]
pub(super) struct Symmetry {
    /// Whole tensors that are copies of each other.
    pub whole_tensors: Copies,
    /// Rows and columns, tensors with none left out. Rows of the embedding and of the head are tokens and don't count.
    pub within_tensors: Vec<TensorCopies>,
}

impl Side {
    /// A line of a row-major matrix.
    fn line(self, matrix: &[f32], index: usize, columns: usize) -> Vec<f32> {
        match self {
            Self::Rows => matrix[index * columns..][..columns].to_vec(),
            Self::Columns => matrix[index..].iter().step_by(columns).copied().collect(),
        }
    }
}

impl Copies {
    pub(super) fn total(&self) -> usize {
        self.same_gradient + self.proportional_gradient + self.different_gradient + self.no_gradient
    }

    fn of(group: &[impl AsRef<[f32]>]) -> Self {
        let mut copies = Self::default();
        for (index, gradient) in group.iter().enumerate().skip(1) {
            let before = &group[index.saturating_sub(COMPARED_COPIES)..index];
            let closest = before.iter().map(|other| Likeness::of(gradient.as_ref(), other.as_ref())).min();
            match closest {
                Some(Likeness::Same) => copies.same_gradient += 1,
                Some(Likeness::BothZero) => copies.no_gradient += 1,
                Some(Likeness::Proportional) => copies.proportional_gradient += 1,
                Some(Likeness::Different) | None => copies.different_gradient += 1,
            }
        }
        copies
    }
}

impl AddAssign for Copies {
    fn add_assign(&mut self, other: Self) {
        self.same_gradient += other.same_gradient;
        self.proportional_gradient += other.proportional_gradient;
        self.different_gradient += other.different_gradient;
        self.no_gradient += other.no_gradient;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    Same,
    BothZero,
    Proportional,
    Different,
}

impl Likeness {
    fn of(left: &[f32], right: &[f32]) -> Self {
        let (mut lefts, mut rights, mut both, mut difference) = (0.0, 0.0, 0.0, 0.0);
        for (left, right) in left.iter().zip(right) {
            let (left, right) = (f64::from(*left), f64::from(*right));
            lefts += left * left;
            rights += right * right;
            both += left * right;
            difference += (left - right).powi(2);
        }
        if lefts == 0.0 && rights == 0.0 {
            Self::BothZero
        } else if difference <= TOLERANCE.powi(2) * f64::max(lefts, rights) {
            Self::Same
        } else if both > 0.0 && lefts * rights - both * both <= ANGLE.powi(2) * lefts * rights {
            Self::Proportional
        } else {
            Self::Different
        }
    }
}

/// Looks for duplicates in the target and compares their gradients. `duplicates` are its tensors that are copies of
/// each other.
///
/// # Errors
/// When a file can't be read.
pub(super) fn symmetry(
    target: &Checkpoint,
    duplicates: &Duplicates,
    gradients: &HostGradients,
) -> Result<Symmetry> {
    let mut whole_tensors = Copies::default();
    for group in duplicates {
        let group: Vec<&[f32]> =
            group.iter().filter_map(|name| gradients.get(name)).map(Vec::as_slice).collect();
        whole_tensors += Copies::of(&group);
    }
    let mut within_tensors = Vec::new();
    for tensor in target.tensors() {
        let (&[_, columns], Some(gradient)) = (&tensor.shape[..], gradients.get(&tensor.name)) else {
            continue;
        };
        let (values, dtype) = values(target.weights(), tensor)?;
        let rows = values.len() / columns.max(1);
        let mut look = |side: Side, values: &[f32], length: usize| {
            let lines = Lines { values, length };
            let groups = lines.distinct();
            let mut exact = Copies::default();
            for group in groups.iter().filter(|group| group.len() > 1) {
                let gradients: Vec<_> =
                    group.iter().map(|line| side.line(gradient, *line, columns)).collect();
                exact += Copies::of(&gradients);
            }
            let firsts: Vec<usize> = groups.iter().map(|group| group[0]).collect();
            let scaled = lines.scaled_copies(&firsts, dtype);
            if exact.total() + scaled > 0 {
                within_tensors.push(TensorCopies { tensor: tensor.name.clone(), side, exact, scaled });
            }
        };
        if layer_index(&tensor.name).is_some() {
            look(Side::Rows, &values, columns);
        }
        look(Side::Columns, &transposed(&values, columns), rows);
    }
    Ok(Symmetry { whole_tensors, within_tensors })
}

impl Symmetry {
    /// All exact copies among rows and columns.
    pub(super) fn exact_lines(&self) -> Copies {
        self.within_tensors.iter().fold(Copies::default(), |mut sum, one| {
            sum += one.exact;
            sum
        })
    }

    /// All scaled copies among rows and columns.
    pub(super) fn scaled_lines(&self) -> usize {
        self.within_tensors.iter().map(|one| one.scaled).sum()
    }

    /// Exact copies by the kind of tensor and the side, summed over layers.
    pub(super) fn by_kind(&self) -> BTreeMap<(&str, Side), (Copies, usize)> {
        let mut kinds: BTreeMap<(&str, Side), (Copies, usize)> = BTreeMap::new();
        for one in &self.within_tensors {
            let (exact, scaled) = kinds.entry((name_in_layer(&one.tensor), one.side)).or_default();
            *exact += one.exact;
            *scaled += one.scaled;
        }
        kinds
    }
}
