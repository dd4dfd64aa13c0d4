//! Writes the page of made-up runs, to look at while working on the page: `cargo run --example made_up -- FOLDER`. Measures nothing.

use std::path::PathBuf;

use outgrow_report::{Report, read_run};

#[path = "../tests/report/made_up.rs"]
#[allow(missing_docs)]
mod made_up;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("give a folder to write into")?);
    let runs = made_up::three_methods()
        .iter()
        .map(|run| read_run(&made_up::write(&folder, run)))
        .collect::<Result<Vec<_>, _>>()?;
    let report = Report::new(&runs)?;
    for sentence in report.sentences() {
        println!("{sentence}");
    }
    std::fs::write(folder.join("report.html"), report.html())?;
    std::fs::write(folder.join("report.json"), report.to_json().to_string())?;
    std::fs::write(folder.join("loss.svg"), report.loss_chart_svg())?;
    Ok(())
}
