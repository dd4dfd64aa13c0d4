//! An experiment as experiment.json tells it, which the report reads.

use outgrow_report::{Claim, Drawing, ExperimentDescription, Figure, PlannedCell, Program, Rule};

use crate::{
    error::{BadInput, Result},
    experiment::{
        cells::{Cells, PlannedRun},
        definition::Definition,
        scale::Scale,
        sweep::RunningSweep,
    },
};

/// The version of the file's layout.
const FORMAT: u32 = 1;

/// What was asked for beside the definition.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    /// The scale.
    pub scale: &'a Scale,
    /// The command that makes it again.
    pub command: String,
    /// The program that runs it.
    pub program: Program,
}

/// Describes an experiment. `alone` says whether a run had the machine for itself.
///
/// # Errors
/// Claims and figures of kinds or axes that there aren't.
pub(crate) fn describe(
    definition: &Definition,
    cells: &Cells<'_>,
    asked: &Asked<'_>,
    sweeps: &[RunningSweep],
    runs: &[PlannedRun],
    alone: impl Fn(&PlannedRun) -> bool,
) -> Result<ExperimentDescription> {
    let kinds: Vec<_> = cells.kinds.iter().map(|kind| kind.run_kind.clone()).collect();
    let names = Names {
        kinds: kinds.iter().map(|kind| kind.name.as_str()).collect(),
        axes: kinds.iter().flat_map(|kind| kind.axes.keys().map(String::as_str)).collect(),
    };
    let mut problems = Vec::new();
    let mut figures = definition.figures.clone();
    for figure in &mut figures {
        let Figure { title, draws, .. } = figure;
        if let Err(problem) = names.check_drawing(draws) {
            problems.push(format!("figure {title:?}: {problem}"));
        }
    }
    for Claim { says, rule, .. } in &definition.claims {
        if let Err(problem) = names.check_rule(rule) {
            problems.push(format!("claim {says:?}: {problem}"));
        }
    }
    if !problems.is_empty() {
        return Err(BadInput(format!("{}: {}", definition.name, problems.join("; "))).into());
    }
    let cell = |run: &PlannedRun| PlannedCell {
        kind: run.kind.clone(),
        seed: run.seed,
        folder: run.folder.to_string_lossy().replace('\\', "/"),
        alone: alone(run),
    };
    Ok(ExperimentDescription {
        format: FORMAT,
        name: definition.name.clone(),
        title: definition.title.clone(),
        source: definition.source.clone(),
        notes: definition.notes.clone(),
        scale: asked.scale.name.clone(),
        scale_description: asked.scale.description.clone(),
        command: asked.command.clone(),
        program: asked.program.clone(),
        kinds,
        runs: runs.iter().map(cell).collect(),
        sweeps: sweeps.iter().map(RunningSweep::to_description).collect(),
        claims: definition.claims.clone(),
        figures,
    })
}

/// What claims and figures can be about.
struct Names<'a> {
    kinds: Vec<&'a str>,
    axes: Vec<&'a str>,
}

impl Names<'_> {
    fn kind(&self, name: &str) -> Result<(), String> {
        if self.kinds.contains(&name) { Ok(()) } else { Err(format!("`{name}` is no cell")) }
    }

    fn axis(&self, name: &str) -> Result<(), String> {
        if self.axes.contains(&name) { Ok(()) } else { Err(format!("`{name}` is no axis")) }
    }

    fn check_rule(&self, rule: &Rule) -> Result<(), String> {
        match rule {
            Rule::SpeedUp { of, against, .. }
            | Rule::Lower { of, against, .. }
            | Rule::Equal { of, against, .. } => self.kind(of).and_then(|()| self.kind(against)),
            Rule::Optimum { axis, with, .. } => {
                self.axis(axis)?;
                with.keys().try_for_each(|axis| self.axis(axis))
            }
            Rule::Law { of, against, .. } => {
                if of.len() != against.len() {
                    return Err(format!("{} kinds against {}", of.len(), against.len()));
                }
                of.iter().chain(against).try_for_each(|kind| self.kind(kind))
            }
        }
    }

    /// Checks a drawing, and puts names in place of beginnings and ends.
    fn check_drawing(&self, drawing: &mut Drawing) -> Result<(), String> {
        match drawing {
            Drawing::Differences { against, kinds } => {
                self.kind(against)?;
                if kinds.is_empty() {
                    kinds.push("*".to_owned());
                }
                self.expand(kinds)?;
                kinds.retain(|kind| kind != against);
            }
            Drawing::SpeedUps { against, kinds } => {
                self.kind(against)?;
                self.expand(kinds)?;
                kinds.retain(|kind| kind != against);
            }
            Drawing::Curves { kinds } | Drawing::Stages { kinds } => self.expand(kinds)?,
            Drawing::Valley { axis, with, .. } | Drawing::HeatMap { axis, with, .. } => {
                self.axis(axis)?;
                with.keys().try_for_each(|axis| self.axis(axis))?;
            }
            Drawing::Grid { across, down, with } => {
                self.axis(across)?;
                self.axis(down)?;
                with.keys().try_for_each(|axis| self.axis(axis))?;
            }
            Drawing::Laws { series } => {
                series.iter_mut().try_for_each(|series| self.expand(&mut series.kinds))?;
            }
        }
        Ok(())
    }

    /// `*-short` is all names that end so.
    fn expand(&self, kinds: &mut Vec<String>) -> Result<(), String> {
        let mut expanded: Vec<String> = Vec::new();
        for pattern in kinds.iter() {
            let found: Vec<&str> = match pattern.split_once('*') {
                None => self.kinds.iter().copied().filter(|kind| kind == pattern).collect(),
                Some((beginning, end)) => {
                    let matches = |kind: &&str| {
                        kind.len() >= beginning.len() + end.len()
                            && kind.starts_with(beginning)
                            && kind.ends_with(end)
                    };
                    self.kinds.iter().copied().filter(matches).collect()
                }
            };
            if found.is_empty() {
                return Err(format!("`{pattern}` is no cell"));
            }
            for kind in found {
                if !expanded.iter().any(|one| one == kind) {
                    expanded.push(kind.to_owned());
                }
            }
        }
        *kinds = expanded;
        Ok(())
    }
}
