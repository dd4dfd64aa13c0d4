//! The program from outside, in one test program, as linking is what takes the time: each test runs `outgrow` as a
//! process of its own, in a folder of its own, and looks at what it says and what it leaves behind.

mod tiny;

mod pulse;
mod experiment_files;
mod recipes;
mod first_recipes;
mod methods;
mod precision;
mod muon;
mod resuming;
mod branching;
mod matrices;

mod bases;
mod planning;
mod run_plans;
mod advise;
mod verify;
mod masks;
#[cfg(target_os = "linux")]
mod kills;
mod learning;

mod models;
mod tokenizers;
mod checkpoint_tokenizers;

mod live_report;
mod shell;
mod oddities;
mod bad_input;
