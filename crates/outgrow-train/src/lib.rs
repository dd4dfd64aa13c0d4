//! One optimisation loop: step, clip, optimizer, growth between stages, checkpoints.
//!
//! It knows stages, not methods: what a stage is called and where it came from is `outgrow-schedules`'. It draws nothing and
//! writes no metrics; it tells an observer what happened, and the observer may stop it.
#![doc = include_str!("../README.md")]
#![recursion_limit = "256"]

mod adamw;
mod checkpoint;
mod differences;
mod error;
mod event;
mod gradients;
mod rules;
mod run_folder;
mod settings;
mod state;
mod trainer;
mod validation;

pub use adamw::{AdamW, Decay};
pub use differences::{Change, Comparison, Difference, compare, shown};
pub use error::TrainError;
pub use event::{Control, Event, Position, StepReport};
pub use gradients::{Gradients, accumulate, global_norm};
pub use rules::{Field, Rule};
pub use run_folder::{
    CheckpointFolder, Condition, checkpoint_at, checkpoint_folders, checkpoint_name,
    checkpoint_to_go_on_from, latest_checkpoint, move_checkpoints_after,
};
pub use settings::{AdamWSettings, TrainSettings};
pub use trainer::{Outcome, SideFile, Training, train};
pub use validation::{other_tokens, validation_loss};
