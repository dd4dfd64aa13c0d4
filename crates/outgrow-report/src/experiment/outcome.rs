//! What an experiment came to: kinds, sweeps, verdicts and figures, as one value. It serialises to `report.json`, and
//! a page draws nothing that isn't in it.

pub(crate) mod over_seeds;

pub(crate) mod difference;
pub(crate) mod speed_up;
pub(crate) mod trend;

pub(crate) mod kinds;
pub(crate) mod sweeps;
pub(crate) mod optimum;
pub(crate) mod laws;
pub(crate) mod two_laws;
pub(crate) mod figures;

use serde::Serialize;

use crate::experiment::{
    claims::{ClaimOutcome, judge},
    description::ExperimentDescription,
    outcome::{figures::FigureOutcome, kinds::KindOutcome, sweeps::SweepOutcome},
    reading::{CellState, Experiment},
};

/// The version of `report.json`'s layout.
const FORMAT: u32 = 1;

/// Everything that an experiment's runs say together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The version of this layout.
    pub format: u32,
    /// What the experiment consists of.
    pub description: ExperimentDescription,
    /// How far it has come.
    pub progress: Progress,
    /// What is claimed, and what came of it.
    pub claims: Vec<ClaimOutcome>,
    /// The kinds of runs, in the order of the file.
    pub kinds: Vec<KindOutcome>,
    /// How learning rates were chosen.
    pub sweeps: Vec<SweepOutcome>,
    /// What is drawn.
    pub figures: Vec<FigureOutcome>,
}

/// How far an experiment has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Runs that count.
    pub planned: usize,
    /// How many of them are done.
    pub finished: usize,
    /// The folders of those that have begun and aren't done.
    pub unfinished: Vec<String>,
    /// The folders of those that haven't begun.
    pub missing: Vec<String>,
}

impl Experiment {
    /// What its runs say.
    pub fn outcome(&self) -> Outcome {
        let description = self.description();
        Outcome {
            format: FORMAT,
            description: description.clone(),
            progress: self.progress(),
            claims: judge(self),
            kinds: description.kinds.iter().map(|kind| KindOutcome::of(self, kind)).collect(),
            sweeps: SweepOutcome::all(self),
            figures: description.figures.iter().map(|figure| FigureOutcome::of(self, figure)).collect(),
        }
    }

    fn progress(&self) -> Progress {
        let cells = self.all_cells();
        let folders = |is_meant: fn(&CellState) -> bool| {
            let meant = cells.iter().filter(|cell| is_meant(&cell.state));
            meant.map(|cell| cell.planned.folder.clone()).collect::<Vec<String>>()
        };
        let unfinished = folders(|state| matches!(state, CellState::Unfinished(_)));
        let missing = folders(|state| matches!(state, CellState::Missing));
        let planned = cells.len();
        Progress { planned, finished: planned - unfinished.len() - missing.len(), unfinished, missing }
    }
}

impl Outcome {
    /// The kind of this name.
    pub fn kind(&self, name: &str) -> Option<&KindOutcome> {
        self.kinds.iter().find(|kind| kind.name == name)
    }

    /// All of it for a program: what `report.json` holds.
    #[expect(clippy::missing_panics_doc, reason = "every key is a string, so that it never panics")]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("an outcome has only string keys")
    }
}
