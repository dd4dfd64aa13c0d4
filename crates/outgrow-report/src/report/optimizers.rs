//! Whether two runs were trained by other optimizers. That is no reason against a number, as both paid for what they
//! did; but then the number isn't the schedule's alone, and its sentence says so.

use serde_json::{Map, Value};

use crate::run::record::RunRecord;

/// In what the optimizer of a run differs from that of scratch, as a part of a sentence; `None` where it doesn't, or
/// one of the recipes doesn't tell.
pub(crate) fn difference(run: &RunRecord, scratch: &RunRecord) -> Option<String> {
    let of = |run: &RunRecord| Some(Settings::of(run.recipe["training"]["optimizer"].as_object()?));
    let (its, of_scratch) = (of(run)?, of(scratch)?);
    if its.muon.is_some() != of_scratch.muon.is_some() {
        return Some(format!("scratch was trained with {}, this with {}", of_scratch.name(), its.name()));
    }
    let differing = differing("", &its.shared, &of_scratch.shared)
        .into_iter()
        .chain(its.muon.iter().zip(&of_scratch.muon).flat_map(|(one, two)| differing("muon.", one, two)));
    let differing: Vec<String> = differing.collect();
    (!differing.is_empty()).then(|| format!("its optimizer has {}", differing.join(", ")))
}

/// What a recipe says of its optimizer.
struct Settings {
    /// AdamW's keys.
    shared: Map<String, Value>,
    /// Muon's, where it has the matrices of the layers.
    muon: Option<Map<String, Value>>,
}

impl Settings {
    fn of(table: &Map<String, Value>) -> Self {
        let mut shared = table.clone();
        let mut muon = shared.remove("muon").and_then(|muon| muon.as_object().cloned());
        // What Muon isn't given is AdamW's.
        if let (Some(muon), Some(decay)) = (&mut muon, shared.get("weight_decay")) {
            muon.entry("weight_decay").or_insert_with(|| decay.clone());
        }
        Self { shared, muon }
    }

    fn name(&self) -> &'static str {
        if self.muon.is_some() { "Muon" } else { "AdamW" }
    }
}

/// `beta2 0.99 (scratch 0.95)` for each key that both have and that differs. A key that only one has is of another
/// version.
fn differing(prefix: &str, its: &Map<String, Value>, of_scratch: &Map<String, Value>) -> Vec<String> {
    let both = its.iter().filter_map(|(key, value)| Some((key, value, of_scratch.get(key)?)));
    let differing = both.filter(|(_, value, other)| value != other);
    differing.map(|(key, value, other)| format!("{prefix}{key} {value} (scratch {other})")).collect()
}
