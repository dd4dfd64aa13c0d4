//! Everything that can go wrong between the name of a task and a file of results, one line each: what, where, and what
//! would be right. It does not decide what to do about it.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

use outgrow_tokenizer::TokenizerError;

/// An error of this crate. Its `Display` is one line meant for the person who gave the input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// The operating system refused a file operation.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// What was tried, as a verb phrase (`create`, `read`, `write`).
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// No task was named.
    #[error("no task: name at least one, for instance arc_easy")]
    NoTasks,
    /// There is no such task.
    #[error("no task {name:?}; nearest: {}", nearest.join(", "))]
    UnknownTask {
        /// The name that was given.
        name: String,
        /// The names that are most like it.
        nearest: Vec<&'static str>,
    },
    /// A file of documents is not there.
    #[error("{}: no such file; {task} needs {wanted}", path.display())]
    MissingFile {
        /// Where it was looked for.
        path: PathBuf,
        /// The task that asks for it.
        task: String,
        /// What it should hold and where that is from.
        wanted: String,
    },
    /// A line of a file is no document.
    #[error("{}, line {line}: {problem}", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// A file of documents isn't what its name says.
    #[error("{}: {problem}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file has no document in it.
    #[error("{}: holds no documents; {task} has {official} in its split {split}", path.display())]
    NoDocuments {
        /// The file.
        path: PathBuf,
        /// The task.
        task: String,
        /// The split that the file should hold.
        split: &'static str,
        /// How many it should hold.
        official: usize,
    },
    /// There are not enough documents to draw examples from.
    #[error("{}: {task} with {num_fewshot} examples draws {draws} documents from it, but it holds {found}", path.display())]
    SmallPool {
        /// The file of the pool.
        path: PathBuf,
        /// The task.
        task: String,
        /// The examples that were asked for.
        num_fewshot: usize,
        /// The documents that are drawn at once for that.
        draws: usize,
        /// The documents there are.
        found: usize,
    },
    /// An option has a value that can't work.
    #[error("{option} is {value}; it must be {expected}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// A tokenizer file can't be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A text has a token that the model has no row for.
    #[error(
        "{task}, document {document}: {token:?} is token {id}, but the model's vocabulary has {model}: its embedding lacks a row, or this is another model's tokenizer{}",
        like_it(*others)
    )]
    Vocabulary {
        /// The task.
        task: String,
        /// The document's index in its split, from 0.
        document: usize,
        /// The token, spelt.
        token: String,
        /// Its id.
        id: u32,
        /// The rows of the model's head.
        model: usize,
        /// Further documents with such tokens.
        others: usize,
    },
    /// A request can't be scored by this model and tokenizer.
    #[error("{task}, document {document}: {problem}")]
    Request {
        /// The task.
        task: String,
        /// The document's index in its split, from 0.
        document: usize,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The model that was tokenised for is not the one that should score.
    #[error("requests were made for a model with {expected}, but this one has {found}")]
    AnotherModel {
        /// The model that requests were made for.
        expected: String,
        /// What the model says.
        found: String,
    },
    /// The model failed.
    #[error("the model cannot score a batch of {requests} requests")]
    Model {
        /// Requests of the batch.
        requests: usize,
        /// The model's reason.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The model gave back something else than one score for each continuation.
    #[error("the model gave {found} scores for a batch of {expected} requests")]
    ScoreCount {
        /// Requests of the batch.
        expected: usize,
        /// Scores that came back.
        found: usize,
    },
    /// A journal of scores belongs to another evaluation, or is no journal.
    #[error("{}: {problem}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// More than one of the above.
    #[error("{}", several(problems))]
    Several {
        /// Each of them, at least two.
        problems: Vec<EvalError>,
    },
}

/// Problems that are printed before the others are counted.
const SHOWN: usize = 8;

fn like_it(others: usize) -> String {
    if others == 0 { String::new() } else { format!(" ({others} more documents like it)") }
}

/// The problems with their causes: an error of several has no single `source` that could name them.
fn several(problems: &[EvalError]) -> String {
    let shown: Vec<_> = problems.iter().take(SHOWN).map(with_causes).collect();
    let more = problems.len().saturating_sub(SHOWN);
    let rest = if more == 0 { String::new() } else { format!("; and {more} more") };
    shown.join("; ") + &rest
}

/// An error and its causes in one line.
fn with_causes(error: &EvalError) -> String {
    let (mut line, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}

/// Whether a path or a file is to blame, and not the machine.
fn is_of_the_input(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{
        AlreadyExists, InvalidData, InvalidInput, IsADirectory, NotADirectory, NotFound, UnexpectedEof,
    };
    matches!(
        kind,
        NotFound | AlreadyExists | InvalidData | InvalidInput | UnexpectedEof | NotADirectory | IsADirectory
    )
}

/// The operating system's error among an error and its causes, if there is one.
fn of_the_system<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    error.downcast_ref().or_else(|| of_the_system(error.source()?))
}

impl EvalError {
    /// Whether what was given is at fault (names, options, documents, a tokenizer, a model), so that whoever gave it
    /// can mend it. A file that the system keeps from being read or written is no such fault; one that isn't there is.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Io { source, .. } => is_of_the_input(source.kind()),
            Self::Model { source, .. } => {
                of_the_system(&**source).is_none_or(|error| is_of_the_input(error.kind()))
            }
            Self::Tokenizer(error) => of_the_system(error).is_none_or(|error| is_of_the_input(error.kind())),
            Self::Several { problems } => !self.is_disk_full() && problems.iter().any(Self::is_input),
            // A model that answers something else than it was asked breaks the trait's contract.
            Self::ScoreCount { .. } => false,
            Self::NoTasks
            | Self::UnknownTask { .. }
            | Self::MissingFile { .. }
            | Self::BadLine { .. }
            | Self::BadFile { .. }
            | Self::NoDocuments { .. }
            | Self::SmallPool { .. }
            | Self::Option { .. }
            | Self::Vocabulary { .. }
            | Self::Request { .. }
            | Self::AnotherModel { .. }
            | Self::Journal { .. } => true,
        }
    }

    /// Whether results, or the journal of scores, couldn't be written because the disk is full.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Several { problems } => problems.iter().any(Self::is_disk_full),
            error => of_the_system(error).is_some_and(|error| error.kind() == io::ErrorKind::StorageFull),
        }
    }

    /// For `map_err` on file operations.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    /// All values, or all problems as one error.
    pub(crate) fn collect<T>(results: impl IntoIterator<Item = Result<T, Self>>) -> Result<Vec<T>, Self> {
        let (mut values, mut problems) = (Vec::new(), Vec::new());
        for result in results {
            match result {
                Ok(value) => values.push(value),
                Err(Self::Several { problems: several }) => problems.extend(several),
                Err(problem) => problems.push(problem),
            }
        }
        match problems.len() {
            0 => Ok(values),
            1 => Err(problems.remove(0)),
            _ => Err(Self::Several { problems }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: io::ErrorKind) -> EvalError {
        EvalError::io("write", Path::new("results.json"))(kind.into())
    }

    #[test]
    fn a_file_that_is_not_there_is_the_inputs_fault_and_one_without_permission_is_not() {
        assert!(refused(io::ErrorKind::NotFound).is_input());
        assert!(!refused(io::ErrorKind::PermissionDenied).is_input());
        assert!(EvalError::NoTasks.is_input());
        let several = |kind| EvalError::Several { problems: vec![EvalError::NoTasks, refused(kind)] };
        assert!(several(io::ErrorKind::PermissionDenied).is_input());
        assert!(!several(io::ErrorKind::StorageFull).is_input());
    }

    #[test]
    fn a_full_disk_is_found_behind_a_models_error_too() {
        let full = refused(io::ErrorKind::StorageFull);
        assert!(full.is_disk_full() && !full.is_input());
        let model = EvalError::Model { requests: 1, source: Box::new(full) };
        assert!(model.is_disk_full() && !model.is_input());
        assert!(!EvalError::Model { requests: 1, source: "its weights are broken".into() }.is_disk_full());
    }

    #[test]
    fn several_problems_are_one_line_with_their_causes() {
        let problems = vec![EvalError::NoTasks, refused(io::ErrorKind::NotFound)];
        insta::assert_snapshot!(EvalError::Several { problems }, @"no task: name at least one, for instance arc_easy; results.json: cannot write: entity not found");
    }
}
