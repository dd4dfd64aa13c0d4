//! A passthrough recipe from YAML. Every key that isn't honoured is refused by its name and line, and all problems are
//! found in one go. What the recipe means is not said here.

use std::{collections::BTreeSet, ops::Range};

use outgrow_checkpoint::{Dtype, Problems};

use super::{Passthrough, Scale, Slice};
use crate::recipe::yaml::{Key, Node, Value, read, shown};

const METHOD: &str = "passthrough";
impl Passthrough {
    /// Reads a recipe from a text. Nothing is known of the source yet: [`Passthrough::layers`] says whether it fits.
    ///
    /// # Errors
    /// All that is wrong, each with its line.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        let root = read(text).map_err(|problem| Problems(vec![problem]))?;
        let mut reader = Reader::default();
        let recipe = reader.recipe(&root);
        match recipe {
            Some(recipe) if reader.problems.is_empty() => {
                Ok(Self { text: text.to_owned(), notes: by_line(reader.notes), ..recipe })
            }
            _ => Err(Problems(by_line(reader.problems))),
        }
    }
}

fn by_line(mut said: Vec<(usize, String)>) -> Vec<String> {
    said.sort_by_key(|(line, _)| *line);
    said.into_iter().map(|(line, said)| format!("line {line}: {said}")).collect()
}

/// A name of the model, and its line.
type Name = (usize, String);

/// Collects problems with their lines. What a function returns `None` for, it has put a problem there.
#[derive(Default)]
pub(super) struct Reader {
    problems: Vec<(usize, String)>,
    notes: Vec<(usize, String)>,
    models: Vec<Name>,
}

impl Reader {
    pub(super) fn problem(&mut self, line: usize, problem: impl Into<String>) {
        self.problems.push((line, problem.into()));
    }

    /// A key that asks for something which no growth does, and which changes none.
    pub(super) fn note(&mut self, line: usize, note: impl Into<String>) {
        self.notes.push((line, note.into()));
    }

    fn recipe(&mut self, root: &Node) -> Option<Passthrough> {
        const KEYS: [&str; 9] = [
            "merge_method",
            "slices",
            "parameters",
            "dtype",
            "base_model",
            "out_dtype",
            "tokenizer_source",
            "tokenizer",
            "chat_template",
        ];
        let recipe = self.map(root, "a recipe", &KEYS)?;
        self.merge_method(root.line, &recipe);
        let [dtype, out_dtype] =
            ["dtype", "out_dtype"].map(|key| recipe.given(key).and_then(|node| self.dtype(key, node)));
        let scales = recipe.get("parameters").map(|node| self.parameters(node)).unwrap_or_default();
        let slices = if let Some(node) = recipe.get("slices") {
            self.list(node, "slices")
        } else {
            self.problem(root.line, "`slices` is missing");
            &[]
        };
        let slices = slices.iter().filter_map(|node| self.slice(node, &scales)).collect();
        let base = recipe.given("base_model").and_then(|node| self.model(node));
        self.models.extend(base);
        self.tokenizer(&recipe);
        let model = self.one_model()?;
        Some(Passthrough { model, slices, dtype, out_dtype, text: String::new(), notes: Vec::new() })
    }

    /// What a recipe says of the tokenizer: the source's own comes along, whatever is said.
    fn tokenizer(&mut self, recipe: &Map<'_>) {
        const ALONG: &str = "passed over: the source's tokenizer comes along, and all rows of the embedding";
        if let Some(node) = recipe.given("tokenizer_source") {
            self.tokenizer_source(node);
            self.note(node.line, format!("`tokenizer_source` is {ALONG}"));
        }
        if let Some(node) = recipe.given("tokenizer")
            && let Some(tokenizer) = self.map(node, "tokenizer", &["source", "tokens", "pad_to_multiple_of"])
        {
            if let Some(source) = tokenizer.given("source") {
                self.tokenizer_source(source);
            }
            let is_nothing = |node: &&Node| matches!(&node.value, Value::Map(entries) if entries.is_empty());
            for key in ["tokens", "pad_to_multiple_of"] {
                if let Some(node) = tokenizer.given(key).filter(|node| !is_nothing(node)) {
                    let problem = format!(
                        "`{key}` would change rows of the embedding, which a growth leaves as they are"
                    );
                    self.problem(node.line, problem);
                }
            }
            self.note(node.line, format!("`tokenizer` is {ALONG}"));
        }
        if let Some(node) = recipe.given("chat_template") {
            self.note(node.line, "`chat_template` is passed over: the source's own comes along");
        }
    }

    /// A model's name, which must be the source's, or mergekit's word for one or all of the models.
    fn tokenizer_source(&mut self, node: &Node) {
        if !matches!(node.text(), Some("base" | "union")) {
            let model = self.model(node);
            self.models.extend(model);
        }
    }

    fn merge_method(&mut self, line: usize, recipe: &Map<'_>) {
        match recipe.get("merge_method") {
            None => self.problem(line, format!("`merge_method` is missing; expected {METHOD}")),
            Some(node) if node.text() != Some(METHOD) => {
                let found = node.shown();
                self.problem(node.line, format!("merge_method {found} is no growth; expected {METHOD}"));
            }
            Some(_) => {}
        }
    }

    fn dtype(&mut self, key: &str, node: &Node) -> Option<Dtype> {
        match node.text().map(|text| text.strip_prefix("torch.").unwrap_or(text)) {
            Some("float32") => Some(Dtype::F32),
            Some("float16") => Some(Dtype::F16),
            Some("bfloat16") => Some(Dtype::Bf16),
            _ => {
                let found = node.shown();
                self.problem(node.line, format!("{key} {found}: expected bfloat16, float16 or float32"));
                None
            }
        }
    }

    /// A slice of the grown model. The recipe's own scales come after the slice's, and those after the source's: the
    /// first that fits a tensor counts.
    fn slice(&mut self, node: &Node, recipe_scales: &[Scale]) -> Option<Slice> {
        let slice = self.map(node, "a slice", &["sources", "parameters", "base_model", "residual_weight"])?;
        let base = slice.given("base_model").and_then(|node| self.model(node));
        self.models.extend(base);
        if let Some(node) = slice.given("residual_weight") {
            self.note(node.line, "`residual_weight` is passed over, as in mergekit");
        }
        let slice_scales = slice.get("parameters").map(|node| self.parameters(node)).unwrap_or_default();
        let Some(sources) = slice.get("sources") else {
            self.problem(node.line, "`sources` is missing in a slice");
            return None;
        };
        let source = match self.list(sources, "sources") {
            [source] => self.map(source, "a source", &["model", "layer_range", "parameters"])?,
            [] => return None,
            several => {
                let count = several.len();
                self.problem(sources.line, format!("{count} sources in one slice: a growth has one"));
                return None;
            }
        };
        match source.get("model") {
            Some(node) => {
                let model = self.model(node);
                self.models.extend(model);
            }
            None => self.problem(sources.line, "`model` is missing in a source"),
        }
        let mut scales = source.get("parameters").map(|node| self.parameters(node)).unwrap_or_default();
        scales.extend(slice_scales);
        scales.extend_from_slice(recipe_scales);
        let Some(range) = source.get("layer_range") else {
            self.problem(sources.line, "`layer_range` is missing in a source");
            return None;
        };
        Some(Slice { line: range.line, layers: self.layer_range(range)?, scales })
    }

    fn layer_range(&mut self, node: &Node) -> Option<Range<usize>> {
        const EXPECTED: &str = "expected [first layer, layer after the last]";
        let line = node.line;
        let Value::List(ends) = &node.value else {
            let found = node.shown();
            self.problem(line, format!("layer_range is {found}; {EXPECTED}"));
            return None;
        };
        let [first, end] = &ends[..] else {
            self.problem(line, format!("layer_range has {} entries; {EXPECTED}", ends.len()));
            return None;
        };
        let (start, end) = (self.layer(first), self.layer(end));
        let (start, end) = (start?, end?);
        let wrong = if start > end { "is reversed" } else { "is empty" };
        if start >= end {
            self.problem(line, format!("layer_range [{start}, {end}] {wrong}; {EXPECTED}"));
            return None;
        }
        Some(start..end)
    }

    fn layer(&mut self, node: &Node) -> Option<usize> {
        let layer = match &node.value {
            // A leading 0 would be octal to mergekit.
            Value::Scalar { text, plain: true }
                if text == "0" || text.starts_with(|digit| ('1'..='9').contains(&digit)) =>
            {
                text.parse().ok()
            }
            _ => None,
        };
        if layer.is_none() {
            let found = node.shown();
            self.problem(node.line, format!("layer_range: {found} is no layer; expected a number from 0"));
        }
        layer
    }

    fn model(&mut self, node: &Node) -> Option<Name> {
        match node.text() {
            Some(name) if !name.contains('+') => Some((node.line, name.to_owned())),
            Some(name) => {
                let found = shown(name);
                self.problem(
                    node.line,
                    format!("model `{found}` adds a LoRA, which is not honoured; merge it first"),
                );
                None
            }
            None => {
                let found = node.shown();
                self.problem(node.line, format!("model is {found}; expected a name"));
                None
            }
        }
    }

    /// The one name that all models have.
    fn one_model(&mut self) -> Option<String> {
        let (first_line, first) = self.models.first()?.clone();
        let mut reported = BTreeSet::from([first.clone()]);
        for (line, other) in std::mem::take(&mut self.models) {
            if reported.insert(other.clone()) {
                let (first, other) = (shown(&first), shown(&other));
                self.problem(
                    line,
                    format!("model `{other}`, but `{first}` in line {first_line}: a growth has one source"),
                );
            }
        }
        Some(first)
    }

    /// The entries of a list that has to have some.
    fn list<'a>(&mut self, node: &'a Node, what: &str) -> &'a [Node] {
        match &node.value {
            Value::List(entries) => {
                if entries.is_empty() {
                    self.problem(node.line, format!("{what} is empty; at least one is needed"));
                }
                entries
            }
            Value::Scalar { .. } | Value::Map(_) => {
                let found = node.shown();
                self.problem(node.line, format!("{what} is {found}; expected a list"));
                &[]
            }
        }
    }

    /// A map; every key that isn't honoured is a problem.
    pub(super) fn map<'a>(&mut self, node: &'a Node, what: &str, honoured: &[&str]) -> Option<Map<'a>> {
        self.map_of(node, what, honoured, honoured)
    }

    /// The same with keys that are known and had better not be there.
    pub(super) fn map_of<'a>(
        &mut self,
        node: &'a Node,
        what: &str,
        known: &[&str],
        honoured: &[&str],
    ) -> Option<Map<'a>> {
        let Value::Map(entries) = &node.value else {
            let found = node.shown();
            self.problem(node.line, format!("{what} is {found}; expected a map of {}", honoured.join(", ")));
            return None;
        };
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&&*key.name)) {
            let name = shown(&key.name);
            self.problem(
                key.line,
                format!("`{name}` is not honoured in {what}; expected {}", honoured.join(", ")),
            );
        }
        Some(Map(entries))
    }
}

/// The entries of a map whose keys have been looked at.
pub(super) struct Map<'a>(pub(super) &'a [(Key, Node)]);

impl<'a> Map<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&'a Node> {
        self.0.iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// What may be left out, or be nothing.
    fn given(&self, name: &str) -> Option<&'a Node> {
        self.get(name).filter(|node| !node.is_null())
    }
}
