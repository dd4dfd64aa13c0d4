//! The card of a grown folder, its README.md: what it was grown from, how, and whether it still computes the same. A
//! pure function of facts; it reads no folder and claims no result that it wasn't given.

use std::fmt::Write;

use serde_json::Value;

use crate::{
    folder::{
        card::{
            front_matter::{self, CardHead},
            usage::{behind_a_mask, usage},
        },
        digest::FileDigest,
        thousands::grouped,
    },
    plan::{mask::MaskValues, preservation::Preservation},
};

/// What grown folders are found by on the hub.
const TAGS: [&str; 2] = ["outgrow", "model-growth"];

/// What a card says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CardFacts {
    /// Name of the source's folder.
    pub(crate) source: String,
    /// The Hugging Face repositories that the source is or comes from, as [`front_matter::base_models`] finds them;
    /// none where nobody knows.
    pub(crate) base_models: Vec<String>,
    /// Sizes of the source.
    pub(crate) source_size: ModelSize,
    /// Sizes of the grown model.
    pub(crate) target_size: ModelSize,
    /// What was done.
    pub(crate) recipe: CardRecipe,
    /// The grown config.json.
    pub(crate) config: Value,
    /// Whether a tokenizer comes along.
    pub(crate) has_tokenizer: bool,
    /// Where the mask over its new parts stands, if there is one.
    pub(crate) mask: Option<MaskValues>,
    /// How the recipe's matrices were learned, in sentences, where they were.
    pub(crate) learning: Option<String>,
    /// Whether the grown model computes what the source does.
    pub(crate) preservation: Preservation,
    /// Version of Outgrow.
    pub(crate) version: String,
    /// The source's files.
    pub(crate) files: Vec<FileDigest>,
    /// The source's own README.md.
    pub(crate) source_card: Option<String>,
}

/// How large a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ModelSize {
    /// Layers.
    pub(crate) num_hidden_layers: usize,
    /// Parameters; a tied head counts once.
    pub(crate) num_parameters: u64,
}

/// A recipe as text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CardRecipe {
    /// Outgrow's own.
    Toml(String),
    /// mergekit's, in YAML.
    Mergekit(String),
    /// No growth, but a mask of this size folded into the weights.
    MaskFolded {
        /// 0 to below 1.
        mask: MaskValues,
    },
}

/// The card: Markdown behind YAML that the Hugging Face hub reads. The source's licence and languages hold for the
/// grown model too; its results don't, and stay in its own card, which is kept at the end.
pub(crate) fn model_card(facts: &CardFacts) -> String {
    let head = CardHead::new(facts.base_models.clone(), facts.source_card.as_deref());
    let mut card = head.to_text(&TAGS);
    match &facts.recipe {
        CardRecipe::Toml(text) => push_growth(&mut card, facts, "toml", text),
        CardRecipe::Mergekit(text) => push_growth(&mut card, facts, "yaml", text),
        CardRecipe::MaskFolded { mask } => push_export(&mut card, facts, *mask),
    }
    card.push_str(&match facts.mask {
        Some(mask) => behind_a_mask(mask),
        None => usage(&facts.config, facts.has_tokenizer),
    });
    push_files(&mut card, &facts.files);
    if let Some(source_card) = &facts.source_card {
        push_source_card(&mut card, source_card);
    }
    card
}

fn push(card: &mut String, text: std::fmt::Arguments<'_>) {
    card.write_fmt(text).expect("a String takes everything");
}

fn push_growth(card: &mut String, facts: &CardFacts, language: &str, recipe: &str) {
    push(card, format_args!("\n# Grown from {}\n\n", code(&facts.source)));
    push(
        card,
        format_args!(
            "Made by Outgrow {}, by the recipe below, and not trained since. The source's function is {}.\n\n",
            facts.version, facts.preservation
        ),
    );
    if let Some(learning) = &facts.learning {
        push(card, format_args!("{learning}\n\n"));
    }
    push_sizes(card, &facts.source_size, &facts.target_size);
    card.push_str("\n## Recipe\n\n");
    push_block(card, language, recipe);
}

fn push_export(card: &mut String, facts: &CardFacts, mask: MaskValues) {
    push(card, format_args!("\n# Exported from {}\n\n", code(&facts.source)));
    push(
        card,
        format_args!(
            "Made by Outgrow {}: the mask over the source's new parts, which stood at {mask}, is folded into the weights.\n",
            facts.version
        ),
    );
}

fn push_sizes(card: &mut String, source: &ModelSize, target: &ModelSize) {
    card.push_str("| | source | grown |\n|---|---|---|\n");
    let rows = [
        ("layers", source.num_hidden_layers as u64, target.num_hidden_layers as u64),
        ("parameters", source.num_parameters, target.num_parameters),
    ];
    for (what, source, target) in rows {
        push(card, format_args!("| {what} | {} | {} |\n", grouped(source), grouped(target)));
    }
}

fn push_files(card: &mut String, files: &[FileDigest]) {
    if files.is_empty() {
        return;
    }
    card.push_str("\n## Files of the source\n\n| file | bytes | SHA-256 |\n|---|---|---|\n");
    for file in files {
        let mark = if file.is_from_cache { " \\*" } else { "" };
        push(
            card,
            format_args!("| {} | {} | `{}`{mark} |\n", code(&file.file), grouped(file.bytes), file.sha256),
        );
    }
    if files.iter().any(|file| file.is_from_cache) {
        card.push_str("\n\\* Not computed: the name of the file in the cache of downloads.\n");
    }
}

fn push_source_card(card: &mut String, source_card: &str) {
    card.push_str("\n## The source's own card\n");
    let (front_matter, body) = front_matter::split(source_card);
    if let Some(front_matter) = front_matter {
        card.push('\n');
        push_block(card, "yaml", front_matter);
    }
    let body = body.trim();
    if !body.is_empty() {
        push(card, format_args!("\n{body}\n"));
    }
}

/// A block of code, fenced by more backticks than it has anywhere.
fn push_block(card: &mut String, language: &str, text: &str) {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    push(card, format_args!("{fence}{language}\n{}\n{fence}\n", text.trim_end()));
}

/// A name as code, in a line or in a table.
pub fn code(name: &str) -> String {
    let tame = |character: char| match character {
        '`' | '|' => '\'',
        character if character.is_control() => ' ',
        character => character,
    };
    format!("`{}`", name.chars().map(tame).collect::<String>())
}
