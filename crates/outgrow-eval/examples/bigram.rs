//! Scores a bigram model of letters: what it takes to put another model under the benchmarks. Documents are two made-up
//! ones for ARC, so that it needs no data.
//!
//! `cargo run -p outgrow-eval --example bigram`, or with a folder of data and task names: `… -- DATA arc_easy,sciq`.

use std::error::Error;
use std::path::Path;

use outgrow_eval::{
    BatchLimit, Continuations, Evaluation, LanguageModel, ModelOutline, Options, Plan, Score, Scores,
    ScoringProgress, Selection, TokenRequests,
    tokenizer::{Tokenizer, pretrained::PretrainedTokenizer},
};

/// Counts of which byte follows which.
struct Bigram {
    counts: Vec<[f64; BYTES]>,
}

const BYTES: usize = 256;

impl Bigram {
    /// Counts every pair of bytes of a text, and each once more so that none is impossible.
    fn of(text: &str) -> Self {
        let mut counts = vec![[1.0; BYTES]; BYTES];
        for pair in text.as_bytes().windows(2) {
            counts[usize::from(pair[0])][usize::from(pair[1])] += 1.0;
        }
        Self { counts }
    }

    fn continuation(&self, last: u32, continuation: &[u32]) -> Score {
        let mut score = Score { log_likelihood: 0.0, is_greedy: true };
        let mut before = last as usize;
        for &token in continuation {
            let row = &self.counts[before];
            let count = row[token as usize];
            score.log_likelihood += (count / row.iter().sum::<f64>()).ln();
            score.is_greedy &= row.iter().all(|&other| other <= count);
            before = token as usize;
        }
        score
    }
}

impl LanguageModel for Bigram {
    fn outline(&self) -> ModelOutline {
        ModelOutline { vocab_size: BYTES, max_length: 2048, bos_token_id: None, eos_token_id: Some(0) }
    }

    fn score(&mut self, groups: &[Continuations]) -> Result<Vec<Vec<Score>>, Box<dyn Error + Send + Sync>> {
        let scores = groups.iter().map(|group| {
            let last = group.context.last().copied().unwrap_or(0);
            group.continuations.iter().map(|continuation| self.continuation(last, continuation)).collect()
        });
        Ok(scores.collect())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let made_up = tempfile::tempdir()?;
    let tokenizer = made_up.path().join("tokenizer.json");
    std::fs::write(&tokenizer, tokenizer_of_bytes())?;
    let (data, tasks) = if let [data, tasks] = arguments.as_slice() {
        (Path::new(data), tasks.split(',').collect())
    } else {
        std::fs::write(made_up.path().join("arc_easy_test.jsonl"), QUESTIONS)?;
        (made_up.path(), vec!["arc_easy"])
    };

    // Everything that can be checked without a model is checked here.
    let plan = Plan::prepare(&Selection::named(&tasks)?, data, &Options::default())?;
    for warning in plan.warnings() {
        eprintln!("{warning}");
    }
    let mut model = Bigram::of(include_str!("../README.md"));
    let requests = TokenRequests::new(
        &plan,
        &PretrainedTokenizer::plain(Tokenizer::open(&tokenizer)?),
        &model.outline(),
    )?;
    let mut progress = |now: ScoringProgress| eprintln!("{} of {} requests", now.done, now.total);
    let scores = Scores::compute(&requests, &mut model, BatchLimit::default(), None, &mut progress)?;
    let evaluation = Evaluation::new(&plan, &requests, &scores)?;
    print!("{}", evaluation.table());
    Ok(())
}

const QUESTIONS: &str = r#"{"id": "1", "question": "What do plants take up with their roots?", "choices": {"text": ["light", "water", "wind"], "label": ["A", "B", "C"]}, "answerKey": "B"}
{"id": "2", "question": "Which of these is a solid?", "choices": {"text": ["ice", "steam", "milk", "air"], "label": ["1", "2", "3", "4"]}, "answerKey": "1"}
"#;

/// A byte-level tokenizer without merges: the id of a byte is its number in the alphabet that byte-level tokenizers
/// write bytes in.
fn tokenizer_of_bytes() -> String {
    let printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let bytes = 0..=u8::MAX;
    let own = bytes.clone().filter(printable).map(char::from);
    let others = bytes.filter(|byte| !printable(byte)).count() as u32;
    let shifted = (0x100..0x100 + others).filter_map(char::from_u32);
    let alphabet = own.chain(shifted).enumerate().map(|(id, character)| (character.to_string(), id.into()));
    let vocabulary = serde_json::Value::Object(alphabet.collect());
    let pre_tokenizer = serde_json::json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false
    });
    let decoder = pre_tokenizer.clone();
    let model = serde_json::json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null,
        "fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": vocabulary, "merges": []
    });
    serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": pre_tokenizer, "post_processor": null, "decoder": decoder, "model": model
    })
    .to_string()
}
