//! Loss against what was paid, and speed-up against loss: a line for each kind with a band over its seeds, and a panel
//! for each way to pay.

use crate::{
    drawing::{
        axis::{Axis, Scale},
        chart::{Chart, Kind, Place, Point, Series, Shape},
        mark::Look,
        picture::Picture,
    },
    experiment::{
        claims::words::share as share_in_words,
        outcome::{
            Outcome,
            figures::SpeedUpLine,
            kinds::{BandPoint, KindOutcome},
            over_seeds::OverSeeds,
        },
    },
    figures::{flops, loss, tokens},
    page::{
        charts::cost_axis,
        experiment::{differences::label, looks::Looks, panel::Panel, table::table},
    },
    run::record::Cost,
};

/// More bands than these would cover each other.
const MOST_BANDS: usize = 9;

/// The part of its own budget from which on a kind's curve is seen; before it, all fall alike.
const SEEN_FROM: f64 = 0.2;

/// How to read the drawing of so many kinds.
pub(crate) fn note(kinds: usize) -> &'static str {
    if kinds <= MOST_BANDS {
        "Mean of the seeds, from a fifth of each budget on. Band: lowest and highest seed. Diamond: growth."
    } else {
        "Mean of the seeds, from a fifth of each budget on; so many bands would cover each other. Diamond: growth."
    }
}

/// A panel for each cost near the end, and one of the whole way.
pub(crate) fn losses(
    outcome: &Outcome,
    looks: &Looks,
    id: &str,
    title: &str,
    kinds: &[String],
) -> Vec<Panel> {
    let kinds: Vec<&KindOutcome> = kinds.iter().filter_map(|kind| outcome.kind(kind)).collect();
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name.as_str()).collect();
    let looks = looks.in_figure(outcome, &names);
    let mut panels: Vec<Panel> = Cost::ALL
        .into_iter()
        .map(|cost| {
            let (name, label) = names_of(cost);
            let id = format!("{id}-{name}");
            Panel::new(name, label, chart(&id, title, &kinds, &looks, cost, false))
        })
        .collect();
    let whole = chart(&format!("{id}-way"), title, &kinds, &looks, Cost::ExactFlops, true);
    panels.push(Panel::new("whole-way", "the whole way", whole));
    panels
}

/// A word for files, and one for the reader.
fn names_of(cost: Cost) -> (&'static str, &'static str) {
    match cost {
        Cost::ExactFlops => ("flops", "FLOPs"),
        Cost::SixTimesParametersFlops => ("6nt", "6·N·T"),
        Cost::Tokens => ("tokens", "tokens"),
        Cost::Seconds => ("seconds", "seconds"),
    }
}

fn paid(point: &BandPoint, cost: Cost) -> Option<f64> {
    match cost {
        Cost::ExactFlops => Some(point.flops),
        Cost::SixTimesParametersFlops => Some(point.flops_6nt),
        Cost::Tokens => Some(point.tokens as f64),
        Cost::Seconds => point.seconds,
    }
}

fn chart(
    id: &str,
    title: &str,
    kinds: &[&KindOutcome],
    looks: &[Look],
    cost: Cost,
    is_whole: bool,
) -> Result<Picture, String> {
    let has_bands = kinds.len() <= MOST_BANDS;
    let series: Vec<Series> = kinds
        .iter()
        .zip(looks)
        .map(|(kind, look)| series(kind, *look, cost, has_bands))
        .filter(|series| series.lines.iter().any(|line| !line.is_empty()))
        .collect();
    let places = || series.iter().flat_map(|series| series.lines.iter().flatten()).map(|point| point.place);
    let most = places().map(|place| place.x).fold(f64::NEG_INFINITY, f64::max);
    if series.is_empty() || !most.is_finite() {
        return Err(match cost {
            Cost::Seconds => {
                "No seconds: these runs ran beside others, or their steps weren't timed.".to_owned()
            }
            Cost::ExactFlops | Cost::SixTimesParametersFlops | Cost::Tokens => {
                "Nothing is drawn yet: no run has an evaluation.".to_owned()
            }
        });
    }
    let (scale, least) = if is_whole {
        (Scale::Logarithmic, places().map(|place| place.x).filter(|x| *x > 0.0).fold(most, f64::min))
    } else {
        (Scale::Linear, 0.0)
    };
    let x = cost_axis(cost, scale, least, most * if is_whole { 1.05 } else { 1.01 });
    let seen = series.iter().flat_map(|series| seen(series, is_whole));
    let y = Axis::holding("validation loss", Scale::Linear, seen.collect::<Vec<f64>>().into_iter());
    let y = y.ok_or("Nothing is drawn yet: no run has a finite loss.")?;
    let title = format!("{title}: validation loss against {}", x.label);
    Ok(Picture::Chart(Chart::new(id, title, Shape::Whole, (x, y), series)))
}

/// The losses that the vertical axis holds: those after a part of the series' budget.
fn seen(series: &Series, is_whole: bool) -> Vec<f64> {
    let line = series.lines.iter().flatten();
    let last = line.clone().map(|point| point.place.x).fold(0.0, f64::max);
    let from = if is_whole { 0.0 } else { SEEN_FROM * last };
    line.filter(|point| point.place.x >= from)
        .flat_map(|point| {
            let (low, high) = point.place.band.unwrap_or((point.place.y, point.place.y));
            [low, point.place.y, high]
        })
        .collect()
}

fn series(kind: &KindOutcome, look: Look, cost: Cost, has_bands: bool) -> Series {
    let point = |point: &BandPoint| {
        let spread = if point.seeds > 1 {
            format!(" ({} to {} over {} seeds)", loss(point.lowest), loss(point.highest), point.seeds)
        } else {
            String::new()
        };
        let title = format!(
            "{}: loss {}{spread} after {} tokens, {} (stage {})",
            kind.label,
            loss(point.mean),
            tokens(point.tokens),
            flops(point.flops),
            point.stage
        );
        let band = (has_bands && point.seeds > 1).then_some((point.lowest, point.highest));
        Some(Point { place: Place { x: paid(point, cost)?, y: point.mean, band }, title })
    };
    let growth = |pair: &[BandPoint]| {
        let (before, after) = (&pair[0], &pair[1]);
        // A stage that only unfreezes layers has the loss of the one before it.
        let is_growth = before.tokens == after.tokens
            && before.stage != after.stage
            && (before.mean - after.mean).abs() > 1e-6;
        let title = format!(
            "{}: growth into stage {}: loss {} before, {} after",
            kind.label,
            after.stage,
            loss(before.mean),
            loss(after.mean)
        );
        let place = Place { x: paid(after, cost)?, y: after.mean, band: None };
        is_growth.then_some(Point { place, title })
    };
    Series {
        name: kind.label.clone(),
        look,
        kind: Kind::Line,
        lines: vec![kind.curve.iter().filter_map(point).collect()],
        mean: None,
        marks: kind.curve.windows(2).filter_map(growth).collect(),
    }
}

/// A panel for each cost.
pub(crate) fn speed_ups(
    outcome: &Outcome,
    looks: &Looks,
    id: &str,
    title: &str,
    lines: &[SpeedUpLine],
) -> Vec<Panel> {
    let mut names: Vec<&str> = Vec::new();
    for line in lines {
        if !names.contains(&line.kind.as_str()) {
            names.push(&line.kind);
        }
    }
    let looks = looks.in_figure(outcome, &names);
    let panel = |cost| {
        let series: Vec<Series> = names
            .iter()
            .zip(&looks)
            .filter_map(|(name, look)| {
                let line = lines.iter().find(|line| line.kind == *name && line.cost == cost)?;
                Some(speed_up_series(outcome, line, *look))
            })
            .filter(|series| !series.lines[0].is_empty())
            .collect();
        let (name, label) = names_of(cost);
        Panel::new(name, label, speed_up_chart(&format!("{id}-{name}"), title, series, cost))
    };
    Cost::ALL.into_iter().map(panel).collect()
}

fn speed_up_series(outcome: &Outcome, line: &SpeedUpLine, look: Look) -> Series {
    let label = label(outcome, &line.kind);
    let points = line.points.iter().filter_map(|point| {
        let all = point.over_seeds.as_ref()?;
        let at = point.loss?;
        let title = format!("{label}: {} at loss {}, {} seeds", share_in_words(all), loss(at), all.count());
        let band = all.interval.map(|interval| (interval.lower(), interval.upper()));
        Some(Point { place: Place { x: at, y: all.mean, band }, title })
    });
    Series {
        name: label.clone(),
        look,
        kind: Kind::Line,
        lines: vec![points.collect()],
        mean: None,
        marks: Vec::new(),
    }
}

fn speed_up_chart(id: &str, title: &str, series: Vec<Series>, cost: Cost) -> Result<Picture, String> {
    let nothing = || match cost {
        Cost::Seconds => {
            "No speed-up in seconds: it takes runs that had the machine for themselves.".to_owned()
        }
        Cost::ExactFlops | Cost::SixTimesParametersFlops | Cost::Tokens => {
            "Nothing is drawn yet: no pair of finished runs with one seed reaches the same losses.".to_owned()
        }
    };
    let places = || series.iter().flat_map(|series| series.lines.iter().flatten()).map(|point| point.place);
    // An interval of two seeds may be wider than all means together: the means decide what is seen, and zero.
    let means = || places().map(|place| place.y).chain([0.0]);
    let (low, high) =
        means().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)));
    let room = (high - low).max(0.05);
    let bands = places().filter_map(|place| place.band).flat_map(|(low, high)| [low, high]);
    let held = bands.map(|end| end.clamp(low - room, high + room)).chain(means());
    let x = Axis::holding("validation loss, falling", Scale::Linear, places().map(|place| place.x));
    let y = Axis::holding("speed-up, %", Scale::Linear, held.collect::<Vec<f64>>().into_iter());
    let (Some(x), Some(y)) = (x, y) else { return Err(nothing()) };
    let mut chart = Chart::new(
        id,
        format!("{title}: speed-up against validation loss"),
        Shape::Whole,
        (x.reversed(), y.in_units(0.01)),
        series,
    );
    chart.levels.push((0.0, "no speed-up".to_owned()));
    Ok(Picture::Chart(chart))
}

/// Final losses.
pub(crate) fn losses_table(outcome: &Outcome, kinds: &[String]) -> String {
    let columns = [
        ("kind", false),
        ("seeds", true),
        ("final loss", true),
        ("lowest seed", true),
        ("highest seed", true),
        ("tokens", true),
        ("FLOPs, exact", true),
        ("FLOPs, 6·N·T", true),
    ];
    table(
        &columns,
        kinds.iter().filter_map(|kind| outcome.kind(kind)).map(|kind| {
            let all = kind.final_loss.as_ref();
            let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), loss);
            let last = kind.curve.last();
            vec![
                kind.label.clone(),
                all.map_or(0, OverSeeds::count).to_string(),
                number(all.map(|all| all.mean)),
                number(all.map(|all| all.lowest)),
                number(all.map(|all| all.highest)),
                last.map_or_else(|| "–".to_owned(), |point| tokens(point.tokens)),
                last.map_or_else(|| "–".to_owned(), |point| flops(point.flops)),
                last.map_or_else(|| "–".to_owned(), |point| flops(point.flops_6nt)),
            ]
        }),
    )
}

/// Every speed-up that is drawn, and why one isn't.
pub(crate) fn speed_ups_table(outcome: &Outcome, lines: &[SpeedUpLine]) -> String {
    let columns = [
        ("kind", false),
        ("paid in", false),
        ("read at", true),
        ("loss", true),
        ("seeds", true),
        ("speed-up [95 %]", true),
        ("", false),
    ];
    let rows = lines.iter().flat_map(|line| line.points.iter().map(move |point| (line, point)));
    table(
        &columns,
        rows.map(|(line, point)| {
            let all = point.over_seeds.as_ref();
            let left_out: Vec<String> = point
                .left_out
                .iter()
                .map(|left_out| format!("seed {}: {}", left_out.seed, left_out.why))
                .collect();
            vec![
                label(outcome, &line.kind),
                names_of(line.cost).1.to_owned(),
                super::words::share(point.at),
                point.loss.map_or_else(|| "–".to_owned(), loss),
                all.map_or(0, OverSeeds::count).to_string(),
                all.map_or_else(|| "–".to_owned(), share_in_words),
                left_out.join("; "),
            ]
        }),
    )
}
