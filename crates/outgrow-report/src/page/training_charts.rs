//! What the steps of a training recorded, first seed of each method: loss, gradient norm, tokens a second. Each line is
//! of means over stretches of steps, because single steps scatter. It draws none.

use crate::{
    drawing::{
        axis::{Axis, Scale, widened},
        chart::{Chart, Kind, Place, Point, Series, Shape},
        mark::Look,
    },
    figures::{loss, tokens},
    page::charts::{cost_axis, first_records},
    report::Report,
    run::record::{Cost, TrainingPoint},
};

/// Stretches that a line is made of.
const STRETCHES: usize = 50;
/// From so many times its lowest value on, a norm has a logarithmic axis.
const ORDERS: f64 = 20.0;

/// What is drawn of a step.
struct Measured {
    id: &'static str,
    title: &'static str,
    label: &'static str,
    value: fn(&TrainingPoint) -> Option<f64>,
    text: fn(f64) -> String,
    /// Whether the axis begins at nothing.
    from_zero: bool,
}

/// Training loss.
pub(crate) fn training_loss(report: &Report) -> Option<Chart> {
    chart(
        report,
        &Measured {
            id: "training-loss",
            title: "Training loss",
            label: "training loss",
            value: |point| Some(point.loss),
            text: loss,
            from_zero: false,
        },
    )
}

/// The norm of the gradient before it is clipped. `None` where no run recorded it.
pub(crate) fn gradient_norm(report: &Report) -> Option<Chart> {
    chart(
        report,
        &Measured {
            id: "gradient-norm",
            title: "Gradient norm",
            label: "gradient norm",
            value: |point| point.grad_norm,
            text: |norm| format!("{norm:.3}"),
            from_zero: true,
        },
    )
}

/// Tokens a second. `None` where no run recorded it.
pub(crate) fn throughput(report: &Report) -> Option<Chart> {
    chart(
        report,
        &Measured {
            id: "throughput",
            title: "Throughput",
            label: "tokens a second",
            value: |point| point.tokens_per_second,
            text: |rate| format!("{} tokens a second", tokens(rate as u64)),
            from_zero: true,
        },
    )
}

fn chart(report: &Report, measured: &Measured) -> Option<Chart> {
    let series: Vec<Series> = first_records(report)
        .into_iter()
        .enumerate()
        .map(|(look, (name, run))| series(name, look, &run.training, measured))
        .filter(|series| !series.lines[0].is_empty())
        .collect();
    let places = || series.iter().flat_map(|series| series.lines.iter().flatten()).map(|point| point.place);
    let most = places().map(|place| place.x).reduce(f64::max)?;
    let (low, high) = places()
        .map(|place| place.y)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)));
    let x = cost_axis(Cost::Tokens, Scale::Linear, 0.0, most);
    let y = if measured.from_zero && high < ORDERS * low {
        let (low, high) = widened(0.0, 1.05 * high);
        Axis {
            label: measured.label.to_owned(),
            scale: Scale::Linear,
            low,
            high,
            unit: 1.0,
            given_ticks: Vec::new(),
        }
    } else {
        let scale = if measured.from_zero { Scale::Logarithmic } else { Scale::Linear };
        Axis::holding(measured.label, scale, places().map(|place| place.y))?
    };
    let title = format!("{} against training tokens", measured.title);
    Some(Chart::new(measured.id, title, Shape::Half, (x, y), series))
}

fn series(name: &str, look: usize, training: &[TrainingPoint], measured: &Measured) -> Series {
    let every = training.len().div_ceil(STRETCHES).max(1);
    // A stretch doesn't reach over a growth, where everything is another.
    let stages = training.chunk_by(|one, two| one.stage == two.stage);
    let stretch = |points: &[TrainingPoint]| {
        let last = points.last()?;
        let values: Vec<f64> =
            points.iter().filter_map(measured.value).filter(|value| value.is_finite()).collect();
        let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)?;
        let text = (measured.text)(mean);
        let title = format!("{name}: {text} at {} tokens (stage {})", tokens(last.tokens), last.stage);
        Some(Point { place: Place { x: last.tokens as f64, y: mean, band: None }, title })
    };
    let points = stages.flat_map(|stage| stage.chunks(every)).filter_map(stretch);
    Series {
        name: name.to_owned(),
        look: Look(look),
        kind: Kind::Line,
        lines: vec![points.collect()],
        mean: None,
        marks: Vec::new(),
    }
}
