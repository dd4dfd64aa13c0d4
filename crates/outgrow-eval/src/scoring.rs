//! Runs token requests through a model: batch by batch, each written to a journal before the next, so that an
//! evaluation that was killed goes on where it stopped. It measures nothing.

mod journal;

use std::path::Path;

use crate::{
    error::EvalError,
    model::{Continuations, LanguageModel, Score},
    requests::TokenRequests,
    scoring::journal::Journal,
};

/// How much a model is given at once. No score depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimit {
    /// Requests.
    pub requests: usize,
    /// Tokens of input, counted as if each request of the batch were as long as its longest.
    pub tokens: usize,
}

impl Default for BatchLimit {
    fn default() -> Self {
        Self { requests: 64, tokens: 16_384 }
    }
}

/// How far scoring has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoringProgress {
    /// Requests that have a score.
    pub done: usize,
    /// Those of them that an earlier evaluation left in the journal.
    pub from_journal: usize,
    /// All requests.
    pub total: usize,
    /// Tokens of context and continuations that were scored, shared contexts once.
    pub tokens: usize,
    /// The same of all requests.
    pub total_tokens: usize,
}

/// A score for each token request.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores(pub(crate) Vec<Vec<Score>>);

impl Scores {
    /// Scores everything that isn't in the journal. `model_identity` tells models apart (a hash of its files, say): a
    /// journal of another model isn't used.
    ///
    /// ```
    /// # use std::error::Error;
    /// # let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    /// # let (data, tokenizer_json) = (golden.join("documents"), golden.join("tokenizer.json"));
    /// use outgrow_eval::{
    ///     BatchLimit, Continuations, LanguageModel, ModelOutline, Options, Plan, Score, Scores, Selection, TokenRequests,
    ///     tokenizer::{Tokenizer, pretrained::PretrainedTokenizer},
    /// };
    ///
    /// /// Finds a continuation the less likely the longer it is.
    /// struct Terse;
    ///
    /// impl LanguageModel for Terse {
    ///     fn outline(&self) -> ModelOutline {
    ///         ModelOutline { vocab_size: 431, max_length: 512, bos_token_id: Some(1), eos_token_id: Some(2) }
    ///     }
    ///
    ///     fn score(&mut self, groups: &[Continuations]) -> Result<Vec<Vec<Score>>, Box<dyn Error + Send + Sync>> {
    ///         let score = |tokens: &Vec<u32>| Score { log_likelihood: -(tokens.len() as f64), is_greedy: false };
    ///         Ok(groups.iter().map(|group| group.continuations.iter().map(score).collect()).collect())
    ///     }
    /// }
    ///
    /// let plan = Plan::prepare(&Selection::named(&["arc_easy"])?, &data, &Options::default())?;
    /// let tokenizer = PretrainedTokenizer::plain(Tokenizer::open(&tokenizer_json)?);
    /// let requests = TokenRequests::new(&plan, &tokenizer, &Terse.outline())?;
    /// let scores = Scores::compute(&requests, &mut Terse, BatchLimit::default(), None, &mut |_| ())?;
    /// # let evaluation = outgrow_eval::Evaluation::new(&plan, &requests, &scores)?;
    /// # assert_eq!(evaluation.tasks()[0].answers.len(), plan.tasks()[0].documents.len());
    /// # Ok::<(), Box<dyn Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`EvalError::AnotherModel`] if the model isn't the one that was tokenised for; [`EvalError::Model`] and
    /// [`EvalError::ScoreCount`] if it fails; [`EvalError::Journal`] and [`EvalError::Io`] if the journal can't be
    /// used.
    pub fn compute(
        requests: &TokenRequests,
        model: &mut dyn LanguageModel,
        batch: BatchLimit,
        journal: Option<(&Path, &str)>,
        progress: &mut dyn FnMut(ScoringProgress),
    ) -> Result<Self, EvalError> {
        check_model(requests, model)?;
        let mut journal = journal.map(|(path, identity)| Journal::open(path, identity)).transpose()?;
        let mut scores = known_scores(requests, journal.as_ref());
        let missing: Vec<(usize, Vec<usize>)> = scores.iter().enumerate().filter_map(missing).collect();
        let open = missing.iter().map(|(index, left)| part(&requests.groups[*index], left));
        let open: Vec<Continuations> = open.collect();
        let mut now = before(requests, &open);
        progress(now);
        let mut start = 0;
        while start < open.len() {
            let end = start + batch_length(&open[start..], batch);
            let groups = &open[start..end];
            let fresh = scored(model, groups)?;
            if let Some(journal) = &mut journal {
                journal.append(groups, &fresh)?;
            }
            for ((group, left), fresh) in missing[start..end].iter().zip(&fresh) {
                for (&continuation, &score) in left.iter().zip(fresh) {
                    scores[*group][continuation] = Some(score);
                }
            }
            now.done += groups.iter().map(|group| group.continuations.len()).sum::<usize>();
            now.tokens = (now.tokens + tokens(groups)).min(now.total_tokens);
            progress(now);
            start = end;
        }
        let all = scores.into_iter().map(|group| group.into_iter().collect::<Option<Vec<_>>>());
        let all = all.collect::<Option<Vec<_>>>();
        all.map(Self).ok_or(EvalError::ScoreCount { expected: now.total, found: now.done })
    }
}

/// For each continuation what an earlier evaluation left.
fn known_scores(requests: &TokenRequests, journal: Option<&Journal>) -> Vec<Vec<Option<Score>>> {
    let known = |group: &Continuations, continuation: &[u32]| journal?.score(&group.context, continuation);
    let scores = requests
        .groups
        .iter()
        .map(|group| group.continuations.iter().map(|continuation| known(group, continuation)).collect());
    scores.collect()
}

/// How far it is when only the open groups are left.
fn before(requests: &TokenRequests, open: &[Continuations]) -> ScoringProgress {
    let (total, total_tokens) = (requests.distinct(), tokens(&requests.groups));
    let done = total - open.iter().map(|group| group.continuations.len()).sum::<usize>();
    // A group of which something is left has its context among the open tokens.
    let tokens = total_tokens - tokens(open).min(total_tokens);
    ScoringProgress { done, from_journal: done, total, tokens, total_tokens }
}

fn check_model(requests: &TokenRequests, model: &dyn LanguageModel) -> Result<(), EvalError> {
    let (expected, found) = (&requests.outline, model.outline());
    if expected.vocab_size == found.vocab_size && expected.max_length <= found.max_length {
        return Ok(());
    }
    let words = |vocab_size, max_length| format!("{vocab_size} entries and inputs of {max_length} tokens");
    Err(EvalError::AnotherModel {
        expected: words(expected.vocab_size, expected.max_length),
        found: words(found.vocab_size, found.max_length),
    })
}

/// The continuations of a group that have no score, if there are any.
fn missing((index, scores): (usize, &Vec<Option<Score>>)) -> Option<(usize, Vec<usize>)> {
    let left = scores.iter().enumerate().filter(|(_, score)| score.is_none()).map(|(index, _)| index);
    let left: Vec<usize> = left.collect();
    (!left.is_empty()).then_some((index, left))
}

fn part(group: &Continuations, left: &[usize]) -> Continuations {
    let continuations = left.iter().map(|&index| group.continuations[index].clone()).collect();
    Continuations { context: group.context.clone(), continuations }
}

fn tokens(groups: &[Continuations]) -> usize {
    let of =
        |group: &Continuations| group.context.len() + group.continuations.iter().map(Vec::len).sum::<usize>();
    groups.iter().map(of).sum()
}

/// How many of these groups are the next batch: at least one.
fn batch_length(groups: &[Continuations], limit: BatchLimit) -> usize {
    let (mut requests, mut longest) = (0, 0);
    let fits = |group: &&Continuations| {
        requests += group.continuations.len();
        longest = longest.max(group.longest_input());
        requests <= limit.requests && requests.saturating_mul(longest) <= limit.tokens
    };
    groups.iter().take_while(fits).count().max(1)
}

fn scored(model: &mut dyn LanguageModel, groups: &[Continuations]) -> Result<Vec<Vec<Score>>, EvalError> {
    let requests = groups.iter().map(|group| group.continuations.len()).sum();
    let scores = model.score(groups).map_err(|source| EvalError::Model { requests, source })?;
    let found: usize = scores.iter().map(Vec::len).sum();
    let lengths = groups.iter().map(|group| group.continuations.len());
    if scores.len() != groups.len() || !lengths.eq(scores.iter().map(Vec::len)) {
        return Err(EvalError::ScoreCount { expected: requests, found });
    }
    Ok(scores)
}
