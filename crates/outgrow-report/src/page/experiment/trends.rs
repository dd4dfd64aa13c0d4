//! How differences to a baseline go on, as Figure 6b of arXiv 2405.15319 draws it: what was measured, the line in the
//! logarithm of FLOPs through it, and what that foretells, dashed.

use crate::{
    drawing::{
        axis::{Axis, Scale},
        chart::{Chart, Kind, Place, Point, Range, Series, Shape},
        mark::Look,
        picture::Picture,
    },
    experiment::{
        claims::words::{signed, with_interval},
        outcome::{
            Outcome,
            kinds::KindOutcome,
            trend::{DifferenceTrend, ForetoldDifference},
        },
    },
    figures::{flops, prefix},
    page::experiment::{looks::Looks, panel::Panel},
};

/// The name of the drawing's file.
pub(crate) const FILE: &str = "how-differences-go-on";

/// How to read the drawing.
pub(crate) const NOTE: &str = "Beside the paper's Fig. 6b. Rings: difference of loss to the baseline, mean of the seeds, from 40 % of its \
FLOPs on; at zero it is as good. Lines: fitted in the logarithm of FLOPs, dashed where nothing was run; bands: 95 % over seeds. Only lines \
that say more than a constant. No verdict takes them: the learning rate comes down at a curve's end, and the line takes that for a trend.";

/// More bands than these would cover each other.
const MOST_BANDS: usize = 6;
/// More lines than these can't be told apart; those with the largest differences are drawn.
const MOST_LINES: usize = 12;

/// The kinds with a line that says more than a constant, in the order of the experiment.
fn believed(outcome: &Outcome) -> Vec<(&KindOutcome, &DifferenceTrend)> {
    let kinds = outcome.kinds.iter();
    kinds.filter_map(|kind| Some((kind, kind.trend.as_ref().filter(|trend| trend.beats_constant)?))).collect()
}

/// The drawing; nothing where no line says more than a constant.
pub(crate) fn panel(outcome: &Outcome, looks: &Looks) -> Option<Panel> {
    let mut lines = believed(outcome);
    if lines.is_empty() {
        return None;
    }
    if lines.len() > MOST_LINES {
        let size =
            |trend: &DifferenceTrend| trend.points.last().map_or(0.0, |(_, difference)| difference.abs());
        let mut sizes: Vec<f64> = lines.iter().map(|(_, trend)| size(trend)).collect();
        sizes.sort_by(|one, two| two.total_cmp(one));
        let least = sizes[MOST_LINES - 1];
        lines.retain(|(_, trend)| size(trend) >= least);
        lines.truncate(MOST_LINES);
    }
    let names: Vec<&str> = lines.iter().map(|(kind, _)| kind.name.as_str()).collect();
    let looks = looks.in_figure(outcome, &names);
    let has_bands = lines.len() <= MOST_BANDS;
    let series: Vec<Series> = lines
        .iter()
        .zip(looks)
        .flat_map(|((kind, trend), look)| series(kind, trend, look, has_bands))
        .collect();
    Some(Panel::new("", "", picture(series, &lines)))
}

fn series(kind: &KindOutcome, trend: &DifferenceTrend, look: Look, has_bands: bool) -> [Series; 3] {
    let line = |name: &str, kind, points: Vec<Point>| Series {
        name: name.to_owned(),
        look,
        kind,
        lines: vec![points],
        mean: None,
        marks: Vec::new(),
    };
    let of_line = |found: &&ForetoldDifference| {
        let extrapolated = if found.times > 1.0 { ", extrapolated" } else { "" };
        let title = format!(
            "{}: {} at {}{extrapolated}",
            kind.label,
            with_interval(signed(found.difference), found.interval.as_ref(), signed),
            flops(found.flops)
        );
        let band = found.interval.filter(|_| has_bands).map(|interval| (interval.lower(), interval.upper()));
        Point { place: Place { x: found.flops, y: found.difference, band }, title }
    };
    let fitted = trend.line.iter().filter(|found| found.times <= 1.0);
    let foretold = trend.line.iter().filter(|found| found.times >= 1.0);
    let measured = trend.points.iter().map(|&(paid, difference)| Point {
        place: Place { x: paid, y: difference, band: None },
        title: format!("{}: {} at {}", kind.label, signed(difference), flops(paid)),
    });
    [
        line("", Kind::Foretold, foretold.map(|found| of_line(&found)).collect()),
        line(&kind.label, Kind::Line, fitted.map(|found| of_line(&found)).collect()),
        line("", Kind::Dots, measured.collect()),
    ]
}

fn picture(series: Vec<Series>, lines: &[(&KindOutcome, &DifferenceTrend)]) -> Result<Picture, String> {
    let places = || series.iter().flat_map(|series| series.lines.iter().flatten()).map(|point| point.place);
    let x = Axis::holding("", Scale::Logarithmic, places().map(|place| place.x));
    // Bands may be far wider than all lines: these decide what is seen, and zero.
    let y = Axis::holding(
        "difference of loss, nats",
        Scale::Linear,
        places().map(|place| place.y).chain([0.0]).collect::<Vec<f64>>().into_iter(),
    );
    let (Some(mut x), Some(y)) = (x, y) else { return Err("Nothing is drawn yet.".to_owned()) };
    let (unit, prefix) = prefix(x.high);
    x.label = format!("training {prefix}FLOP, exact, base included");
    let end = |trend: &DifferenceTrend| trend.points.last().map_or(0.0, |(paid, _)| *paid);
    let largest = lines.iter().map(|(_, trend)| end(trend)).fold(0.0, f64::max);
    let title = "How differences go on: difference of validation loss against FLOPs".to_owned();
    let mut chart = Chart::new("trends", title, Shape::Whole, (x.in_units(unit), y), series);
    chart.levels.push((0.0, String::new()));
    let to = chart.x.high;
    chart.ranges.push(Range { from: largest, to, text: "nothing was run here".to_owned() });
    Ok(Picture::Chart(chart))
}
