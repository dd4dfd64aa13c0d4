//! What a folder's files say of its tokenizer beside the vocabulary, brought together as transformers does (5.24.0,
//! `PreTrainedTokenizerBase._from_pretrained` and `__init__`): named tokens, further special ones, listed ones with
//! flags, and flags of the class.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::pretrained::{
    class::TokenizerClass,
    special_token::{AddedToken, SpecialToken},
};

/// Tokens that have a name of their own, in the library's order, which decides on new ids.
const NAMES: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// The files beside the vocabulary; an absent one is `null`.
#[derive(Clone, Debug, Default)]
pub(super) struct Beside {
    /// tokenizer_config.json.
    pub tokenizer_config: Value,
    /// special_tokens_map.json.
    pub special_tokens_map: Value,
    /// added_tokens.json.
    pub added_tokens: Value,
    /// config.json.
    pub config: Value,
}

/// What the vocabulary's own file adds to that.
#[derive(Debug, Default)]
pub(super) struct OfVocabulary {
    /// The vocabulary is a tokenizer.json, whose template counts for more than flags in tokenizer_config.json.
    pub tokenizer_json: bool,
    /// `added_tokens` of tokenizer.json.
    pub added_tokens: Vec<(i64, AddedToken)>,
    /// The token that its `padding` names.
    pub pad_token: Option<String>,
    /// Special tokens that a SentencePiece model lists, which take the place of `additional_special_tokens`.
    pub special_tokens: Option<Vec<AddedToken>>,
    /// Names for tokens that nothing else names.
    pub defaults: Vec<(&'static str, String)>,
}

/// The name says what it is for.
const CLEAN_UP_BPE: &str = "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output";

/// For which models decoding takes spaces out before punctuation: for a BPE that does harm, and is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CleanUp {
    Never,
    AllButBpe,
    Always,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Settings {
    /// Named tokens that there are: the seven in their order, then those with names that only this folder has.
    pub named: Vec<(String, SpecialToken)>,
    /// Special tokens without a name.
    pub extra: Vec<SpecialToken>,
    /// Tokens that are listed with an id, which only orders them.
    pub listed: BTreeMap<i64, AddedToken>,
    /// Whether the token that begins a text is put in front; `None` where nothing says so.
    pub add_bos_token: Option<bool>,
    /// Whether the token that ends a text is put behind; likewise.
    pub add_eos_token: Option<bool>,
    pub add_prefix_space: Option<bool>,
    pub legacy: Option<bool>,
    /// Special tokens that a text spells are text.
    pub split_special_tokens: bool,
    /// Whether decoding takes spaces out before punctuation.
    pub clean_up: CleanUp,
    /// Mistral's regular expression is to be another one.
    pub fix_mistral_regex: bool,
    /// The tokens that begin and end a text, as config.json has them.
    of_config: (Option<u32>, Option<u32>),
}

impl Settings {
    /// Brings the files together for a class; `add_bos_token` is what the caller asks for.
    pub(super) fn new(
        beside: &Beside,
        mut own: OfVocabulary,
        class: &TokenizerClass,
        add_bos_token: Option<bool>,
    ) -> Self {
        let mut keys = beside.tokenizer_config.as_object().cloned().unwrap_or_default();
        if own.tokenizer_json {
            keys.remove("add_bos_token");
            keys.remove("add_eos_token");
        }
        if let Some(flag) = add_bos_token {
            keys.insert("add_bos_token".into(), flag.into());
        }
        if keys.contains_key("additional_special_tokens") && !is_true(keys.get("extra_special_tokens")) {
            rename(&mut keys, "additional_special_tokens", "extra_special_tokens");
        }
        let mut specific = take_specific(&mut keys);
        let listed = if let Some(Value::Object(listed)) = keys.remove("added_tokens_decoder") {
            by_id(&listed)
        } else {
            merge_map(&mut keys, &beside.special_tokens_map, &mut specific);
            let mut listed = by_spelling(&beside.added_tokens, &keys);
            listed.append(&mut own.added_tokens);
            listed
        };
        let extra = own.special_tokens.take().map_or_else(
            || extra(&keys),
            |tokens| {
                let listed = keys.get("extra_special_tokens").map(tokens_of);
                listed.unwrap_or_else(|| tokens.into_iter().map(SpecialToken::Added).collect())
            },
        );
        let flag = |key: &str| keys.get(key).map(|value| is_true(Some(value)));
        let is_set = |key: &str| is_true(keys.get(key));
        Self {
            named: named(&keys, &specific, &listed, &own, class),
            extra,
            add_bos_token: flag("add_bos_token"),
            add_eos_token: flag("add_eos_token"),
            add_prefix_space: keys
                .get("add_prefix_space")
                .filter(|value| !value.is_null())
                .map(|value| is_true(Some(value))),
            legacy: flag("legacy"),
            split_special_tokens: is_set("split_special_tokens"),
            clean_up: match (is_set("clean_up_tokenization_spaces"), is_set(CLEAN_UP_BPE)) {
                (false, _) => CleanUp::Never,
                (true, false) => CleanUp::AllButBpe,
                (true, true) => CleanUp::Always,
            },
            fix_mistral_regex: is_set("fix_mistral_regex"),
            of_config: (first_id(&beside.config, "bos_token_id"), first_id(&beside.config, "eos_token_id")),
            listed: listed.into_iter().collect(),
        }
    }

    /// What begins and ends a text by config.json, where nothing names a token for either.
    pub(super) fn stand_ins(&self) -> (Option<u32>, Option<u32>) {
        let named = self.spelling("bos_token").or_else(|| self.spelling("eos_token")).is_some();
        if named { (None, None) } else { self.of_config }
    }

    /// The spelling of a named token.
    pub(super) fn spelling(&self, name: &str) -> Option<&str> {
        self.named.iter().find(|(key, _)| key == name).map(|(_, token)| token.spelling())
    }
}

/// One id, or the first of several.
fn first_id(config: &Value, key: &str) -> Option<u32> {
    let value = config.get(key)?;
    u32::try_from(value.as_u64().or_else(|| value.get(0)?.as_u64())?).ok()
}

/// As Python sees it.
fn is_true(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Bool(flag)) => *flag,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Object(map)) => !map.is_empty(),
    }
}

fn rename(keys: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = keys.remove(from) {
        keys.insert(to.into(), value);
    }
}

/// Takes out tokens whose names are this folder's own: other keys that end in `_token`, and `extra_special_tokens`
/// where it is an object.
fn take_specific(keys: &mut Map<String, Value>) -> Map<String, Value> {
    let own = |(key, value): &(&String, &Value)| {
        key.ends_with("_token") && !NAMES.contains(&key.as_str()) && value.is_string()
    };
    let own: Vec<String> = keys.iter().filter(own).map(|(key, _)| key.clone()).collect();
    let mut specific: Map<String, Value> =
        own.into_iter().filter_map(|key| keys.remove(&key).map(|value| (key, value))).collect();
    if keys.get("extra_special_tokens").is_some_and(Value::is_object)
        && let Some(Value::Object(extra)) = keys.remove("extra_special_tokens")
    {
        specific.extend(extra);
    }
    specific
}

/// special_tokens_map.json wins over tokenizer_config.json, where that lists no `added_tokens_decoder`.
fn merge_map(keys: &mut Map<String, Value>, map: &Value, specific: &mut Map<String, Value>) {
    for (key, value) in map.as_object().into_iter().flatten() {
        let mut value = value.clone();
        match &mut value {
            Value::Object(token) if key != "extra_special_tokens" => {
                token.insert("special".into(), true.into());
            }
            Value::Array(tokens) if key == "extra_special_tokens" => {
                let mut all = keys.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
                for mut token in tokens.drain(..) {
                    if let Value::Object(token) = &mut token {
                        token.insert("special".into(), true.into());
                    }
                    if !all.contains(&token) {
                        all.push(token);
                    }
                }
                value = all.into();
            }
            _ => {}
        }
        keys.insert(key.clone(), value);
    }
    if keys.get("extra_special_tokens").is_some_and(Value::is_object)
        && let Some(Value::Object(extra)) = keys.remove("extra_special_tokens")
    {
        specific.extend(extra);
    }
}

/// `added_tokens_decoder`: tokens with flags by id.
fn by_id(listed: &Map<String, Value>) -> Vec<(i64, AddedToken)> {
    let token =
        |(id, token): (&String, &Value)| Some((id.trim().parse().ok()?, AddedToken::from_json(token)?));
    listed.iter().filter_map(token).collect()
}

/// added_tokens.json: ids by spelling; special are those that something names, where flags in tokenizer_config.json
/// itself aren't looked into.
fn by_spelling(added: &Value, keys: &Map<String, Value>) -> Vec<(i64, AddedToken)> {
    let plain = |value: &&Value| value.get("__type").is_none();
    let named = NAMES.iter().filter_map(|name| SpecialToken::from_json(keys.get(*name).filter(plain)?));
    let extra = keys.get("extra_special_tokens").map(tokens_of).unwrap_or_default();
    let special: Vec<SpecialToken> = named.chain(extra).collect();
    let token = |(content, id): (&String, &Value)| {
        let special = special.iter().any(|token| token.spelling() == content);
        Some((
            id.as_i64()?,
            AddedToken { special, normalized: Some(!special), ..AddedToken::special(content) },
        ))
    };
    added.as_object().into_iter().flatten().filter_map(token).collect()
}

fn tokens_of(list: &Value) -> Vec<SpecialToken> {
    list.as_array().into_iter().flatten().filter_map(SpecialToken::from_json).collect()
}

fn extra(keys: &Map<String, Value>) -> Vec<SpecialToken> {
    let listed = keys.get("extra_special_tokens").or_else(|| keys.get("additional_special_tokens"));
    listed.map(tokens_of).unwrap_or_default()
}

/// The named tokens, where a key that is there and `null` is no token, and one that is absent is what the class calls
/// it.
fn named(
    keys: &Map<String, Value>,
    specific: &Map<String, Value>,
    listed: &[(i64, AddedToken)],
    own: &OfVocabulary,
    class: &TokenizerClass,
) -> Vec<(String, SpecialToken)> {
    let with_flags = |token: SpecialToken| {
        let last = listed.iter().rev().find(|(_, other)| other.content == token.spelling());
        last.map_or(token, |(_, listed)| SpecialToken::Added(listed.clone()))
    };
    let of_name = |name: &&'static str| {
        let token = match keys.get(*name) {
            Some(value) => SpecialToken::from_json(value).map(with_flags),
            None => default(name, own, class).map(SpecialToken::Spelling),
        };
        Some(((*name).to_owned(), token?))
    };
    let mut named: Vec<(String, SpecialToken)> = NAMES.iter().filter_map(of_name).collect();
    let others = keys.iter().filter(|(key, value)| {
        key.ends_with("_token") && !NAMES.contains(&key.as_str()) && (value.is_string() || value.is_object())
    });
    for (key, value) in others.chain(specific) {
        let Some(token) = SpecialToken::from_json(value) else { continue };
        match named.iter_mut().find(|(other, _)| other == key) {
            Some((_, other)) => *other = token,
            None => named.push((key.clone(), token)),
        }
    }
    named
}

/// What a class calls a token that nothing names, or failing that the vocabulary's file.
fn default(name: &str, own: &OfVocabulary, class: &TokenizerClass) -> Option<String> {
    if let Some((_, token)) = names_of(class).iter().find(|(other, _)| *other == name) {
        return token.map(str::to_owned);
    }
    let of_file = own.defaults.iter().find(|(other, _)| *other == name).map(|(_, token)| token.clone());
    of_file.or_else(|| own.pad_token.clone().filter(|_| name == "pad_token"))
}

/// The names that a class itself gives, or says that there is none.
fn names_of(class: &TokenizerClass) -> &'static [(&'static str, Option<&'static str>)] {
    const END: Option<&str> = Some("<|endoftext|>");
    match class {
        TokenizerClass::Generic | TokenizerClass::Untested(_) => &[],
        TokenizerClass::Llama => {
            &[("bos_token", Some("<s>")), ("eos_token", Some("</s>")), ("unk_token", Some("<unk>"))]
        }
        TokenizerClass::Gpt2 => {
            &[("bos_token", END), ("eos_token", END), ("unk_token", END), ("pad_token", None)]
        }
        TokenizerClass::GptNeoX => {
            &[("bos_token", END), ("eos_token", END), ("unk_token", END), ("pad_token", Some("<|padding|>"))]
        }
        TokenizerClass::Qwen2 => {
            &[("bos_token", None), ("eos_token", END), ("unk_token", END), ("pad_token", END)]
        }
        TokenizerClass::Cohere => &[
            ("bos_token", Some("<BOS_TOKEN>")),
            ("eos_token", Some("<|END_OF_TURN_TOKEN|>")),
            ("unk_token", Some("<UNK>")),
            ("sep_token", Some("<SEP>")),
            ("pad_token", Some("<PAD>")),
            ("cls_token", Some("<CLS>")),
            ("mask_token", Some("<MASK_TOKEN>")),
        ],
    }
}
