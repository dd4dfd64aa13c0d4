//! How far writing a folder has come, and stopping it. Nothing is written here.

use std::ops::ControlFlow;

use crate::error::GrowthError;

/// How far the shards of a folder are written, the optimizer's included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrowProgress {
    /// Tensors that are written, or were by an attempt that was killed.
    pub tensors: usize,
    /// Tensors of all shards.
    pub total_tensors: usize,
    /// Bytes of their values.
    pub bytes: u64,
    /// Bytes of all values.
    pub total_bytes: u64,
}

/// Whoever is told of it; `Break` stops the growth.
pub(crate) type Watcher<'a> = &'a mut dyn FnMut(GrowProgress) -> ControlFlow<()>;

/// Counts what is written and tells a watcher.
pub(crate) struct Counting<'a> {
    pub(crate) progress: GrowProgress,
    pub(crate) watcher: Watcher<'a>,
}

impl Counting<'_> {
    /// One more tensor.
    ///
    /// # Errors
    /// When the watcher asks to stop.
    pub(crate) fn add(&mut self, bytes: u64) -> Result<(), GrowthError> {
        self.progress.tensors += 1;
        self.progress.bytes += bytes;
        match (self.watcher)(self.progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(GrowthError::Stopped),
        }
    }
}
