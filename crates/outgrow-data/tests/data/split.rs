//! What `prepare_split` holds out: the same texts whatever else is in the corpus, all of it on one side or the other.

use std::{collections::BTreeSet, path::PathBuf};

use outgrow_data::{DataError, PrepareOptions, PreparedSplit, Split, Tokenizer, prepare_split};
use proptest::prelude::*;

use crate::support::{SEPARATOR, Workshop, json_line, tokens};

const WORDS: usize = 50;

fn split(
    workshop: &Workshop,
    inputs: &[PathBuf],
    out: &str,
    split: Split,
) -> Result<PreparedSplit, DataError> {
    let tokenizer = Tokenizer::open(&workshop.path("tokenizer.json")).unwrap();
    let options = PrepareOptions { shard_tokens: 700, ..PrepareOptions::default() };
    prepare_split(inputs, &tokenizer, &workshop.path(out), &options, &split, &mut |_| ())
}

/// Documents of 20 words, each different from the others.
fn documents(first: u32, count: u32) -> Vec<Vec<u32>> {
    let document = |number: u32| (0..20).map(|word| (number / 50_u32.pow(word % 4) + word) % 50).collect();
    (first..first + count).map(document).collect()
}

fn write(workshop: &Workshop, name: &str, documents: &[Vec<u32>]) -> PathBuf {
    workshop.write(name, documents.iter().map(|document| json_line(document)).collect::<String>())
}

/// The documents of a folder, as ids without the separator.
fn held(workshop: &Workshop, folder: &str) -> Vec<Vec<u32>> {
    let ids = tokens(&workshop.path(folder));
    ids.split(|id| *id == SEPARATOR).skip(1).map(<[u32]>::to_vec).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_document_is_on_one_side_and_stays_there_when_others_are_added(
        first in 0_u32..1000, added in 1_u32..200, seed: u64, fraction in 0.1_f64..0.4,
    ) {
        let workshop = Workshop::new(WORDS);
        let all = documents(first, 600 + added);
        let small = write(&workshop, "small.jsonl", &all[..600]);
        // In another order, and each of the added twice.
        let further: Vec<_> = all[600..].iter().chain(&all).cloned().collect();
        let large = write(&workshop, "large.jsonl", &further);
        let how = Split { validation_fraction: fraction, seed };
        let prepared = split(&workshop, &[small], "small", how).unwrap();
        split(&workshop, &[large], "large", how).unwrap();
        prop_assert_eq!(prepared.training.documents + prepared.validation.documents, 600);
        prop_assert_eq!(prepared.notes, Vec::<String>::new());
        let set = |folder: &str| held(&workshop, folder).into_iter().collect::<BTreeSet<_>>();
        let (training, validation) = (set("large/training"), set("large/validation"));
        prop_assert!(training.is_disjoint(&validation));
        prop_assert!(set("small/training").is_subset(&training) && set("small/validation").is_subset(&validation));
        // Four standard deviations of 600 draws.
        let share = prepared.validation.documents as f64 / 600.0;
        prop_assert!((share - fraction).abs() < 4.0 * (0.25_f64 / 600.0).sqrt(), "{share} for {fraction}");
    }
}

#[test]
fn a_larger_part_holds_out_what_a_smaller_one_does_and_another_seed_others() {
    let workshop = Workshop::new(WORDS);
    let input = write(&workshop, "texts.jsonl", &documents(0, 2000));
    let of = |validation_fraction, seed, out| {
        split(&workshop, std::slice::from_ref(&input), out, Split { validation_fraction, seed }).unwrap();
        held(&workshop, &format!("{out}/validation")).into_iter().collect::<BTreeSet<_>>()
    };
    let (small, large, other) = (of(0.05, 0, "small"), of(0.1, 0, "large"), of(0.05, 1, "other"));
    assert!(small.is_subset(&large) && small.len() < large.len());
    assert_ne!(small, other);
}

#[test]
fn a_small_corpus_holds_out_enough_documents_to_measure_with() {
    let workshop = Workshop::new(WORDS);
    let input = write(&workshop, "texts.jsonl", &documents(0, 700));
    let prepared = split(&workshop, &[input], "out", Split { validation_fraction: 0.001, seed: 0 }).unwrap();
    assert_eq!((prepared.validation.tokens, prepared.validation.documents), (1029, 49));
    assert_eq!(prepared.training.documents, 651);
    insta::assert_snapshot!(prepared.notes.join("\n"), @"0.1 % of the documents came to less than 1024 tokens: 49 documents are held out, 1029 tokens (7.0 %)");
}

#[test]
fn of_one_text_the_end_is_held_out_from_a_paragraph_on() {
    let workshop = Workshop::new(WORDS);
    let paragraph = |number: usize| format!("w{} {}\n\n", number % 50, "w1 ".repeat(99));
    let book = workshop.write("book.txt", (0..200).map(paragraph).collect::<String>());
    let how = Split { validation_fraction: 0.1, seed: 0 };
    let prepared = split(&workshop, std::slice::from_ref(&book), "out", how).unwrap();
    assert_eq!((prepared.training.documents, prepared.validation.documents), (1, 1));
    assert_eq!((prepared.training.tokens, prepared.validation.tokens), (1 + 180 * 100, 1 + 20 * 100));
    insta::assert_snapshot!(prepared.notes.join("\n"), @"too few documents to hold whole ones out: of each, the end is held out, 2001 tokens (10.0 %) in all");
    // A copy of it is cut at the same place.
    let copy = workshop.write("copy.txt", std::fs::read(&book).unwrap());
    split(&workshop, &[book, copy], "twice", how).unwrap();
    let both = |part: &str| held(&workshop, &format!("twice/{part}"));
    assert_eq!(both("training"), [held(&workshop, "out/training"), held(&workshop, "out/training")].concat());
    assert_eq!(both("validation")[0], both("validation")[1]);
}

#[test]
fn what_cannot_be_split_is_refused_and_leaves_nothing() {
    let workshop = Workshop::new(WORDS);
    let input = write(&workshop, "texts.jsonl", &documents(0, 20));
    let before = workshop.names();
    let refused = |validation_fraction| {
        let how = Split { validation_fraction, seed: 0 };
        let error = split(&workshop, std::slice::from_ref(&input), "out", how).unwrap_err();
        assert!(error.is_input());
        assert_eq!(workshop.names(), before);
        workshop.message(&error)
    };
    insta::assert_snapshot!(refused(0.01), @"the corpus has 420 tokens: too few for two parts, which need 2048; give more text, or prepare held-out text of its own");
    for none in [0.0, -0.1, 0.6, f64::NAN] {
        assert!(refused(none).ends_with("it must be above 0 and at most 0.5, such as 0.01"));
    }
}
