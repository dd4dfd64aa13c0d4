//! Schedules under the names that the papers gave them. Each is a constructor of [`Schedule`](crate::Schedule) with
//! settings of its own, and gives a list of stages and nothing more: the trainer knows no method.

pub(crate) mod length;
pub(crate) mod base_sizes;
mod depths;
mod outline;

pub(crate) mod scratch;
pub(crate) mod g_stack;
pub(crate) mod random_mask;
pub(crate) mod gradual;
pub(crate) mod stackbert;
pub(crate) mod stacking2;
pub(crate) mod midas;
pub(crate) mod staged;
pub(crate) mod staged_training;
pub(crate) mod learned;
pub(crate) mod llama_pro;
pub(crate) mod late;
pub(crate) mod recycle;
