//! Paired differences as a forest plot and as a table.

use crate::{
    drawing::{
        forest::{Forest, Row},
        picture::Picture,
    },
    experiment::{
        claims::{evidence::SMALLEST, words},
        outcome::{Outcome, difference::PairedDifference, over_seeds::OverSeeds},
    },
    figures::quantity,
    page::experiment::table::table,
    run::record::Cost,
};

/// The rows that have a pair, in their order.
pub(crate) fn picture(
    outcome: &Outcome,
    title: &str,
    against: &str,
    rows: &[PairedDifference],
) -> Result<Picture, String> {
    let other = label(outcome, against);
    let rows: Vec<Row> =
        rows.iter().filter_map(|row| Some(drawn(outcome, row, row.over_seeds.as_ref()?))).collect();
    if rows.is_empty() {
        return Err(format!("Nothing is drawn yet: no finished run has a partner of {other} with its seed."));
    }
    Ok(Picture::Forest(Forest {
        title: title.to_owned(),
        label: "difference of validation loss, nats per token".to_owned(),
        sides: ("← better".to_owned(), "worse →".to_owned()),
        negligible: SMALLEST,
        rows,
    }))
}

fn drawn(outcome: &Outcome, row: &PairedDifference, all: &OverSeeds) -> Row {
    let label = label(outcome, &row.of);
    let seed = |seed: u64, value: f64| format!("{label}, seed {seed}: {}", words::signed(value));
    Row {
        mean: all.mean,
        interval: all.interval.map(|interval| (interval.lower(), interval.upper())),
        seeds: all.seeds.iter().map(|found| (found.value, seed(found.seed, found.value))).collect(),
        text: words::nats(all),
        label,
    }
}

/// A row for each kind, those without a pair as well.
pub(crate) fn table_of(outcome: &Outcome, rows: &[&PairedDifference]) -> String {
    let columns = [
        ("kind", false),
        ("difference [95 %]", true),
        ("p", true),
        ("seeds", true),
        ("at", true),
        ("lowest seed", true),
        ("highest seed", true),
        ("", false),
    ];
    table(
        &columns,
        rows.iter().map(|row| {
            let all = row.over_seeds.as_ref();
            let number = |value: fn(&OverSeeds) -> f64| {
                all.map_or_else(|| "–".to_owned(), |all| words::signed(value(all)))
            };
            vec![
                label(outcome, &row.of),
                all.map_or_else(|| "–".to_owned(), words::nats),
                row.test.as_ref().map_or_else(|| "–".to_owned(), |test| words::p(test.p)),
                row.count().to_string(),
                row.paid.map_or_else(|| "–".to_owned(), |paid| written(paid, row.by)),
                number(|all| all.lowest),
                number(|all| all.highest),
                remarks(row),
            ]
        }),
    )
}

/// What is equal, in words.
pub(crate) fn equal(by: Cost) -> &'static str {
    match by {
        Cost::ExactFlops => "exact FLOPs",
        Cost::SixTimesParametersFlops => "6·N·tokens",
        Cost::Tokens => "tokens",
        Cost::Seconds => "seconds",
    }
}

/// What was paid, in its unit.
fn written(paid: f64, by: Cost) -> String {
    quantity(
        paid,
        match by {
            Cost::ExactFlops | Cost::SixTimesParametersFlops => "FLOP",
            Cost::Tokens => "tokens",
            Cost::Seconds => "s",
        },
    )
}

/// What a difference leaves out, and what has to be known besides.
fn remarks(row: &PairedDifference) -> String {
    let left_out = row.left_out.iter().map(|left_out| format!("seed {}: {}", left_out.seed, left_out.why));
    let no_interval = row.over_seeds.iter().filter_map(|all| all.no_interval.clone());
    left_out.chain(no_interval).chain(row.caveats.iter().cloned()).collect::<Vec<_>>().join("; ")
}

/// A kind as a reader knows it.
pub(crate) fn label(outcome: &Outcome, kind: &str) -> String {
    outcome.kind(kind).map_or_else(|| kind.to_owned(), |kind| kind.label.clone())
}
