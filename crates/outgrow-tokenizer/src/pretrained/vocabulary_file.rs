//! The file that has a folder's vocabulary: which one it is, and what it holds. What a class makes of it is not known
//! here.

use std::path::{Path, PathBuf};

use outgrow_checkpoint::json::PythonJson;
use serde_json::Value;

use crate::{
    complaint::missing,
    error::TokenizerError,
    pretrained::{pipeline::Vocabulary, sentencepiece::SentencePieceModel},
};

/// A vocabulary, as the kind of its file has it.
#[derive(Debug)]
pub(super) enum VocabularyFile {
    TokenizerJson { json: Value, byte_level: bool },
    VocabAndMerges(Vocabulary),
    SentencePiece(SentencePieceModel),
}

/// What helps where a file is not read here.
pub(super) const WRITE_TOKENIZER_JSON: &str =
    "transformers writes a tokenizer.json: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)";

/// Which file of a folder has its vocabulary.
pub(super) fn vocabulary_file(folder: &Path) -> Result<PathBuf, TokenizerError> {
    let is_there = |name: &str| folder.join(name).is_file();
    let found = ["tokenizer.json", "tokenizer.model", "vocab.json"].into_iter().find(|&name| is_there(name));
    found.map(|name| folder.join(name)).ok_or_else(|| {
        let others = ["tekken.json", "tiktoken.model", "vocab.txt", "spiece.model", "merges.txt"];
        let other = others.into_iter().find(|&name| is_there(name));
        let problem = other.map_or_else(
            || "there is no tokenizer.json, which turns text into the model's tokens; copy the one it was trained with here".to_owned(),
            |other| format!("there is no tokenizer.json, and {other} isn't read; {WRITE_TOKENIZER_JSON}"),
        );
        TokenizerError::NoTokenizer { path: folder.to_path_buf(), problem }
    })
}

impl VocabularyFile {
    pub(super) fn read(file: &Path) -> Result<Self, TokenizerError> {
        let unusable = |problem: String| TokenizerError::NoTokenizer { path: file.to_path_buf(), problem };
        if is_sentence_piece(file) {
            let bytes = std::fs::read(file).map_err(TokenizerError::io("read", file))?;
            return SentencePieceModel::read(&bytes)
                .map(Self::SentencePiece)
                .map_err(|problem| unusable(format!("{problem}; {WRITE_TOKENIZER_JSON}")));
        }
        if is_vocab_or_merges(file) {
            let (vocab, merges) = (file.with_file_name("vocab.json"), file.with_file_name("merges.txt"));
            return vocab_and_merges(&vocab, &merges).map(Self::VocabAndMerges);
        }
        let text = read_text(file)?;
        let json = serde_json::from_str(&text).map_err(|error| TokenizerError::Unusable {
            path: file.to_path_buf(),
            problem: format!("not JSON: {error}"),
        })?;
        // Whatever a class would make of it: a file that is no tokenizer has no vocabulary to give.
        if let Some(problem) = missing(&json) {
            return Err(TokenizerError::Unusable { path: file.to_path_buf(), problem });
        }
        Ok(Self::TokenizerJson { json, byte_level: text.contains("\"ByteLevel\"") })
    }
}

pub(super) fn is_vocab_or_merges(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "vocab.json" || name == "merges.txt")
}

pub(super) fn is_sentence_piece(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "model")
}

/// As the library reads them: a map of token to id, and two tokens with a space between on each line.
fn vocab_and_merges(vocab: &Path, merges: &Path) -> Result<Vocabulary, TokenizerError> {
    let problem =
        |path: &Path, problem: String| TokenizerError::NoTokenizer { path: path.to_path_buf(), problem };
    let value: Value = serde_json::from_str(&read_text(vocab)?)
        .map_err(|error| problem(vocab, format!("not JSON: {error}")))?;
    if !value.as_object().is_some_and(|tokens| tokens.values().all(Value::is_u64)) {
        return Err(problem(vocab, "is no map of tokens to ids".into()));
    }
    if !merges.is_file() {
        return Err(problem(merges, "there is no such file, and vocab.json says nothing without it".into()));
    }
    let pair = |(number, line): (usize, &str)| match line.split(' ').collect::<Vec<_>>()[..] {
        [left, right] => Ok(serde_json::json!([left, right])),
        _ => Err(problem(
            merges,
            format!("line {}: {line:?} is no pair of tokens with a space between", number + 1),
        )),
    };
    let text = read_text(merges)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with("#version"));
    Ok(Vocabulary { vocab: value, merges: lines.map(pair).collect::<Result<_, _>>()? })
}

fn read_text(file: &Path) -> Result<String, TokenizerError> {
    let text = std::fs::read_to_string(file).map_err(TokenizerError::io("read", file))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// A file of JSON; null where it is not there.
pub(super) fn optional_json(file: &Path) -> Result<Value, TokenizerError> {
    if !file.is_file() {
        return Ok(Value::Null);
    }
    // Written by Python, whose JSON has bare NaN and Infinity.
    let json = PythonJson::parse(&read_text(file)?).map(|json| json.value);
    json.map_err(|error| TokenizerError::NoTokenizer {
        path: file.to_path_buf(),
        problem: format!("not JSON: {error}"),
    })
}
