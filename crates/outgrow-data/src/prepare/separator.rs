//! The token that separates documents: the one that was named, or the tokenizer's own end of a text. It puts it
//! nowhere.

use outgrow_tokenizer::Tokenizer;

use crate::{error::DataError, shards::manifest::Separator};

/// Tokens that end a text, in the order in which they are looked for: first those of base models, then those that end a
/// turn.
const ENDS: [&str; 10] = [
    "<|endoftext|>",
    "<|end_of_text|>",
    "<eos>",
    "</s>",
    "<｜end▁of▁sentence｜>",
    "<|eos|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<end_of_turn>",
    "[EOS]",
];
/// Tokens that begin one, for tokenizers without an end.
const BEGINNINGS: [&str; 5] = ["<s>", "<bos>", "<|begin_of_text|>", "<｜begin▁of▁sentence｜>", "[BOS]"];

/// The token in front of each document, and what to say about the choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeparatorChoice {
    /// The token.
    pub separator: Separator,
    /// Where the tokenizer has several tokens that end a text, which they are and which was taken.
    pub note: Option<String>,
}

impl SeparatorChoice {
    /// The token to put in front of each document: the one named, whatever token of the vocabulary it is; or the first
    /// that the tokenizer has of those that usually end a text, or failing that begin one. Added tokens come before
    /// words of the vocabulary that are spelt like an end.
    ///
    /// # Errors
    /// [`DataError::Separator`] if there is none such.
    pub fn new(tokenizer: &Tokenizer, named: Option<&str>) -> Result<Self, DataError> {
        let separator = |token: &str, id| Separator { id, token: token.to_owned() };
        let refused = |problem| DataError::Separator { path: tokenizer.path().to_path_buf(), problem };
        if let Some(token) = named {
            let id = tokenizer.token_id(token).ok_or_else(|| {
                refused(format!(
                    "no {token:?} among the tokenizer's tokens ({}); name another",
                    known(tokenizer)
                ))
            })?;
            return Ok(Self { separator: separator(token, id), note: None });
        }
        let of_added = |token: &str| tokenizer.added_token(token).map(|added| added.id);
        let of_all = |token: &str| tokenizer.token_id(token);
        let first = |tokens: &[&'static str], id: &dyn Fn(&str) -> Option<u32>| {
            tokens.iter().find_map(|&token| Some((token, id(token)?)))
        };
        let found = first(&ENDS, &of_added)
            .or_else(|| first(&BEGINNINGS, &of_added))
            .or_else(|| first(&ENDS, &of_all))
            .or_else(|| first(&BEGINNINGS, &of_all));
        let (token, id) = found.ok_or_else(|| {
            refused(format!(
                "none of the usual ends and beginnings of a text ({}, {}, …) among the tokenizer's tokens ({}); name one as the \
                 separator",
                ENDS[0],
                BEGINNINGS[0],
                known(tokenizer)
            ))
        })?;
        let ends: Vec<_> = ENDS.into_iter().filter(|end| of_added(end).is_some()).collect();
        let note = (ends.len() > 1).then(|| {
            format!(
                "{}: several tokens end a text ({}); {token} separates documents, unless another is named",
                tokenizer.path().display(),
                ends.join(", ")
            )
        });
        Ok(Self { separator: separator(token, id), note })
    }
}

/// Which added tokens there are, for a message.
fn known(tokenizer: &Tokenizer) -> String {
    let mut known: Vec<_> = tokenizer.added_tokens().iter().map(|token| &*token.content).collect();
    known.sort_unstable();
    known.truncate(8);
    if known.is_empty() {
        "it has no added ones".into()
    } else {
        format!("its added ones: {}", known.join(", "))
    }
}
