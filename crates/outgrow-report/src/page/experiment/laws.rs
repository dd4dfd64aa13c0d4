//! Laws of the loss over FLOPs, with bands and what they foretell; and their numbers as tables.

use crate::{
    drawing::{
        axis::{Axis, Scale},
        chart::{Chart, Kind, Place, Point, Range, Series, Shape},
        mark::Look,
        picture::Picture,
    },
    experiment::{
        claims::words::with_interval,
        outcome::{
            laws::{LawBandPoint, LawForm, LawOutcome},
            over_seeds::OverSeeds,
            two_laws::ForetoldSpeedUp,
        },
    },
    figures::{flops, loss, prefix, signed_percent, tokens},
    page::experiment::table::table,
};

/// How far beyond the largest FLOPs the drawing goes: farther, a band says more about the form than about the runs.
const SHOWN_BEYOND: f64 = 30.0;

/// Runs as rings, laws as lines, extrapolations dashed.
pub(crate) fn picture(id: &str, title: &str, laws: &[LawOutcome]) -> Result<Picture, String> {
    let paid = || laws.iter().flat_map(|law| &law.points).filter_map(|point| point.flops);
    let largest = paid().fold(0.0, f64::max);
    let mut series = Vec::new();
    for (index, law) in laws.iter().enumerate() {
        let look = Look(index);
        let (foretold, fitted): (Vec<&LawBandPoint>, Vec<&LawBandPoint>) = law
            .band
            .iter()
            .filter(|point| point.flops <= SHOWN_BEYOND * largest)
            .partition(|point| point.extrapolated);
        // The dashed line begins where the other ends.
        let foretold = fitted.last().copied().into_iter().chain(foretold);
        let line = |name: &str, kind, points: Vec<Point>| Series {
            name: name.to_owned(),
            look,
            kind,
            lines: vec![points],
            mean: None,
            marks: Vec::new(),
        };
        let of_law = |point: &LawBandPoint| of_law(&law.label, point);
        series.push(line("", Kind::Foretold, foretold.map(of_law).collect()));
        series.push(line(&law.label, Kind::Line, fitted.iter().map(|point| of_law(point)).collect()));
        series.push(line("", Kind::Dots, runs(law)));
    }
    let places = || series.iter().flat_map(|series| series.lines.iter().flatten()).map(|point| point.place);
    let ends = |place: Place| {
        let (low, high) = place.band.unwrap_or((place.y, place.y));
        [place.y, low, high]
    };
    // A wide band at the far end must not press everything else together: as low and high as lines and runs, and half
    // of that beyond.
    let logs = places().map(|place| place.y).filter(|y| *y > 0.0).map(f64::ln);
    let (low, high) =
        logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)));
    let room = 0.3 * (high - low).max(0.05);
    let (low, high) = ((low - room).exp(), (high + room).exp());
    let held = places().flat_map(ends).filter(|y| *y > 0.0).map(|y| y.clamp(low, high));
    let y = Axis::holding("validation loss", Scale::Logarithmic, held.collect::<Vec<f64>>().into_iter());
    let x = Axis::holding("", Scale::Logarithmic, places().map(|place| place.x));
    let (Some(mut x), Some(y)) = (x, y) else {
        return Err("Nothing is drawn yet: a law takes finished runs of three sizes.".to_owned());
    };
    let (unit, prefix) = prefix(x.high);
    x.label = format!("training {prefix}FLOP, exact, base included");
    let mut chart = Chart::new(
        id,
        format!("{title}: validation loss against FLOPs"),
        Shape::Whole,
        (x.in_units(unit), y),
        series,
    );
    if chart.x.high > largest * 1.5 {
        let to = chart.x.high;
        chart.ranges.push(Range { from: largest, to, text: "nothing was run here".to_owned() });
    }
    Ok(Picture::Chart(chart))
}

fn of_law(label: &str, point: &LawBandPoint) -> Point {
    let band = point.interval.map(|interval| (interval.lower(), interval.upper()));
    let extrapolated = if point.extrapolated { ", extrapolated" } else { "" };
    let title = format!(
        "{label}: {} at {}{extrapolated}",
        with_interval(loss(point.loss), point.interval.as_ref(), loss),
        flops(point.flops)
    );
    Point { place: Place { x: point.flops, y: point.loss, band }, title }
}

fn runs(law: &LawOutcome) -> Vec<Point> {
    let mut points = Vec::new();
    for point in &law.points {
        let (Some(paid), Some(all)) = (point.flops, &point.loss) else { continue };
        for found in &all.seeds {
            let title = format!(
                "{}, seed {}: loss {} at {}",
                point.label,
                found.seed,
                loss(found.value),
                flops(paid)
            );
            points.push(Point { place: Place { x: paid, y: found.value, band: None }, title });
        }
    }
    points
}

fn form(form: LawForm) -> &'static str {
    match form {
        LawForm::PowerLaw => "a·C^b",
        LawForm::WithFloor => "E + a·C^b",
    }
}

/// The points, the laws' numbers, and what they foretell.
pub(crate) fn tables(laws: &[LawOutcome], speed_ups: &[ForetoldSpeedUp]) -> String {
    let points = table(
        &[
            ("law", false),
            ("kind", false),
            ("parameters", true),
            ("FLOPs", true),
            ("seeds", true),
            ("final loss [95 %]", true),
        ],
        laws.iter().flat_map(|law| law.points.iter().map(move |point| (law, point))).map(|(law, point)| {
            let all = point.loss.as_ref();
            vec![
                law.label.clone(),
                point.label.clone(),
                point.parameters.map_or_else(|| "–".to_owned(), tokens),
                point.flops.map_or_else(|| "–".to_owned(), flops),
                all.map_or(0, OverSeeds::count).to_string(),
                all.map_or_else(
                    || "–".to_owned(),
                    |all| with_interval(loss(all.mean), all.interval.as_ref(), loss),
                ),
            ]
        }),
    );
    let number = |value: f64| format!("{value:.4}").replace('-', "\u{2212}");
    let numbers = table(
        &[("law", false), ("form", false), ("number", false), ("estimate [95 %]", true), ("", false)],
        laws.iter().flat_map(|law| law.numbers.iter().map(move |found| (law, found))).map(|(law, found)| {
            vec![
                law.label.clone(),
                form(found.form).to_owned(),
                found.name.clone(),
                with_interval(number(found.estimate), found.interval.as_ref(), number),
                if law.preferred == Some(found.form) {
                    "preferred, by AICc".to_owned()
                } else {
                    String::new()
                },
            ]
        }),
    );
    let caveats = || laws.iter().flat_map(|law| law.caveats.iter().map(move |why| (law, why)));
    let caveats = if caveats().next().is_none() {
        String::new()
    } else {
        table(
            &[("law", false), ("what to know", false)],
            caveats().map(|(law, why)| vec![law.label.clone(), why.clone()]),
        )
    };
    let foretold = table(
        &[
            ("law", false),
            ("against", false),
            ("form", false),
            ("at", true),
            ("loss there", true),
            ("speed-up [95 %]", true),
            ("", false),
        ],
        speed_ups.iter().map(|found| {
            vec![
                found.of.clone(),
                found.against.clone(),
                form(found.form).to_owned(),
                flops(found.flops),
                loss(found.loss),
                found.speed_up.map_or_else(
                    || "never reached".to_owned(),
                    |speed_up| {
                        with_interval(signed_percent(speed_up), found.interval.as_ref(), signed_percent)
                    },
                ),
                if found.extrapolated { "extrapolation".to_owned() } else { String::new() },
            ]
        }),
    );
    let foretold = if speed_ups.is_empty() {
        String::new()
    } else {
        format!("<h3>Speed-ups that the laws give</h3>{foretold}")
    };
    format!("<h3>Runs</h3>{points}<h3>Laws</h3>{numbers}{caveats}{foretold}")
}
