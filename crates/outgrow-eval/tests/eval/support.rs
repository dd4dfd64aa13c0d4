//! A model whose scores are read off the SHA-256 of a request's tokens, as in xtask/python/peers/harness.py; and the
//! road from names to an evaluation in one call. It asserts nothing.

use std::error::Error;
use std::path::{Path, PathBuf};

use outgrow_eval::{
    AddBosToken, BatchLimit, Continuations, EvalError, LanguageModel, ModelOutline, Options, Plan, Prefix,
    Score, Scores, Seeds, Selection, TokenRequests,
    tokenizer::{Tokenizer, pretrained::PretrainedTokenizer},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub(crate) const TASKS: [&str; 15] = [
    "lambada_openai",
    "lambada_standard",
    "arc_easy",
    "arc_challenge",
    "logiqa",
    "piqa",
    "sciq",
    "winogrande",
    "wikitext",
    "hellaswag",
    "truthfulqa_mc1",
    "truthfulqa_mc2",
    "mmlu_anatomy",
    "boolq",
    "openbookqa",
];

pub(crate) struct Hashed {
    pub(crate) outline: ModelOutline,
    /// After so many batches it fails.
    pub(crate) batches_left: usize,
    /// Continuations that it has scored.
    pub(crate) scored: usize,
}

impl Hashed {
    pub(crate) fn new(outline: ModelOutline) -> Self {
        Self { outline, batches_left: usize::MAX, scored: 0 }
    }
}

impl LanguageModel for Hashed {
    fn outline(&self) -> ModelOutline {
        self.outline.clone()
    }

    fn score(&mut self, groups: &[Continuations]) -> Result<Vec<Vec<Score>>, Box<dyn Error + Send + Sync>> {
        self.batches_left = self.batches_left.checked_sub(1).ok_or("the machine is switched off")?;
        self.scored += groups.iter().map(|group| group.continuations.len()).sum::<usize>();
        let group = |group: &Continuations| {
            group.continuations.iter().map(|continuation| hashed(&group.context, continuation)).collect()
        };
        Ok(groups.iter().map(group).collect())
    }
}

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

/// An error as a program prints it: the message, then its causes.
pub(crate) fn one_line(error: &EvalError) -> String {
    let (mut line, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}

pub(crate) fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

pub(crate) fn golden_json(file: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(golden().join(file)).unwrap()).unwrap()
}

pub(crate) fn documents() -> PathBuf {
    golden().join("documents")
}

pub(crate) fn tokenizer() -> PretrainedTokenizer {
    PretrainedTokenizer::plain(Tokenizer::open(&golden().join("tokenizer.json")).unwrap())
}

pub(crate) fn outline(max_length: usize) -> ModelOutline {
    ModelOutline {
        vocab_size: tokenizer().tokenizer().vocab_size(),
        max_length,
        bos_token_id: Some(1),
        eos_token_id: Some(2),
    }
}

/// The options of a golden case.
pub(crate) fn options(json: &Value) -> Options {
    let number = |key: &str| json.get(key).and_then(Value::as_u64);
    let add_bos_token = match json.get("add_bos_token").and_then(Value::as_bool) {
        None => AddBosToken::Default,
        Some(true) => AddBosToken::Always,
        Some(false) => AddBosToken::Never,
    };
    let mut seeds = Seeds::default();
    seeds.fewshot = number("fewshot_seed").unwrap_or(seeds.fewshot);
    Options {
        num_fewshot: number("num_fewshot").map(|count| count as usize),
        add_bos_token,
        prefix: number("prefix_token_id").map_or(Prefix::Default, |id| Prefix::Id(id as u32)),
        bootstrap_iters: number("bootstrap_iters").map_or(100_000, |count| count as usize),
        seeds,
        ..Options::default()
    }
}

pub(crate) fn plan(tasks: &[&str], data: &Path, options: &Options) -> Result<Plan, EvalError> {
    Plan::prepare(&Selection::named(tasks)?, data, options)
}

/// Tokens and scores of a plan.
pub(crate) fn scored(plan: &Plan, max_length: usize, batch: BatchLimit) -> (TokenRequests, Scores) {
    let requests = TokenRequests::new(plan, &tokenizer(), &outline(max_length)).unwrap();
    let scores =
        Scores::compute(&requests, &mut Hashed::new(outline(max_length)), batch, None, &mut |_| ()).unwrap();
    (requests, scores)
}
