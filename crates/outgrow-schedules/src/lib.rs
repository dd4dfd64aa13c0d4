//! Training as stages: growth, freezing, learning rate, and FLOPs. Values only: it trains nothing and touches no tensor.
#![doc = include_str!("../README.md")]

mod budget;
mod constructors;
mod describe;
mod error;
mod flops;
mod learning_rate;
mod model_json;
mod schedule;
mod stage;

pub use budget::{Length, tokens_within_budget};
pub use constructors::{GStack, Stacking2, g_stack, scratch, stacking2};
pub use error::ScheduleError;
pub use flops::{FlopConvention, FlopParts, exact_flops_per_token, flops_per_token};
pub use learning_rate::{Cosine, LearningRate};
pub use schedule::Schedule;
pub use stage::{Stage, Trainable};
