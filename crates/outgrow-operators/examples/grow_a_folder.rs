//! Stacks a Hugging Face folder on itself, twice as deep: says what that takes, and then makes the grown folder.
//!
//! `cargo run -p outgrow-operators --example grow_a_folder -- SOURCE TARGET`

use std::{env, error::Error, path::PathBuf};

use outgrow_operators::{FolderGrowth, FolderPlan, Growth, Moments, Source};

const SHARD_SIZE_BYTES: u64 = 5_000_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folders: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [source, target] = &folders[..] else { return Err("expected a source and a target".into()) };
    let source = Source::open(source)?;
    for note in source.notes() {
        eprintln!("note: {note}");
    }
    let plan = FolderPlan::new(&source, &[Growth::Stack { factor: 2 }])?;
    let growth = FolderGrowth::new(plan, Moments::Reset, SHARD_SIZE_BYTES)?;
    println!("{}", growth.account());
    growth.carry_out(target)?;
    Ok(())
}
