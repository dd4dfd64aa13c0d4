//! LogiQA: a passage, a question about what follows from it, and four options, of which the texts are scored and not
//! the letters.

use crate::{
    documents::Document,
    error::EvalError,
    python::text::strip,
    tasks::task::{Dataset, Examples, Item, Metric, OutputType, Split, Task, Text, Wording},
};

/// LogiQA.
pub(crate) static LOGIQA: Task = Task {
    name: "logiqa",
    alias: None,
    tags: &[],
    version: 1.0,
    dataset: Dataset {
        path: "EleutherAI/logiqa",
        name: Some("logiqa"),
        folder: "logiqa",
        training: Some(Split::new("train", "logiqa_train.jsonl", 7376)),
        validation: Some(Split::new("validation", "logiqa_validation.jsonl", 651)),
        test: Some(Split::new("test", "logiqa_test.jsonl", 651)),
        fewshot: None,
        fields: "label, context, question, options",
    },
    description: "",
    examples: Examples::Drawn,
    output: OutputType::MultipleChoice,
    metrics: Metric::ACCURACIES,
    prepare: None,
    item,
    wording: Wording {
        doc_to_text: Text::Function,
        doc_to_target: Text::Function,
        doc_to_choice: Text::Template("{{options}}"),
        decontamination: Some("{{context}}"),
        aggregations_are_named: true,
        own_results: false,
    },
};

fn item(document: &Document) -> Result<Item, EvalError> {
    let options = document.texts("options")?;
    let mut prompt = format!(
        "Passage: {}\nQuestion: {}\nChoices:\n",
        document.text("context")?,
        document.text("question")?
    );
    for (letter, option) in ('A'..='D').zip(&options) {
        prompt.extend([letter.to_string().as_str(), ". ", option, "\n"]);
    }
    prompt.push_str("Answer:");
    let label = document.text("label")?;
    let gold = ["a", "b", "c", "d"].iter().position(|&letter| letter == strip(label));
    let gold = gold.filter(|&gold| gold < options.len()).ok_or_else(|| {
        document.wrong(format!(
            "\"label\" is {label:?}, not a letter from a to d with an option ({} options)",
            options.len()
        ))
    })?;
    Ok(Item::choice(prompt, options, gold))
}
