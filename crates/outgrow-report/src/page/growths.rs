//! A row for each growth: how the loss rose and came back, how new values move beside old ones, how alike copies are.
//! HTML text only.

use std::fmt::Write;

use crate::{
    figures::{escape, loss, tokens},
    page::swatch::swatch,
    report::Report,
    run::{
        growth::{GrowthNorms, GrowthRecord},
        record::RunRecord,
    },
};

/// What the columns of the table of growths are.
pub(crate) const NOTE: &str = "Validation losses, and the tokens until the loss before was back. New ÷ old update: how far the \
optimizer moves values that growth has made, as a multiple of how far it moves those that were there; at 1 both move alike. Cosine \
of copies: 1 where they are still the same. Both right after the growth → at the end.";

/// A run that grew, and what its row begins with.
pub(crate) struct GrownRun<'a> {
    /// HTML.
    pub label: String,
    pub run: &'a RunRecord,
}

/// The runs of a report that grew.
pub(crate) fn rows(report: &Report) -> Vec<GrownRun<'_>> {
    let mut records = report.records().iter();
    let mut rows = Vec::new();
    for (colour, method) in report.methods().iter().enumerate() {
        let label = format!("{}{}", swatch(colour), escape(&method.label));
        let runs = records.by_ref().take(method.runs.len());
        rows.extend(
            runs.filter(|run| !run.growths.is_empty()).map(|run| GrownRun { label: label.clone(), run }),
        );
    }
    rows
}

/// One table, a row for each growth of these runs.
pub(crate) fn table(first_column: &str, runs: &[GrownRun<'_>]) -> String {
    let mut out = format!(
        "<div class=\"scroll\"><table><thead><tr><th>{first_column}</th><th class=\"n\">seed</th><th>stage</th><th class=\"n\">loss before</th>\
         <th class=\"n\">after</th><th class=\"n\">highest</th><th class=\"n\">back after</th><th class=\"n\">new ÷ old update</th>\
         <th class=\"n\">cosine of copies</th></tr></thead><tbody>",
    );
    for GrownRun { label, run } in runs {
        for growth in &run.growths {
            row(&mut out, label, run, growth);
        }
    }
    out.push_str("</tbody></table></div>");
    out
}

fn row(out: &mut String, method: &str, run: &RunRecord, growth: &GrowthRecord) {
    let back = growth.tokens_until_back.map_or_else(|| "not yet".to_owned(), tokens);
    let ratios = growth.norms.iter().filter_map(GrowthNorms::update_ratio);
    let cosines = growth.copies.iter().map(|copies| copies.cosine);
    let _ = write!(
        out,
        "<tr><td>{method}</td><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{back}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
        run.seed,
        escape(&growth.stage),
        loss(growth.loss_before),
        loss(growth.loss_after),
        loss(growth.highest_loss),
        first_and_last(ratios, 2),
        first_and_last(cosines, 4),
    );
}

/// `1.02 → 0.97`
fn first_and_last(values: impl Iterator<Item = f64>, decimals: usize) -> String {
    let values: Vec<f64> = values.collect();
    let word = |value: f64| format!("{value:.decimals$}");
    match &values[..] {
        [] => "–".to_owned(),
        [only] => word(*only),
        [first, .., last] => format!("{} → {}", word(*first), word(*last)),
    }
}
