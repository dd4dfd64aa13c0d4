//! Everything that can go wrong between a text file and a batch, one line each: what, where, and what would be
//! right. It does not decide what to do about it.

use std::path::{Path, PathBuf};

use outgrow_tokenizer::{TokenizerError, io_error, with_causes};

use crate::documents::kind::KINDS;

/// An error of this crate. Its `Display` is one line meant for the person who gave the input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused a file operation.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// What was tried, as a verb phrase (`create`, `read`, `write`).
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// No input file was given.
    #[error("no input: name at least one file, folder or pattern; {KINDS} are read")]
    NoInputs,
    /// The input's format can't be told from its name.
    #[error("{}: unknown kind of text file{hint}; expected {KINDS}", path.display())]
    UnknownExtension {
        /// The file.
        path: PathBuf,
        /// What it looks like, if that is something in particular, with the words around it.
        hint: String,
    },
    /// A pattern with stars that is no path either.
    #[error("{pattern}: {problem}")]
    Pattern {
        /// As it was given.
        pattern: String,
        /// Why it gives nothing.
        problem: String,
    },
    /// A folder or a pattern without a file that is read.
    #[error("{}: has no file that is read; it has {found}", argument.display())]
    NoTextFiles {
        /// The folder or the pattern.
        argument: PathBuf,
        /// What is there.
        found: String,
    },
    /// A file's first bytes are not what its name says.
    #[error("{}: is not {expected}, as its name says: it looks like {found}; {advice}", path.display())]
    NotWhatItsNameSays {
        /// The file.
        path: PathBuf,
        /// What its name says.
        expected: &'static str,
        /// What its bytes look like.
        found: &'static str,
        /// What to do.
        advice: String,
    },
    /// A file can't be used as a whole.
    #[error("{}: {problem}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// The bytes of an input are not UTF-8.
    #[error(
        "{}, line {line}: not UTF-8 (byte {byte} of the line); convert the file to UTF-8",
        path.display()
    )]
    InvalidUtf8 {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The first wrong byte of that line, counted from 1.
        byte: usize,
    },
    /// A line of a JSON-lines file is not a document.
    #[error("{}, line {line}: {problem}", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// An element of an array, or a row of a table, is not a document.
    #[error("{}, {record} {number}: {problem}", path.display())]
    BadRecord {
        /// The file.
        path: PathBuf,
        /// `element` or `row`.
        record: &'static str,
        /// Which, counted from 1.
        number: u64,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// More lines, elements, rows or files are no documents than may be passed over.
    #[error("{found} bad documents, but only {allowed} may be passed over: {problems}")]
    TooManyBad {
        /// How many there were up to here.
        found: u64,
        /// How many were allowed.
        allowed: u64,
        /// The first of them.
        problems: String,
    },
    /// A file breaks off, or is damaged further in.
    #[error("{}: cannot read on after {after}: {problem}", path.display())]
    BrokenStream {
        /// The file.
        path: PathBuf,
        /// The last line, element, row or byte that was read whole.
        after: String,
        /// The decoder's reason.
        problem: String,
    },
    /// The inputs hold no text at all.
    #[error("the corpus is empty: no text in {files} files ({documents} documents without text)")]
    EmptyCorpus {
        /// Documents seen (all of them without text).
        documents: u64,
        /// Files read.
        files: usize,
    },
    /// No part of a corpus that could be held out.
    #[error("validation_fraction is {fraction}; it must be above 0 and at most 0.5, such as 0.01")]
    ValidationFraction {
        /// As it was given.
        fraction: f64,
    },
    /// A corpus that leaves nothing to train on, were a part of it held out.
    #[error(
        "the corpus has {tokens} tokens: too few for two parts, which need {least}; give more text, or prepare held-out \
         text of its own"
    )]
    TooSmallForTwo {
        /// Tokens there are.
        tokens: u64,
        /// Tokens that are needed.
        least: u64,
    },
    /// A tokenizer file can't be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A named or guessed separator is not in the tokenizer.
    #[error("{}: {problem}", path.display())]
    Separator {
        /// The tokenizer file.
        path: PathBuf,
        /// Which token was looked for and what to do.
        problem: String,
    },
    /// A document can't be tokenised.
    #[error("{place}: cannot be tokenised")]
    Encode {
        /// The document's place (file, or file and line).
        place: String,
        /// Why.
        source: TokenizerError,
    },
    /// The output folder is there already.
    #[error("{}: exists already; name a folder that does not exist yet, or remove this one", path.display())]
    TargetExists {
        /// The folder.
        path: PathBuf,
    },
    /// An option has a value that can't work.
    #[error("{option} is {value}; it must be {expected}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// Its value.
        value: u64,
        /// What it may be.
        expected: &'static str,
    },
    /// A word that names no way of storing token ids.
    #[error("`{name}` is no type of token ids; expected {expected}")]
    TokenType {
        /// The word.
        name: String,
        /// The words that do.
        expected: String,
    },
    /// A manifest can't be read or contradicts itself.
    #[error("{}: not a usable manifest: {problem}", path.display())]
    Manifest {
        /// The manifest file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// A shard's size on disk is not what the manifest says.
    #[error("{}: holds {found_bytes} bytes, but the manifest says {expected_bytes}", path.display())]
    ShardSize {
        /// The shard.
        path: PathBuf,
        /// Bytes in the file.
        found_bytes: u64,
        /// Bytes by the manifest.
        expected_bytes: u64,
    },
    /// A file's SHA-256 is not what the manifest says.
    #[error("{}: its SHA-256 is {found}, but the manifest says {expected}", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The sum of the file as it is.
        found: String,
        /// The sum by the manifest.
        expected: String,
    },
    /// A shard holds an id that the vocabulary does not have.
    #[error("{}: token {position} is {id}, but the vocabulary has {vocab_size} entries", path.display())]
    TokenOutOfRange {
        /// The shard.
        path: PathBuf,
        /// The token's position in the shard, counted from 0.
        position: u64,
        /// The id.
        id: u32,
        /// The size of the vocabulary by the manifest.
        vocab_size: usize,
    },
    /// A read goes past the last token.
    #[error("tokens {start} to {end} were asked for, but the shards hold {num_tokens}")]
    ReadPastEnd {
        /// First token asked for.
        start: u64,
        /// One past the last token asked for.
        end: u64,
        /// Tokens there are.
        num_tokens: u64,
    },
    /// The corpus is shorter than one sample.
    #[error(
        "{}: the corpus has {num_tokens} tokens, but one sample of sequence length {sequence_length} needs {needed}",
        folder.display()
    )]
    CorpusShorterThanSample {
        /// The folder of shards.
        folder: PathBuf,
        /// Tokens there are.
        num_tokens: u64,
        /// The sequence length asked for.
        sequence_length: usize,
        /// Tokens of one sample: the sequence length and one more.
        needed: u64,
    },
    /// The corpus is shorter than one batch.
    #[error(
        "{}: the corpus has {num_samples} samples of sequence length {sequence_length}, but one batch needs {sequences}",
        folder.display()
    )]
    CorpusShorterThanBatch {
        /// The folder of shards.
        folder: PathBuf,
        /// Samples there are.
        num_samples: u64,
        /// Their length.
        sequence_length: usize,
        /// Sequences of one batch.
        sequences: usize,
    },
    /// More than one of the above.
    #[error("{}", several(problems))]
    Several {
        /// Each of them, at least two.
        problems: Vec<DataError>,
    },
    /// A thread of this crate stopped without a reason it could give (it panicked).
    #[error("the {thread} thread stopped unexpectedly; this is a bug, or a tokenizer the library can't run")]
    ThreadStopped {
        /// What the thread was for.
        thread: &'static str,
    },
}

/// Problems that are printed before the others are counted.
const SHOWN: usize = 8;

fn several(problems: &[DataError]) -> String {
    let shown = problems.iter().take(SHOWN).map(|error| with_causes(error)).collect::<Vec<_>>().join("; ");
    match problems.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

impl DataError {
    /// Whether what the user gave is at fault and can be mended: all but what the operating system refuses for reasons
    /// of its own.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Io { source, .. } => io_error::is_input(source),
            Self::Tokenizer(error) | Self::Encode { source: error, .. } => error.is_input(),
            Self::Several { problems } => problems.iter().all(Self::is_input),
            Self::NoInputs
            | Self::UnknownExtension { .. }
            | Self::Pattern { .. }
            | Self::NoTextFiles { .. }
            | Self::NotWhatItsNameSays { .. }
            | Self::BadFile { .. }
            | Self::InvalidUtf8 { .. }
            | Self::BadLine { .. }
            | Self::BadRecord { .. }
            | Self::TooManyBad { .. }
            | Self::BrokenStream { .. }
            | Self::EmptyCorpus { .. }
            | Self::ValidationFraction { .. }
            | Self::TooSmallForTwo { .. }
            | Self::Separator { .. }
            | Self::TargetExists { .. }
            | Self::Option { .. }
            | Self::TokenType { .. }
            | Self::Manifest { .. }
            | Self::ShardSize { .. }
            | Self::Checksum { .. }
            | Self::TokenOutOfRange { .. }
            | Self::ReadPastEnd { .. }
            | Self::CorpusShorterThanSample { .. }
            | Self::CorpusShorterThanBatch { .. }
            | Self::ThreadStopped { .. } => true,
        }
    }

    /// Whether the disk that was written to is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if io_error::is_disk_full(source))
    }

    /// For `map_err` on file operations.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    /// All problems as one error, if there are any.
    pub(crate) fn all(mut problems: Vec<Self>) -> Result<(), Self> {
        match problems.len() {
            0 => Ok(()),
            1 => Err(problems.remove(0)),
            _ => Err(Self::Several { problems }),
        }
    }
}
