//! A made-up experiment: nine operators, six lengths of the base, four sizes, and every kind of figure.
//! Losses are a power law of the FLOPs; growing is made to win, to lose or to do nothing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::{Value, json};

/// Tokens of a step, and steps between evaluations.
const BATCH: f64 = 16_384.0;
const EVALUATED_EVERY: u32 = 6;

/// FLOPs a token of the small and the large model, and the tokens of scratch.
const SMALL: f64 = 4e6;
const LARGE: f64 = 13e6;
const TOKENS: f64 = 2.4e6;

/// One kind.
struct Kind {
    name: String,
    label: String,
    baseline: Option<&'static str>,
    axes: Value,
    /// Nats below scratch's curve once it has grown.
    gain: f64,
    /// Tokens of the base, as a part of scratch's; none for scratch.
    base: Option<f64>,
    /// How many times as large as the smallest model.
    size: f64,
}

/// Writes experiment.json and the runs into `folder`, which it returns. Of several seeds one run is missing, and one
/// isn't finished.
pub(crate) fn write(folder: &Path, seeds: u64) -> io::Result<PathBuf> {
    let kinds = kinds();
    let mut runs = Vec::new();
    for kind in &kinds {
        for seed in 1..=seeds {
            let run = format!("runs/{}/seed-{seed}", kind.name);
            let is_missing = kind.name == "learned" && seed > 1 && seed == seeds;
            let is_unfinished = kind.name == "learned" && seed > 1 && seed + 1 == seeds;
            if !is_missing {
                write_run(&folder.join(&run), kind, seed, is_unfinished)?;
            }
            let alone = !kind.name.starts_with("random");
            runs.push(json!({"kind": kind.name, "seed": seed, "folder": run, "alone": alone}));
        }
    }
    let mut swept = Vec::new();
    for (value, worse) in [(5e-4, 0.11), (1e-3, 0.0), (2e-3, 0.02), (4e-3, 0.2)] {
        for seed in [101, 102] {
            let run = format!("sweeps/scratch_rate/{value:e}-seed-{seed}");
            let scratch = Kind { gain: -worse, ..scratch() };
            write_run(&folder.join(&run), &scratch, seed, false)?;
            swept.push(json!({"value": value, "seed": seed, "folder": run}));
        }
    }
    let kinds: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            json!({"name": kind.name, "label": kind.label, "baseline": kind.baseline, "axes": kind.axes})
        })
        .collect();
    let description = json!({
        "format": 1, "name": "made-up", "title": "Eight operators, six bases, four sizes",
        "source": "arXiv 2405.15319, Figures 3, 7 and 8", "scale": "nano",
        "notes": ["Nothing here was trained: losses are a power law with noise.", "Table 2 is instruction tuning, which isn't done."],
        "scale_description": "0.67 M parameters, 2.4 M tokens", "command": "outgrow experiment made-up --scale nano --out results",
        "program": {"version": "0.1.0", "training_code": "5f1c2a9e"},
        "kinds": kinds, "runs": runs,
        "sweeps": [{"name": "scratch_rate", "kind": "scratch", "runs": swept, "chosen": 1e-3}],
        "claims": claims(), "figures": figures(),
    });
    fs::write(folder.join("experiment.json"), format!("{description:#}"))?;
    Ok(folder.to_owned())
}

fn scratch() -> Kind {
    Kind {
        name: "scratch".to_owned(),
        label: "scratch".to_owned(),
        baseline: None,
        axes: json!({}),
        gain: 0.0,
        base: None,
        size: 1.0,
    }
}

fn kinds() -> Vec<Kind> {
    let mut kinds = vec![scratch()];
    let grown = |name: &str, label: &str, axes, gain, base| Kind {
        name: name.to_owned(),
        label: label.to_owned(),
        baseline: Some("scratch"),
        axes,
        gain,
        base: Some(base),
        size: 1.0,
    };
    let operators = [
        ("stack", "G_stack", 0.12),
        ("zero", "zero <b>depth</b> & \"identity\"", 0.05),
        ("learned", "learned (LiGO)", 0.08),
        ("random", "random, masked", -0.03),
        ("split", "split in width", 0.004),
        ("zero-width", "zero in width", -0.06),
    ];
    for (name, label, gain) in operators {
        let axes = |base: &str| json!({"operator": {"name": name}, "base": {"name": base}});
        kinds.push(grown(name, label, axes("short"), gain, 0.1));
        if name != "learned" {
            let label = format!("{label}, long base");
            kinds.push(grown(&format!("{name}-long"), &label, axes("long"), 0.6 * gain, 0.3));
        }
    }
    for (name, part) in
        [("0", 0.0), ("2.5 %", 0.025), ("5 %", 0.05), ("10 %", 0.1), ("20 %", 0.2), ("40 %", 0.4)]
    {
        let gain = if part > 0.0 { 0.12 - 0.03 * (part / 0.12_f64).ln().powi(2) } else { 0.0 };
        let axes = json!({"d": {"name": name, "number": part}});
        kinds.push(grown(&format!("d-{part}"), &format!("d = {name}"), axes, gain, part));
    }
    for (name, baseline, size) in [
        ("XS", "scratch-xs", 0.25),
        ("S", "scratch-s", 1.0),
        ("M", "scratch-m", 4.0),
        ("L", "scratch-l", 16.0),
    ] {
        let axes = json!({"size": {"name": name, "number": size}});
        let scratch = Kind {
            name: baseline.to_owned(),
            label: format!("scratch {name}"),
            axes: axes.clone(),
            size,
            ..self::scratch()
        };
        let label = format!("G_stack {name}");
        let stack = Kind {
            size,
            baseline: Some(baseline),
            ..grown(&baseline.replace("scratch", "grown"), &label, axes, 0.1, 0.1)
        };
        kinds.extend([scratch, stack]);
    }
    kinds
}

fn claims() -> Value {
    json!([
        {"says": "Stacking is the fastest operator", "paper": "+49.1 % at 8e20 FLOPs (Fig. 3)",
         "rule": {"speed-up": {"of": "stack", "against": "scratch", "paper": 0.491}}},
        {"says": "Zero growth in depth is nearly as fast", "paper": "+46.6 % (Fig. 3)",
         "rule": {"speed-up": {"of": "zero", "against": "scratch", "paper": 0.466}}},
        {"says": "Masked random growth is slower than scratch", "paper": "−25.7 % (Fig. 3)",
         "rule": {"speed-up": {"of": "random", "against": "scratch", "paper": -0.257}}},
        {"says": "Splitting in width is as good as scratch", "paper": "−0.7 % (Fig. 3)",
         "rule": {"equal": {"of": "split", "against": "scratch", "margin": 0.02}}},
        {"says": "Zero growth in width is better than splitting", "paper": "",
         "rule": {"lower": {"of": "zero-width", "against": "split"}}},
        {"says": "A short base is better than a long one", "paper": "",
         "rule": {"lower": {"of": "stack", "against": "stack-long"}}},
        {"says": "The best base takes 5 to 25 % of the tokens", "paper": "10 to 20 B of 25 to 90 B (Fig. 8)",
         "rule": {"optimum": {"axis": "d", "from": 0.05, "to": 0.25}}},
        {"says": "Growing is faster at every size", "paper": "+54.6 % at 7 B (Fig. 5)",
         "rule": {"law": {"of": ["grown-xs", "grown-s", "grown-m", "grown-l"],
                          "against": ["scratch-xs", "scratch-s", "scratch-m", "scratch-l"], "paper": 0.546}}},
    ])
}

fn figures() -> Value {
    let of_base = |name: &str| format!("{name}-long");
    json!([
        {"title": "Against scratch, at the end", "paper": "Fig. 3",
         "draws": {"differences": {"against": "scratch", "kinds": ["stack*", "zero*", "learned", "random*", "split*"]}}},
        {"title": "Loss of the operators", "paper": "Fig. 3",
         "draws": {"curves": {"kinds": ["scratch", "stack", "zero", "learned", "random", "split", "zero-width"]}}},
        {"title": "Loss of all", "draws": {"curves": {"kinds": ["scratch", "stack*", "zero*", "random*", "split*", "d-*"]}}},
        {"title": "Speed-up on the way", "paper": "Fig. 3",
         "draws": {"speed-ups": {"against": "scratch", "kinds": ["stack", of_base("stack"), "zero"]}}},
        {"title": "Stages and learning rates", "draws": {"stages": {"kinds": ["scratch", "stack", "stack-long", "zero"]}}},
        {"title": "How long to train the base", "paper": "Fig. 8",
         "draws": {"valley": {"axis": "d", "budgets": [0.3, 0.6, 1.0]}}},
        {"title": "Base by budget", "paper": "Fig. 9",
         "draws": {"heat-map": {"axis": "d", "budgets": [0.2, 0.4, 0.6, 0.8, 1.0]}}},
        {"title": "Operator by base", "draws": {"grid": {"across": "operator", "down": "base"}}},
        {"title": "Laws of four sizes", "paper": "Fig. 7",
         "draws": {"laws": {"series": [
             {"label": "scratch", "kinds": ["scratch-xs", "scratch-s", "scratch-m", "scratch-l"]},
             {"label": "G_stack", "kinds": ["grown-xs", "grown-s", "grown-m", "grown-l"]}]}}},
        {"title": "Not run yet", "draws": {"curves": {"kinds": ["nothing-of-this-name*"]}}},
    ])
}

/// A number between −1 and 1 that follows from a text.
fn noise(of: &str) -> f64 {
    let hash = of.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

fn write_run(folder: &Path, kind: &Kind, seed: u64, is_unfinished: bool) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let level = 0.03 * noise(&format!("seed {seed}")) + 0.004 * noise(&format!("{} {seed}", kind.name));
    let (small, large) = (SMALL * kind.size, LARGE * kind.size);
    let stages: Vec<(&str, f64, f64)> = match kind.base {
        Some(part) => {
            let of_base = (part * TOKENS).max(BATCH);
            vec![("base", small, of_base), ("grown", large, TOKENS - of_base * small / large)]
        }
        None => vec![("train", large, TOKENS)],
    };
    let mut lines = String::new();
    let (mut step, mut tokens, mut flops, mut growths) = (0_u32, 0.0, 0.0, Vec::new());
    let mut last_loss = 9.0;
    let law = |flops: f64| 3.2 + 2.6 * (flops / 1e12 + 0.14_f64).powf(-0.2);
    for (index, &(stage, flops_per_token, tokens_of_stage)) in stages.iter().enumerate() {
        let steps = (tokens_of_stage / BATCH) as u32;
        for batch in 0..=steps {
            let spike = if index > 0 { 0.5 * (-f64::from(batch) / 5.0).exp() } else { 0.0 };
            let gain = if index + 1 == stages.len() { kind.gain } else { 0.0 };
            let jitter = 0.002 * noise(&format!("{} {seed} {step}", kind.name));
            // What a growth gains is there when the spike is over.
            let gained = if index > 0 { gain * (1.0 - (-f64::from(batch) / 15.0).exp()) } else { gain };
            let loss = law(flops) - gained + spike + level + jitter;
            if is_unfinished && index > 0 && batch > steps / 2 {
                break;
            }
            if index > 0 && batch == 0 {
                growths.push(json!({
                    "stage": stage, "tokens": tokens as u64, "loss_before": last_loss, "loss_after": loss,
                    "highest_loss": loss + 0.01, "tokens_until_back": (7.0 * BATCH) as u64,
                }));
            }
            if batch > 0 {
                (step, tokens, flops) = (step + 1, tokens + BATCH, flops + flops_per_token * BATCH);
                let warm = (f64::from(batch) / 6.0).min(1.0);
                let rate = 1e-3 * warm * (0.55 + 0.45 * (3.0 * f64::from(batch) / f64::from(steps)).cos());
                let line = json!({
                    "step": step, "tokens": tokens as u64, "stage": stage, "loss": loss, "learning_rate": rate,
                    "tokens_per_second": 4e10 / flops_per_token, "flops": flops, "flops_6nt": 1.2 * flops,
                });
                writeln!(lines, "{line}").map_err(io::Error::other)?;
            }
            if batch % EVALUATED_EVERY == 0 || batch == steps {
                let line = json!({
                    "step": step, "tokens": tokens as u64, "stage": stage, "flops": flops,
                    "flops_6nt": 1.2 * flops, "validation_loss": loss,
                });
                writeln!(lines, "{line}").map_err(io::Error::other)?;
                last_loss = loss;
            }
        }
    }
    let run = json!({
        "format": 1, "name": format!("{}-seed-{seed}", kind.name), "method": if kind.base.is_some() { "g-stack" } else { "scratch" },
        "seed": seed, "recipe": {"seed": seed, "name": kind.name}, "device": "made up", "version": "0.1.0",
        "model": {"model_type": "llama"}, "parameters": (670_000.0 * kind.size) as u64, "finished": !is_unfinished,
        "growths": growths,
        "data": {
            "tokenizer_sha256": "1a", "sequence_length": 128, "training": {"sha256": "2b"},
            "validation": {"sha256": "3c", "sequences": 64},
        },
    });
    fs::write(folder.join("run.json"), run.to_string())?;
    fs::write(folder.join("metrics.jsonl"), lines)
}
