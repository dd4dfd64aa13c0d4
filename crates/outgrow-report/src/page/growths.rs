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

/// Whether there is anything to show.
pub(crate) fn are_any(report: &Report) -> bool {
    report.records().iter().any(|run| !run.growths.is_empty())
}

/// One table, all runs.
pub(crate) fn table(report: &Report) -> String {
    let mut out = String::from(
        "<div class=\"scroll\"><table><thead><tr><th>method</th><th class=\"n\">seed</th><th>stage</th><th class=\"n\">loss before</th>\
         <th class=\"n\">after</th><th class=\"n\">highest</th><th class=\"n\">back after</th><th class=\"n\">new ÷ old update</th>\
         <th class=\"n\">cosine of copies</th></tr></thead><tbody>",
    );
    let mut records = report.records().iter();
    for (colour, method) in report.methods().iter().enumerate() {
        for run in records.by_ref().take(method.runs.len()) {
            for growth in &run.growths {
                row(&mut out, &format!("{}{}", swatch(colour), escape(&method.label)), run, growth);
            }
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
