//! From a plan's strings to what a model scores: token requests of all documents, grouped by context, each once. No
//! model is run here, and none has to be loaded. How one document's strings become tokens is splitting.rs.

mod splitting;
mod windows;

use std::collections::HashMap;

use outgrow_tokenizer::pretrained::PretrainedTokenizer;
use rayon::prelude::*;

use crate::{
    error::EvalError,
    model::{Continuations, ModelOutline},
    options::Options,
    plan::Plan,
    requests::splitting::{Problem, Splitter, TokenRequest},
};

/// Everything that a model has to score for a plan, and which of it belongs to which document.
#[derive(Debug)]
pub struct TokenRequests {
    /// The model that they are made for, its length limited as was chosen.
    pub(crate) outline: ModelOutline,
    /// What is scored: the longest inputs first, so that a machine that is too small shows it at once.
    pub(crate) groups: Vec<Continuations>,
    /// The token before a text that has nothing else before it.
    pub(crate) prefix_token_id: Option<u32>,
    /// Requests of all documents, windows counted one by one; more than there are continuations if some are equal.
    pub(crate) requests: usize,
    /// Requests that lost tokens at their beginning because the model can't take them all.
    pub(crate) truncated: usize,
    /// For each task, each document and each of its requests, where its scores are.
    pub(crate) places: Vec<Vec<Vec<Vec<Place>>>>,
}

/// Where a score is: the group, and the continuation in it.
pub(crate) type Place = (usize, usize);

impl TokenRequests {
    /// Makes the token requests of a plan for a model with this outline. A tokenizer may have more ids than the model,
    /// as long as no text has one of them.
    ///
    /// ```
    /// # let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    /// # let (data, tokenizer_json) = (golden.join("documents"), golden.join("tokenizer.json"));
    /// use outgrow_eval::{
    ///     ModelOutline, Options, Plan, Selection, TokenRequests,
    ///     tokenizer::{Tokenizer, pretrained::PretrainedTokenizer},
    /// };
    ///
    /// let plan = Plan::prepare(&Selection::named(&["arc_easy"])?, &data, &Options::default())?;
    /// let tokenizer = PretrainedTokenizer::plain(Tokenizer::open(&tokenizer_json)?);
    /// let outline = ModelOutline { vocab_size: 431, max_length: 512, bos_token_id: Some(1), eos_token_id: Some(2) };
    /// let requests = TokenRequests::new(&plan, &tokenizer, &outline)?;
    /// // The choices of a question share its context.
    /// assert_eq!(requests.groups().len(), plan.tasks()[0].documents.len());
    /// # Ok::<(), outgrow_eval::EvalError>(())
    /// ```
    ///
    /// # Errors
    /// [`EvalError::Option`] if the prefix or the length can't be had of this model; [`EvalError::Request`] for every
    /// continuation that is empty or longer than the model's inputs; [`EvalError::Vocabulary`] if texts have tokens
    /// that the model has no row for; [`EvalError::Tokenizer`] if the library fails on a text.
    pub fn new(
        plan: &Plan,
        tokenizer: &PretrainedTokenizer,
        outline: &ModelOutline,
    ) -> Result<Self, EvalError> {
        let outline = ModelOutline { max_length: max_length(&plan.options, outline)?, ..outline.clone() };
        let splitter = Splitter::new(&plan.options, tokenizer, &outline)?;
        let documents = plan.tasks.iter().enumerate().flat_map(|(task, planned)| {
            planned
                .documents
                .iter()
                .enumerate()
                .map(move |(index, document)| (task, index, planned.task.name, document))
        });
        let documents: Vec<_> = documents.collect();
        let split = documents.par_iter().map(|&(_, index, task, document)| {
            splitter.split(&document.requests()).map_err(|problem| match problem {
                Problem::Library(error) => error.into(),
                Problem::Request(problem) => {
                    EvalError::Request { task: task.into(), document: index, problem }
                }
                Problem::Vocabulary { token, id } => {
                    let model = outline.vocab_size;
                    EvalError::Vocabulary { task: task.into(), document: index, token, id, model, others: 0 }
                }
            })
        });
        let split = EvalError::collect(counted(split.collect()))?;
        let tasks = documents.iter().map(|&(task, ..)| task);
        Ok(grouped(plan.tasks.len(), tasks.zip(split), outline, splitter.prefix))
    }

    /// The model that they are made for, its length limited as was chosen.
    pub fn outline(&self) -> &ModelOutline {
        &self.outline
    }

    /// What is scored, the longest inputs first.
    pub fn groups(&self) -> &[Continuations] {
        &self.groups
    }

    /// The token before a text that has nothing else before it.
    pub fn prefix_token_id(&self) -> Option<u32> {
        self.prefix_token_id
    }

    /// Requests of all documents, windows counted one by one.
    pub fn total(&self) -> usize {
        self.requests
    }

    /// Requests that lost tokens at their beginning because the model can't take them all.
    pub fn truncated(&self) -> usize {
        self.truncated
    }

    /// Continuations to be scored; fewer than there are requests if some are equal.
    pub fn distinct(&self) -> usize {
        self.groups.iter().map(|group| group.continuations.len()).sum()
    }

    /// What is unusual, a line for each.
    pub fn warnings(&self) -> Vec<String> {
        let max_length = self.outline.max_length;
        let truncated = (self.truncated > 0).then(|| {
            format!(
                "{} of {} requests are longer than {max_length} tokens and lost their beginning",
                self.truncated, self.requests
            )
        });
        truncated.into_iter().collect()
    }
}

/// Of documents with tokens beyond the vocabulary the first, with the number of the others: they all have one reason.
fn counted<T>(split: Vec<Result<T, EvalError>>) -> Vec<Result<T, EvalError>> {
    let (mut kept, mut first, mut count) = (Vec::with_capacity(split.len()), None, 0);
    for result in split {
        if matches!(result, Err(EvalError::Vocabulary { .. })) {
            count += 1;
            if first.is_some() {
                continue;
            }
            first = Some(kept.len());
        }
        kept.push(result);
    }
    if let Some(Err(EvalError::Vocabulary { others, .. })) = first.and_then(|first| kept.get_mut(first)) {
        *others = count - 1;
    }
    kept
}

fn max_length(options: &Options, outline: &ModelOutline) -> Result<usize, EvalError> {
    let wrong = |value: usize, expected: String| EvalError::Option {
        option: "max_length",
        value: value.to_string(),
        expected,
    };
    match options.max_length {
        Some(length) if length > outline.max_length => {
            Err(wrong(length, format!("at most {}, the model's positions", outline.max_length)))
        }
        None if outline.max_length == 0 => Err(wrong(0, "at least 1".into())),
        Some(length) => Ok(length),
        None => Ok(outline.max_length),
    }
}

/// Puts requests with the same context together, equal ones once, and sorts the groups.
fn grouped(
    tasks: usize,
    documents: impl Iterator<Item = (usize, Vec<Vec<TokenRequest>>)>,
    outline: ModelOutline,
    prefix_token_id: Option<u32>,
) -> TokenRequests {
    let mut known: HashMap<Vec<u32>, usize> = HashMap::new();
    let mut groups: Vec<Continuations> = Vec::new();
    let mut places: Vec<Vec<Vec<Vec<Place>>>> = vec![Vec::new(); tasks];
    let (mut requests, mut truncated) = (0, 0);
    for (task, document) in documents {
        let mut place = |request: TokenRequest| {
            requests += 1;
            truncated += usize::from(request.truncated);
            let group = *known.entry(request.context).or_insert_with_key(|context| {
                groups.push(Continuations { context: context.clone(), continuations: Vec::new() });
                groups.len() - 1
            });
            let continuations = &mut groups[group].continuations;
            let index = continuations.iter().position(|other| *other == request.continuation);
            let index = index.unwrap_or_else(|| {
                continuations.push(request.continuation);
                continuations.len() - 1
            });
            (group, index)
        };
        let document = document.into_iter().map(|request| request.into_iter().map(&mut place).collect());
        places[task].push(document.collect());
    }
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_cached_key(|&index| {
        let group = &groups[index];
        (std::cmp::Reverse(group.longest_input()), group.context.clone())
    });
    let mut position = vec![0; groups.len()];
    for (new, &old) in order.iter().enumerate() {
        position[old] = new;
    }
    for place in places.iter_mut().flatten().flatten().flatten() {
        place.0 = position[place.0];
    }
    let mut unsorted: Vec<_> = groups.into_iter().map(Some).collect();
    let groups = order.into_iter().filter_map(|index| unsorted[index].take()).collect();
    TokenRequests { outline, groups, prefix_token_id, requests, truncated, places }
}
