//! What ran the runs and on what, a row for each method, of its first seed. HTML text only.

use std::fmt::Write;

use serde_json::Value;

use crate::{
    figures::{escape, quantity, tokens},
    page::{charts::first_records, swatch::swatch},
    report::Report,
    run::record::RunRecord,
};

/// The rows.
pub(crate) fn table(report: &Report) -> String {
    let mut out = String::from(
        "<div class=\"scroll\"><table><thead><tr><th>method</th><th>device</th><th class=\"n\">time</th><th class=\"n\">epochs</th>\
         <th class=\"n\">of tokens</th><th class=\"n\">tokens a step</th><th class=\"n\">sequence</th><th>optimizer</th><th>training data</th></tr></thead><tbody>",
    );
    for (colour, (label, run)) in first_records(report).into_iter().enumerate() {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        let sequence = run.measure.sequence_length;
        let batch = run.recipe["training"]["batch_sequences"].as_u64().zip(sequence);
        let _ = write!(
            out,
            "<tr><td>{}{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>",
            swatch(colour),
            escape(label),
            escape(&run.device),
            or_dash(run.final_point().and_then(|point| point.seconds).map(time)),
            or_dash(epochs(run).map(|epochs| format!("{epochs:.2}"))),
            or_dash(run.training_tokens.map(tokens)),
            or_dash(batch.map(|(batch, sequence)| tokens(batch * sequence))),
            or_dash(sequence.map(|sequence| sequence.to_string())),
            optimizer(&run.recipe["training"]["optimizer"]),
            escape(&data(run)),
        );
    }
    out.push_str("</tbody></table></div>");
    out
}

/// How often it has seen its training data; tokens of a base aren't of that.
fn epochs(run: &RunRecord) -> Option<f64> {
    let of_base = run.base.as_ref().map_or(Some(0), |base| base.tokens)?;
    let seen = run.training.last()?.tokens.checked_sub(of_base)?;
    Some(seen as f64 / run.training_tokens.filter(|tokens| *tokens > 0)? as f64)
}

/// As the recipe has it; of other programs' recipes nothing is known.
fn optimizer(recipe: &Value) -> &'static str {
    match recipe.as_object() {
        None => "–",
        Some(table) if table.get("muon").is_some_and(Value::is_object) => "Muon",
        Some(_) => "AdamW",
    }
}

/// The folder's last two names, and the beginning of the sum.
fn data(run: &RunRecord) -> String {
    let folder = run.recipe["data"]["training"].as_str().unwrap_or_default().replace('\\', "/");
    let names: Vec<&str> = folder.rsplit('/').filter(|name| !name.is_empty()).take(2).collect();
    let folder = names.into_iter().rev().collect::<Vec<_>>().join("/");
    let sum = run.training_sha256.as_deref().and_then(|sum| sum.get(..8)).unwrap_or_default();
    match (folder.is_empty(), sum.is_empty()) {
        (true, true) => "–".to_owned(),
        (true, false) => sum.to_owned(),
        (false, true) => folder,
        (false, false) => format!("{folder} ({sum})"),
    }
}

/// Seconds as a reader counts them.
fn time(seconds: f64) -> String {
    match seconds {
        short if short < 120.0 => quantity(short, "s"),
        middle if middle < 7200.0 => format!("{:.0} min", middle / 60.0),
        long => format!("{:.1} h", long / 3600.0),
    }
}
