//! `cargo xtask bench step`: a training step on the CPU against PyTorch's, in every mode that PyTorch has, both sides
//! in turn.

use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde_json::{Value, json};

use super::{
    measure::answer,
    report::median,
    step_sizes::{Size, Sizes},
};
use crate::{python, scripts, workspace};

/// The release that is measured against.
const REQUIREMENT: &str = "torch==2.15.0\nnumpy";

/// Arguments of `cargo xtask bench step`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Sizes of the model and of a step.
    #[arg(long, value_enum, num_args = 1.., default_values_t = [Size::Xs, Size::S, Size::M])]
    size: Vec<Size>,
    /// What our side multiplies matrices in.
    #[arg(long, value_enum, default_value_t = Dtype::F32)]
    dtype: Dtype,
    /// PyTorch's modes; the fastest counts. By default both of the dtype.
    #[arg(long, value_enum, num_args = 1..)]
    mode: Vec<Mode>,
    /// Threads of both sides; by default one for each core.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Rounds, in each of which every side runs once; medians are reported.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Timed steps of a run; by default as many as the size deserves.
    #[arg(long)]
    steps: Option<NonZeroUsize>,
    /// Layers, instead of the size's own.
    #[arg(long)]
    layers: Option<NonZeroUsize>,
    /// Tokens of a sequence, instead of the size's own; the batch shrinks so that the tokens of a step stay as many.
    #[arg(long)]
    sequence: Option<NonZeroUsize>,
    /// Layers at the bottom that are not trained, with the embedding.
    #[arg(long, default_value_t = 0)]
    frozen_layers: usize,
    /// Only our side.
    #[arg(long)]
    alone: bool,
    /// Our side also with Muon for the matrices of the layers, in turn with AdamW.
    #[arg(long)]
    muon: bool,
    /// Write the numbers to this file as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A Python with PyTorch that is there already; without it, PyTorch is installed into the target directory.
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Dtype {
    F32,
    Bf16,
}

impl Dtype {
    fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }

    fn modes(self) -> [Mode; 2] {
        match self {
            Self::F32 => [Mode::Eager, Mode::Compile],
            Self::Bf16 => [Mode::Bf16, Mode::Bf16Compile],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Mode {
    /// f32 as it is written.
    Eager,
    /// f32 through torch.compile.
    Compile,
    /// bf16 through autocast.
    Bf16,
    /// bf16 through autocast and torch.compile.
    Bf16Compile,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Eager => "eager",
            Self::Compile => "compile",
            Self::Bf16 => "bf16",
            Self::Bf16Compile => "bf16-compile",
        }
    }
}

/// What the runs of one program said.
#[derive(Debug, Default)]
struct Runs {
    milliseconds: Vec<f64>,
    first_step_seconds: Vec<f64>,
    peak_bytes: f64,
    product_gflops: f64,
    lacks_instructions: bool,
}

impl Runs {
    fn add(&mut self, line: &Value) -> anyhow::Result<()> {
        let steps = line["milliseconds"].as_array().context("the run gave no times")?;
        self.milliseconds.push(median(steps.iter().filter_map(Value::as_f64).collect()));
        self.first_step_seconds.extend(line["first_step_seconds"].as_f64());
        self.peak_bytes = self.peak_bytes.max(line["peak_bytes"].as_f64().unwrap_or(0.0));
        self.lacks_instructions |= line["has_instructions"] == Value::Bool(false);
        self.product_gflops = self.product_gflops.max(line["product_gflops"].as_f64().unwrap_or(0.0));
        Ok(())
    }

    fn median_milliseconds(&self) -> f64 {
        median(self.milliseconds.clone())
    }

    fn json(&self) -> Value {
        json!({
            "median_milliseconds": self.median_milliseconds(),
            "milliseconds_by_round": self.milliseconds,
            "first_step_seconds": self.first_step_seconds,
            "peak_bytes": self.peak_bytes,
        })
    }
}

/// Measures at all sizes, printing each table when it is there.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let sizes = arguments.size.iter().map(|&size| Ok((size, sizes(arguments, size)?)));
    let sizes = sizes.collect::<anyhow::Result<Vec<_>>>()?;
    let target = workspace::target_directory()?;
    let python = match (&arguments.python, arguments.alone) {
        (_, true) => None,
        (Some(program), false) => Some(program.clone()),
        (None, false) => {
            let words = "PyTorch and what it needs (6 GB)";
            Some(python::environment(&target.join("bench/torch-venv"), REQUIREMENT, words)?)
        }
    };
    workspace::run(workspace::cargo().args([
        "build",
        "--release",
        "--locked",
        "--package",
        "outgrow-benches",
        "--bin",
        "step",
    ]))?;
    let program = target.join("release").join(format!("step{}", std::env::consts::EXE_SUFFIX));
    let mut measurements = Vec::new();
    for (size, sizes) in sizes {
        measurements.push(measure(arguments, size, &sizes, &program, python.as_deref())?);
    }
    if let Some(file) = &arguments.json {
        let numbers = json!({
            "benchmark": "step", "rounds": arguments.rounds, "threads": threads(arguments), "sizes": measurements,
        });
        fs::write(file, format!("{numbers:#}\n")).with_context(|| format!("writing `{}`", file.display()))?;
    }
    Ok(())
}

fn threads(arguments: &Arguments) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    arguments.threads.map_or(cores, NonZeroUsize::get)
}

fn measure(
    arguments: &Arguments,
    size: Size,
    sizes: &Sizes,
    program: &Path,
    python: Option<&Path>,
) -> anyhow::Result<Value> {
    let threads = threads(arguments);
    let modes = if arguments.mode.is_empty() { &arguments.dtype.modes() } else { arguments.mode.as_slice() };
    let (mut ours, mut peers) = (Runs::default(), BTreeMap::<Mode, Runs>::new());
    let mut with_muon = Runs::default();
    for _ in 0..arguments.rounds {
        for &mode in python.map_or([].as_slice(), |_| modes) {
            let mut command = scripts::command(python.context("a peer needs Python")?, "peers.training_step");
            command.args(["--mode", mode.name(), "--threads", &threads.to_string()]);
            peers.entry(mode).or_default().add(&answer(command.args(sizes.arguments()))?)?;
        }
        let command = || {
            let mut command = Command::new(program);
            command.env("RAYON_NUM_THREADS", threads.to_string()).args(sizes.arguments());
            command.args(["--dtype", arguments.dtype.name()]);
            command
        };
        ours.add(&answer(&mut command())?)?;
        if arguments.muon {
            with_muon.add(&answer(command().args(["--muon", "1"]))?)?;
        }
    }
    let with_muon = arguments.muon.then_some(with_muon);
    print_table(arguments, size, sizes, &ours, &peers);
    if let Some(runs) = &with_muon {
        let milliseconds = runs.median_milliseconds();
        let ratio = milliseconds / ours.median_milliseconds();
        println!(
            "  with Muon            {milliseconds:8.0} ms  {ratio:5.2} times as long  {:6.0} MB",
            runs.peak_bytes / 1e6
        );
    }
    let peers: BTreeMap<_, _> = peers.iter().map(|(mode, runs)| (mode.name(), runs.json())).collect();
    Ok(
        json!({ "size": size.name(), "dtype": arguments.dtype.name(), "flops": sizes.flops(), "outgrow": ours.json(), "outgrow_with_muon": with_muon.map(|runs| runs.json()), "pytorch": peers }),
    )
}

/// The size's numbers with what is asked for instead.
fn sizes(arguments: &Arguments, size: Size) -> anyhow::Result<Sizes> {
    let own = size.sizes();
    let or_own = |asked: Option<NonZeroUsize>, own| asked.map_or(own, NonZeroUsize::get);
    let sequence = or_own(arguments.sequence, own.sequence);
    let sizes = Sizes {
        layers: or_own(arguments.layers, own.layers),
        sequence,
        batch: (own.batch * own.sequence / sequence).max(1),
        steps: or_own(arguments.steps, own.steps),
        frozen_layers: arguments.frozen_layers,
        ..own
    };
    if sizes.frozen_layers > sizes.layers {
        bail!("--frozen-layers {}: size {} has {} layers", sizes.frozen_layers, size.name(), sizes.layers);
    }
    Ok(sizes)
}

fn print_table(arguments: &Arguments, size: Size, sizes: &Sizes, ours: &Runs, peers: &BTreeMap<Mode, Runs>) {
    let (flops, threads) = (sizes.flops(), threads(arguments));
    println!("{}: {:.0} GFLOP a step, {threads} threads", size.name(), flops / 1e9);
    let best = peers.values().map(Runs::median_milliseconds).fold(f64::INFINITY, f64::min);
    let leanest = peers.values().map(|runs| runs.peak_bytes).fold(f64::INFINITY, f64::min);
    let row = |name: &str, runs: &Runs| {
        let milliseconds = runs.median_milliseconds();
        let gflops = flops / milliseconds / 1e6;
        println!(
            "  {name:20} {milliseconds:8.0} ms  {gflops:5.0} GFLOP/s  {:3.0} % of a product's  {:6.0} MB  first step {:5.1} s",
            100.0 * gflops / ours.product_gflops,
            runs.peak_bytes / 1e6,
            median(runs.first_step_seconds.clone()),
        );
    };
    for (mode, runs) in peers {
        row(&format!("PyTorch {}", mode.name()), runs);
    }
    row(&format!("outgrow {}", arguments.dtype.name()), ours);
    if ours.lacks_instructions {
        println!(
            "  this processor has no instructions for {}: not what it is meant for",
            arguments.dtype.name()
        );
    }
    if best.is_finite() {
        let ratio = best / ours.median_milliseconds();
        println!(
            "  {ratio:.2} times as fast as PyTorch's best, {:.2} of its leanest memory",
            ours.peak_bytes / leanest
        );
    }
}
