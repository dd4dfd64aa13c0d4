//! What is said about bad input: one line, with what would be right, and before any model is run.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use outgrow_eval::{EvalError, Limit, Options, Prefix, Selection, TokenRequests, tokenizer::Tokenizer};

use crate::support::{documents, one_line, outline, plan, tokenizer};

#[track_caller]
fn line<T>(result: Result<T, EvalError>, folder: &Path) -> String {
    let text = one_line(&result.err().expect("refused"));
    assert!(!text.contains('\n'), "{text}");
    text.replace(folder.to_str().unwrap(), "DATA")
}

fn with(file: &str, text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(file), text).unwrap();
    folder
}

#[track_caller]
fn refused(task: &str, file: &str, text: &str) -> String {
    let folder = with(file, text);
    line(plan(&[task], folder.path(), &Options::default()), folder.path())
}

#[test]
fn a_task_that_is_not_there_has_neighbours() {
    let message = |name: &str| Selection::named(&[name]).unwrap_err().to_string();
    assert_snapshot!(message("arc-easy"), @r#"no task "arc-easy"; nearest: arc_easy"#);
    assert_snapshot!(message("lambada"), @r#"no task "lambada"; nearest: lambada_openai, lambada_standard"#);
    assert_snapshot!(message("mmlu_anatomie"), @r#"no task "mmlu_anatomie"; nearest: mmlu_anatomy"#);
    assert_snapshot!(Selection::named::<&str>(&[]).unwrap_err(), @"no task: name at least one, for instance arc_easy");
}

#[test]
fn all_missing_files_are_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { num_fewshot: Some(1), ..Options::default() };
    assert_snapshot!(line(plan(&["sciq"], folder.path(), &Options::default()), folder.path()), @"DATA/sciq/sciq_test.jsonl: no such file; sciq needs the split test of the data set allenai/sciq of the Hugging Face hub there, 1000 documents as JSON lines or parquet with the fields question, distractor1, distractor2, distractor3, correct_answer, support");
    assert_snapshot!(line(plan(&["sciq"], folder.path(), &options), folder.path()), @"DATA/sciq/sciq_train.jsonl: no such file; sciq needs the split train of the data set allenai/sciq of the Hugging Face hub there, 11679 documents as JSON lines or parquet with the fields question, distractor1, distractor2, distractor3, correct_answer, support; DATA/sciq/sciq_test.jsonl: no such file; sciq needs the split test of the data set allenai/sciq of the Hugging Face hub there, 1000 documents as JSON lines or parquet with the fields question, distractor1, distractor2, distractor3, correct_answer, support");
}

#[test]
fn a_pool_that_is_not_there_is_named() {
    let folder =
        with("logiqa_test.jsonl", &fs::read_to_string(documents().join("logiqa/logiqa_test.jsonl")).unwrap());
    let options = Options { num_fewshot: Some(5), ..Options::default() };
    assert!(plan(&["logiqa"], folder.path(), &Options::default()).is_ok());
    assert_snapshot!(line(plan(&["logiqa"], folder.path(), &options), folder.path()), @"DATA/logiqa/logiqa_train.jsonl: no such file; logiqa needs the split train of the data set EleutherAI/logiqa (logiqa) of the Hugging Face hub there, 7376 documents as JSON lines or parquet with the fields label, context, question, options");
}

#[test]
fn a_pool_that_is_too_small_is_named_with_both_numbers() {
    let options = Options { num_fewshot: Some(24), ..Options::default() };
    assert_snapshot!(line(plan(&["piqa"], &documents(), &options), &documents()), @"DATA/piqa/piqa_train.jsonl: piqa with 24 examples draws 25 documents from it, but it holds 24");
    let options = Options { num_fewshot: Some(6), ..Options::default() };
    assert_snapshot!(line(plan(&["mmlu_anatomy"], &documents(), &options), &documents()), @"DATA/mmlu/anatomy_dev.jsonl: mmlu_anatomy with 6 examples draws 6 documents from it, but it holds 5");
}

#[test]
fn lines_that_are_no_documents_are_named() {
    assert_snapshot!(refused("piqa", "piqa_validation.jsonl", "{\"goal\": \"a\"\n[1]\n"), @"DATA/piqa_validation.jsonl, line 1: not JSON: EOF while parsing an object at line 1 column 12; DATA/piqa_validation.jsonl, line 2: not an object of JSON with the data set's fields");
    assert_snapshot!(refused("piqa", "piqa_validation.jsonl", "\n"), @"DATA/piqa_validation.jsonl: holds no documents; piqa has 1838 in its split validation");
}

#[test]
fn a_parquet_file_that_is_none_is_named() {
    assert_snapshot!(refused("piqa", "piqa_validation.parquet", "no parquet"), @"DATA/piqa_validation.parquet: not a parquet file that can be read: Parquet error: Invalid Parquet file. Corrupt footer");
}

#[test]
fn a_split_whose_parts_are_not_all_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str| fs::write(folder.path().join(name), "{}\n").unwrap();
    put("piqa_validation-00000-of-00003.jsonl");
    put("piqa_validation-00002-of-00003.jsonl");
    let message = || line(plan(&["piqa"], folder.path(), &Options::default()), folder.path());
    assert_snapshot!(message(), @"DATA/piqa_validation-00001-of-00003.jsonl: no such file; piqa needs all 3 parts of the split validation");
    put("piqa_validation-00000-of-00002.jsonl");
    assert_snapshot!(message(), @"DATA/piqa_validation-00000-of-00003.jsonl: is not of the same division of piqa_validation as DATA/piqa_validation-00000-of-00002.jsonl; leave one of them there");
}

#[test]
fn a_file_that_is_not_what_its_name_says_is_named() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    assert_snapshot!(refused("piqa", "piqa_validation.jsonl", pointer), @"DATA/piqa_validation.jsonl: is a pointer of Git LFS, not the file; fetch it (git lfs pull)");
    assert_snapshot!(refused("piqa", "piqa_validation.parquet", pointer), @"DATA/piqa_validation.parquet: is a pointer of Git LFS, not the file; fetch it (git lfs pull)");
    assert_snapshot!(refused("piqa", "piqa_validation.jsonl", "PAR1"), @"DATA/piqa_validation.jsonl: is parquet; name it .parquet");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("piqa_validation.jsonl");
    fs::write(&path, b"\x1f\x8b\x08").unwrap();
    assert_snapshot!(line(plan(&["piqa"], folder.path(), &Options::default()), folder.path()), @"DATA/piqa_validation.jsonl: is compressed by gzip; decompress it first");
    fs::write(&path, b"\x28\xb5\x2f\xfd").unwrap();
    assert_snapshot!(line(plan(&["piqa"], folder.path(), &Options::default()), folder.path()), @"DATA/piqa_validation.jsonl: is compressed by zstd; decompress it first");
}

#[test]
fn a_mark_in_front_of_json_lines_is_no_part_of_them() {
    let lines = fs::read_to_string(documents().join("piqa/piqa_validation.jsonl")).unwrap();
    let folder = with("piqa_validation.jsonl", &format!("\u{feff}{lines}"));
    let of = |data: &Path| plan(&["piqa"], data, &Options::default()).unwrap().tasks()[0].hash();
    assert_eq!(of(folder.path()), of(&documents()));
}

#[test]
fn fields_that_are_missing_or_wrong_are_named_with_their_line() {
    let piqa = |line: &str| refused("piqa", "piqa_validation.jsonl", &format!("\n{line}\n"));
    assert_snapshot!(piqa(r#"{"goal": "a", "sol1": "b", "label": 0}"#), @r#"DATA/piqa_validation.jsonl, line 2: no field "sol2"; it has goal, sol1, label"#);
    assert_snapshot!(piqa(r#"{"goal": "a", "sol1": "b", "sol2": 3, "label": 0}"#), @r#"DATA/piqa_validation.jsonl, line 2: "sol2" is a number, not a text"#);
    assert_snapshot!(piqa(r#"{"goal": "a", "sol1": "b", "sol2": "c", "label": -1}"#), @r#"DATA/piqa_validation.jsonl, line 2: "label" is -1, but there are 2 choices, the first of them 0"#);
    let arc = r#"{"question": "q", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "C"}"#;
    assert_snapshot!(refused("arc_easy", "arc_easy_test.jsonl", arc), @r#"DATA/arc_easy_test.jsonl, line 1: "answerKey" is "C", which is none of the choices A, B"#);
    let arc = r#"{"question": "q", "choices": {"text": ["a", "b"]}, "answerKey": "A"}"#;
    assert_snapshot!(refused("arc_easy", "arc_easy_test.jsonl", arc), @r#"DATA/arc_easy_test.jsonl, line 1: no field "choices.label"; it has question, choices, answerKey"#);
    let winogrande = r#"{"sentence": "no blank", "option1": "a", "option2": "b", "answer": "1"}"#;
    assert_snapshot!(refused("winogrande", "winogrande_xl_validation.jsonl", winogrande), @r#"DATA/winogrande_xl_validation.jsonl, line 1: "sentence" has no blank (_): "no blank""#);
    let winogrande = r#"{"sentence": "a _ b", "option1": "a", "option2": "b", "answer": ""}"#;
    assert_snapshot!(refused("winogrande", "winogrande_xl_validation.jsonl", winogrande), @r#"DATA/winogrande_xl_validation.jsonl, line 1: "answer" is "", not "1" or "2""#);
    let logiqa = r#"{"label": "e", "context": "c", "question": "q", "options": ["1", "2", "3", "4"]}"#;
    assert_snapshot!(refused("logiqa", "logiqa_test.jsonl", logiqa), @r#"DATA/logiqa_test.jsonl, line 1: "label" is "e", not a letter from a to d with an option (4 options)"#);
    let hellaswag = r#"{"activity_label": "a", "ctx_a": "b", "ctx_b": "c", "endings": ["d"], "label": ""}"#;
    assert_snapshot!(refused("hellaswag", "hellaswag_validation.jsonl", hellaswag), @r#"DATA/hellaswag_validation.jsonl, line 1: "label" is "", not the number of one of 1 endings"#);
    let mc2 = r#"{"question": "q", "mc2_targets": {"choices": ["a", "b"], "labels": [1]}}"#;
    assert_snapshot!(refused("truthfulqa_mc2", "truthfulqa_validation.jsonl", mc2), @r#"DATA/truthfulqa_validation.jsonl, line 1: "mc2_targets" has 1 labels for 2 choices"#);
    let mmlu = r#"{"question": "q", "choices": ["a", "b", "c"], "answer": 0}"#;
    assert_snapshot!(refused("mmlu_virology", "virology_test.jsonl", mmlu), @r#"DATA/virology_test.jsonl, line 1: "choices" has 3 texts, not 4"#);
}

#[test]
fn another_number_of_documents_is_a_warning_with_both_numbers() {
    let plan = plan(&["piqa"], &documents(), &Options::default()).unwrap();
    let warning = plan.warnings().join("; ").replace(documents().to_str().unwrap(), "DATA");
    assert_snapshot!(warning, @"DATA/piqa/piqa_validation.jsonl: holds 3 documents, but the official split has 1838");
}

#[test]
fn options_that_cannot_work_are_refused() {
    let tokens = |options: Options, max_length: usize| {
        let plan = plan(&["wikitext"], &documents(), &options)?;
        TokenRequests::new(&plan, &tokenizer(), &outline(max_length)).map(|_| ())
    };
    let default = Options::default;
    assert_snapshot!(tokens(Options { max_length: Some(0), ..default() }, 64).unwrap_err(), @"max_length is 0; it must be at least 1");
    assert_snapshot!(tokens(Options { max_length: Some(65), ..default() }, 64).unwrap_err(), @"max_length is 65; it must be at most 64, the model's positions");
    assert_snapshot!(tokens(Options { prefix: Prefix::Id(9999), ..default() }, 64).unwrap_err(), @"prefix_token_id is 9999; it must be below 431, the model's vocabulary");
    assert_snapshot!(tokens(default(), 0).unwrap_err(), @"max_length is 0; it must be at least 1");
    assert_snapshot!(Limit::from_number(0.0).unwrap_err(), @"limit is 0; it must be a number of documents, or a part of them between 0 and 1");
    assert!(Limit::from_number(f64::NAN).is_err());
    assert!(tokens(Options { limit: Some(Limit::Count(0)), ..default() }, 64).is_err());
    let all = Options { num_fewshot: Some(usize::MAX), ..default() };
    assert!(plan(&["piqa", "arc_easy", "mmlu_anatomy"], &documents(), &all).is_err());
}

#[test]
fn what_the_model_cannot_take_is_named_before_it_is_run() {
    let plan_of = |task: &str| plan(&[task], &documents(), &Options::default()).unwrap();
    assert_snapshot!(TokenRequests::new(&plan_of("hellaswag"), &tokenizer(), &outline(17)).unwrap_err(), @"hellaswag, document 1: a continuation has 18 tokens, but the model takes 17 at most");
    let mut without = outline(64);
    (without.bos_token_id, without.eos_token_id) = (None, None);
    let plan =
        plan(&["wikitext"], &documents(), &Options { limit: Some(Limit::Count(1)), ..Options::default() });
    assert_snapshot!(TokenRequests::new(&plan.unwrap(), &tokenizer(), &without).unwrap_err(), @"wikitext, document 0: has no context, and the model names no token that begins or ends a text: give a prefix token");
}

#[test]
fn a_text_with_a_token_beyond_the_vocabulary_is_refused_and_a_tokenizer_with_one_is_not() {
    let plan = plan(&["arc_easy"], &documents(), &Options::default()).unwrap();
    let mut small = outline(64);
    small.vocab_size = 430;
    assert!(TokenRequests::new(&plan, &tokenizer(), &small).is_ok(), "no text has the last token");
    small.vocab_size = 100;
    assert_snapshot!(TokenRequests::new(&plan, &tokenizer(), &small).unwrap_err(), @r#"arc_easy, document 0: "Question:" is token 339, but the model's vocabulary has 100: its embedding lacks a row, or this is another model's tokenizer (3 more documents like it)"#);
}

#[test]
fn a_tokenizer_that_is_none_is_refused() {
    let folder = with("tokenizer.json", "{}");
    let path = folder.path().join("tokenizer.json");
    assert_snapshot!(line(Tokenizer::open(&path).map_err(EvalError::from), folder.path()), @"DATA/tokenizer.json: not a usable tokenizer.json: there is no `model` in it, so it is no tokenizer");
    fs::write(&path, "[").unwrap();
    assert!(
        line(Tokenizer::open(&path).map_err(EvalError::from), folder.path())
            .starts_with("DATA/tokenizer.json: not a usable tokenizer.json: not JSON")
    );
}
