//! Rows or columns of a matrix that are copies of each other. Exact copies are found by their bits; scaled ones, such
//! as the parts of an uneven split, by their direction, since the stored type rounds each part on its own.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hasher},
};

use outgrow_checkpoint::Dtype;

/// A matrix whose lines lie one behind the other: rows as they are, columns after transposing.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    pub values: &'a [f32],
    pub length: usize,
}

impl Lines<'_> {
    pub(super) fn line(&self, index: usize) -> &[f32] {
        &self.values[index * self.length..][..self.length]
    }

    fn count(&self) -> usize {
        self.values.len() / self.length.max(1)
    }

    /// Lines with the same values, each group in rising order, alone or not. Lines of zeros are copies of nothing.
    pub(super) fn distinct(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut places: HashMap<u64, Vec<usize>> = HashMap::new();
        for index in (0..self.count()).filter(|index| self.line(*index).iter().any(|value| *value != 0.0)) {
            let line = self.line(index);
            let mut hasher = DefaultHasher::new();
            for value in line {
                hasher.write_u32(value.to_bits());
            }
            let candidates = places.entry(hasher.finish()).or_default();
            if let Some(group) = candidates.iter().find(|group| self.line(groups[**group][0]) == line) {
                groups[*group].push(index);
            } else {
                candidates.push(groups.len());
                groups.push(vec![index]);
            }
        }
        groups
    }

    /// How many of these lines point where another one before them points, up to what `dtype` rounds.
    pub(super) fn scaled_copies(&self, lines: &[usize], dtype: Dtype) -> usize {
        // Both parts are rounded; twice that, for what normalising adds.
        let tolerance = 4.0 * unit_roundoff(dtype);
        // A difference of that size has this standard deviation along a direction of random signs; six of them miss
        // nothing.
        let window = 6.0 * tolerance / (self.length as f64).sqrt();
        let mut sorted: Vec<_> = lines.iter().map(|index| Direction::new(self.line(*index))).collect();
        sorted.sort_by(|left, right| left.marks[0].total_cmp(&right.marks[0]));
        let is_copy = |place: &usize| {
            let one = &sorted[*place];
            let before = sorted[..*place].iter().rev();
            before
                .take_while(|other| one.marks[0] - other.marks[0] <= window)
                .any(|other| one.is_along(other, window, tolerance))
        };
        (0..sorted.len()).filter(is_copy).count()
    }
}

/// A line of length 1, with its parts along a few directions of random signs: neighbours are looked for among those.
struct Direction<'a> {
    line: &'a [f32],
    scale: f64,
    marks: [f64; 3],
}

impl<'a> Direction<'a> {
    fn new(line: &'a [f32]) -> Self {
        let scale = 1.0 / line.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        let mut marks = [0.0; 3];
        let mut signs = 0x2545_f491_4f6c_dd1d_u64;
        for value in line {
            // xorshift64, from one seed for all lines.
            signs ^= signs << 13;
            signs ^= signs >> 7;
            signs ^= signs << 17;
            for (bit, mark) in marks.iter_mut().enumerate() {
                let value = f64::from(*value);
                *mark += if signs >> (20 * bit + 3) & 1 == 0 { value } else { -value };
            }
        }
        let scale_of_marks = scale / (line.len() as f64).sqrt();
        Self { line, scale, marks: marks.map(|mark| mark * scale_of_marks) }
    }

    fn is_along(&self, other: &Self, window: f64, tolerance: f64) -> bool {
        let mut marks = self.marks.iter().zip(&other.marks);
        if marks.any(|(left, right)| (left - right).abs() > window) {
            return false;
        }
        let pairs = self.line.iter().zip(other.line);
        let difference =
            pairs.map(|(left, right)| f64::from(*left) * self.scale - f64::from(*right) * other.scale);
        difference.map(|value| value * value).sum::<f64>() <= tolerance * tolerance
    }
}

/// The largest relative error of rounding to a type.
fn unit_roundoff(dtype: Dtype) -> f64 {
    match dtype {
        // What is compared are values in 32 bits.
        Dtype::F64 | Dtype::F32 => 2.0_f64.powi(-24),
        Dtype::F16 => 2.0_f64.powi(-11),
        Dtype::Bf16 => 2.0_f64.powi(-8),
    }
}

/// A row-major matrix on its side.
pub(super) fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns.max(1);
    let mut turned = vec![0.0; values.len()];
    for (row, line) in values.chunks(columns.max(1)).enumerate() {
        for (column, value) in line.iter().enumerate() {
            turned[column * rows + row] = *value;
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_found_among_columns() {
        let matrix = [1.0, 2.0, 1.0, 3.0, 0.0, 4.0, 5.0, 4.0, 6.0, 0.0];
        let values = transposed(&matrix, 5);
        assert_eq!(values, [1.0, 4.0, 2.0, 5.0, 1.0, 4.0, 3.0, 6.0, 0.0, 0.0]);
        let lines = Lines { values: &values, length: 2 };
        assert_eq!(lines.distinct(), [vec![0, 2], vec![1], vec![3]]);
    }

    #[test]
    fn scaled_copies_are_found_through_the_rounding_of_the_type() {
        let line =
            |seed: usize| (0..64).map(move |place| ((place * 37 + seed * 91) % 101) as f32 / 101.0 - 0.5);
        for (dtype, mask) in [(Dtype::F32, u32::MAX), (Dtype::F16, 0xffff_e000), (Dtype::Bf16, 0xffff_0000)] {
            let stored = |value: f32| f32::from_bits(value.to_bits() & mask);
            let parts =
                [0.3_f32, 0.7].into_iter().flat_map(|share| line(1).map(move |value| stored(share * value)));
            let values: Vec<f32> = parts.chain(line(2)).chain(line(3)).collect();
            let lines = Lines { values: &values, length: 64 };
            assert_eq!(lines.scaled_copies(&[0, 1, 2, 3], dtype), 1, "{dtype}");
        }
    }
}
