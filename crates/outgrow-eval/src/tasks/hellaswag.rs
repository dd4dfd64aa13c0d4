//! HellaSwag: how does the scene go on? Part of the texts are from WikiHow and have its marks removed.

use serde_json::Value;

use crate::{
    documents::Document,
    error::EvalError,
    python::text::{capitalize, strip},
    tasks::task::{Dataset, Examples, Item, Metric, OutputType, Split, Task, Text, Wording},
};

/// HellaSwag. The labels of its test split aren't public, so the validation split is scored.
pub(crate) static HELLASWAG: Task = Task {
    name: "hellaswag",
    alias: None,
    tags: &["multiple_choice"],
    version: 1.0,
    dataset: Dataset {
        path: "Rowan/hellaswag",
        name: None,
        folder: "hellaswag",
        training: Some(Split::new("train", "hellaswag_train.jsonl", 39_905)),
        validation: Some(Split::new("validation", "hellaswag_validation.jsonl", 10_042)),
        test: None,
        fewshot: None,
        fields: "activity_label, ctx_a, ctx_b, endings, label",
    },
    description: "",
    examples: Examples::Drawn,
    output: OutputType::MultipleChoice,
    metrics: Metric::ACCURACIES,
    prepare: Some(prepared),
    item,
    wording: Wording {
        doc_to_text: Text::Template("{{query}}"),
        doc_to_target: Text::Template("{{label}}"),
        doc_to_choice: Text::Template("choices"),
        decontamination: None,
        aggregations_are_named: true,
        own_results: false,
    },
};

/// The harness keeps the prompt, the endings and the answer as fields of the document, and hashes them with it.
fn prepared(document: Document) -> Result<Document, EvalError> {
    let scene = format!("{} {}", document.text("ctx_a")?, capitalize(document.text("ctx_b")?));
    let query = without_marks(&format!("{}: {scene}", document.text("activity_label")?));
    let endings: Vec<_> =
        document.texts("endings")?.iter().map(|ending| Value::from(without_marks(ending))).collect();
    let gold = answer(&document, endings.len())?;
    Ok(document.with("query", query.into()).with("choices", endings.into()).with("gold", gold.into()))
}

fn item(document: &Document) -> Result<Item, EvalError> {
    let choices = document.texts("choices")?;
    let gold = answer(document, choices.len())?;
    Ok(Item::choice(document.text("query")?.to_owned(), choices, gold))
}

/// The label is a text with a number.
fn answer(document: &Document, endings: usize) -> Result<usize, EvalError> {
    let label = document.text("label")?;
    let gold = label.parse().ok().filter(|&gold: &usize| gold < endings);
    gold.ok_or_else(|| {
        document.wrong(format!("\"label\" is {label:?}, not the number of one of {endings} endings"))
    })
}

/// ` [title]` is a full stop; what else is in brackets goes, and double spaces become single ones.
fn without_marks(text: &str) -> String {
    let text = strip(text).replace(" [title]", ". ");
    let mut result = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, from)) = rest.split_once('[') {
        result.push_str(before);
        // A bracket that isn't closed on its line isn't one, but there may be one behind it that is.
        rest = match from.find([']', '\n']) {
            Some(end) if from[end..].starts_with(']') => &from[end + 1..],
            _ => {
                result.push('[');
                from
            }
        };
    }
    (result + rest).replace("  ", " ")
}

#[cfg(test)]
mod tests {
    use super::without_marks;

    #[test]
    fn marks_of_wikihow_are_removed() {
        assert_eq!(
            without_marks(" How to [header] sit [title] Sit. [step] Down [a [b] c]. "),
            "How to sit. Sit. Down c]."
        );
        assert_eq!(without_marks("a [b\nc] [d] e"), "a [b\nc] e");
    }
}
