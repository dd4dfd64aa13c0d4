//! Where the fast engine encodes, its ids are the reference's; where it would not give these, it isn't asked.

use outgrow_tokenizer::{Engine, Reading};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{GOLDEN, open, varied};

const READINGS: [Reading; 3] = [Reading::TEXT, Reading::tokens(false), Reading::tokens(true)];

/// The golden cases that the fast engine encodes.
fn fast_cases() -> Vec<(String, Value)> {
    let case = |case: &Value| {
        let json = varied(case["base"].as_str().unwrap(), &case["parts"]);
        let is_fast = open(&json).unwrap().engine() == Engine::Fast;
        is_fast.then(|| (case["name"].as_str().unwrap().to_owned(), json))
    };
    GOLDEN["cases"].as_array().unwrap().iter().filter_map(case).collect()
}

#[test]
fn the_usual_tokenizers_of_language_models_are_the_fast_engines() {
    let names: Vec<_> = fast_cases().into_iter().map(|(name, _)| name).collect();
    for usual in [
        "byte",
        "byte llama3",
        "byte qwen",
        "byte nfc qwen",
        "byte o200k",
        "byte smollm",
        "byte deepseek_v3",
        "piece",
        "piece metaspace_first_whole",
    ] {
        assert!(names.iter().any(|name| name == usual), "{usual} is not among {names:?}");
    }
}

/// The rewritten library cuts digits by threes where `{1,2}` or `+` is written, and says nothing.
#[test]
fn splits_that_the_fast_engine_gets_wrong_are_the_references() {
    for name in ["byte llama3_digits_2", "byte llama3_digits_all"] {
        let case = GOLDEN["cases"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap();
        let json = varied("byte", &case["parts"]);
        let (chosen, fast) = (open(&json).unwrap(), open(&json).unwrap().by(Engine::Fast).unwrap());
        assert_eq!(chosen.engine(), Engine::Reference);
        let text = "in 2024 and 123456";
        assert_ne!(fast.encode(text, Reading::TEXT).unwrap(), chosen.encode(text, Reading::TEXT).unwrap());
    }
}

/// U+088F is a letter since Unicode 17, whose tables only the fast engine has.
#[test]
fn a_text_with_a_character_that_is_classed_otherwise_is_the_references() {
    let (chosen, fast, reference) = {
        let json = &GOLDEN["bases"]["byte"];
        (
            open(json).unwrap(),
            open(json).unwrap().by(Engine::Fast).unwrap(),
            open(json).unwrap().by(Engine::Reference).unwrap(),
        )
    };
    assert_eq!(chosen.engine(), Engine::Fast);
    for text in ["\u{88f}'s", "say \u{88f}'s"] {
        let expected = reference.encode(text, Reading::TEXT).unwrap();
        assert_ne!(fast.encode(text, Reading::TEXT).unwrap(), expected);
        assert_eq!(chosen.encode(text, Reading::TEXT).unwrap(), expected);
    }
}

#[test]
fn an_unusual_flag_of_an_added_token_gives_the_file_to_the_reference() {
    for flag in ["single_word", "lstrip", "rstrip"] {
        let mut json = GOLDEN["bases"]["byte"].clone();
        json["added_tokens"][0][flag] = json!(true);
        assert_eq!(open(&json).unwrap().engine(), Engine::Reference);
    }
    let mut json = GOLDEN["bases"]["piece"].clone();
    json["added_tokens"][1]["normalized"] = json!(true);
    assert_eq!(open(&json).unwrap().engine(), Engine::Reference);
}

/// The fast engine takes a token that is one character for what its bytes merge to.
#[test]
fn a_character_that_no_merge_makes_gives_the_file_to_the_reference() {
    let json = varied("byte", &json!({ "model_merges": [] }));
    let (chosen, fast) = (open(&json).unwrap(), open(&json).unwrap().by(Engine::Fast).unwrap());
    assert_eq!(chosen.engine(), Engine::Reference);
    let character = "。";
    let expected = chosen.encode(character, Reading::TEXT).unwrap();
    assert_eq!(expected.len(), 3);
    assert_ne!(fast.encode(character, Reading::TEXT).unwrap(), expected);
}

/// Texts of pieces that meet in odd ways, and any characters at all.
fn texts() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        " ",
        "  ",
        "\n",
        "\r\n",
        "\t",
        "\u{a0}",
        "\u{3000}",
        "\u{2028}",
        "\u{85}",
        "'s",
        "'LL",
        "’t",
        "1",
        "234",
        "56789",
        "½",
        "٣",
        "a",
        "The",
        "river",
        "é",
        "e\u{301}",
        "ß",
        "İ",
        "日本",
        "カ",
        "한",
        "ไท",
        "ع",
        ".",
        "!?",
        "_",
        "/",
        "(",
        "▁",
        "🤖",
        "👩\u{200d}👩",
        "\u{300}",
        "<s>",
        "</s>",
        "<|endoftext|>",
        "\0",
        "xxxxxxxxxxxxxxxxxxxxxxxx",
    ]);
    let piece = prop_oneof![6 => odd.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

#[test]
fn engines_agree_on_any_text() {
    for (name, json) in fast_cases() {
        let (chosen, reference) = (open(&json).unwrap(), open(&json).unwrap().by(Engine::Reference).unwrap());
        proptest!(ProptestConfig::with_cases(48), |(text in texts())| {
            for reading in READINGS {
                let (found, expected) = (chosen.encode(&text, reading).unwrap(), reference.encode(&text, reading).unwrap());
                prop_assert_eq!(found, expected, "{}, {:?}: {:?}", name, reading, text);
            }
        });
    }
}
