//! Memory for intermediate values, kept for the next use.
//!
//! A training step asks for the same sizes again and again; fresh memory from the system would be zeroed page by page
//! every time. What is returned here is handed out again, with whatever it held: a buffer is for writing first. No more
//! than 256 MiB are kept: what a large model's backward pass returns is needed for its gradients.

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
};

use bytemuck::Pod;
use half::bf16;

/// What lies here unused, at most.
const KEPT_BYTES: usize = 256 << 20;

/// A free buffer is given back to the system when this many others have been taken since it was last used.
const PATIENCE: u64 = 4096;

/// The buffers that nobody uses now.
static FREE: Mutex<Pool> = Mutex::new(Pool { takes: 0, bytes: 0, free: Vec::new() });

struct Pool {
    takes: u64,
    bytes: usize,
    free: Vec<Free>,
}

struct Free {
    values: Vec<f32>,
    returned_at: u64,
}

impl Pool {
    fn take(&mut self, length: usize) -> Option<Vec<f32>> {
        self.takes += 1;
        let found = self.free.iter().rposition(|free| free.values.len() == class(length));
        if found.is_none() {
            let takes = self.takes;
            self.free.retain(|free| takes - free.returned_at <= PATIENCE);
            self.bytes = self.free.iter().map(|free| size_of_val(free.values.as_slice())).sum();
        }
        let values = self.free.swap_remove(found?).values;
        self.bytes -= size_of_val(values.as_slice());
        Some(values)
    }

    fn give(&mut self, values: Vec<f32>) {
        let bytes = size_of_val(values.as_slice());
        if self.bytes + bytes <= KEPT_BYTES {
            self.bytes += bytes;
            self.free.push(Free { values, returned_at: self.takes });
        }
    }
}

/// The length that is allocated for a length: a few of each size, so that batches of texts, of which no two are alike,
/// use the same memory. What is allocated and not asked for is never touched, and so takes no memory.
fn class(length: usize) -> usize {
    let step = (length.next_power_of_two() / 16).max(1);
    length.next_multiple_of(step)
}

/// Values in memory that returns to the pool when it is dropped.
#[derive(Debug)]
pub struct Pooled<T> {
    memory: Vec<f32>,
    length: usize,
    kind: PhantomData<T>,
}

/// Values of f32.
pub type Buffer = Pooled<f32>;

/// Values of bf16, in half the memory.
pub type HalfBuffer = Pooled<bf16>;

impl<T: Pod> Pooled<T> {
    /// A buffer of `length` values, which are not zero: they are what the last user left.
    pub fn new(length: usize) -> Self {
        let needed = (length * size_of::<T>()).div_ceil(size_of::<f32>());
        let taken = FREE.lock().unwrap_or_else(PoisonError::into_inner).take(needed);
        let memory = taken.unwrap_or_else(|| vec![0.0; class(needed)]);
        Self { memory, length, kind: PhantomData }
    }
}

impl<T> Drop for Pooled<T> {
    fn drop(&mut self) {
        FREE.lock().unwrap_or_else(PoisonError::into_inner).give(std::mem::take(&mut self.memory));
    }
}

impl<T: Pod> Clone for Pooled<T> {
    fn clone(&self) -> Self {
        let mut copy = Self::new(self.len());
        copy.copy_from_slice(self);
        copy
    }
}

impl<T: Pod> Deref for Pooled<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &bytemuck::cast_slice(&self.memory)[..self.length]
    }
}

impl<T: Pod> DerefMut for Pooled<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.memory)[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_returned_is_handed_out_again() {
        // A length that nothing else in this process asks for.
        let length = 12_347;
        let mut buffer = Buffer::new(length);
        assert!(buffer.iter().all(|&value| value == 0.0));
        buffer[5] = 3.0;
        let address = buffer.as_ptr();
        drop(buffer);
        let again = Buffer::new(length);
        assert_eq!((again.as_ptr(), again[5]), (address, 3.0));
        assert_ne!(Buffer::new(length).as_ptr(), address);
    }

    #[test]
    fn values_of_two_bytes_take_half_the_memory() {
        let mut halves = HalfBuffer::new(22_223);
        halves[22_222] = bf16::ONE;
        let (length, address) = (halves.len(), halves.as_ptr().addr());
        drop(halves);
        assert_eq!(length, 22_223);
        assert_eq!(Buffer::new(11_112).as_ptr().addr(), address);
    }
}
