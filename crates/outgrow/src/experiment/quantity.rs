//! Quantities in parts of a scale: `"40 % tokens"`, `"1/4 layers"`, `"0.5 scratch_rate"`. A text that isn't one is left
//! as it is.

use std::collections::BTreeMap;

use crate::experiment::scale::{Scale, Shape};

/// What a part is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Tokens of a run from scratch, in whole steps.
    Tokens,
    Layers,
    Hidden,
    Intermediate,
    Heads,
    KeyValueHeads,
    /// Sequences of a validation.
    ValidationSequences,
    /// The shape's learning rate, as it stands in the scale.
    Rate,
}

const UNITS: [(&str, Unit); 8] = [
    ("tokens", Unit::Tokens),
    ("layers", Unit::Layers),
    ("hidden", Unit::Hidden),
    ("intermediate", Unit::Intermediate),
    ("heads", Unit::Heads),
    ("kv_heads", Unit::KeyValueHeads),
    ("validation_sequences", Unit::ValidationSequences),
    ("rate", Unit::Rate),
];

/// What parts are taken of: a model, its step, and the learning rates that sweeps have chosen.
#[derive(Clone, Debug)]
pub(crate) struct Measures<'a> {
    /// The model.
    pub shape: Shape,
    /// Tokens in a step.
    pub step_tokens: u64,
    /// Sequences of a validation.
    pub validation_sequences: usize,
    /// By the name of its sweep, the factor that the shape's learning rate is multiplied by.
    pub rate_factors: &'a BTreeMap<String, f64>,
}

impl<'a> Measures<'a> {
    /// Of a shape at its scale.
    pub(crate) fn of(scale: &Scale, shape: Shape, rate_factors: &'a BTreeMap<String, f64>) -> Self {
        let (step_tokens, validation_sequences) = (scale.step_tokens(), scale.validation_sequences);
        Self { shape, step_tokens, validation_sequences, rate_factors }
    }
}

impl Measures<'_> {
    /// The number that a text comes to; `None` where it is no quantity.
    ///
    /// # Errors
    /// A part that isn't whole where it has to be, a unit that there isn't, and what is nearly a quantity.
    pub(crate) fn evaluate(&self, text: &str) -> Result<Option<toml::Value>, String> {
        let Some((part, word)) = split(text) else {
            return self.near_miss(text).map_or(Ok(None), Err);
        };
        if let Some(factor) = self.rate_factors.get(word) {
            return Ok(Some(toml::Value::Float(part * factor * self.shape.learning_rate)));
        }
        let Some((_, unit)) = UNITS.iter().find(|(name, _)| *name == word) else {
            return Err(format!("{text}: no unit `{word}`: there are {}", self.units().join(", ")));
        };
        let whole = |of: usize| {
            let number = part * of as f64;
            let rounded = number.round();
            // One that was written as a fraction, such as 1/3, isn't exact.
            if (number - rounded).abs() > 1e-6 || rounded < 1.0 {
                return Err(format!("{text}: {of} {word} have no such part"));
            }
            Ok(Some(toml::Value::Integer(rounded as i64)))
        };
        match unit {
            Unit::Tokens => {
                let steps = (part * self.shape.tokens as f64 / self.step_tokens as f64).round();
                // A little is not nothing.
                let steps = if part > 0.0 { steps.max(1.0) } else { 0.0 };
                Ok(Some(toml::Value::Integer((steps * self.step_tokens as f64) as i64)))
            }
            Unit::Layers => whole(self.shape.num_hidden_layers),
            Unit::Hidden => whole(self.shape.hidden_size),
            Unit::Intermediate => whole(self.shape.intermediate_size),
            Unit::Heads => whole(self.shape.num_attention_heads),
            Unit::KeyValueHeads => whole(self.shape.num_key_value_heads),
            Unit::ValidationSequences => whole(self.validation_sequences),
            Unit::Rate => Ok(Some(toml::Value::Float(part * self.shape.learning_rate))),
        }
    }

    /// The units, and the names of sweeps.
    fn units(&self) -> Vec<&str> {
        UNITS.iter().map(|(name, _)| *name).chain(self.rate_factors.keys().map(String::as_str)).collect()
    }

    /// What is wrong with a text that is a number and a unit, but not as they are written.
    fn near_miss(&self, text: &str) -> Option<String> {
        let is_of_a_word = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
        let number = text.trim_end_matches(is_of_a_word);
        let word = text[number.len()..].to_ascii_lowercase();
        let number = number.trim().trim_end_matches(|letter: char| is_of_a_word(letter) || letter == ' ');
        let is_number = |letter: char| letter.is_ascii_digit() || ".,+-/% ".contains(letter);
        let is_one = number.contains(|letter: char| letter.is_ascii_digit()) && number.chars().all(is_number);
        let unit = self.units().into_iter().find(|unit| *unit == word).filter(|_| is_one)?;
        Some(format!(
            "{text}: a part is a number from 0 on, a blank and a unit, as \"40 % {unit}\" or \"1/2 {unit}\""
        ))
    }

    /// Evaluates all texts of a value.
    pub(crate) fn evaluate_all(&self, value: &mut toml::Value) -> Result<(), String> {
        match value {
            toml::Value::String(text) => {
                if let Some(number) = self.evaluate(text)? {
                    *value = number;
                }
                Ok(())
            }
            toml::Value::Array(items) => items.iter_mut().try_for_each(|item| self.evaluate_all(item)),
            toml::Value::Table(table) => table.iter_mut().try_for_each(|(key, item)| {
                self.evaluate_all(item).map_err(|problem| format!("{key}: {problem}"))
            }),
            _ => Ok(()),
        }
    }
}

/// Whether a word is a unit, which no sweep can be called.
pub(crate) fn is_unit(word: &str) -> bool {
    UNITS.iter().any(|(name, _)| *name == word)
}

/// `40 % tokens` in a number, 0.4, and a word.
fn split(text: &str) -> Option<(f64, &str)> {
    let (number, word) = text.rsplit_once(' ')?;
    let number = number.trim();
    let (number, of) = number.strip_suffix('%').map_or((number, 1.0), |number| (number.trim(), 100.0));
    let value = match number.split_once('/') {
        Some((above, below)) => above.trim().parse::<f64>().ok()? / below.trim().parse::<f64>().ok()?,
        None => number.parse::<f64>().ok()?,
    };
    (value.is_finite() && value >= 0.0).then_some((value / of, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluate(text: &str) -> Result<Option<toml::Value>, String> {
        let shape = Shape {
            hidden_size: 64,
            intermediate_size: 176,
            num_hidden_layers: 8,
            num_attention_heads: 2,
            num_key_value_heads: 2,
            tokens: 256_000,
            learning_rate: 4e-3,
        };
        let rate_factors = BTreeMap::from([("scratch_rate".to_owned(), 2.0)]);
        Measures { shape, step_tokens: 1000, validation_sequences: 64, rate_factors: &rate_factors }
            .evaluate(text)
    }

    #[track_caller]
    fn check(text: &str, expected: impl Into<toml::Value>) {
        assert_eq!(evaluate(text), Ok(Some(expected.into())));
    }

    #[test]
    fn parts_are_percentages_fractions_or_multiples() {
        check("40 % tokens", 102_000);
        check("0.001 tokens", 1000);
        check("0 tokens", 0);
        check("1/4 layers", 2);
        check("1/2 hidden", 32);
        check("0.5 scratch_rate", 4e-3);
        check("1 rate", 4e-3);
    }

    #[test]
    fn what_is_no_quantity_is_left_as_it_is() {
        for text in
            ["layers", "g-stack", "a tokens", "123456*4", "12-3456*5-56", "7b", "data/7 books", "1e-3"]
        {
            assert_eq!(evaluate(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn a_unit_that_there_is_not_is_refused_with_those_that_there_are() {
        assert_eq!(
            evaluate("10 % parsecs").unwrap_err(),
            "10 % parsecs: no unit `parsecs`: there are tokens, layers, hidden, intermediate, heads, kv_heads, \
             validation_sequences, rate, scratch_rate"
        );
    }

    #[test]
    fn what_is_nearly_a_quantity_is_refused_with_how_one_is_written() {
        for text in [
            "40%tokens",
            "40 % Tokens",
            "-1 tokens",
            "0.5rate",
            "40 percent tokens",
            "1/0 layers",
            "2,5 rate",
        ] {
            let problem = evaluate(text).unwrap_err();
            let (what, right) = problem.split_once(": ").unwrap();
            assert_eq!(what, text);
            assert!(
                right.starts_with("a part is a number from 0 on, a blank and a unit")
                    || right.starts_with("no unit")
            );
        }
    }

    #[test]
    fn layers_have_no_broken_parts() {
        assert_eq!(evaluate("1/3 layers").unwrap_err(), "1/3 layers: 8 layers have no such part");
        assert!(evaluate("0 layers").is_err());
    }

    #[test]
    fn tokens_are_whole_steps_at_every_scale() {
        for scale in Scale::all() {
            let (shape, step_tokens) = (scale.shape("standard").unwrap(), scale.step_tokens());
            let measures =
                Measures { shape, step_tokens, validation_sequences: 4, rate_factors: &BTreeMap::new() };
            for thousandths in 1..3000 {
                let text = format!("{} tokens", f64::from(thousandths) / 1000.0);
                let tokens = measures.evaluate(&text).unwrap().unwrap().as_integer().unwrap() as u64;
                assert!(
                    tokens >= step_tokens && tokens.is_multiple_of(step_tokens),
                    "{}: {text}",
                    scale.name
                );
                let exact = f64::from(thousandths) / 1000.0 * shape.tokens as f64;
                assert!((tokens as f64 - exact).abs() <= step_tokens as f64, "{}: {text}", scale.name);
            }
        }
    }
}
