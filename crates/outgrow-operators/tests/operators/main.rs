//! The tests of outgrow-operators in one program: recipes, plans and what they promise, growth in memory and on disk.
//! What several of them need (small models, a folder that holds one, a decoder to judge by) comes first.

mod folder;
mod models;
mod reference;

mod hostile_recipes;
mod mergekit;
mod recipe_file;

mod compositions;
mod function;
mod gradients;
mod laws;
mod lineage;
mod matrix_gradients;
mod moments;

mod awkward;
mod folders;
mod masks;
mod other_decoders;
mod resumption;
mod single_call;

mod account;

use proptest::test_runner::{Config, FileFailurePersistence};

/// So many drawn cases; one that fails is kept beside the file of its test.
fn cases(cases: u32) -> Config {
    let kept = FileFailurePersistence::WithSource("proptest-regressions");
    Config { failure_persistence: Some(Box::new(kept)), ..Config::with_cases(cases) }
}
