//! The stages of each method and their learning rates, first seed: a strip as long as what they cost, and a table.

use std::fmt::Write;

use crate::{
    drawing::{
        axis::Scale,
        chart::thinned,
        mark::Look,
        picture::Picture,
        strips::{StageSpan, Strip, Strips},
    },
    figures::{escape, flops, loss, tokens},
    page::{
        charts::{cost_axis, first_records},
        document::folded_numbers,
        plot::plot_picture,
        swatch::swatch,
    },
    report::Report,
    run::record::{Cost, RunRecord, StageSpan as Stage},
};

/// How many points a learning rate is drawn from.
const MOST_RATES: usize = 160;

/// The strips and, folded, their numbers; nothing where no run has a stage.
pub(crate) fn timelines(report: &Report) -> String {
    let records = first_records(report);
    let strips: Vec<Strip> =
        records.iter().enumerate().filter_map(|(look, found)| strip(look, found)).collect();
    let most = strips.iter().flat_map(|strip| &strip.stages).map(|stage| stage.to).fold(0.0, f64::max);
    if strips.is_empty() || most <= 0.0 {
        return String::new();
    }
    let x = cost_axis(Cost::ExactFlops, Scale::Linear, 0.0, most);
    let title = "Stages and learning rates against training FLOPs".to_owned();
    plot_picture(&Picture::Strips(Strips { title, x, strips })) + &folded_numbers(&table(&records))
}

fn strip(look: usize, (label, run): &(&str, &RunRecord)) -> Option<Strip> {
    let stages: Vec<StageSpan> = run.stages().iter().map(stage).collect();
    let rates = thinned(&run.training, MOST_RATES).map(|point| (point.flops, point.learning_rate));
    (!stages.is_empty()).then(|| Strip {
        label: (*label).to_owned(),
        look: Look(look),
        stages,
        rates: rates.collect(),
    })
}

/// A stage with what a reader sees when pointing at it.
pub(crate) fn stage(stage: &Stage) -> StageSpan {
    let growth = stage.growth_losses.map_or_else(String::new, |(before, after)| {
        format!("; begins with a growth: loss {} to {}", loss(before), loss(after))
    });
    StageSpan {
        name: stage.name.clone(),
        from: stage.first_flops,
        to: stage.last_flops,
        is_grown: stage.growth_losses.is_some(),
        title: format!(
            "{}: {} tokens, {}{growth}",
            stage.name,
            tokens(stage.last_token - stage.first_token),
            flops(stage.last_flops - stage.first_flops)
        ),
    }
}

fn table(records: &[(&str, &RunRecord)]) -> String {
    let mut out = String::from(
        "<div class=\"scroll\"><table><thead><tr><th>method</th><th>stage</th><th class=\"n\">tokens</th><th class=\"n\">FLOPs, exact</th>\
         <th class=\"n\">loss around its growth</th></tr></thead><tbody>",
    );
    for (colour, (label, run)) in records.iter().enumerate() {
        for stage in run.stages() {
            let growth = stage.growth_losses.map_or_else(
                || "–".to_owned(),
                |(before, after)| format!("{} → {}", loss(before), loss(after)),
            );
            let _ = write!(
                out,
                "<tr><td>{}{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{growth}</td></tr>",
                swatch(colour),
                escape(label),
                escape(&stage.name),
                tokens(stage.last_token - stage.first_token),
                flops(stage.last_flops - stage.first_flops),
            );
        }
    }
    out.push_str("</tbody></table></div>");
    out
}
