//! What each figure of an experiment shows, as numbers: kinds looked up, differences taken, minima and laws fitted. A
//! page only draws it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    experiment::{
        description::{AxisValue, Drawing, Figure},
        outcome::{
            difference::PairedDifference,
            laws::LawOutcome,
            optimum::{OptimumOutcome, on_axis, standing},
            speed_up::SpeedUpOutcome,
            two_laws::ForetoldSpeedUp,
        },
        reading::Experiment,
    },
    run::record::Cost,
};

/// The parts of the baseline's budget whose losses a curve of speed-ups is read at.
const SPEED_UP_CURVE_AT: [f64; 9] = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// A figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FigureOutcome {
    /// Its heading.
    pub title: String,
    /// Which figure of the paper it corresponds to, or nothing.
    pub paper: String,
    /// What it shows.
    pub shows: Shown,
}

/// What a figure shows. Kinds are given by name: the rest of them is in [`KindOutcome`](super::kinds::KindOutcome).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Shown {
    /// Paired differences at the end, the lowest first; those without a pair come last.
    Differences {
        /// What the others are held against.
        against: String,
        /// The others.
        rows: Vec<PairedDifference>,
    },
    /// Loss against what was paid.
    Curves {
        /// Which kinds.
        kinds: Vec<String>,
    },
    /// Speed-up against loss.
    SpeedUps {
        /// What the others are held against.
        against: String,
        /// A line for each kind and cost.
        lines: Vec<SpeedUpLine>,
    },
    /// Stages and learning rates.
    Stages {
        /// Which kinds.
        kinds: Vec<String>,
    },
    /// Loss along an axis.
    Valley {
        /// The axis.
        axis: String,
        /// A line for each budget.
        lines: Vec<OptimumOutcome>,
    },
    /// An axis against budgets.
    HeatMap {
        /// The axis, from left to right.
        axis: String,
        /// The places on it, lowest first.
        columns: Vec<AxisValue>,
        /// Parts of the baseline's FLOPs, from top to bottom.
        budgets: Vec<f64>,
        /// What is at each.
        cells: Vec<GridCell>,
        /// The minimum at each budget.
        ridge: Vec<OptimumOutcome>,
    },
    /// Two axes against each other, at the end.
    Grid {
        /// From left to right.
        across: String,
        /// From top to bottom.
        down: String,
        /// The places from left to right.
        columns: Vec<AxisValue>,
        /// The places from top to bottom.
        rows: Vec<AxisValue>,
        /// What is at each.
        cells: Vec<GridCell>,
    },
    /// Laws of the loss over FLOPs.
    Laws {
        /// The laws.
        laws: Vec<LawOutcome>,
        /// What the second and each further one gives against the first.
        speed_ups: Vec<ForetoldSpeedUp>,
    },
}

/// Speed-ups of one kind in one cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpeedUpLine {
    /// The kind.
    pub kind: String,
    /// What is paid with.
    pub cost: Cost,
    /// From high losses to low ones.
    pub points: Vec<SpeedUpOutcome>,
}

/// A place of a grid.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GridCell {
    /// Its column, from 0.
    pub column: usize,
    /// Its row, from 0.
    pub row: usize,
    /// The kind that stands there.
    pub kind: String,
    /// Against its baseline; `None` for a kind without one.
    pub difference: Option<PairedDifference>,
}

impl FigureOutcome {
    /// What a figure shows.
    pub(crate) fn of(experiment: &Experiment, figure: &Figure) -> Self {
        Self {
            title: figure.title.clone(),
            paper: figure.paper.clone(),
            shows: shown(experiment, &figure.draws),
        }
    }
}

fn shown(experiment: &Experiment, drawing: &Drawing) -> Shown {
    match drawing {
        Drawing::Differences { against, kinds, by } => {
            let mut rows: Vec<PairedDifference> = others(experiment, against, kinds)
                .iter()
                .map(|kind| {
                    PairedDifference::at_equal(by.unwrap_or(Cost::ExactFlops), experiment, kind, against, 1.0)
                })
                .collect();
            let mean = |row: &PairedDifference| row.over_seeds.as_ref().map_or(f64::INFINITY, |all| all.mean);
            rows.sort_by(|one, two| mean(one).total_cmp(&mean(two)));
            Shown::Differences { against: against.clone(), rows }
        }
        Drawing::Curves { kinds } => Shown::Curves { kinds: matching(experiment, kinds) },
        Drawing::SpeedUps { against, kinds } => {
            let line = |kind: &String, cost| {
                let at = |at| SpeedUpOutcome::between(experiment, kind, against, cost, at);
                SpeedUpLine { kind: kind.clone(), cost, points: SPEED_UP_CURVE_AT.map(at).into() }
            };
            let kinds = others(experiment, against, kinds);
            let lines = kinds.iter().flat_map(|kind| Cost::ALL.map(|cost| line(kind, cost))).collect();
            Shown::SpeedUps { against: against.clone(), lines }
        }
        Drawing::Stages { kinds } => Shown::Stages { kinds: matching(experiment, kinds) },
        Drawing::Valley { axis, with, budgets } => {
            let along = |at: &f64| OptimumOutcome::along(experiment, axis, with, *at);
            Shown::Valley { axis: axis.clone(), lines: budgets.iter().map(along).collect() }
        }
        Drawing::HeatMap { axis, with, budgets } => heat_map(experiment, axis, with, budgets),
        Drawing::Grid { across, down, with } => grid(experiment, across, down, with),
        Drawing::Laws { series } => {
            let laws: Vec<LawOutcome> =
                series.iter().map(|series| LawOutcome::of(experiment, series)).collect();
            // A law that is no better than a constant foretells nothing.
            let is_believed = |law: &&LawOutcome| law.preferred.is_some();
            let believed = laws.first().filter(is_believed).map_or(&[][..], |_| &laws[1..]);
            let speed_ups = believed
                .iter()
                .filter(is_believed)
                .flat_map(|law| ForetoldSpeedUp::all(law, &laws[0]))
                .collect();
            Shown::Laws { laws, speed_ups }
        }
    }
}

/// The kinds that a list names, in the order of the experiment: each is a name, or has one `*` in it.
fn matching(experiment: &Experiment, names: &[String]) -> Vec<String> {
    let is_meant = |kind: &str| {
        names.iter().any(|name| match name.split_once('*') {
            Some((beginning, end)) => {
                kind.len() >= beginning.len() + end.len()
                    && kind.starts_with(beginning)
                    && kind.ends_with(end)
            }
            None => kind == name,
        })
    };
    let kinds = experiment.description().kinds.iter().map(|kind| kind.name.as_str());
    kinds.filter(|kind| is_meant(kind)).map(str::to_owned).collect()
}

/// Those of a list but for the one that they are held against; all where the list is empty.
fn others(experiment: &Experiment, against: &str, names: &[String]) -> Vec<String> {
    let all = ["*".to_owned()];
    let mut kinds = matching(experiment, if names.is_empty() { &all } else { names });
    kinds.retain(|kind| kind != against);
    kinds
}

fn heat_map(experiment: &Experiment, axis: &str, with: &BTreeMap<String, String>, budgets: &[f64]) -> Shown {
    let mut kinds = on_axis(experiment, axis, with);
    kinds.sort_by(|one, two| one.0.total_cmp(&two.0));
    let columns: Vec<AxisValue> = kinds.iter().map(|(_, kind)| kind.axes[axis].clone()).collect();
    let mut cells = Vec::new();
    for (row, at) in budgets.iter().enumerate() {
        for (column, (_, kind)) in kinds.iter().enumerate() {
            let against = kind.baseline.as_ref();
            let difference =
                against.map(|against| PairedDifference::between(experiment, &kind.name, against, *at));
            cells.push(GridCell { column, row, kind: kind.name.clone(), difference });
        }
    }
    let ridge = budgets.iter().map(|at| OptimumOutcome::along(experiment, axis, with, *at)).collect();
    Shown::HeatMap { axis: axis.to_owned(), columns, budgets: budgets.to_vec(), cells, ridge }
}

fn grid(experiment: &Experiment, across: &str, down: &str, with: &BTreeMap<String, String>) -> Shown {
    let (mut columns, mut rows, mut cells) = (Vec::new(), Vec::new(), Vec::new());
    for kind in standing(experiment, &[across, down], with) {
        let (Some(left), Some(top)) = (kind.axes.get(across), kind.axes.get(down)) else { continue };
        let against = kind.baseline.as_ref();
        let difference =
            against.map(|against| PairedDifference::between(experiment, &kind.name, against, 1.0));
        let (column, row) = (place(&mut columns, left), place(&mut rows, top));
        cells.push(GridCell { column, row, kind: kind.name.clone(), difference });
    }
    Shown::Grid { across: across.to_owned(), down: down.to_owned(), columns, rows, cells }
}

/// Where a value stands among those that there are, and adds it if it is new.
fn place(values: &mut Vec<AxisValue>, value: &AxisValue) -> usize {
    values.iter().position(|other| other.name == value.name).unwrap_or_else(|| {
        values.push(value.clone());
        values.len() - 1
    })
}
