//! WikiText-2 by page: the perplexity of whole articles, per word of the original.

use super::detokenizer::detokenized;
use super::split;
use crate::{
    documents::Document,
    error::EvalError,
    python::text::count_words,
    tasks::task::{Dataset, Examples, Item, Metric, OutputType, Task, Text, Wording},
};

/// WikiText-2. Examples would not be part of what is scored, whatever is asked for.
pub static WIKITEXT: Task = Task {
    name: "wikitext",
    alias: None,
    tags: &[],
    version: 2.0,
    dataset: Dataset {
        path: "EleutherAI/wikitext_document_level",
        name: Some("wikitext-2-raw-v1"),
        folder: "wikitext",
        training: split("train", "wikitext2_raw_train_pages.jsonl", 629),
        validation: split("validation", "wikitext2_raw_validation_pages.jsonl", 60),
        test: split("test", "wikitext2_raw_test_pages.jsonl", 62),
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
