//! In what a tokenizer that was built differs from the tokenizer.json beside it, in words. Only what can change ids or
//! a decoded text counts: settings that say the same in other words don't.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::pretrained::{
    added_vocabulary::{AddedVocabulary, ModelVocabulary},
    special_token::AddedToken,
    template::around,
};

/// Parts that differ, and how many added tokens do.
pub(super) fn differences(file: &Value, built: &Value) -> Vec<String> {
    let part = |json: &'_ Value, key: &str| canonical(json.get(key).unwrap_or(&Value::Null));
    let keys = ["normalizer", "pre_tokenizer", "decoder"];
    let mut differences: Vec<String> =
        keys.into_iter().filter(|key| part(file, key) != part(built, key)).map(str::to_owned).collect();
    let null = &Value::Null;
    let model = |json: &Value| model(json.get("model").unwrap_or(null), knows_bytes(json));
    if model(file) != model(built) {
        differences.push("model".into());
    }
    let processor = |json: &'_ Value| {
        let processor = json.get("post_processor").cloned().unwrap_or_default();
        around(&processor).map_or(processor, |around| json!(around))
    };
    if processor(file) != processor(built) {
        differences.push("post_processor".into());
    }
    let (before, after) = (added(file), added(built));
    let changed = before.iter().filter(|(token, flags)| after.get(*token) != Some(flags)).count();
    let new = after.keys().filter(|token| !before.contains_key(*token)).count();
    match changed + new {
        0 => {}
        1 => differences.push("an added token".into()),
        count => differences.push(format!("{count} added tokens")),
    }
    differences
}

/// Added tokens with the ids that the library gives them and their flags.
fn added(json: &Value) -> BTreeMap<String, Value> {
    let vocab = json.pointer("/model/vocab").unwrap_or(&Value::Null);
    let mut vocabulary = AddedVocabulary::new(ModelVocabulary::new(vocab));
    let listed = json.get("added_tokens").and_then(Value::as_array).into_iter().flatten();
    vocabulary.add(listed.filter_map(AddedToken::from_json));
    let entries = vocabulary.entries();
    let entries = entries.as_array().into_iter().flatten();
    entries.filter_map(|entry| Some((entry.get("content")?.as_str()?.to_owned(), entry.clone()))).collect()
}

/// A normalizer, pre-tokenizer or decoder with defaults written out, without what changes no id, and without sequences
/// in sequences.
fn canonical(part: &Value) -> Value {
    let Some(kind) = part.get("type").and_then(Value::as_str) else { return json!([]) };
    let lists = ["normalizers", "pretokenizers", "decoders"];
    if kind == "Sequence" {
        let list = lists.iter().find_map(|list| part.get(*list)?.as_array());
        let parts = list.into_iter().flatten().map(canonical);
        return parts.flat_map(|part| part.as_array().cloned().unwrap_or_else(|| vec![part])).collect();
    }
    let mut settings = part.as_object().cloned().unwrap_or_default();
    match kind {
        "ByteLevel" => {
            settings.remove("trim_offsets");
            let _ = settings.entry("use_regex").or_insert(true.into());
        }
        "Metaspace" => {
            let old = settings.remove("add_prefix_space").and_then(|flag| flag.as_bool());
            settings.remove("str_rep");
            let scheme = if old == Some(false) { "never" } else { "always" };
            let _ = settings.entry("prepend_scheme").or_insert(scheme.into());
            let _ = settings.entry("split").or_insert(true.into());
        }
        _ => {}
    }
    json!([settings])
}

/// A decoder of bytes has settings, but they change nothing.
fn is_byte_level(part: Option<&Value>) -> bool {
    part.is_some_and(|part| part.to_string().contains("\"ByteLevel\""))
}

/// Whether no text has a character that the vocabulary lacks: then what becomes of unknown ones is no difference.
fn knows_bytes(json: &Value) -> bool {
    let Some(vocab) = json.pointer("/model/vocab").and_then(Value::as_object) else { return false };
    let fallback = json.pointer("/model/byte_fallback").and_then(Value::as_bool).unwrap_or(false);
    let bytes = |byte: u8| vocab.contains_key(&format!("<0x{byte:02X}>"));
    fallback && (0..=u8::MAX).all(bytes)
        || is_byte_level(json.get("pre_tokenizer"))
            && (0..=u8::MAX).all(|byte| vocab.contains_key(&byte_spelling(byte)))
}

/// A byte as byte-level vocabularies spell it: GPT-2's `bytes_to_unicode`, printable ones as themselves and the others
/// from U+0100 on.
fn byte_spelling(byte: u8) -> String {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let character = if printable(byte) {
        char::from(byte)
    } else {
        let before = (0..byte).filter(|&other| !printable(other)).count() as u32;
        char::from_u32(0x100 + before).expect("it is below U+0200")
    };
    character.to_string()
}

fn model(model: &Value, knows_bytes: bool) -> Value {
    let get = |key: &str| {
        model
            .get(key)
            .filter(|value| {
                !value.is_null() && *value != "" && *value != false && value.as_f64() != Some(0.0)
            })
            .cloned()
            .unwrap_or_default()
    };
    let kind = model.get("type").cloned().unwrap_or_else(|| "BPE".into());
    let mut keys =
        vec!["dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"];
    if !knows_bytes {
        keys.extend(["unk_token", "unk_id", "fuse_unk"]);
    }
    let settings: Vec<Value> = keys.into_iter().map(get).collect();
    json!([kind, settings])
}
