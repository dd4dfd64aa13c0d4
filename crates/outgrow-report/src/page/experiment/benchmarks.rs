//! The benchmarks of an experiment: a table like the paper's, a row for each kind, and a row for each run. HTML text
//! only.

use outgrow_statistics::Interval;

use crate::{
    experiment::outcome::{
        Outcome,
        benchmarks::{BenchmarksOutcome, TaskOfKind, TaskOutcome},
        over_seeds::OverSeeds,
    },
    figures::escape,
    page::{
        document::left_out_on_paper,
        experiment::{differences::label, looks::Looks, table::table_of_html},
    },
};

/// How to read the table.
pub(crate) const NOTE: &str = "At the end of each run, as lm-evaluation-harness scores it; shares of right answers in percent. \
Mean of the seeds, below it its 95 % interval. \u{201c}At chance\u{201d}: guessing lies in that interval, or in the one that so many \
documents leave.";

/// A row for each kind, and folded a row for each run.
pub(crate) fn tables(outcome: &Outcome, looks: &Looks) -> String {
    let benchmarks = &outcome.benchmarks;
    let has_average = !benchmarks.averages.is_empty();
    let mut columns = vec![("kind".to_owned(), false)];
    // What the eye looks for first stands first.
    columns.extend(
        has_average.then(|| (format!("average<br><small>of {}</small>", benchmarks.averaged.len()), true)),
    );
    columns.extend(benchmarks.tasks.iter().map(|task| (head(task), true)));
    let kinds = outcome.kinds.iter().enumerate();
    let asked = kinds.filter(|(_, kind)| benchmarks.tasks.iter().any(|task| task.kind(&kind.name).is_some()));
    let rows = asked.map(|(index, kind)| {
        let mut cells = vec![format!("{}{}", looks.dot(index), escape(&kind.label))];
        if has_average {
            let average = benchmarks.averages.iter().find(|average| average.kind == kind.name);
            let over_seeds = average.map(|average| &average.over_seeds);
            cells.push(over_seeds.map_or_else(dash, |all| measured(all, true)));
        }
        cells.extend(benchmarks.tasks.iter().map(|task| of_kind(task, task.kind(&kind.name))));
        cells
    });
    let columns: Vec<(&str, bool)> =
        columns.iter().map(|(head, is_number)| (head.as_str(), *is_number)).collect();
    let table = table_of_html(&columns, rows).replacen("<table>", "<table class=\"measured\">", 1);
    table + &explanation(benchmarks) + &left_out_on_paper("Each run", &runs(outcome))
}

/// The task with its metric and what guessing gives.
fn head(task: &TaskOutcome) -> String {
    let direction = match task.higher_is_better {
        Some(true) => " ↑",
        Some(false) => " ↓",
        None => "",
    };
    let chance = task.chance.map_or_else(String::new, |chance| format!(", chance {:.0}", 100.0 * chance));
    let [task, metric] = [&task.task, &task.metric].map(|name| escape(name).replace('_', "_<wbr>"));
    format!("{task}<br><small>{metric}{direction}{chance}</small>")
}

fn of_kind(task: &TaskOutcome, found: Option<&TaskOfKind>) -> String {
    let Some(found) = found else { return dash() };
    let chance = if found.is_at_chance == Some(true) { "<small>at chance</small>" } else { "" };
    measured(&found.over_seeds, is_share(task)) + chance
}

fn is_share(task: &TaskOutcome) -> bool {
    matches!(task.metric.as_str(), "acc" | "acc_norm")
}

/// A mean with its interval below it.
fn measured(all: &OverSeeds, is_share: bool) -> String {
    let interval = all
        .interval
        .map_or_else(String::new, |interval| format!("<small>[{}]</small>", ends(&interval, is_share)));
    format!("{}{interval}", number(all.mean, is_share))
}

fn ends(interval: &Interval, is_share: bool) -> String {
    format!("{}, {}", number(interval.lower(), is_share), number(interval.upper(), is_share))
}

/// Shares in percent, as papers have them; perplexities with as many decimals as they are worth.
fn number(value: f64, is_share: bool) -> String {
    match value.abs() {
        _ if is_share => format!("{:.1}", 100.0 * value),
        small if small < 1000.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

fn dash() -> String {
    "–".to_owned()
}

/// What chance is, what the average is of, and what the intervals know.
fn explanation(benchmarks: &BenchmarksOutcome) -> String {
    let average = if benchmarks.averages.is_empty() {
        String::new()
    } else {
        format!("The average is the plain mean of {}. ", escape(&benchmarks.averaged.join(", ")))
    };
    format!(
        "<p class=\"lead after\">{average}Chance is one over the number of answers to choose from: two in PIQA, WinoGrande and \
         BoolQ, four in ARC (three or five in a few documents), LogiQA, SciQ, HellaSwag, OpenBookQA and MMLU. LAMBADA and \
         WikiText have no answers to choose from. All seeds answer the same documents: the interval over seeds says how \
         training scatters, and the binomial one of a run (by Wilson) what so few documents can tell.</p>"
    )
}

/// A row for each run and task.
fn runs(outcome: &Outcome) -> String {
    let columns = [
        ("kind", false),
        ("benchmark", false),
        ("seed", true),
        ("value", true),
        ("95 % by documents", true),
        ("documents", true),
    ];
    let tasks = outcome.benchmarks.tasks.iter();
    let rows = tasks.flat_map(|task| task.kinds.iter().map(move |kind| (task, kind)));
    let rows = rows.flat_map(|(task, kind)| {
        kind.seeds.iter().map(move |seed| {
            let is_share = is_share(task);
            vec![
                escape(&label(outcome, &kind.kind)),
                format!("{} <small>{}</small>", escape(&task.task), escape(&task.metric)),
                seed.seed.to_string(),
                number(seed.value, is_share),
                seed.interval.map_or_else(dash, |interval| ends(&interval, is_share)),
                task.documents.map_or_else(dash, |documents| documents.to_string()),
            ]
        })
    });
    table_of_html(&columns, rows)
}
