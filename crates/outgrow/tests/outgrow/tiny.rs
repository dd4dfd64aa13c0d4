//! What the tests of the program share: a folder with a tokenizer, texts and recipes, and the program run in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// Words of the tokenizer; with the separator and the unknown word its vocabulary has two more entries.
pub(crate) const WORDS: usize = 30;

pub(crate) struct Workshop {
    folder: TempDir,
}

impl Workshop {
    /// A folder with `tokenizer.json`, `training.txt` and `validation.txt`.
    pub(crate) fn new() -> Self {
        let workshop = Self { folder: tempfile::tempdir().unwrap() };
        workshop.write("tokenizer.json", tokenizer());
        workshop.write("training.txt", text(1, 1200));
        workshop.write("validation.txt", text(2, 400));
        workshop
    }

    /// The same, with the texts prepared as `training` and `validation`.
    pub(crate) fn with_shards() -> Self {
        let workshop = Self::new();
        for name in ["training", "validation"] {
            let input = format!("{name}.txt");
            let output =
                workshop.run(&["data", "prepare", &input, "--tokenizer", "tokenizer.json", "--out", name]);
            assert_success(&output);
        }
        workshop
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        names(&self.path(folder))
    }

    /// The program, in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outgrow"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

/// A tokenizer that knows the words `w0` to `w29`.
pub(crate) fn tokenizer() -> String {
    let words = (0..WORDS).map(|word| format!(r#""w{word}": {}"#, word + 2)).collect::<Vec<_>>().join(", ");
    format!(
        r#"{{ "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
            "decoder": null, "pre_tokenizer": {{ "type": "Whitespace" }},
            "added_tokens": [{{ "id": 0, "content": "<|endoftext|>", "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true }}],
            "model": {{ "type": "WordLevel", "unk_token": "?", "vocab": {{ "<|endoftext|>": 0, "?": 1, {words} }} }} }}"#
    )
}

/// So many words of no sense.
pub(crate) fn text(salt: u64, words: u64) -> String {
    let word = |index: u64| format!("w{}", (index * index * 31 + index * salt) % 1009 % WORDS as u64);
    (0..words).map(word).collect::<Vec<_>>().join(" ")
}

/// `[schedule]` of a model trained from scratch.
pub(crate) fn scratch(tokens: u64, peak: &str) -> String {
    format!(
        "method = \"scratch\"\ntokens = {tokens}\nlearning_rate = {{ peak = {peak}, minimum = 0.0, warmup_tokens = 32 }}\n"
    )
}

/// `[schedule]` of two layers that are stacked to four.
pub(crate) const G_STACK: &str = r#"method = "g-stack"
factor = 2
base_tokens = 128
base_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
grown_tokens = 96
grown_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
"#;

/// A recipe of a four-layer model in steps of 32 tokens.
pub(crate) fn recipe(schedule: &str) -> String {
    format!(
        r#"name = "tiny"
seed = 1

[model]
hidden_size = 16
intermediate_size = 24
num_hidden_layers = 4
num_attention_heads = 2

[data]
training = "training"
validation = "validation"
sequence_length = 16

[training]
batch_sequences = 2
validation_interval_tokens = 64
validation_sequences = 2

[schedule]
{schedule}"#
    )
}

/// Names in a folder, hidden ones included, sorted; empty where there is no folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}\n{}\n{}", output.status, stdout(output), stderr(output));
}
