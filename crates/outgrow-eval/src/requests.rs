//! From strings to tokens: where a context ends and a continuation begins, what is left of what is too long, windows over whole texts.
//! The result is what a model scores, grouped by context, each request once. No model is run here, and none has to be loaded.

pub(crate) mod windows;

use std::collections::HashMap;

use outgrow_tokenizer::TokenizerError;
use outgrow_tokenizer::pretrained::PretrainedTokenizer;
use rayon::prelude::*;

use crate::{
    error::EvalError,
    model::{Continuations, ModelOutline},
    options::{AddBosToken, Options, Prefix},
    plan::{Plan, Request},
    python::text::strip_end,
    requests::windows::windows,
};

/// Everything that a model has to score for a plan, and which of it belongs to which document.
#[derive(Debug)]
pub struct TokenRequests {
    /// The model that they are made for, its length limited as was chosen.
    pub outline: ModelOutline,
    /// What is scored: the longest inputs first, so that a machine that is too small shows it at once.
    pub groups: Vec<Continuations>,
    /// The token before a text that has nothing else before it.
    pub prefix_token_id: Option<u32>,
    /// Requests of all documents, windows counted one by one; more than there are continuations if some are equal.
    pub requests: usize,
    /// Requests that lost tokens at their beginning because the model can't take them all.
    pub truncated: usize,
    /// For each task, each document and each of its requests, where its scores are.
    pub(crate) places: Vec<Vec<Vec<Vec<Place>>>>,
}

/// Where a score is: the group, and the continuation in it.
pub(crate) type Place = (usize, usize);

impl TokenRequests {
    /// Continuations to be scored.
    pub fn distinct(&self) -> usize {
        self.groups.iter().map(|group| group.continuations.len()).sum()
    }

    /// What is unusual, a line each.
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

/// Makes the token requests of a plan for a model with this outline. A tokenizer may have more ids than the model, as long as no text has one of them.
///
/// # Errors
/// [`EvalError::Option`] if the prefix or the length can't be had of this model; [`EvalError::Request`] for every continuation that is empty or
/// longer than the model's inputs; [`EvalError::Vocabulary`] if texts have tokens that the model has no row for; [`EvalError::Tokenizer`] if the
/// library fails on a text.
pub fn tokenize(
    plan: &Plan,
    tokenizer: &PretrainedTokenizer,
    outline: &ModelOutline,
) -> Result<TokenRequests, EvalError> {
    let outline = ModelOutline { max_length: max_length(&plan.options, outline)?, ..outline.clone() };
    let prefix = prefix_token(&plan.options, &outline)?;
    // An id that the tokenizer doesn't know is spelt as nothing, with which every text begins: so the harness has it.
    let spelling = prefix.map(|id| tokenizer.decode(&[id]).unwrap_or_default());
    let splitter = Splitter {
        tokenizer,
        add_bos_token: plan.options.add_bos_token,
        prefix,
        spelling,
        max_length: outline.max_length,
        vocab_size: outline.vocab_size,
    };
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
            Problem::Request(problem) => EvalError::Request { task: task.into(), document: index, problem },
            Problem::Vocabulary { token, id } => {
                let model = outline.vocab_size;
                EvalError::Vocabulary { task: task.into(), document: index, token, id, model, others: 0 }
            }
        })
    });
    let split = EvalError::collect(counted(split.collect()))?;
    let tasks = documents.iter().map(|&(task, ..)| task);
    Ok(grouped(plan.tasks.len(), tasks.zip(split), outline, prefix))
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
        option: "max-length",
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

fn prefix_token(options: &Options, outline: &ModelOutline) -> Result<Option<u32>, EvalError> {
    let wrong =
        |value: String, expected: String| EvalError::Option { option: "prefix-token-id", value, expected };
    match options.prefix {
        Prefix::Default => Ok(outline.bos_token_id.or(outline.eos_token_id)),
        Prefix::Eos if outline.eos_token_id.is_none() => {
            Err(wrong("the token that ends a text".into(), "an id, as the model names no such token".into()))
        }
        Prefix::Eos => Ok(outline.eos_token_id),
        Prefix::Id(id) if id as usize >= outline.vocab_size => {
            Err(wrong(id.to_string(), format!("below {}, the model's vocabulary", outline.vocab_size)))
        }
        Prefix::Id(id) => Ok(Some(id)),
    }
}

/// What splitting needs to know.
struct Splitter<'a> {
    tokenizer: &'a PretrainedTokenizer,
    add_bos_token: AddBosToken,
    prefix: Option<u32>,
    spelling: Option<String>,
    max_length: usize,
    /// The model's.
    vocab_size: usize,
}

/// Why a request can't be made.
enum Problem {
    Library(TokenizerError),
    Request(String),
    Vocabulary { token: String, id: u32 },
}

impl From<TokenizerError> for Problem {
    fn from(error: TokenizerError) -> Self {
        Self::Library(error)
    }
}

/// A request of tokens.
struct TokenRequest {
    context: Vec<u32>,
    continuation: Vec<u32>,
    truncated: bool,
}

impl Splitter<'_> {
    /// The token requests of each request of one document.
    fn split(&self, requests: &[Request]) -> Result<Vec<Vec<TokenRequest>>, Problem> {
        // Choices share their context; it is tokenised once.
        let mut last: Option<(&str, Vec<u32>)> = None;
        let mut split = Vec::with_capacity(requests.len());
        for request in requests {
            split.push(match request {
                Request::Text(text) => self.rolling(text)?,
                Request::Continuation { context, continuation } if context.is_empty() => {
                    vec![self.without_context(continuation)?]
                }
                Request::Continuation { context, continuation } => {
                    let kept = strip_end(context);
                    let ids = match last.take() {
                        Some((text, ids)) if text == kept => ids,
                        _ => self.encode(kept)?,
                    };
                    let whole = self.encode(&[context.as_str(), continuation].concat())?;
                    // By length alone: nothing says that the whole begins with the context's tokens.
                    let target = whole.get(ids.len()..).unwrap_or_default().to_vec();
                    let request = self.truncated(ids.clone(), target)?;
                    last = Some((kept, ids));
                    vec![request]
                }
            });
        }
        Ok(split)
    }

    /// With the tokenizer's special tokens, unless told otherwise or the text begins with the spelling of the prefix.
    fn encode(&self, text: &str) -> Result<Vec<u32>, Problem> {
        let spelt_out = self.spelling.as_ref().is_some_and(|spelling| text.starts_with(spelling.as_str()));
        let special = match self.add_bos_token {
            AddBosToken::Default | AddBosToken::Always => !spelt_out,
            AddBosToken::Never => false,
        };
        self.tokens(text, special)
    }

    /// The ids of a text, all of which the model has a row for.
    fn tokens(&self, text: &str, add_special_tokens: bool) -> Result<Vec<u32>, Problem> {
        let ids = self.tokenizer.encode(text, add_special_tokens)?;
        ids.iter().try_for_each(|&id| self.known(id))?;
        Ok(ids)
    }

    fn known(&self, id: u32) -> Result<(), Problem> {
        if (id as usize) < self.vocab_size {
            return Ok(());
        }
        Err(Problem::Vocabulary { token: self.tokenizer.decode(&[id]).unwrap_or_default(), id })
    }

    fn prefix(&self) -> Result<u32, Problem> {
        let none =
            "has no context, and the model names no token that begins or ends a text: give a prefix token";
        let prefix = self.prefix.ok_or_else(|| Problem::Request(none.into()))?;
        self.known(prefix).map(|()| prefix)
    }

    fn without_context(&self, continuation: &str) -> Result<TokenRequest, Problem> {
        let mut ids = self.tokens(continuation, false)?;
        let prefix = self.prefix()?;
        if ids.first() == Some(&prefix) {
            let target = ids.split_off(1);
            return self.truncated(ids, target);
        }
        self.truncated(vec![prefix], ids)
    }

    fn rolling(&self, text: &str) -> Result<Vec<TokenRequest>, Problem> {
        let prefix = self.prefix()?;
        let windows = windows(&self.encode(text)?, prefix, self.max_length);
        let request = |(context, continuation)| TokenRequest { context, continuation, truncated: false };
        Ok(windows.into_iter().map(request).collect())
    }

    /// As many tokens of the context as there is room for, the last ones: all but the continuation's last token are input.
    fn truncated(&self, mut context: Vec<u32>, continuation: Vec<u32>) -> Result<TokenRequest, Problem> {
        if continuation.is_empty() {
            return Err(Problem::Request("a continuation has no token of its own".into()));
        }
        if continuation.len() > self.max_length {
            let (length, max_length) = (continuation.len(), self.max_length);
            let problem =
                format!("a continuation has {length} tokens, but the model takes {max_length} at most");
            return Err(Problem::Request(problem));
        }
        if context.is_empty() {
            return Err(Problem::Request("a context has no token: let special tokens be added".into()));
        }
        let room = self.max_length + 1 - continuation.len();
        let truncated = context.len() > room;
        if truncated {
            context.drain(..context.len() - room);
        }
        Ok(TokenRequest { context, continuation, truncated })
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
