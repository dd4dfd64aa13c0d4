//! `skip_bad_lines`: what is no document is passed over up to a number, counted, named and written into the manifest.

use outgrow_data::{PrepareOptions, ReadOptions, TokenShards};

use crate::support::{Workshop, ids, tokens};

const LINES: &[u8] = b"{\"text\": \"w1\"}\nnot JSON\n[1]\n{\"content\": \"w2\"}\n{\"text\": 7}\n{\"text\": \"\xff\"}\n{\"text\": \"w3\"}\n{\"text\": \"w4";

fn skip(count: u64) -> ReadOptions {
    ReadOptions { skip_bad_lines: count, ..ReadOptions::default() }
}

#[test]
fn as_many_bad_lines_as_allowed_are_passed_over_and_named() {
    let workshop = Workshop::new(50);
    workshop.write("a.jsonl", LINES);
    let (texts, notes) = workshop.read(&["a.jsonl"], &skip(6)).unwrap();
    assert_eq!(texts, ["w1", "w3"]);
    insta::assert_snapshot!(notes, @r#"6 bad documents passed over: a.jsonl, line 2: not JSON: expected ident at line 1 column 2; a.jsonl, line 3: not a JSON object; expected {"text": "…"}; a.jsonl, line 4: no field "text"; the line has ["content"]; a.jsonl, line 5: field "text" is not a string; a.jsonl, line 6: not UTF-8 (byte 11 of the line); convert the file to UTF-8; and 1 more"#);
}

#[test]
fn one_more_is_refused_with_both_numbers() {
    let workshop = Workshop::new(50);
    workshop.write("a.jsonl", LINES);
    insta::assert_snapshot!(workshop.read(&["a.jsonl"], &skip(5)).unwrap_err(), @r#"6 bad documents, but only 5 may be passed over: a.jsonl, line 2: not JSON: expected ident at line 1 column 2; a.jsonl, line 3: not a JSON object; expected {"text": "…"}; a.jsonl, line 4: no field "text"; the line has ["content"]; a.jsonl, line 5: field "text" is not a string; a.jsonl, line 6: not UTF-8 (byte 11 of the line); convert the file to UTF-8; and 1 more"#);
    insta::assert_snapshot!(workshop.read(&["a.jsonl"], &skip(1)).unwrap_err(), @r#"2 bad documents, but only 1 may be passed over: a.jsonl, line 2: not JSON: expected ident at line 1 column 2; a.jsonl, line 3: not a JSON object; expected {"text": "…"}"#);
    insta::assert_snapshot!(workshop.read(&["a.jsonl"], &skip(0)).unwrap_err(), @"a.jsonl, line 2: not JSON: expected ident at line 1 column 2");
}

#[test]
fn elements_rows_and_books_are_passed_over_too() {
    let workshop = Workshop::new(50);
    workshop.write("a.json", "[{\"text\": \"w1\"}, {\"id\": 2}, 7, {\"text\": }, {\"text\": \"w2\"}]");
    workshop.write("b.txt", b"caf\xe9");
    workshop.write("c.txt", "w3");
    let (texts, notes) = workshop.read(&["a.json", "b.txt", "c.txt"], &skip(9)).unwrap();
    assert_eq!(texts, ["w1", "w2", "w3"]);
    insta::assert_snapshot!(notes, @r#"4 bad documents passed over: a.json, element 2: no field "text"; the line has ["id"]; a.json, element 3: not a JSON object; expected {"text": "…"}; a.json, element 4: not JSON: expected value at line 1 column 10; b.txt, line 1: not UTF-8 (byte 4 of the line); convert the file to UTF-8"#);
}

#[test]
fn a_file_that_breaks_off_is_refused_whatever_may_be_passed_over() {
    let workshop = Workshop::new(50);
    let whole = zstd::encode_all("{\"text\": \"w1 w2 w3\"}\n".repeat(10).as_bytes(), 3).unwrap();
    workshop.write("a.jsonl.zst", &whole[..whole.len() - 5]);
    workshop.write("a.json", "[{\"text\": \"w1\"}, {\"text\": ");
    for name in ["a.jsonl.zst", "a.json"] {
        assert!(workshop.read(&[name], &skip(1000)).unwrap_err().contains("cannot read on"), "{name}");
    }
}

#[test]
fn the_manifest_counts_them_and_says_nothing_where_there_are_none() {
    let workshop = Workshop::new(50);
    let bad = workshop.write("bad.jsonl", LINES);
    let good = workshop.write("good.jsonl", "{\"text\": \"w1\"}\n{\"text\": \"w3\"}\n");
    let options = PrepareOptions { skip_bad_lines: 100, ..PrepareOptions::default() };
    let of_bad = workshop.prepare(&[bad], "bad", &options).unwrap();
    let of_good = workshop.prepare(&[good], "good", &options).unwrap();
    assert_eq!((of_bad.bad_documents, of_good.bad_documents), (6, 0));
    assert_eq!(of_bad.shards, of_good.shards);
    assert_eq!(tokens(&workshop.path("bad")), ids(&[vec![1], vec![3]]));
    assert_eq!(TokenShards::open(&workshop.path("bad")).unwrap().manifest(), &of_bad);
    let written = std::fs::read_to_string(workshop.path("good/manifest.json")).unwrap();
    assert!(!written.contains("bad_documents"), "{written}");
}
