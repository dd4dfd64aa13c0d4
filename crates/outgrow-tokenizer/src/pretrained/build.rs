//! A tokenizer.json of a folder's files, as transformers 5.24.0 builds it: JSON in, JSON out. No file is
//! read here, and no text encoded.

use serde_json::{Map, Value};

use crate::pretrained::{
    added_vocabulary::{AddedVocabulary, ModelVocabulary},
    class::TokenizerClass,
    conversion,
    pipeline::{Pipeline, Vocabulary},
    sentencepiece::SentencePieceModel,
    settings::{Beside, OfVocabulary, Settings},
    special_token::{AddedToken, SpecialToken},
    template::template,
};

/// What was built.
pub(super) struct Built {
    pub class: TokenizerClass,
    /// A whole tokenizer.json.
    pub json: Value,
    pub settings: Settings,
}

/// A tokenizer.json before added tokens and template: parts, and the tokens that are added from the start.
struct Base {
    parts: Map<String, Value>,
    added: Vec<AddedToken>,
    post_processor: Value,
}

/// Of a tokenizer.json.
pub(super) fn of_tokenizer_json(
    json: &Value,
    class: TokenizerClass,
    beside: &Beside,
    add_bos_token: Option<bool>,
) -> Built {
    let added = listed(json);
    let own = OfVocabulary {
        tokenizer_json: true,
        added_tokens: added.clone(),
        pad_token: json.pointer("/padding/pad_token").and_then(Value::as_str).map(str::to_owned),
        ..OfVocabulary::default()
    };
    let settings = Settings::new(beside, own, &class, add_bos_token);
    let part = |key: &str| json.get(key).cloned().unwrap_or(Value::Null);
    let model = json.get("model").unwrap_or(&Value::Null);
    let post_processor = part("post_processor");
    let base = if let Some(pipeline) = Pipeline::of(&class, &settings, || Vocabulary::of_model(model)) {
        Base { parts: pipeline.into_parts(), added: Vec::new(), post_processor }
    } else {
        let keys = ["normalizer", "pre_tokenizer", "model", "decoder"];
        let parts = keys.into_iter().map(|key| (key.to_owned(), part(key))).collect();
        Base { parts, added: added.into_iter().map(|(_, token)| token).collect(), post_processor }
    };
    finish(base, class, settings)
}

/// Of vocab.json and merges.txt; `None` for classes that don't read them.
pub(super) fn of_vocab_and_merges(
    vocabulary: Vocabulary,
    class: TokenizerClass,
    beside: &Beside,
    add_bos_token: Option<bool>,
) -> Option<Built> {
    match class {
        TokenizerClass::Gpt2 | TokenizerClass::GptNeoX | TokenizerClass::Qwen2 | TokenizerClass::Cohere => {
            of_vocabulary(vocabulary, OfVocabulary::default(), class, beside, add_bos_token)
        }
        // LlamaTokenizer makes a vocabulary of three tokens for want of another, and says nothing.
        TokenizerClass::Llama | TokenizerClass::Generic | TokenizerClass::Untested(_) => None,
    }
}

fn of_vocabulary(
    vocabulary: Vocabulary,
    own: OfVocabulary,
    class: TokenizerClass,
    beside: &Beside,
    add_bos_token: Option<bool>,
) -> Option<Built> {
    let settings = Settings::new(beside, own, &class, add_bos_token);
    let pipeline = Pipeline::of(&class, &settings, || vocabulary)?;
    let base = Base { parts: pipeline.into_parts(), added: Vec::new(), post_processor: Value::Null };
    Some(finish(base, class, settings))
}

fn finish(base: Base, class: TokenizerClass, settings: Settings) -> Built {
    let Base { mut parts, added, mut post_processor } = base;
    let vocab = parts.get("model").and_then(|model| model.get("vocab")).unwrap_or(&Value::Null);
    let mut vocabulary = AddedVocabulary::new(ModelVocabulary::new(vocab));
    vocabulary.add(added);
    let tokens = tokens_to_add(&vocabulary, &settings);
    vocabulary.add(tokens);
    again(&class, &settings, &mut vocabulary);
    let asked = settings.add_bos_token.is_some() || settings.add_eos_token.is_some();
    if asked || post_processor.is_null() || class == TokenizerClass::GptNeoX {
        post_processor = template_of(&settings, &vocabulary);
    }
    let entries = vocabulary.entries();
    let mut json = Map::new();
    json.insert("version".into(), "1.0".into());
    json.insert("truncation".into(), Value::Null);
    json.insert("padding".into(), Value::Null);
    json.insert("added_tokens".into(), entries);
    let keys = ["normalizer", "pre_tokenizer", "post_processor", "decoder", "model"];
    parts.insert("post_processor".into(), post_processor);
    json.extend(keys.map(|key| (key.to_owned(), parts.remove(key).unwrap_or(Value::Null))));
    Built { class, json: json.into(), settings }
}

/// `update_post_processor`. Where no file names a token that begins or ends a text, config.json's ids stand in: the
/// harness has no numbers there.
fn template_of(settings: &Settings, vocabulary: &AddedVocabulary<'_>) -> Value {
    let token = |name: &str, wanted: Option<bool>, stand_in: Option<u32>| {
        wanted.filter(|&wanted| wanted)?;
        match settings.spelling(name) {
            Some(spelling) => Some((spelling, vocabulary.token_id(spelling)?)),
            None => stand_in.and_then(|id| Some((vocabulary.spelling(id)?, id))),
        }
    };
    let (bos, eos) = settings.stand_ins();
    template(token("bos_token", settings.add_bos_token, bos), token("eos_token", settings.add_eos_token, eos))
}

/// A tokenizer.json as it is, but for the template where one is asked for.
pub(super) fn as_it_is(json: &Value, beside: &Beside, add_bos_token: Option<bool>) -> Built {
    let class = TokenizerClass::Generic;
    let own = OfVocabulary { tokenizer_json: true, ..OfVocabulary::default() };
    let settings = Settings::new(beside, own, &class, add_bos_token);
    let mut json = json.clone();
    if add_bos_token.is_some() {
        let vocab = json.pointer("/model/vocab").unwrap_or(&Value::Null);
        let mut vocabulary = AddedVocabulary::new(ModelVocabulary::new(vocab));
        vocabulary.add(listed(&json).into_iter().map(|(_, token)| token));
        let template = template_of(&settings, &vocabulary);
        json["post_processor"] = template;
    }
    Built { class, json, settings }
}

/// `added_tokens` of a tokenizer.json, with the ids that it says they have.
fn listed(json: &Value) -> Vec<(i64, AddedToken)> {
    let listed = json.get("added_tokens").and_then(Value::as_array).into_iter().flatten();
    listed.filter_map(|entry| Some((entry.get("id")?.as_i64()?, AddedToken::from_json(entry)?))).collect()
}

/// `TokenizersBackend.__init__`: the listed tokens by their ids, then named ones and further ones that aren't among the
/// added tokens.
fn tokens_to_add(vocabulary: &AddedVocabulary<'_>, settings: &Settings) -> Vec<AddedToken> {
    let listed = settings.listed.values().cloned();
    let mut tokens: Vec<SpecialToken> = listed.map(SpecialToken::Added).collect();
    let known: Vec<String> = tokens.iter().map(|token| token.spelling().to_owned()).collect();
    let is_new = |token: &SpecialToken| {
        !vocabulary.has(token.spelling()) && !known.iter().any(|other| other == token.spelling())
    };
    for token in settings.named.iter().map(|(_, token)| token).chain(&settings.extra) {
        if is_new(token) && !tokens.contains(token) {
            tokens.push(token.clone());
        }
    }
    let named =
        |token: &AddedToken| settings.named.iter().any(|(_, named)| named.spelling() == token.content);
    let with_flag = |token: SpecialToken| {
        let mut token = token.into_added();
        token.special |= named(&token);
        token
    };
    tokens.into_iter().map(with_flag).collect()
}

/// Two classes add their special tokens once more, with flags of their own.
fn again(class: &TokenizerClass, settings: &Settings, vocabulary: &mut AddedVocabulary<'_>) {
    let all = || settings.named.iter().map(|(_, token)| token).chain(&settings.extra);
    match class {
        TokenizerClass::Qwen2 => vocabulary.add(all().map(|token| AddedToken::special(token.spelling()))),
        TokenizerClass::Cohere => {
            vocabulary.add(all().map(|token| AddedToken { special: true, ..token.clone().into_added() }));
        }
        TokenizerClass::Generic
        | TokenizerClass::Llama
        | TokenizerClass::Gpt2
        | TokenizerClass::GptNeoX
        | TokenizerClass::Untested(_) => {}
    }
}

/// Of a SentencePiece model; `None` for classes that read none.
pub(super) fn of_sentence_piece(
    model: &SentencePieceModel,
    class: TokenizerClass,
    beside: &Beside,
    add_bos_token: Option<bool>,
) -> Option<Built> {
    match class {
        TokenizerClass::Llama => of_vocabulary(
            conversion::vocabulary(model),
            conversion::of_llama(model),
            class,
            beside,
            add_bos_token,
        ),
        TokenizerClass::Generic => {
            let mut settings = Settings::new(beside, conversion::of_generic(model), &class, add_bos_token);
            let parts = conversion::pipeline(model, &mut settings).into_parts();
            Some(finish(Base { parts, added: Vec::new(), post_processor: Value::Null }, class, settings))
        }
        TokenizerClass::Gpt2
        | TokenizerClass::GptNeoX
        | TokenizerClass::Qwen2
        | TokenizerClass::Cohere
        | TokenizerClass::Untested(_) => None,
    }
}
