//! A growth as recipes spell it: an operator's word beside every key that some operator takes. What a word makes of its
//! keys is said in named.rs; here is which keys it has, and what is said where they don't fit it. What is written,
//! [`Growth`] writes itself.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

use crate::growth::{
    Axis, Depth, Growth, MatricesFile, Mix, Operator, ParameterError, Parameters, Placement, Width,
    closed_set::UnknownWord,
    values::{count, number, seed},
};

/// What a recipe's `operator` may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// One that the command line knows by the same word.
    Operator(Operator),
    /// [`Growth::Layers`], which is a flag of its own there.
    Layers,
    /// [`Growth::Pattern`], the same.
    Pattern,
    /// [`Growth::Noise`], the same.
    Noise,
}

/// As [`Growth`], key by key as recipes have them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spelled {
    operator: Word,
    axis: Option<Axis>,
    #[serde(default, deserialize_with = "count")]
    factor: Option<usize>,
    layers: Option<Vec<usize>>,
    pattern: Option<String>,
    #[serde(default, deserialize_with = "count")]
    block_layers: Option<usize>,
    #[serde(default, deserialize_with = "count")]
    drop_layers: Option<usize>,
    #[serde(default, deserialize_with = "count")]
    num_hidden_layers: Option<usize>,
    placement: Option<Placement>,
    #[serde(default)]
    width: Width,
    #[serde(default, deserialize_with = "number")]
    share: Option<f64>,
    matrices: Option<MatricesFile>,
    #[serde(default, deserialize_with = "number")]
    amount: Option<f64>,
    mix: Option<Mix>,
    #[serde(default, deserialize_with = "seed")]
    seed: Option<u64>,
}

/// Every key that a step may have.
pub(crate) const KEYS: [&str; 15] = [
    "operator",
    "axis",
    "factor",
    "layers",
    "pattern",
    "block_layers",
    "drop_layers",
    "num_hidden_layers",
    "placement",
    "width",
    "share",
    "matrices",
    "amount",
    "mix",
    "seed",
];

/// Why keys are no growth, each that is to blame by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// A key that is of no use, or contradicts another.
    Key {
        /// The key; a size by its name in `width`.
        key: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// None of these keys is there, and one is needed.
    Missing {
        /// The keys.
        keys: &'static [&'static str],
        /// What is missing, in words.
        problem: String,
    },
}

/// All that is wrong with keys whose values are of the right types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misfits(pub(crate) Vec<Misfit>);

impl fmt::Display for Misfits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, misfit) in self.0.iter().enumerate() {
            let (Misfit::Key { problem, .. } | Misfit::Missing { problem, .. }) = misfit;
            write!(f, "{}{problem}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl TryFrom<Spelled> for Growth {
    type Error = Misfits;

    fn try_from(spelled: Spelled) -> Result<Self, Misfits> {
        let Spelled { operator, mut axis, layers, pattern, amount, mix, .. } = spelled;
        let mut own = OwnKeys { layers, pattern, amount, mix };
        let mut parameters = Parameters {
            factor: spelled.factor,
            block_layers: spelled.block_layers,
            drop_layers: spelled.drop_layers,
            num_hidden_layers: spelled.num_hidden_layers,
            placement: spelled.placement,
            width: spelled.width,
            share: spelled.share,
            matrices: spelled.matrices,
            seed: spelled.seed,
        };
        let mut misfits = Vec::new();
        let growth = match operator {
            Word::Operator(operator) => {
                let named = Self::named(operator, axis.take(), std::mem::take(&mut parameters));
                named
                    .map_err(|errors| {
                        misfits.extend(errors.iter().flat_map(|error| misfits_of(operator, error)));
                    })
                    .ok()
            }
            Word::Layers => own.layers.take().map(|layers| Self::Layers { layers }),
            Word::Pattern => own.pattern.take().map(|pattern| Self::Pattern { pattern }),
            Word::Noise => {
                let (mix, seed) = (own.mix.take().unwrap_or_default(), parameters.take_seed());
                own.amount.take().map(|amount| Self::Noise { amount, mix, seed })
            }
        };
        if growth.is_none() && misfits.is_empty() {
            let keys = operator.own_keys();
            misfits.push(Misfit::Missing { keys, problem: format!("`{operator}` needs `{}`", keys[0]) });
        }
        let left = own.left().into_iter().chain(parameters.given()).chain(axis.map(|_| "axis"));
        misfits.extend(left.map(|key| {
            let problem = format!("`{operator}` has no use for `{}`", in_recipes(key));
            Misfit::Key { key, problem }
        }));
        growth.filter(|_| misfits.is_empty()).ok_or(Misfits(misfits))
    }
}

/// What only [`Word::Layers`], [`Word::Pattern`] and [`Word::Noise`] take.
struct OwnKeys {
    layers: Option<Vec<usize>>,
    pattern: Option<String>,
    amount: Option<f64>,
    mix: Option<Mix>,
}

impl OwnKeys {
    fn left(&self) -> Vec<&'static str> {
        let all = [
            ("layers", self.layers.is_some()),
            ("pattern", self.pattern.is_some()),
            ("amount", self.amount.is_some()),
            ("mix", self.mix.is_some()),
        ];
        all.iter().filter(|(_, is_left)| *is_left).map(|(key, _)| *key).collect()
    }
}

/// What an operator says of its parameters, in a recipe's words.
fn misfits_of(operator: Operator, error: &ParameterError) -> Vec<Misfit> {
    match error {
        ParameterError::Unused { parameters, grows, .. } => {
            let on = grows.map(|axis| format!(" in {axis}")).unwrap_or_default();
            let hint = error.other_axis().map(|axis| format!("; with axis = \"{axis}\" it has"));
            let hint = hint.unwrap_or_default();
            let misfit = |key: &&'static str| Misfit::Key {
                key,
                problem: format!("`{operator}` has no use for `{}`{on}{hint}", in_recipes(key)),
            };
            parameters.iter().map(misfit).collect()
        }
        ParameterError::Missing { parameter } => {
            let (keys, what): (&[&str], _) = match *parameter {
                "num_hidden_layers" => (&["num_hidden_layers", "factor"], "`num_hidden_layers` or `factor`"),
                "width" => (&WIDTH_AND_SIZES, "a size in `width`, such as width.hidden_size"),
                "factor" => (&["factor"], "`factor`"),
                "block_layers" => (&["block_layers"], "`block_layers`"),
                _ => (&["drop_layers"], "`drop_layers`"),
            };
            vec![Misfit::Missing { keys, problem: format!("`{operator}` needs {what}") }]
        }
        ParameterError::DepthTwice => vec![Misfit::Key { key: "factor", problem: error.to_string() }],
        ParameterError::Axis { .. } => vec![Misfit::Key { key: "axis", problem: error.to_string() }],
    }
}

/// The keys of a width.
pub(crate) const SIZES: [&str; 4] =
    ["hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads"];
/// The same, and the table that they stand in.
const WIDTH_AND_SIZES: [&str; 5] = ["width", SIZES[0], SIZES[1], SIZES[2], SIZES[3]];

/// A parameter as recipes have it: sizes stand in a table.
fn in_recipes(parameter: &str) -> String {
    if SIZES.contains(&parameter) { format!("width.{parameter}") } else { parameter.to_owned() }
}

impl Word {
    /// The keys that it takes besides itself.
    pub(crate) fn keys(self) -> Vec<&'static str> {
        let Self::Operator(operator) = self else { return self.own_keys().to_vec() };
        let axes = operator.axes();
        let is_taken = |key: &&'static str| match *key {
            "axis" => axes.len() > 1,
            "width" => axes.iter().any(|axis| operator.takes(*axis, "hidden_size")),
            key => axes.iter().any(|axis| operator.takes(*axis, key)),
        };
        KEYS.into_iter().filter(is_taken).collect()
    }

    fn own_keys(self) -> &'static [&'static str] {
        match self {
            Self::Operator(_) => &[],
            Self::Layers => &["layers"],
            Self::Pattern => &["pattern"],
            Self::Noise => &["amount", "mix", "seed"],
        }
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneWord;

        impl Visitor<'_> for OneWord {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the word of an operator, such as \"stack\"")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Word, E> {
                let own = [Word::Layers, Word::Pattern, Word::Noise];
                let known = word.parse().map(Word::Operator);
                known.or_else(|UnknownWord { word, what, expected }| {
                    let found = own.into_iter().find(|one| one.to_string() == word);
                    let expected = format!("{expected}, {}", own.map(|one| one.to_string()).join(", "));
                    found.ok_or_else(|| E::custom(UnknownWord { word, what, expected }))
                })
            }
        }

        deserializer.deserialize_any(OneWord)
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(operator) => operator.fmt(f),
            Self::Layers => f.write_str("layers"),
            Self::Pattern => f.write_str("pattern"),
            Self::Noise => f.write_str("noise"),
        }
    }
}

/// A depth that may be left out is written as a number of layers that is none.
#[expect(clippy::ref_option, reason = "serde asks for it")]
pub(super) fn optional_depth<S: Serializer>(depth: &Option<Depth>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Unsaid {
        num_hidden_layers: Option<usize>,
    }
    match depth {
        Some(depth) => depth.serialize(serializer),
        None => Unsaid { num_hidden_layers: None }.serialize(serializer),
    }
}
