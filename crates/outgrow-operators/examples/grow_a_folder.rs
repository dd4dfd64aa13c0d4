//! Stacks a Hugging Face folder on itself, twice as deep, and says how far it is.
//!
//! `cargo run -p outgrow-operators --example grow_a_folder -- SOURCE TARGET`

use std::{env, error::Error, ops::ControlFlow, path::PathBuf};

use outgrow_operators::{GrowOptions, Growth, grow_folder};

fn main() -> Result<(), Box<dyn Error>> {
    let folders: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [source, target] = &folders[..] else { return Err("expected a source and a target".into()) };
    let mut shown = 0;
    let made =
        grow_folder(source, target, &[Growth::Stack { factor: 2 }], &GrowOptions::default(), &mut |now| {
            let percent = 100 * now.bytes / now.total_bytes.max(1);
            if percent >= shown + 10 {
                shown = percent;
                println!("{percent} % of {} bytes", now.total_bytes);
            }
            ControlFlow::Continue(())
        })?;
    for note in &made.notes {
        eprintln!("note: {note}");
    }
    println!("{} shards", made.grown.shards);
    Ok(())
}
