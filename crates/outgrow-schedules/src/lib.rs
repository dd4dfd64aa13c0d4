//! Training as stages: growth, freezing, learning rate, and FLOPs. Values only: it trains nothing and touches no
//! tensor.
#![doc = include_str!("../README.md")]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod learning_rate;
mod trainable;
mod flops;
mod at_growth;
mod loss_slope;
mod stage;

mod schedule;

mod methods;
pub mod advice;

mod error;

pub use at_growth::{
    AtGrowth, DataAtGrowth, MatrixLearning, Noise,
    mask::{GrowthMask, MaskOrder, MaskRamp},
    new_parameters::NewParameters,
};
pub use error::{ScheduleError, new_parameters::NewParametersError};
pub use flops::{FlopConvention, FlopParts, Orthogonalization};
pub use learning_rate::{
    LearningRate,
    at_growth::{RateAtGrowth, RateBefore},
    curve::LearningRateCurve,
    error::RateError,
    shape::{Shape, WsdDecay},
};
pub use loss_slope::{LossPoint, LossSlope};
pub use methods::{
    base_sizes::BaseSizes, g_stack::GStack, gradual::Gradual, late::Late, learned::LearnedGrowth,
    length::Length, llama_pro::LlamaPro, midas::Midas, random_mask::RandomMask, recycle::Recycle,
    stackbert::Stackbert, stacking2::Stacking2, staged::Staged, staged_training::StagedTraining,
};
pub use schedule::{
    Schedule,
    beginning::Beginning,
    builder::{NextStage, ScheduleBuilder},
    growth::PlannedGrowth,
};
pub use stage::Stage;
pub use trainable::Trainable;
