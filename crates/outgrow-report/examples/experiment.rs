//! From an experiment's folder to its page: reads it, judges its claims, and writes report.html, report.json and the
//! figures.
//!
//! `cargo run -p outgrow-report --example experiment -- FOLDER OUT`.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use outgrow_report::Experiment;

fn main() -> Result<(), Box<dyn Error>> {
    let mut folders = std::env::args().skip(1).map(PathBuf::from);
    let folder = folders.next().ok_or("give an experiment's folder, and one to write into")?;
    let out = folders.next().ok_or("give a folder to write into")?;
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
