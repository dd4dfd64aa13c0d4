//! Ids of added tokens are those that the library gives them, not those that the file gives; and what is said about it.

use outgrow_tokenizer::{Reading, Tokenizer};
use serde_json::{Value, json};

use crate::support::{GOLDEN, added, open, varied, with_added};

/// Entries of the byte-level model's vocabulary, from which the library numbers on.
fn entries() -> u32 {
    GOLDEN["bases"]["byte"]["model"]["vocab"].as_object().unwrap().len() as u32
}

fn ids(tokenizer: &Tokenizer, spellings: &[&str]) -> Vec<Option<u32>> {
    spellings.iter().map(|spelling| tokenizer.token_id(spelling)).collect()
}

#[test]
fn a_list_as_the_library_writes_it_has_its_ids_and_nothing_is_said() {
    let next = entries();
    let tokenizer =
        open(&with_added("byte", &[added(next, "<a>", true), added(next + 1, "<b>", false)])).unwrap();
    assert_eq!(ids(&tokenizer, &["<a>", "<b>"]), [Some(next), Some(next + 1)]);
    assert_eq!(tokenizer.vocab_size(), next as usize + 2);
    assert!(tokenizer.notes().is_empty(), "{:?}", tokenizer.notes());
}

#[test]
fn a_gap_is_closed_and_a_list_out_of_order_is_numbered_in_its_order() {
    let next = entries();
    let tokenizer =
        open(&with_added("byte", &[added(next + 54, "<far>", true), added(next + 50, "<near>", true)]))
            .unwrap();
    assert_eq!(ids(&tokenizer, &["<far>", "<near>"]), [Some(next), Some(next + 1)]);
    assert_eq!(tokenizer.vocab_size(), next as usize + 2);
    assert_eq!(tokenizer.encode("<far><near>", Reading::tokens(false)).unwrap(), [next, next + 1]);
    assert_eq!(tokenizer.decode(&[next, next + 1]).unwrap(), "<far><near>");
    assert_eq!(tokenizer.spelling(next + 1).as_deref(), Some("<near>"));
    assert_eq!(tokenizer.added_token("<far>").unwrap().id, next);
    let names: Vec<_> = tokenizer.added_tokens().iter().map(|token| (token.id, &*token.content)).collect();
    assert_eq!(names, [(0, "<|endoftext|>"), (next, "<far>"), (next + 1, "<near>")]);
    insta::assert_snapshot!(tokenizer.notes().join("\n"), @r#"tokenizer.json: the file has other ids than the tokenizers library, which numbers added tokens on from the vocabulary in the list's order and ignores the ids written there; the library's are used: "<far>" is 420 (file: 474), "<near>" is 421 (file: 470)"#);
}

#[test]
fn a_token_of_the_vocabulary_keeps_its_id_there() {
    let vocab = GOLDEN["bases"]["byte"]["model"]["vocab"].as_object().unwrap();
    let word =
        vocab.keys().rev().find(|token| token.len() > 1 && token.chars().all(char::is_alphabetic)).unwrap();
    let known = vocab[word].as_u64().unwrap() as u32;
    let next = entries();
    let tokenizer =
        open(&with_added("byte", &[added(next, word, true), added(next + 1, "<a>", true)])).unwrap();
    assert_eq!(ids(&tokenizer, &[word, "<a>"]), [Some(known), Some(next)]);
    assert_eq!(tokenizer.vocab_size(), next as usize + 1);
    assert!(
        tokenizer.notes()[0].contains(&format!("{word:?} is {known} (file: {next})")),
        "{:?}",
        tokenizer.notes()
    );
}

#[test]
fn a_token_without_a_spelling_is_none_and_a_second_entry_changes_only_flags() {
    let next = entries();
    let twice = json!({ "id": next + 1, "content": "<a>", "single_word": false, "lstrip": true, "rstrip": false, "normalized": false, "special": false });
    let list = [added(next, "", true), added(next + 1, "<a>", true), twice, added(next + 2, "<b>", true)];
    let tokenizer = open(&with_added("byte", &list)).unwrap();
    assert_eq!(ids(&tokenizer, &["", "<a>", "<b>"]), [None, Some(next), Some(next + 1)]);
    // The space in front is the token's since the second entry.
    let x = tokenizer.encode("x", Reading::TEXT).unwrap();
    assert_eq!(tokenizer.encode("x  <a>", Reading::tokens(false)).unwrap(), [&x[..], &[next]].concat());
    assert!(tokenizer.notes()[0].contains("\"\" is no token"), "{:?}", tokenizer.notes());
}

#[test]
fn holes_in_the_vocabulary_are_counted_in_its_size_but_not_by_the_library() {
    let case =
        GOLDEN["cases"].as_array().unwrap().iter().find(|case| case["name"] == "word with holes").unwrap();
    let tokenizer = open(&varied("word", &case["parts"])).unwrap();
    let vocab = case["parts"]["model_vocab"].as_object().unwrap();
    let largest = vocab.values().filter_map(Value::as_u64).max().unwrap();
    // Numbered on from the number of entries, which is in a hole; the size is that of the largest id all the same.
    assert_eq!(ids(&tokenizer, &["<far>"]), [Some(vocab.len() as u32)]);
    assert_eq!(tokenizer.vocab_size() as u64, largest + 1);
    let hole = 22;
    assert_eq!((tokenizer.spelling(hole), tokenizer.decode(&[hole]).unwrap()), (None, String::new()));
    insta::assert_snapshot!(tokenizer.decode(&[tokenizer.vocab_size() as u32]).unwrap_err(), @"tokenizer.json: not a usable tokenizer.json: can't decode id 67, it has 67 entries");
}

#[test]
fn a_template_puts_in_the_ids_that_it_states_and_that_is_said() {
    let template = json!({
        "type": "TemplateProcessing",
        "single": [{ "SpecialToken": { "id": "B", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } }],
        "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 0 } }],
        "special_tokens": { "B": { "id": "B", "ids": [9], "tokens": ["<|endoftext|>"] } },
    });
    let mut made = GOLDEN["bases"]["byte"].clone();
    made["post_processor"] = json!({ "type": "Sequence", "processors": [template] });
    let tokenizer = open(&made).unwrap();
    let text = tokenizer.encode("the", Reading::TEXT).unwrap();
    assert_eq!(tokenizer.encode("the", Reading::tokens(true)).unwrap(), [&[9], &text[..]].concat());
    assert!(
        tokenizer.notes()[0].ends_with("the post-processor puts in 9 for \"<|endoftext|>\", which is 0"),
        "{:?}",
        tokenizer.notes()
    );
    // An id that no token has is an error when a text gets it, not before.
    made["post_processor"]["processors"][0]["special_tokens"]["B"]["ids"] = json!([9999]);
    let tokenizer = open(&made).unwrap();
    assert_eq!(tokenizer.encode("the", Reading::tokens(false)).unwrap(), text);
    insta::assert_snapshot!(tokenizer.encode("the", Reading::tokens(true)).unwrap_err(), @"tokenizer.json: not a usable tokenizer.json: gave id 9999, but has 420 entries");
}

#[test]
fn dropout_by_chance_is_left_out_and_said_and_dropout_of_none_or_all_is_as_the_library_has_it() {
    let of = |dropout: Value| open(&varied("byte", &json!({ "model_dropout": dropout }))).unwrap();
    let (without, by_chance) = (of(Value::Null), of(json!(0.25)));
    let text = "The river ran down to the sea";
    assert_eq!(by_chance.encode(text, Reading::TEXT).unwrap(), without.encode(text, Reading::TEXT).unwrap());
    insta::assert_snapshot!(by_chance.notes().join("\n"), @"tokenizer.json: dropout 0.25 is left out: with it the tokenizers library drops merges at random, at each call anew");
    let none = of(json!(0.0));
    assert_eq!(none.encode(text, Reading::TEXT).unwrap(), without.encode(text, Reading::TEXT).unwrap());
    // Nothing merges: an id for each byte.
    let all = of(json!(1.0));
    assert_eq!(all.encode(text, Reading::TEXT).unwrap().len(), text.len());
    assert!(without.notes().is_empty() && none.notes().is_empty() && all.notes().is_empty());
}

#[test]
fn truncation_and_padding_of_a_file_are_not_applied() {
    let mut made = GOLDEN["bases"]["byte"].clone();
    made["truncation"] =
        json!({ "direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0 });
    made["padding"] = json!({ "strategy": { "Fixed": 64 }, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "x" });
    let (cut, whole) = (open(&made).unwrap(), open(&GOLDEN["bases"]["byte"]).unwrap());
    let text = "The river ran down to the sea";
    for reading in [Reading::TEXT, Reading::tokens(true)] {
        assert_eq!(cut.encode(text, reading).unwrap(), whole.encode(text, reading).unwrap());
    }
}
