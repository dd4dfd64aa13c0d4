//! PIQA: two ways to reach a goal in the physical world, of which one works. Options keep the spaces at their edges.

use crate::{
    documents::Document,
    error::EvalError,
    tasks::task::{Dataset, Examples, Item, Metric, OutputType, Split, Task, Text, Wording},
};

/// PIQA. The labels of its test split aren't public, so the validation split is scored.
pub(crate) static PIQA: Task = Task {
    name: "piqa",
    alias: None,
    tags: &[],
    version: 1.0,
    dataset: Dataset {
        path: "baber/piqa",
        name: None,
        folder: "piqa",
        training: Some(Split::new("train", "piqa_train.jsonl", 16_113)),
        validation: Some(Split::new("validation", "piqa_validation.jsonl", 1838)),
        test: None,
        fewshot: None,
        fields: "goal, sol1, sol2, label",
    },
    description: "",
    examples: Examples::Drawn,
    output: OutputType::MultipleChoice,
    metrics: Metric::ACCURACIES,
    prepare: None,
    item,
    wording: Wording {
        doc_to_text: Text::Template("Question: {{goal}}\nAnswer:"),
        doc_to_target: Text::Template("label"),
        doc_to_choice: Text::Template("{{[sol1, sol2]}}"),
        decontamination: Some("goal"),
        aggregations_are_named: true,
        own_results: false,
    },
};

fn item(document: &Document) -> Result<Item, EvalError> {
    let context = format!("Question: {}\nAnswer:", document.text("goal")?);
    let choices = vec![document.text("sol1")?.to_owned(), document.text("sol2")?.to_owned()];
    Ok(Item::choice(context, choices, document.index("label", 2)?))
}
