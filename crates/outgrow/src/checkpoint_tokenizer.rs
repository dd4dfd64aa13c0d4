//! The tokenizer that a run's checkpoints carry: the shards' tokenizer.json, and a tokenizer_config.json that names the tokens
//! which begin and end a text, as the shards have them. Other programs read both; without the second they know no such token.
//!
//! It writes no file: the trainer puts these into each checkpoint.

use outgrow_data::TokenShards;
use outgrow_tokenizer::{Reading, Tokenizer};
use outgrow_train::SideFile;
use serde_json::{Value, json};

/// Tokens at the beginning of the shards among which a template's tokens are looked for.
const LOOKED_THROUGH_TOKENS: u64 = 1 << 20;
/// A text like any other, to see what the template puts around one.
const PROBE: &str = "a";
/// Names that tokenizers have for the token that fills up shorter texts of a batch.
const PADDING_TOKENS: [&str; 6] =
    ["<pad>", "[PAD]", "<|pad|>", "<|padding|>", "<|finetune_right_pad_id|>", "<PAD>"];

/// What a checkpoint says of its tokenizer.
#[derive(Debug)]
pub struct CheckpointTokenizer {
    /// The tokenizer as checkpoints have it.
    pub tokenizer: Tokenizer,
    /// The files of each checkpoint.
    pub files: Vec<SideFile>,
    /// What is not as the shards' tokenizer.json has it, a line each.
    pub notes: Vec<String>,
}

impl CheckpointTokenizer {
    /// The tokenizer of some shards, for models with so many positions.
    ///
    /// # Errors
    /// When the shards' tokenizer.json or its tokens can't be read.
    pub fn new(shards: &TokenShards, max_position_embeddings: usize) -> anyhow::Result<Self> {
        let path = shards.tokenizer_path();
        let mut tokenizer = Tokenizer::open(&path)?;
        let mut notes = tokenizer.notes().to_vec();
        let separator = &shards.manifest().separator;
        let unseen = unseen_in(shards, &surrounding(&tokenizer)?)?;
        if !unseen.is_empty() {
            let spelt = unseen.iter().map(|&id| tokenizer.spelling(id).unwrap_or_else(|| id.to_string()));
            notes.push(format!(
                "{}: puts {} around a text, which the shards don't have; the checkpoints' tokenizer.json puts {} before it, as they do",
                path.display(),
                spelt.collect::<Vec<_>>().join(" and "),
                separator.token
            ));
            let mut json: Value = serde_json::from_slice(tokenizer.bytes())?;
            json["post_processor"] = template(&separator.token, separator.id);
            tokenizer = Tokenizer::from_json(&path, json)?;
        }
        let named = json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": separator.token,
            "eos_token": separator.token,
            "pad_token": padding(&tokenizer).unwrap_or(&separator.token),
            "model_max_length": max_position_embeddings,
            "clean_up_tokenization_spaces": false,
        });
        let files = vec![
            SideFile { name: "tokenizer.json".into(), bytes: tokenizer.bytes().to_vec() },
            SideFile { name: "tokenizer_config.json".into(), bytes: format!("{named:#}\n").into_bytes() },
        ];
        Ok(Self { tokenizer, files, notes })
    }
}

/// The tokens that the post-processor puts before and behind a text.
fn surrounding(tokenizer: &Tokenizer) -> anyhow::Result<Vec<u32>> {
    let plain = tokenizer.encode(PROBE, Reading::tokens(false))?;
    let whole = tokenizer.encode(PROBE, Reading::tokens(true))?;
    let added = whole.len().saturating_sub(plain.len());
    let before = (0..=added).find(|&start| whole[start..].starts_with(&plain)).unwrap_or(added);
    let mut around: Vec<u32> = whole
        .iter()
        .enumerate()
        .filter(|&(at, _)| !(before..before + plain.len()).contains(&at))
        .map(|(_, &id)| id)
        .collect();
    around.sort_unstable();
    around.dedup();
    Ok(around)
}

/// Those of the tokens that the shards' first ones don't have.
fn unseen_in(shards: &TokenShards, tokens: &[u32]) -> anyhow::Result<Vec<u32>> {
    let mut unseen: Vec<u32> =
        tokens.iter().copied().filter(|&id| id != shards.manifest().separator.id).collect();
    if unseen.is_empty() {
        return Ok(unseen);
    }
    let mut first = vec![0; shards.num_tokens().min(LOOKED_THROUGH_TOKENS) as usize];
    shards.read(0, &mut first)?;
    unseen.retain(|id| !first.contains(id));
    Ok(unseen)
}

/// A post-processor that puts one token before each text.
fn template(token: &str, id: u32) -> Value {
    let special = |type_id: u32| json!({ "SpecialToken": { "id": token, "type_id": type_id } });
    let text = |name: &str, type_id: u32| json!({ "Sequence": { "id": name, "type_id": type_id } });
    json!({
        "type": "TemplateProcessing",
        "single": [special(0), text("A", 0)],
        "pair": [special(0), text("A", 0), special(1), text("B", 1)],
        "special_tokens": { token: { "id": token, "ids": [id], "tokens": [token] } },
    })
}

/// The token that fills up shorter texts, where the tokenizer has one of its own.
fn padding(tokenizer: &Tokenizer) -> Option<&str> {
    PADDING_TOKENS.into_iter().find(|&token| tokenizer.added_token(token).is_some())
}
