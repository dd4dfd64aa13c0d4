//! The tokenizer that a run's checkpoints carry: the shards' tokenizer.json, and a tokenizer_config.json that names the
//! tokens which begin and end a text, as the shards have them. Other programs read both; without the second they know
//! no such token.
//!
//! It writes no file: the trainer puts these into each checkpoint.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    rc::Rc,
};

use outgrow_data::{Separator, TOKENIZER_CONFIG_FILE, TOKENIZER_FILE, TokenShards};
use outgrow_tokenizer::{
    Reading, Tokenizer,
    pretrained::{PretrainedTokenizer, TokenizerClass, TokenizerFiles, TokenizerSource},
};
use outgrow_train::SideFile;
use serde_json::{Value, json};

use crate::error::Result;

/// Tokens at the beginning of the shards among which a template's tokens are looked for.
const LOOKED_THROUGH_TOKENS: u64 = 1 << 20;
/// Tokens of the first documents, by which a class is held to the file.
const COMPARED_TOKENS: u64 = 1 << 16;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// The class that takes tokenizer.json as it is.
const GENERIC_CLASS: &str = "PreTrainedTokenizerFast";
/// Names that tokenizers have for the token that fills up shorter texts of a batch.
const PADDING_TOKENS: [&str; 5] = ["<pad>", "[PAD]", "<|pad|>", "<|padding|>", "<|finetune_right_pad_id|>"];

/// What a checkpoint says of its tokenizer.
#[derive(Debug)]
pub(crate) struct CheckpointTokenizer {
    /// The tokenizer that a program gets when it opens a checkpoint.
    pub tokenizer: PretrainedTokenizer,
    /// The files of each checkpoint.
    pub files: Vec<SideFile>,
    /// Where this differs from the shards' tokenizer.json, one line for each difference.
    pub notes: Vec<String>,
}

/// Tokenizers that were made already, for whoever resolves many recipes: most name the same shards, and to make one
/// takes longer than all the rest.
#[derive(Debug, Default)]
pub(crate) struct Tokenizers(RefCell<Vec<Made>>);

#[derive(Debug)]
struct Made {
    shards: PathBuf,
    max_position_embeddings: usize,
    tokenizer: Rc<CheckpointTokenizer>,
}

impl Tokenizers {
    /// As [`CheckpointTokenizer::new`], once for each folder of shards and number of positions.
    ///
    /// # Errors
    /// Likewise.
    pub(crate) fn of(
        &self,
        shards: &TokenShards,
        max_position_embeddings: usize,
    ) -> Result<Rc<CheckpointTokenizer>> {
        let is_it = |made: &Made| {
            made.shards == shards.folder() && made.max_position_embeddings == max_position_embeddings
        };
        if let Some(made) = self.0.borrow().iter().find(|made| is_it(made)) {
            return Ok(Rc::clone(&made.tokenizer));
        }
        let tokenizer = Rc::new(CheckpointTokenizer::new(shards, max_position_embeddings)?);
        self.0.borrow_mut().push(Made {
            shards: shards.folder().to_owned(),
            max_position_embeddings,
            tokenizer: Rc::clone(&tokenizer),
        });
        Ok(tokenizer)
    }
}

impl CheckpointTokenizer {
    /// The tokenizer of some shards, for models with so many positions.
    ///
    /// # Errors
    /// When the shards' tokenizer.json can't be opened, or its tokens can't be read.
    pub(crate) fn new(shards: &TokenShards, max_position_embeddings: usize) -> Result<Self> {
        let path = shards.tokenizer_path();
        let separator = &shards.manifest().separator;
        let plain = Tokenizer::open(&path)?;
        let mut notes = plain.notes().to_vec();
        notes.extend(other_separator(&plain, separator, &path));
        let mut bytes = plain.bytes().to_vec();
        let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
        let mut json: Value = serde_json::from_slice(text)?;
        let plain = PretrainedTokenizer::plain(plain);
        let (before, behind) = plain.around()?;
        let unseen = unseen_in(shards, &[before, behind].concat())?;
        if !unseen.is_empty() {
            let spelling = |&id: &u32| plain.tokenizer().spelling(id).unwrap_or_else(|| id.to_string());
            let spelt: Vec<String> = unseen.iter().map(spelling).collect();
            notes.push(format!(
                "{}: puts {} around a text, which the shards don't have; the checkpoints' tokenizer.json puts {} before it, as they do",
                path.display(),
                spelt.join(" and "),
                separator.token
            ));
            json["post_processor"] = template(separator);
            bytes = format!("{json}\n").into_bytes();
        }
        let own = Value::Object(own_config(shards)?);
        let named = named(plain.tokenizer(), separator, max_position_embeddings);
        let generic = files_of(&path, &json, &named).open(TokenizerSource::Class, None)?;
        let (config, tokenizer) = match with_own_class(&path, &json, &own, &named) {
            None => (named, generic),
            Some((config, files)) => match files.open(TokenizerSource::Class, None) {
                Ok(tokenizer) if is_untested(&files) || !reads_alike(shards, &tokenizer, &generic)? => {
                    let class = own["tokenizer_class"].as_str().unwrap_or_default();
                    notes.push(format!(
                        "{}: names {class}, which gives other ids than tokenizer.json on the shards' first documents, or may do so; the checkpoints name {GENERIC_CLASS}",
                        shards.folder().join(TOKENIZER_CONFIG_FILE).display()
                    ));
                    (named, generic)
                }
                Ok(tokenizer) => (config, tokenizer),
                Err(_) => (named, generic),
            },
        };
        let files = vec![
            SideFile { name: TOKENIZER_FILE.into(), bytes },
            SideFile { name: TOKENIZER_CONFIG_FILE.into(), bytes: format!("{config:#}\n").into_bytes() },
        ];
        Ok(Self { tokenizer, files, notes })
    }
}

/// Shards that were made by another numbering of the added tokens.
fn other_separator(tokenizer: &Tokenizer, separator: &Separator, path: &Path) -> Option<String> {
    let id = tokenizer.token_id(&separator.token).filter(|&id| id != separator.id)?;
    Some(format!(
        "{}: documents are separated by {}, which the shards have as {} and the tokenizer as {id}; prepare them anew",
        path.display(),
        separator.token,
        separator.id
    ))
}

/// Those of the tokens that the shards' first ones don't have, each once.
fn unseen_in(shards: &TokenShards, tokens: &[u32]) -> Result<Vec<u32>> {
    let mut unseen: Vec<u32> = Vec::new();
    for &id in tokens {
        if id != shards.manifest().separator.id && !unseen.contains(&id) {
            unseen.push(id);
        }
    }
    if !unseen.is_empty() {
        let first = first_tokens(shards, LOOKED_THROUGH_TOKENS)?;
        unseen.retain(|id| !first.contains(id));
    }
    Ok(unseen)
}

fn first_tokens(shards: &TokenShards, most: u64) -> Result<Vec<u32>> {
    let mut first = vec![0; shards.num_tokens().min(most) as usize];
    shards.read(0, &mut first)?;
    Ok(first)
}

/// A post-processor that puts the separator before each text.
fn template(separator: &Separator) -> Value {
    let Separator { id, token } = separator;
    let special = |type_id: u32| json!({ "SpecialToken": { "id": token, "type_id": type_id } });
    let text = |name: &str, type_id: u32| json!({ "Sequence": { "id": name, "type_id": type_id } });
    json!({
        "type": "TemplateProcessing",
        "single": [special(0), text("A", 0)],
        "pair": [special(0), text("A", 0), special(1), text("B", 1)],
        "special_tokens": { token: { "id": token, "ids": [id], "tokens": [token] } },
    })
}

/// The generic class, with the separator for what begins and what ends a text: in the shards it does both.
fn named(tokenizer: &Tokenizer, separator: &Separator, max_position_embeddings: usize) -> Value {
    let padding = PADDING_TOKENS.into_iter().find(|&token| tokenizer.added_token(token).is_some());
    json!({
        "tokenizer_class": GENERIC_CLASS,
        "bos_token": separator.token,
        "eos_token": separator.token,
        "pad_token": padding.unwrap_or(&separator.token),
        "padding_side": "left",
        "model_max_length": max_position_embeddings,
        "clean_up_tokenization_spaces": false,
    })
}

/// The tokenizer_config.json that lay beside the tokenizer.json which the shards were made with; empty where none did.
fn own_config(shards: &TokenShards) -> Result<serde_json::Map<String, Value>> {
    let Some(bytes) = shards.tokenizer_config()? else { return Ok(serde_json::Map::new()) };
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

/// The source's configuration with its class, if that is another than the generic one, and the shards' tokens.
fn with_own_class(path: &Path, json: &Value, own: &Value, named: &Value) -> Option<(Value, TokenizerFiles)> {
    own["tokenizer_class"].as_str()?;
    let mut config = own.clone();
    for key in ["bos_token", "eos_token", "model_max_length"] {
        config[key] = named[key].clone();
    }
    if config["pad_token"].is_null() {
        config["pad_token"] = named["pad_token"].clone();
    }
    let files = files_of(path, json, &config);
    (files.class() != TokenizerClass::Generic).then_some((config, files))
}

/// As they will lie in a checkpoint, beside a config.json of a LLaMA.
fn files_of(path: &Path, tokenizer_json: &Value, tokenizer_config: &Value) -> TokenizerFiles {
    TokenizerFiles::of_parts(path, tokenizer_json.clone(), tokenizer_config.clone())
        .with_config(json!({ "model_type": "llama" }))
}

fn is_untested(files: &TokenizerFiles) -> bool {
    matches!(files.class(), TokenizerClass::Untested(_))
}

/// Whether both read the shards' first documents alike, with what each puts around a text.
fn reads_alike(shards: &TokenShards, one: &PretrainedTokenizer, other: &PretrainedTokenizer) -> Result<bool> {
    let separator = shards.manifest().separator.id;
    let first = first_tokens(shards, COMPARED_TOKENS)?;
    for document in first.split(|&id| id == separator).filter(|ids| !ids.is_empty()) {
        let text = other.tokenizer().decode(document)?;
        if one.encode(&text, true)? != other.encode(&text, true)?
            || one.tokenizer().encode(&text, Reading::TEXT)?
                != other.tokenizer().encode(&text, Reading::TEXT)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}
