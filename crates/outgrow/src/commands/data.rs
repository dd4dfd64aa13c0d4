//! `outgrow data …`: text to token shards. What is in them, info.rs says.

mod info;

use std::{
    fs,
    path::{Path, PathBuf},
};

use indicatif::{ProgressBar, ProgressStyle};
use outgrow_data::{
    Manifest, PrepareOptions, PrepareProgress, SeparatorChoice, Split, TOKENIZER_CONFIG_FILE, TOKENIZER_FILE,
    prepare, prepare_split,
};
use outgrow_tokenizer::pretrained::TokenizerFiles;

use crate::{
    error::{Error, Result},
    terminal::{examples, figures::count, next::quoted, notes, output},
};

/// Flags of `outgrow data`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Tokenise text into shards that `outgrow train` reads.
    ///
    /// Read are .txt (one document each); .jsonl, .ndjson and .json (one document a line, or an array of them); these
    /// also with .gz, .zst or .xz behind the name; and .parquet (one document a row). What can't be used is named, and
    /// nothing is written; what was passed over, or read otherwise than it stands there, is noted on standard error.
    #[command(after_help = examples::DATA_PREPARE)]
    Prepare(Prepare),
    /// Say what is in a folder of token shards: tokens, documents, tokenizer, and how the text begins.
    #[command(after_help = examples::DATA_INFO)]
    Info(info::Arguments),
}

#[derive(Debug, clap::Args)]
struct Prepare {
    /// Files, in this order; folders, with all that is below them, and patterns ('data/*.parquet'), in the order of the
    /// names.
    #[arg(required = true, value_name = "TEXT")]
    inputs: Vec<PathBuf>,
    /// A Hugging Face tokenizer.json, or where there is none, tokenizer.model or vocab.json and merges.txt; or the
    /// folder with these.
    #[arg(long, value_name = "PATH")]
    tokenizer: PathBuf,
    /// The folder to make.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Hold this part of the documents out, and make DIR/training and DIR/validation. Which ones, a hash of their text
    /// and the seed decides: it stays so when documents are added, and copies of a text are on one side. Where
    /// documents are few, the end of each is held out.
    #[arg(long, value_name = "PART")]
    validation_fraction: Option<f64>,
    /// Another number holds other documents out.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "validation_fraction")]
    split_seed: u64,
    /// The field of a JSON object, or the column of a parquet file, that holds the text; data.text is the field text in
    /// data.
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_field: String,
    /// Pass over up to N lines (elements, rows, files) that are no documents: not JSON, without the field, not UTF-8.
    /// They are named, and their number is in the manifest.
    #[arg(long, value_name = "N", default_value_t = PrepareOptions::default().skip_bad_lines)]
    skip_bad_lines: u64,
    /// The token in front of each document; by default the tokenizer's end-of-text token. Any token of the
    /// vocabulary can be named.
    #[arg(long, value_name = "TOKEN")]
    separator: Option<String>,
    /// Tokens of a full shard.
    #[arg(long, value_name = "N", default_value_t = PrepareOptions::default().shard_tokens)]
    shard_tokens: u64,
}

/// Runs the subcommand.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.command {
        Command::Prepare(arguments) => run_prepare(arguments),
        Command::Info(arguments) => info::run(arguments),
    }
}

/// The tokenizer_config.json of the folder that the tokenizer is in, where it is the folder's own: a file of another
/// name may be one of several.
fn beside(tokenizer: &Path) -> Result<Option<Vec<u8>>> {
    const OWN_NAMES: [&str; 4] = [TOKENIZER_FILE, "tokenizer.model", "vocab.json", "merges.txt"];
    let is_own = tokenizer.file_name().is_some_and(|name| OWN_NAMES.iter().any(|own| name == *own));
    let folder = match tokenizer.parent() {
        _ if tokenizer.is_dir() => tokenizer,
        Some(folder) if is_own => folder,
        _ => return Ok(None),
    };
    let file = folder.join(TOKENIZER_CONFIG_FILE);
    match fs::read(&file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(Error::at(&file)),
    }
}

fn run_prepare(arguments: &Prepare) -> Result<()> {
    let options = PrepareOptions {
        text_field: arguments.text_field.clone(),
        skip_bad_lines: arguments.skip_bad_lines,
        separator: arguments.separator.clone(),
        tokenizer_config: beside(&arguments.tokenizer)?,
        shard_tokens: arguments.shard_tokens,
        ..PrepareOptions::default()
    };
    let tokenizer = TokenizerFiles::open_plain(&arguments.tokenizer)?;
    notes::print(tokenizer.notes());
    notes::print(SeparatorChoice::new(&tokenizer, options.separator.as_deref())?.note);
    // Hidden by itself where standard error is no terminal.
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{bar:28} {percent:>3} %  {msg}  {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ "));
    let mut progress = |progress: PrepareProgress| {
        bar.set_length(progress.total_input_bytes);
        bar.set_position(progress.input_bytes);
        bar.set_message(format!(
            "{} documents, {} tokens",
            count(progress.documents),
            count(progress.tokens)
        ));
    };
    let out = &arguments.out;
    let Some(validation_fraction) = arguments.validation_fraction else {
        let prepared = prepare(&arguments.inputs, &tokenizer, out, &options, &mut progress)?;
        bar.finish_and_clear();
        notes::print(&prepared.notes);
        return print_manifest(out, &prepared.manifest);
    };
    let split = Split { validation_fraction, seed: arguments.split_seed };
    let prepared = prepare_split(&arguments.inputs, &tokenizer, out, &options, &split, &mut progress)?;
    bar.finish_and_clear();
    notes::print(&prepared.notes);
    print_manifest(&out.join("training"), &prepared.training)?;
    print_manifest(&out.join("validation"), &prepared.validation)?;
    crate::terminal::output::say!("next:\n  outgrow init {}", quoted(out));
    Ok(())
}

fn print_manifest(folder: &Path, manifest: &Manifest) -> Result<()> {
    output::line(format_args!(
        "{}: {} tokens of {} documents in {} shard(s), {:.2} bytes a token, vocabulary {}",
        folder.display(),
        manifest.tokens,
        manifest.documents,
        manifest.shards.len(),
        manifest.text_bytes as f64 / manifest.tokens as f64,
        manifest.vocab_size
    ))
}
