//! How learning rates were chosen: a table for each sweep. HTML text only.

use std::fmt::Write;

use crate::{
    experiment::outcome::{
        Outcome,
        sweeps::{Edge, SweepOutcome},
    },
    figures::{escape, loss},
    page::experiment::{differences::label, table::table},
};

/// A table for each sweep, with what was chosen and whether the best lies at the edge.
pub(crate) fn tables(outcome: &Outcome) -> String {
    let mut out = String::new();
    for sweep in &outcome.sweeps {
        let _ = write!(
            out,
            "<h3>{} <small>{}</small></h3><p class=\"lead\">{}</p>{}",
            escape(&sweep.name),
            escape(&label(outcome, &sweep.kind)),
            escape(&said(sweep)),
            values(sweep)
        );
    }
    out
}

/// What came of the sweep.
fn said(sweep: &SweepOutcome) -> String {
    let unfinished: usize = sweep.values.iter().map(|value| value.unfinished).sum();
    let chosen = match sweep.chosen {
        Some(chosen) => format!("Chosen: {}.", rate(chosen)),
        None => "Nothing is chosen yet.".to_owned(),
    };
    let edge = match sweep.edge {
        Some(Edge::Lowest) => " The best is the lowest that was tried: a lower one may be better.",
        Some(Edge::Highest) => " The best is the highest that was tried: a higher one may be better.",
        None => "",
    };
    let missing =
        if unfinished > 0 { format!(" {unfinished} of its runs aren't done.") } else { String::new() };
    format!("{chosen}{edge}{missing}")
}

/// A peak learning rate: `2.0e-3`.
fn rate(value: f64) -> String {
    format!("{value:.1e}")
}

fn values(sweep: &SweepOutcome) -> String {
    let mut seeds: Vec<u64> = Vec::new();
    for found in sweep.values.iter().filter_map(|value| value.loss.as_ref()).flat_map(|loss| &loss.seeds) {
        if !seeds.contains(&found.seed) {
            seeds.push(found.seed);
        }
    }
    seeds.sort_unstable();
    let headings: Vec<String> = seeds.iter().map(|seed| format!("seed {seed}")).collect();
    let mut columns = vec![("learning rate", true)];
    columns.extend(headings.iter().map(|heading| (heading.as_str(), true)));
    columns.extend([("mean", true), ("", false)]);
    table(
        &columns,
        sweep.values.iter().map(|value| {
            let of_seed = |seed: &u64| {
                let found = value.loss.iter().flat_map(|all| &all.seeds).find(|found| found.seed == *seed);
                found.map_or_else(|| "–".to_owned(), |found| loss(found.value))
            };
            let mut marks = Vec::new();
            if sweep.chosen == Some(value.value) {
                marks.push("✓ chosen");
            }
            if sweep.lowest == Some(value.value) {
                marks.push("lowest mean");
            }
            let mut cells = vec![rate(value.value)];
            cells.extend(seeds.iter().map(of_seed));
            cells.push(value.loss.as_ref().map_or_else(|| "–".to_owned(), |all| loss(all.mean)));
            cells.push(marks.join(", "));
            cells
        }),
    )
}
