//! A run of an experiment, and what there is of it: nothing yet, a part, or all. How it is read is in reading.rs.

use crate::{
    experiment::description::{PlannedCell, SweepRun},
    run::record::RunRecord,
};

/// A run that is planned, and what there is of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Which it is.
    pub planned: PlannedCell,
    /// What there is of it.
    pub state: CellState,
}

/// A run of a sweep, and what there is of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SweepCell {
    pub(crate) planned: SweepRun,
    pub(crate) state: CellState,
}

/// What there is of a planned run.
#[derive(Clone, Debug, PartialEq)]
pub enum CellState {
    /// Its folder isn't there, or has no run.json yet.
    Missing,
    /// It hasn't reached its last token.
    Unfinished(Box<RunRecord>),
    /// It is done.
    Finished(Box<RunRecord>),
}

impl Cell {
    /// Its run, finished or not.
    pub fn run(&self) -> Option<&RunRecord> {
        self.state.run()
    }

    /// Its run, if it is done.
    pub fn finished(&self) -> Option<&RunRecord> {
        self.state.finished()
    }
}

impl CellState {
    pub(crate) fn run(&self) -> Option<&RunRecord> {
        match self {
            Self::Missing => None,
            Self::Unfinished(run) | Self::Finished(run) => Some(run),
        }
    }

    pub(crate) fn finished(&self) -> Option<&RunRecord> {
        match self {
            Self::Missing | Self::Unfinished(_) => None,
            Self::Finished(run) => Some(run),
        }
    }
}
