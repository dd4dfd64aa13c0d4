//! `cargo xtask bench eval`: `outgrow eval` against lm-evaluation-harness with its `hf` model, and `outgrow generate`
//! against transformers, on the CPU, both sides in turn, whole commands.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::{
    measure::{answer, last_line_as_json},
    report::median,
};
use crate::{python, scripts, workspace};

/// The releases that are measured against.
const REQUIREMENTS: &str = "lm_eval==0.4.13\ntransformers==5.24.0\ntorch==2.15.0\nnumpy";

/// Tasks whose answers share a context.
const SHARED: &str = "arc_easy,arc_challenge,logiqa,sciq";

const NINE: &str =
    "lambada_openai,lambada_standard,arc_easy,arc_challenge,logiqa,piqa,sciq,winogrande,wikitext";

const PROMPT: &str = "The history of the city begins with a river and";

/// Arguments of `cargo xtask bench eval`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The folder with the tasks' documents.
    data: PathBuf,
    /// A tokenizer.json for the models, which are made with random weights.
    #[arg(long, value_name = "FILE")]
    tokenizer: PathBuf,
    /// Widths of the models.
    #[arg(long, num_args = 1.., default_values_t = [256, 1024])]
    hidden: Vec<usize>,
    /// Documents of each task: so many, or below 1 such a part; all by default.
    #[arg(long)]
    limit: Option<f64>,
    /// Batch sizes of the harness; the fastest counts.
    #[arg(long, num_args = 1.., default_values_t = [8, 32])]
    batch_size: Vec<usize>,
    /// Threads of both sides; by default one for each core.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Rounds, in each of which every side runs once; medians are reported.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Only the tasks whose answers share a context, and text.
    #[arg(long)]
    shared_only: bool,
    /// Write the numbers to this file as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A Python with lm_eval and PyTorch that is there already; without it, they are installed into the target
    /// directory.
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
}

/// Both programs and where they work.
struct Bench<'a> {
    arguments: &'a Arguments,
    program: PathBuf,
    python: PathBuf,
    folder: PathBuf,
    threads: usize,
}

/// Measures at all widths, printing each table when it is there.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    for path in [&arguments.data, &arguments.tokenizer] {
        if !path.exists() {
            bail!("`{}` isn't there", path.display());
        }
    }
    let target = workspace::target_directory()?;
    let python = if let Some(program) = &arguments.python {
        program.clone()
    } else {
        let words = "lm_eval, PyTorch and what they need (6 GB)";
        python::environment(&target.join("bench/eval-venv"), REQUIREMENTS, words)?
    };
    workspace::run(workspace::cargo().args(["build", "--release", "--locked", "--package", "outgrow"]))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let bench = Bench {
        arguments,
        program: target.join("release").join(format!("outgrow{}", std::env::consts::EXE_SUFFIX)),
        python,
        folder: target.join("bench/eval"),
        threads: arguments.threads.map_or(cores, NonZeroUsize::get),
    };
    let mut measurements = Vec::new();
    for &hidden in &arguments.hidden {
        measurements.push(bench.measure(hidden)?);
    }
    if let Some(file) = &arguments.json {
        let numbers = json!({ "benchmark": "eval", "threads": bench.threads, "models": measurements });
        fs::write(file, format!("{numbers:#}\n")).with_context(|| format!("writing `{}`", file.display()))?;
    }
    Ok(())
}

impl Bench<'_> {
    fn measure(&self, hidden: usize) -> anyhow::Result<Value> {
        let model = self.folder.join(format!("hidden-{hidden}"));
        let tokenizer = fs::canonicalize(&self.arguments.tokenizer)
            .with_context(|| format!("opening `{}`", self.arguments.tokenizer.display()))?;
        let mut make = self.peer("peers.text");
        make.arg("make")
            .arg(&model)
            .arg("--tokenizer")
            .arg(tokenizer)
            .args(["--hidden", &hidden.to_string()]);
        let parameters = answer(&mut make)?["parameters"].as_u64().unwrap_or(0);
        println!("hidden {hidden}: {:.1} M parameters, {} threads", parameters as f64 / 1e6, self.threads);
        let sets = [("shared contexts", SHARED), ("all nine", NINE)];
        let sets = &sets[..if self.arguments.shared_only { 1 } else { 2 }];
        let sets = sets.iter().map(|&(name, tasks)| self.evaluate(&model, name, tasks));
        let sets = sets.collect::<anyhow::Result<Vec<_>>>()?;
        Ok(json!({
            "hidden": hidden, "parameters": parameters, "tasks": sets, "text": self.generate(&model)?,
        }))
    }

    fn evaluate(&self, model: &Path, name: &str, tasks: &str) -> anyhow::Result<Value> {
        let mut ours = Vec::new();
        let mut peers: Vec<(usize, Vec<f64>, u64)> =
            self.arguments.batch_size.iter().map(|&size| (size, Vec::new(), 0)).collect();
        let mut requests = 0;
        for _ in 0..self.arguments.rounds {
            for (batch_size, seconds, peak) in &mut peers {
                let mut command = self.peer("peers.evaluation");
                command.arg(model).arg(&self.arguments.data).arg(self.folder.join("theirs"));
                command.args([
                    "--threads",
                    &self.threads.to_string(),
                    "--batch-size",
                    &batch_size.to_string(),
                ]);
                let (elapsed, text) = self.timed(&mut command, tasks)?;
                let line = last_line_as_json(&text)?;
                seconds.push(elapsed);
                *peak = line["peak_bytes"].as_u64().unwrap_or(0);
                requests = line["requests"].as_u64().unwrap_or(0);
            }
            let mut command = self.ours("eval");
            command.arg(model).arg("--data").arg(&self.arguments.data);
            command.arg("--out").arg(self.folder.join("ours")).arg("--log-samples");
            ours.push(self.timed(&mut command, tasks)?.0);
        }
        let best = peers.iter().map(|(_, seconds, _)| median(seconds.clone())).fold(f64::INFINITY, f64::min);
        let rate = |seconds: f64| requests as f64 / seconds;
        println!("  {name}: {requests} requests");
        for (batch_size, seconds, peak) in &peers {
            let (seconds, megabytes) = (median(seconds.clone()), *peak as f64 / 1e6);
            println!(
                "    lm_eval, batches of {batch_size:3}  {seconds:7.1} s  {:6.0} requests/s  {megabytes:6.0} MB",
                rate(seconds)
            );
        }
        let own = median(ours.clone());
        println!("    outgrow eval             {own:7.1} s  {:6.0} requests/s", rate(own));
        println!("    {:.2} times as fast", best / own);
        let of_peer = |(size, seconds, peak): &(usize, Vec<f64>, u64)| json!({ "batch_size": size, "seconds": seconds, "peak_bytes": peak });
        Ok(json!({
            "tasks": tasks, "requests": requests, "outgrow_seconds": ours,
            "lm_eval": peers.iter().map(of_peer).collect::<Vec<_>>(),
        }))
    }

    fn generate(&self, model: &Path) -> anyhow::Result<Value> {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let mut same = true;
        for _ in 0..self.arguments.rounds.max(3) {
            let mut command = self.peer("peers.text");
            command.arg("generate").arg(model).args(["--prompt", PROMPT, "--new-tokens", "128"]);
            let their = answer(command.args(["--threads", &self.threads.to_string()]))?;
            let mut command = self.ours("generate");
            command.arg(model).args([
                "--prompt",
                PROMPT,
                "--max-new-tokens",
                "128",
                "--ignore-eos",
                "--json",
            ]);
            let our = answer(&mut command)?;
            same &= our["tokens"] == their["tokens"];
            let rate = |line: &Value| 127.0 / line["seconds"].as_f64().unwrap_or(f64::NAN);
            theirs.push(rate(&their));
            ours.push(rate(&our));
        }
        let (own, their) = (median(ours.clone()), median(theirs.clone()));
        println!("  text: transformers {their:.0} tokens/s, outgrow generate {own:.0} tokens/s");
        let words = if same { "the same tokens" } else { "OTHER TOKENS" };
        println!("    {:.2} times as fast, {words}", own / their);
        Ok(
            json!({ "outgrow_tokens_per_second": ours, "transformers_tokens_per_second": theirs, "same_tokens": same }),
        )
    }

    fn peer(&self, module: &str) -> Command {
        let mut command = scripts::command(&self.python, module);
        command.env("HF_HUB_OFFLINE", "1");
        command
    }

    fn ours(&self, what: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(what).env("RAYON_NUM_THREADS", self.threads.to_string());
        command
    }

    /// Seconds of a whole command, and what it printed.
    fn timed(&self, command: &mut Command, tasks: &str) -> anyhow::Result<(f64, String)> {
        command.args(["--tasks", tasks]);
        if let Some(limit) = self.arguments.limit {
            command.args(["--limit", &limit.to_string()]);
        }
        let start = Instant::now();
        let text = workspace::output(command)?;
        Ok((start.elapsed().as_secs_f64(), text))
    }
}
