//! The stages of each method as a bar, as long as what they cost. HTML text only.

use std::fmt::Write;

use crate::{
    drawing::dress::colour_class,
    figures::{escape, flops, loss, tokens},
    page::swatch::swatch,
    report::Report,
};

/// One bar per method, from its first seed, all on one scale of exact FLOPs.
pub(crate) fn timelines(report: &Report) -> String {
    let first = |index: usize| report.methods()[index].runs.iter().find(|run| !run.stages.is_empty());
    let longest = (0..report.methods().len())
        .filter_map(|index| first(index)?.stages.last())
        .map(|stage| stage.last_flops)
        .fold(f64::MIN_POSITIVE, f64::max);
    let mut out = String::from("<div class=\"timelines\">");
    for (index, method) in report.methods().iter().enumerate() {
        let Some(run) = first(index) else { continue };
        let _ = write!(
            out,
            "<div class=\"method\">{}{}</div><div class=\"line\">",
            swatch(index),
            escape(&method.label)
        );
        for (number, stage) in run.stages.iter().enumerate() {
            let cost = stage.last_flops - stage.first_flops;
            // A base that grows at once takes no part in the bar.
            if cost <= 0.0 {
                continue;
            }
            let spent = tokens(stage.last_token - stage.first_token);
            let growth = stage.growth_losses.map_or_else(String::new, |(before, after)| {
                format!("; begins with a growth: loss {} to {}", loss(before), loss(after))
            });
            let title = format!("{}: {spent} tokens, {}{growth}", stage.name, flops(cost));
            let shade = if number % 2 == 0 { "even" } else { "odd" };
            let grown = if stage.growth_losses.is_some() { " grown" } else { "" };
            let _ = write!(
                out,
                "<div class=\"stage {shade}{grown} c{}\" style=\"width:{:.2}%\" title=\"{}\"><b>{}</b><span>{spent}</span></div>",
                colour_class(index),
                100.0 * cost / longest,
                escape(&title),
                escape(&stage.name),
            );
        }
        out.push_str("</div>");
    }
    out.push_str("</div>");
    out
}
