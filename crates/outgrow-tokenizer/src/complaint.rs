//! What is wrong with a tokenizer.json that the library doesn't open, in plain words. It opens nothing.
//!
//! The library tries the kinds of a part one after the other and then says that none matched. Here each part is tried
//! by itself, so that it can be named, and what is known to go wrong is looked for in it.

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokenizers_reference::{
    DecoderWrapper, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper,
    utils::SysRegex,
};

use crate::engines::quiet::caught;

const MODELS: [&str; 4] = ["BPE", "Unigram", "WordPiece", "WordLevel"];
const NORMALIZERS: [&str; 14] = [
    "BertNormalizer",
    "ByteLevel",
    "Lowercase",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Nmt",
    "Precompiled",
    "Prepend",
    "Replace",
    "Sequence",
    "Strip",
    "StripAccents",
];
const PRE_TOKENIZERS: [&str; 12] = [
    "BertPreTokenizer",
    "ByteLevel",
    "CharDelimiterSplit",
    "Digits",
    "FixedLength",
    "Metaspace",
    "Punctuation",
    "Sequence",
    "Split",
    "UnicodeScripts",
    "Whitespace",
    "WhitespaceSplit",
];
const POST_PROCESSORS: [&str; 5] =
    ["BertProcessing", "ByteLevel", "RobertaProcessing", "Sequence", "TemplateProcessing"];
const DECODERS: [&str; 10] = [
    "BPEDecoder",
    "ByteFallback",
    "ByteLevel",
    "CTC",
    "Fuse",
    "Metaspace",
    "Replace",
    "Sequence",
    "Strip",
    "WordPiece",
];

/// What no tokenizer.json may lack, found before anything is opened; empty if that is all there.
pub(crate) fn missing(json: &Value) -> Option<String> {
    let Some(file) = json.as_object() else {
        return Some("the file is not an object of JSON".into());
    };
    match file.get("version") {
        None | Some(Value::Null) => {}
        Some(Value::String(version)) if version == "1.0" => {}
        Some(version) => {
            return Some(format!("it has version {version} of the format; \"1.0\" is the one that is known"));
        }
    }
    let Some(model) = file.get("model").filter(|model| !model.is_null()) else {
        return Some("there is no `model` in it, so it is no tokenizer".into());
    };
    let Some(vocab) = model.get("vocab") else {
        return Some("its model has no `vocab`".into());
    };
    if let Some(kind) = model.get("type")
        && !kind.as_str().is_some_and(|kind| MODELS.contains(&kind))
    {
        return Some(format!("its model is of type {kind}; known are {}", MODELS.join(", ")));
    }
    for (token, id) in vocab.as_object().into_iter().flatten() {
        if id.as_u64().is_none_or(|id| id > u32::MAX.into()) {
            return Some(format!("the id of {token:?} is not a number below 2^32"));
        }
    }
    None
}

/// Why the library refuses a file in which nothing is [`missing`]; `said` is its own reason.
pub(crate) fn complaint(json: &Value, said: &str) -> String {
    let part = |name: &str| json.get(name).filter(|part| !part.is_null());
    let found = [
        part("normalizer").and_then(|part| of_part::<NormalizerWrapper>("normalizer", part, &NORMALIZERS)),
        part("pre_tokenizer")
            .and_then(|part| of_part::<PreTokenizerWrapper>("pre_tokenizer", part, &PRE_TOKENIZERS)),
        part("model").and_then(|part| of_part::<ModelWrapper>("model", part, &MODELS)),
        part("post_processor")
            .and_then(|part| of_part::<PostProcessorWrapper>("post_processor", part, &POST_PROCESSORS)),
        part("decoder").and_then(|part| of_part::<DecoderWrapper>("decoder", part, &DECODERS)),
    ];
    let found: Vec<_> = found.into_iter().flatten().collect();
    if found.is_empty() { format!("the tokenizers library refuses it: {said}") } else { found.join("; ") }
}

/// What is wrong with a part, if it is this one that the library refuses.
fn of_part<T: DeserializeOwned>(name: &str, part: &Value, known: &[&str]) -> Option<String> {
    let read = |part: &Value| match caught(|| serde_json::from_value::<T>(part.clone())) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => Err(panic),
    };
    let said = read(part).err()?;
    let mut reasons = Vec::new();
    look(part, known, &mut reasons);
    let reason = if reasons.is_empty() {
        let kind = part.get("type").and_then(Value::as_str).unwrap_or("of no type");
        format!("({kind}) can't be used: {said}")
    } else {
        format!("has {}", reasons.join(", "))
    };
    Some(format!("its {name} {reason}"))
}

/// Types that there aren't and expressions that can't be compiled, in a part and in the members of its sequences.
fn look(part: &Value, known: &[&str], reasons: &mut Vec<String>) {
    if let Some(kind) = part.get("type").and_then(Value::as_str)
        && !known.contains(&kind)
    {
        reasons.push(format!("the unknown type {kind:?} (known are {})", known.join(", ")));
    }
    if let Some(expression) = part.pointer("/pattern/Regex").and_then(Value::as_str)
        && let Ok(Err(error)) = caught(|| SysRegex::new(expression).map_err(|error| error.to_string()))
    {
        reasons.push(format!("the regular expression {expression:?}, which can't be compiled: {error}"));
    }
    for members in ["normalizers", "pretokenizers", "processors", "decoders"] {
        for member in part.get(members).and_then(Value::as_array).into_iter().flatten() {
            look(member, known, reasons);
        }
    }
}
