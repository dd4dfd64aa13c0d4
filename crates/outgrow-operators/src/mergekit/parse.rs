//! A passthrough recipe from YAML. Every key that isn't honoured is refused by its name and line, and all problems are
//! found in one go. What the recipe means is not said here.

use std::{collections::BTreeSet, ops::Range};

use outgrow_checkpoint::{Dtype, Problems};

use super::{Passthrough, Scale, Slice};
use crate::yaml::{Key, Node, Value, read, shown};

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
            Some(recipe) if reader.problems.is_empty() => Ok(recipe),
            _ => {
                reader.problems.sort_by_key(|(line, _)| *line);
                Err(Problems(
                    reader
                        .problems
                        .into_iter()
                        .map(|(line, problem)| format!("line {line}: {problem}"))
                        .collect(),
                ))
            }
        }
    }
}

/// A name of the model, and its line.
type Name = (usize, String);

/// Collects problems with their lines. What a function returns `None` for, it has put a problem there.
#[derive(Default)]
struct Reader {
    problems: Vec<(usize, String)>,
    models: Vec<Name>,
}

impl Reader {
    fn problem(&mut self, line: usize, problem: impl Into<String>) {
        self.problems.push((line, problem.into()));
    }

    fn recipe(&mut self, root: &Node) -> Option<Passthrough> {
        const KEYS: [&str; 5] = ["merge_method", "slices", "parameters", "dtype", "base_model"];
        let recipe = self.map(root, "a recipe", &KEYS)?;
        self.merge_method(root.line, &recipe);
        let dtype = recipe.get("dtype").and_then(|node| self.dtype(node));
        let scales = recipe.get("parameters").map(|node| self.parameters(node)).unwrap_or_default();
        let slices = if let Some(node) = recipe.get("slices") {
            self.list(node, "slices")
        } else {
            self.problem(root.line, "`slices` is missing");
            &[]
        };
        let slices = slices.iter().filter_map(|node| self.slice(node, &scales)).collect();
        let base = recipe.get("base_model").and_then(|node| self.model(node));
        self.models.extend(base);
        let model = self.one_model()?;
        Some(Passthrough { model, slices, dtype })
    }

    fn merge_method(&mut self, line: usize, recipe: &Map) {
        match recipe.get("merge_method") {
            None => self.problem(line, format!("`merge_method` is missing; expected {METHOD}")),
            Some(node) if node.text() != Some(METHOD) => {
                let found = node.shown();
                self.problem(node.line, format!("merge_method {found} is no growth; expected {METHOD}"));
            }
            Some(_) => {}
        }
    }

    fn dtype(&mut self, node: &Node) -> Option<Dtype> {
        match node.text().map(|text| text.strip_prefix("torch.").unwrap_or(text)) {
            Some("float32") => Some(Dtype::F32),
            Some("float16") => Some(Dtype::F16),
            Some("bfloat16") => Some(Dtype::BF16),
            _ => {
                let found = node.shown();
                self.problem(node.line, format!("dtype {found}: expected bfloat16, float16 or float32"));
                None
            }
        }
    }

    /// A slice of the grown model. The recipe's own scales come after the slice's, and those after the source's: the first
    /// that fits a tensor counts.
    fn slice(&mut self, node: &Node, recipe_scales: &[Scale]) -> Option<Slice> {
        let slice = self.map(node, "a slice", &["sources", "parameters"])?;
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

    /// The scales of a `parameters`, in its order.
    fn parameters(&mut self, node: &Node) -> Vec<Scale> {
        if node.is_null() {
            return Vec::new();
        }
        let Some(parameters) = self.map(node, "parameters", &["scale"]) else { return Vec::new() };
        let Some(scale) = parameters.get("scale") else { return Vec::new() };
        match &scale.value {
            Value::List(entries) if entries.iter().any(|entry| matches!(entry.value, Value::Map(_))) => {
                entries.iter().filter_map(|entry| self.filtered(entry)).collect()
            }
            Value::Map(_) => self.filtered(scale).into_iter().collect(),
            Value::List(_) | Value::Scalar { .. } => {
                let values = self.values(scale);
                values.map(|values| Scale { filter: None, values }).into_iter().collect()
            }
        }
    }

    /// `{filter: …, value: …}`.
    fn filtered(&mut self, node: &Node) -> Option<Scale> {
        let entry = self.map(node, "an entry of scale", &["filter", "value"])?;
        let Some(value) = entry.get("value") else {
            self.problem(node.line, "`value` is missing in an entry of scale");
            return None;
        };
        let values = self.values(value);
        let filter = match entry.get("filter") {
            None => None,
            Some(filter) if filter.is_null() || filter.text() == Some("*") => None,
            Some(filter) => {
                let text = filter.text().map(str::to_owned);
                if text.is_none() {
                    let found = filter.shown();
                    self.problem(filter.line, format!("filter is {found}; expected a part of tensor names"));
                }
                text
            }
        };
        Some(Scale { filter, values: values? })
    }

    fn values(&mut self, node: &Node) -> Option<Vec<f64>> {
        match &node.value {
            Value::List(entries) if entries.is_empty() => {
                self.problem(node.line, "scale is an empty list; expected at least one number");
                None
            }
            Value::List(entries) => {
                let values: Vec<_> = entries.iter().map(|entry| self.value(entry)).collect();
                values.into_iter().collect()
            }
            Value::Scalar { .. } | Value::Map(_) => self.value(node).map(|value| vec![value]),
        }
    }

    fn value(&mut self, node: &Node) -> Option<f64> {
        let value = node.text().and_then(|text| text.parse::<f64>().ok()).filter(|value| value.is_finite());
        if value.is_none() {
            let found = node.shown();
            self.problem(node.line, format!("scale {found} is no number; expected one, like 0.5"));
        }
        value
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
    fn map<'a>(&mut self, node: &'a Node, what: &str, honoured: &[&str]) -> Option<Map<'a>> {
        let Value::Map(entries) = &node.value else {
            let found = node.shown();
            self.problem(node.line, format!("{what} is {found}; expected a map of {}", honoured.join(", ")));
            return None;
        };
        for (key, _) in entries.iter().filter(|(key, _)| !honoured.contains(&&*key.name)) {
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
struct Map<'a>(&'a [(Key, Node)]);

impl<'a> Map<'a> {
    fn get(&self, name: &str) -> Option<&'a Node> {
        self.0.iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }
}
