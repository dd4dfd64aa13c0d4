//! What the numbers of a run were measured on, and why those of two runs can't be compared. It computes no speed-up;
//! report.rs gives none where there is a reason against it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::run::record::RunRecord;

/// Digits of a SHA-256 that are shown: enough to tell two apart.
const SHOWN_DIGITS: usize = 12;
/// Keys of config.json that make no other model: token ids, the type of the files, a switch of transformers, a bound
/// that costs nothing, and how the first weights were drawn.
const NOT_THE_MODEL: [&str; 6] = [
    "bos_token_id",
    "eos_token_id",
    "torch_dtype",
    "use_cache",
    "max_position_embeddings",
    "initializer_range",
];

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

/// Why two runs can't be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub kind: Kind,
    /// The values of the two runs, as a sentence has them.
    pub values: [String; 2],
}

/// In what two runs differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tokenizer,
    ValidationData,
    SequenceLength,
    ValidationSequences,
    TrainingData,
    Model,
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

    /// What is known to differ.
    fn mismatches(&self, other: &Self) -> Vec<Mismatch> {
        let sums = |one: &Option<String>, two: &Option<String>| {
            Some([shortened(one.as_ref()?), shortened(two.as_ref()?)])
        };
        let numbers = |one: Option<u64>, two: Option<u64>| Some([one?.to_string(), two?.to_string()]);
        let fields = [
            (Kind::Tokenizer, sums(&self.tokenizer_sha256, &other.tokenizer_sha256)),
            (Kind::ValidationData, sums(&self.validation_sha256, &other.validation_sha256)),
            (Kind::SequenceLength, numbers(self.sequence_length, other.sequence_length)),
            (Kind::ValidationSequences, numbers(self.validation_sequences, other.validation_sequences)),
        ];
        let known = fields.into_iter().filter_map(|(kind, values)| Some(Mismatch { kind, values: values? }));
        known.filter(|mismatch| mismatch.values[0] != mismatch.values[1]).collect()
    }
}

impl Asked {
    /// The task of any name, where only the recipe is known.
    const ANY: &str = "";

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

    /// What a task asked of a run; `None` where that isn't known.
    pub(crate) fn of<'a>(run: &'a RunRecord, task: &str) -> Option<&'a Self> {
        run.asked.get(task).or_else(|| run.asked.get(Self::ANY))
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

impl Kind {
    /// Whether losses of the two were measured differently, so that their curves don't even belong on one axis.
    pub fn is_of_the_measure(self) -> bool {
        match self {
            Self::Tokenizer | Self::ValidationData | Self::SequenceLength | Self::ValidationSequences => true,
            Self::TrainingData | Self::Model => false,
        }
    }

    /// As it stands behind a method's name.
    pub fn words(self) -> &'static str {
        match self {
            Self::Tokenizer => "other tokenizer",
            Self::ValidationData => "other validation data",
            Self::SequenceLength => "other sequence length",
            Self::ValidationSequences => "other number of validation sequences",
            Self::TrainingData => "other training data",
            Self::Model => "other model",
        }
    }
}

impl Mismatch {
    /// `its validation data is 1a2b3c4d5e6f, that of scratch 9f8e7d6c5b4a`.
    pub fn sentence(&self) -> String {
        let [its, of_scratch] = &self.values;
        match self.kind {
            Kind::Tokenizer => format!("its tokenizer is {its}, that of scratch {of_scratch}"),
            Kind::ValidationData => format!("its validation data is {its}, that of scratch {of_scratch}"),
            Kind::SequenceLength => format!("its sequences have {its} tokens, those of scratch {of_scratch}"),
            Kind::ValidationSequences => {
                format!("its validations read {its} sequences, those of scratch {of_scratch}")
            }
            Kind::TrainingData => format!("its training data is {its}, that of scratch {of_scratch}"),
            Kind::Model => format!("its final model has {its}, that of scratch {of_scratch}"),
        }
    }
}

/// All that speaks against comparing two runs, the measure first.
pub(crate) fn mismatches(one: &RunRecord, two: &RunRecord) -> Vec<Mismatch> {
    let mut all = one.measure.mismatches(&two.measure);
    if let (Some(first), Some(second)) = (&one.training_sha256, &two.training_sha256)
        && first != second
    {
        all.push(Mismatch { kind: Kind::TrainingData, values: [shortened(first), shortened(second)] });
    }
    all.extend(models(one, two));
    all
}

/// A smaller model is cheaper at any loss that it reaches, grown or not.
fn models(one: &RunRecord, two: &RunRecord) -> Option<Mismatch> {
    let differs = |values: [String; 2]| Some(Mismatch { kind: Kind::Model, values });
    if one.parameters != two.parameters {
        return differs([one, two].map(|run| format!("{} parameters", run.parameters)));
    }
    let (first, second) = (one.model.as_object()?, two.model.as_object()?);
    let keys = first.keys().chain(second.keys()).filter(|key| !NOT_THE_MODEL.contains(&key.as_str()));
    let key = keys.into_iter().find(|key| first.get(*key) != second.get(*key))?;
    let value = |of: Option<&Value>| of.map_or_else(|| format!("no {key}"), |value| format!("{key} {value}"));
    differs([value(first.get(key)), value(second.get(key))])
}

fn shortened(sum: &str) -> String {
    sum.get(..SHOWN_DIGITS).unwrap_or(sum).to_owned()
}
