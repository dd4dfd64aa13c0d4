//! Few-shot prompts: which examples stand before a document, and what they look like. The draws are those of
//! `random.Random`, one stream for each task, in the order of its documents.

use crate::{
    documents::Document,
    python::random::MersenneTwister,
    tasks::task::{Gold, Item},
};

/// Between a context and its answer.
pub(crate) const TARGET_DELIMITER: &str = " ";
/// Behind each example.
const EXAMPLE_DELIMITER: &str = "\n\n";

/// An example of a prompt: its document, and its text with the answer.
#[derive(Debug)]
pub(crate) struct Example {
    pub document: Document,
    pub text: String,
}

/// An item as an example: context and right answer. Lambada's answers begin with a space and get another one.
pub(crate) fn example_text(item: &Item) -> String {
    let (context, answer) = match item {
        Item::Completion { context, target } => (context.as_str(), target.as_str()),
        Item::Choice { context, choices, gold } => {
            let gold = match gold {
                Gold::Index(gold) => *gold,
                Gold::Labels(_) => 0,
            };
            (context.as_str(), choices.get(gold).map_or("", String::as_str))
        }
        Item::Inputs { contexts, continuation, gold } => {
            // Only here can an answer be empty: where the blank is the sentence's end.
            let context = contexts.get(*gold).map_or("", String::as_str);
            if continuation.is_empty() {
                return context.to_owned();
            }
            (context, continuation.as_str())
        }
        Item::Page { text, .. } => ("", text.as_str()),
    };
    [context, TARGET_DELIMITER, answer, EXAMPLE_DELIMITER].concat()
}

/// Draws the examples of one document after the other.
#[derive(Debug)]
pub(crate) struct Draws<'pool> {
    random: MersenneTwister,
    pool: &'pool [Example],
    num_fewshot: usize,
    one_more: bool,
}

impl<'pool> Draws<'pool> {
    pub(crate) fn new(seed: u64, pool: &'pool [Example], num_fewshot: usize, one_more: bool) -> Self {
        Self { random: MersenneTwister::new(seed), pool, num_fewshot, one_more }
    }

    /// The examples for this document, in the order in which they are drawn; `None` if the pool is too small.
    ///
    /// With one more, whatever is equal to the document is left out. If that was there several times and too few are
    /// left, the harness draws again from what isn't equal to it.
    pub(crate) fn next(&mut self, document: &Document) -> Option<Vec<&'pool Example>> {
        let pool = self.pool;
        if !self.one_more {
            let drawn = self.random.sample(pool.len(), self.num_fewshot)?;
            return Some(drawn.into_iter().map(|index| &pool[index]).collect());
        }
        let drawn = self.random.sample(pool.len(), self.num_fewshot + 1)?;
        let others: Vec<_> = drawn
            .into_iter()
            .map(|index| &pool[index])
            .filter(|example| example.document != *document)
            .collect();
        if others.len() >= self.num_fewshot {
            return Some(others.into_iter().take(self.num_fewshot).collect());
        }
        let others: Vec<_> = pool.iter().filter(|example| example.document != *document).collect();
        let drawn = self.random.sample(others.len(), self.num_fewshot)?;
        Some(drawn.into_iter().map(|index| others[index]).collect())
    }
}
