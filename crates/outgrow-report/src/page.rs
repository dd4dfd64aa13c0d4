//! The page: headline, charts, tables, stages, recipes, and what the numbers mean. One file, no script, nothing
//! fetched.

mod document;
mod plot;
mod swatch;

mod charts;
mod training_charts;
mod tables;
mod conditions;

mod benchmark_charts;
mod benchmarks;

mod growths;
mod timeline;

mod experiment;

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::{
    drawing::{chart::Chart, dress::colour_class},
    figures::{escape, flops, signed_percent, tokens},
    page::{
        document::{begin, end, section},
        plot::plot,
        swatch::swatch,
    },
    report::{Report, comparison::Comparison, speed_up::mean},
    run::record::RunRecord,
};

/// How to read the numbers.
const MEANING: &str = "\
<dt>Speed-up at equal loss</dt><dd>FLOPs of scratch ÷ FLOPs of the grown run − 1, each counted up to where its validation loss first \
reaches the same value. +50 % means that scratch needs 1.5 times as many FLOPs, or that growing saves a third. The grown run pays \
for its small base model too. It is read at the final loss of scratch with the same seed; where a grown run never gets there, at \
its own final loss, and then the number is negative if the budgets are equal.</dd>\
<dt>What is compared</dt><dd>Runs whose validation data, tokenizer, sequence length and number of validation sequences are the same, by \
SHA-256 where there are bytes, whose training data is the same, and whose final models are. There is no speed-up between others: their \
losses are numbers of two kinds, or a smaller model is cheaper without any growth. A run that doesn't record these is compared, and the \
sentence says that this is unknown.</dd>\
<dt>FLOPs, exact</dt><dd>Matrix products and causal attention: two FLOPs a multiply-add, forward once, backward twice that; \
the embedding table is looked up and costs nothing, the head counts. Frozen layers cost their forward only. \
This is what the headline uses.</dd>\
<dt>FLOPs, 6·N·T</dt><dd>Six times all parameters, embeddings and head included, times tokens, as the figures of \
arXiv 2405.15319 count. It knows nothing of freezing.</dd>\
<dt>Base</dt><dd>A run that began with a model that there was pays for all of it: tokens and FLOPs of its training are in every number \
and curve, and two runs on one base each pay. Where they aren't known, the curve is without them, and there is no speed-up in FLOPs.</dd>\
<dt>Spread</dt><dd>Lowest and highest of the seeds. Runs with one seed see the same data in the same order and are compared with \
each other, never with another seed.</dd>";

/// The paper's numbers beside those of G_stack, and why they differ.
const MEANING_OF_THE_PAPER: &str = "\
<dt>Beside the paper</dt><dd>For G_stack arXiv 2405.15319 has +49.1 % at 1.1 B parameters (Fig. 3) and +54.6 % at 7 B and 300 B tokens \
(Fig. 1). These are single runs, counted as 6·N·T and read at one loss each, without an error bar. Smaller models, shorter trainings and \
learning rates that have come down differ from them by more than seeds do; what holds at which size, an experiment says \
(<code>outgrow experiment scaling</code>).</dd>";

/// How to read the benchmarks.
const MEANING_OF_BENCHMARKS: &str = "\
<dt>Benchmarks</dt><dd>As lm-evaluation-harness scores and names them: acc_norm where a task has it, otherwise acc, of WikiText the \
word perplexity. Runs that were asked other documents, or with other examples, by a task of the same name stand apart. Single values that would cover each other stand side by side.</dd>\
<dt>± and bands</dt><dd>One standard error over a benchmark's documents, where the runs computed it. It says nothing of seeds. \
Around a mean of seeds it is the mean of theirs: all answer the same documents, so their errors need not average out.</dd>";

impl Report {
    /// One self-contained page: no script, and nothing is fetched from anywhere.
    pub fn html(&self) -> String {
        page(self)
    }
}

fn page(report: &Report) -> String {
    let mut out = String::with_capacity(200_000);
    let title = title(report);
    begin(&mut out, title, &facts(report));
    out.push_str(&headline(report));
    figure(
        &mut out,
        charts::end(report),
        "Validation loss against exact FLOPs",
        if report.has_several_seeds() {
            "Thick: mean of the seeds. Thin: each seed. Dotted: where the final loss of scratch is reached."
        } else {
            "Dotted: where the final loss of scratch is reached."
        },
    );
    out.push_str("<div class=\"two\">");
    figure(&mut out, charts::against_flops(report), "The whole way", "FLOPs on a logarithmic axis.");
    figure(
        &mut out,
        charts::against_tokens(report),
        "Against tokens",
        "The same evaluations; a token costs a small model less.",
    );
    out.push_str("</div>");
    if report.comparisons().iter().any(|comparison| comparison.exact_flops.is_some()) {
        section(
            &mut out,
            "Speed-up at several losses",
            if report.has_several_seeds() {
                "At the losses that scratch has at 30 to 90 % of its budget, mean of the seeds."
            } else {
                "At the losses that scratch has at 30 to 90 % of its budget."
            },
            &tables::at_losses(report),
        );
        section(
            &mut out,
            "Speed-up by seed",
            "In exact FLOPs, and beside that by other accounts.",
            &tables::by_seed(report),
        );
    }
    if !report.benchmarks().is_empty() {
        let (note, charts) = (benchmarks::charts_note(report), benchmarks::charts(report));
        section(&mut out, "Benchmarks", note, &charts);
        let (note, table) = (benchmarks::table_note(report), benchmarks::table(report));
        section(&mut out, "Benchmarks, last values", note, &table);
    }
    section(
        &mut out,
        "Stages",
        "As long as their exact FLOPs, first seed; the learning rate below each. A wide gap is a growth.",
        &timeline::timelines(report),
    );
    if !growths::rows(report).is_empty() {
        section(&mut out, "Growths", growths::NOTE, &growths::table("method", &growths::rows(report)));
    }
    out.push_str("<div class=\"two\">");
    figure(&mut out, charts::learning_rate(report), "Learning rate", "First seed of each method.");
    for (chart, heading) in [
        (training_charts::training_loss(report), "Training loss"),
        (training_charts::gradient_norm(report), "Gradient norm"),
        (training_charts::throughput(report), "Throughput"),
    ] {
        figure(&mut out, chart, heading, "First seed of each method; means of stretches of steps.");
    }
    out.push_str("</div>");
    section(&mut out, "Runs", "The final loss is that of the last validation.", &tables::runs(report));
    section(
        &mut out,
        "What ran, and on what",
        "First seed of each method. An epoch is once through the training data; time is that of the steps.",
        &conditions::table(report),
    );
    let of_benchmarks = if report.benchmarks().is_empty() { "" } else { MEANING_OF_BENCHMARKS };
    let is_stacked = report.comparisons().iter().any(|comparison| comparison.label.starts_with("G_stack"));
    let of_the_paper = if is_stacked { MEANING_OF_THE_PAPER } else { "" };
    section(
        &mut out,
        "What the numbers mean",
        "",
        &format!("<dl>{MEANING}{of_the_paper}{of_benchmarks}</dl>"),
    );
    let _ = writeln!(
        out,
        "<section class=\"recipes\"><h2>Recipes</h2><p class=\"lead\">As resolved by the first seed of each method.</p>{}</section>",
        recipes(report)
    );
    end(&mut out);
    out
}

fn title(report: &Report) -> &'static str {
    match report.baseline() {
        Some(_) if !report.comparisons().is_empty() => "Growing against training from scratch",
        _ => "Training runs",
    }
}

/// One line: how many runs, of what, on what.
fn facts(report: &Report) -> String {
    let runs = report.records();
    let several = |values: BTreeSet<String>| values.into_iter().collect::<Vec<_>>().join(", ");
    let of = |value: fn(&RunRecord) -> String| several(runs.iter().map(value).collect());
    let seeds: BTreeSet<u64> = runs.iter().map(|run| run.seed).collect();
    let spent: Vec<f64> =
        report.methods().iter().flat_map(|method| &method.runs).map(|run| run.flops).collect();
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let mut facts = vec![
        count(runs.len(), "run"),
        count(seeds.len(), "seed"),
        format!("{} parameters", of(|run| tokens(run.parameters))),
        format!("{} a run", flops(mean(&spent).unwrap_or(0.0))),
        of(|run| run.device.clone()),
        format!("Outgrow {}", of(|run| run.version.clone())),
    ];
    facts.retain(|fact| !fact.is_empty());
    facts.iter().map(|fact| escape(fact)).collect::<Vec<_>>().join(" · ")
}

/// A card for each method: the number large, the sentence below it.
fn headline(report: &Report) -> String {
    let mut out = String::from("<section class=\"cards head\">");
    let comparisons = report.comparisons();
    for (index, sentence) in report.sentences().iter().enumerate() {
        let (label, rest) = sentence.split_once(": ").unwrap_or(("", sentence));
        let colour = if comparisons.is_empty() { index } else { index + 1 };
        let _ = write!(
            out,
            "<div class=\"card c{}\"><h2>{}{}</h2>{}<p>{}</p></div>",
            colour_class(colour),
            swatch(colour),
            escape(label),
            comparisons.get(index).map(number).unwrap_or_default(),
            escape(rest)
        );
    }
    out.push_str("</section>");
    out
}

fn number(comparison: &Comparison) -> String {
    let Some(speed_up) = &comparison.exact_flops else { return String::new() };
    let class = if speed_up.mean < 0.0 { "number lost" } else { "number" };
    format!(
        "<div class=\"{class}\">{}<small>speed-up at equal loss</small></div>",
        signed_percent(speed_up.mean)
    )
}

fn figure(out: &mut String, chart: Option<Chart>, heading: &str, note: &str) {
    if let Some(chart) = chart {
        let _ = writeln!(
            out,
            "<section><h2>{heading}</h2><p class=\"lead\">{note}</p>{}</section>",
            plot(&chart)
        );
    }
}

fn recipes(report: &Report) -> String {
    let mut out = String::new();
    for (label, run) in charts::first_records(report) {
        // `Value` always has a text; its `#` form is the indented one.
        let _ = write!(
            out,
            "<details><summary>{}: {}</summary><pre>{}</pre><h3>Model</h3><pre>{}</pre></details>",
            escape(label),
            escape(&run.name),
            escape(&format!("{:#}", run.recipe)),
            escape(&format!("{:#}", run.model)),
        );
    }
    out
}
