//! Whose implementation of an operation takes a tensor.
//!
//! Every home has the same operations under the same names, and the one `match` is here, without a catch-all arm: a
//! device that is added does not compile until it has them all.

use burn::tensor::Tensor;

#[cfg(feature = "flex")]
use crate::cpu;

/// Where the operations on a tensor are at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// In `cpu::operations`: fused, on plain slices.
    #[cfg(feature = "flex")]
    Cpu,
    /// In `composed`: burn's own operations, on every device.
    Elsewhere,
}

impl Home {
    /// By the operation's first tensor; the others are on the same device.
    pub(crate) fn of<const D: usize>(tensor: &Tensor<D>) -> Self {
        #[cfg(feature = "flex")]
        if cpu::operations::takes(tensor) {
            return Self::Cpu;
        }
        let _ = tensor;
        Self::Elsewhere
    }
}

/// Runs the operation of a name at the home of a tensor: `at_home!(hidden, rms_norm(hidden, weight, epsilon))`.
macro_rules! at_home {
    ($tensor:expr, $operation:ident($($argument:expr),+ $(,)?)) => {
        match $crate::home::Home::of(&$tensor) {
            #[cfg(feature = "flex")]
            $crate::home::Home::Cpu => $crate::cpu::operations::$operation($($argument),+),
            $crate::home::Home::Elsewhere => $crate::composed::$operation($($argument),+),
        }
    };
}

pub(crate) use at_home;
