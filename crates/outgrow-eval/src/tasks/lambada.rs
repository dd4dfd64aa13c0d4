//! Lambada: the last word of a passage. In OpenAI's form the text is as it is printed; in the standard form it is
//! lower-cased and split into tokens.

use crate::{
    documents::Document,
    error::EvalError,
    tasks::task::{Dataset, Examples, Item, Metric, OutputType, Split, Task, Text, Wording},
};

/// OpenAI's form. It has a test split only, so that examples of a few-shot prompt are drawn from what is scored.
pub(crate) static OPENAI: Task = Task {
    name: "lambada_openai",
    dataset: Dataset {
        path: "EleutherAI/lambada_openai",
        name: Some("default"),
        folder: "lambada_openai",
        training: None,
        validation: None,
        test: Some(Split::new("test", "lambada_openai_test.jsonl", 5153)),
        fewshot: None,
        fields: "text",
    },
    ..STANDARD
};

/// The form of the paper by Paperno and others (2016).
pub(crate) static STANDARD: Task = Task {
    name: "lambada_standard",
    alias: None,
    tags: &["lambada"],
    version: 1.0,
    dataset: Dataset {
        path: "cimec/lambada",
        name: None,
        folder: "lambada_standard",
        training: None,
        validation: Some(Split::new("validation", "lambada_standard_validation.jsonl", 4869)),
        test: Some(Split::new("test", "lambada_standard_test.jsonl", 5153)),
        fewshot: None,
        fields: "text",
    },
    description: "",
    examples: Examples::Drawn,
    output: OutputType::LogLikelihood,
    metrics: &[Metric::Perplexity, Metric::Accuracy],
    prepare: None,
    item,
    wording: Wording {
        doc_to_text: Text::Template("{{text.split(' ')[:-1]|join(' ')}}"),
        doc_to_target: Text::Template("{{' '+text.split(' ')[-1]}}"),
        doc_to_choice: Text::Absent,
        decontamination: Some("{{text}}"),
        aggregations_are_named: true,
        own_results: false,
    },
};

/// Split at the last space, and at no other whitespace: a few targets begin with a line break, and stay so.
fn item(document: &Document) -> Result<Item, EvalError> {
    let text = document.text("text")?;
    let (context, word) = text.rsplit_once(' ').unwrap_or(("", text));
    Ok(Item::Completion { context: context.to_owned(), target: format!(" {word}") })
}
