//! A SentencePiece model as transformers converts it (5.24.0): for `LlamaTokenizer` its pieces as a BPE, for the
//! generic class a pipeline that follows the model's own settings (`SpmConverter.build_tokenizer_from_spm_proto`).

use std::collections::{HashMap, HashSet};

use base64::Engine;
use serde_json::{Map, Value, json};

use crate::pretrained::{
    merges::{by_id, by_score},
    pipeline::{Pipeline, Vocabulary},
    sentencepiece::{NormalizerSpec, Piece, PieceType, SentencePieceModel},
    settings::{OfVocabulary, Settings},
};

/// The pieces as a BPE, whatever kind of model they are from: that is what the class does.
pub(super) fn vocabulary(model: &SentencePieceModel) -> Vocabulary {
    let pieces = pieces(model);
    let vocab: Map<String, Value> = in_order(model, &pieces).collect();
    Vocabulary { vocab: vocab.into(), merges: by_id(&pieces) }
}

/// What the model says beside its pieces, for `LlamaTokenizer`.
pub(super) fn of_llama(model: &SentencePieceModel) -> OfVocabulary {
    OfVocabulary { special_tokens: Some(model.special_tokens()), ..OfVocabulary::default() }
}

/// The same for the generic class, which takes names of tokens from it, and for which user-defined pieces are none of
/// the special ones.
pub(super) fn of_generic(model: &SentencePieceModel) -> OfVocabulary {
    let trainer = model.trainer();
    let tokens = [
        ("bos_token", trainer.bos_id(), trainer.bos_piece()),
        ("eos_token", trainer.eos_id(), trainer.eos_piece()),
        ("unk_token", trainer.unk_id(), trainer.unk_piece()),
    ];
    let defaults =
        tokens.into_iter().filter(|&(_, id, _)| id >= 0).map(|(name, _, piece)| (name, piece.to_owned()));
    let mut special = model.special_tokens();
    let user_defined: HashSet<&str> = model
        .pieces
        .iter()
        .filter(|piece| piece.r#type() == PieceType::UserDefined)
        .map(Piece::piece)
        .collect();
    special.retain(|token| !user_defined.contains(token.content.as_str()));
    OfVocabulary { special_tokens: Some(special), defaults: defaults.collect(), ..OfVocabulary::default() }
}

/// The pipeline of the generic class; listed tokens rename pieces, and are looked for in the text as it is.
pub(super) fn pipeline(model: &SentencePieceModel, settings: &mut Settings) -> Pipeline {
    let (trainer, normalizer) = (model.trainer(), model.normalizer());
    let byte_fallback = trainer.byte_fallback();
    let is_bpe = trainer.model_type() != 1;
    let names = if is_bpe { renamed(model, settings) } else { own_names(model) };
    if normalizer.add_dummy_prefix() {
        settings.listed.values_mut().for_each(|token| token.normalized = Some(false));
    }
    let user_defined: Vec<&str> = (0_u32..)
        .zip(&model.pieces)
        .filter(|(_, piece)| piece.r#type() == PieceType::UserDefined)
        .filter_map(|(id, _)| names.get(&id).map(String::as_str))
        .collect();
    let built = if is_bpe {
        json!({
            "type": "BPE",
            "dropout": null,
            "unk_token": trainer.unk_piece(),
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": true,
            "byte_fallback": byte_fallback,
            "ignore_merges": !user_defined.is_empty(),
            "vocab": vocab_of(&names),
            "merges": by_score(&normal_pieces(model, &names)),
        })
    } else {
        let vocab: Vec<Value> =
            model.pieces.iter().map(|piece| json!([piece.piece(), f64::from(piece.score())])).collect();
        json!({ "type": "Unigram", "unk_id": trainer.unk_id(), "vocab": vocab, "byte_fallback": byte_fallback })
    };
    let legacy = settings.legacy.unwrap_or(true);
    Pipeline {
        normalizer: json!({ "type": "Sequence", "normalizers": normalizers(&normalizer, legacy) }),
        pre_tokenizer: pre_tokenizer(&normalizer, legacy, user_defined),
        model: built,
        decoder: decoder(&normalizer, byte_fallback),
    }
}

/// Ids by piece; of equal pieces the last.
fn pieces(model: &SentencePieceModel) -> HashMap<&str, u32> {
    model.pieces.iter().map(Piece::piece).zip(0..).collect()
}

fn in_order<'a>(
    model: &'a SentencePieceModel,
    ids: &HashMap<&'a str, u32>,
) -> impl Iterator<Item = (String, Value)> {
    let kept = model
        .pieces
        .iter()
        .filter_map(|piece| Some((piece.piece().to_owned(), (*ids.get(piece.piece())?).into())));
    kept.collect::<Vec<_>>().into_iter()
}

/// Spellings by id.
type Names = HashMap<u32, String>;

fn own_names(model: &SentencePieceModel) -> Names {
    (0..).zip(&model.pieces).map(|(id, piece)| (id, piece.piece().to_owned())).collect()
}

/// Pieces with the names that listed tokens give their ids, unless another piece has that name.
fn renamed(model: &SentencePieceModel, settings: &Settings) -> Names {
    let ids = pieces(model);
    let listed = |id: u32| settings.listed.get(&i64::from(id)).map(|token| token.content.as_str());
    let kept: HashSet<&str> =
        ids.iter().filter(|&(_, &id)| listed(id).is_none()).map(|(piece, _)| *piece).collect();
    let name = |(piece, &id): (&&str, &u32)| {
        (id, listed(id).filter(|name| !kept.contains(name)).unwrap_or(piece).to_owned())
    };
    ids.iter().map(name).collect()
}

fn vocab_of(names: &Names) -> Value {
    let mut ids: Vec<_> = names.keys().copied().collect();
    ids.sort_unstable();
    ids.into_iter().map(|id| (names[&id].clone(), Value::from(id))).collect::<Map<_, _>>().into()
}

/// Only normal pieces are merged.
fn normal_pieces<'a>(model: &SentencePieceModel, names: &'a Names) -> HashMap<&'a str, (f32, u32)> {
    let normal = (0_u32..).zip(&model.pieces).filter(|(_, piece)| piece.r#type() == PieceType::Normal);
    normal.filter_map(|(id, piece)| Some((names.get(&id)?.as_str(), (piece.score(), id)))).collect()
}

/// In SentencePiece's order.
fn normalizers(settings: &NormalizerSpec, legacy: bool) -> Vec<Value> {
    let replace =
        |pattern: Value, content: &str| json!({ "type": "Replace", "pattern": pattern, "content": content });
    let mut parts = Vec::new();
    if !settings.precompiled_charsmap().is_empty() {
        let map = base64::engine::general_purpose::STANDARD.encode(settings.precompiled_charsmap());
        parts.push(json!({ "type": "Precompiled", "precompiled_charsmap": map }));
    }
    if settings.remove_extra_whitespaces() {
        parts.push(replace(json!({ "Regex": r"\A +| +\z" }), ""));
        parts.push(replace(json!({ "Regex": " {2,}" }), " "));
    }
    if settings.escape_whitespaces() {
        parts.push(replace(json!({ "String": " " }), "▁"));
    }
    if settings.add_dummy_prefix() && legacy {
        parts.push(replace(json!({ "Regex": r"\A▁" }), "▁▁"));
    }
    parts
}

fn pre_tokenizer(settings: &NormalizerSpec, legacy: bool, mut user_defined: Vec<&str>) -> Value {
    let mut parts = Vec::new();
    if settings.add_dummy_prefix() {
        let scheme = if legacy { "always" } else { "first" };
        parts.push(
            json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false }),
        );
    }
    if !user_defined.is_empty() {
        user_defined.sort_by_key(|piece| std::cmp::Reverse(piece.chars().count()));
        let pattern: Vec<String> = user_defined.into_iter().map(escaped).collect();
        let pattern = json!({ "Regex": pattern.join("|") });
        parts.push(json!({ "type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": false }));
    }
    if parts.is_empty() { Value::Null } else { json!({ "type": "Sequence", "pretokenizers": parts }) }
}

fn decoder(settings: &NormalizerSpec, byte_fallback: bool) -> Value {
    let mut parts = vec![json!({ "type": "Replace", "pattern": { "String": "▁" }, "content": " " })];
    if byte_fallback {
        parts.push(json!({ "type": "ByteFallback" }));
    }
    if settings.add_dummy_prefix() || byte_fallback {
        parts.push(json!({ "type": "Fuse" }));
    }
    if settings.add_dummy_prefix() {
        parts.push(json!({ "type": "Strip", "content": " ", "start": 1, "stop": 0 }));
    }
    json!({ "type": "Sequence", "decoders": parts })
}

/// A text as a regular expression for itself.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
