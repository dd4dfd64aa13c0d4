//! Going on with a run: which checkpoints of a folder are whole, in what a run differs from the newest one, and which
//! differences may be; and beginning one where another stands. A [`Start`] is the answer, and all that a run needs to
//! begin. Nothing is trained here.
//!
//! ```
//! use outgrow_train::resume::{Field, Rule};
//!
//! assert_eq!(Field::of_key("training.checkpoints_kept").map(Field::rule), Some(Rule::Free));
//! assert_eq!(Field::of_key("training.micro_batch_sequences").map(Field::rule), Some(Rule::Recorded));
//! assert_eq!(Field::of_key("training.optimizer.beta2").map(Field::rule), Some(Rule::Refused));
//! ```

pub(crate) mod layout;
pub(crate) mod rules;
pub(crate) mod difference;
pub(crate) mod state;
pub(crate) mod comparison;
pub(crate) mod beginning;
pub(crate) mod run_folder;
pub(crate) mod branch;
pub(crate) mod start;
pub(crate) mod saved_base;
pub(crate) mod checkpoint;

pub use beginning::rate_after;
pub use branch::BranchPoint;
pub use comparison::Comparison;
pub use difference::{Change, Difference, shown};
pub use layout::checkpoint_name;
pub use rules::{Field, Rule};
pub use run_folder::{CheckpointFolder, Condition, checkpoint_folders, checkpoint_to_go_on_from};
pub use saved_base::{checkpoint_cost, saved_base};
pub use start::{Resumption, Standing, Start};
