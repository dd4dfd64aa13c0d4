//! One optimisation loop: step, clip, optimizer, growth between stages, checkpoints.
//!
//! It knows stages, not methods: what a stage is called and where it came from is `outgrow-schedules`'. It draws
//! nothing and writes no metrics; it tells an observer what happened, and the observer may stop it.
#![doc = include_str!("../README.md")]
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![recursion_limit = "256"]

mod settings;
mod base;
mod training;

mod trainer;
mod mask;
mod gradients;
mod moments;
mod adamw;
mod muon;
mod new_values;
mod old_and_new;
mod copies;
mod optimizer;
mod validation;
mod learned;
mod speed;

mod position;
mod step;
mod event;
mod card;

pub mod resume;

mod error;

pub use adamw::AdamW;
pub use base::{Base, BaseRecord};
pub use copies::{CopyCosines, GrowthCopies};
pub use error::TrainError;
pub use event::Event;
pub use gradients::{Gradients, accumulate, global_norm};
pub use learned::{
    Learned, Learner, Learning, LearningData, LearningSettings, LearningStep, StageLearning, learning_bytes,
};
pub use new_values::NewValues;
pub use old_and_new::{GrowthNorms, PartNorms};
pub use optimizer::Optimizer;
pub use position::Position;
pub use settings::{
    TrainSettings,
    optimizer::{AdamWSettings, Adjustment, Decay, MuonSettings, OptimizerSettings},
};
pub use speed::{Measured, Speed, measure_speeds};
pub use step::{Control, StepReport};
pub use trainer::{Outcome, train};
pub use training::{CardFacts, SideFile, Training};
pub use validation::{data_problems, validation_loss};
