//! `outgrow data info`: what is in a folder of token shards. It changes nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use outgrow_data::{MANIFEST_FILE, TokenShards, Tokenizer};
use serde::Serialize;

use crate::{
    error::{Error, Result},
    terminal::{
        figures::{counted, grouped},
        output,
    },
};

/// Tokens that are shown as text.
const SAMPLE_TOKENS: u64 = 48;
/// Digits of a sum that are enough to tell two apart.
const SHOWN_DIGITS: usize = 12;

/// Flags of `outgrow data info`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A folder of token shards, or one with several in it, such as training/ and validation/.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Read everything: check every file by its sum, and every token against the vocabulary.
    #[arg(long)]
    verify: bool,
    /// Print a JSON array with an object for each folder of shards.
    #[arg(long)]
    json: bool,
}

/// What is said of a folder of shards.
#[derive(Debug, Serialize)]
struct Info {
    folder: String,
    tokens: u64,
    documents: u64,
    /// Lines that were passed over when the shards were made.
    bad_documents: u64,
    text_bytes: u64,
    shards: usize,
    vocab_size: usize,
    bytes_per_id: usize,
    separator: String,
    separator_id: u32,
    tokenizer: PathBuf,
    tokenizer_sha256: String,
    /// Over the sums of all shards: two folders that have the same hold the same tokens.
    shards_sha256: String,
    /// How the text begins.
    sample: String,
    /// Whether everything was read and is as it was written.
    verified: bool,
}

/// Prints what is there.
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let infos = folders_of(&arguments.folder)?
        .iter()
        .map(|folder| info(folder, arguments.verify))
        .collect::<Result<Vec<_>>>()?;
    if arguments.json {
        return output::line(serde_json::to_string_pretty(&infos)?);
    }
    infos.iter().enumerate().try_for_each(|(index, info)| {
        let between = if index == 0 { "" } else { "\n" };
        output::line(format_args!("{between}{}", text(info)))
    })
}

/// The folder itself, or those in it that hold shards.
fn folders_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let holds_shards = |folder: &Path| folder.join(MANIFEST_FILE).is_file();
    if holds_shards(folder) || !folder.is_dir() {
        return Ok(vec![folder.to_owned()]);
    }
    let entries = fs::read_dir(folder).map_err(Error::at(folder))?.flatten();
    let mut within: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| holds_shards(path)).collect();
    within.sort();
    // Where there are none, what is said of the folder itself is what is missing.
    Ok(if within.is_empty() { vec![folder.to_owned()] } else { within })
}

fn info(folder: &Path, verify: bool) -> Result<Info> {
    let shards = TokenShards::open(folder)?;
    if verify {
        output::say!("{}: reading everything …", folder.display());
        shards.verify()?;
    }
    let tokenizer = Tokenizer::open(&shards.tokenizer_path())?;
    let mut ids = vec![0; shards.num_tokens().min(SAMPLE_TOKENS) as usize];
    shards.read(0, &mut ids)?;
    let manifest = shards.manifest();
    // The first document, which the separator stands in front of.
    let ids: Vec<u32> = ids
        .into_iter()
        .skip_while(|id| *id == manifest.separator.id)
        .take_while(|id| *id != manifest.separator.id)
        .collect();
    Ok(Info {
        folder: folder.display().to_string(),
        tokens: manifest.tokens,
        documents: manifest.documents,
        bad_documents: manifest.bad_documents,
        text_bytes: manifest.text_bytes,
        shards: manifest.shards.len(),
        vocab_size: manifest.vocab_size,
        bytes_per_id: manifest.dtype.bytes(),
        separator: manifest.separator.token.clone(),
        separator_id: manifest.separator.id,
        tokenizer: shards.tokenizer_path(),
        tokenizer_sha256: manifest.tokenizer.sha256.clone(),
        shards_sha256: manifest.shards_sha256(),
        sample: tokenizer.decode(&ids)?,
        verified: verify,
    })
}

fn text(info: &Info) -> String {
    let short = |sum: &str| sum[..sum.len().min(SHOWN_DIGITS)].to_owned();
    let passed_over = match info.bad_documents {
        0 => String::new(),
        bad => format!(", {} passed over", grouped(bad)),
    };
    let sums = if info.verified {
        "every file has its sum, and every token is one of the vocabulary"
    } else {
        "not checked; --verify reads everything"
    };
    let Info { folder, separator, separator_id, sample, .. } = info;
    [
        format!("{folder}: {} in {}", counted(info.tokens, "token"), counted(info.shards as u64, "shard")),
        format!(
            "documents   {}{passed_over}; {:.2} bytes of text a token",
            grouped(info.documents),
            info.text_bytes as f64 / info.tokens.max(1) as f64
        ),
        format!("vocabulary  {}, {} bytes an id", grouped(info.vocab_size as u64), info.bytes_per_id),
        format!("separator   {separator} ({separator_id}), in front of each document"),
        format!("tokenizer   {}, SHA-256 {}…", info.tokenizer.display(), short(&info.tokenizer_sha256)),
        format!("data        SHA-256 {}…", short(&info.shards_sha256)),
        format!("sums        {sums}"),
        format!("begins      {sample:?}"),
    ]
    .join("\n")
}
