//! A whole training loop on a made-up corpus: a model of two layers is trained, stacked to four, and trained on. The
//! growth is a stage's beginning; the trainer does the rest, and tells what happens.

use std::{error::Error, fs, path::Path, sync::Arc};

use outgrow_checkpoint::LlamaConfig;
use outgrow_data::{Batches, Order, PrepareOptions, TokenShards, Tokenizer, prepare};
use outgrow_kernels::{DeviceName, Precision};
use outgrow_model::Initialization;
use outgrow_operators::Growth;
use outgrow_schedules::{AtGrowth, BaseSizes, GStack, LearningRateCurve, Length, Schedule};
use outgrow_train::{Control, Event, OptimizerSettings, TrainSettings, Training, resume::Standing, train};

const SEQUENCE_LENGTH: usize = 16;
const SEQUENCES: usize = 4;
const STEP_TOKENS: u64 = (SEQUENCES * SEQUENCE_LENGTH) as u64;
const WORDS: usize = 30;

/// A tokenizer of thirty words.
fn tokenizer() -> String {
    let words: Vec<_> = (0..WORDS).map(|word| format!(r#""w{word}": {}"#, word + 2)).collect();
    format!(
        r#"{{ "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
            "decoder": null, "pre_tokenizer": {{ "type": "Whitespace" }},
            "added_tokens": [{{ "id": 0, "content": "<|endoftext|>", "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true }}],
            "model": {{ "type": "WordLevel", "unk_token": "?",
                "vocab": {{ "<|endoftext|>": 0, "?": 1, {} }} }} }}"#,
        words.join(", ")
    )
}

/// Batches of a text in which each word follows from the one before.
fn batches(folder: &Path, name: &str, first: usize, order: Order) -> Result<Batches, Box<dyn Error>> {
    let (text, shards) = (folder.join(format!("{name}.txt")), folder.join(name));
    let words: Vec<_> = (0..2000).map(|index| format!("w{}", (first + 7 * index) % WORDS)).collect();
    fs::write(&text, words.join(" "))?;
    fs::write(folder.join("tokenizer.json"), tokenizer())?;
    let tokenizer = Tokenizer::open(&folder.join("tokenizer.json"))?;
    prepare(&[text], &tokenizer, &shards, &PrepareOptions::default(), &mut |_| ())?;
    Ok(Batches::new(Arc::new(TokenShards::open(&shards)?), SEQUENCE_LENGTH, order)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let model = LlamaConfig::from_json(
        r#"{ "model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24,
             "num_hidden_layers": 4, "num_attention_heads": 2, "max_position_embeddings": 16, "rms_norm_eps": 1e-5,
             "tie_word_embeddings": false }"#,
    )?;
    let rate = LearningRateCurve::cosine(1e-2, 1e-3, STEP_TOKENS);
    let stages = GStack {
        growth: Growth::Stack { factor: 2 },
        base: BaseSizes::default(),
        base_tokens: 10 * STEP_TOKENS,
        base_learning_rate: rate,
        grown: Length::Tokens(10 * STEP_TOKENS),
        grown_learning_rate: Some(rate),
        at_growth: AtGrowth::default(),
    };
    let schedule = Schedule::g_stack(&model, &stages)?;
    println!("{}", schedule.describe(SEQUENCE_LENGTH));
    let settings = TrainSettings {
        batch_sequences: SEQUENCES,
        micro_batch_sequences: SEQUENCES,
        precision: Precision::F32,
        optimizer: OptimizerSettings::default(),
        validation_interval_tokens: 5 * STEP_TOKENS,
        validation_sequences: 8,
        checkpoint_interval_tokens: None,
        checkpoints_kept: 1,
    };
    let run = folder.path().join("run");
    fs::create_dir(&run)?;
    let training = Training {
        schedule: &schedule,
        settings: &settings,
        base: None,
        initialization: Initialization::DepthScaled,
        seed: 1,
        training: batches(folder.path(), "training", 0, Order::Shuffled { seed: 1 })?,
        validation: &batches(folder.path(), "validation", 3, Order::Sequential)?,
        device: DeviceName::Flex,
        folder: &run,
        side_files: &[],
        card: None,
        extend: false,
    };
    let start = Standing::newest(&training)?.check()?;
    let outcome = train(start, &mut |position, event| {
        match event {
            Event::Evaluated { validation_loss, .. } => {
                println!("step {:2}: validation loss {validation_loss:.3}", position.step);
            }
            Event::Grown { plan } => {
                println!("step {:2}: grown to {} tensors", position.step, plan.tensors().len());
            }
            Event::Copies(copies) => {
                if let Some(cosines) = copies.layers.get("mlp.up_proj.weight") {
                    println!("step {:2}: copies have a cosine of {:.4}", position.step, cosines.mean);
                }
            }
            Event::Started { .. }
            | Event::StageEnds { .. }
            | Event::Step(_)
            | Event::Norms(_)
            | Event::Learning { .. }
            | Event::Learned { .. }
            | Event::Saved { .. } => {}
        }
        Control::Continue
    })?;
    println!("{outcome:?}");
    Ok(())
}
