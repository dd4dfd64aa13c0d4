//! An experiment as experiment.json tells it, which the report reads.

use std::collections::BTreeMap;

use outgrow_report::{Claim, Drawing, ExperimentDescription, Figure, PlannedCell, Program, Rule};

use crate::{
    error::{BadInput, Result},
    experiment::{
        cells::{Cells, PlannedRun},
        definition::Definition,
        kinds::Kind,
        scale::Scale,
        sweep::RunningSweep,
    },
};

/// The version of the file's layout.
const FORMAT: u32 = 1;

/// No share and no difference of losses is as large.
const MOST: f64 = 1000.0;
/// Fewer sizes say nothing of a law.
const LEAST_OF_A_LAW: usize = 3;

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
        baselines: kinds.iter().map(|kind| kind.baseline.as_deref()).collect(),
        axes: kinds.iter().flat_map(|kind| kind.axes.keys().map(String::as_str)).collect(),
        places: cells.kinds.iter().flat_map(Kind::places).collect(),
    };
    let mut problems = Vec::new();
    let (mut figures, mut claims) = (cells.figures.clone(), cells.claims.clone());
    for figure in &mut figures {
        let Figure { title, draws, .. } = figure;
        if let Err(problem) = names.check_drawing(draws) {
            problems.push(format!("figure {title:?}: {problem}"));
        }
    }
    for Claim { says, rule, .. } in &mut claims {
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
        claims,
        figures,
    })
}

/// What claims and figures can be about.
struct Names<'a> {
    kinds: Vec<&'a str>,
    /// The kind that each is held against.
    baselines: Vec<Option<&'a str>>,
    axes: Vec<&'a str>,
    /// The name of a place on an axis, as a file has it, and how it is written.
    places: Vec<[String; 3]>,
}

impl Names<'_> {
    fn kind(&self, name: &str) -> Result<(), String> {
        if self.kinds.contains(&name) { Ok(()) } else { Err(format!("`{name}` is no cell")) }
    }

    fn axis(&self, name: &str) -> Result<(), String> {
        if self.axes.contains(&name) { Ok(()) } else { Err(format!("`{name}` is no axis")) }
    }

    /// Checks places on other axes, and puts what is written in place of their names.
    fn others(&self, with: &mut BTreeMap<String, String>) -> Result<(), String> {
        for (axis, name) in with {
            self.axis(axis)?;
            let found = self.places.iter().find(|[of, place, _]| of == axis && place == name);
            let [_, _, label] = found.ok_or_else(|| format!("`{name}` is no place on the axis `{axis}`"))?;
            name.clone_from(label);
        }
        Ok(())
    }

    fn check_rule(&self, rule: &mut Rule) -> Result<(), String> {
        match rule {
            Rule::SpeedUp { of, against, paper } => {
                self.pair(of, against)?;
                within("paper", *paper, (-1.0, MOST))
            }
            Rule::Lower { of, against, paper, at, .. } => {
                self.pair(of, against)?;
                paper.map_or(Ok(()), |paper| within("paper", paper, (-MOST, MOST)))?;
                at.map_or(Ok(()), |at| within("at", at, (0.0, 1.0)))
            }
            Rule::Equal { of, against, margin, at, .. } => {
                self.pair(of, against)?;
                within("margin", *margin, (0.0, MOST))?;
                at.map_or(Ok(()), |at| within("at", at, (0.0, 1.0)))
            }
            Rule::Optimum { axis, with, from, to, at } => {
                self.axis(axis)?;
                self.others(with)?;
                at.map_or(Ok(()), |at| within("at", at, (0.0, 1.0)))?;
                if from.is_finite() && to.is_finite() && *from >= 0.0 && from < to {
                    return Ok(());
                }
                Err(format!("from = {from} and to = {to}: no range of an axis"))
            }
            Rule::Law { of, against, paper } => {
                self.expand(of)?;
                self.expand(against)?;
                within("paper", *paper, (-1.0, MOST))?;
                if of.len() == against.len() && of.len() >= LEAST_OF_A_LAW {
                    return Ok(());
                }
                Err(format!(
                    "{} kinds against {}: a law needs {LEAST_OF_A_LAW} of each, or more",
                    of.len(),
                    against.len()
                ))
            }
        }
    }

    fn pair(&self, of: &str, against: &str) -> Result<(), String> {
        self.kind(of)?;
        self.kind(against)?;
        if of == against { Err(format!("`{of}` is held against itself")) } else { Ok(()) }
    }

    /// Checks a drawing, and puts names in place of beginnings and ends.
    fn check_drawing(&self, drawing: &mut Drawing) -> Result<(), String> {
        match drawing {
            Drawing::Differences { against, kinds, .. } => {
                self.kind(against)?;
                if kinds.is_empty() {
                    // Those of other sizes have other FLOPs.
                    kinds.extend(self.held_against(against));
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
                self.others(with)?;
            }
            Drawing::Grid { across, down, with } => {
                self.axis(across)?;
                self.axis(down)?;
                self.others(with)?;
            }
            Drawing::Laws { series } => {
                series.iter_mut().try_for_each(|series| self.expand(&mut series.kinds))?;
            }
        }
        Ok(())
    }

    fn held_against(&self, baseline: &str) -> Vec<String> {
        let pairs = self.kinds.iter().zip(&self.baselines);
        pairs.filter(|(_, of)| **of == Some(baseline)).map(|(kind, _)| (*kind).to_owned()).collect()
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

/// Refuses a number that isn't above the first and at most the second.
fn within(what: &str, number: f64, (above, most): (f64, f64)) -> Result<(), String> {
    if number > above && number <= most {
        return Ok(());
    }
    Err(format!("{what} = {number}: a number above {above} and at most {most} is needed"))
}
