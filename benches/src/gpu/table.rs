//! One table of all that was measured, whoever measured it: results.jsonl as text for a screen.
//!
//! A measurement that is missing leaves a gap; a line that isn't understood is passed over, as a part that was killed
//! may have cut its last.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::Path,
};

use anyhow::Context;
use serde_json::Value;

use super::models::Model;

/// Prints the table of the file.
pub(crate) fn print(results: &Path) -> anyhow::Result<()> {
    let text = fs::read_to_string(results).with_context(|| format!("reading `{}`", results.display()))?;
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    io::stdout().lock().write_all(table(&lines).as_bytes())?;
    Ok(())
}

fn table(lines: &[Value]) -> String {
    let peak = peak(lines);
    let sections = [
        section("part", &["program", "ended", "s", "why"], endings(lines)),
        section("first step", &["agrees", "difference", "first s"], first_steps(lines)),
        section(
            "training step",
            &["program", "ms", "tokens/s", "% full", "% exact", "GB", "first s"],
            steps(lines, peak),
        ),
        section("product, TFLOP/s", &["outgrow NT", "NN", "TN", "PyTorch NT", "NN", "TN"], products(lines)),
        section("time", &["program", "ms", "first s", "TFLOP/s", "GB/s"], times(lines)),
        section("not measured", &["program", "why"], errors(lines)),
    ];
    let mut table = sections.into_iter().flatten().collect::<Vec<_>>().join("\n");
    if peak.is_some() {
        let _ = writeln!(table, "\n100 % is {} TFLOP/s, the fastest product of bf16 above.", rate(peak));
    }
    table
}

/// Rows with a name each, under a heading; nothing where there are none.
fn section(name: &str, columns: &[&str], rows: Vec<Vec<String>>) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let heading = std::iter::once(name).chain(columns.iter().copied()).map(str::to_owned).collect();
    let rows = std::iter::once(heading).chain(rows).collect::<Vec<Vec<String>>>();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..=columns.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    Some(text)
}

fn text(line: &Value, key: &str) -> String {
    line[key].as_str().unwrap_or("").to_owned()
}

/// A number with so many digits behind its point, or nothing.
fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.digits$}"))
}

/// A rate with three digits or so, from a processor's to a GPU's.
fn rate(value: Option<f64>) -> String {
    let digits = match value {
        Some(value) if value >= 10.0 => 0,
        Some(value) if value >= 0.1 => 1,
        _ => 4,
    };
    number(value, digits)
}

fn has(line: &Value, key: &str) -> bool {
    line.get(key).is_some_and(|value| !value.is_null())
}

/// The fastest product of bf16, in TFLOP/s.
fn peak(lines: &[Value]) -> Option<f64> {
    let of_bf16 = |line: &&Value| has(line, "product") && text(line, "precision").starts_with("bf16");
    lines.iter().filter(of_bf16).filter_map(|line| line["teraflops"].as_f64()).reduce(f64::max)
}

fn endings(lines: &[Value]) -> Vec<Vec<String>> {
    let rows = lines.iter().filter(|line| has(line, "ending")).map(|line| {
        let seconds = number(line["seconds"].as_f64(), 0);
        vec![text(line, "part"), text(line, "program"), text(line, "ending"), seconds, text(line, "error")]
    });
    rows.collect()
}

fn first_steps(lines: &[Value]) -> Vec<Vec<String>> {
    let rows = lines.iter().filter(|line| has(line, "agrees")).map(|line| {
        let agrees = if line["agrees"].as_bool() == Some(true) { "yes" } else { "NO" };
        let difference =
            line["difference"].as_f64().map_or_else(String::new, |number| format!("{number:.1e}"));
        vec![
            text(line, "measurement"),
            agrees.to_owned(),
            difference,
            number(line["first_seconds"].as_f64(), 1),
        ]
    });
    rows.collect()
}

/// MFU by both conventions, where the model is known and there is a peak.
fn steps(lines: &[Value], peak: Option<f64>) -> Vec<Vec<String>> {
    let rows = lines.iter().filter(|line| has(line, "tokens_per_second")).map(|line| {
        let rate = line["tokens_per_second"].as_f64();
        let sequence = line["sequence"].as_u64().unwrap_or(0) as usize;
        let flops = Model::named(&text(line, "model")).and_then(|model| model.flops_per_token(sequence)).ok();
        let share = |flops: Option<f64>| Some(100.0 * rate? * flops? / (peak? * 1e12));
        vec![
            format!("{} at {sequence}", text(line, "measurement")),
            text(line, "program"),
            number(line["milliseconds"].as_f64(), 1),
            number(rate, 0),
            number(share(flops.map(|flops| flops.full)), 1),
            number(share(flops.map(|flops| flops.exact)), 1),
            number(line["reserved_bytes"].as_f64().map(|bytes| bytes / 1e9), 1),
            number(line["first_seconds"].as_f64(), 1),
        ]
    });
    rows.collect()
}

/// TFLOP/s by program and arrangement.
type Rates = BTreeMap<(String, String), f64>;

/// A row for each product and precision, three arrangements by each program.
fn products(lines: &[Value]) -> Vec<Vec<String>> {
    let mut rows: Vec<(String, Rates)> = Vec::new();
    for line in lines.iter().filter(|line| has(line, "product")) {
        let Some(rate) = line["teraflops"].as_f64() else { continue };
        let name = format!("{} {}", text(line, "product"), text(line, "precision"));
        let place = (text(line, "program"), text(line, "arrangement"));
        match rows.iter_mut().find(|(other, _)| *other == name) {
            Some((_, rates)) => {
                rates.insert(place, rate);
            }
            None => rows.push((name, BTreeMap::from([(place, rate)]))),
        }
    }
    let row = |(name, rates): (String, Rates)| {
        let programs = ["outgrow", "PyTorch"].into_iter();
        let places =
            programs.flat_map(|program| ["NT", "NN", "TN"].map(|arrangement| (program, arrangement)));
        let cell = |(program, arrangement): (&str, &str)| {
            rate(rates.get(&(program.to_owned(), arrangement.to_owned())).copied())
        };
        std::iter::once(name.clone()).chain(places.map(cell)).collect()
    };
    rows.into_iter().map(row).collect()
}

/// All else that has a time.
fn times(lines: &[Value]) -> Vec<Vec<String>> {
    let elsewhere = |line: &Value| has(line, "product") || has(line, "tokens_per_second");
    let timed = lines.iter().filter(|line| has(line, "milliseconds") && !elsewhere(line));
    let rows = timed.map(|line| {
        let level = if text(line, "part") == "tuning" { " (usual tuning)" } else { "" };
        vec![
            format!("{}{level}", text(line, "measurement")),
            text(line, "program"),
            number(line["milliseconds"].as_f64(), 3),
            number(line["first_seconds"].as_f64(), 1),
            rate(line["teraflops"].as_f64()),
            rate(line["gigabytes_per_second"].as_f64()),
        ]
    });
    rows.collect()
}

/// A row for each reason, with the first measurement that failed for it.
fn errors(lines: &[Value]) -> Vec<Vec<String>> {
    const LONGEST: usize = 160;
    let mut rows: Vec<(Vec<String>, usize)> = Vec::new();
    for line in lines.iter().filter(|line| has(line, "measurement") && has(line, "error")) {
        let (program, why) = (text(line, "program"), text(line, "error").chars().take(LONGEST).collect());
        match rows.iter_mut().find(|(row, _)| row[1] == program && row[2] == why) {
            Some((_, others)) => *others += 1,
            None => rows.push((vec![text(line, "measurement"), program, why], 0)),
        }
    }
    for (row, others) in rows.iter_mut().filter(|(_, others)| *others > 0) {
        let _ = write!(row[0], ", and {others} more");
    }
    rows.into_iter().map(|(row, _)| row).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_step_is_a_share_of_the_fastest_product_by_both_conventions() {
        let flops = Model::named("124m").unwrap().flops_per_token(1024).unwrap();
        // As many tokens a second as are half of the peak.
        let rate = 400e12 / flops.exact;
        let lines = [
            json!({ "program": "PyTorch", "product": "8192³", "arrangement": "NT", "precision": "bf16", "teraflops": 800.0 }),
            json!({ "program": "PyTorch", "product": "8192³", "arrangement": "NT", "precision": "f32", "teraflops": 900.0 }),
            json!({
                "program": "PyTorch", "measurement": "124m step in bf16", "model": "124m", "sequence": 1024,
                "milliseconds": 20.0, "tokens_per_second": rate,
            }),
        ];
        let row = &steps(&lines, peak(&lines))[0];
        assert_eq!(row[5], "50.0");
        assert_eq!(row[4], format!("{:.1}", 50.0 * flops.full / flops.exact));
    }

    #[test]
    fn a_table_has_both_programs_side_by_side_and_what_failed_with_its_reason() {
        let product = |program: &str, arrangement: &str, rate: f64| {
            json!({
                "program": program, "product": "124m gate", "arrangement": arrangement, "precision": "bf16",
                "teraflops": rate,
            })
        };
        let lines = [
            product("outgrow", "NT", 300.0),
            product("PyTorch", "NT", 700.0),
            product("PyTorch", "TN", 650.0),
            json!({ "program": "outgrow", "part": "products", "ending": "failed", "seconds": 3.2, "error": "no driver" }),
            json!({ "program": "outgrow", "measurement": "124m head NT in f32", "error": "too large" }),
            json!({ "program": "outgrow", "measurement": "124m head NN in f32", "error": "too large" }),
        ];
        let table = table(&lines);
        let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(rows.contains(&vec!["124m", "gate", "bf16", "300", "700", "650"]), "{table}");
        assert!(rows.contains(&vec!["products", "outgrow", "failed", "3", "no", "driver"]), "{table}");
        assert!(table.contains("124m head NT in f32, and 1 more  outgrow  too large"), "{table}");
        assert!(table.contains("100 % is 700 TFLOP/s"), "{table}");
    }
}
