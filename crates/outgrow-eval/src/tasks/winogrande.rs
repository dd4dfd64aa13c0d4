//! WinoGrande by partial evaluation (Trinh and Le, 2018): the options are put where the sentence has its blank, and
//! what follows is scored given either. There is one continuation and there are two contexts, so that no length has to
//! be made up for.

use crate::{
    documents::Document,
    error::EvalError,
    python::text::strip,
    tasks::task::{Dataset, Examples, Item, Metric, OutputType, Split, Task, Text, Wording},
};

/// WinoGrande.
pub(crate) static WINOGRANDE: Task = Task {
    name: "winogrande",
    alias: None,
    tags: &[],
    version: 1.0,
    dataset: Dataset {
        path: "allenai/winogrande",
        name: Some("winogrande_xl"),
        folder: "winogrande",
        training: Some(Split::new("train", "winogrande_xl_train.jsonl", 40_398)),
        validation: Some(Split::new("validation", "winogrande_xl_validation.jsonl", 1267)),
        test: None,
        fewshot: None,
        fields: "sentence, option1, option2, answer",
    },
    description: "",
    examples: Examples::Drawn,
    output: OutputType::MultipleChoice,
    metrics: &[Metric::Accuracy],
    prepare: None,
    item,
    wording: Wording {
        doc_to_text: Text::Function,
        doc_to_target: Text::Function,
        doc_to_choice: Text::Function,
        decontamination: Some("sentence"),
        aggregations_are_named: true,
        own_results: false,
    },
};

fn item(document: &Document) -> Result<Item, EvalError> {
    let sentence = document.text("sentence")?;
    let (before, after) = sentence
        .split_once('_')
        .ok_or_else(|| document.wrong(format!("\"sentence\" has no blank (_): {sentence:?}")))?;
    let gold = match document.text("answer")? {
        "1" => 0,
        "2" => 1,
        other => return Err(document.wrong(format!("\"answer\" is {other:?}, not \"1\" or \"2\""))),
    };
    let contexts =
        ["option1", "option2"].iter().map(|option| Ok(format!("{before}{}", document.text(option)?)));
    let contexts = contexts.collect::<Result<_, EvalError>>()?;
    Ok(Item::Inputs { contexts, continuation: strip(after).to_owned(), gold })
}
