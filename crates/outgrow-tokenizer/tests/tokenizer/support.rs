//! What these tests share: the golden file, and tokenizers put together from its models.

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use outgrow_tokenizer::{Tokenizer, TokenizerError};
use serde_json::{Value, json};

/// Made by `xtask/python/golden/tokenizer_ids.py`, which says what is in it.
pub(crate) static GOLDEN: LazyLock<Value> = LazyLock::new(|| {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tokenizers.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
});

/// A base's tokenizer.json with parts exchanged; `model_` in front of a name is a part of the model.
pub(crate) fn varied(base: &str, parts: &Value) -> Value {
    let mut made = GOLDEN["bases"][base].clone();
    for (name, part) in parts.as_object().unwrap() {
        match name.strip_prefix("model_") {
            Some(name) => made["model"][name] = part.clone(),
            None => made[name] = part.clone(),
        }
    }
    made
}

pub(crate) fn open(json: &Value) -> Result<Tokenizer, TokenizerError> {
    Tokenizer::from_json(Path::new("tokenizer.json"), json.clone())
}

/// An entry of `added_tokens`, all flags off.
pub(crate) fn added(id: u32, content: &str, special: bool) -> Value {
    json!({
        "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        "special": special,
    })
}

/// The base with entries behind its own added tokens.
pub(crate) fn with_added(base: &str, entries: &[Value]) -> Value {
    let mut made = GOLDEN["bases"][base].clone();
    made["added_tokens"].as_array_mut().unwrap().extend_from_slice(entries);
    made
}
