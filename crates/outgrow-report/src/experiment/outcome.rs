//! What an experiment came to: kinds, sweeps, verdicts and figures, as one value. It serialises to `report.json`, and
//! a page draws nothing that isn't in it.

pub(crate) mod over_seeds;

pub(crate) mod difference;
pub(crate) mod speed_up;
pub(crate) mod trend;

pub(crate) mod kinds;
pub(crate) mod sweeps;
pub(crate) mod benchmarks;
pub(crate) mod optimum;
pub(crate) mod laws;
pub(crate) mod two_laws;
pub(crate) mod figures;
pub(crate) mod optimum_laws;

use serde::Serialize;

use crate::experiment::{
    cell::CellState,
    claims::{ClaimOutcome, judge},
    description::ExperimentDescription,
    outcome::{
        benchmarks::BenchmarksOutcome, figures::FigureOutcome, kinds::KindOutcome, optimum_laws::OptimumLaw,
        sweeps::SweepOutcome,
    },
    reading::Experiment,
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
    /// What benchmarks say at the end of each run; nothing where the runs were asked none.
    pub benchmarks: BenchmarksOutcome,
    /// What is drawn.
    pub figures: Vec<FigureOutcome>,
    /// How the best place on an axis moves with size and budget; of axes with minima at several of them.
    pub optimum_laws: Vec<OptimumLaw>,
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
    /// Folders of runs of further seeds, which aren't in any number: the experiment was asked for fewer.
    pub unplanned: Vec<String>,
}

impl Experiment {
    /// What its runs say.
    pub fn outcome(&self) -> Outcome {
        let description = self.description();
        let claims = judge(self);
        let kinds: Vec<_> = description.kinds.iter().map(|kind| KindOutcome::of(self, kind)).collect();
        let figures: Vec<_> =
            description.figures.iter().map(|figure| FigureOutcome::of(self, figure)).collect();
        Outcome {
            format: FORMAT,
            description: description.clone(),
            progress: self.progress(),
            optimum_laws: OptimumLaw::all(&figures, &claims, &kinds),
            claims,
            kinds,
            sweeps: SweepOutcome::all(self),
            benchmarks: BenchmarksOutcome::of(self),
            figures,
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
        let finished = planned - unfinished.len() - missing.len();
        Progress { planned, finished, unfinished, missing, unplanned: self.unplanned().to_vec() }
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
