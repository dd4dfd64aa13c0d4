//! The sentences of verdicts, and numbers with their intervals as a table has them. They decide nothing.

use outgrow_statistics::Interval;

use crate::{experiment::outcome::over_seeds::OverSeeds, figures::signed_percent};

/// `−0.031 [−0.040, −0.022]`.
pub(crate) fn nats(all: &OverSeeds) -> String {
    with_interval(signed(all.mean), all.interval.as_ref(), signed)
}

/// `+44 % [+31 %, +58 %]`.
pub(crate) fn share(all: &OverSeeds) -> String {
    with_interval(signed_percent(all.mean), all.interval.as_ref(), signed_percent)
}

/// A number with its interval.
pub(crate) fn with_interval(
    number: String,
    interval: Option<&Interval>,
    write: impl Fn(f64) -> String,
) -> String {
    match interval {
        Some(interval) => format!("{number} [{}, {}]", write(interval.lower()), write(interval.upper())),
        None => number,
    }
}

/// Nats with their sign, `−0.031`.
pub(crate) fn signed(value: f64) -> String {
    // What rounds to nothing has no sign.
    let text = format!("{:.3}", value.abs());
    match value {
        _ if text == "0.000" => text,
        negative if negative < 0.0 => format!("\u{2212}{text}"),
        _ => format!("+{text}"),
    }
}

/// A number of an axis: `0.35`, `12`.
pub(crate) fn on_axis(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        small if small < 0.01 => format!("{value:.1e}"),
        small if small < 10.0 => format!("{value:.2}"),
        large if large < 1e5 => format!("{value:.0}"),
        _ => format!("{value:.2e}"),
    }
}

/// A p value: `0.012`, `2e-7`.
pub(crate) fn p(value: f64) -> String {
    if value >= 0.001 { format!("{value:.3}") } else { format!("{value:.0e}") }
}

/// Why there is no interval, as a sentence.
pub(crate) fn no_interval(all: &OverSeeds) -> String {
    let why = all.no_interval.as_deref().unwrap_or("there is no interval");
    format!("Nothing can be decided: {why}.")
}

/// Why a verdict doesn't outlast the correction.
pub(crate) fn lost(verdict: &str, alone: Option<f64>, adjusted: Option<f64>, claims: usize) -> String {
    match (alone, adjusted) {
        (Some(alone), Some(adjusted)) => format!(
            "Alone it would be \u{201c}{verdict}\u{201d} (p = {}), and with {claims} claims judged together it isn't \
             sure (p = {} by Holm's method).",
            p(alone),
            p(adjusted)
        ),
        _ => format!("It would be \u{201c}{verdict}\u{201d}, but no test says how sure that is."),
    }
}
