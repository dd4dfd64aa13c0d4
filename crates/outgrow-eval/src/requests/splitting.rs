//! One document's requests as tokens: where a context ends and a continuation begins, what is put in front, and what is
//! left of what is too long. Which documents there are, and which requests are equal, isn't known here.

use outgrow_tokenizer::{TokenizerError, pretrained::PretrainedTokenizer};

use crate::{
    error::EvalError,
    model::ModelOutline,
    options::{AddBosToken, Options, Prefix},
    plan::Request,
    python::text::strip_end,
    requests::windows::windows,
};

/// What splitting needs to know.
pub(super) struct Splitter<'a> {
    tokenizer: &'a PretrainedTokenizer,
    add_bos_token: AddBosToken,
    pub(super) prefix: Option<u32>,
    spelling: Option<String>,
    max_length: usize,
    /// The model's.
    vocab_size: usize,
}

/// Why a request can't be made.
#[derive(Debug)]
pub(super) enum Problem {
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
#[derive(Debug)]
pub(super) struct TokenRequest {
    pub(super) context: Vec<u32>,
    pub(super) continuation: Vec<u32>,
    pub(super) truncated: bool,
}

impl<'a> Splitter<'a> {
    /// For requests of a model with this outline, whose length is limited as was chosen.
    ///
    /// # Errors
    /// [`EvalError::Option`] if the model has no prefix as it was chosen.
    pub(super) fn new(
        options: &Options,
        tokenizer: &'a PretrainedTokenizer,
        outline: &ModelOutline,
    ) -> Result<Self, EvalError> {
        let prefix = prefix_token(options, outline)?;
        // An id that the tokenizer doesn't know is spelt as nothing, with which every text begins: so the harness has
        // it.
        let spelling = prefix.map(|id| tokenizer.decode(&[id]).unwrap_or_default());
        Ok(Self {
            tokenizer,
            add_bos_token: options.add_bos_token,
            prefix,
            spelling,
            max_length: outline.max_length,
            vocab_size: outline.vocab_size,
        })
    }

    /// The token requests of each request of one document.
    pub(super) fn split(&self, requests: &[Request]) -> Result<Vec<Vec<TokenRequest>>, Problem> {
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

    /// As many tokens of the context as there is room for, the last ones: all but the continuation's last token are
    /// input.
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

fn prefix_token(options: &Options, outline: &ModelOutline) -> Result<Option<u32>, EvalError> {
    let wrong =
        |value: String, expected: String| EvalError::Option { option: "prefix_token_id", value, expected };
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use outgrow_tokenizer::Tokenizer;
    use serde_json::Value;

    use super::*;

    /// The options of a case of tokens.json.
    fn options(json: &Value) -> Options {
        let add_bos_token = match json.get("add_bos_token").and_then(Value::as_bool) {
            None => AddBosToken::Default,
            Some(true) => AddBosToken::Always,
            Some(false) => AddBosToken::Never,
        };
        let prefix = json.get("prefix_token_id").and_then(Value::as_u64);
        let prefix = prefix.map_or(Prefix::Default, |id| Prefix::Id(id as u32));
        Options { add_bos_token, prefix, ..Options::default() }
    }

    #[test]
    fn tokens_are_split_as_the_harness_splits_them() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let tokenizer = PretrainedTokenizer::plain(Tokenizer::open(&golden.join("tokenizer.json")).unwrap());
        let outline = ModelOutline {
            vocab_size: tokenizer.tokenizer().vocab_size(),
            max_length: 64,
            bos_token_id: Some(1),
            eos_token_id: Some(2),
        };
        let cases: Value =
            serde_json::from_str(&std::fs::read_to_string(golden.join("tokens.json")).unwrap()).unwrap();
        for case in cases.as_array().unwrap() {
            let splitter = Splitter::new(&options(&case["options"]), &tokenizer, &outline).unwrap();
            for pair in case["pairs"].as_array().unwrap() {
                let text = |index: usize| pair[index].as_str().unwrap().to_owned();
                let ids = |index: usize| serde_json::from_value::<Vec<u32>>(pair[index].clone()).unwrap();
                let split =
                    splitter.split(&[Request::Continuation { context: text(0), continuation: text(1) }]);
                if ids(3).is_empty() {
                    let Err(Problem::Request(problem)) = split else { panic!("{pair} is split") };
                    assert_eq!(problem, "a continuation has no token of its own");
                    continue;
                }
                let split: Vec<TokenRequest> = split.unwrap().into_iter().flatten().collect();
                let [one] = split.as_slice() else { panic!("{pair} makes {split:?}") };
                assert_eq!((&one.context, &one.continuation), (&ids(2), &ids(3)), "{pair}");
                assert!(!one.truncated, "{pair}");
            }
        }
    }
}
