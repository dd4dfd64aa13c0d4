//! Stages and learning rates of kinds as strips, and as a table.

use crate::{
    drawing::{
        axis::Scale,
        picture::Picture,
        strips::{Strip, Strips},
    },
    experiment::outcome::{Outcome, kinds::KindOutcome},
    figures::{flops, loss, tokens},
    page::{
        charts::cost_axis,
        experiment::{looks::Looks, table::table},
        timeline::stage,
    },
    run::record::Cost,
};

/// A strip for each kind that has begun.
pub(crate) fn picture(
    outcome: &Outcome,
    looks: &Looks,
    title: &str,
    kinds: &[String],
) -> Result<Picture, String> {
    let kinds: Vec<&KindOutcome> = kinds.iter().filter_map(|kind| outcome.kind(kind)).collect();
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name.as_str()).collect();
    let looks = looks.in_figure(outcome, &names);
    let strips: Vec<Strip> = kinds
        .iter()
        .zip(looks)
        .filter(|(kind, _)| !kind.stages.is_empty())
        .map(|(kind, look)| Strip {
            label: kind.label.clone(),
            look,
            stages: kind.stages.iter().map(stage).collect(),
            rates: kind.learning_rates.iter().map(|point| (point.flops, point.learning_rate)).collect(),
        })
        .collect();
    let most = strips.iter().flat_map(|strip| &strip.stages).map(|stage| stage.to).fold(0.0, f64::max);
    if strips.is_empty() || most <= 0.0 {
        return Err("Nothing is drawn yet: no run has an evaluation.".to_owned());
    }
    let x = cost_axis(Cost::ExactFlops, Scale::Linear, 0.0, most);
    Ok(Picture::Strips(Strips { title: title.to_owned(), x, strips }))
}

/// A row for each stage.
pub(crate) fn table_of(outcome: &Outcome, kinds: &[String]) -> String {
    let columns = [
        ("kind", false),
        ("stage", false),
        ("tokens", true),
        ("FLOPs, exact", true),
        ("highest learning rate", true),
        ("loss around its growth", true),
    ];
    let kinds = kinds.iter().filter_map(|kind| outcome.kind(kind));
    let rows = kinds.flat_map(|kind| kind.stages.iter().map(move |stage| (kind, stage)));
    table(
        &columns,
        rows.map(|(kind, stage)| {
            let of_stage = kind
                .learning_rates
                .iter()
                .filter(|rate| rate.tokens > stage.first_token && rate.tokens <= stage.last_token);
            let highest = of_stage.map(|rate| rate.learning_rate).fold(0.0, f64::max);
            vec![
                kind.label.clone(),
                stage.name.clone(),
                tokens(stage.last_token - stage.first_token),
                flops(stage.last_flops - stage.first_flops),
                if highest > 0.0 { format!("{highest:.2e}") } else { "–".to_owned() },
                stage.growth_losses.map_or_else(
                    || "–".to_owned(),
                    |(before, after)| format!("{} → {}", loss(before), loss(after)),
                ),
            ]
        }),
    )
}
