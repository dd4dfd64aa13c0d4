//! Scores that an evaluation has so far, in a file that is only ever added to: a line for each, by the SHA-256 of its
//! tokens. Another evaluation of the same model takes them over. A line that isn't whole is cut off, whatever killed
//! the process that wrote it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{
    documents::hexadecimal,
    error::EvalError,
    model::{Continuations, Score},
};

const FORMAT: &str = "outgrow-eval journal 1";

/// What a request is known by.
type Key = [u8; 16];

/// A journal, open for more.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    scores: HashMap<Key, Score>,
}

impl Journal {
    /// Opens a journal, or begins one.
    pub(crate) fn open(path: &Path, model_identity: &str) -> Result<Self, EvalError> {
        let problem = |problem: String| EvalError::Journal { path: path.to_path_buf(), problem };
        let header = format!("{FORMAT} {}", model_identity.replace(['\n', '\r'], " "));
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let mut file = options.open(path).map_err(EvalError::io("open", path))?;
        let bytes = std::fs::read(path).map_err(EvalError::io("read", path))?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(EvalError::io("shorten", path))?;
        }
        let text =
            std::str::from_utf8(&bytes[..whole]).map_err(|_| problem("not a journal of scores".into()))?;
        let mut lines = text.lines();
        match lines.next() {
            None => writeln!(file, "{header}").map_err(EvalError::io("write", path))?,
            Some(first) if first == header => {}
            Some(first) if first.starts_with(FORMAT) => {
                let other = first[FORMAT.len()..].trim();
                return Err(problem(format!(
                    "has scores of another model ({other}); remove it or name another file"
                )));
            }
            Some(_) => return Err(problem("not a journal of scores; name another file".into())),
        }
        let mut scores = HashMap::new();
        for (index, line) in lines.enumerate() {
            let entry = parsed(line)
                .ok_or_else(|| problem(format!("line {} is no score; remove the file", index + 2)))?;
            scores.insert(entry.0, entry.1);
        }
        Ok(Self { path: path.to_path_buf(), file, scores })
    }

    /// The score of a request, if it is there.
    pub(crate) fn score(&self, context: &[u32], continuation: &[u32]) -> Option<Score> {
        self.scores.get(&key(context, continuation)).copied()
    }

    /// Adds the scores of a batch in one piece.
    pub(crate) fn append(
        &mut self,
        groups: &[Continuations],
        scores: &[Vec<Score>],
    ) -> Result<(), EvalError> {
        let mut lines = String::new();
        for (group, scores) in groups.iter().zip(scores) {
            for (continuation, score) in group.continuations.iter().zip(scores) {
                lines.push_str(&written(key(&group.context, continuation), *score));
            }
        }
        self.file.write_all(lines.as_bytes()).map_err(EvalError::io("write", &self.path))
    }
}

/// Key, the bits of the log-likelihood, whether it is greedy, and a checksum: a line may have been torn where a disk
/// was full.
fn written(key: Key, score: Score) -> String {
    let content = format!(
        "{} {:016x} {}",
        hexadecimal(&key),
        score.log_likelihood.to_bits(),
        u8::from(score.is_greedy)
    );
    format!("{content} {}\n", checksum(&content))
}

fn parsed(line: &str) -> Option<(Key, Score)> {
    let (content, sum) = line.rsplit_once(' ')?;
    if checksum(content) != sum {
        return None;
    }
    let mut parts = content.split(' ');
    let key = u128::from_str_radix(parts.next()?, 16).ok()?.to_be_bytes();
    let log_likelihood = f64::from_bits(u64::from_str_radix(parts.next()?, 16).ok()?);
    Some((key, Score { log_likelihood, is_greedy: parts.next()? == "1" }))
}

fn checksum(content: &str) -> String {
    hexadecimal(&Sha256::digest(content.as_bytes())[..4])
}

fn key(context: &[u32], continuation: &[u32]) -> Key {
    let mut digest = Sha256::new();
    digest.update((context.len() as u64).to_le_bytes());
    for id in context.iter().chain(continuation) {
        digest.update(id.to_le_bytes());
    }
    let mut key = [0; 16];
    key.copy_from_slice(&digest.finalize()[..16]);
    key
}
