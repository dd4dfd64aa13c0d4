//! Scales: how large the models of an experiment are, how long they train and on how much. A definition says its sizes
//! in parts of these, so that one definition runs from seconds on a laptop to days on a cluster.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{BadInput, Result};

const SCALES: &str = include_str!("../../experiments/scales.toml");

/// One scale.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scale {
    /// What it is called on the command line.
    pub name: String,
    /// One line: how large and how long.
    pub description: String,
    /// How many seeds an experiment has, unless it is told.
    pub seeds: u64,
    /// Whether the corpus that comes with the program is enough.
    pub bundled: bool,
    /// Tokens in a sequence.
    pub sequence_length: usize,
    /// Sequences in a step.
    pub batch_sequences: usize,
    /// Sequences in one pass; by default all of a step.
    #[serde(default)]
    pub micro_batch_sequences: Option<usize>,
    /// Validations in a run from scratch.
    pub validations: u64,
    /// Sequences that a validation reads.
    pub validation_sequences: usize,
    /// Documents of each benchmark, where those are asked for; all where it is left out.
    #[serde(default)]
    pub benchmark_limit: Option<i64>,
    /// The device, where it isn't the CPU.
    #[serde(default)]
    pub device: Option<String>,
    /// The precision, where it isn't f32.
    #[serde(default)]
    pub dtype: Option<String>,
    /// The models by the name that definitions have for them.
    pub shapes: BTreeMap<String, Shape>,
    /// Those of them that make a ladder of sizes, smallest first.
    pub ladder: Vec<String>,
}

/// A final model and its training from scratch.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shape {
    /// Its width.
    pub hidden_size: usize,
    /// Neurons of its feed-forward layers.
    pub intermediate_size: usize,
    /// Its depth.
    pub num_hidden_layers: usize,
    /// Its heads.
    pub num_attention_heads: usize,
    /// Its heads of keys and values.
    pub num_key_value_heads: usize,
    /// Tokens that a run from scratch trains on.
    pub tokens: u64,
    /// The peak learning rate from which sweeps begin.
    pub learning_rate: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    scales: Vec<Scale>,
}

impl Scale {
    /// All scales, smallest first.
    pub(crate) fn all() -> Vec<Self> {
        let file: File = toml::from_str(SCALES).expect("a test reads it");
        file.scales
    }

    /// The scale with this name.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let mut all = Self::all();
        if let Some(index) = all.iter().position(|scale| scale.name == name) {
            return Ok(all.swap_remove(index));
        }
        let names: Vec<_> = all.iter().map(|scale| scale.name.as_str()).collect();
        Err(BadInput(format!("no scale `{name}`: there are {}", names.join(", "))).into())
    }

    /// Tokens in a step.
    pub(crate) fn step_tokens(&self) -> u64 {
        (self.batch_sequences * self.sequence_length) as u64
    }

    /// The shape with this name.
    pub(crate) fn shape(&self, name: &str) -> Result<Shape, String> {
        self.shapes.get(name).copied().ok_or_else(|| {
            let names: Vec<_> = self.shapes.keys().map(String::as_str).collect();
            format!("scale {} has no shape `{name}`: it has {}", self.name, names.join(", "))
        })
    }

    /// What all runs of a shape share: a recipe without name, seed, data folders and schedule.
    pub(crate) fn recipe(&self, shape: Shape) -> toml::Table {
        let integer = |number: usize| toml::Value::Integer(number as i64);
        let mut model = toml::Table::new();
        for (key, number) in [
            ("hidden_size", shape.hidden_size),
            ("intermediate_size", shape.intermediate_size),
            ("num_hidden_layers", shape.num_hidden_layers),
            ("num_attention_heads", shape.num_attention_heads),
            ("num_key_value_heads", shape.num_key_value_heads),
        ] {
            model.insert(key.into(), integer(number));
        }
        let mut training = toml::Table::new();
        training.insert("batch_sequences".into(), integer(self.batch_sequences));
        if let Some(sequences) = self.micro_batch_sequences {
            training.insert("micro_batch_sequences".into(), integer(sequences));
        }
        let steps = (shape.tokens / self.step_tokens()).div_ceil(self.validations).max(1);
        let interval = steps * self.step_tokens();
        training.insert("validation_interval_tokens".into(), toml::Value::Integer(interval as i64));
        training.insert("validation_sequences".into(), integer(self.validation_sequences));
        training.insert("checkpoints_kept".into(), integer(1));
        let mut data = toml::Table::new();
        data.insert("sequence_length".into(), integer(self.sequence_length));
        let mut recipe = toml::Table::new();
        for (key, word) in [("device", &self.device), ("dtype", &self.dtype)] {
            if let Some(word) = word {
                recipe.insert(key.into(), word.as_str().into());
            }
        }
        for (key, section) in [("model", model), ("data", data), ("training", training)] {
            recipe.insert(key.into(), section.into());
        }
        recipe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scale_has_what_definitions_ask_for() {
        for scale in Scale::all() {
            for shape in ["standard", "deep"] {
                assert!(scale.shapes.contains_key(shape), "{}: {shape}", scale.name);
            }
            assert!(scale.ladder.len() >= 3, "{}", scale.name);
            for name in &scale.ladder {
                assert!(scale.shapes.contains_key(name), "{}: {name}", scale.name);
            }
        }
    }

    #[test]
    fn sizes_of_a_shape_follow_the_rule_that_the_file_states() {
        for scale in Scale::all() {
            for (name, shape) in &scale.shapes {
                let place = format!("{}: {name}", scale.name);
                assert_eq!(shape.hidden_size % (2 * shape.num_attention_heads), 0, "{place}");
                assert_eq!(shape.num_attention_heads % shape.num_key_value_heads, 0, "{place}");
                assert_eq!(shape.tokens % scale.step_tokens(), 0, "{place}: tokens are whole steps");
                let wide = shape.intermediate_size as f64 / shape.hidden_size as f64;
                assert!((2.4..=2.8).contains(&wide), "{place}: {wide}");
            }
        }
    }

    #[test]
    fn an_unknown_scale_is_refused_with_those_that_exist() {
        let message = Scale::named("huge").unwrap_err().to_string();
        assert!(message.starts_with("no scale `huge`: there are pulse, nano, "), "{message}");
    }
}
