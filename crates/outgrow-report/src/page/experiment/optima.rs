//! How the best place on an axis moves with size and budget: the minima, the laws through them, and what the paper's
//! equation gives. HTML text only.

use std::fmt::Write;

use outgrow_statistics::{Fit, Plane};

use crate::{
    experiment::{
        claims::words::{on_axis, with_interval},
        outcome::{Outcome, optimum_laws::OptimumLaw},
    },
    figures::{escape, flops, quantity, tokens},
    page::experiment::{table::table, words::budget},
};

/// How to read the tables.
pub(crate) const NOTE: &str = "The fitted minima, and whether they follow a law of size and budget; beside them what equation 2 of \
arXiv 2405.15319 gives, which was fitted to 410M to 3B and 8e19 to 1.2e21 FLOPs. Budgets along one curve share its \
runs, so their minima lie closer together than those of separate runs would.";

/// For each axis its minima and laws.
pub(crate) fn tables(outcome: &Outcome) -> String {
    let mut out = String::new();
    for law in &outcome.optimum_laws {
        let beside =
            if law.beside.is_empty() { String::new() } else { format!(", by {}", law.beside.join(", ")) };
        let _ = write!(out, "<h3>{}{}</h3>", escape(&law.axis), escape(&beside));
        if !law.points.is_empty() {
            out.push_str(&minima(law));
        }
        for said in laws(law) {
            let _ = write!(out, "<p>{}</p>", escape(&said));
        }
        for caveat in &law.caveats {
            let _ = write!(out, "<p class=\"none\">{}.</p>", escape(caveat));
        }
    }
    out
}

fn minima(law: &OptimumLaw) -> String {
    let axis = format!("best {} [95 %]", law.axis);
    let mut columns = vec![("budget", false), ("parameters", true), ("FLOPs", true), (axis.as_str(), true)];
    let is_in_tokens = law.points.iter().any(|point| point.tokens.is_some());
    if is_in_tokens {
        columns.extend([("in tokens", true), ("by the paper's equation 2", true)]);
    }
    table(
        &columns,
        law.points.iter().map(|point| {
            let mut cells = vec![
                budget(point.at),
                tokens(point.parameters),
                flops(point.flops),
                with_interval(on_axis(point.x), point.interval.as_ref(), on_axis),
            ];
            if is_in_tokens {
                cells.push(point.tokens.map_or_else(|| "–".to_owned(), |tokens| quantity(tokens, "")));
                cells.push(quantity(point.papers_tokens, ""));
            }
            cells
        }),
    )
}

/// The laws in words.
fn laws(law: &OptimumLaw) -> Vec<String> {
    let mut said = Vec::new();
    let what = if law.points.iter().all(|point| point.tokens.is_some()) {
        format!("{} in tokens", law.axis)
    } else {
        law.axis.clone()
    };
    if let Some(fit) = &law.over_flops {
        let PowerLawWords { scale, reference, exponent } = PowerLawWords::of(fit);
        said.push(format!(
            "At one size: {what} = {scale} · (C / {reference})^{exponent}{}.",
            judged(fit.beats_constant())
        ));
    }
    if let Some(fit) = &law.power_law {
        let Plane { first, second, .. } = fit.law;
        said.push(format!(
            "Power law: ln {what} = {} · ln N + {} · ln C + {}{}.",
            number(first),
            number(second),
            number(fit.law.level),
            judged(fit.beats_constant())
        ));
    }
    if let Some(fit) = &law.papers_form {
        said.push(format!(
            "The paper's form: log10 {what} = {} · log10 N + {} / log10 C + {}{}; the paper has 0.88, 163.27 and \u{2212}5.74{}.",
            number(fit.law.first),
            number(fit.law.second),
            number(fit.law.level),
            judged(fit.beats_constant()),
            preferred(law.power_law.as_ref(), fit)
        ));
    }
    said
}

/// A power law as it is written.
struct PowerLawWords {
    scale: String,
    reference: String,
    exponent: String,
}

impl PowerLawWords {
    fn of(fit: &Fit<outgrow_statistics::PowerLaw>) -> Self {
        Self {
            scale: on_axis(fit.law.scale),
            reference: flops(fit.law.reference),
            exponent: number(fit.law.exponent),
        }
    }
}

fn judged(beats_constant: bool) -> &'static str {
    if beats_constant { "" } else { ", which is no better than one place for all" }
}

/// Which of the two forms the points prefer.
fn preferred(power_law: Option<&Fit<Plane>>, papers: &Fit<Plane>) -> &'static str {
    let criteria = power_law.and_then(|law| law.criterion).zip(papers.criterion);
    match criteria {
        Some((ours, theirs)) if theirs < ours => ". By AICc the points prefer the paper's form",
        Some(_) => ". By AICc the points prefer the power law",
        None => "",
    }
}

fn number(value: f64) -> String {
    format!("{value:.2}").replace('-', "\u{2212}")
}
