//! Which files the fast engine may encode for: the kinds of parts for which it gave the reference's ids on hundreds of
//! thousands of drawn texts and around every character (`examples/engines.rs`). What isn't listed here is the
//! reference's.
//!
//! The list is of what language models are trained with: byte-level BPE with the usual splits, and BPE converted from
//! SentencePiece. It is strict on purpose. Of other parts the rewritten library opens many and gives other ids for
//! some: a split by `\p{N}{1,2}` or `\p{N}+` cuts digits by threes, and an added token that must be a single word
//! matches elsewhere.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

/// GPT-2's words, which `ByteLevel` has built in.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// Llama 3's.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Qwen 2's: Llama 3's with each digit by itself.
const QWEN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// GPT-4o's, which Llama 4 has too.
const O200K: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Mistral's Tekken.
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Whether the fast engine is known to give the reference's ids for a file of this kind.
pub(crate) fn are_known(json: &Value) -> bool {
    let part = |name: &str| json.get(name).filter(|part| !part.is_null());
    let (Some(model), normalizer, pre_tokenizer) = (part("model"), part("normalizer"), part("pre_tokenizer"))
    else {
        return false;
    };
    let (Some(vocab), Some(ranks)) =
        (model.get("vocab").and_then(Value::as_object), ranks_of_plain_bpe(model))
    else {
        return false;
    };
    let has = |spelling: &str| vocab.contains_key(spelling);
    let of_bytes = || {
        normalizer.is_none_or(|normalizer| *normalizer == json!({ "type": "NFC" }))
            && pre_tokenizer.is_some_and(cuts_bytes)
            && byte_level_alphabet().all(|character| has(character.encode_utf8(&mut [0; 4])))
            && (model.get("ignore_merges") == Some(&Value::Bool(true))
                || characters_are_merged(vocab.keys(), &ranks))
    };
    let added = json.get("added_tokens").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let of_pieces = || {
        model.get("byte_fallback") == Some(&Value::Bool(true))
            && is_of_pieces(normalizer, pre_tokenizer)
            && (0..=u8::MAX).all(|byte| has(&format!("<0x{byte:02X}>")))
            && added.iter().all(|token| is_off(token, "normalized"))
    };
    let distinct: HashSet<u64> = vocab.values().filter_map(Value::as_u64).collect();
    let added_match_plainly =
        added.iter().all(|token| ["single_word", "lstrip", "rstrip"].iter().all(|flag| is_off(token, flag)));
    distinct.len() == vocab.len() && added_match_plainly && (of_bytes() || of_pieces())
}

fn is_off(token: &Value, flag: &str) -> bool {
    token.get(flag) == Some(&Value::Bool(false))
}

/// Merges and their ranks.
type Ranks<'a> = HashMap<(&'a str, &'a str), usize>;

/// The merges of a BPE that neither marks the parts of a word nor drops merges, if each is there once.
fn ranks_of_plain_bpe(model: &Value) -> Option<Ranks<'_>> {
    let nothing = |key: &str| model.get(key).is_none_or(|value| value.is_null() || *value == "");
    let is_bpe = model.get("type").is_none_or(|kind| *kind == "BPE");
    let drops_none =
        model.get("dropout").is_none_or(|dropout| dropout.is_null() || dropout.as_f64() == Some(0.0));
    let marks_none = nothing("continuing_subword_prefix") && nothing("end_of_word_suffix");
    let merges = model.get("merges")?.as_array()?;
    let ranks: Ranks<'_> =
        merges.iter().enumerate().filter_map(|(rank, merge)| Some((pair(merge)?, rank))).collect();
    (is_bpe && drops_none && marks_none && ranks.len() == merges.len()).then_some(ranks)
}

/// Whether each token that is one character of several bytes is what its bytes merge to. The fast engine takes that for
/// granted where such a character stands alone.
fn characters_are_merged<'a>(mut tokens: impl Iterator<Item = &'a String>, ranks: &Ranks<'_>) -> bool {
    let alphabet: HashMap<char, u8> = byte_level_alphabet().zip(byte_order()).collect();
    tokens.all(|token| {
        let bytes: Option<Vec<u8>> = token.chars().take(5).map(|it| alphabet.get(&it).copied()).collect();
        let is_character = bytes.as_ref().is_some_and(|bytes| {
            (2..=4).contains(&bytes.len())
                && std::str::from_utf8(bytes).is_ok_and(|text| text.chars().count() == 1)
        });
        !is_character || is_merged(token, ranks)
    })
}

/// Whether merging by rank makes one token of a spelling.
fn is_merged(token: &str, ranks: &Ranks<'_>) -> bool {
    let mut cuts: Vec<usize> = token.char_indices().map(|(place, _)| place).chain([token.len()]).collect();
    loop {
        let rank = |place: &usize| {
            let (left, right) =
                (&token[cuts[place - 1]..cuts[*place]], &token[cuts[*place]..cuts[place + 1]]);
            ranks.get(&(left, right)).copied()
        };
        let first = (1..cuts.len() - 1).filter(|place| rank(place).is_some()).min_by_key(rank);
        match first {
            Some(place) => drop(cuts.remove(place)),
            None => return cuts.len() == 2,
        }
    }
}

fn pair(merge: &Value) -> Option<(&str, &str)> {
    match merge {
        Value::String(merge) => merge.split_once(' ').filter(|(_, right)| !right.contains(' ')),
        Value::Array(pair) => match pair.as_slice() {
            [Value::String(left), Value::String(right)] => Some((left, right)),
            _ => None,
        },
        _ => None,
    }
}

/// The splits before a byte-level BPE.
fn cuts_bytes(pre_tokenizer: &Value) -> bool {
    let members = match pre_tokenizer.get("type").and_then(Value::as_str) {
        Some("Sequence") => pre_tokenizer.get("pretokenizers").and_then(Value::as_array).map(Vec::as_slice),
        _ => Some(std::slice::from_ref(pre_tokenizer)),
    };
    let Some([before @ .., byte_level]) = members else { return false };
    let with_words = match byte_level.get("use_regex") {
        None => true,
        Some(words) => *words == true,
    };
    let is_byte_level = byte_level["type"] == "ByteLevel" && byte_level["add_prefix_space"] == false;
    let known_before = match before {
        [] => true,
        [split] if split["type"] == "Split" => !with_words && is_known_split(split),
        [digits] => with_words && digits["type"] == "Digits" && digits["individual_digits"].is_boolean(),
        [numbers, ideographs, words] => {
            !with_words
                && [numbers, ideographs, words]
                    .into_iter()
                    .zip(deepseek3())
                    .all(|(split, known)| *split == known)
        }
        _ => false,
    };
    is_byte_level && known_before
}

fn is_known_split(split: &Value) -> bool {
    [GPT2, LLAMA3, QWEN, O200K, TEKKEN].iter().any(|&words| {
        // Either the words are cut out, or what is between them (which is nothing) is taken away.
        *split == split_by(words, "Isolated", false) || *split == split_by(words, "Removed", true)
    })
}

fn split_by(pattern: &str, behavior: &str, invert: bool) -> Value {
    json!({ "type": "Split", "pattern": { "Regex": pattern }, "behavior": behavior, "invert": invert })
}

/// DeepSeek-V3's three: numbers, ideographs and kana, words. The last one has its line breaks as themselves.
fn deepseek3() -> [Value; 3] {
    let words = [
        r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^"##,
        "\r\n",
        r"\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[",
        "\r\n",
        r"]*|\s*[",
        "\r\n",
        r"]+|\s+(?!\S)|\s+",
    ];
    let ideographs = "[\u{4e00}-\u{9fa5}\u{3040}-\u{309f}\u{30a0}-\u{30ff}]+";
    [r"\p{N}{1,3}", ideographs, &words.concat()].map(|pattern| split_by(pattern, "Isolated", false))
}

/// Spaces as `▁`, by normalizers or by `Metaspace`, as SentencePiece's models are converted.
fn is_of_pieces(normalizer: Option<&Value>, pre_tokenizer: Option<&Value>) -> bool {
    let replace = json!({ "type": "Replace", "pattern": { "String": " " }, "content": "▁" });
    let prepend = json!({ "type": "Prepend", "prepend": "▁" });
    let sequence = |members: &[&Value]| json!({ "type": "Sequence", "normalizers": members });
    match (normalizer, pre_tokenizer) {
        (Some(normalizer), None) => {
            *normalizer == replace
                || *normalizer == sequence(&[&prepend, &replace])
                || *normalizer == sequence(&[&replace, &prepend])
        }
        (None, Some(metaspace)) => {
            metaspace["type"] == "Metaspace"
                && metaspace["replacement"] == "▁"
                && metaspace.get("prepend_scheme").is_some_and(Value::is_string)
                && metaspace.get("split").is_some_and(Value::is_boolean)
                && metaspace.get("add_prefix_space").is_none()
        }
        _ => false,
    }
}

/// The characters that stand for the 256 bytes, in the order of [`byte_order`]: printable ones for themselves, the
/// others from U+0100 on.
fn byte_level_alphabet() -> impl Iterator<Item = char> {
    let shifted = |(index, byte): (usize, u8)| match byte {
        _ if index < 188 => Some(char::from(byte)),
        _ => char::from_u32(0x100 + index as u32 - 188),
    };
    byte_order().enumerate().filter_map(shifted)
}

/// All bytes: first the 188 that are printable in Latin-1, then the others.
fn byte_order() -> impl Iterator<Item = u8> {
    let printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..);
    (0..=u8::MAX).filter(printable).chain((0..=u8::MAX).filter(move |byte| !printable(byte)))
}
