//! The widest vectors that the processor has, chosen at run time for a loop that the compiler vectorises.

/// Runs `work` compiled for the widest vectors that this processor has.
#[inline]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}
