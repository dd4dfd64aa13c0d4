//! ARC: questions of science at school, easy ones and those that retrieval and co-occurrence got wrong. Three to five
//! choices, named by letters or numbers.

use crate::{
    documents::Document,
    error::EvalError,
    tasks::task::{Dataset, Examples, Item, Metric, OutputType, Split, Task, Text, Wording},
};

/// The easy set.
pub(crate) static EASY: Task = Task {
    name: "arc_easy",
    alias: None,
    tags: &["ai2_arc"],
    version: 1.0,
    dataset: Dataset {
        path: "allenai/ai2_arc",
        name: Some("ARC-Easy"),
        folder: "arc_easy",
        training: Some(Split::new("train", "arc_easy_train.jsonl", 2251)),
        validation: Some(Split::new("validation", "arc_easy_validation.jsonl", 570)),
        test: Some(Split::new("test", "arc_easy_test.jsonl", 2376)),
        fewshot: None,
        fields: "question, choices (text, label), answerKey",
    },
    description: "",
    examples: Examples::Drawn,
    output: OutputType::MultipleChoice,
    metrics: Metric::ACCURACIES,
    prepare: None,
    item,
    wording: Wording {
        doc_to_text: Text::Template("Question: {{question}}\nAnswer:"),
        doc_to_target: Text::Template("{{choices.label.index(answerKey)}}"),
        doc_to_choice: Text::Template("{{choices.text}}"),
        decontamination: Some("Question: {{question}}\nAnswer:"),
        aggregations_are_named: true,
        own_results: false,
    },
};

/// The challenge set.
pub(crate) static CHALLENGE: Task = Task {
    name: "arc_challenge",
    dataset: Dataset {
        path: "allenai/ai2_arc",
        name: Some("ARC-Challenge"),
        folder: "arc_challenge",
        training: Some(Split::new("train", "arc_challenge_train.jsonl", 1119)),
        validation: Some(Split::new("validation", "arc_challenge_validation.jsonl", 299)),
        test: Some(Split::new("test", "arc_challenge_test.jsonl", 1172)),
        fewshot: None,
        fields: "question, choices (text, label), answerKey",
    },
    ..EASY
};

fn item(document: &Document) -> Result<Item, EvalError> {
    let context = format!("Question: {}\nAnswer:", document.text("question")?);
    let gold = labelled(document, document.text("answerKey")?)?;
    Ok(Item::choice(context, document.texts("choices.text")?, gold))
}

/// The place of an answer's label among the labels of the choices.
pub(super) fn labelled(document: &Document, answer: &str) -> Result<usize, EvalError> {
    let labels = document.texts("choices.label")?;
    let choices = document.texts("choices.text")?.len();
    let gold = labels.iter().position(|label| label == answer).filter(|&gold| gold < choices);
    gold.ok_or_else(|| {
        document
            .wrong(format!("\"answerKey\" is {answer:?}, which is none of the choices {}", labels.join(", ")))
    })
}
