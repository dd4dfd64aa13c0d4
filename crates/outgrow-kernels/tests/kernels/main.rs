//! The operations, held to loops in f64, to their composed twins, and to themselves with other numbers of threads.

mod numbers;

mod against_loops;
#[cfg(feature = "flex")]
mod attention_in_bf16;
#[cfg(feature = "flex")]
mod cases;
#[cfg(feature = "flex")]
mod muon;
#[cfg(feature = "flex")]
mod reading;
#[cfg(feature = "flex")]
mod threads;
#[cfg(feature = "flex")]
mod twins;
#[cfg(feature = "flex")]
mod twins_in_bf16;
