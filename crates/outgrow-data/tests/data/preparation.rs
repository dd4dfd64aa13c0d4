//! What `prepare` makes of text: the same tokens whatever the threads, the files and the shards, or nothing at all.

use std::{fs, num::NonZero};

use outgrow_data::{DataError, PrepareOptions, PrepareProgress, TokenDtype, TokenShards, prepare};
use outgrow_tokenizer::{Reading, Tokenizer};
use proptest::prelude::*;

use crate::support::{Workshop, ids, json_line, text, tokens};

fn documents() -> impl Strategy<Value = Vec<Vec<u32>>> {
    prop::collection::vec(prop::collection::vec(0_u32..50, 0..12), 1..20)
        .prop_filter("a corpus has text", |documents| documents.iter().any(|document| !document.is_empty()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn tokens_do_not_depend_on_threads_files_or_shards(
        documents in documents(), cut in 0_usize..20, shard_tokens in 1_u64..40, threads in 1_usize..5,
    ) {
        let workshop = Workshop::new(50);
        let (head, tail) = documents.split_at(cut.min(documents.len()));
        let lines = |part: &[Vec<u32>]| part.iter().map(|document| json_line(document)).collect::<String>();
        let plain = workshop.write("head.jsonl", lines(head));
        let compressed = zstd::encode_all(lines(tail).as_bytes(), 1).unwrap();
        let compressed = workshop.write("tail.jsonl.zst", compressed);
        let options = PrepareOptions { shard_tokens, threads: NonZero::new(threads), ..PrepareOptions::default() };
        let manifest = workshop.prepare(&[plain, compressed], "shards", &options).unwrap();

        let expected = ids(&documents);
        prop_assert_eq!(manifest.tokens, expected.len() as u64);
        prop_assert_eq!(manifest.shards.len() as u64, manifest.tokens.div_ceil(shard_tokens));
        prop_assert_eq!(manifest.text_bytes, documents.iter().map(|words| text(words).len() as u64).sum::<u64>());
        prop_assert_eq!(tokens(&workshop.path("shards")), expected);
    }

    #[test]
    fn any_run_of_tokens_reads_alike_across_shards(
        documents in documents(), shard_tokens in 1_u64..9, start in 0_usize..100, count in 0_usize..100,
    ) {
        let workshop = Workshop::new(50);
        let shards = workshop.shards("shards", &documents, shard_tokens);
        let all = ids(&documents);
        let start = start.min(all.len());
        let count = count.min(all.len() - start);
        let mut read = vec![u32::MAX; count];
        shards.read(start as u64, &mut read).unwrap();
        prop_assert_eq!(read, &all[start..start + count]);
    }
}

/// Large enough for dozens of batches, so that readers, workers and writer really take turns.
#[test]
fn a_large_corpus_keeps_its_order_on_any_number_of_threads() {
    let workshop = Workshop::new(50);
    let documents: Vec<Vec<u32>> =
        (0..300).map(|document| (0..2000).map(|word| (document * 7 + word * 13) % 50).collect()).collect();
    let expected = ids(&documents);
    let lines = documents.iter().map(|document| json_line(document)).collect::<String>();
    let input = workshop.write("large.jsonl", lines);
    for threads in [1, 2, 3, 7] {
        let options = PrepareOptions { threads: NonZero::new(threads), ..PrepareOptions::default() };
        let out = format!("shards-{threads}");
        workshop.prepare(std::slice::from_ref(&input), &out, &options).unwrap();
        assert!(tokens(&workshop.path(&out)) == expected, "{threads} threads");
    }
}

#[test]
fn a_bad_line_late_in_the_corpus_ends_all_threads_and_leaves_nothing() {
    let workshop = Workshop::new(50);
    let mut lines = json_line(&vec![3; 5000]).repeat(200);
    lines.push_str("{\"text\": 7}\n");
    lines.push_str(&json_line(&vec![3; 5000]).repeat(200));
    let input = workshop.write("large.jsonl", lines);
    for threads in [1, 4] {
        let options = PrepareOptions { threads: NonZero::new(threads), ..PrepareOptions::default() };
        let error = workshop.prepare(std::slice::from_ref(&input), "shards", &options).unwrap_err();
        assert_eq!(workshop.message(&error), "large.jsonl, line 201: field \"text\" is not a string");
        assert_eq!(workshop.names(), ["large.jsonl", "tokenizer.json"]);
    }
}

#[test]
fn a_text_file_is_one_document_and_a_line_is_one() {
    let workshop = Workshop::new(50);
    let inputs = [
        workshop.write("book.txt", "\u{feff}w1 w2\n\nw3\n"),
        workshop.write(
            "lines.JSONL",
            "{\"id\": 1, \"text\": \"w4\"}\r\n\n   \n{\"text\": \"w5 w6\", \"tags\": [{}]}",
        ),
    ];
    let manifest = workshop.prepare(&inputs, "shards", &PrepareOptions::default()).unwrap();
    assert_eq!(tokens(&workshop.path("shards")), ids(&[vec![1, 2, 3], vec![4], vec![5, 6]]));
    assert_eq!((manifest.documents, manifest.text_bytes), (3, 10 + 2 + 5));
}

#[test]
fn several_compressed_frames_in_one_file_are_read_as_one() {
    let workshop = Workshop::new(50);
    let mut bytes = zstd::encode_all(json_line(&[1, 2]).as_bytes(), 3).unwrap();
    bytes.extend(zstd::encode_all(json_line(&[3]).as_bytes(), 19).unwrap());
    let input = workshop.write("two.jsonl.zst", bytes);
    workshop.prepare(&[input], "shards", &PrepareOptions::default()).unwrap();
    assert_eq!(tokens(&workshop.path("shards")), ids(&[vec![1, 2], vec![3]]));
}

#[test]
fn another_field_and_another_separator_can_be_named() {
    let workshop = Workshop::new(50);
    let json = crate::support::tokenizer(50).replace("\"<|endoftext|>\"", "\"</s>\"");
    workshop.write("tokenizer.json", json);
    let input = workshop.write("lines.jsonl", "{\"body\": \"w4\"}\n");
    let mut options = PrepareOptions { text_field: "body".into(), ..PrepareOptions::default() };
    let found = workshop.prepare(std::slice::from_ref(&input), "found", &options).unwrap();
    options.separator = Some("</s>".into());
    let named = workshop.prepare(&[input], "named", &options).unwrap();
    assert_eq!(found.separator.token, "</s>");
    assert_eq!(found, named);
}

#[test]
fn the_spelling_of_a_special_token_is_text() {
    let workshop = Workshop::new(50);
    let input = workshop.write("trick.txt", "w1 <|endoftext|> w2");
    workshop.prepare(&[input], "shards", &PrepareOptions::default()).unwrap();
    let ids = tokens(&workshop.path("shards"));
    assert_eq!(ids.iter().filter(|&&id| id == crate::support::SEPARATOR).count(), 1, "{ids:?}");
    assert_eq!((ids[1], ids.last()), (3, Some(&4)));
}

#[test]
fn a_large_vocabulary_is_stored_in_four_bytes() {
    let workshop = Workshop::new(70_000);
    let input = workshop.write("text.txt", "w69999 w3");
    let manifest = workshop.prepare(&[input], "shards", &PrepareOptions::default()).unwrap();
    assert_eq!((manifest.dtype, manifest.vocab_size), (TokenDtype::U32, 70_002));
    assert_eq!(tokens(&workshop.path("shards")), [0, 70_001, 5]);
    assert_eq!(fs::metadata(workshop.path("shards/shard-00000.bin")).unwrap().len(), 12);
}

#[test]
fn the_widest_vocabulary_of_two_bytes_has_65536_entries() {
    assert_eq!(TokenDtype::for_vocab_size(65_536), TokenDtype::U16);
    assert_eq!(TokenDtype::for_vocab_size(65_537), TokenDtype::U32);
}

#[test]
fn the_tokenizer_comes_along_and_decodes_the_shards() {
    let workshop = Workshop::new(50);
    let shards = workshop.shards("shards", &[vec![1, 2, 3]], 100);
    let copy = fs::read(shards.tokenizer_path()).unwrap();
    assert_eq!(copy, fs::read(workshop.path("tokenizer.json")).unwrap());
    let tokenizer = Tokenizer::open(&shards.tokenizer_path()).unwrap();
    assert_eq!(tokenizer.sha256(), shards.manifest().tokenizer.sha256);
    assert_eq!(tokenizer.decode(&tokenizer.encode("w1 w2 w3", Reading::TEXT).unwrap()).unwrap(), "w1 w2 w3");
}

#[test]
fn progress_grows_to_the_whole_of_the_corpus() {
    let workshop = Workshop::new(50);
    let input = workshop.write("lines.jsonl", json_line(&vec![3; 5000]).repeat(100));
    let mut seen: Vec<PrepareProgress> = Vec::new();
    let tokenizer = Tokenizer::open(&workshop.path("tokenizer.json")).unwrap();
    let out = workshop.path("shards");
    let prepared =
        prepare(&[input], &tokenizer, &out, &PrepareOptions::default(), &mut |now| seen.push(now)).unwrap();
    let manifest = prepared.manifest;
    assert!(seen.len() > 1 && seen.is_sorted_by_key(|now| now.tokens), "{seen:?}");
    let last = seen.last().unwrap();
    assert_eq!((last.documents, last.tokens, last.text_bytes), (100, manifest.tokens, manifest.text_bytes));
    assert_eq!(last.input_bytes, last.total_input_bytes);
}

#[cfg(unix)]
#[test]
fn the_folder_is_as_readable_as_any_other() {
    use std::os::unix::fs::PermissionsExt;
    let workshop = Workshop::new(50);
    workshop.shards("shards", &[vec![1]], 100);
    fs::create_dir(workshop.path("other")).unwrap();
    let mode = |name| fs::metadata(workshop.path(name)).unwrap().permissions().mode();
    assert_eq!(mode("shards"), mode("other"));
}

#[test]
fn verify_notices_one_changed_byte() {
    let workshop = Workshop::new(50);
    drop(workshop.shards("shards", &[vec![1, 2, 3]], 100));
    let path = workshop.path("shards/shard-00000.bin");
    let mut bytes = fs::read(&path).unwrap();
    bytes[2] ^= 1;
    fs::write(&path, bytes).unwrap();
    let shards = TokenShards::open(&workshop.path("shards")).unwrap();
    assert!(matches!(shards.verify(), Err(DataError::Checksum { .. })));
}
