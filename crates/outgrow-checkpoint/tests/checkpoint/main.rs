//! Folders of models, written, opened and refused, and what their config.json says.

mod models;

mod configuration;
mod errors;
mod folders;
mod training_cost;

mod any_architecture;
mod awkward;
mod hostile;
mod misplaced;

mod atomicity;
mod resumption;
