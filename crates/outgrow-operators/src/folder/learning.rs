//! What a grown folder says of matrices that were learned for it: the matrices themselves, the words of its card, and
//! what its training has cost. Learning them is not done here.

use std::sync::Arc;

use outgrow_checkpoint::TrainingCost;

use crate::growth::LearnedMatrices;

/// Where a grown folder has the matrices that were learned for it. Its card's recipe names the same file, so that the
/// growth can be repeated.
pub const MATRICES_FILE: &str = "training/matrices.safetensors";

/// How the matrices of a growth were learned.
#[derive(Clone, Debug, PartialEq)]
pub struct LearningRecord {
    /// What was learned.
    pub matrices: Arc<LearnedMatrices>,
    /// Sentences for the card: steps, data, what was gained.
    pub words: String,
    /// What the grown model has cost, its source and the learning together.
    pub cost: TrainingCost,
}
