//! Several documents in one sequence, none of which sees another.

use std::sync::Arc;

/// For each position of a batch of packed sequences, the first position that it sees: where its document begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedDocuments {
    batch: usize,
    sequence: usize,
    first_visible: Arc<[u32]>,
}

impl PackedDocuments {
    /// From a number for each token, `[batch, sequence]` row-major: a document goes on as long as the number stays the
    /// same.
    ///
    /// ```
    /// use outgrow_kernels::PackedDocuments;
    ///
    /// let packed = PackedDocuments::from_segments(&[1, 1, 2, 2, 7, 7, 7, 8], 4);
    /// assert_eq!(packed.dims(), [2, 4]);
    /// assert_eq!(packed.first_visible(), [0, 0, 2, 2, 0, 0, 0, 3]);
    /// ```
    ///
    /// # Panics
    /// When the numbers don't make whole sequences.
    pub fn from_segments(segments: &[i32], sequence: usize) -> Self {
        assert!(
            sequence > 0 && segments.len().is_multiple_of(sequence),
            "{} segment numbers for sequences of {sequence}",
            segments.len()
        );
        let starts = |segments: &[i32]| {
            let mut start = 0;
            let first = |position: usize| {
                if position > 0 && segments[position] != segments[position - 1] {
                    start = position;
                }
                start as u32
            };
            (0..segments.len()).map(first).collect::<Vec<_>>()
        };
        let first_visible = segments.chunks_exact(sequence).flat_map(starts).collect();
        Self { batch: segments.len() / sequence, sequence, first_visible }
    }

    /// `[batch, sequence]`
    pub fn dims(&self) -> [usize; 2] {
        [self.batch, self.sequence]
    }

    /// The first visible position of each position, `[batch, sequence]` row-major; it never falls along a sequence.
    pub fn first_visible(&self) -> &[u32] {
        &self.first_visible
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_begins_where_the_number_changes_and_with_the_sequence() {
        let packed = PackedDocuments::from_segments(&[1, 1, 2, 1, 1, 1, 1, 0], 4);
        assert_eq!(packed.first_visible(), [0, 0, 2, 3, 0, 0, 0, 3]);
    }
}
