//! The two sets of files that a folder can hold, and the names of their files. It opens none.

/// The sets of files that a folder can hold: each is one file, or several and an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShardSet {
    /// `model.safetensors`, or `model-00001-of-00002.safetensors` and so on: the parameters.
    Model,
    /// `optimizer.safetensors`, or `optimizer-00001-of-00002.safetensors` and so on: an optimizer's moments, named by
    /// the path of their parameter and `.exp_avg` and `.exp_avg_sq` (AdamW's) or `.momentum_buffer` (Muon's).
    Optimizer,
}

impl ShardSet {
    /// What the names of its files begin with.
    pub(crate) fn stem(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Optimizer => "optimizer",
        }
    }

    /// The file where there is only one.
    pub(crate) fn single_file(self) -> String {
        format!("{}.safetensors", self.stem())
    }

    /// The file that says which shard holds which tensor.
    pub(crate) fn index_file(self) -> String {
        format!("{}.safetensors.index.json", self.stem())
    }
}
