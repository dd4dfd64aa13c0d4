//! Closed sets whose values have words: in recipes and on the command line they are the same.

/// A word that is none of a closed set's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no {what}; expected {expected}")]
pub struct UnknownWord {
    /// The word.
    pub word: String,
    /// What it was to be.
    pub what: &'static str,
    /// All words that are.
    pub expected: String,
}

impl UnknownWord {
    /// Whether what the user gave is at fault and can be mended: always.
    pub fn is_input(&self) -> bool {
        true
    }

    /// Whether a disk is full: never.
    pub fn is_disk_full(&self) -> bool {
        false
    }
}

/// Gives an enum `ALL`, `word`, `Display`, `FromStr` and `Deserialize`.
macro_rules! closed_set {
    ($name:ident, $what:literal, $count:literal, $($variant:ident => $word:literal),+ $(,)?) => {
        impl $name {
            /// All of them.
            pub const ALL: [Self; $count] = [$(Self::$variant),+];

            /// Its word in recipes and on the command line.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::growth::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::ALL.into_iter().find(|one| one.word() == word).ok_or_else(|| $crate::growth::UnknownWord {
                    word: word.to_owned(),
                    what: $what,
                    expected: Self::ALL.map(Self::word).join(", "),
                })
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct OneWord;

                impl serde::de::Visitor<'_> for OneWord {
                    type Value = $name;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        formatter.write_str(&$name::ALL.map($name::word).join(" or "))
                    }

                    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<$name, E> {
                        word.parse().map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(OneWord)
            }
        }
    };
}

pub(crate) use closed_set;
