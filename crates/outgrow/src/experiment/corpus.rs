//! The corpus that comes with the program, as token shards in an experiment's folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::write_file_atomically;
use outgrow_data::{PrepareOptions, TokenShards, prepare};
use outgrow_tokenizer::Tokenizer;

use crate::error::{Error, Result};

/// Public-domain books; experiments/corpus/README.md names them and where they come from.
const TRAINING: &[u8] = include_bytes!("../../experiments/corpus/train.jsonl.zst");
const VALIDATION: &[u8] = include_bytes!("../../experiments/corpus/validation.jsonl.zst");
const TOKENIZER: &[u8] = include_bytes!("../../experiments/corpus/tokenizer.json");

/// Makes `folder/training` and `folder/validation`, unless they are there.
pub(crate) fn prepare_bundled(folder: &Path) -> Result<()> {
    prepare_splits(folder, [("training", TRAINING), ("validation", VALIDATION)])
}

/// The same with little text, for who wants to know what runs come to and makes none: a second instead of many.
pub(crate) fn prepare_little(folder: &Path) -> Result<()> {
    prepare_splits(folder, [("training", VALIDATION), ("validation", VALIDATION)])
}

fn prepare_splits(folder: &Path, splits: [(&str, &[u8]); 2]) -> Result<()> {
    for (split, text) in splits {
        let shards = folder.join(split);
        if TokenShards::open(&shards).is_ok() {
            continue;
        }
        let source = folder.join("source");
        fs::create_dir_all(&source).map_err(Error::at(&source))?;
        let (text_file, tokenizer) =
            (source.join(format!("{split}.jsonl.zst")), source.join("tokenizer.json"));
        write_file_atomically(&text_file, text)?;
        write_file_atomically(&tokenizer, TOKENIZER)?;
        let inputs: [PathBuf; 1] = [text_file];
        let tokenizer = Tokenizer::open(&tokenizer)?;
        let prepared = prepare(&inputs, &tokenizer, &shards, &PrepareOptions::default(), &mut |_| ());
        // Another machine may have been faster.
        if let Err(problem) = prepared
            && TokenShards::open(&shards).is_err()
        {
            return Err(problem.into());
        }
    }
    Ok(())
}
