//! The YAML at the head of a Hugging Face model card: what of a source's holds for a model grown from it, and where the
//! source comes from. It renders no Markdown.

use std::{
    fs,
    path::{Component, Path},
};

use outgrow_checkpoint::{folder::CONFIG_FILE, json::PythonJson};
use serde_json::Value as Json;

use crate::recipe::yaml::{Node, Value, read};

/// A Hugging Face model card.
pub const CARD_FILE: &str = "README.md";

/// What holds for the grown model as for the source. Results (`model-index`, `metrics`) don't.
const CARRIED: [&str; 6] =
    ["license", "license_name", "license_link", "language", "pipeline_tag", "datasets"];

/// The YAML at the head of a card: what of a source's holds for a model that is made of it. Of a model that is made of
/// nothing, it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardHead {
    base_models: Vec<String>,
    carried: Vec<(&'static str, Texts)>,
    tags: Vec<String>,
}

impl CardHead {
    /// What the card and config.json of a folder say. A folder without them says nothing.
    pub fn of_source(folder: &Path) -> Self {
        let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
        let card = read(CARD_FILE);
        let config = read(CONFIG_FILE).and_then(|text| PythonJson::parse(&text).ok());
        let config = config.map(|json| json.value).unwrap_or_default();
        Self::new(base_models(folder, card.as_deref(), &config), card.as_deref())
    }

    pub(super) fn new(base_models: Vec<String>, source_card: Option<&str>) -> Self {
        let source = source_card.and_then(parsed);
        let values = |key: &str| source.as_ref().and_then(|source| texts_of(source, key));
        let carried = CARRIED.into_iter().filter_map(|key| Some((key, values(key)?))).collect();
        let tags = values("tags").map(Texts::into_vec).unwrap_or_default();
        Self { base_models, carried, tags }
    }

    /// As it stands at the beginning of a card, with more tags.
    pub fn to_text(&self, tags: &[&str]) -> String {
        let mut all_tags: Vec<String> = tags.iter().map(|&tag| tag.to_owned()).collect();
        all_tags.extend(self.tags.iter().filter(|tag| !tags.contains(&tag.as_str())).cloned());
        let mut head = "---\n".to_owned();
        push_entry(&mut head, "library_name", &Texts::One("transformers".to_owned()));
        match &self.base_models[..] {
            [] => {}
            [one] => push_entry(&mut head, "base_model", &Texts::One(one.clone())),
            several => push_entry(&mut head, "base_model", &Texts::Several(several.to_vec())),
        }
        for (key, texts) in &self.carried {
            push_entry(&mut head, key, texts);
        }
        push_entry(&mut head, "tags", &Texts::Several(all_tags));
        head + "---\n"
    }
}

/// The Hugging Face repositories that a source is or comes from: the one whose place in the cache of downloads the
/// folder has, or those that its card names as `base_model`, or what its config.json has as `_name_or_path` where that
/// isn't a path.
pub(super) fn base_models(folder: &Path, source_card: Option<&str>, raw_config: &Json) -> Vec<String> {
    if let Some(repository) = folder.components().rev().find_map(cached_repository) {
        return vec![repository];
    }
    let card = source_card.and_then(parsed);
    let named =
        card.as_ref().and_then(|card| texts_of(card, "base_model")).map(Texts::into_vec).unwrap_or_default();
    if !named.is_empty() {
        return named;
    }
    let name = raw_config.get("_name_or_path").and_then(Json::as_str);
    name.filter(|name| is_repository(name)).map(str::to_owned).into_iter().collect()
}

/// The head of a card, if it has one, and the rest.
pub(super) fn split(card: &str) -> (Option<&str>, &str) {
    let card = card.trim_start_matches('\u{feff}');
    let mut lines = card.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| is_rule(line)) else { return (None, card) };
    let mut end = first.len();
    for line in lines {
        if is_rule(line) {
            return (Some(&card[first.len()..end]), &card[end + line.len()..]);
        }
        end += line.len();
    }
    (None, card)
}

fn is_rule(line: &str) -> bool {
    line.trim_end() == "---"
}

/// A card's head as a tree; nothing where it isn't YAML.
fn parsed(card: &str) -> Option<Node> {
    read(split(card).0?).ok()
}

/// One text, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Texts {
    One(String),
    Several(Vec<String>),
}

impl Texts {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Several(texts) => texts,
        }
    }
}

fn texts_of(head: &Node, key: &str) -> Option<Texts> {
    let Value::Map(entries) = &head.value else { return None };
    let (_, node) = entries.iter().find(|(name, _)| name.name == key)?;
    match &node.value {
        Value::Scalar { .. } => node.text().map(|text| Texts::One(text.to_owned())),
        Value::List(entries) => {
            let texts = entries.iter().map(|entry| entry.text().map(str::to_owned));
            texts.collect::<Option<_>>().filter(|texts: &Vec<_>| !texts.is_empty()).map(Texts::Several)
        }
        Value::Map(_) => None,
    }
}

fn push_entry(head: &mut String, key: &str, texts: &Texts) {
    head.push_str(key);
    head.push(':');
    match texts {
        Texts::One(text) => {
            head.push(' ');
            head.push_str(&quoted(text));
        }
        Texts::Several(texts) => {
            for text in texts {
                head.push_str("\n- ");
                head.push_str(&quoted(text));
            }
        }
    }
    head.push('\n');
}

/// A text that YAML reads as that text: JSON's quotes are YAML's too.
fn quoted(text: &str) -> String {
    // `no` is Norwegian, and false to YAML 1.1.
    let is_word =
        ["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(&&*text.to_lowercase());
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|character| character.is_ascii_alphanumeric() || "-_./".contains(character));
    if is_plain && !is_word { text.to_owned() } else { Json::from(text).to_string() }
}

/// `org/name` of a folder `models--org--name`.
fn cached_repository(component: Component<'_>) -> Option<String> {
    let name = component.as_os_str().to_str()?.strip_prefix("models--")?.replacen("--", "/", 1);
    is_repository(&name).then_some(name)
}

fn is_repository(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric())
            && part.chars().all(|character| character.is_ascii_alphanumeric() || "-_.".contains(character))
    };
    name.split_once('/').is_some_and(|(owner, name)| is_part(owner) && is_part(name))
}
