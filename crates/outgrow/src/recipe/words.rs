//! What is said of a key that isn't one, of a value that is none, and of what is missing: in a person's words, with
//! what is right and an example. Which key it is, key_path.rs finds.

use toml::Value;

use super::{
    commented::underscored,
    keys::{Given, Key, Kind, METHODS, sections},
};
use crate::terminal::spelling::meant;

/// Keys of a missing section that are said.
const MOST_NEEDED: usize = 4;
/// Keys as other programs call them.
const ELSEWHERE: [(&str, &str); 35] = [
    ("batch_size", "batch_sequences"),
    ("global_batch_size", "batch_sequences"),
    ("micro_batch_size", "micro_batch_sequences"),
    ("lr", "learning_rate"),
    ("seq_len", "sequence_length"),
    ("seq_length", "sequence_length"),
    ("max_seq_len", "sequence_length"),
    ("block_size", "sequence_length"),
    ("context_length", "sequence_length"),
    ("n_layer", "num_hidden_layers"),
    ("n_layers", "num_hidden_layers"),
    ("num_layers", "num_hidden_layers"),
    ("layers", "num_hidden_layers"),
    ("n_head", "num_attention_heads"),
    ("n_heads", "num_attention_heads"),
    ("num_heads", "num_attention_heads"),
    ("n_kv_heads", "num_key_value_heads"),
    ("d_model", "hidden_size"),
    ("n_embd", "hidden_size"),
    ("dim", "hidden_size"),
    ("d_ff", "intermediate_size"),
    ("ffn_dim", "intermediate_size"),
    ("warmup_steps", "warmup_tokens"),
    ("warmup", "warmup_tokens"),
    ("max_steps", "tokens"),
    ("steps", "tokens"),
    ("epochs", "tokens"),
    ("eval_interval", "validation_interval_tokens"),
    ("max_lr", "peak"),
    ("min_lr", "minimum"),
    ("growth_factor", "factor"),
    ("eps", "epsilon"),
    ("adam_eps", "epsilon"),
    ("grad_clip", "clip_norm"),
    ("betas", "beta1"),
];

/// The key that was meant by one that its table, which has these, doesn't know.
pub(super) fn meant_key<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let elsewhere = ELSEWHERE.iter().find(|(other, own)| *other == key && known.contains(own));
    elsewhere.map(|(_, own)| *own).or_else(|| meant(key, known))
}

/// Of a key that its table, which has these, doesn't know.
pub(super) fn unknown(key: &str, known: &[&str]) -> String {
    if let Some(near) = meant_key(key, known) {
        return format!("no such key; did you mean `{near}`?");
    }
    let others: Vec<_> =
        sections().into_iter().filter(|section| section.keys.iter().any(|one| one.name == key)).collect();
    match others[..] {
        _ if others.iter().any(|section| section.title.starts_with("method")) => {
            "no such key here; it is one of [schedule]".to_owned()
        }
        [section] if section.title.starts_with('[') => format!("no such key here; {} has it", section.title),
        _ => format!("no such key; there are {}", known.join(", ")),
    }
}

/// Of a key that is missing.
pub(super) fn missing(key: Option<&Key>) -> String {
    match key {
        Some(Key { kind: Kind::Table(section), .. }) if section.title.starts_with('[') => {
            let needed =
                section.keys.iter().filter(|key| !matches!(key.given, Given::Or(_) | Given::OrElse(_)));
            let needed: Vec<_> =
                needed.take(MOST_NEEDED).map(|key| format!("{} = {}", key.name, key.example)).collect();
            format!(" is missing, for example with {}", needed.join(", "))
        }
        Some(Key { kind: Kind::Schedule, .. }) => {
            " is missing, for example with method = \"scratch\", tokens = 600_000 and a learning_rate"
                .to_owned()
        }
        Some(Key { name, example, .. }) => format!(" is missing, for example {name} = {example}"),
        None => " is missing".to_owned(),
    }
}

/// What would be right in place of a value, where a reader expects something; `key` is the one that has it.
pub(super) fn expected(key: Option<&Key>, expected: &str, value: &Value) -> String {
    let example = key.map(|key| format!(", such as {}", key.example)).unwrap_or_default();
    let of_reader = match expected {
        "u64" | "usize" | "u32" => match (value, whole(value)) {
            (_, Some(number)) => format!("a whole number is needed, such as {}", underscored(number)),
            (Value::Integer(..0), None) => format!("a whole number from 0 is needed{example}"),
            _ => format!("a whole number is needed{example}"),
        },
        "f64" | "f32" => format!("a number is needed{example}"),
        "path string" | "string" | "a string" => format!("a text in quotes is needed{example}"),
        "a boolean" => "true or false is needed".to_owned(),
        "a sequence" => format!("a list is needed{example}"),
        "string or table" => format!("a word or a table is needed{example}"),
        other if ["struct ", "internally ", "variant", "enum "].iter().any(|word| other.contains(word)) => {
            format!("a table is needed{example}")
        }
        other => format!("expected {other}"),
    };
    match (value.as_str(), key.map(|key| key.kind)) {
        (Some(word), Some(Kind::Word(words))) => one_of(word, words),
        (Some(word), Some(Kind::Either([Kind::Word(words), ..]))) => {
            format!("{}, or a table", one_of(word, words))
        }
        _ => of_reader,
    }
}

/// Of a word that is none of a set.
fn one_of(word: &str, words: &[&str]) -> String {
    if let [only] = words {
        return format!("\"{only}\" is needed");
    }
    let all = words.join(", ");
    match meant(word, words) {
        Some(near) => format!("did you mean \"{near}\"? There are {all}"),
        None => format!("there are {all}"),
    }
}

/// Of a method that there isn't.
pub(super) fn no_method(word: &str) -> String {
    let words: Vec<_> = METHODS.iter().map(|method| method.word).collect();
    one_of(word, &words)
}

/// Of a line whose value TOML can't read, as it is neither in quotes nor a number.
pub(super) fn unquoted(line: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    let value = value.split('#').next()?.trim();
    let is_word = !value.is_empty() && value.chars().all(|one| one.is_alphanumeric() || "_-./".contains(one));
    let is_read = format!("value = {value}").parse::<toml::Table>().is_ok();
    if !is_word || is_read {
        return None;
    }
    Some(match whole(&Value::from(value)) {
        Some(number) => format!("a number has no unit: {} = {}", key.trim(), underscored(number)),
        None => format!("a text is in quotes: {} = \"{value}\"", key.trim()),
    })
}

/// The whole number that was meant by `3e4` or `"75K"`.
fn whole(value: &Value) -> Option<u64> {
    // Beyond 2^53 not every whole number is a float.
    let whole = |number: f64| {
        let is_whole =
            number.fract().total_cmp(&0.0).is_eq() && number >= 0.0 && number < (1_u64 << 53) as f64;
        is_whole.then_some(number as u64)
    };
    match value {
        Value::Float(number) => whole(*number),
        Value::String(text) => {
            let text = text.trim();
            let digits = text.trim_end_matches(|end: char| end.is_ascii_alphabetic());
            let thousands = match text[digits.len()..].to_ascii_uppercase().as_str() {
                "" => 1.0,
                "K" => 1e3,
                "M" => 1e6,
                "B" | "G" => 1e9,
                "T" => 1e12,
                _ => return None,
            };
            whole(digits.trim().replace(['_', ','], "").parse::<f64>().ok()? * thousands)
        }
        _ => None,
    }
}
