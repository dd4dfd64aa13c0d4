//! Batches made ahead of their use by a thread. It changes nothing about which batches come, or in which order.

use std::{
    sync::mpsc::{Receiver, sync_channel},
    thread::JoinHandle,
};

use crate::{
    batches::{Batch, Batches},
    error::DataError,
};

/// Batch after batch without end, made ahead by a thread. An error is the last item. Dropping it ends the thread.
#[derive(Debug)]
pub struct Prefetch {
    /// `None` once an error has been handed out.
    receiver: Option<Receiver<Result<Batch, DataError>>>,
    thread: Option<JoinHandle<()>>,
}

/// What is made ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefetchOptions {
    /// The global index of the first batch's first sample.
    pub first_sample: u64,
    /// Sequences of a batch.
    pub sequences: usize,
    /// Batches that may wait, at least one.
    pub depth: usize,
}

impl Prefetch {
    /// Starts a thread that makes [`Batches::batch`] after batch from the first sample on.
    pub fn new(batches: Batches, options: PrefetchOptions) -> Self {
        let PrefetchOptions { first_sample, sequences, depth } = options;
        let (sender, receiver) = sync_channel(depth.max(1));
        let failed = sender.clone();
        let work = move || {
            let mut sample = first_sample;
            loop {
                let batch = batches.batch(sample, sequences);
                let last = batch.is_err();
                // Nobody takes the batch any more: the iterator was dropped.
                if sender.send(batch).is_err() || last {
                    return;
                }
                sample = sample.wrapping_add(sequences as u64);
            }
        };
        let thread = std::thread::Builder::new().name("batches".into()).spawn(work);
        let thread = thread
            .map_err(|source| {
                let error = DataError::Io { action: "start", path: "thread of batches".into(), source };
                // The channel is empty and has room for one.
                let _ = failed.send(Err(error));
            })
            .ok();
        Self { receiver: Some(receiver), thread }
    }
}

impl Iterator for Prefetch {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.receiver.as_ref()?.recv();
        // The thread sends an error before it ends; without one it has panicked.
        let item = item.unwrap_or(Err(DataError::ThreadStopped { thread: "batches" }));
        if item.is_err() {
            self.receiver = None;
        }
        Some(item)
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        // First the channel, so that a thread that waits for room wakes up.
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
