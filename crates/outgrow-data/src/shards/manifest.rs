//! `manifest.json`: what a folder of token shards holds, and the rules it must keep. It opens no shard.

use std::{
    fmt::{self, Write},
    path::Path,
    str::FromStr,
};

use outgrow_tokenizer::MAX_VOCAB_SIZE;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::DataError;

/// The version of the layout that this crate writes and reads.
pub const FORMAT: u32 = 1;
/// The manifest's name in its folder.
pub const MANIFEST_FILE: &str = "manifest.json";
/// The name of the tokenizer's copy in the folder.
pub const TOKENIZER_FILE: &str = "tokenizer.json";
/// The name of the copy of what lay beside the tokenizer and names its class; not every folder has one.
pub const TOKENIZER_CONFIG_FILE: &str = "tokenizer_config.json";

/// What a folder of token shards holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The layout's version, [`FORMAT`].
    pub format: u32,
    /// Every token id is below this.
    pub vocab_size: usize,
    /// How an id is stored.
    pub dtype: TokenDtype,
    /// The token in front of each document.
    pub separator: Separator,
    /// The tokenizer that made the ids.
    pub tokenizer: TokenizerFile,
    /// Tokens of all shards, separators included.
    pub tokens: u64,
    /// Documents of all shards.
    pub documents: u64,
    /// UTF-8 bytes of the documents' text.
    pub text_bytes: u64,
    /// Lines, elements, rows and files that were no documents and were passed over, as was asked for. Not written where
    /// there were none, so that such a manifest reads as it always did.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bad_documents: u64,
    /// The shards, in the order of their tokens.
    pub shards: Vec<Shard>,
}

/// How a token id is stored; always little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenDtype {
    /// Two bytes, for vocabularies of up to 65,536 entries.
    U16,
    /// Four bytes.
    U32,
}

/// The token in front of each document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Separator {
    /// Its id.
    pub id: u32,
    /// Its spelling, such as `<|endoftext|>`.
    pub token: String,
}

/// The tokenizer's copy beside the shards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerFile {
    /// Its name in the folder.
    pub file: String,
    /// The SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
}

/// One file of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Its name in the folder.
    pub file: String,
    /// Tokens in it.
    pub tokens: u64,
    /// Documents that start in it (a document may end in the next).
    pub documents: u64,
    /// UTF-8 bytes of the text of those documents.
    pub text_bytes: u64,
    /// The SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// As the manifest spells it.
impl fmt::Display for TokenDtype {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::U16 => "u16",
            Self::U32 => "u32",
        })
    }
}

impl FromStr for TokenDtype {
    type Err = DataError;

    fn from_str(name: &str) -> Result<Self, DataError> {
        let found = Self::ALL.into_iter().find(|dtype| dtype.to_string() == name);
        found.ok_or_else(|| {
            let expected = Self::ALL.map(|dtype| dtype.to_string()).join(" or ");
            DataError::TokenType { name: name.to_owned(), expected }
        })
    }
}

impl TokenDtype {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::U16, Self::U32];

    /// The narrowest type that holds every id of a vocabulary.
    pub fn for_vocab_size(vocab_size: usize) -> Self {
        if vocab_size <= 1 << 16 { Self::U16 } else { Self::U32 }
    }

    /// Bytes of one id.
    pub fn bytes(self) -> usize {
        match self {
            Self::U16 => 2,
            Self::U32 => 4,
        }
    }
}

impl Manifest {
    /// Reads and checks the manifest of a folder.
    ///
    /// # Errors
    /// [`DataError::Io`] if there is none, [`DataError::Manifest`] with every contradiction found in it.
    pub fn read(folder: &Path) -> Result<Self, DataError> {
        let path = folder.join(MANIFEST_FILE);
        let bytes = std::fs::read(&path).map_err(DataError::io("read", &path))?;
        let manifest: Self = serde_json::from_slice(&bytes)
            .map_err(|error| DataError::Manifest { path: path.clone(), problem: error.to_string() })?;
        let problems = manifest.problems();
        if problems.is_empty() {
            Ok(manifest)
        } else {
            Err(DataError::Manifest { path, problem: problems.join("; ") })
        }
    }

    /// One SHA-256 for the tokens of all shards, in lower-case hexadecimal: that of the shards' own sums, a line
    /// each. It doesn't depend on where the folder is. `jq -r '.shards[].sha256' manifest.json | sha256sum` gives the
    /// same.
    pub fn shards_sha256(&self) -> String {
        let mut digest = Sha256::new();
        for shard in &self.shards {
            digest.update(&shard.sha256);
            digest.update(b"\n");
        }
        hexadecimal(digest.finalize().as_ref())
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.format != FORMAT {
            problems.push(format!("format is {}, this version reads {FORMAT}", self.format));
        }
        if self.separator.id as usize >= self.vocab_size {
            problems.push(format!(
                "separator id is {}, but vocab_size is {}",
                self.separator.id, self.vocab_size
            ));
        }
        if self.vocab_size > MAX_VOCAB_SIZE {
            problems.push(format!("vocab_size is {}, the most is {MAX_VOCAB_SIZE}", self.vocab_size));
        }
        if self.dtype == TokenDtype::U16 && self.vocab_size > 1 << 16 {
            problems.push(format!("dtype is u16, but vocab_size is {}", self.vocab_size));
        }
        let totals =
            [("tokens", self.tokens), ("documents", self.documents), ("text_bytes", self.text_bytes)];
        let sums = self.shards.iter().fold([0_u64; 3], |sums, shard| {
            let counts = [shard.tokens, shard.documents, shard.text_bytes];
            std::array::from_fn(|index| sums[index].saturating_add(counts[index]))
        });
        for ((name, total), sum) in totals.into_iter().zip(sums) {
            if sum != total {
                problems.push(format!("{name} is {total}, but the shards have {sum}"));
            }
        }
        for file in self.shards.iter().map(|shard| &shard.file).chain([&self.tokenizer.file]) {
            // A name, not a path: a manifest can't point outside its folder.
            if Path::new(file).file_name() != Some(file.as_ref()) {
                problems.push(format!("{file:?} is not the name of a file in the folder"));
            }
        }
        problems
    }
}

/// A sum as the manifest writes it: lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
        text
    })
}
