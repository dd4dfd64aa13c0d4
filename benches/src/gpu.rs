//! What a GPU can do with what there is today, measured in minutes: the program `gpu`.
//!
//! It decides nothing and no check runs it. PyTorch's side and the script that runs both are in xtask/gpu.

mod models;
mod part;
mod record;
mod tensors;
mod timing;

mod copies;
mod first_step;
mod pieces;
mod products;
mod steps;

mod supervise;
mod table;

mod arguments;

use std::{
    fmt, fs,
    io::{self, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context;
use burn::tensor::Device;
use clap::Parser;
use outgrow_kernels::open_device;
use serde_json::json;

use arguments::{Arguments, Command, Measure, One};
use models::{Model, SMALL};
use part::Part;
use record::Record;
use supervise::{Ending, append};

/// Runs the program by its command line.
pub fn main() -> ExitCode {
    let succeeded = match Arguments::parse().command {
        Command::Measure(arguments) => measure(&arguments),
        Command::Part(arguments) => one(&arguments).map(|()| true),
        Command::Table { results } => table::print(&results).map(|()| true),
    };
    match succeeded {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// A line for whoever watches, who may have gone.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Whether every part was done.
fn measure(arguments: &Measure) -> anyhow::Result<bool> {
    if let Some(folder) = arguments.results.parent() {
        fs::create_dir_all(folder).with_context(|| format!("creating `{}`", folder.display()))?;
    }
    let deadline = Instant::now() + Duration::from_secs(arguments.seconds);
    let parts = if arguments.parts.is_empty() { &Part::ALL[..] } else { &arguments.parts };
    let mut all_done = true;
    for &part in parts {
        let start = Instant::now();
        let limit = part.limit().min(deadline.saturating_duration_since(start));
        let mut child = vec!["part".to_owned(), part.to_string()];
        child.extend(["--device".to_owned(), arguments.device.to_string()]);
        child.extend(arguments.rehearse.then(|| "--rehearse".to_owned()));
        let ending = supervise::run(part, &child, limit, &arguments.results)?;
        let line = ending.json(part, start.elapsed().as_secs_f64());
        append(&arguments.results, &line)?;
        all_done &= ending == Ending::Done;
        say(format_args!("{part}: {} after {:.1} s", words(&ending), start.elapsed().as_secs_f64()));
    }
    Ok(all_done)
}

fn words(ending: &Ending) -> String {
    match ending {
        Ending::Done => "done".to_owned(),
        Ending::Failed(reason) => format!("failed ({reason})"),
        Ending::OutOfTime => "out of time".to_owned(),
    }
}

/// One part, in this process.
fn one(arguments: &One) -> anyhow::Result<()> {
    let part = arguments.part;
    let device = open_device(arguments.device)?;
    let record = Record::new(part);
    let model = |name: &str| Model::named(if arguments.rehearse { SMALL } else { name });
    match part {
        Part::Device => opened(&record, arguments, &device)?,
        Part::FirstStep => first_step::run(&record, &device)?,
        Part::Copies => copies::run(&record, if arguments.rehearse { 1 << 16 } else { 1 << 28 }, &device)?,
        Part::Pieces => pieces::run(&record, &model("124m")?, &device)?,
        Part::Step124m => steps::run(&record, &model("124m")?, &device)?,
        Part::Products if arguments.rehearse => products::run(&record, &[Model::named(SMALL)?], &device)?,
        Part::Products => {
            let models = ["1.1b", "124m", "410m"].map(Model::named);
            products::run(&record, &models.into_iter().collect::<anyhow::Result<Vec<_>>>()?, &device)?;
        }
        Part::Tuning => pieces::run_layer(&record, &model("124m")?, &device)?,
        Part::Step410m => steps::run(&record, &model("410m")?, &device)?,
        Part::Step1b => steps::run(&record, &model("1.1b")?, &device)?,
    }
    record.finish()
}

/// The device's name and types, and the time until it has computed anything.
fn opened(record: &Record, arguments: &One, device: &Device) -> anyhow::Result<()> {
    record.measure("device", || {
        let start = Instant::now();
        let sum = tensors::normal::<1>([1024], device).add_scalar(1.0).sum().into_scalar::<f32>();
        let line = json!({
            "device": arguments.device.to_string(),
            "name": name_of(device),
            "compiler": compiler(arguments.device.to_string().as_str()),
            "precisions": tensors::precisions(device),
            "first_seconds": start.elapsed().as_secs_f64(),
            "sum": sum,
        });
        line.as_object().cloned().context("numbers make an object")
    })
}

/// What makes CUDA's kernels in this build.
fn compiler(device: &str) -> Option<&'static str> {
    let compiler = if cfg!(feature = "nvrtc") { "NVRTC" } else { "LLVM" };
    device.starts_with("cuda").then_some(compiler)
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn name_of(device: &Device) -> Option<String> {
    Some(device.identity()?.name)
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
fn name_of(_device: &Device) -> Option<String> {
    None
}
