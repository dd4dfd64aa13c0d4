//! Whether a run draws its first weights or has them. Where a base's weights are is not known here.

use serde::{Deserialize, Serialize};

/// What the first stage's model begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Beginning {
    /// Weights that are drawn.
    #[default]
    Fresh,
    /// The weights of a model that there is already.
    Base,
}

impl Beginning {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) fn is_fresh(&self) -> bool {
        *self == Self::Fresh
    }
}
