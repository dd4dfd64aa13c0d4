//! What transformers' tokenizer classes make of a vocabulary (5.24.0, the `__init__` of each): normalizer,
//! pre-tokenizer, model and decoder, as parts of a tokenizer.json. Added tokens and the template are the same for all,
//! and elsewhere.

use serde_json::{Map, Value, json};

use crate::pretrained::{added_vocabulary::piece, class::TokenizerClass, settings::Settings};

/// `transformers/models/qwen2/tokenization_qwen2.py`.
const QWEN2_SPLIT: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The four parts that a class builds.
pub(super) struct Pipeline {
    pub normalizer: Value,
    pub pre_tokenizer: Value,
    pub model: Value,
    pub decoder: Value,
}

/// A BPE's vocabulary, however it was stored.
#[derive(Clone, Debug)]
pub(super) struct Vocabulary {
    /// A map of token to id.
    pub vocab: Value,
    /// A list of pairs.
    pub merges: Value,
}

impl Vocabulary {
    /// Of a tokenizer.json's `model`: a list of tokens is numbered, and a model of another kind has no merges.
    pub(super) fn of_model(model: &Value) -> Self {
        let vocab = match model.get("vocab") {
            Some(Value::Array(list)) => (0_u32..)
                .zip(list)
                .filter_map(|(id, entry)| Some((piece(entry)?.to_owned(), id.into())))
                .collect::<Map<_, _>>()
                .into(),
            Some(vocab) => vocab.clone(),
            None => json!({}),
        };
        Self { vocab, merges: model.get("merges").cloned().unwrap_or_else(|| json!([])) }
    }
}

impl Pipeline {
    /// `None` for classes that take tokenizer.json as it is.
    pub(super) fn of(
        class: &TokenizerClass,
        settings: &Settings,
        vocabulary: impl FnOnce() -> Vocabulary,
    ) -> Option<Self> {
        let prefix_space = settings.add_prefix_space.unwrap_or(false);
        let byte_level = byte_level(prefix_space, true);
        let plain_decoder =
            json!({ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true });
        let nfc = json!({ "type": "NFC" });
        Some(match class {
            TokenizerClass::Generic | TokenizerClass::Untested(_) => return None,
            TokenizerClass::Llama => llama(settings, vocabulary()),
            TokenizerClass::Gpt2 => Self {
                normalizer: Value::Null,
                pre_tokenizer: byte_level,
                model: byte_level_model(vocabulary()),
                decoder: plain_decoder,
            },
            TokenizerClass::GptNeoX => Self {
                normalizer: nfc,
                pre_tokenizer: byte_level,
                model: byte_level_model(vocabulary()),
                decoder: plain_decoder,
            },
            TokenizerClass::Qwen2 => Self {
                normalizer: nfc,
                pre_tokenizer: sequence(vec![
                    json!({ "type": "Split", "pattern": { "Regex": QWEN2_SPLIT }, "behavior": "Isolated", "invert": false }),
                    self::byte_level(prefix_space, false),
                ]),
                model: byte_level_model(vocabulary()),
                decoder: plain_decoder,
            },
            TokenizerClass::Cohere => Self {
                normalizer: nfc,
                pre_tokenizer: sequence(vec![
                    json!({ "type": "Digits", "individual_digits": true }),
                    byte_level,
                ]),
                model: byte_level_model(vocabulary()),
                decoder: plain_decoder,
            },
        })
    }

    /// By the keys of a tokenizer.json.
    pub(super) fn into_parts(self) -> Map<String, Value> {
        let Self { normalizer, pre_tokenizer, model, decoder } = self;
        let parts = [
            ("normalizer", normalizer),
            ("pre_tokenizer", pre_tokenizer),
            ("model", model),
            ("decoder", decoder),
        ];
        parts.into_iter().map(|(key, part)| (key.to_owned(), part)).collect()
    }
}

fn llama(settings: &Settings, vocabulary: Vocabulary) -> Pipeline {
    let prefix_space = settings.add_prefix_space.unwrap_or(true);
    let scheme = match (prefix_space, settings.legacy.unwrap_or(false)) {
        (false, _) => "never",
        (true, true) => "always",
        (true, false) => "first",
    };
    let mut decoders = vec![
        json!({ "type": "Replace", "pattern": { "String": "▁" }, "content": " " }),
        json!({ "type": "ByteFallback" }),
        json!({ "type": "Fuse" }),
    ];
    if prefix_space {
        decoders.push(json!({ "type": "Strip", "content": " ", "start": 1, "stop": 0 }));
    }
    Pipeline {
        normalizer: Value::Null,
        pre_tokenizer: json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false }),
        model: bpe(vocabulary, None, true, true),
        decoder: json!({ "type": "Sequence", "decoders": decoders }),
    }
}

fn byte_level(add_prefix_space: bool, use_regex: bool) -> Value {
    json!({ "type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": true, "use_regex": use_regex })
}

fn sequence(parts: Vec<Value>) -> Value {
    object([("type", "Sequence".into()), ("pretokenizers", parts.into())])
}

fn byte_level_model(vocabulary: Vocabulary) -> Value {
    bpe(vocabulary, Some(""), false, false)
}

/// A BPE as Python's constructor leaves it: what isn't given is as if it were never in a file, `ignore_merges` and
/// `unk_token` too.
fn bpe(vocabulary: Vocabulary, affix: Option<&str>, fuse_unk: bool, byte_fallback: bool) -> Value {
    let Vocabulary { vocab, merges } = vocabulary;
    object([
        ("type", "BPE".into()),
        ("dropout", Value::Null),
        ("unk_token", Value::Null),
        ("continuing_subword_prefix", affix.into()),
        ("end_of_word_suffix", affix.into()),
        ("fuse_unk", fuse_unk.into()),
        ("byte_fallback", byte_fallback.into()),
        ("ignore_merges", false.into()),
        ("vocab", vocab),
        ("merges", merges),
    ])
}

/// Moves what `json!` would copy: vocabularies are large.
fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into()
}
