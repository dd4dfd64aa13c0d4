//! The template of a tokenizer.json: what transformers builds for it, and what one puts around a text. Only single
//! texts are looked at, not pairs.

use serde_json::{Map, Value, json};

/// A special token with its id.
pub(super) type Token<'a> = (&'a str, u32);

/// `update_post_processor`: the token that begins a text in front, the one that ends it behind, or neither.
pub(super) fn template(front: Option<Token<'_>>, behind: Option<Token<'_>>) -> Value {
    let special =
        |(token, _): Token<'_>, part: u8| json!({ "SpecialToken": { "id": token, "type_id": part } });
    let text = |name: &str, part: u8| json!({ "Sequence": { "id": name, "type_id": part } });
    let around = |name: &str, part: u8| {
        let parts = [
            front.map(|token| special(token, part)),
            Some(text(name, part)),
            behind.map(|token| special(token, part)),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>()
    };
    let single = around("A", 0);
    let pair: Vec<Value> = single.iter().cloned().chain(around("B", 1)).collect();
    let tokens = front
        .into_iter()
        .chain(behind)
        .map(|(token, id)| (token.to_owned(), json!({ "id": token, "ids": [id], "tokens": [token] })));
    let tokens: Map<String, Value> = tokens.collect();
    json!({ "type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens })
}

/// What a post-processor puts in front of a text and behind it, by ids; `None` for kinds that aren't known here.
pub(super) fn around(processor: &Value) -> Option<(Vec<u64>, Vec<u64>)> {
    let nothing = Some((Vec::new(), Vec::new()));
    match processor.get("type").and_then(Value::as_str) {
        None => processor.is_null().then_some((Vec::new(), Vec::new())),
        Some("ByteLevel") => nothing,
        Some("TemplateProcessing") => of_template(processor),
        Some("BertProcessing" | "RobertaProcessing") => {
            let id = |key: &str| processor.get(key)?.get(1)?.as_u64();
            Some((vec![id("cls")?], vec![id("sep")?]))
        }
        Some("Sequence") => {
            let mut all = (Vec::new(), Vec::new());
            for part in processor.get("processors")?.as_array()? {
                let (front, behind) = around(part)?;
                all.0.splice(0..0, front);
                all.1.extend(behind);
            }
            Some(all)
        }
        Some(_) => None,
    }
}

fn of_template(processor: &Value) -> Option<(Vec<u64>, Vec<u64>)> {
    let (mut front, mut behind, mut text) = (Vec::new(), Vec::new(), false);
    for part in processor.get("single")?.as_array()? {
        let Some(name) = part.pointer("/SpecialToken/id").and_then(Value::as_str) else {
            text = true;
            continue;
        };
        let ids = processor.get("special_tokens")?.get(name)?.get("ids")?.as_array()?;
        let side = if text { &mut behind } else { &mut front };
        side.extend(ids.iter().filter_map(Value::as_u64));
    }
    Some((front, behind))
}
