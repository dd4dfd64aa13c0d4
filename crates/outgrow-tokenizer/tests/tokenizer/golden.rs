//! Ids, decoded texts and ids of added tokens as the Python library has them, for every case of the golden file.

use std::collections::BTreeMap;

use outgrow_tokenizer::{Engine, Reading, Tokenizer};
use serde_json::Value;

use crate::support::{GOLDEN, open, varied};

/// The list that a case has for a reading, where it leaves entries out taken from `known`.
fn filled(case: &Value, reading: &str, known: &[Value]) -> Vec<Value> {
    match case[reading].as_array() {
        None => known.to_vec(),
        Some(list) => {
            let entry = |(entry, known): (&Value, &Value)| {
                if entry.is_null() { known.clone() } else { entry.clone() }
            };
            // The first case of a base has nothing to be compared with, and everything written out.
            if known.is_empty() { list.clone() } else { list.iter().zip(known).map(entry).collect() }
        }
    }
}

fn compare(
    name: &str,
    tokenizer: &Tokenizer,
    reading: (&str, Reading),
    texts: &[&str],
    expected: &[Value],
) -> Vec<String> {
    let one = |(text, expected): (&&str, &Value)| {
        let found =
            tokenizer.encode(text, reading.1).map_or_else(|error| error.to_string().into(), Value::from);
        (found != *expected).then(|| {
            format!(
                "{name}, {:?}, {}: {text:?}\n    is {found}\n    not {expected}",
                tokenizer.engine(),
                reading.0
            )
        })
    };
    texts.iter().zip(expected).filter_map(one).collect()
}

#[test]
fn ids_and_decoded_texts_are_those_of_the_python_library() {
    let texts: Vec<&str> =
        GOLDEN["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let mut of_bases: BTreeMap<&str, [Vec<Value>; 2]> = BTreeMap::new();
    let (mut wrong, mut fast) = (Vec::new(), 0);
    let cases = GOLDEN["cases"].as_array().unwrap();
    for case in cases {
        let (name, base) = (case["name"].as_str().unwrap(), case["base"].as_str().unwrap());
        let known = of_bases.get(base).cloned().unwrap_or_default();
        let as_text = filled(case, "text", &known[0]);
        let as_tokens = filled(case, "tokens", &as_text);
        let with_added = filled(case, "added", &as_tokens);
        let decoded = filled(case, "decoded", &known[1]);
        of_bases.entry(base).or_insert_with(|| [as_text.clone(), decoded.clone()]);
        assert!(
            [&as_text, &as_tokens, &with_added, &decoded].iter().all(|list| list.len() == texts.len()),
            "{name}"
        );

        let json = varied(base, &case["parts"]);
        let tokenizer = open(&json).unwrap();
        fast += usize::from(tokenizer.engine() == Engine::Fast);
        let reference = open(&json).unwrap().by(Engine::Reference).unwrap();
        for tokenizer in [&tokenizer, &reference] {
            wrong.extend(compare(name, tokenizer, ("as text", Reading::TEXT), &texts, &as_text));
            wrong.extend(compare(name, tokenizer, ("as tokens", Reading::tokens(false)), &texts, &as_tokens));
            wrong.extend(compare(
                name,
                tokenizer,
                ("with added", Reading::tokens(true)),
                &texts,
                &with_added,
            ));
        }
        for (ids, text) in with_added.iter().zip(&decoded) {
            let ids: Vec<u32> = serde_json::from_value(ids.clone()).unwrap();
            let found = tokenizer.decode(&ids);
            if found.as_deref().ok() != text.as_str() {
                wrong.push(format!("{name}: {ids:?} decode to {found:?}, not {text}"));
            }
        }
        if tokenizer.vocab_size() != case["vocab_size"].as_u64().unwrap() as usize {
            wrong.push(format!(
                "{name}: vocab_size is {}, not {}",
                tokenizer.vocab_size(),
                case["vocab_size"]
            ));
        }
        let ids: BTreeMap<_, _> =
            tokenizer.added_tokens().iter().map(|token| (token.content.clone(), token.id)).collect();
        let expected: BTreeMap<String, u32> = serde_json::from_value(case["ids"].clone()).unwrap();
        if ids != expected {
            wrong.push(format!("{name}: added tokens are {ids:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    // Both engines had something to do.
    assert!(fast >= 8 && cases.len() - fast >= 40, "{fast} of {} cases are the fast engine's", cases.len());
}
