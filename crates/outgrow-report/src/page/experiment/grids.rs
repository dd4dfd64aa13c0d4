//! An axis against budgets, or two axes against each other, coloured by the difference to the baseline.

use crate::{
    drawing::{
        heat_map::{Cell, HeatMap, HeatRow},
        picture::Picture,
    },
    experiment::{
        claims::words::{nats, signed},
        description::AxisValue,
        outcome::{
            Outcome,
            difference::PairedDifference,
            figures::GridCell,
            optimum::{Minimum, OptimumOutcome},
        },
    },
    figures::flops,
    page::experiment::{
        differences::{label, table_of as differences_table},
        words::share,
    },
};

/// What the colours mean.
fn sides() -> (String, String) {
    ("better than the baseline".to_owned(), "worse".to_owned())
}

/// Nothing to see yet.
fn nothing() -> String {
    "Nothing is drawn yet: no finished run has a partner with its seed.".to_owned()
}

/// A row for each budget, with the ridge of fitted minima.
pub(crate) fn heat_map(
    outcome: &Outcome,
    title: &str,
    axis: &str,
    columns: &[AxisValue],
    cells: &[GridCell],
    ridge: &[OptimumOutcome],
) -> Result<Picture, String> {
    let rows: Vec<HeatRow> = ridge
        .iter()
        .enumerate()
        .map(|(row, line)| HeatRow {
            name: share(line.at),
            beside: line.flops.map(flops).unwrap_or_default(),
            cells: row_of(outcome, cells, row, columns.len()),
            ridge: ridge_of(line, columns),
        })
        .collect();
    whole(title, (axis, "budget"), columns, rows)
}

/// Two axes against each other.
pub(crate) fn grid(
    outcome: &Outcome,
    title: &str,
    axes: (&str, &str),
    columns: &[AxisValue],
    rows: &[AxisValue],
    cells: &[GridCell],
) -> Result<Picture, String> {
    let rows: Vec<HeatRow> = rows
        .iter()
        .enumerate()
        .map(|(index, row)| HeatRow {
            name: row.name.clone(),
            beside: String::new(),
            cells: row_of(outcome, cells, index, columns.len()),
            ridge: None,
        })
        .collect();
    whole(title, axes, columns, rows)
}

fn whole(
    title: &str,
    (across, down): (&str, &str),
    columns: &[AxisValue],
    rows: Vec<HeatRow>,
) -> Result<Picture, String> {
    if rows.iter().all(|row| row.cells.iter().all(Option::is_none)) {
        return Err(nothing());
    }
    Ok(Picture::HeatMap(HeatMap {
        title: title.to_owned(),
        labels: (format!("{across} →"), format!("{down} ↓")),
        columns: columns.iter().map(|column| column.name.clone()).collect(),
        rows,
        sides: sides(),
    }))
}

fn row_of(outcome: &Outcome, cells: &[GridCell], row: usize, columns: usize) -> Vec<Option<Cell>> {
    let cell = |column: usize| {
        let cell = cells.iter().find(|cell| cell.row == row && cell.column == column)?;
        let all = cell.difference.as_ref()?.over_seeds.as_ref()?;
        let title = format!("{}: {}, {} seeds", label(outcome, &cell.kind), nats(all), all.count());
        Some(Cell { value: all.mean, text: signed(all.mean), title })
    };
    (0..columns).map(cell).collect()
}

/// The fitted minimum in columns, between the two whose numbers lie around it: by logarithms, as it was fitted.
fn ridge_of(line: &OptimumOutcome, columns: &[AxisValue]) -> Option<(f64, Option<(f64, f64)>)> {
    let Minimum::Within { x, interval, .. } = &line.minimum else { return None };
    let place = |x: f64| {
        let known = columns.iter().enumerate().filter_map(|(index, column)| Some((index, column.number?)));
        let positive: Vec<(usize, f64)> = known.filter(|(_, number)| *number > 0.0).collect();
        let (first, last) = (positive.first()?, positive.last()?);
        if x <= first.1 {
            return Some(first.0 as f64);
        }
        let pair = positive.windows(2).find(|pair| (pair[0].1..=pair[1].1).contains(&x));
        let Some([(low_index, low), (high_index, high)]) = pair else { return Some(last.0 as f64) };
        let part = (x / low).ln() / (high / low).ln();
        Some(*low_index as f64 + part * (high_index - low_index) as f64)
    };
    let ends = interval.and_then(|interval| Some((place(interval.lower())?, place(interval.upper())?)));
    Some((place(*x)?, ends))
}

/// Every difference.
pub(crate) fn table_of(outcome: &Outcome, cells: &[GridCell]) -> String {
    let differences: Vec<&PairedDifference> =
        cells.iter().filter_map(|cell| cell.difference.as_ref()).collect();
    differences_table(outcome, &differences)
}
