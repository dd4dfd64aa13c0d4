//! What a file's name says that it holds. What is really in it is [`Appearance`](super::appearance::Appearance)'s
//! to tell, and where the two differ the file is refused.

use std::path::{Path, PathBuf};

/// What is read, for messages and help.
pub(crate) const KINDS: &str =
    ".txt, .jsonl, .ndjson or .json (each also with .gz, .zst or .xz behind it) or .parquet";

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bytes that are text, compressed or not.
    Stream {
        /// How documents lie in the text.
        layout: Layout,
        /// What has to be undone first.
        compression: Option<Compression>,
    },
    /// A table with a column of texts.
    Parquet,
}

/// How documents lie in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// All of it is one document.
    Whole,
    /// Objects of JSON: one on each line, or an array of them, or one behind the other over several lines each. The
    /// name doesn't say which.
    Json,
}

impl Layout {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Whole => "text",
            Self::Json => "JSON",
        }
    }
}

/// A compression that a file's last extension names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
    Xz,
}

impl Compression {
    const ALL: [Self; 3] = [Self::Gzip, Self::Zstd, Self::Xz];

    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Zstd => "zst",
            Self::Xz => "xz",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
        }
    }
}

impl Kind {
    /// What the name says, if it is one that is read. Upper and lower case are alike.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let last = extension(path)?;
        if last == "parquet" {
            return Some(Self::Parquet);
        }
        let compression = Compression::ALL.into_iter().find(|compression| compression.extension() == last);
        let inner = if compression.is_some() { extension(path.file_stem()?.as_ref())? } else { last };
        let layout = match inner.as_str() {
            "txt" => Layout::Whole,
            "jsonl" | "ndjson" | "json" => Layout::Json,
            _ => return None,
        };
        Some(Self::Stream { layout, compression })
    }
}

fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_lowercase())
}

/// The file's name (without its folder) as it would be with another compression, or without one.
pub(super) fn renamed(path: &Path, compression: Option<Compression>) -> String {
    let named =
        Compression::ALL.iter().any(|known| extension(path).is_some_and(|last| last == known.extension()));
    let stem = if named { path.with_extension("") } else { PathBuf::from(path) };
    let stem = stem.file_name().unwrap_or_default().to_string_lossy().into_owned();
    compression.map_or_else(|| stem.clone(), |compression| format!("{stem}.{}", compression.extension()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_layout_and_compression_in_any_case() {
        let stream = |layout, compression| Some(Kind::Stream { layout, compression });
        let of = |name: &str| Kind::of(Path::new(name));
        assert_eq!(of("a.txt"), stream(Layout::Whole, None));
        assert_eq!(of("folder.gz/a.TXT.GZ"), stream(Layout::Whole, Some(Compression::Gzip)));
        assert_eq!(of("c4-train.00000-of-01024.json.gz"), stream(Layout::Json, Some(Compression::Gzip)));
        assert_eq!(of("a.b.jsonl.zst"), stream(Layout::Json, Some(Compression::Zstd)));
        assert_eq!(of("a.ndjson.xz"), stream(Layout::Json, Some(Compression::Xz)));
        assert_eq!(of("train-00000-of-00001.parquet"), Some(Kind::Parquet));
        for other in
            ["README", "a.md", "a.gz", "a.parquet.gz", "a.jsonl.bz2", "a.tar.gz", "txt", ".gz", "a.gz.gz"]
        {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn another_name_keeps_all_but_the_compression() {
        let gzip = Some(Compression::Gzip);
        assert_eq!(renamed(Path::new("data/a.b.jsonl.zst"), gzip), "a.b.jsonl.gz");
        assert_eq!(renamed(Path::new("data/a.b.jsonl.zst"), None), "a.b.jsonl");
        assert_eq!(renamed(Path::new("a.jsonl"), gzip), "a.jsonl.gz");
    }
}
