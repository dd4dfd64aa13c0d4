//! A model that knows nothing and says the same everywhere: its scores are read off the SHA-256 of a request's tokens.
//! `check_eval.py` gives lm-evaluation-harness the same model, so that all that is left to differ is the evaluation.
//!
//! `hashed_scores DATA TASKS TOKENIZER OUT '{"max_length": 128, …}'`: the options as an object of JSON, all of them
//! optional: `vocab_size`, `max_length`, `bos_token_id`, `eos_token_id`, `limit`, `num_fewshot`, `add_bos_token`,
//! `prefix_token_id`, `bootstrap_iters`, `fewshot_seed`, `paper`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use outgrow_eval::{
    AddBosToken, BatchLimit, Continuations, Evaluation, LanguageModel, Limit, ModelOutline, Options, Plan,
    Prefix, RunDescription, Score, Scores, Selection, TokenRequests,
    tokenizer::{Tokenizer, pretrained::PretrainedTokenizer},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

struct Hashed(ModelOutline);

impl LanguageModel for Hashed {
    fn outline(&self) -> ModelOutline {
        self.0.clone()
    }

    fn score(&mut self, groups: &[Continuations]) -> Result<Vec<Vec<Score>>, Box<dyn Error + Send + Sync>> {
        let group = |group: &Continuations| {
            group.continuations.iter().map(|continuation| hashed(&group.context, continuation)).collect()
        };
        Ok(groups.iter().map(group).collect())
    }
}

/// Up to 32 nats below nothing, and greedy once in four times.
fn hashed(context: &[u32], continuation: &[u32]) -> Score {
    let mut digest = Sha256::new();
    digest.update((context.len() as u64).to_le_bytes());
    for id in context.iter().chain(continuation) {
        digest.update(id.to_le_bytes());
    }
    let sum = digest.finalize();
    let drawn = u32::from_le_bytes([sum[0], sum[1], sum[2], sum[3]]);
    Score { log_likelihood: -f64::from(drawn) / 134_217_728.0, is_greedy: sum[4] % 4 == 0 }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (mut line, mut cause) = (error.to_string(), error.source());
            while let Some(error) = cause {
                line = format!("{line}: {error}");
                cause = error.source();
            }
            eprintln!("{line}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, tasks, tokenizer, out, choices] = arguments.as_slice() else {
        return Err("hashed_scores DATA TASKS TOKENIZER OUT OPTIONS".into());
    };
    let choices: Value = serde_json::from_str(choices)?;
    let number = |key: &str| choices.get(key).and_then(Value::as_u64);
    let tokenizer = PretrainedTokenizer::plain(Tokenizer::open(Path::new(tokenizer))?);
    let outline = ModelOutline {
        vocab_size: number("vocab_size").map_or(tokenizer.tokenizer().vocab_size(), |size| size as usize),
        max_length: number("max_length").map_or(2048, |length| length as usize),
        bos_token_id: number("bos_token_id").map(|id| id as u32),
        eos_token_id: number("eos_token_id").map(|id| id as u32),
    };
    let start = Instant::now();
    let names: Vec<_> = tasks.split(',').collect();
    let plan = Plan::prepare(&Selection::named(&names)?, Path::new(data), &options(&choices)?)?;
    let after_preparing = start.elapsed();
    let requests = TokenRequests::new(&plan, &tokenizer, &outline)?;
    let after_tokenizing = start.elapsed();
    for warning in plan.warnings().iter().chain(&requests.warnings()) {
        eprintln!("{warning}");
    }
    let mut model = Hashed(outline.clone());
    let journal = number("journal").map(|_| Path::new(out).join("journal"));
    let journal = journal.as_ref().map(|path: &PathBuf| (path.as_path(), "hashed scores"));
    let scores = Scores::compute(&requests, &mut model, BatchLimit::default(), journal, &mut |_| ())?;
    let after_scoring = start.elapsed();
    let evaluation = Evaluation::new(&plan, &requests, &scores)?;
    let spelt = |id: Option<u32>| id.and_then(|id| Some((tokenizer.tokenizer().spelling(id)?, id)));
    let run = RunDescription {
        model_name: "hashed".into(),
        num_parameters: 0,
        dtype: "float32".into(),
        device: "cpu".into(),
        batch_size: "64".into(),
        bos_token: spelt(outline.bos_token_id),
        eos_token: spelt(outline.eos_token_id),
        seconds: start.elapsed().as_secs_f64(),
        ..RunDescription::default()
    };
    let written = evaluation.write(&requests, &run, Path::new(out), true, SystemTime::now())?;
    print!("{}", evaluation.table());
    if let Some(row) = evaluation.paper_row() {
        let row: Vec<_> = row.into_iter().map(|(name, value)| format!("{name} {value}")).collect();
        println!("\n{}", row.join("  "));
    }
    let [preparing, tokenizing, scoring] =
        [after_preparing, after_tokenizing, after_scoring].map(|time| time.as_secs_f64());
    eprintln!(
        "{} requests ({} distinct): after {preparing:.1} s prepared, after {tokenizing:.1} s tokenised, after {scoring:.1} s scored, after {:.1} s written: {}",
        requests.total(),
        requests.distinct(),
        start.elapsed().as_secs_f64(),
        written.results.display()
    );
    Ok(())
}

fn options(choices: &Value) -> Result<Options, Box<dyn Error>> {
    let number = |key: &str| choices.get(key).and_then(Value::as_u64);
    let default = match choices.get("paper").and_then(Value::as_bool) {
        Some(true) => Options::paper(),
        _ => Options::default(),
    };
    let add_bos_token = match choices.get("add_bos_token").and_then(Value::as_bool) {
        None => default.add_bos_token,
        Some(true) => AddBosToken::Always,
        Some(false) => AddBosToken::Never,
    };
    let mut seeds = default.seeds;
    seeds.fewshot = number("fewshot_seed").unwrap_or(seeds.fewshot);
    Ok(Options {
        limit: choices.get("limit").and_then(Value::as_f64).map(Limit::from_number).transpose()?,
        num_fewshot: number("num_fewshot").map(|count| count as usize),
        add_bos_token,
        prefix: number("prefix_token_id").map_or(default.prefix, |id| Prefix::Id(id as u32)),
        max_length: None,
        bootstrap_iters: number("bootstrap_iters").map_or(default.bootstrap_iters, |count| count as usize),
        seeds,
    })
}
