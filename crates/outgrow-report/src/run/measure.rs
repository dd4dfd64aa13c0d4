//! What the numbers of a run were measured on: the tokens of its validations, and what its benchmarks asked. Whether
//! two runs can be compared is the report's question.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a validation loss was measured on. What is `None` wasn't recorded: runs of earlier versions know their recipe
/// only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Measure {
    /// SHA-256 of the tokenizer: losses a token of two tokenizers are numbers of two kinds.
    pub tokenizer_sha256: Option<String>,
    /// SHA-256 over the validation shards.
    pub validation_sha256: Option<String>,
    /// Tokens in a sequence: what a token is predicted from.
    pub sequence_length: Option<u64>,
    /// Sequences that were read.
    pub validation_sequences: Option<u64>,
}

/// What a benchmark asked of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Over its documents and prompts. `None` for runs of earlier versions, which know their recipe only.
    pub sha256: Option<String>,
    /// Documents that were scored.
    pub documents: Option<u64>,
    /// Examples in each prompt.
    pub num_fewshot: Option<u64>,
    /// The recipe's limit.
    pub limit: Option<f64>,
}

impl Measure {
    /// Takes it from `run.json`. `data` was not written by earlier versions.
    pub(crate) fn read(data: &Value, recipe: &Value, known_since_step: u64) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let first = |values: [&Value; 2]| values.iter().find_map(|value| value.as_u64());
        let validation = &data["validation"];
        Self {
            tokenizer_sha256: text(&data["tokenizer_sha256"]),
            // A run of an earlier version that was gone on with knows its data from there on only.
            validation_sha256: text(&validation["sha256"]).filter(|_| known_since_step == 0),
            sequence_length: first([&data["sequence_length"], &recipe["data"]["sequence_length"]]),
            validation_sequences: first([
                &validation["sequences"],
                &recipe["training"]["validation_sequences"],
            ]),
        }
    }

    /// Whether all of it was recorded.
    pub fn is_known(&self) -> bool {
        let Self { tokenizer_sha256, validation_sha256, sequence_length, validation_sequences } = self;
        tokenizer_sha256.is_some()
            && validation_sha256.is_some()
            && sequence_length.is_some()
            && validation_sequences.is_some()
    }
}

impl Asked {
    /// The task of any name, where only the recipe is known.
    pub(super) const ANY: &str = "";

    /// Takes them from `run.json`, by task. `evaluation` was not written by earlier versions.
    pub(crate) fn read(evaluation: &Value, recipe: &Value) -> BTreeMap<String, Self> {
        let recipe = &recipe["evaluation"];
        let limit = recipe["limit"].as_f64();
        let mut asked: BTreeMap<String, Self> = BTreeMap::new();
        if recipe.is_object() {
            let num_fewshot = Some(recipe["num_fewshot"].as_u64().unwrap_or(0));
            asked.insert(Self::ANY.to_owned(), Self { num_fewshot, limit, ..Self::default() });
        }
        for (task, value) in evaluation.as_object().into_iter().flatten() {
            let of_task = Self::deserialize(value).unwrap_or_default();
            asked.insert(task.clone(), Self { limit, ..of_task });
        }
        asked
    }

    /// Whether the two are known to have asked different things.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        match (&self.sha256, &other.sha256) {
            (Some(one), Some(two)) => one != two,
            _ => self.limit != other.limit || self.num_fewshot != other.num_fewshot,
        }
    }

    /// `100 documents, 5-shot`.
    pub(crate) fn words(&self) -> String {
        let documents = match (self.documents, self.limit) {
            (Some(documents), _) => Some(format!("{documents} documents")),
            (None, Some(limit)) => Some(format!("limit {limit}")),
            (None, None) => None,
        };
        let shots = self.num_fewshot.map(|number| format!("{number}-shot"));
        documents.into_iter().chain(shots).collect::<Vec<_>>().join(", ")
    }
}
