//! Experiments laid out in a folder from curves: kinds, seeds and points as a test gives them. No model was trained.

use std::fmt::Write as _;
use std::fs;

use outgrow_report::{Claim, Experiment, Outcome, ReportError, Rule};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A validation curve: exact FLOPs and losses.
pub(crate) type Points = Vec<(f64, f64)>;

/// A folder that is being laid out.
pub(crate) struct LaidOut {
    pub(crate) folder: TempDir,
    pub(crate) description: Value,
}

#[expect(clippy::needless_pass_by_value, reason = "callers write json! where they call")]
impl LaidOut {
    pub(crate) fn new() -> Self {
        let description = json!({
            "format": 1, "name": "made-up", "title": "Made up", "source": "", "notes": [], "scale": "none",
            "scale_description": "nothing was trained", "command": "none",
            "program": {"version": "0.1.0", "training_code": "0"},
            "kinds": [], "runs": [], "sweeps": [], "claims": [], "figures": [],
        });
        Self { folder: tempfile::tempdir().unwrap(), description }
    }

    fn list(&mut self, key: &str) -> &mut Vec<Value> {
        self.description[key].as_array_mut().unwrap()
    }

    /// Adds a kind with a run for each seed from 1 on.
    pub(crate) fn kind(&mut self, name: &str, baseline: Option<&str>, axes: Value, seeds: &[Points]) {
        self.list("kinds").push(json!({"name": name, "label": name, "baseline": baseline, "axes": axes}));
        for (seed, points) in (1..).zip(seeds) {
            self.run(name, seed, points, true);
        }
    }

    /// Adds a run.
    pub(crate) fn run(&mut self, kind: &str, seed: u64, points: &[(f64, f64)], finished: bool) {
        let run = format!("runs/{kind}/seed-{seed}");
        self.list("runs").push(json!({"kind": kind, "seed": seed, "folder": run, "alone": true}));
        self.write_run(&run, seed, points, finished);
    }

    /// Writes a run's files: an evaluation at each point, and a second a step between them.
    pub(crate) fn write_run(&self, run: &str, seed: u64, points: &[(f64, f64)], finished: bool) {
        let folder = self.folder.path().join(run);
        fs::create_dir_all(&folder).unwrap();
        let described = json!({
            "format": 1, "name": run, "method": "made-up", "seed": seed, "parameters": 1_000_000,
            "finished": finished, "recipe": {}, "model": {"model_type": "llama"},
            "data": {
                "tokenizer_sha256": "1a".repeat(32), "sequence_length": 128,
                "training": {"sha256": "2b".repeat(32)},
                "validation": {"sha256": "3c".repeat(32), "sequences": 64},
            },
        });
        fs::write(folder.join("run.json"), described.to_string()).unwrap();
        let mut lines = String::new();
        for (step, (flops, loss)) in points.iter().enumerate() {
            let at = json!({"step": step, "tokens": 100 * step, "stage": "train", "flops": flops, "flops_6nt": flops});
            let with = |more: Value| {
                let mut line = at.clone();
                line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                line
            };
            if step > 0 {
                writeln!(lines, "{}", with(json!({"loss": loss, "learning_rate": 0.001, "seconds": 1.0})))
                    .unwrap();
            }
            writeln!(lines, "{}", with(json!({"validation_loss": loss}))).unwrap();
        }
        fs::write(folder.join("metrics.jsonl"), lines).unwrap();
    }

    /// Adds a claim.
    pub(crate) fn claim(&mut self, rule: Rule) {
        let claim = Claim { says: "it is so".to_owned(), paper: "a number".to_owned(), rule };
        self.list("claims").push(serde_json::to_value(claim).unwrap());
    }

    /// Adds a figure.
    pub(crate) fn figure(&mut self, draws: Value) {
        self.list("figures").push(json!({"title": "a figure", "draws": draws}));
    }

    pub(crate) fn read(&self) -> Result<Experiment, ReportError> {
        fs::write(self.folder.path().join("experiment.json"), self.description.to_string()).unwrap();
        Experiment::read(self.folder.path())
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.read().unwrap().outcome()
    }
}

/// A power law of the FLOPs, read at twenty points until `end`.
pub(crate) fn curve(end: f64, level: f64, exponent: f64) -> Points {
    (0..=20)
        .map(|index| {
            let flops = end * f64::from(index) / 20.0;
            (flops, level * (flops + 0.01 * end).powf(exponent))
        })
        .collect()
}

/// The same curve, with every loss moved by so much.
pub(crate) fn moved(points: &[(f64, f64)], by: f64) -> Points {
    points.iter().map(|(flops, loss)| (*flops, loss + by)).collect()
}
