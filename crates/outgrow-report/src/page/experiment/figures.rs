//! From what a figure shows to its section: heading, drawings, and the numbers as a table. Each kind of drawing has a
//! file of its own.

use crate::{
    experiment::outcome::{
        Outcome,
        figures::{FigureOutcome, Shown},
    },
    figures::escape,
    page::{
        document::{folded_numbers, section},
        experiment::{
            curves, differences, grids, laws,
            looks::Looks,
            panel::{Panel, panels as drawn},
            strips, valley,
        },
    },
};

/// The section of a figure.
pub(crate) fn section_of(
    out: &mut String,
    outcome: &Outcome,
    looks: &Looks,
    index: usize,
    figure: &FigureOutcome,
) {
    let id = format!("figure-{}", index + 1);
    let drawings = drawn(&id, &panels(outcome, looks, index, figure));
    let numbers = folded_numbers(&numbers(outcome, &figure.shows));
    let beside = if figure.paper.is_empty() {
        String::new()
    } else {
        format!("Beside the paper's {}. ", figure.paper)
    };
    let note = escape(&format!("{beside}{}", note(outcome, &figure.shows)));
    section(out, &figure.title, &note, &format!("{drawings}{numbers}"));
}

/// The drawings of a figure.
pub(crate) fn panels(outcome: &Outcome, looks: &Looks, index: usize, figure: &FigureOutcome) -> Vec<Panel> {
    let id = format!("figure-{}", index + 1);
    let title = &figure.title;
    match &figure.shows {
        Shown::Differences { against, rows } => {
            Panel::only(differences::picture(outcome, title, against, rows))
        }
        Shown::Curves { kinds } => curves::losses(outcome, looks, &id, title, kinds),
        Shown::SpeedUps { lines, .. } => curves::speed_ups(outcome, looks, &id, title, lines),
        Shown::Stages { kinds } => Panel::only(strips::picture(outcome, looks, title, kinds)),
        Shown::Valley { axis, lines } => Panel::only(valley::picture(outcome, &id, title, axis, lines)),
        Shown::HeatMap { axis, columns, cells, ridge, .. } => {
            Panel::only(grids::heat_map(outcome, title, axis, columns, cells, ridge))
        }
        Shown::Grid { across, down, columns, rows, cells } => {
            Panel::only(grids::grid(outcome, title, (across, down), columns, rows, cells))
        }
        Shown::Laws { laws, .. } => Panel::only(laws::picture(&id, title, laws)),
    }
}

/// How to read the drawing.
fn note(outcome: &Outcome, shows: &Shown) -> String {
    let label = |kind: &str| outcome.kind(kind).map_or_else(|| kind.to_owned(), |kind| kind.label.clone());
    match shows {
        Shown::Differences { against, rows } => format!(
            "Final loss less that of {}, same seed, equal {}. Rings: seeds. Stroke: their mean. Bar: its 95 % \
             interval. Grey: too small to count.",
            label(against),
            rows.first().map_or("exact FLOPs", |row| differences::equal(row.by))
        ),
        Shown::Curves { kinds } => curves::note(kinds.len()).to_owned(),
        Shown::SpeedUps { against, .. } => format!(
            "What {} pays more to reach the same loss, as a share; mean of the seeds. Band: its 95 % interval.",
            label(against)
        ),
        Shown::Stages { .. } => {
            "As long as their exact FLOPs, first seed; the learning rate below each. A wide gap is a growth.".to_owned()
        }
        Shown::Valley { .. } => "A line for each budget: how far the loss lies above the lowest of its budget. Rings: \
                                 seeds, each about its own level. Diamond: the fitted minimum, with its 95 % interval."
            .to_owned(),
        Shown::HeatMap { .. } => {
            "Difference of loss to the baseline at each budget, mean of the seeds. Below zero is better.".to_owned()
        }
        Shown::Grid { .. } => {
            "Difference of loss to the baseline at the end, mean of the seeds. Below zero is better.".to_owned()
        }
        Shown::Laws { .. } => "Rings: runs. Lines: fitted laws with their 95 % bands; dashed where nothing was run: these are \
                               extrapolations."
            .to_owned(),
    }
}

/// The numbers of a drawing as tables.
fn numbers(outcome: &Outcome, shows: &Shown) -> String {
    match shows {
        Shown::Differences { rows, .. } => differences::table_of(outcome, &rows.iter().collect::<Vec<_>>()),
        Shown::Curves { kinds } => curves::losses_table(outcome, kinds),
        Shown::SpeedUps { lines, .. } => curves::speed_ups_table(outcome, lines),
        Shown::Stages { kinds } => strips::table_of(outcome, kinds),
        Shown::Valley { axis, lines } => valley::table_of(outcome, axis, lines),
        Shown::HeatMap { axis, cells, ridge, .. } => {
            valley::table_of(outcome, axis, ridge) + &grids::table_of(outcome, cells)
        }
        Shown::Grid { cells, .. } => grids::table_of(outcome, cells),
        Shown::Laws { laws, speed_ups } => laws::tables(laws, speed_ups),
    }
}
