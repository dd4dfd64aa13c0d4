//! Corpora that can't be used, and what is said of those that can; each kind of file has its tests in outgrow-data.

use std::fs;

use crate::{
    bad_input::{BAD_INPUT, refused},
    tiny::{Workshop, assert_success, stderr, stdout},
};

fn prepare<'a>(inputs: &[&'a str], further: &[&'a str]) -> Vec<&'a str> {
    [&["data", "prepare"], inputs, &["--tokenizer", "tokenizer.json", "--out", "shards"], further].concat()
}

#[test]
fn a_file_that_is_not_what_its_name_says() {
    let workshop = Workshop::new();
    workshop.write("a.jsonl.zst", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0");
    insta::assert_snapshot!(refused(&workshop, &prepare(&["a.jsonl.zst"], &[]), BAD_INPUT, "shards"), @"a.jsonl.zst: is not zstd, as its name says: it looks like gzip; name it a.jsonl.gz, if that is what it should be");
    workshop.write("a.jsonl.zst", b"\x28\xb5\x2f\xfd\x04");
    insta::assert_snapshot!(refused(&workshop, &prepare(&["a.jsonl.zst"], &[]), BAD_INPUT, "shards"), @"a.jsonl.zst: cannot read on after line 0: incomplete frame; was the file fetched whole?");
}

#[test]
fn all_problems_of_all_inputs_at_once() {
    let workshop = Workshop::new();
    workshop.write("a.parquet", "<html>");
    fs::create_dir(workshop.path("texts")).unwrap();
    let inputs = ["missing.jsonl", "texts", "training.txt", "a.parquet", "none*.txt"];
    insta::assert_snapshot!(refused(&workshop, &prepare(&inputs, &[]), BAD_INPUT, "shards"), @"missing.jsonl: cannot read: No such file or directory (os error 2); texts: has no file that is read; it has nothing; none*.txt: matches no file; a.parquet: is not parquet, as its name says: it looks like HTML or XML, such as the page of an error in place of the file; fetch it again");
}

#[test]
fn bad_lines_are_refused_unless_so_many_may_be_passed_over() {
    let workshop = Workshop::new();
    workshop.write("a.jsonl", "{\"text\": \"w1\"}\nno JSON\n{\"text\": \"w2 \\ud83d\"}\n{\"text\": 3}\n");
    insta::assert_snapshot!(refused(&workshop, &prepare(&["a.jsonl"], &[]), BAD_INPUT, "shards"), @"a.jsonl, line 2: not JSON: expected ident at line 1 column 2");
    insta::assert_snapshot!(refused(&workshop, &prepare(&["a.jsonl"], &["--skip-bad-lines", "1"]), BAD_INPUT, "shards"), @r#"2 bad documents, but only 1 may be passed over: a.jsonl, line 2: not JSON: expected ident at line 1 column 2; a.jsonl, line 4: field "text" is not a string"#);
    let output = workshop.run(&prepare(&["a.jsonl"], &["--skip-bad-lines", "2"]));
    assert_success(&output);
    insta::assert_snapshot!(stderr(&output), @r#"
    note: 2 bad documents passed over: a.jsonl, line 2: not JSON: expected ident at line 1 column 2; a.jsonl, line 4: field "text" is not a string
    note: 1 text has half a surrogate pair, read as U+FFFD (it is no character, and has no UTF-8): a.jsonl, line 3
    "#);
    insta::assert_snapshot!(stdout(&output), @"shards: 5 tokens of 2 documents in 1 shard(s), 1.60 bytes a token, vocabulary 32");
    assert!(
        fs::read_to_string(workshop.path("shards/manifest.json")).unwrap().contains("\"bad_documents\": 2")
    );
}
