//! WikiText-2 by page: the perplexity of whole articles, per word of the original.

use crate::{
    documents::Document,
    error::EvalError,
    python::text::count_words,
    tasks::{
        detokenizer::detokenized,
        task::{Dataset, Examples, Item, Metric, OutputType, Split, Task, Text, Wording},
    },
};

/// WikiText-2. Examples would not be part of what is scored, whatever is asked for.
pub(crate) static WIKITEXT: Task = Task {
    name: "wikitext",
    alias: None,
    tags: &[],
    version: 2.0,
    dataset: Dataset {
        path: "EleutherAI/wikitext_document_level",
        name: Some("wikitext-2-raw-v1"),
        folder: "wikitext",
        training: Some(Split::new("train", "wikitext2_raw_train_pages.jsonl", 629)),
        validation: Some(Split::new("validation", "wikitext2_raw_validation_pages.jsonl", 60)),
        test: Some(Split::new("test", "wikitext2_raw_test_pages.jsonl", 62)),
        fewshot: None,
        fields: "page",
    },
    description: "",
    examples: Examples::Drawn,
    output: OutputType::Rolling,
    metrics: &[Metric::WordPerplexity, Metric::BytePerplexity, Metric::BitsPerByte],
    prepare: None,
    item,
    wording: Wording {
        doc_to_text: Text::Template(""),
        doc_to_target: Text::Function,
        doc_to_choice: Text::Absent,
        decontamination: Some("{{page}}"),
        aggregations_are_named: false,
        own_results: true,
    },
};

/// Words and bytes are those of the page before it is detokenised: perplexities are per word of the original.
fn item(document: &Document) -> Result<Item, EvalError> {
    let page = document.text("page")?;
    Ok(Item::Page { text: detokenized(page), words: count_words(page), bytes: page.len() as u64 })
}
