//! Training as stages: growth, freezing, learning rate, and FLOPs. Values only: it trains nothing and touches no tensor.
#![doc = include_str!("../README.md")]

mod learning_rate;
mod stage;

mod flops;
mod schedule;

mod methods;

mod error;

pub use error::ScheduleError;
pub use flops::{FlopConvention, FlopParts, exact_flops_per_token, flops_per_token};
pub use learning_rate::{Cosine, LearningRate};
pub use methods::{
    GStack, Stacking2,
    budget::{Length, tokens_within_budget},
    g_stack, scratch, stacking2,
};
pub use schedule::Schedule;
pub use stage::{Stage, Trainable};
