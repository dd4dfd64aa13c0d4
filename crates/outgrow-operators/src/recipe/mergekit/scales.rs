//! The `parameters` of a passthrough recipe: factors for tensors, and what mergekit doesn't look at in a passthrough.

use super::{Scale, parse::Reader};
use crate::recipe::yaml::{Node, Value, shown};

/// Parameters of mergekit's other methods, which it doesn't look at in a passthrough.
const OTHER_METHODS: [&str; 16] = [
    "weight",
    "density",
    "normalize",
    "int8_mask",
    "rescale",
    "t",
    "lambda",
    "gamma",
    "epsilon",
    "select_topk",
    "swapping",
    "filter_wise",
    "consensus_method",
    "majority_sign_method",
    "nearswap_t",
    "alpha",
];

impl Reader {
    /// The scales of a `parameters`, in its order.
    pub(super) fn parameters(&mut self, node: &Node) -> Vec<Scale> {
        if node.is_null() {
            return Vec::new();
        }
        let known = [&["scale"][..], &OTHER_METHODS].concat();
        let Some(parameters) = self.map_of(node, "parameters", &known, &["scale"]) else { return Vec::new() };
        for (key, _) in parameters.0.iter().filter(|(key, _)| key.name != "scale") {
            let name = shown(&key.name);
            self.note(key.line, format!("`{name}` is passed over, as mergekit does in a passthrough"));
        }
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
}
