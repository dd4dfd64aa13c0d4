//! Loss along an axis of numbers, a line for each budget, with the fitted minima; and the same as a table.

use crate::{
    drawing::{
        axis::{Axis, Scale, Tick},
        chart::{Chart, Kind, Minimum as DrawnMinimum, Place, Point, Range, Series, Shape},
        mark::Look,
        picture::Picture,
    },
    experiment::{
        claims::words::{on_axis, with_interval},
        description::Rule,
        outcome::{
            Outcome,
            optimum::{AxisPoint, Minimum, OptimumOutcome},
            over_seeds::OverSeeds,
            sweeps::Edge,
        },
    },
    figures::{flops, loss},
    page::experiment::{
        differences::label,
        table::table,
        words::{budget, share},
    },
};

/// A line for each budget: how far each place lies above the lowest of its budget.
pub(crate) fn picture(
    outcome: &Outcome,
    id: &str,
    title: &str,
    axis: &str,
    lines: &[OptimumOutcome],
) -> Result<Picture, String> {
    let nothing = || "Nothing is drawn yet: it takes finished runs at two places of the axis.".to_owned();
    let mut series = Vec::new();
    let mut minima = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(lowest) = lowest(line) else { continue };
        let look = Look(index + 1);
        // Before their line: its shapes stand on top.
        series.push(Series {
            name: String::new(),
            look,
            kind: Kind::Dots,
            lines: vec![seed_points(line, lowest)],
            mean: None,
            marks: Vec::new(),
        });
        series.push(Series {
            name: budget(line.at),
            look,
            kind: Kind::Line,
            lines: vec![
                places(line).map(|(point, all)| mean_point(line, point, all.mean - lowest)).collect(),
            ],
            mean: None,
            marks: Vec::new(),
        });
        minima.extend(minimum(line, lowest, look));
    }
    let all = || places_of(lines);
    let has_zero = all().any(|(point, _)| point.x == 0.0);
    let is_positive = all().all(|(point, _)| point.x >= 0.0);
    let scale = match (is_positive, has_zero) {
        (true, true) => Scale::LogarithmicBesideZero,
        (true, false) => Scale::Logarithmic,
        (false, _) => Scale::Linear,
    };
    let x = Axis::holding(axis, scale, all().map(|(point, _)| point.x));
    let drawn = series.iter().flat_map(|series| series.lines.iter().flatten()).map(|point| point.place.y);
    let fitted = minima.iter().map(|minimum| minimum.point.place.y);
    let y = Axis::holding(
        "loss above the lowest, nats",
        Scale::Linear,
        drawn.chain(fitted).collect::<Vec<f64>>().into_iter(),
    );
    let (Some(x), Some(y)) = (x, y) else { return Err(nothing()) };
    let x = x.with_ticks(ticks(outcome, axis, lines));
    let mut chart = Chart::new(id, format!("{title}: loss along {axis}"), Shape::Whole, (x, y), series);
    chart.minima = minima;
    chart.ranges.extend(claimed(outcome, axis));
    Ok(Picture::Chart(chart))
}

/// The places of a line that have a loss, zero first.
fn places(line: &OptimumOutcome) -> impl Iterator<Item = (&AxisPoint, &OverSeeds)> {
    line.at_zero.iter().chain(&line.points).filter_map(|point| Some((point, point.loss.as_ref()?)))
}

fn places_of(lines: &[OptimumOutcome]) -> impl Iterator<Item = (&AxisPoint, &OverSeeds)> {
    lines.iter().flat_map(places)
}

fn lowest(line: &OptimumOutcome) -> Option<f64> {
    places(line).map(|(_, all)| all.mean).reduce(f64::min)
}

fn mean_point(line: &OptimumOutcome, point: &AxisPoint, above: f64) -> Point {
    let mean = point.loss.as_ref().map_or(f64::NAN, |all| all.mean);
    let title = format!("{}, {}: mean loss {}", point.label, budget(line.at), loss(mean));
    Point { place: Place { x: point.x, y: above, band: None }, title }
}

/// Each seed about its own level, as the fit has it: what it has more or less at all places alike is taken off.
fn seed_points(line: &OptimumOutcome, lowest: f64) -> Vec<Point> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let level = |seed: u64| {
        let off = places(line).filter_map(|(_, all)| {
            let own = all.seeds.iter().find(|found| found.seed == seed)?;
            Some(own.value - all.mean)
        });
        mean(&off.collect::<Vec<f64>>())
    };
    let mut points = Vec::new();
    for (point, all) in places(line).filter(|(_, all)| all.count() > 1) {
        for found in &all.seeds {
            let place = Place { x: point.x, y: found.value - level(found.seed) - lowest, band: None };
            let title = format!(
                "{}, {}, seed {}: loss {}",
                point.label,
                budget(line.at),
                found.seed,
                loss(found.value)
            );
            points.push(Point { place, title });
        }
    }
    points
}

fn minimum(line: &OptimumOutcome, lowest: f64, look: Look) -> Option<DrawnMinimum> {
    let Minimum::Within { x, loss, interval, .. } = &line.minimum else { return None };
    let title = format!("{}: {}", budget(line.at), minimum_in_words(line));
    Some(DrawnMinimum {
        point: Point { place: Place { x: *x, y: loss - lowest, band: None }, title },
        interval: interval.map(|interval| (interval.lower(), interval.upper())),
        look,
    })
}

/// A tick at each place, with its name on the axis.
fn ticks(outcome: &Outcome, axis: &str, lines: &[OptimumOutcome]) -> Vec<Tick> {
    let mut ticks: Vec<Tick> = Vec::new();
    for (point, _) in places_of(lines) {
        if ticks.iter().any(|tick| tick.value.total_cmp(&point.x).is_eq()) {
            continue;
        }
        let named = outcome.kind(&point.kind).and_then(|kind| kind.axes.get(axis));
        let text = named.map_or_else(|| on_axis(point.x), |value| value.name.clone());
        ticks.push(Tick { value: point.x, text });
    }
    ticks.sort_by(|one, two| one.value.total_cmp(&two.value));
    ticks
}

/// The range in which a claim has the minimum, if there is one such claim and one range.
fn claimed(outcome: &Outcome, drawn: &str) -> Option<Range> {
    let mut ranges = outcome.claims.iter().filter_map(|claim| match &claim.claim.rule {
        Rule::Optimum { axis, from, to, .. } if axis == drawn => Some((*from, *to)),
        Rule::Optimum { .. }
        | Rule::SpeedUp { .. }
        | Rule::Lower { .. }
        | Rule::Equal { .. }
        | Rule::Law { .. } => None,
    });
    let (from, to) = ranges.next()?;
    ranges.all(|other| other == (from, to)).then(|| Range {
        from,
        to,
        text: "the paper's optimum".to_owned(),
    })
}

/// Where the minimum is, or why there is none.
pub(crate) fn minimum_in_words(line: &OptimumOutcome) -> String {
    match &line.minimum {
        Minimum::Within { x, interval, no_interval, .. } => {
            let number = with_interval(on_axis(*x), interval.as_ref(), on_axis);
            match no_interval {
                Some(why) => format!("{number}; no interval: {why}"),
                None => number,
            }
        }
        Minimum::AtEdge { edge, x } => {
            let end = match edge {
                Edge::Lowest => "lowest",
                Edge::Highest => "highest",
            };
            format!("at or beyond the edge, {} (the {end} place)", on_axis(*x))
        }
        Minimum::None { why } => format!("none: {why}"),
    }
}

/// The minima, and every mean loss.
pub(crate) fn table_of(outcome: &Outcome, axis: &str, lines: &[OptimumOutcome]) -> String {
    let minima = table(
        &[
            ("budget", false),
            ("FLOPs", true),
            ("seeds", true),
            ("lowest mean at", true),
            ("fitted minimum [95 %]", false),
        ],
        lines.iter().map(|line| {
            vec![
                share(line.at),
                line.flops.map_or_else(|| "–".to_owned(), flops),
                line.seeds.len().to_string(),
                line.lowest.map_or_else(|| "–".to_owned(), on_axis),
                minimum_in_words(line),
            ]
        }),
    );
    let losses = table(
        &[("budget", false), (axis, true), ("kind", false), ("seeds", true), ("loss", true)],
        lines.iter().flat_map(|line| {
            places(line).map(|(point, all)| {
                vec![
                    share(line.at),
                    on_axis(point.x),
                    label(outcome, &point.kind),
                    all.count().to_string(),
                    all.interval.map_or_else(
                        || loss(all.mean),
                        |interval| with_interval(loss(all.mean), Some(&interval), loss),
                    ),
                ]
            })
        }),
    );
    minima + &losses
}
