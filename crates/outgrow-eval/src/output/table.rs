//! The table that `lm_eval` prints, column by column as its table writer lays them out, and the row of "Stacking Your
//! Transformers". It computes nothing but the row's average.

use crate::{
    evaluation::{Evaluation, MetricResult},
    output::results::num_fewshot,
    tasks::task::Metric,
};

const HEADERS: [&str; 9] = ["Tasks", "Version", "Filter", "n-shot", "Metric", "", "Value", "", "Stderr"];

impl Evaluation<'_> {
    /// The table of all tasks and groups, and one of the groups if there are any.
    pub fn table(&self) -> String {
        let mut lines = Vec::new();
        let mut group_lines = Vec::new();
        let is_inner =
            |name: &str| self.groups.iter().any(|outer| outer.group.member_names().contains(&name));
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|outcome| outcome.group.name);
        for outcome in groups.iter().filter(|outcome| !is_inner(outcome.group.name)) {
            add_group(self, outcome.group.name, 0, &mut lines, &mut group_lines);
        }
        let mut alone: Vec<_> = self.tasks.iter().map(|outcome| outcome.planned.task.name).collect();
        alone.retain(|name| !is_inner(name));
        alone.sort_unstable();
        for name in alone {
            add_task(self, name, 0, &mut lines);
        }
        let all = laid_out(&HEADERS, &lines);
        if group_lines.is_empty() {
            return all;
        }
        let mut headers = HEADERS;
        headers[0] = "Groups";
        [all, laid_out(&headers, &group_lines)].join("\n")
    }

    /// The row of arXiv 2405.15319 for a model: accuracies in percent, cut off after two decimals as they are there;
    /// their average, which is the plain mean of the seven; Wikitext's word perplexity. `None` unless all eight tasks
    /// are there.
    pub fn paper_row(&self) -> Option<Vec<(&'static str, String)>> {
        let values =
            PAPER_COLUMNS.iter().map(|&(name, task, metric)| Some((name, self.result(task, metric)?.value)));
        let values = values.collect::<Option<Vec<_>>>()?;
        let (accuracies, perplexity) = values.split_at(values.len() - 1);
        let average = accuracies.iter().map(|(_, value)| value).sum::<f64>() / accuracies.len() as f64;
        let percent = |value: f64| cut_off(100.0 * value);
        let row = accuracies.iter().map(|&(name, value)| (name, percent(value)));
        let row = row.chain([("Avg.", percent(average))]);
        Some(row.chain(perplexity.iter().map(|&(name, value)| (name, cut_off(value)))).collect())
    }
}

type Line = [String; 9];

/// A group with what is in it, each level one space further in.
fn add_group(
    evaluation: &Evaluation<'_>,
    name: &str,
    depth: usize,
    lines: &mut Vec<Line>,
    groups: &mut Vec<Line>,
) {
    let Some(outcome) = evaluation.groups.iter().find(|outcome| outcome.group.name == name) else { return };
    let shots = num_fewshot(evaluation, outcome).map_or_else(|| " ".into(), |shots| shots.to_string());
    let head = [indented(outcome.group.alias, depth), outcome.group.version.to_string(), shots];
    let line = line(&head, &outcome.result, outcome.group.has_tasks());
    lines.push(line.clone());
    groups.push(line);
    let mut members = outcome.group.member_names();
    members.sort_unstable();
    for member in members {
        add_group(evaluation, member, depth + 1, lines, groups);
        add_task(evaluation, member, depth + 1, lines);
    }
}

fn add_task(evaluation: &Evaluation<'_>, name: &str, depth: usize, lines: &mut Vec<Line>) {
    let Some(outcome) = evaluation.tasks.iter().find(|outcome| outcome.planned.task.name == name) else {
        return;
    };
    let task = outcome.planned.task;
    let mut results: Vec<_> = outcome.results.iter().collect();
    results.sort_by_key(|result| format!("{},none", result.metric.name()));
    for (index, result) in results.into_iter().enumerate() {
        let first = index == 0;
        let head = [
            if first { indented(task.display_name(), depth) } else { String::new() },
            if first { format!("{}", task.version) } else { String::new() },
            outcome.planned.num_fewshot.to_string(),
        ];
        lines.push(line(&head, result, true));
    }
}

fn indented(name: &str, depth: usize) -> String {
    if depth == 0 { name.to_owned() } else { format!("{}- {name}", " ".repeat(depth)) }
}

fn line([name, version, shots]: &[String; 3], result: &MetricResult, has_direction: bool) -> Line {
    let direction = match (has_direction, result.metric.higher_is_better()) {
        (false, _) => "",
        (true, true) => "↑",
        (true, false) => "↓",
    };
    let error = result.standard_error.map_or_else(|| "   N/A".into(), |error| format!("{error:.4}"));
    let texts = [name, version, "none", shots, result.metric.name(), direction];
    let [name, version, filter, shots, metric, direction] = texts.map(str::to_owned);
    [name, version, filter, shots, metric, direction, format!("{:.4}", result.value), "±".into(), error]
}

/// A cell as the table writer reads it: whatever looks like a number is one.
enum Cell<'a> {
    Text(&'a str),
    Whole(String),
    Real(&'a str),
    NotFinite(&'static str),
}

fn cell(text: &str) -> Cell<'_> {
    let sign = text.strip_prefix('-').unwrap_or(text);
    if matches!(sign, "inf" | "NaN") {
        return Cell::NotFinite(if sign == "inf" { "Infinity" } else { "NaN" });
    }
    if sign.is_empty() || !sign.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Cell::Text(text);
    }
    match text.split_once('.') {
        Some((whole, decimals)) if decimals.bytes().all(|byte| byte == b'0') => Cell::Whole(whole.to_owned()),
        Some(_) => Cell::Real(text),
        None => Cell::Whole(text.to_owned()),
    }
}

/// One column's texts, whether its cells stand at the right, and whether the column does.
struct Column {
    texts: Vec<(String, bool)>,
    right: bool,
}

/// A column with real numbers shows all of its numbers with as many decimals as the one with most of them has. With a
/// text among them, each number is shown by itself.
fn column(texts: &[&str]) -> Column {
    let cells: Vec<Cell<'_>> = texts.iter().map(|text| cell(text)).collect();
    let decimals = cells.iter().filter_map(|cell| match cell {
        Cell::Real(text) => text.split_once('.').map(|(_, decimals)| decimals.trim_end_matches('0').len()),
        Cell::Text(_) | Cell::Whole(_) | Cell::NotFinite(_) => None,
    });
    let decimals = decimals.max();
    let has_text = cells.iter().any(|cell| matches!(cell, Cell::Text(text) if !text.trim().is_empty()));
    let has_number = cells.iter().any(|cell| matches!(cell, Cell::Whole(_) | Cell::Real(_)));
    let shown = |cell: &Cell<'_>| match cell {
        Cell::Text(text) => ((*text).to_owned(), false),
        Cell::Whole(text) => match decimals.filter(|_| !has_text) {
            Some(decimals) => (format!("{text}.{}", "0".repeat(decimals)), true),
            None => (text.clone(), true),
        },
        Cell::Real(text) => {
            let end = text.find('.').map_or(text.len(), |point| point + 1 + decimals.unwrap_or(0));
            (text.get(..end).unwrap_or(text).to_owned(), true)
        }
        Cell::NotFinite(text) => ((*text).to_owned(), has_number && !has_text),
    };
    Column { texts: cells.iter().map(shown).collect(), right: has_number && !has_text }
}

/// Markdown, headers in the middle.
fn laid_out(headers: &[&str; 9], lines: &[Line]) -> String {
    let columns: Vec<_> = (0..headers.len())
        .map(|index| column(&lines.iter().map(|line| line[index].as_str()).collect::<Vec<_>>()))
        .collect();
    let length = |text: &str| text.chars().count();
    let width = |(header, column): (&&str, &Column)| {
        let cells = column.texts.iter().map(|(text, _)| length(text));
        cells.max().unwrap_or(0).max(length(header)).max(3)
    };
    let widths: Vec<usize> = headers.iter().zip(&columns).map(width).collect();
    let row = |cells: Vec<String>| format!("|{}|\n", cells.join("|"));
    let mut table =
        row(headers.iter().zip(&widths).map(|(header, width)| format!("{header:^width$}")).collect());
    let ruled = columns.iter().zip(&widths).map(|(column, width)| {
        if column.right { format!("{}:", "-".repeat(width - 1)) } else { "-".repeat(*width) }
    });
    table += &row(ruled.collect());
    for index in 0..lines.len() {
        let cells = columns.iter().zip(&widths).map(|(column, &width)| match &column.texts[index] {
            (text, true) => format!("{text:>width$}"),
            (text, false) => format!("{text:<width$}"),
        });
        table += &row(cells.collect());
    }
    table
}

/// The columns of the paper's tables.
const PAPER_COLUMNS: [(&str, &str, Metric); 8] = [
    ("Lambada", "lambada_openai", Metric::Accuracy),
    ("ARC-c", "arc_challenge", Metric::NormalizedAccuracy),
    ("ARC-e", "arc_easy", Metric::NormalizedAccuracy),
    ("Logiqa", "logiqa", Metric::NormalizedAccuracy),
    ("PIQA", "piqa", Metric::NormalizedAccuracy),
    ("Sciq", "sciq", Metric::NormalizedAccuracy),
    ("Winogrande", "winogrande", Metric::Accuracy),
    ("Wikitext", "wikitext", Metric::WordPerplexity),
];

/// Two decimals, not rounded. A whole hundredth that came out a rounding error too small stays whole: the parts of so
/// few documents lie much further apart.
fn cut_off(value: f64) -> String {
    format!("{:.2}", (value * 100.0 + 1e-7).floor() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_cut_off_and_not_rounded() {
        let counts = [(188, 651), (2758, 5153), (29, 100), (1, 1)];
        let shown = counts.map(|(right, all)| cut_off(100.0 * f64::from(right) / f64::from(all)));
        assert_eq!(shown, ["28.87", "53.52", "29.00", "100.00"]);
    }

    #[test]
    fn columns_show_as_many_decimals_as_their_longest_number_has() {
        let shown =
            |texts: &[&str]| column(texts).texts.into_iter().map(|(text, _)| text).collect::<Vec<_>>();
        assert_eq!(shown(&["0.5000"]), ["0.5"]);
        assert_eq!(shown(&["0.0000", "0.2500"]), ["0.00", "0.25"]);
        assert_eq!(shown(&["1.0000", "0.0000"]), ["1", "0"]);
        assert_eq!(shown(&["   N/A", "0.0000", "0.3330"]), ["   N/A", "0", "0.333"]);
        assert_eq!(shown(&["inf", "0.3333"]), ["Infinity", "0.3333"]);
    }
}
