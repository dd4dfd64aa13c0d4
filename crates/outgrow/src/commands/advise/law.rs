//! What the fits of an experiment say of a budget: losses, the speed-up that follows from them, and minima. How sure
//! the fits are stands in the experiment's report.

use outgrow_report::{FittedLaw, FittedOptimum, FittedSeries};
use serde_json::{Value, json};

use crate::terminal::figures::count;

/// A few lines for a budget of so many exact FLOPs.
pub(super) fn text(law: &FittedLaw, flops: f64) -> String {
    let mut lines = vec![format!("Fits of {} at scale {}:", law.experiment, law.scale)];
    for series in &law.laws {
        let Some(loss) = series.loss_at(flops) else { continue };
        let ahead = speed_up(law, series, flops).map(|(first, speed_up)| {
            format!("; {} needs {:+.0} % FLOPs for that", first.label, 100.0 * speed_up)
        });
        lines.push(format!(
            "- {}: a loss of {loss:.3}{}{}.",
            series.label,
            ahead.unwrap_or_default(),
            distance(series, flops)
        ));
    }
    lines.extend(law.optima.iter().map(of_optimum));
    lines.push(
        "Losses are those of that experiment's text and tokenizer. It is of one size and shape of model."
            .into(),
    );
    lines.join("\n") + "\n"
}

/// The same for a program.
pub(super) fn to_json(law: &FittedLaw, flops: f64) -> Value {
    let series = law.laws.iter().map(|series| {
        json!({ "label": series.label, "loss": series.loss_at(flops), "extrapolated": series.is_extrapolated(flops),
            "speed_up": speed_up(law, series, flops).map(|(_, speed_up)| speed_up) })
    });
    json!({ "experiment": law.experiment, "scale": law.scale, "laws": series.collect::<Vec<_>>(), "optima": law.optima })
}

/// What the first series pays more than another one for the same loss; `None` of the first itself.
fn speed_up<'a>(law: &'a FittedLaw, series: &FittedSeries, flops: f64) -> Option<(&'a FittedSeries, f64)> {
    let first = law.laws.first().filter(|first| *first != series)?;
    let needed = first.flops_for(series.loss_at(flops)?)?;
    Some((first, needed / flops - 1.0)).filter(|(_, speed_up)| speed_up.is_finite())
}

/// How far a budget lies from what was measured.
fn distance(series: &FittedSeries, flops: f64) -> String {
    if !series.is_extrapolated(flops) {
        return String::new();
    }
    let (least, most) = (series.least_flops, series.most_flops);
    let times = if flops > most { flops / most } else { least / flops };
    let side = if flops > most { "beyond" } else { "below" };
    format!(" (extrapolated: {times:.1} times {side} what was measured, {least:.1e} to {most:.1e} FLOPs)")
}

fn of_optimum(optimum: &FittedOptimum) -> String {
    let FittedOptimum { axis, parameters, flops, at: _, x, interval } = optimum;
    let interval = interval.map(|interval| format!(" [{:.3}, {:.3}]", interval.lower(), interval.upper()));
    let parameters = parameters.map(|parameters| format!("{} parameters and ", count(parameters)));
    format!(
        "- the best {axis} at {}{flops:.1e} FLOPs: {x:.3}{}, as the experiment's file counts it.",
        parameters.unwrap_or_default(),
        interval.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn law() -> FittedLaw {
        let series = |label: &str, scale: f64| {
            json!({ "label": label, "kinds": [label], "seeds": [1, 2], "least_flops": 1e11, "most_flops": 1e12,
                "preferred": "power-law", "with_floor": null,
                "power_law": { "reference": 1.0, "scale": scale, "exponent": -0.1 } })
        };
        let law = json!({ "format": 1, "experiment": "law", "scale": "nano",
            "program": { "version": "0.1.0", "training_code": "0" },
            "laws": [series("scratch", 80.0), series("G_stack", 76.0)],
            "optima": [{ "axis": "d", "parameters": 700_000, "flops": 7e11, "at": 1.0, "x": 0.25,
                "interval": { "lower": 0.2, "upper": 0.31 } }] });
        serde_json::from_value(law).unwrap()
    }

    #[test]
    fn within_what_was_measured_nothing_is_extrapolated() {
        let text = text(&law(), 5e11);
        assert!(text.contains("G_stack: a loss of ") && !text.contains("extrapolated"), "{text}");
        // (80 / 76)^10 - 1
        assert!(text.contains("scratch needs +67 % FLOPs for that"), "{text}");
        assert!(
            text.contains("the best d at 700.0 k parameters and 7.0e11 FLOPs: 0.250 [0.200, 0.310]"),
            "{text}"
        );
    }

    #[test]
    fn beyond_it_the_distance_is_said() {
        let text = text(&law(), 5e13);
        assert!(
            text.contains("(extrapolated: 50.0 times beyond what was measured, 1.0e11 to 1.0e12 FLOPs)"),
            "{text}"
        );
        assert_eq!(to_json(&law(), 5e13)["laws"][1]["extrapolated"], true);
    }
}
