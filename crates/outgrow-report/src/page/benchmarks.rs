//! The benchmarks on the page: small charts with one legend, and a table of last values. HTML text only.

use std::fmt::Write;

use crate::{
    drawing::dress::Dress,
    figures::{escape, flops, measured, tokens},
    page::{benchmark_charts, swatch::swatch},
    report::{
        Report,
        benchmark::{Benchmark, BenchmarkRun},
    },
};

/// Benchmarks that are seen at once: MMLU alone has 57 subjects.
const SEEN: usize = 12;

/// What is on the charts.
pub(crate) fn charts_note(report: &Report) -> &'static str {
    match (report.has_several_seeds(), has_errors(report)) {
        (true, true) => {
            "Against exact FLOPs. Thick: mean of the seeds. Thin: each seed. Band: one standard error up and down."
        }
        (true, false) => "Against exact FLOPs. Thick: mean of the seeds. Thin: each seed.",
        (false, true) => "Against exact FLOPs. Band: one standard error up and down.",
        (false, false) => "Against exact FLOPs.",
    }
}

/// A chart per benchmark.
pub(crate) fn charts(report: &Report) -> String {
    let charts: Vec<String> = benchmark_charts::charts(report)
        .iter()
        .map(|(benchmark, chart)| {
            format!(
                "<figure><h3>{} <small>{}</small></h3>{}</figure>",
                escape(&benchmark.title()),
                escape(&benchmark.metric_with_direction()),
                chart.svg(Dress::Page)
            )
        })
        .collect();
    let grid = |charts: &[String]| format!("<div class=\"three\">{}</div>", charts.concat());
    legend(report) + &folded(&charts, grid)
}

/// What is in the table.
pub(crate) fn table_note(report: &Report) -> &'static str {
    if has_errors(report) {
        "The last evaluation of each run; below a value its standard error."
    } else {
        "The last evaluation of each run."
    }
}

/// A row per benchmark, a column per run that was evaluated by any.
pub(crate) fn table(report: &Report) -> String {
    let columns = columns(report);
    folded(report.benchmarks(), |benchmarks| rows(benchmarks, &columns))
}

/// The first of them seen, the others a click away.
fn folded<T>(all: &[T], content: impl Fn(&[T]) -> String) -> String {
    let (seen, others) = all.split_at(all.len().min(SEEN));
    let mut out = content(seen);
    if !others.is_empty() {
        let _ = write!(
            out,
            "<details class=\"more\"><summary>{} more</summary>{}</details>",
            others.len(),
            content(others)
        );
    }
    out
}

fn has_errors(report: &Report) -> bool {
    let runs = report.benchmarks().iter().flat_map(|benchmark| &benchmark.runs);
    runs.flat_map(|run| &run.values).any(|value| value.standard_error.is_some())
}

/// The methods that were evaluated by benchmarks, with their colours.
fn legend(report: &Report) -> String {
    let mut out = String::from("<p class=\"key\">");
    let mut methods = columns(report);
    methods.dedup_by_key(|column| column.colour);
    for Column { colour, label, .. } in methods {
        let _ = write!(out, "<span>{}{}</span>", swatch(colour), escape(label));
    }
    out.push_str("</p>");
    out
}

/// A run that was evaluated by benchmarks.
struct Column<'a> {
    /// Its method's place in the report, and so in the palette.
    colour: usize,
    label: &'a str,
    seed: u64,
}

fn columns(report: &Report) -> Vec<Column<'_>> {
    let methods = report.methods().iter().enumerate();
    let all = methods.flat_map(|(colour, method)| {
        method.runs.iter().map(move |run| Column { colour, label: &method.label, seed: run.seed })
    });
    let is_evaluated = |column: &Column<'_>| {
        report.benchmarks().iter().any(|benchmark| benchmark.run(column.label, column.seed).is_some())
    };
    all.filter(is_evaluated).collect()
}

fn rows(benchmarks: &[Benchmark], columns: &[Column<'_>]) -> String {
    let mut out = String::from(
        "<div class=\"scroll\"><table class=\"measured\"><thead><tr><th>benchmark</th><th>metric</th>",
    );
    for Column { colour, label, seed } in columns {
        let _ = write!(out, "<th class=\"n\">{}{}<br>seed {seed}</th>", swatch(*colour), escape(label));
    }
    out.push_str("</tr></thead><tbody>");
    for benchmark in benchmarks {
        let _ = write!(
            out,
            "<tr><td>{}</td><td class=\"whole\">{}</td>",
            escape(&benchmark.title()),
            escape(&benchmark.metric_with_direction())
        );
        for column in columns {
            out.push_str(&last_value(benchmark.run(column.label, column.seed)));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    out
}

/// A cell; pointing at it says when the value was measured.
fn last_value(run: Option<&BenchmarkRun>) -> String {
    let Some(last) = run.and_then(|run| run.values.last()) else {
        return "<td class=\"n\">–</td>".to_owned();
    };
    let (text, error) = match last.value {
        Some(value) => measured(value, last.standard_error),
        None => ("not finite".to_owned(), None),
    };
    // Below the value: beside it, six runs would be wider than the page.
    let error = error.map(|error| format!("<small>{error}</small>")).unwrap_or_default();
    format!(
        "<td class=\"n\" title=\"after {} tokens, {}\">{text}{error}</td>",
        tokens(last.tokens),
        flops(last.flops)
    )
}
