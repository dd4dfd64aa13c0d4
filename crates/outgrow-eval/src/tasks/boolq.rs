//! BoolQ: yes or no, about a passage of an encyclopedia.

use crate::{
    documents::Document,
    error::EvalError,
    tasks::task::{Dataset, Examples, Item, Metric, OutputType, Split, Task, Text, Wording},
};

/// BoolQ. The labels of its test split aren't public, so the validation split is scored.
pub(crate) static BOOLQ: Task = Task {
    name: "boolq",
    alias: None,
    tags: &["super-glue-lm-eval-v1"],
    version: 2.0,
    dataset: Dataset {
        path: "aps/super_glue",
        name: Some("boolq"),
        folder: "boolq",
        training: Some(Split::new("train", "boolq_train.jsonl", 9427)),
        validation: Some(Split::new("validation", "boolq_validation.jsonl", 3270)),
        test: None,
        fewshot: None,
        fields: "question, passage, label",
    },
    description: "",
    examples: Examples::Drawn,
    output: OutputType::MultipleChoice,
    metrics: &[Metric::Accuracy],
    prepare: None,
    item,
    wording: Wording {
        doc_to_text: Text::Template("{{passage}}\nQuestion: {{question}}?\nAnswer:"),
        doc_to_target: Text::Template("label"),
        doc_to_choice: Text::List(&CHOICES),
        decontamination: Some("passage"),
        aggregations_are_named: false,
        own_results: false,
    },
};

const CHOICES: [&str; 2] = ["no", "yes"];

fn item(document: &Document) -> Result<Item, EvalError> {
    let context =
        format!("{}\nQuestion: {}?\nAnswer:", document.text("passage")?, document.text("question")?);
    Ok(Item::choice(context, CHOICES.map(str::to_owned).to_vec(), document.index("label", CHOICES.len())?))
}
