//! Files that the Python library refuses are refused in one line of plain words, when they are opened; panics stay
//! inside.

use std::{io::ErrorKind, path::PathBuf};

use outgrow_checkpoint::with_causes;
use outgrow_tokenizer::{Reading, Tokenizer, TokenizerError, pretrained::TokenizerSource};
use serde_json::{Value, json};

use crate::support::{GOLDEN, open, varied};

fn refused(parts: &Value) -> String {
    refused_file(&varied("byte", parts))
}

fn refused_file(json: &Value) -> String {
    let message = open(json).unwrap_err().to_string();
    assert!(!message.contains("feature") && !message.contains('\n'), "{message}");
    message.replace("tokenizer.json: not a usable tokenizer.json: ", "")
}

fn split(pattern: &str) -> Value {
    json!({ "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false })
}

#[test]
fn parts_that_are_not_known_or_can_not_be_compiled_are_named() {
    insta::assert_snapshot!(refused(&json!({ "pre_tokenizer": split("(a") })), @r#"its pre_tokenizer has the regular expression "(a", which can't be compiled: Oniguruma error: end pattern with unmatched parenthesis"#);
    let nested = json!({ "type": "Sequence", "pretokenizers": [{ "type": "Digits", "individual_digits": true }, { "type": "Sliced" }] });
    insta::assert_snapshot!(refused(&json!({ "pre_tokenizer": nested })), @r#"its pre_tokenizer has the unknown type "Sliced" (known are BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, FixedLength, Metaspace, Punctuation, Sequence, Split, UnicodeScripts, Whitespace, WhitespaceSplit)"#);
    insta::assert_snapshot!(refused(&json!({ "normalizer": { "type": "NFQ" }, "decoder": { "type": "Riddle" } })), @r#"its normalizer has the unknown type "NFQ" (known are BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, Strip, StripAccents); its decoder has the unknown type "Riddle" (known are BPEDecoder, ByteFallback, ByteLevel, CTC, Fuse, Metaspace, Replace, Sequence, Strip, WordPiece)"#);
    let old = json!({ "type": "Metaspace", "replacement": "▁", "add_prefix_space": false });
    insta::assert_snapshot!(refused(&json!({ "pre_tokenizer": old })), @"its pre_tokenizer (Metaspace) can't be used: add_prefix_space does not match declared prepend_scheme");
}

#[test]
fn a_model_that_is_none_is_named() {
    insta::assert_snapshot!(refused_file(&json!({ "architectures": ["LlamaForCausalLM"] })), @"there is no `model` in it, so it is no tokenizer");
    insta::assert_snapshot!(refused_file(&json!([1, 2])), @"the file is not an object of JSON");
    insta::assert_snapshot!(refused(&json!({ "model_type": "Magic" })), @r#"its model is of type "Magic"; known are BPE, Unigram, WordPiece, WordLevel"#);
    insta::assert_snapshot!(refused(&json!({ "version": "2.0" })), @r#"it has version "2.0" of the format; "1.0" is the one that is known"#);
    insta::assert_snapshot!(refused(&json!({ "model_vocab": { "a": 0, "b": -1 } })), @r#"the id of "b" is not a number below 2^32"#);
    insta::assert_snapshot!(refused(&json!({ "model_vocab": { "a": 4_000_000_000_u32 }, "model_merges": [] })), @"the largest id is 4000000000, the most is 16777215");
    insta::assert_snapshot!(refused(&json!({ "model_vocab": {}, "model_merges": [], "added_tokens": [] })), @"the vocabulary is empty");
    insta::assert_snapshot!(refused(&json!({ "model_merges": [["qqq", "q"]] })), @"its model (BPE) can't be used: Token `qqq` out of vocabulary");
    insta::assert_snapshot!(refused(&json!({ "model_dropout": 2.0 })), @"its model (BPE) can't be used: Dropout should be between 0 and 1, inclusive");
}

/// A prefix that isn't cut where a character ends.
#[test]
fn a_text_that_makes_the_library_fail_is_an_error_and_the_next_is_not() {
    let mut made = GOLDEN["bases"]["word"].clone();
    made["model"]["unk_token"] = json!("[nowhere]");
    let tokenizer = open(&made).unwrap();
    let known = tokenizer.encode("the", Reading::TEXT).unwrap();
    insta::assert_snapshot!(tokenizer.encode("unheard-of", Reading::TEXT).unwrap_err(), @"tokenizer.json: not a usable tokenizer.json: cannot encode a text of 10 bytes: WordLevel error: Missing [UNK] token from the vocabulary");
    assert_eq!(tokenizer.encode("the", Reading::TEXT).unwrap(), known);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    std::fs::write(&path, format!("\u{feff}{}", GOLDEN["bases"]["byte"])).unwrap();
    let (marked, plain) = (Tokenizer::open(&path).unwrap(), open(&GOLDEN["bases"]["byte"]).unwrap());
    assert_eq!(
        marked.encode("the river", Reading::TEXT).unwrap(),
        plain.encode("the river", Reading::TEXT).unwrap()
    );
    assert_ne!(marked.sha256(), plain.sha256());
}

#[test]
fn a_file_that_is_not_there_or_no_json_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let message = |path: &std::path::Path| {
        with_causes(&Tokenizer::open(path).unwrap_err()).replace(&format!("{}/", folder.path().display()), "")
    };
    insta::assert_snapshot!(message(&path), @"tokenizer.json: cannot read: No such file or directory (os error 2)");
    std::fs::write(&path, "{").unwrap();
    insta::assert_snapshot!(message(&path), @"tokenizer.json: not a usable tokenizer.json: not JSON: EOF while parsing an object at line 1 column 1");
}

#[test]
fn a_source_is_read_by_its_word() {
    for source in TokenizerSource::ALL {
        assert_eq!(source.to_string().parse::<TokenizerSource>().unwrap(), source);
    }
    let error = "folder".parse::<TokenizerSource>().unwrap_err();
    insta::assert_snapshot!(error, @"`folder` decides on no tokenizer: expected class or file");
    assert!(error.is_input() && !error.is_disk_full());
}

#[test]
fn what_the_system_refuses_for_reasons_of_its_own_is_not_the_user_s_to_mend() {
    let refused = |kind: ErrorKind| {
        let (path, source) = (PathBuf::from("tokenizer.json"), kind.into());
        TokenizerError::Io { action: "read", path, source }
    };
    assert!(refused(ErrorKind::NotFound).is_input());
    assert!(!refused(ErrorKind::PermissionDenied).is_input());
    assert!(refused(ErrorKind::StorageFull).is_disk_full() && !refused(ErrorKind::StorageFull).is_input());
}
