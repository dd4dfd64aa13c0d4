//! The tokens that a tokenizer has beside its model's vocabulary, special ones among them. It finds none of them in a text.

use serde_json::Value;

/// A token beside the model's vocabulary (its spelling may be in there too).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedToken {
    /// Its id.
    pub id: u32,
    /// Its spelling, such as `<|endoftext|>`.
    pub content: String,
    /// Whether it is a special one: control rather than text.
    pub special: bool,
}

/// The list of a file, in its order.
pub(crate) fn listed(json: &Value) -> Result<Vec<AddedToken>, String> {
    let Some(listed) = json.get("added_tokens").filter(|listed| !listed.is_null()) else {
        return Ok(Vec::new());
    };
    let listed = listed.as_array().ok_or("added_tokens is not a list")?;
    let token = |entry: &Value| {
        let id = u32::try_from(entry.get("id")?.as_u64()?).ok()?;
        let content = entry.get("content")?.as_str()?.to_owned();
        let special = entry.get("special").and_then(Value::as_bool).unwrap_or(false);
        Some(AddedToken { id, content, special })
    };
    let parsed = listed.iter().map(|entry| token(entry).ok_or_else(|| entry.to_string()));
    parsed.collect::<Result<_, _>>().map_err(|entry| format!("added token {entry} lacks an id or a content"))
}
