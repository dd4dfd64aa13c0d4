//! What a person is told about each kind of bad input: one line that says what, where, and what would be right; and
//! that nothing half-written is left.

use std::{fs, path::PathBuf, sync::Arc};

use outgrow_data::{
    Batches, DataError, Order, PrepareOptions, SeparatorChoice, TokenShards, Tokenizer, prepare,
};

use crate::support::Workshop;

/// The message for one bad input of the given name and content.
fn refused(name: &str, bytes: impl AsRef<[u8]>) -> String {
    let workshop = Workshop::new(50);
    let input = workshop.write(name, bytes);
    let error = workshop.prepare(&[input], "shards", &PrepareOptions::default()).unwrap_err();
    assert_eq!(workshop.names().len(), 2, "something was left behind: {:?}", workshop.names());
    workshop.message(&error)
}

/// The message for a tokenizer.json of the given content.
fn refused_tokenizer(json: impl AsRef<[u8]>) -> String {
    let workshop = Workshop::new(50);
    workshop.write("tokenizer.json", json);
    let input = workshop.write("text.txt", "w1");
    let error = workshop.prepare(&[input], "shards", &PrepareOptions::default()).unwrap_err();
    workshop.message(&error)
}

/// The message for a folder of shards (of the ids 0 3 4 5) that something was done to.
fn refused_shards(spoil: impl FnOnce(&Workshop)) -> String {
    let workshop = Workshop::new(50);
    drop(workshop.shards("shards", &[vec![1, 2, 3]], 3));
    spoil(&workshop);
    let opened = TokenShards::open(&workshop.path("shards"));
    let error = opened.and_then(|shards| shards.read(0, &mut [0; 4])).unwrap_err();
    workshop.message(&error)
}

fn edit_manifest(workshop: &Workshop, from: &str, to: &str) {
    let path = workshop.path("shards/manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn inputs_that_are_not_text_files_are_named() {
    let workshop = Workshop::new(50);
    fs::create_dir(workshop.path("texts")).unwrap();
    let attempt = |inputs: &[PathBuf]| {
        workshop.message(&workshop.prepare(inputs, "shards", &PrepareOptions::default()).unwrap_err())
    };
    insta::assert_snapshot!(attempt(&[]), @"no input: name at least one file, folder or pattern; .txt, .jsonl, .ndjson or .json (each also with .gz, .zst or .xz behind it) or .parquet are read");
    insta::assert_snapshot!(attempt(&[workshop.path("missing.txt")]), @"missing.txt: cannot read: No such file or directory (os error 2)");
    insta::assert_snapshot!(attempt(&[workshop.path("texts")]), @"texts: has no file that is read; it has nothing");
    insta::assert_snapshot!(refused("notes.md", "w1"), @"notes.md: unknown kind of text file; expected .txt, .jsonl, .ndjson or .json (each also with .gz, .zst or .xz behind it) or .parquet");
    insta::assert_snapshot!(refused("empty.txt", ""), @"the corpus is empty: no text in 1 files (1 documents without text)");
    insta::assert_snapshot!(refused("empty.jsonl", "{\"text\": \"\"}\n{\"text\": \"\"}\n"), @"the corpus is empty: no text in 1 files (2 documents without text)");
}

#[test]
fn a_line_that_is_no_document_is_named_by_its_number() {
    insta::assert_snapshot!(refused("a.jsonl", "{\"text\": \"w1\"}\n\nw2\n"), @"a.jsonl, line 3: not JSON: expected value at line 1 column 1");
    insta::assert_snapshot!(refused("a.jsonl", "{\"text\": \"w1\"}\n{\"text\": \"w2"), @"a.jsonl, line 2: not JSON: EOF while parsing a string at line 1 column 12");
    insta::assert_snapshot!(refused("a.jsonl", "[\"w1\"]\n"), @r#"a.jsonl, element 1: not a JSON object; expected {"text": "…"}"#);
    insta::assert_snapshot!(refused("a.jsonl", "{\"content\": \"w1\", \"id\": 3}\n"), @r#"a.jsonl, line 1: no field "text"; the line has ["content", "id"]"#);
    insta::assert_snapshot!(refused("a.jsonl", "{\"text\": null}\n"), @"the corpus is empty: no text in 1 files (1 documents without text)");
}

#[test]
fn bytes_that_are_not_utf8_are_named_by_line_and_byte() {
    insta::assert_snapshot!(refused("a.txt", b"w1\nw2\nw\xff3\n"), @"a.txt, line 3: not UTF-8 (byte 2 of the line); convert the file to UTF-8");
    insta::assert_snapshot!(refused("a.jsonl", b"{\"text\": \"w1\"}\n{\"text\": \"\xc3(\"}\n"), @"a.jsonl, line 2: not UTF-8 (byte 11 of the line); convert the file to UTF-8");
}

#[test]
fn compressed_files_that_break_off_are_named() {
    let whole = zstd::encode_all("{\"text\": \"w1 w2 w3\"}\n".repeat(10).as_bytes(), 3).unwrap();
    insta::assert_snapshot!(refused("a.jsonl.zst", "{\"text\": \"w1\"}\n"), @"a.jsonl.zst: is not zstd, as its name says: it looks like plain text; name it a.jsonl, if that is what it should be");
    insta::assert_snapshot!(refused("a.jsonl.zst", &whole[..whole.len() - 5]), @"a.jsonl.zst: cannot read on after line 0: incomplete frame; was the file fetched whole?");
}

#[test]
fn a_file_that_is_no_tokenizer_is_refused() {
    let workshop = Workshop::new(50);
    insta::assert_snapshot!(workshop.message(&Tokenizer::open(&workshop.path("none.json")).unwrap_err().into()), @"none.json: cannot read: No such file or directory (os error 2)");
    insta::assert_snapshot!(refused_tokenizer("not JSON"), @"tokenizer.json: not a usable tokenizer.json: not JSON: expected ident at line 1 column 2");
    insta::assert_snapshot!(refused_tokenizer("{\"architectures\": [\"LlamaForCausalLM\"]}"), @"tokenizer.json: not a usable tokenizer.json: there is no `model` in it, so it is no tokenizer");
    insta::assert_snapshot!(refused_tokenizer(crate::support::tokenizer(5).replace("WordLevel", "Magic")), @r#"tokenizer.json: not a usable tokenizer.json: its model is of type "Magic"; known are BPE, Unigram, WordPiece, WordLevel"#);
    insta::assert_snapshot!(refused_tokenizer(crate::support::tokenizer(5).replace("\"w3\": 5", "\"w3\": -5")), @r#"tokenizer.json: not a usable tokenizer.json: the id of "w3" is not a number below 2^32"#);
    insta::assert_snapshot!(refused_tokenizer([0xff, 0xfe]), @"tokenizer.json: not a usable tokenizer.json: not JSON: expected value at line 1 column 1");
}

#[test]
fn a_separator_that_the_tokenizer_lacks_is_refused() {
    let json = crate::support::tokenizer(5).replace("<|endoftext|>", "<pad>");
    insta::assert_snapshot!(refused_tokenizer(json), @"tokenizer.json: none of the usual ends and beginnings of a text (<|endoftext|>, <s>, …) among the tokenizer's tokens (its added ones: <pad>); name one as the separator");
    let workshop = Workshop::new(5);
    let input = workshop.write("text.txt", "w1");
    let options = PrepareOptions { separator: Some("<sep>".into()), ..PrepareOptions::default() };
    let error = workshop.prepare(&[input], "shards", &options).unwrap_err();
    insta::assert_snapshot!(workshop.message(&error), @r#"tokenizer.json: no "<sep>" among the tokenizer's tokens (its added ones: <|endoftext|>); name another"#);
}

#[test]
fn an_existing_target_is_refused_and_left_alone() {
    let workshop = Workshop::new(5);
    let input = workshop.write("text.txt", "w1");
    fs::create_dir(workshop.path("shards")).unwrap();
    let error = workshop.prepare(&[input], "shards", &PrepareOptions::default()).unwrap_err();
    insta::assert_snapshot!(workshop.message(&error), @"shards: exists already; name a folder that does not exist yet, or remove this one");
    assert_eq!(fs::read_dir(workshop.path("shards")).unwrap().count(), 0);
}

#[test]
fn a_shard_of_no_tokens_is_refused() {
    let workshop = Workshop::new(5);
    let input = workshop.write("text.txt", "w1");
    let options = PrepareOptions { shard_tokens: 0, ..PrepareOptions::default() };
    let error = workshop.prepare(&[input], "shards", &options).unwrap_err();
    insta::assert_snapshot!(workshop.message(&error), @"shard_tokens is 0; it must be at least 1");
}

#[test]
fn a_target_that_can_not_be_written_is_named() {
    let workshop = Workshop::new(5);
    let input = workshop.write("text.txt", "w1");
    let tokenizer = Tokenizer::open(&workshop.path("tokenizer.json")).unwrap();
    let out = workshop.path("text.txt/shards");
    let error = prepare(&[input], &tokenizer, &out, &PrepareOptions::default(), &mut |_| ()).unwrap_err();
    insta::assert_snapshot!(workshop.message(&error), @"text.txt/shards: cannot look at: Not a directory (os error 20)");
}

#[test]
fn shards_that_are_not_what_the_manifest_says_are_named() {
    insta::assert_snapshot!(refused_shards(|w| fs::remove_file(w.path("shards/manifest.json")).unwrap()), @"shards/manifest.json: cannot read: No such file or directory (os error 2)");
    insta::assert_snapshot!(refused_shards(|w| fs::remove_file(w.path("shards/shard-00001.bin")).unwrap()), @"shards/shard-00001.bin: cannot open: No such file or directory (os error 2)");
    insta::assert_snapshot!(refused_shards(|w| fs::write(w.path("shards/shard-00000.bin"), "four").unwrap()), @"shards/shard-00000.bin: holds 4 bytes, but the manifest says 6");
    insta::assert_snapshot!(refused_shards(|w| fs::write(w.path("shards/shard-00001.bin"), [52, 0]).unwrap()), @"shards/shard-00001.bin: token 0 is 52, but the vocabulary has 52 entries");
    insta::assert_snapshot!(refused_shards(|w| edit_manifest(w, "\"format\": 1", "\"format\": 9")), @"shards/manifest.json: not a usable manifest: format is 9, this version reads 1");
    insta::assert_snapshot!(refused_shards(|w| edit_manifest(w, "\"tokens\": 4", "\"tokens\": 5")), @"shards/manifest.json: not a usable manifest: tokens is 5, but the shards have 4");
    insta::assert_snapshot!(refused_shards(|w| edit_manifest(w, "shard-00000.bin", "../text.txt")), @r#"shards/manifest.json: not a usable manifest: "../text.txt" is not the name of a file in the folder"#);
    insta::assert_snapshot!(refused_shards(|w| edit_manifest(w, "\"dtype\"", "\"type\"")), @"shards/manifest.json: not a usable manifest: unknown field `type`, expected one of `format`, `vocab_size`, `dtype`, `separator`, `tokenizer`, `tokens`, `documents`, `text_bytes`, `bad_documents`, `shards` at line 4 column 8");
}

#[test]
fn a_corpus_too_short_is_refused_with_both_numbers() {
    let workshop = Workshop::new(50);
    let shards = workshop.shards("shards", &[vec![1; 9]], 100);
    let batches = |length| Batches::new(Arc::clone(&shards), length, Order::Sequential);
    let message = |error: DataError| workshop.message(&error);
    insta::assert_snapshot!(message(batches(10).unwrap_err()), @"shards: the corpus has 10 tokens, but one sample of sequence length 10 needs 11");
    insta::assert_snapshot!(message(batches(0).unwrap_err()), @"sequence_length is 0; it must be at least 1");
    insta::assert_snapshot!(message(batches(4).unwrap().batch(0, 3).unwrap_err()), @"shards: the corpus has 2 samples of sequence length 4, but one batch needs 3");
    insta::assert_snapshot!(message(batches(4).unwrap().batch(0, 0).unwrap_err()), @"batch of sequences is 0; it must be at least 1");
    insta::assert_snapshot!(message(shards.read(7, &mut [0; 4]).unwrap_err()), @"tokens 7 to 11 were asked for, but the shards hold 10");
}

/// A tokenizer of one word whose end of a text is a word of the vocabulary (`word`) or an added token (`added`).
fn with_ends(word: &str, added: &[&str]) -> Tokenizer {
    let entry = |(id, content): (usize, &&str)| {
        format!(
            r#"{{ "id": {id}, "content": "{content}", "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true }}"#
        )
    };
    let added = (3..).zip(added).map(entry).collect::<Vec<_>>().join(", ");
    let json = format!(
        r#"{{ "added_tokens": [{added}], "pre_tokenizer": {{ "type": "Whitespace" }},
            "model": {{ "type": "WordLevel", "unk_token": "?", "vocab": {{ "?": 0, "w1": 1, "{word}": 2 }} }} }}"#
    );
    Tokenizer::from_json(std::path::Path::new("tokenizer.json"), serde_json::from_str(&json).unwrap())
        .unwrap()
}

fn chosen(tokenizer: &Tokenizer, named: Option<&str>) -> (u32, String) {
    let separator = SeparatorChoice::new(tokenizer, named).unwrap().separator;
    (separator.id, separator.token)
}

#[test]
fn a_separator_may_be_any_token_of_the_vocabulary() {
    let tokenizer = with_ends("</s>", &[]);
    assert_eq!(chosen(&tokenizer, None), (2, "</s>".into()));
    assert_eq!(chosen(&tokenizer, Some("w1")), (1, "w1".into()));
    // An added token comes before a word that is spelt like an end.
    assert_eq!(chosen(&with_ends("<|endoftext|>", &["</s>"]), None), (3, "</s>".into()));
}

#[test]
fn ends_of_other_families_are_found_by_themselves() {
    for end in ["<｜end▁of▁sentence｜>", "<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<eos>"] {
        assert_eq!(chosen(&with_ends("w2", &["<pad>", end]), None), (4, end.into()));
    }
    assert_eq!(chosen(&with_ends("w2", &["<s>"]), None), (3, "<s>".into()));
}

#[test]
fn a_choice_among_several_ends_is_said_unless_one_was_named() {
    let tokenizer = with_ends("w2", &["<|im_end|>", "<|endoftext|>"]);
    let choice = SeparatorChoice::new(&tokenizer, None).unwrap();
    assert_eq!((choice.separator.id, &*choice.separator.token), (4, "<|endoftext|>"));
    insta::assert_snapshot!(choice.note.unwrap(), @"tokenizer.json: several tokens end a text (<|endoftext|>, <|im_end|>); <|endoftext|> separates documents, unless another is named");
    assert_eq!(SeparatorChoice::new(&tokenizer, Some("<|im_end|>")).unwrap().note, None);
    assert_eq!(SeparatorChoice::new(&with_ends("w2", &["<s>", "</s>"]), None).unwrap().note, None);
}
