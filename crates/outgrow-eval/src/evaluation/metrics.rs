//! From the scores of a document to its metrics, and from those of all documents to one number. It computes no standard
//! error.

use crate::{
    model::Score,
    python::json::Json,
    tasks::task::{Gold, Item, Metric},
};

/// What a model answered about a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A score for each request.
    Scores(Vec<Score>),
    /// The log-likelihood of a whole text: the sum over its windows.
    Total(f64),
}

/// What a metric says of one document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Real(f64),
    /// A number that the harness has as an integer.
    Whole(bool),
    /// A log-likelihood and how many words or bytes it is for.
    Weighted(f64, u64),
}

impl Value {
    /// The number of a metric that has no weight.
    fn number(self) -> f64 {
        match self {
            Self::Real(value) | Self::Weighted(value, _) => value,
            Self::Whole(value) => f64::from(u8::from(value)),
        }
    }

    pub(crate) fn json(self) -> Json {
        match self {
            Self::Real(value) => Json::Float(value),
            Self::Whole(value) => Json::Integer(value.into()),
            Self::Weighted(value, weight) => {
                Json::List(vec![Json::Float(value), Json::Integer(weight.into())])
            }
        }
    }
}

/// What each metric says of a document. An answer that isn't to the item's question counts as nothing right.
pub(crate) fn values(metrics: &[Metric], item: &Item, answer: &Answer) -> Vec<Value> {
    metrics.iter().map(|&metric| value(metric, item, answer)).collect()
}

fn value(metric: Metric, item: &Item, answer: &Answer) -> Value {
    let (scores, total): (&[Score], f64) = match answer {
        Answer::Scores(scores) => (scores, f64::NAN),
        Answer::Total(total) => (&[], *total),
    };
    let likelihoods = scores.iter().map(|score| score.log_likelihood);
    match (metric, item) {
        (Metric::Accuracy, Item::Completion { .. }) => {
            Value::Whole(scores.first().is_some_and(|score| score.is_greedy))
        }
        (Metric::Accuracy, _) => Value::Real(right(item, likelihoods)),
        (Metric::NormalizedAccuracy, _) => Value::Real(right(item, normalized(item, likelihoods))),
        (Metric::ProbabilityMass, _) => Value::Real(probability_mass(item, likelihoods)),
        (Metric::Perplexity, _) => Value::Real(scores.first().map_or(f64::NAN, |score| score.log_likelihood)),
        (Metric::WordPerplexity, Item::Page { words, .. }) => Value::Weighted(total, *words),
        (Metric::BytePerplexity | Metric::BitsPerByte, Item::Page { bytes, .. }) => {
            Value::Weighted(total, *bytes)
        }
        (Metric::WordPerplexity | Metric::BytePerplexity | Metric::BitsPerByte, _) => {
            Value::Weighted(f64::NAN, 0)
        }
    }
}

/// 1 if the likeliest choice is the right one.
fn right(item: &Item, likelihoods: impl Iterator<Item = f64>) -> f64 {
    let gold = match item {
        Item::Choice { gold: Gold::Index(gold), .. } | Item::Inputs { gold, .. } => Some(*gold),
        Item::Choice { gold: Gold::Labels(_), .. } => Some(0),
        Item::Completion { .. } | Item::Page { .. } => None,
    };
    f64::from(u8::from(gold.is_some() && likeliest(likelihoods) == gold))
}

/// Log-likelihoods by the characters of the choices (code points, without the space that was put before them).
fn normalized(item: &Item, likelihoods: impl Iterator<Item = f64>) -> impl Iterator<Item = f64> {
    let choices: &[String] = match item {
        Item::Choice { choices, .. } => choices,
        Item::Inputs { contexts, .. } => contexts,
        Item::Completion { .. } | Item::Page { .. } => &[],
    };
    likelihoods.zip(choices).map(|(likelihood, choice)| likelihood / choice.chars().count() as f64)
}

/// NumPy's argmax: the first of the largest; what isn't a number is larger than any.
fn likeliest(values: impl Iterator<Item = f64>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (index, value) in values.enumerate() {
        let better = best.is_none_or(|(_, best)| !best.is_nan() && (value.is_nan() || value > best));
        if better {
            best = Some((index, value));
        }
    }
    best.map(|(index, _)| index)
}

/// The probability of the true choices among all of them.
fn probability_mass(item: &Item, likelihoods: impl Iterator<Item = f64>) -> f64 {
    let Item::Choice { gold: Gold::Labels(labels), .. } = item else { return f64::NAN };
    let probabilities: Vec<f64> = likelihoods.map(f64::exp).collect();
    let total: f64 = probabilities.iter().sum();
    probabilities
        .iter()
        .zip(labels)
        .filter(|(_, label)| **label)
        .map(|(probability, _)| probability / total)
        .sum()
}

/// One number for all documents.
pub(crate) fn aggregate(metric: Metric, values: &[Value]) -> f64 {
    match metric {
        Metric::Accuracy | Metric::NormalizedAccuracy | Metric::ProbabilityMass => mean(&numbers(values)),
        Metric::Perplexity => perplexity(&numbers(values)),
        Metric::WordPerplexity | Metric::BytePerplexity => (-weighted_mean(values)).exp(),
        Metric::BitsPerByte => -weighted_mean(values) / std::f64::consts::LN_2,
    }
}

pub(crate) fn numbers(values: &[Value]) -> Vec<f64> {
    values.iter().map(|value| value.number()).collect()
}

/// The mean, summed from first to last as Python's `sum` does up to 3.11. From 3.12 on it makes up for rounding, so
/// that last digits differ between versions of Python.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, value| sum + value) / values.len() as f64
}

/// `exp` of the mean negative log-likelihood.
pub(crate) fn perplexity(likelihoods: &[f64]) -> f64 {
    (-mean(likelihoods)).exp()
}

/// The sum of log-likelihoods by the sum of weights.
fn weighted_mean(values: &[Value]) -> f64 {
    let (mut sum, mut weights) = (0.0, 0);
    for value in values {
        if let Value::Weighted(value, weight) = value {
            sum += value;
            weights += weight;
        }
    }
    sum / weights as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_wins_and_what_is_no_number_wins_over_all() {
        let likeliest = |values: &[f64]| likeliest(values.iter().copied());
        assert_eq!(likeliest(&[-2.0, -1.0, -1.0]), Some(1));
        assert_eq!(likeliest(&[-1.0, f64::NAN, 0.0, f64::NAN]), Some(1));
        assert_eq!(likeliest(&[]), None);
    }

    #[test]
    fn lengths_are_characters_and_not_bytes() {
        let choices = vec!["äöü".to_owned(), "abcd".to_owned()];
        let item = Item::Choice { context: String::new(), choices, gold: Gold::Index(0) };
        let scores = [-3.0, -4.4].map(|log_likelihood| Score { log_likelihood, is_greedy: false });
        let metrics = [Metric::Accuracy, Metric::NormalizedAccuracy];
        // By bytes, the first choice would have -0.5 and the second -1.1.
        assert_eq!(
            values(&metrics, &item, &Answer::Scores(scores.to_vec())),
            [Value::Real(1.0), Value::Real(1.0)]
        );
        let scores = [-3.6, -4.4].map(|log_likelihood| Score { log_likelihood, is_greedy: false });
        assert_eq!(
            values(&metrics, &item, &Answer::Scores(scores.to_vec())),
            [Value::Real(1.0), Value::Real(0.0)]
        );
    }
}
