//! What holds for any evaluation: no score depends on batches or on what else is evaluated, a limit takes the first
//! documents, and whole texts lose no token.

use outgrow_eval::{
    BatchLimit, Continuations, Evaluation, Limit, Options, Plan, Prefix, Scores, TokenRequests,
    tasks::TASKS as ALL,
};
use proptest::prelude::*;

use crate::support::{Hashed, TASKS, documents, golden, outline, plan, scored, tokenizer};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn batches_change_no_score(requests in 1_usize..200, tokens in 1_usize..5000) {
        let plan = plan(&TASKS, &documents(), &Options::default()).unwrap();
        let (_, whole) = scored(&plan, 200, BatchLimit { requests: usize::MAX, tokens: usize::MAX });
        let (_, parts) = scored(&plan, 200, BatchLimit { requests, tokens });
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn a_limit_keeps_the_first_documents_and_their_examples(count in 1_usize..4, num_fewshot in 0_usize..3) {
        let options = Options { num_fewshot: Some(num_fewshot), ..Options::default() };
        let whole = plan(&TASKS, &documents(), &options).unwrap();
        let limited = plan(&TASKS, &documents(), &Options { limit: Some(Limit::Count(count)), ..options }).unwrap();
        for (whole, limited) in whole.tasks().iter().zip(limited.tasks()) {
            prop_assert_eq!(limited.original, whole.documents.len());
            prop_assert_eq!(limited.documents.len(), count.min(whole.documents.len()));
            for (document, same) in whole.documents.iter().zip(&limited.documents) {
                prop_assert_eq!(document.requests(), same.requests());
            }
        }
    }
}

#[test]
fn the_longest_requests_come_first_and_no_input_is_too_long() {
    let options = Options { num_fewshot: Some(2), ..Options::default() };
    let plan = plan(&TASKS, &documents(), &options).unwrap();
    let requests = TokenRequests::new(&plan, &tokenizer(), &outline(200)).unwrap();
    let lengths: Vec<_> = requests.groups().iter().map(Continuations::longest_input).collect();
    assert!(lengths.is_sorted_by(|longer, shorter| longer >= shorter));
    assert_eq!(lengths[0], 200);
    assert!(requests.truncated() > 0);
}

#[test]
fn a_task_has_the_same_results_alone_as_among_others() {
    let options = Options { num_fewshot: Some(1), bootstrap_iters: 1000, ..Options::default() };
    let together = plan(&TASKS, &documents(), &options).unwrap();
    let (requests, scores) = scored(&together, 400, BatchLimit::default());
    let together = Evaluation::new(&together, &requests, &scores).unwrap();
    for (task, outcome) in TASKS.iter().zip(together.tasks()) {
        let alone = plan(&[task], &documents(), &options).unwrap();
        let (requests, scores) = scored(&alone, 400, BatchLimit::default());
        let alone = Evaluation::new(&alone, &requests, &scores).unwrap();
        assert_eq!(alone.tasks()[0].results, outcome.results, "{task}");
        assert_eq!(alone.tasks()[0].answers, outcome.answers, "{task}");
    }
}

#[test]
fn the_papers_preset_leaves_out_the_bos_and_begins_with_the_eos() {
    let plan = plan(&["arc_easy", "wikitext"], &documents(), &Options::paper()).unwrap();
    let requests = TokenRequests::new(&plan, &tokenizer(), &outline(100)).unwrap();
    assert_eq!(requests.prefix_token_id(), Some(2));
    assert!(requests.groups().iter().any(|group| group.context == [2]));
    assert!(requests.groups().iter().all(|group| !group.context.contains(&1)));
}

#[test]
fn continuations_of_one_context_are_one_group() {
    let plan = plan(&["arc_easy", "winogrande"], &documents(), &Options::default()).unwrap();
    let requests = TokenRequests::new(&plan, &tokenizer(), &outline(1000)).unwrap();
    let [arc, winogrande] = [0, 1].map(|task| plan.tasks()[task].documents.len());
    // The first two sentences of WinoGrande differ behind their blank only.
    assert_eq!(requests.groups().len(), arc + 2 * winogrande - 2);
    assert_eq!(requests.distinct(), requests.total());
}

#[test]
fn every_task_says_where_its_documents_are_from() {
    assert_eq!(ALL.len(), 14 + 57);
    let subjects = ALL.iter().filter(|task| task.dataset.folder == "mmlu");
    assert_eq!(subjects.map(|task| task.evaluated().unwrap().rows).sum::<usize>(), 14_042);
    for task in ALL.iter() {
        assert!(task.evaluated().is_some() && task.pool().is_some(), "{}", task.name);
    }
    let one_more = ALL.iter().filter(|task| task.draws_one_more()).map(|task| task.name);
    let expected = ["piqa", "winogrande", "hellaswag", "truthfulqa_mc1", "truthfulqa_mc2", "boolq"];
    assert_eq!(one_more.collect::<Vec<_>>(), expected);
}

#[test]
fn a_model_without_special_tokens_can_be_given_a_prefix() {
    let options = Options { prefix: Prefix::Id(5), ..Options::default() };
    let plan = plan(&["wikitext"], &documents(), &options).unwrap();
    let mut outline = outline(50);
    (outline.bos_token_id, outline.eos_token_id) = (None, None);
    let requests = TokenRequests::new(&plan, &tokenizer(), &outline).unwrap();
    assert!(requests.groups().iter().any(|group| group.context == [5]));
    Scores::compute(&requests, &mut Hashed::new(outline), BatchLimit::default(), None, &mut |_| ()).unwrap();
}

/// The plan of the golden rows of one task, from files of other names.
fn plan_of_files(files: &[(&str, &str)]) -> Plan {
    let data = tempfile::tempdir().unwrap();
    for (file, name) in files {
        std::fs::copy(golden().join(file), data.path().join(name)).unwrap();
    }
    plan(&["arc_challenge"], data.path(), &Options::default()).unwrap()
}

#[test]
fn parquet_of_any_codec_and_type_and_json_lines_hold_the_same_documents() {
    let json = plan(&["arc_challenge"], &documents(), &Options::default()).unwrap();
    let files = [
        "arc_challenge_test.parquet",
        "parquet/none.parquet",
        "parquet/snappy.parquet",
        "parquet/gzip.parquet",
        "parquet/brotli.parquet",
        "parquet/lz4.parquet",
        "parquet/zstd.parquet",
        "parquet/large.parquet",
    ];
    for file in files {
        let parquet = plan_of_files(&[(file, "arc_challenge_test.parquet")]);
        assert_eq!(parquet.tasks()[0].hash(), json.tasks()[0].hash(), "{file}");
        assert_eq!(parquet.tasks()[0].documents.len(), 4, "{file}");
    }
}

#[test]
fn a_split_in_parts_is_the_split_in_one_file() {
    let part = |index: usize| format!("arc_challenge_test-0000{index}-of-00002.parquet");
    let golden = [0, 1].map(|index| format!("parquet/{}", part(index)));
    // Copied in the other order: the names decide.
    let parts = plan_of_files(&[(&golden[1], &part(1)), (&golden[0], &part(0))]);
    let whole = plan_of_files(&[("arc_challenge_test.parquet", "arc_challenge_test.parquet")]);
    assert_eq!(parts.tasks()[0].hash(), whole.tasks()[0].hash());
    let rows = parts.tasks()[0].files.iter().map(|file| file.rows).collect::<Vec<_>>();
    assert_eq!(rows, [2, 2]);
    let warnings = |plan: &Plan| plan.warnings().join("; ").rsplit('/').next().unwrap().to_owned();
    insta::assert_snapshot!(warnings(&parts), @"arc_challenge_test-00000-of-00002.parquet and its 1 other parts: hold 4 documents, but the official split has 1172");
    insta::assert_snapshot!(warnings(&whole), @"arc_challenge_test.parquet: holds 4 documents, but the official split has 1172");
}
