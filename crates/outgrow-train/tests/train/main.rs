//! Training through the public interface. One program, because linking is what takes the time.

mod expected;

mod pytorch_learning_rates;
mod pytorch_muon;
mod pytorch_optimization;

mod growth;
mod growth_records;
mod learned;
mod learned_stage;
mod masks;
mod moments_of_growth;
mod muon;
mod new_values;

mod resume;

#[cfg(feature = "wgpu")]
mod wgpu;
