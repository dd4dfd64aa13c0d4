//! An outcome as tables for a spreadsheet or a script: a row for each run, for each claim, for each benchmark of a
//! run (RFC 4180, with a line feed). Everything else is in `report.json`.

use std::collections::BTreeSet;

use outgrow_statistics::Interval;

use crate::experiment::outcome::{Outcome, benchmarks::TaskOfSeed, kinds::RunOutcome};

impl Outcome {
    /// A row for each run that there is: what it is, what it measured, and how it stands against its baseline's.
    pub fn runs_csv(&self) -> String {
        let axes: BTreeSet<&String> = self.kinds.iter().flat_map(|kind| kind.axes.keys()).collect();
        let mut head: Vec<String> = ["kind", "label"].map(str::to_owned).into();
        head.extend(axes.iter().map(|axis| (*axis).clone()));
        head.extend(
            [
                "seed",
                "folder",
                "finished",
                "alone",
                "parameters",
                "final_loss",
                "flops",
                "flops_6nt",
                "tokens",
                "seconds",
                "difference",
                "speed_up",
            ]
            .map(str::to_owned),
        );
        let mut rows = vec![head];
        for kind in &self.kinds {
            for run in &kind.runs {
                let mut row = vec![kind.name.clone(), kind.label.clone()];
                row.extend(axes.iter().map(|axis| {
                    let value = kind.axes.get(*axis);
                    value
                        .map(|value| {
                            value.number.map_or_else(|| value.name.clone(), |number| number.to_string())
                        })
                        .unwrap_or_default()
                }));
                row.extend(numbers(run));
                rows.push(row);
            }
        }
        written(&rows)
    }

    /// A row for each run and benchmark, and below them one for each kind with the mean of its seeds; `None` where the
    /// runs were asked none.
    pub fn benchmarks_csv(&self) -> Option<String> {
        let head = [
            "kind",
            "seed",
            "task",
            "metric",
            "value",
            "standard_error",
            "low",
            "high",
            "documents",
            "chance",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for task in &self.benchmarks.tasks {
            let row = |kind: &str, seed: String, value: f64, error: Option<f64>, ends: Option<Interval>| {
                vec![
                    kind.to_owned(),
                    seed,
                    task.task.clone(),
                    task.metric.clone(),
                    value.to_string(),
                    optional(error),
                    optional(ends.map(|ends| ends.lower())),
                    optional(ends.map(|ends| ends.upper())),
                    task.documents.map(|documents| documents.to_string()).unwrap_or_default(),
                    optional(task.chance),
                ]
            };
            for kind in &task.kinds {
                let of_seed = |seed: &TaskOfSeed| {
                    row(&kind.kind, seed.seed.to_string(), seed.value, seed.standard_error, seed.interval)
                };
                rows.extend(kind.seeds.iter().map(of_seed));
                let all = &kind.over_seeds;
                rows.push(row(&kind.kind, "mean".to_owned(), all.mean, None, all.interval));
            }
        }
        (rows.len() > 1).then(|| written(&rows))
    }

    /// A row for each claim: the rule, the verdict, and what it follows from.
    pub fn claims_csv(&self) -> String {
        let head =
            ["claim", "paper", "rule", "verdict", "alone", "ours", "seeds", "p", "adjusted_p", "sentence"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for claim in &self.claims {
            rows.push(vec![
                claim.claim.says.clone(),
                claim.claim.paper.clone(),
                claim.claim.rule.name().to_owned(),
                claim.verdict.to_string(),
                claim.uncorrected.to_string(),
                claim.ours.clone(),
                claim.seeds.to_string(),
                optional(claim.p),
                optional(claim.adjusted_p),
                claim.sentence.clone(),
            ]);
        }
        written(&rows)
    }
}

/// The columns behind the axes.
fn numbers(run: &RunOutcome) -> [String; 12] {
    let summary = &run.summary;
    [
        run.seed.to_string(),
        run.folder.clone(),
        summary.finished.to_string(),
        run.alone.to_string(),
        summary.parameters.to_string(),
        optional(summary.final_validation_loss),
        summary.flops.to_string(),
        summary.flops_6nt.to_string(),
        summary.tokens.to_string(),
        optional(run.seconds),
        optional(run.difference),
        optional(run.speed_up),
    ]
}

fn optional(number: Option<f64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn written(rows: &[Vec<String>]) -> String {
    let line = |row: &Vec<String>| row.iter().map(|field| quoted(field)).collect::<Vec<_>>().join(",") + "\n";
    rows.iter().map(line).collect()
}

/// A field in quotes where it has to be.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
