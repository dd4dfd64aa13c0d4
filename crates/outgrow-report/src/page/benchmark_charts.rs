//! A small chart for each benchmark, all with one axis of FLOPs. It draws none.

use crate::{
    drawing::{
        axis::{Axis, Scale},
        chart::{Chart, Kind, Place, Point, Series, Shape},
        mark::Look,
    },
    figures::{flops, measured, tokens},
    page::charts::{cost_axis, mean_line},
    report::{
        Report,
        benchmark::{Benchmark, BenchmarkRun, BenchmarkValue},
    },
    run::record::Cost,
};

/// The part of an axis that is left free beyond its outermost points.
const MARGIN: f64 = 0.06;

/// The part of an axis by which points are set apart: a dot and some room.
const APART: f64 = 0.03;

/// From so many times its lowest value on, a perplexity has a logarithmic axis.
const ORDERS: f64 = 10.0;

/// The least length of an axis, as a part of its largest value.
const FLAT: f64 = 0.04;

/// Up to here values are drawn as zero, and from there on not at all: axes have numbers that one can read.
const NOTHING: f64 = 1e-9;
const TOO_MUCH: f64 = 1e30;

/// The benchmarks with something to draw, each with its chart.
pub(crate) fn charts(report: &Report) -> Vec<(&Benchmark, Chart)> {
    let values = report.benchmarks().iter().flat_map(|benchmark| &benchmark.runs).flat_map(|run| &run.values);
    let most = values.map(|value| value.flops).fold(0.0, f64::max);
    let x = cost_axis(Cost::ExactFlops, Scale::Linear, 0.0, most * (1.0 + 0.5 * MARGIN));
    let benchmarks = report.benchmarks().iter().enumerate();
    benchmarks
        .filter_map(|(index, benchmark)| Some((benchmark, chart(report, index, benchmark, x.clone())?)))
        .collect()
}

fn chart(report: &Report, index: usize, benchmark: &Benchmark, x: Axis) -> Option<Chart> {
    let labels = report.methods().iter().map(|method| method.label.as_str()).enumerate();
    let mut series: Vec<Series> = labels
        .map(|(colour, label)| series(benchmark, label, colour))
        .filter(|series| !series.lines.is_empty())
        .collect();
    set_apart(&mut series, &x);
    let title = format!("{}: {} against {}", benchmark.title(), benchmark.metric, x.label);
    let y = value_axis(benchmark, &series)?;
    Some(Chart::new(&format!("benchmark-{index}"), title, Shape::Third, (x, y), series))
}

fn series(benchmark: &Benchmark, label: &str, colour: usize) -> Series {
    let line = |run: &BenchmarkRun| -> Vec<Point> {
        run.values.iter().filter_map(|value| point(benchmark, run, value)).collect()
    };
    let runs = benchmark.runs.iter().filter(|run| run.label == label);
    let lines: Vec<Vec<Point>> = runs.map(line).filter(|line| !line.is_empty()).collect();
    let (name, look) = (label.to_owned(), Look(colour));
    Series { name, look, kind: Kind::Line, mean: mean_line(&lines), lines, marks: Vec::new() }
}

fn point(benchmark: &Benchmark, run: &BenchmarkRun, value: &BenchmarkValue) -> Option<Point> {
    let y = value.value.filter(|value| value.abs() < TOO_MUCH)?;
    let (number, error) = measured(y, value.standard_error);
    let title = format!(
        "{}, seed {}: {} {number}{} after {} tokens, {} (stage {})",
        run.label,
        run.seed,
        benchmark.metric,
        error.map(|error| format!(" {error}")).unwrap_or_default(),
        tokens(value.tokens),
        flops(value.flops),
        value.stage
    );
    let error = value.standard_error.filter(|error| *error < TOO_MUCH);
    Some(Point { place: Place { x: value.flops, y, band: error.map(|error| (y - error, y + error)) }, title })
}

/// Methods that were evaluated once, and at nearly one place, would cover each other: they stand side by side, the last
/// where it is.
fn set_apart(series: &mut [Series], x: &Axis) {
    let mut alone: Vec<&mut Series> =
        series.iter_mut().filter(|series| series.lines.iter().all(|line| line.len() == 1)).collect();
    let place =
        |series: &Series| series.lines.iter().flatten().map(|point| point.place.x).fold(0.0, f64::max);
    alone.sort_by(|one, two| place(two).total_cmp(&place(one)));
    let mut free = f64::INFINITY;
    for series in alone {
        let shift = (place(series) - free).max(0.0);
        let of_seeds = series.lines.iter_mut().flatten().map(|point| &mut point.place);
        for place in of_seeds.chain(series.mean.iter_mut().flatten()) {
            place.x -= shift;
        }
        free = place(series) - APART * (x.high - x.low);
    }
}

/// An axis that holds every point with its error; `None` where there is none.
fn value_axis(benchmark: &Benchmark, series: &[Series]) -> Option<Axis> {
    let places = || series.iter().flat_map(|series| series.lines.iter().flatten()).map(|point| point.place);
    places().next()?;
    let lowest = places().map(|place| place.y).fold(f64::INFINITY, f64::min);
    let reach = |place: Place| place.band.unwrap_or((place.y, place.y));
    let low = places().map(|place| reach(place).0).fold(f64::INFINITY, f64::min);
    let high = places().map(|place| reach(place).1).fold(f64::NEG_INFINITY, f64::max);
    // A perplexity falls by orders of magnitude, to no less than one. An accuracy rises from chance.
    if benchmark.higher_is_better == Some(false) && lowest >= 1.0 && high > ORDERS * lowest {
        // An error that is as large as its value is cut off: there is nothing below zero to show.
        let low = low.max(0.5 * lowest);
        let margin = (high / low).powf(MARGIN);
        return Some(axis(Scale::Logarithmic, low / margin, high * margin));
    }
    // Values that hardly differ are shown to hardly differ.
    let largest = high.abs().max(low.abs());
    let least = if largest > NOTHING { FLAT * largest } else { 1.0 };
    let missing = 0.5 * (least - (high - low)).max(0.0);
    let margin = MARGIN * (high - low) + missing;
    // No accuracy is below zero, so no axis of accuracies is.
    let below = if low >= 0.0 { (low - margin).max(0.0) } else { low - margin };
    Some(axis(Scale::Linear, below, high + margin))
}

/// An axis without a label: the chart's heading says what is on it.
fn axis(scale: Scale, low: f64, high: f64) -> Axis {
    Axis { label: String::new(), scale, low, high, unit: 1.0, given_ticks: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends of the axis for these values with their errors.
    fn ends(higher_is_better: bool, values: &[(f64, f64)]) -> (Scale, f64, f64) {
        let benchmark = Benchmark {
            task: String::new(),
            asked: None,
            metric: String::new(),
            higher_is_better: Some(higher_is_better),
            runs: Vec::new(),
        };
        let axis = value_axis(&benchmark, &[of_places(values.iter().map(|&(y, error)| (1.0, y, error)))]);
        let Axis { scale, low, high, .. } = axis.unwrap();
        (scale, (low * 1e3).round() / 1e3, (high * 1e3).round() / 1e3)
    }

    fn of_places(places: impl Iterator<Item = (f64, f64, f64)>) -> Series {
        let point = |(x, y, error)| Point {
            place: Place { x, y, band: Some((y - error, y + error)) },
            title: String::new(),
        };
        Series {
            name: String::new(),
            look: Look(0),
            kind: Kind::Line,
            lines: vec![places.map(point).collect()],
            mean: None,
            marks: Vec::new(),
        }
    }

    #[test]
    fn an_axis_holds_all_values_with_their_errors() {
        assert_eq!(ends(true, &[(0.3, 0.1), (0.5, 0.2)]), (Scale::Linear, 0.17, 0.73));
    }

    #[test]
    fn an_accuracy_has_no_axis_below_zero_and_none_without_length() {
        assert_eq!(ends(true, &[(0.01, 0.0), (0.4, 0.0)]), (Scale::Linear, 0.0, 0.423));
        assert_eq!(ends(true, &[(0.5, 0.0)]), (Scale::Linear, 0.49, 0.51));
        assert_eq!(ends(true, &[(0.0, 0.0)]), (Scale::Linear, 0.0, 0.5));
    }

    #[test]
    fn a_perplexity_that_falls_by_orders_has_a_logarithmic_axis() {
        assert_eq!(ends(false, &[(1e5, 0.0), (40.0, 60.0)]), (Scale::Logarithmic, 11.998, 166_700.998));
        assert_eq!(ends(false, &[(60.0, 0.0), (40.0, 0.0)]).0, Scale::Linear);
        assert_eq!(ends(true, &[(0.4, 0.0), (0.01, 0.0)]).0, Scale::Linear);
    }

    #[test]
    fn single_values_at_one_place_are_set_apart_and_lines_stay() {
        let x = axis(Scale::Linear, 0.0, 100.0);
        let alone = |x| of_places([(x, 0.5, 0.0)].into_iter());
        let line = of_places([(80.0, 0.5, 0.0), (90.0, 0.5, 0.0)].into_iter());
        let mut series = [alone(90.0), alone(90.0), alone(91.0), line, alone(40.0)];
        set_apart(&mut series, &x);
        let places = series.map(|series| series.lines[0][0].place.x.round());
        insta::assert_snapshot!(format!("{places:?}"), @"[88.0, 85.0, 91.0, 80.0, 40.0]");
    }
}
