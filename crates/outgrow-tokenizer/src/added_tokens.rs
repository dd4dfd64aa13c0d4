//! The tokens that a tokenizer has beside its model's vocabulary, special ones among them, and where a file gives them
//! other ids than they have. It finds none of them in a text.
//!
//! No version of the library reads the ids of a file's `added_tokens`. A token that the vocabulary has keeps its id
//! there; the others are numbered on from the number of the vocabulary's entries, in the list's order, whatever the
//! file says.

use serde_json::Value;

use crate::engines::reference::Reference;

/// Disagreements that are named before the others are counted.
const SHOWN: usize = 4;

/// What to tell a user whose file gives tokens other ids than the library does.
pub(crate) fn note(json: &Value, reference: &Reference) -> Option<String> {
    let mut disagreements = of_added_tokens(json, reference);
    of_templates(json.get("post_processor").unwrap_or(&Value::Null), reference, &mut disagreements);
    if disagreements.is_empty() {
        return None;
    }
    let more = disagreements.len().saturating_sub(SHOWN);
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    disagreements.truncate(SHOWN);
    Some(format!(
        "the file has other ids than the tokenizers library, which numbers added tokens on from the vocabulary in the list's order \
         and ignores the ids written there; the library's are used: {}{rest}",
        disagreements.join(", ")
    ))
}

fn of_added_tokens(json: &Value, reference: &Reference) -> Vec<String> {
    let listed = json.get("added_tokens").and_then(Value::as_array).into_iter().flatten();
    let disagreement = |entry: &Value| {
        let (content, written) = (entry.get("content")?.as_str()?, entry.get("id")?.as_u64()?);
        // The library passes over a token without a spelling.
        let id = if content.is_empty() { None } else { reference.token_id(content) };
        let differs = id.map(u64::from) != Some(written);
        differs.then(|| match id {
            Some(id) => format!("{content:?} is {id} (file: {written})"),
            None => format!("{content:?} is no token (file: {written})"),
        })
    };
    listed.filter_map(disagreement).collect()
}

/// A template puts the ids in that it states itself, though its tokens may have others.
fn of_templates(processor: &Value, reference: &Reference, disagreements: &mut Vec<String>) {
    for member in processor.get("processors").and_then(Value::as_array).into_iter().flatten() {
        of_templates(member, reference, disagreements);
    }
    let mut compare = |content: &str, written: u64| {
        if reference.token_id(content).map(u64::from) != Some(written) {
            let is = reference.token_id(content).map_or("no token".into(), |id| id.to_string());
            disagreements
                .push(format!("the post-processor puts in {written} for {content:?}, which is {is}"));
        }
    };
    let specials = processor.get("special_tokens").and_then(Value::as_object);
    for special in specials.into_iter().flat_map(|specials| specials.values()) {
        let of = |key: &str| special.get(key).and_then(Value::as_array).into_iter().flatten();
        for (content, written) in of("tokens").zip(of("ids")) {
            if let (Some(content), Some(written)) = (content.as_str(), written.as_u64()) {
                compare(content, written);
            }
        }
    }
    for key in ["cls", "sep"] {
        let pair = processor.get(key).and_then(Value::as_array).map(Vec::as_slice);
        if let Some([content, written]) = pair
            && let (Some(content), Some(written)) = (content.as_str(), written.as_u64())
        {
            compare(content, written);
        }
    }
}
