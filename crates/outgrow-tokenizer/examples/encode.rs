//! Ids of texts by tokenizers, for a script that compares them with another library's.
//!
//! Reads lines of JSON from standard input, `{"tokenizer": PATH, "texts": […], "decode": [[…], …]}`, and writes one for
//! each: ids of every text as text, as tokens, and with the post-processor's, what the ids decode to, and the tokens
//! beside the vocabulary. A call that fails has its message in place of a list.

use std::{error::Error, io, path::Path};

use outgrow_tokenizer::{Engine, Reading, Tokenizer, TokenizerError};
use serde_json::{Value, json};

const READINGS: [(&str, Reading); 3] =
    [("text", Reading::TEXT), ("tokens", Reading::tokens(false)), ("added", Reading::tokens(true))];

fn main() -> Result<(), Box<dyn Error>> {
    for line in io::stdin().lines() {
        println!("{}", answer(&serde_json::from_str(&line?)?)?);
    }
    Ok(())
}

fn answer(question: &Value) -> Result<Value, Box<dyn Error>> {
    let path = question["tokenizer"].as_str().ok_or("a line without a tokenizer")?;
    let opened = Tokenizer::open(Path::new(path));
    let tokenizer = match opened {
        Ok(tokenizer) if question["reference"] == true => {
            tokenizer.by(Engine::Reference).ok_or("always there")?
        }
        Ok(tokenizer) => tokenizer,
        Err(error) => return Ok(json!({ "refused": error.to_string() })),
    };
    let texts: Vec<&str> =
        question["texts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut answer = json!({
        "engine": match tokenizer.engine() { Engine::Fast => "fast", Engine::Reference => "reference" },
        "vocab_size": tokenizer.vocab_size(),
        "notes": tokenizer.notes(),
        "added_tokens": tokenizer.added_tokens().iter().map(|token| json!([token.id, token.content, token.special])).collect::<Vec<_>>(),
    });
    for (name, reading) in READINGS {
        answer[name] = texts.iter().map(|text| result(tokenizer.encode(text, reading))).collect();
    }
    let ids = |list: &Value| {
        list.as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .map(|id| id as u32)
            .collect::<Vec<_>>()
    };
    answer["decoded"] = question["decode"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|list| result(tokenizer.decode(&ids(list))))
        .collect();
    Ok(answer)
}

fn result(outcome: Result<impl Into<Value>, TokenizerError>) -> Value {
    outcome.map_or_else(|error| json!({ "failed": error.to_string() }), Into::into)
}
