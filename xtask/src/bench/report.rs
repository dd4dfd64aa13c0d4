//! What was measured, as a table and as JSON, and which of the marks it reaches.

use serde_json::{Value, json};

use super::measure::Run;

/// All runs of one program at one task.
#[derive(Debug)]
pub(super) struct Contestant {
    /// The program.
    pub name: &'static str,
    /// Its runs, in their order.
    pub runs: Vec<Run>,
}

impl Contestant {
    /// No runs yet.
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, runs: Vec::new() }
    }

    /// The median of the times.
    pub(super) fn seconds(&self) -> f64 {
        median(self.runs.iter().map(|run| run.seconds).collect())
    }

    /// The most memory over all runs, in bytes.
    pub(super) fn peak(&self) -> Option<u64> {
        self.runs.iter().filter_map(|run| run.peak).max()
    }

    /// Bytes that a run writes.
    pub(super) fn output(&self) -> u64 {
        self.runs.first().map_or(0, |run| run.output)
    }

    /// Bytes written a second, over the median run.
    pub(super) fn bandwidth(&self) -> f64 {
        self.output() as f64 / self.seconds()
    }

    fn row(&self) -> String {
        let times = || self.runs.iter().map(|run| run.seconds);
        let (fastest, slowest) = (times().fold(f64::INFINITY, f64::min), times().fold(0.0, f64::max));
        format!(
            "  {:10} {:8.2} s  ({fastest:.2} to {slowest:.2})  {:7.0} MB/s  {:>10}  {:.2} GB written",
            self.name,
            self.seconds(),
            self.bandwidth() / 1e6,
            self.peak().map_or("?".to_owned(), mebibytes),
            self.output() as f64 / 1e9,
        )
    }

    fn json(&self) -> Value {
        json!({
            "program": self.name,
            "median_seconds": self.seconds(),
            "seconds": self.runs.iter().map(|run| run.seconds).collect::<Vec<_>>(),
            "peak_bytes": self.peak(),
            "output_bytes": self.output(),
            "bytes_per_second": self.bandwidth(),
        })
    }
}

/// A number and the bound that it should keep.
#[derive(Debug)]
pub(super) struct Mark {
    /// What the number is.
    pub name: String,
    /// The number.
    pub value: f64,
    /// The largest that is good, or, with `at_least`, the smallest.
    pub bound: f64,
    /// Whether more is better.
    pub at_least: bool,
    /// What both are counted in; empty for a ratio.
    pub unit: &'static str,
}

impl Mark {
    /// A number that should not be above `bound`.
    pub(super) fn at_most(name: impl Into<String>, value: f64, bound: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, bound, at_least: false, unit }
    }

    /// A number that should not be below `bound`.
    pub(super) fn at_least(name: impl Into<String>, value: f64, bound: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, bound, at_least: true, unit }
    }

    fn reached(&self) -> bool {
        if self.at_least { self.value >= self.bound } else { self.value <= self.bound }
    }

    fn row(&self) -> String {
        let sign = if self.at_least { "≥" } else { "≤" };
        let verdict = if self.reached() { "reached" } else { "missed" };
        let value = format!("{:.2}{}", self.value, self.unit);
        format!("  {:34} {value:>12}  {verdict:7} ({sign} {}{})", self.name, self.bound, self.unit)
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "value": self.value,
            "bound": self.bound,
            "at_least": self.at_least,
            "reached": self.reached(),
        })
    }
}

/// One task at one size.
#[derive(Debug)]
pub(super) struct Measurement {
    /// What was done to what.
    pub title: String,
    /// Who did it.
    pub contestants: Vec<Contestant>,
    /// What it should reach.
    pub marks: Vec<Mark>,
}

impl Measurement {
    /// The table for a reader.
    pub(super) fn table(&self) -> String {
        let rows = self.contestants.iter().map(Contestant::row).chain(self.marks.iter().map(Mark::row));
        std::iter::once(self.title.clone()).chain(rows).collect::<Vec<_>>().join("\n")
    }

    /// The same for a program.
    pub(super) fn json(&self) -> Value {
        json!({
            "title": self.title,
            "contestants": self.contestants.iter().map(Contestant::json).collect::<Vec<_>>(),
            "marks": self.marks.iter().map(Mark::json).collect::<Vec<_>>(),
        })
    }
}

/// Bytes, as MiB.
pub(super) fn in_mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.0} MiB", in_mebibytes(bytes))
}

/// The middle one, or the mean of the two in the middle.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count.is_multiple_of(2) => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_or_between_the_middle_two() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]).to_bits(), 2_f64.to_bits());
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]).to_bits(), 2.5_f64.to_bits());
    }

    #[test]
    fn a_mark_is_reached_at_its_bound() {
        assert!(
            Mark::at_most("a", 0.25, 0.25, "").reached() && !Mark::at_most("a", 0.26, 0.25, "").reached()
        );
        assert!(Mark::at_least("a", 0.5, 0.5, "").reached() && !Mark::at_least("a", 0.49, 0.5, "").reached());
    }
}
