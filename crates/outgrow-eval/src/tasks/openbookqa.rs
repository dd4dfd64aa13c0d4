//! OpenBookQA: elementary science, asked without the book.

use crate::{
    documents::Document,
    error::EvalError,
    python::text::strip_start,
    tasks::{
        arc::labelled,
        task::{Dataset, Examples, Item, Metric, OutputType, Split, Task, Text, Wording},
    },
};

/// OpenBookQA.
pub(crate) static OPENBOOKQA: Task = Task {
    name: "openbookqa",
    alias: None,
    tags: &[],
    version: 1.0,
    dataset: Dataset {
        path: "allenai/openbookqa",
        name: Some("main"),
        folder: "openbookqa",
        training: Some(Split::new("train", "openbookqa_train.jsonl", 4957)),
        validation: Some(Split::new("validation", "openbookqa_validation.jsonl", 500)),
        test: Some(Split::new("test", "openbookqa_test.jsonl", 500)),
        fewshot: None,
        fields: "question_stem, choices (text, label), answerKey",
    },
    description: "",
    examples: Examples::Drawn,
    output: OutputType::MultipleChoice,
    metrics: Metric::ACCURACIES,
    prepare: None,
    item,
    wording: Wording {
        doc_to_text: Text::Template("question_stem"),
        doc_to_target: Text::Template("{{choices.label.index(answerKey.lstrip())}}"),
        doc_to_choice: Text::Template("{{choices.text}}"),
        decontamination: Some("question_stem"),
        aggregations_are_named: true,
        own_results: false,
    },
};

fn item(document: &Document) -> Result<Item, EvalError> {
    let gold = labelled(document, strip_start(document.text("answerKey")?))?;
    Ok(Item::choice(document.text("question_stem")?.to_owned(), document.texts("choices.text")?, gold))
}
