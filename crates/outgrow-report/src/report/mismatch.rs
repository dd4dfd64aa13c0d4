//! Why two runs can't be compared: other tokens, other data, another final model. It computes no speed-up; the
//! comparison gives none where there is a reason against it.

use serde_json::Value;

use crate::run::{measure::Measure, record::RunRecord};

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

/// Why two runs can't be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) kind: Kind,
    /// The values of the two runs, as a sentence has them.
    pub(crate) values: [String; 2],
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

impl Kind {
    /// Whether losses of the two were measured differently, so that their curves don't even belong on one axis.
    pub(crate) fn is_of_the_measure(self) -> bool {
        match self {
            Self::Tokenizer | Self::ValidationData | Self::SequenceLength | Self::ValidationSequences => true,
            Self::TrainingData | Self::Model => false,
        }
    }

    /// As it stands behind a method's name.
    pub(crate) fn words(self) -> &'static str {
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
    /// As [`Self::sentence`], of two runs of which none is from scratch.
    pub(crate) fn of_two_runs(&self) -> String {
        self.sentence().replace("of scratch", "of the other")
    }

    /// `its validation data is 1a2b3c4d5e6f, that of scratch 9f8e7d6c5b4a`.
    pub(crate) fn sentence(&self) -> String {
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
    let mut all = of_measure(&one.measure, &two.measure);
    if let (Some(first), Some(second)) = (&one.training_sha256, &two.training_sha256)
        && first != second
    {
        all.push(Mismatch { kind: Kind::TrainingData, values: [shortened(first), shortened(second)] });
    }
    all.extend(models(one, two));
    all
}

/// What is known to differ in the measure.
fn of_measure(one: &Measure, two: &Measure) -> Vec<Mismatch> {
    let sums = |one: &Option<String>, two: &Option<String>| {
        Some([shortened(one.as_ref()?), shortened(two.as_ref()?)])
    };
    let numbers = |one: Option<u64>, two: Option<u64>| Some([one?.to_string(), two?.to_string()]);
    let fields = [
        (Kind::Tokenizer, sums(&one.tokenizer_sha256, &two.tokenizer_sha256)),
        (Kind::ValidationData, sums(&one.validation_sha256, &two.validation_sha256)),
        (Kind::SequenceLength, numbers(one.sequence_length, two.sequence_length)),
        (Kind::ValidationSequences, numbers(one.validation_sequences, two.validation_sequences)),
    ];
    let known = fields.into_iter().filter_map(|(kind, values)| Some(Mismatch { kind, values: values? }));
    known.filter(|mismatch| mismatch.values[0] != mismatch.values[1]).collect()
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
