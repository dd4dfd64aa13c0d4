//! SciQ: questions of science with a passage that supports the answer, where there is one. The right answer is the last
//! choice.

use crate::{
    documents::Document,
    error::EvalError,
    python::text::strip_start,
    tasks::task::{Dataset, Examples, Item, Metric, OutputType, Split, Task, Text, Wording},
};

/// SciQ.
pub(crate) static SCIQ: Task = Task {
    name: "sciq",
    alias: None,
    tags: &[],
    version: 1.0,
    dataset: Dataset {
        path: "allenai/sciq",
        name: None,
        folder: "sciq",
        training: Some(Split::new("train", "sciq_train.jsonl", 11_679)),
        validation: Some(Split::new("validation", "sciq_validation.jsonl", 1000)),
        test: Some(Split::new("test", "sciq_test.jsonl", 1000)),
        fewshot: None,
        fields: "question, distractor1, distractor2, distractor3, correct_answer, support",
    },
    description: "",
    examples: Examples::Drawn,
    output: OutputType::MultipleChoice,
    metrics: Metric::ACCURACIES,
    prepare: None,
    item,
    wording: Wording {
        doc_to_text: Text::Template("{{support.lstrip()}}\nQuestion: {{question}}\nAnswer:"),
        doc_to_target: Text::Number(3),
        doc_to_choice: Text::Template("{{[distractor1, distractor2, distractor3, correct_answer]}}"),
        decontamination: Some("{{support}} {{question}}"),
        aggregations_are_named: true,
        own_results: false,
    },
};

/// Without support, a prompt begins with a line break.
fn item(document: &Document) -> Result<Item, EvalError> {
    let support = strip_start(document.text("support")?);
    let context = format!("{support}\nQuestion: {}\nAnswer:", document.text("question")?);
    let fields = ["distractor1", "distractor2", "distractor3", "correct_answer"];
    let choices = fields.iter().map(|field| document.text(field).map(str::to_owned));
    Ok(Item::choice(context, choices.collect::<Result<_, _>>()?, 3))
}
