//! Every run, folded by kind, and the recipes. HTML text only.

use std::fmt::Write;

use crate::{
    experiment::{
        claims::words::signed,
        outcome::{
            Outcome,
            kinds::{KindOutcome, RunOutcome},
        },
    },
    figures::{escape, flops, loss, quantity, signed_percent, tokens},
    page::experiment::{looks::Looks, table::table, words::count},
};

/// A folded table for each kind.
pub(crate) fn tables(outcome: &Outcome, looks: &Looks) -> String {
    let mut out = String::new();
    for (index, kind) in outcome.kinds.iter().enumerate() {
        let _ = write!(
            out,
            "<details><summary>{}{} <small>{}</small></summary>{}</details>",
            looks.dot(index),
            escape(&kind.label),
            count(kind.runs.len(), "run"),
            of_kind(kind)
        );
    }
    out
}

fn of_kind(kind: &KindOutcome) -> String {
    let columns = [
        ("folder", false),
        ("seed", true),
        ("final loss", true),
        ("difference", true),
        ("speed-up", true),
        ("parameters", true),
        ("tokens", true),
        ("FLOPs, exact", true),
        ("FLOPs, 6·N·T", true),
        ("seconds", true),
        ("tokens/s", true),
        ("", false),
    ];
    table(&columns, kind.runs.iter().map(row))
}

fn row(run: &RunOutcome) -> Vec<String> {
    let summary = &run.summary;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    vec![
        run.folder.clone(),
        run.seed.to_string(),
        or_dash(summary.final_validation_loss.map(loss)),
        or_dash(run.difference.map(signed)),
        or_dash(run.speed_up.map(signed_percent)),
        tokens(summary.parameters),
        tokens(summary.tokens),
        flops(summary.flops),
        flops(summary.flops_6nt),
        or_dash(run.seconds.map(|seconds| quantity(seconds, "s"))),
        or_dash(summary.tokens_per_second.map(|rate| tokens(rate as u64))),
        remarks(run),
    ]
}

/// What isn't as the others.
fn remarks(run: &RunOutcome) -> String {
    let unfinished = (!run.summary.finished).then(|| "unfinished".to_owned());
    let beside = (!run.alone).then(|| "ran beside others".to_owned());
    let changes = run.summary.changes.iter().map(|change| {
        let value = change.to.as_str().map_or_else(|| change.to.to_string(), str::to_owned);
        format!("from step {} on {} = {value}", change.step, change.field)
    });
    unfinished.into_iter().chain(beside).chain(changes).collect::<Vec<_>>().join("; ")
}

/// The recipe and the model of each kind's first run.
pub(crate) fn recipes(outcome: &Outcome) -> String {
    let mut out = String::new();
    for kind in &outcome.kinds {
        let Some(run) = kind.runs.first() else { continue };
        // `Value` always has a text; its `#` form is the indented one.
        let _ = write!(
            out,
            "<details><summary>{}: {}</summary><pre>{}</pre><h3>Model</h3><pre>{}</pre></details>",
            escape(&kind.label),
            escape(&run.folder),
            escape(&format!("{:#}", run.record.recipe)),
            escape(&format!("{:#}", run.record.model)),
        );
    }
    out
}
