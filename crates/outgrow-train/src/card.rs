//! The card of a trained checkpoint, its README.md: what the model is, how far it was trained and on what. A pure
//! function of a run and its position. It names no path of the machine, because checkpoints are published.

use std::fmt::Write;

use outgrow_checkpoint::LlamaConfig;
use outgrow_data::Batches;
use outgrow_operators::folder::card::{behind_a_mask, code, grouped, usage};

use crate::{
    base::BaseRecord,
    mask,
    position::Position,
    training::{CardFacts, Training},
};

/// A loss on held-out text, and the tokens after which it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Validated {
    pub tokens: u64,
    pub loss: f64,
}

/// The card of a checkpoint.
pub(crate) fn model_card(
    facts: &CardFacts,
    training: &Training<'_>,
    position: &Position,
    validated: Option<Validated>,
) -> String {
    let grows = (0..training.schedule.stages().len()).any(|stage| training.schedule.growth(stage).is_some());
    let tags: &[&str] = if grows { &["outgrow", "model-growth"] } else { &["outgrow"] };
    let mut card = facts.head.to_text(tags);
    let stages = training.schedule.stages();
    let stage = &stages[position.stage];
    let is_done = position.stage + 1 == stages.len() && position.stage_tokens >= stage.tokens;
    push(&mut card, format_args!("\n# {}\n\n", code(&facts.name)));
    let CardFacts { method, program, .. } = facts;
    let way = if is_done { "" } else { " This is a checkpoint on the way, and the training was to go on." };
    let base = training.base.map(|base| began_with(base.record)).unwrap_or_default();
    push(
        &mut card,
        format_args!(
            "A LLaMA-style language model, trained by {program} with the method {}.{base}{way}\n\n",
            code(method)
        ),
    );
    push_sizes(&mut card, &stage.model);
    push_training(&mut card, training, position, validated);
    push_data(&mut card, training);
    card + &match mask::values(training.schedule, position) {
        Some(mask) => behind_a_mask(mask),
        None => usage(&stage.model.to_json(), true),
    }
}

/// The model that came before, and what it is known to have cost. The rest of a card counts this run alone.
fn began_with(base: &BaseRecord) -> String {
    let name = code(&base.name);
    match (base.cost.tokens, base.cost.flops) {
        (Some(0), _) => format!(" It began with the model of {name}, which was not trained before."),
        (Some(tokens), Some(flops)) => format!(
            " It began with the model of {name}, trained on {} tokens with {flops:.3e} FLOPs before.",
            grouped(tokens)
        ),
        _ => format!(" It began with the model of {name}."),
    }
}

fn push(card: &mut String, text: std::fmt::Arguments<'_>) {
    card.write_fmt(text).expect("a String takes everything");
}

fn push_sizes(card: &mut String, model: &LlamaConfig) {
    card.push_str("| | |\n|---|---|\n");
    let rows = [
        ("parameters", model.num_parameters()),
        ("layers", model.num_hidden_layers as u64),
        ("width", model.hidden_size as u64),
        ("heads", model.num_attention_heads as u64),
        ("vocabulary", model.vocab_size as u64),
        ("positions", model.max_position_embeddings as u64),
    ];
    for (what, size) in rows {
        push(card, format_args!("| {what} | {} |\n", grouped(size)));
    }
}

fn push_training(
    card: &mut String,
    training: &Training<'_>,
    position: &Position,
    validated: Option<Validated>,
) {
    card.push_str("\n## Training\n\n| stage | layers | parameters | tokens | peak learning rate |\n|---|---|---|---|---|\n");
    for (index, stage) in training.schedule.stages().iter().enumerate().take(position.stage + 1) {
        let tokens = if index == position.stage { position.stage_tokens } else { stage.tokens };
        let (layers, parameters) = (stage.model.num_hidden_layers, grouped(stage.model.num_parameters()));
        let (name, peak) = (code(&stage.name), stage.learning_rate.peak);
        push(card, format_args!("| {name} | {layers} | {parameters} | {} | {peak} |\n", grouped(tokens)));
    }
    let settings = training.settings;
    push(
        card,
        format_args!(
            "\n{} {} tokens and {:.3e} FLOPs ({:.3e} as 6 · parameters · tokens), in batches of {} sequences of {} \
             tokens, with {}, in {}. The seed is {}.\n",
            if training.base.is_some() { "In this run" } else { "In all" },
            grouped(position.tokens),
            position.flops,
            position.flops_6nt,
            settings.batch_sequences,
            training.training.sequence_length(),
            if settings.optimizer.muon.is_some() {
                "Muon for the layers' matrices and AdamW for the rest"
            } else {
                "AdamW"
            },
            settings.precision,
            training.seed
        ),
    );
    if let Some(Validated { tokens, loss }) = validated {
        push(
            card,
            format_args!(
                "\nThe validation loss is {loss:.4} nats a token after {} tokens, over {} sequences of {} tokens.\n",
                grouped(tokens),
                settings.validation_sequences,
                training.validation.sequence_length()
            ),
        );
    }
}

fn push_data(card: &mut String, training: &Training<'_>) {
    card.push_str("\n## Data\n\n| | tokens | documents | SHA-256 |\n|---|---|---|---|\n");
    for (what, batches) in [("training", &training.training), ("validation", training.validation)] {
        let manifest = batches.shards().manifest();
        let (tokens, documents) = (grouped(manifest.tokens), grouped(manifest.documents));
        let name = name_of(batches).filter(|name| name != what);
        let what = name.map_or_else(|| what.to_owned(), |name| format!("{what}: {}", code(&name)));
        push(card, format_args!("| {what} | {tokens} | {documents} | `{}` |\n", manifest.shards_sha256()));
    }
    let manifest = training.training.shards().manifest();
    push(
        card,
        format_args!(
            "\nThe tokenizer has {} entries; its file has the SHA-256 `{}`.\n",
            grouped(manifest.vocab_size as u64),
            manifest.tokenizer.sha256
        ),
    );
}

/// What the shards' folder is called; not where it is.
fn name_of(batches: &Batches) -> Option<String> {
    Some(batches.shards().folder().file_name()?.to_string_lossy().into_owned())
}
