//! What the tests of this crate share: a tokenizer of numbered words, and corpora made of them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use outgrow_data::{
    DataError, Documents, Manifest, PrepareOptions, Prepared, ReadOptions, TokenShards, Tokenizer, prepare,
};
use outgrow_tokenizer::with_causes;
use tempfile::TempDir;

/// The id of the separator; `?` is 1 and the word `wN` is `N + 2`.
pub(crate) const SEPARATOR: u32 = 0;

/// A tokenizer that knows the words `w0` to `w{words - 1}`.
pub(crate) fn tokenizer(words: usize) -> String {
    let words = (0..words).map(|word| format!(r#""w{word}": {}"#, word + 2)).collect::<Vec<_>>().join(", ");
    format!(
        r#"{{ "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
            "decoder": null, "pre_tokenizer": {{ "type": "Whitespace" }},
            "added_tokens": [{{ "id": 0, "content": "<|endoftext|>", "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true }}],
            "model": {{ "type": "WordLevel", "unk_token": "?", "vocab": {{ "<|endoftext|>": 0, "?": 1, {words} }} }} }}"#
    )
}

/// A folder with that tokenizer in it.
pub(crate) struct Workshop {
    folder: TempDir,
}

impl Workshop {
    pub(crate) fn new(words: usize) -> Self {
        let workshop = Self { folder: tempfile::tempdir().unwrap() };
        workshop.write("tokenizer.json", tokenizer(words));
        workshop
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Names in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The message of an error and its causes, with the folder's name taken out of it.
    pub(crate) fn message(&self, error: &DataError) -> String {
        with_causes(error).replace(&format!("{}/", self.folder.path().display()), "")
    }

    pub(crate) fn prepare(
        &self,
        inputs: &[PathBuf],
        out: &str,
        options: &PrepareOptions,
    ) -> Result<Manifest, DataError> {
        self.prepare_with_notes(inputs, out, options).map(|prepared| prepared.manifest)
    }

    pub(crate) fn prepare_with_notes(
        &self,
        inputs: &[PathBuf],
        out: &str,
        options: &PrepareOptions,
    ) -> Result<Prepared, DataError> {
        let tokenizer = Tokenizer::open(&self.path("tokenizer.json"))?;
        prepare(inputs, &tokenizer, &self.path(out), options, &mut |_| ())
    }

    /// The texts of some inputs and the notes about them, or the message of the error that reading them ends with.
    pub(crate) fn read(
        &self,
        inputs: &[&str],
        options: &ReadOptions,
    ) -> Result<(Vec<String>, String), String> {
        let inputs = inputs.iter().map(|name| self.path(name)).collect::<Vec<_>>();
        let short = |error: DataError| self.message(&error);
        let mut documents = Documents::open(&inputs, options).map_err(short)?;
        let texts =
            documents.by_ref().map(|document| Ok(document?.text)).collect::<Result<_, _>>().map_err(short)?;
        let folder = format!("{}/", self.folder.path().display());
        Ok((texts, documents.findings().notes().join("\n").replace(&folder, "")))
    }

    /// The texts of one input, with nothing to be said about it.
    #[track_caller]
    pub(crate) fn texts(&self, input: &str) -> Vec<String> {
        let (texts, notes) = self.read(&[input], &ReadOptions::default()).unwrap();
        assert_eq!(notes, "", "{input}");
        texts
    }

    /// The message for an input that is refused.
    #[track_caller]
    pub(crate) fn refusal(&self, input: &str) -> String {
        let message = self.read(&[input], &ReadOptions::default()).unwrap_err();
        assert!(!message.contains('\n'), "{message}");
        message
    }

    /// Shards of documents, each a list of words.
    pub(crate) fn shards(&self, out: &str, documents: &[Vec<u32>], shard_tokens: u64) -> Arc<TokenShards> {
        let lines = documents.iter().map(|document| json_line(document)).collect::<String>();
        let input = self.write(&format!("{out}.jsonl"), lines);
        let options = PrepareOptions { shard_tokens, ..PrepareOptions::default() };
        self.prepare(&[input], out, &options).unwrap();
        Arc::new(TokenShards::open(&self.path(out)).unwrap())
    }
}

pub(crate) fn text(document: &[u32]) -> String {
    document.iter().map(|word| format!("w{word}")).collect::<Vec<_>>().join(" ")
}

pub(crate) fn json_line(document: &[u32]) -> String {
    format!("{{\"text\": \"{}\"}}\n", text(document))
}

/// The ids that documents of words stand for.
pub(crate) fn ids(documents: &[Vec<u32>]) -> Vec<u32> {
    let documents = documents.iter().filter(|document| !document.is_empty());
    documents.flat_map(|words| [SEPARATOR].into_iter().chain(words.iter().map(|word| word + 2))).collect()
}

/// All token ids of a folder of shards.
pub(crate) fn tokens(folder: &Path) -> Vec<u32> {
    let shards = TokenShards::open(folder).unwrap();
    shards.verify().unwrap();
    let mut ids = vec![0; shards.num_tokens() as usize];
    shards.read(0, &mut ids).unwrap();
    ids
}
