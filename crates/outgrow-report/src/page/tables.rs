//! The tables of the page: runs, speed-up at several losses, speed-up by seed. HTML text only; numbers come from the
//! report.

use std::fmt::Write;

use crate::{
    drawing::dress::colour_class,
    figures::{escape, flops, loss, signed_percent, tokens},
    page::swatch::swatch,
    report::{
        Report,
        comparison::{Comparison, RunSummary},
        speed_up::{LossReading, ReadAt, SpeedUp},
    },
};

/// One row per run.
pub(crate) fn runs(report: &Report) -> String {
    let mut out = String::from(
        "<div class=\"scroll\"><table><thead><tr><th>method</th><th class=\"n\">seed</th><th class=\"n\">final loss</th><th class=\"n\">parameters</th>\
         <th class=\"n\">tokens</th><th class=\"n\">FLOPs, exact</th><th class=\"n\">FLOPs, 6·N·T</th><th class=\"n\">tokens/s</th><th></th></tr></thead><tbody>",
    );
    for (colour, method) in report.methods().iter().enumerate() {
        for run in &method.runs {
            let rate = run.tokens_per_second.map_or_else(|| "–".to_owned(), |rate| tokens(rate as u64));
            let final_loss = run.final_validation_loss.map_or_else(|| "–".to_owned(), loss);
            let state = escape(&state(run));
            let _ = write!(
                out,
                "<tr><td>{}{}</td><td class=\"n\">{}</td><td class=\"n strong\">{final_loss}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{rate}</td><td>{state}</td></tr>",
                swatch(colour),
                escape(&method.label),
                run.seed,
                tokens(run.parameters),
                tokens(run.tokens),
                flops(run.flops),
                flops(run.flops_6nt),
            );
        }
    }
    out.push_str("</tbody></table></div>");
    out
}

/// What isn't as the recipe says: the end that is missing, what was changed on the way.
fn state(run: &RunSummary) -> String {
    let unfinished = (!run.finished).then(|| "unfinished".to_owned());
    let changes = run.changes.iter().map(|change| {
        let value = change.to.as_str().map_or_else(|| change.to.to_string(), str::to_owned);
        format!("from step {} on {} = {value}", change.step, change.field)
    });
    let base = run.base.as_ref().map(|base| match base.flops {
        Some(cost) => format!("with its base, {}: {}", base.name, flops(cost)),
        None => format!(
            "without its base, {} (the base's outgrow.json or from_flops in a recipe says what it has cost)",
            base.name
        ),
    });
    unfinished.into_iter().chain(base).chain(changes).collect::<Vec<_>>().join("; ")
}

/// The speed-up of each method at losses on scratch's way, as numbers with bars.
pub(crate) fn at_losses(report: &Report) -> String {
    let readings = || report.comparisons().iter().flat_map(|comparison| &comparison.at_losses);
    let largest = readings().filter_map(|reading| Some(reading.mean()?.abs())).fold(0.05, f64::max);
    // Bars begin at the left, and in the middle where some go the other way.
    let goes_both_ways = readings().filter_map(LossReading::mean).any(|speed_up| speed_up < 0.0);
    let lowest = if goes_both_ways { signed_percent(-largest) } else { "0".to_owned() };
    let axis = format!("{lowest} to {}", signed_percent(largest));
    let mut out = String::from("<div class=\"cards\">");
    for comparison in report.comparisons().iter().filter(|comparison| !comparison.at_losses.is_empty()) {
        let colour = report.methods().iter().position(|method| method.label == comparison.label).unwrap_or(1);
        let _ = write!(
            out,
            "<div class=\"card\"><h3>{}{}</h3><table class=\"wide\"><thead><tr><th>loss</th><th>speed-up, {axis}</th><th></th></tr></thead><tbody>",
            swatch(colour),
            escape(&comparison.label)
        );
        for reading in &comparison.at_losses {
            let reached = reading.speed_ups.len();
            let (bar, text) = match reading.mean() {
                Some(value) => (bar(value / largest, goes_both_ways, colour), signed_percent(value)),
                None => (String::new(), "not reached".to_owned()),
            };
            let note = if reached == 0 || reached == reading.pairs {
                String::new()
            } else {
                format!(" <small>{reached} of {} seeds</small>", reading.pairs)
            };
            let _ = write!(
                out,
                "<tr><td>{}</td><td class=\"bar\">{bar}</td><td class=\"n\">{text}{note}</td></tr>",
                loss(reading.loss)
            );
        }
        out.push_str("</tbody></table></div>");
    }
    out.push_str("</div>");
    out
}

/// A bar from zero, to the right for a win and to the left for a loss; `part` is −1 to 1. Zero is in the middle where
/// bars go both ways, and otherwise at the left.
fn bar(part: f64, goes_both_ways: bool, colour: usize) -> String {
    let (zero, all, class) = if goes_both_ways { (50.0, 50.0, "track") } else { (0.0, 100.0, "track right") };
    let width = all * part.abs();
    let left = if part < 0.0 { zero - width } else { zero };
    format!(
        "<span class=\"{class}\"><span class=\"fill c{}\" style=\"left:{left:.1}%;width:{width:.1}%\"></span></span>",
        colour_class(colour)
    )
}

/// One row per method and seed: what was read and where; and the same by the other accounts of cost.
pub(crate) fn by_seed(report: &Report) -> String {
    let mut out = String::from(
        "<div class=\"scroll\"><table><thead><tr><th>method</th><th class=\"n\">seed</th><th class=\"n\">speed-up</th><th class=\"n\">by 6·N·T</th>\
         <th class=\"n\">by tokens</th><th>read at</th><th class=\"n\">loss</th><th class=\"n\">FLOPs of scratch until there</th><th class=\"n\">its own until there</th></tr></thead><tbody>",
    );
    for comparison in report.comparisons() {
        let Some(exact) = &comparison.exact_flops else { continue };
        for seed in &exact.seeds {
            let reading = &seed.reading;
            let read_at = match reading.read_at {
                ReadAt::ScratchFinal => "scratch's final loss",
                ReadAt::OwnFinal => "its own final loss",
            };
            let _ = write!(
                out,
                "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n strong\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{read_at}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                escape(&comparison.label),
                seed.seed,
                signed_percent(reading.speed_up),
                of_seed(comparison.six_times_parameters_flops.as_ref(), seed.seed),
                of_seed(comparison.tokens.as_ref(), seed.seed),
                loss(reading.loss),
                flops(reading.scratch_cost),
                flops(reading.grown_cost),
            );
        }
        out.push_str(&mean_row(comparison, exact));
    }
    out.push_str("</tbody></table></div>");
    out
}

fn mean_row(comparison: &Comparison, exact: &SpeedUp) -> String {
    if exact.seeds.len() < 2 {
        return String::new();
    }
    let mean = |speed_up: Option<&SpeedUp>| {
        speed_up.map_or_else(|| "–".to_owned(), |speed_up| signed_percent(speed_up.mean))
    };
    format!(
        "<tr class=\"total\"><td>{}</td><td class=\"n\">mean of {}</td><td class=\"n strong\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td colspan=\"4\"></td></tr>",
        escape(&comparison.label),
        exact.seeds.len(),
        mean(Some(exact)),
        mean(comparison.six_times_parameters_flops.as_ref()),
        mean(comparison.tokens.as_ref()),
    )
}

fn of_seed(speed_up: Option<&SpeedUp>, seed: u64) -> String {
    speed_up
        .and_then(|speed_up| speed_up.seeds.iter().find(|reading| reading.seed == seed))
        .map_or_else(|| "–".to_owned(), |reading| signed_percent(reading.reading.speed_up))
}
