//! Which charts a report has, and what stands on them. It draws none.

use crate::{
    drawing::{
        axis::{Axis, Scale, widened},
        chart::{Chart, Drop, Kind, Place, Point, Series, Shape, thinned},
        dress::Dress,
        mark::Look,
    },
    figures::{self, flops, prefix, quantity},
    report::{
        Report,
        comparison::{MethodRuns, RunSummary},
        speed_up::{ReadAt, mean},
    },
    run::record::{Cost, RunRecord, ValidationPoint},
};

/// The part of the first method's budget after which its curve fills the chart of the end.
const START_OF_THE_END: f64 = 0.2;

impl Report {
    /// Validation loss against exact FLOPs as an SVG file of its own, light or dark as the reader's system is.
    pub fn loss_chart_svg(&self) -> String {
        standalone(self)
    }
}

/// The chart of the end as an SVG file.
fn standalone(report: &Report) -> String {
    end(report).map_or_else(
        || {
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1 1\"><title>no evaluations yet</title></svg>"
                .to_owned()
        },
        |chart| chart.svg(Dress::Web),
    )
}

/// Validation loss against exact FLOPs, near the end, with the places at which the speed-up is read. `None` without
/// evaluations.
pub(crate) fn end(report: &Report) -> Option<Chart> {
    let mut chart = loss_chart(report, "end", Cost::ExactFlops, Scale::Linear)?;
    "Validation loss against training FLOPs, near the end".clone_into(&mut chart.title);
    chart.shape = Shape::Whole;
    let first =
        report.methods().iter().flat_map(|method| &method.runs).find(|run| run.validation.len() > 1)?;
    let start = first.flops * START_OF_THE_END;
    let beginning = first.validation.iter().find(|point| point.flops >= start)?.loss;
    let (low, high) = widened(chart.y.low, beginning);
    chart.y.high = high;
    chart.y.low = low - 0.12 * (high - low);
    add_readings(report, &mut chart);
    Some(chart)
}

/// The whole way, with a logarithmic axis of FLOPs.
pub(crate) fn against_flops(report: &Report) -> Option<Chart> {
    loss_chart(report, "flops", Cost::ExactFlops, Scale::Logarithmic)
}

/// The whole way, against tokens.
pub(crate) fn against_tokens(report: &Report) -> Option<Chart> {
    loss_chart(report, "tokens", Cost::Tokens, Scale::Linear)
}

/// The learning rate of each method's first seed against tokens. `None` without steps.
pub(crate) fn learning_rate(report: &Report) -> Option<Chart> {
    let series: Vec<Series> = first_records(report)
        .into_iter()
        .enumerate()
        .filter(|(_, (_, run))| !run.training.is_empty())
        .map(|(colour, (name, run))| Series {
            name: name.to_owned(),
            look: Look(colour),
            kind: Kind::Line,
            lines: vec![
                thinned(&run.training, 60)
                    .map(|point| Point {
                        place: Place { x: point.tokens as f64, y: point.learning_rate, band: None },
                        title: format!("{name}: {:.2e} in stage {}", point.learning_rate, point.stage),
                    })
                    .collect(),
            ],
            mean: None,
            marks: Vec::new(),
        })
        .collect();
    let (mut x, mut y) = axes(&series, Cost::Tokens, Scale::Linear)?;
    x.low = 0.0;
    let rates = series.iter().flat_map(|series| series.lines.iter().flatten()).map(|point| point.place.y);
    (y.low, y.high) = widened(0.0, rates.fold(0.0, f64::max) * 1.05);
    "learning rate, 10⁻³".clone_into(&mut y.label);
    y.unit = 1e-3;
    let title = "Learning rate against training tokens".to_owned();
    Some(Chart::new("learning-rate", title, Shape::Half, (x, y), series))
}

/// The first run of each method.
pub(crate) fn first_records(report: &Report) -> Vec<(&str, &RunRecord)> {
    let mut records = report.records().iter();
    let mut first = Vec::new();
    for method in report.methods() {
        let mut runs = records.by_ref().take(method.runs.len());
        if let Some(run) = runs.next() {
            first.push((method.label.as_str(), run));
        }
        // `take` leaves the rest of this method's runs: go past them.
        runs.for_each(drop);
    }
    first
}

fn loss_chart(report: &Report, id: &str, cost: Cost, scale: Scale) -> Option<Chart> {
    let series: Vec<Series> = report
        .methods()
        .iter()
        .enumerate()
        .map(|(colour, method)| series(method, colour, cost))
        .filter(|series| !series.lines.is_empty())
        .collect();
    let (x, y) = axes(&series, cost, scale)?;
    let title = format!("Validation loss against {}", x.label);
    Some(Chart::new(id, title, Shape::Half, (x, y), series))
}

fn series(method: &MethodRuns, colour: usize, cost: Cost) -> Series {
    let runs: Vec<&RunSummary> = method.runs.iter().filter(|run| !run.validation.is_empty()).collect();
    let line = |run: &&RunSummary| {
        run.validation
            .iter()
            .filter_map(|point| validation_point(&method.label, run.seed, point, cost))
            .collect()
    };
    let lines: Vec<Vec<Point>> = runs.iter().map(line).collect();
    let is_whole = |run: &&RunSummary| run.base.as_ref().is_none_or(|base| base.is_known(cost));
    let without = if runs.iter().all(is_whole) { "" } else { ", without its base" };
    Series {
        name: format!("{}{without}", method.label),
        look: Look(colour),
        kind: Kind::Line,
        mean: mean_line(&lines),
        lines,
        marks: runs.first().map(|run| growths(run, cost)).unwrap_or_default(),
    }
}

fn validation_point(label: &str, seed: u64, point: &ValidationPoint, cost: Cost) -> Option<Point> {
    let title = format!(
        "{label}, seed {seed}: loss {} after {} tokens, {} (stage {})",
        figures::loss(point.loss),
        figures::tokens(point.tokens),
        flops(point.flops),
        point.stage
    );
    Some(Point { place: Place { x: point.cost(cost)?, y: point.loss, band: None }, title })
}

fn growths(run: &RunSummary, cost: Cost) -> Vec<Point> {
    let grown = run.stages.iter().filter_map(|stage| Some((stage, stage.growth_losses?)));
    grown
        .map(|(stage, (before, after))| Point {
            place: Place {
                x: if cost == Cost::Tokens { stage.first_token as f64 } else { stage.first_flops },
                y: after,
                band: None,
            },
            title: format!(
                "growth into stage {}: loss {} before, {} after",
                stage.name,
                figures::loss(before),
                figures::loss(after)
            ),
        })
        .collect()
}

/// The mean of several seeds, if all were evaluated at the same costs.
///
/// Its error is the mean of theirs, the most that it can be: seeds answer the same documents, so their errors need not
/// average out.
pub(crate) fn mean_line(lines: &[Vec<Point>]) -> Option<Vec<Place>> {
    let (first, others) = lines.split_first()?;
    let same_places = |other: &&Vec<Point>| {
        let near = |one: &Point, two: &Point| (one.place.x - two.place.x).abs() <= 1e-9 * two.place.x.abs();
        other.len() == first.len() && other.iter().zip(first).all(|(one, two)| near(one, two))
    };
    if others.is_empty() || others.iter().filter(same_places).count() < others.len() {
        return None;
    }
    let of_seeds = |index: usize| lines.iter().map(move |line| line[index].place);
    let mean_place = |index: usize| {
        let y = mean(&of_seeds(index).map(|place| place.y).collect::<Vec<_>>())?;
        let above = |place: Place| Some(place.band?.1 - place.y);
        let errors: Option<Vec<f64>> = of_seeds(index).map(above).collect();
        let error = errors.and_then(|errors| mean(&errors));
        Some(Place { x: first[index].place.x, y, band: error.map(|error| (y - error, y + error)) })
    };
    (0..first.len()).map(mean_place).collect()
}

/// Axes that hold every point; `None` where there is none.
fn axes(series: &[Series], cost: Cost, scale: Scale) -> Option<(Axis, Axis)> {
    let points = || series.iter().flat_map(|series| series.lines.iter().flatten());
    points().next()?;
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (mut low, high) = range(&mut points().map(|point| point.place.x));
    let mut scale = scale;
    if scale == Scale::Logarithmic {
        let (positive, _) = range(&mut points().map(|point| point.place.x).filter(|x| *x > 0.0));
        if positive < high { low = positive } else { scale = Scale::Linear }
    }
    let (lowest, highest) = range(&mut points().map(|point| point.place.y));
    let (lowest, highest) = widened(lowest, highest);
    // The lowest curve stays clear of the axis.
    let lowest = lowest - 0.03 * (highest - lowest);
    let y = Axis {
        label: "validation loss".to_owned(),
        scale: Scale::Linear,
        low: lowest,
        high: highest,
        unit: 1.0,
        given_ticks: Vec::new(),
    };
    Some((cost_axis(cost, scale, low, high), y))
}

/// An axis of what was paid, in the unit that its high end is written in.
pub(crate) fn cost_axis(cost: Cost, scale: Scale, low: f64, high: f64) -> Axis {
    let (low, high) = widened(low, high);
    let (unit, prefix) = prefix(high);
    let label = match cost {
        Cost::Tokens if prefix.is_empty() => "training tokens".to_owned(),
        Cost::Tokens => format!("training tokens, {}", words(prefix)),
        Cost::ExactFlops | Cost::SixTimesParametersFlops => {
            format!("training {prefix}FLOP, base included")
        }
        Cost::Seconds => format!("{prefix}seconds of training"),
    };
    Axis { label, scale, low, high, unit, given_ticks: Vec::new() }
}

fn words(prefix: &str) -> &str {
    match prefix {
        "k" => "thousands",
        "M" => "millions",
        "G" => "billions",
        "T" => "trillions",
        other => other,
    }
}

/// The loss of scratch as a line across, and where each method that reaches it does so, on average over the seeds.
fn add_readings(report: &Report, chart: &mut Chart) {
    let Some(scratch) = report.methods().first().filter(|_| report.baseline().is_some()) else { return };
    let Some(loss) = scratch.mean_final_loss else { return };
    chart.levels.push((loss, format!("final loss from scratch, {}", figures::loss(loss))));
    for comparison in report.comparisons() {
        let Some(speed_up) = &comparison.exact_flops else { continue };
        if speed_up.seeds.iter().any(|seed| seed.reading.read_at == ReadAt::OwnFinal) {
            continue;
        }
        let costs: Vec<f64> = speed_up.seeds.iter().map(|seed| seed.reading.grown_cost).collect();
        let Some(x) = mean(&costs) else { continue };
        // The colour of a method is its place in the report.
        let colour = report.methods().iter().position(|method| method.label == comparison.label).unwrap_or(0);
        chart.drops.push(Drop { x, y: loss, look: Look(colour), text: quantity(x, "FLOP") });
    }
    let costs: Vec<f64> = scratch.runs.iter().map(|run| run.flops).collect();
    if let Some(x) = mean(&costs) {
        // A run may have gone on behind its last evaluation.
        chart.x.high = chart.x.high.max(x);
        chart.drops.push(Drop { x, y: loss, look: Look(0), text: quantity(x, "FLOP") });
    }
}
