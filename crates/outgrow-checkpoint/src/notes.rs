//! What isn't as it should be about a folder, or isn't used of it, and is no reason to refuse it: one line each, for
//! whoever opens the folder to pass on. Nothing is printed here.

use std::fmt;

/// Something that whoever gave a folder should know. Its `Display` is one line; which folder it is about, the reader
/// says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A JSON file that begins with a byte order mark, which Python's `json` refuses.
    ByteOrderMark {
        /// The file's name.
        file: String,
    },
    /// A JSON file with numbers that JSON doesn't have, none of them needed.
    NoJsonNumbers {
        /// The file's name.
        file: String,
        /// The keys that they are under.
        keys: Vec<String>,
    },
    /// A key of config.json that changes nothing here, or means something else than it says.
    Config {
        /// The key.
        key: String,
        /// What it is, and what is made of it.
        said: String,
    },
    /// Names of tensors that are read without a part of them, which a wrapper around the model has added.
    Unwrapped {
        /// What they are read without.
        wrappers: Vec<String>,
    },
    /// Names of tensors that are read with the `model.` in front that a model saved without its head lacks.
    BaseModel,
    /// Tensors that the model has no use for.
    PassedOver {
        /// Their names.
        names: Vec<String>,
        /// Why.
        why: &'static str,
    },
    /// Tensors of integers or truth values, which are only copied.
    OnlyCopied {
        /// Their names, each with its type.
        names: Vec<String>,
    },
    /// The embedding is stored under the head's name.
    HeadIsEmbedding {
        /// The head's name.
        head: String,
    },
    /// config.json says that the head is the embedding, but a head of other values is stored, and is used.
    HeadKept {
        /// The head's name.
        head: String,
    },
    /// config.json says that the head is the embedding, and the index lists a head that can't be looked at.
    HeadUnseen {
        /// The head's name.
        head: String,
    },
    /// The index doesn't place tensors where they are.
    Index {
        /// The index's name.
        file: String,
        /// The tensors.
        names: Vec<String>,
    },
    /// Tensors that the index lists, that aren't there, and that aren't needed.
    Ghosts {
        /// The index's name.
        file: String,
        /// The tensors.
        names: Vec<String>,
    },
    /// Shards that are read without an index.
    NoIndex {
        /// How many.
        shards: usize,
    },
    /// Weights that are there a second time.
    Twice {
        /// The file that is read.
        read: String,
        /// What isn't.
        other: String,
    },
    /// The configuration of an adapter whose weights aren't there, beside a whole model.
    Adapter,
}

/// The first names, and how many more there are.
pub(crate) fn first_few<T: AsRef<str>>(names: &[T]) -> String {
    const SHOWN: usize = 3;
    let (first, more) = names.split_at(names.len().min(SHOWN));
    let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
    let first = first.join(", ");
    if more.is_empty() { first } else { format!("{first} and {} more", more.len()) }
}

/// The same between backticks.
pub(crate) fn first_few_quoted<T: AsRef<str>>(names: &[T]) -> String {
    first_few(&names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>())
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByteOrderMark { file } => {
                write!(
                    f,
                    "{file} begins with a byte order mark, which is passed over; Python refuses such a file"
                )
            }
            Self::NoJsonNumbers { file, keys } => write!(
                f,
                "{file} has NaN or Infinity under {}, which JSON doesn't have; none of it is needed, and it is kept as it is",
                first_few_quoted(keys)
            ),
            Self::Config { key, said } => write!(f, "config.json: `{key}` {said}"),
            Self::Unwrapped { wrappers } => {
                write!(
                    f,
                    "names of tensors are read without {}, which wraps the model",
                    first_few_quoted(wrappers)
                )
            }
            Self::BaseModel => {
                f.write_str("names of tensors are read with `model.` in front: it was saved without its head")
            }
            Self::PassedOver { names, why } => write!(f, "passed over: {}, {why}", first_few_quoted(names)),
            Self::OnlyCopied { names } => {
                write!(f, "copied as they are, being no numbers to compute with: {}", first_few(names))
            }
            Self::HeadIsEmbedding { head } => {
                write!(f, "the embedding is stored as `{head}`, to which config.json ties it")
            }
            Self::HeadKept { head } => write!(
                f,
                "config.json says tie_word_embeddings = true, but `{head}` has other values than the embedding: it is used, as in \
                 transformers from version 5 on, and kept; set tie_word_embeddings to false so that every reader uses it"
            ),
            Self::HeadUnseen { head } => write!(
                f,
                "config.json says tie_word_embeddings = true and the index lists `{head}`: taken for the embedding, since its shard \
                 isn't there"
            ),
            Self::Index { file, names } => {
                write!(
                    f,
                    "{file} is wrong about where {} can be found; read all the same",
                    first_few_quoted(names)
                )
            }
            Self::Ghosts { file, names } => {
                write!(
                    f,
                    "{file} lists {}, which no file holds and the model doesn't need",
                    first_few_quoted(names)
                )
            }
            Self::NoIndex { shards } => write!(f, "there is no index; all {shards} shards are read"),
            Self::Twice { read, other } => {
                write!(f, "{read} is read; {other} is not, although it is there too")
            }
            Self::Adapter => f.write_str(
                "adapter_config.json is passed over, since there is no adapter; transformers refuses the folder for it",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_names_three_are_given_and_the_rest_counted() {
        assert_eq!(first_few(&["a", "b", "c"]), "a, b, c");
        assert_eq!(first_few(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
        assert_eq!(first_few_quoted(&["a", "b"]), "`a`, `b`");
    }
}
