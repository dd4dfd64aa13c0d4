//! From an experiment's folder to its page: reads it, judges its claims, and writes report.html, report.json and the
//! figures.
//!
//! `cargo run -p outgrow-report --example experiment -- OUT [FOLDER]`. Without a folder it makes an experiment up, with
//! every kind of figure in it: no model was trained for it, so its numbers say nothing.

#[path = "experiment/made_up.rs"]
mod made_up;

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use outgrow_report::Experiment;

fn main() -> Result<(), Box<dyn Error>> {
    let mut folders = std::env::args().skip(1).map(PathBuf::from);
    let out = folders.next().ok_or("give a folder to write into")?;
    let folder = match folders.next() {
        Some(folder) => folder,
        None => made_up::write(&out.join("made-up"), 5)?,
    };
    let outcome = Experiment::read(&folder)?.outcome();
    for claim in &outcome.claims {
        println!("{}: {}", claim.claim.says, claim.verdict);
    }
    fs::create_dir_all(out.join("figures"))?;
    fs::write(out.join("report.html"), outcome.html())?;
    fs::write(out.join("report.json"), outcome.to_json().to_string())?;
    for (name, svg) in outcome.figures() {
        fs::write(out.join("figures").join(format!("{name}.svg")), svg)?;
    }
    Ok(())
}
