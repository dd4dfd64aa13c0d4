//! A JSON schema of recipes (draft 7), as editors take it for TOML: Taplo, and Even Better TOML in VS Code.

use serde_json::{Map, Value, json};

use super::{Given, Key, Kind, METHODS, Method, RECIPE, Section, sections};

/// The schema.
pub(crate) fn schema() -> Value {
    let mut root = object(&RECIPE);
    let tables = sections().into_iter().filter(|section| {
        let is_method = METHODS.iter().any(|method| std::ptr::eq(&raw const method.section, *section));
        !is_method && !std::ptr::eq(*section, &raw const RECIPE)
    });
    let mut definitions: Map<String, Value> =
        tables.map(|section| (name(section), object(section))).collect();
    definitions
        .insert("schedule".into(), json!({ "oneOf": METHODS.iter().map(of_method).collect::<Vec<_>>() }));
    root["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    root["title"] = json!("A recipe of Outgrow");
    root["definitions"] = definitions.into();
    root
}

fn object(section: &Section) -> Value {
    let properties: Map<String, Value> =
        section.keys.iter().map(|key| (key.name.to_owned(), of_key(key))).collect();
    let is_needed = |key: &&Key| matches!(key.given, Given::Needed);
    let required: Vec<&str> = section.keys.iter().filter(is_needed).map(|key| key.name).collect();
    json!({
        "type": "object",
        "description": section.about,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn of_method(method: &Method) -> Value {
    let mut object = object(&method.section);
    object["title"] = json!(method.word);
    object["properties"]["method"] = json!({ "const": method.word });
    object["required"].as_array_mut().expect("it was made as one").insert(0, json!("method"));
    object
}

fn of_key(key: &Key) -> Value {
    let mut description = format!("{} Example: {} = {}", key.meaning, key.name, key.example);
    let mut schema = of_kind(key.kind);
    match key.given {
        Given::Needed => {}
        Given::Or(value) => {
            if let Some(value) = as_json(value) {
                schema["default"] = value;
            }
        }
        Given::OrElse(words) => description.extend([". Without it: ", words]),
        Given::Sometimes(when) => description.extend([". Needed: ", when]),
    }
    // Beside a reference nothing else counts in draft 7.
    if schema.get("$ref").is_some() {
        return json!({ "description": description, "allOf": [schema] });
    }
    schema["description"] = json!(description);
    schema
}

pub(super) fn of_kind(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::Path => json!({ "type": "string" }),
        Kind::Whole => json!({ "type": "integer", "minimum": 0 }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::List(of) => json!({ "type": "array", "items": of_kind(*of) }),
        Kind::Table(section) => json!({ "$ref": format!("#/definitions/{}", name(section)) }),
        Kind::Either(kinds) => {
            json!({ "anyOf": kinds.iter().map(|kind| of_kind(*kind)).collect::<Vec<_>>() })
        }
        Kind::Schedule => json!({ "$ref": "#/definitions/schedule" }),
    }
}

/// A section's name, of letters.
fn name(section: &Section) -> String {
    section.title.trim_matches(['[', ']']).replace([' ', '.'], "-")
}

/// A value of TOML.
pub(super) fn as_json(value: &str) -> Option<Value> {
    let table: toml::Table = format!("value = {value}").parse().ok()?;
    serde_json::to_value(table.get("value")?).ok()
}
