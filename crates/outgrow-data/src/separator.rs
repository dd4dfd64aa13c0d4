//! The token that separates documents: the one that was named, or the tokenizer's own end of a text. It puts it nowhere.

use outgrow_tokenizer::Tokenizer;

use crate::error::DataError;
use crate::manifest::Separator;

/// Tokens that end a text, or failing that begin one, in the order in which they are looked for.
const SEPARATORS: [&str; 6] = ["<|endoftext|>", "<|end_of_text|>", "<eos>", "</s>", "<s>", "<bos>"];

/// The token to put in front of each document: the one named, or the first of `<|endoftext|>`, `<|end_of_text|>`, `<eos>`,
/// `</s>`, `<s>` and `<bos>` that the tokenizer has.
///
/// # Errors
/// [`DataError::Separator`] if there is none such among the added tokens.
pub fn separator(tokenizer: &Tokenizer, named: Option<&str>) -> Result<Separator, DataError> {
    let found = match named {
        Some(token) => tokenizer.added_token(token),
        None => SEPARATORS.iter().find_map(|token| tokenizer.added_token(token)),
    };
    found.map(|token| Separator { id: token.id, token: token.content.clone() }).ok_or_else(|| {
        let wanted = named
            .map_or_else(|| format!("none of {}", SEPARATORS.join(", ")), |token| format!("no {token:?}"));
        let mut known: Vec<_> = tokenizer.added_tokens().iter().map(|token| &*token.content).collect();
        known.sort_unstable();
        known.truncate(8);
        let known =
            if known.is_empty() { "it has none".into() } else { format!("it has {}", known.join(", ")) };
        let problem =
            format!("{wanted} among the tokenizer's added tokens ({known}); name one as the separator");
        DataError::Separator { path: tokenizer.path().to_path_buf(), problem }
    })
}
