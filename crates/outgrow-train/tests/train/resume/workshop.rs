//! Shards, schedules and runs that the tests of resuming share.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use outgrow_checkpoint::{AttentionBias, Checkpoint, Dtype, LlamaConfig, LlamaFields, Rope, RopeScaling};
use outgrow_data::{Batches, Order, PrepareOptions, TokenShards, Tokenizer, prepare};
use outgrow_kernels::{DeviceName, Precision};
use outgrow_model::Initialization;
use outgrow_operators::Growth;
use outgrow_schedules::{AtGrowth, BaseSizes, GStack, LearningRateCurve, Length, Schedule, Stacking2};
use outgrow_train::{
    Control, Event, MuonSettings, OptimizerSettings, Outcome, Position, SideFile, TrainError, TrainSettings,
    Training, resume::Standing, train,
};
use tempfile::TempDir;

pub(crate) const SEQUENCE_LENGTH: usize = 16;
pub(crate) const WORDS: usize = 30;
/// Sequences of a step, and so the samples that it takes.
pub(crate) const SEQUENCES: usize = 2;
pub(crate) const STEP_TOKENS: u64 = (SEQUENCES * SEQUENCE_LENGTH) as u64;
pub(crate) const BASE_STEPS: u64 = 4;
pub(crate) const STEPS: u64 = 7;

/// A folder with shards, a tokenizer and room for runs.
pub(crate) struct Workshop {
    folder: TempDir,
    /// What [`run_until`] computes in.
    precision: Precision,
    /// What it trains with.
    optimizer: OptimizerSettings,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        Self::in_precision(Precision::F32)
    }

    pub(crate) fn in_precision(precision: Precision) -> Self {
        let workshop =
            Self { folder: tempfile::tempdir().unwrap(), precision, optimizer: OptimizerSettings::default() };
        fs::write(workshop.path("tokenizer.json"), tokenizer()).unwrap();
        for (name, salt) in [("training", 1), ("validation", 2)] {
            let text = workshop.path(&format!("{name}.txt"));
            let word = |index: u64| format!("w{}", (index * index * 31 + index * salt) % 1009 % WORDS as u64);
            fs::write(&text, (0..600).map(word).collect::<Vec<_>>().join(" ")).unwrap();
            let options = PrepareOptions { shard_tokens: 250, ..PrepareOptions::default() };
            let tokenizer = Tokenizer::open(&workshop.path("tokenizer.json")).unwrap();
            prepare(&[text], &tokenizer, &workshop.path(name), &options, &mut |_| ()).unwrap();
        }
        workshop
    }

    /// Muon for the matrices of the layers.
    pub(crate) fn with_muon() -> Self {
        let optimizer =
            OptimizerSettings { muon: Some(MuonSettings::default()), ..OptimizerSettings::default() };
        Self { optimizer, ..Self::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn batches(&self, name: &str, order: Order) -> Batches {
        let shards = Arc::new(TokenShards::open(&self.path(name)).unwrap());
        Batches::new(shards, SEQUENCE_LENGTH, order).unwrap()
    }

    /// What is trained in the folder of a run, on the workshop's own data.
    pub(crate) fn with_training<T>(
        &self,
        run: &Path,
        seed: u64,
        schedule: &Schedule,
        settings: &TrainSettings,
        then: impl FnOnce(&Training<'_>) -> T,
    ) -> T {
        then(&Training {
            schedule,
            settings,
            base: None,
            initialization: Initialization::DepthScaled,
            seed,
            training: self.batches("training", Order::Shuffled { seed: 3 }),
            validation: &self.batches("validation", Order::Sequential),
            device: DeviceName::Flex,
            folder: run,
            side_files: &[SideFile { name: "tokenizer.json".into(), bytes: tokenizer().into_bytes() }],
            card: None,
            extend: false,
        })
    }

    /// One call of `train` in the folder of a run.
    pub(crate) fn train(
        &self,
        run: &Path,
        seed: u64,
        schedule: &Schedule,
        settings: &TrainSettings,
        observe: &mut dyn FnMut(&Position, &Event<'_>) -> Control,
    ) -> Result<Outcome, TrainError> {
        fs::create_dir_all(run).unwrap();
        self.with_training(run, seed, schedule, settings, |training| {
            train(Standing::newest(training)?.check()?, observe)
        })
    }
}

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

pub(crate) fn model(num_hidden_layers: usize) -> LlamaConfig {
    let fields = LlamaFields {
        vocab_size: WORDS + 2,
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        head_dim: 8,
        attention_bias: AttentionBias::QueryKeyValue,
        max_position_embeddings: SEQUENCE_LENGTH,
        rms_norm_eps: 1e-5,
        rope: Rope { theta: 10_000.0, scaling: RopeScaling::Default },
        tie_word_embeddings: false,
        initializer_range: 0.02,
        dtype: Dtype::F32,
        bos_token_id: None,
        eos_token_id: None,
    };
    LlamaConfig::new(fields).expect("such a model can be built")
}

pub(crate) fn cosine(peak: f64) -> LearningRateCurve {
    LearningRateCurve::cosine(peak, peak / 10.0, STEP_TOKENS)
}

/// Two layers for four steps, stacked, three more steps.
pub(crate) fn stacked(peak: f64) -> Schedule {
    let settings = GStack {
        growth: Growth::Stack { factor: 2 },
        base: BaseSizes::default(),
        base_tokens: BASE_STEPS * STEP_TOKENS,
        base_learning_rate: cosine(peak),
        grown: Length::Tokens((STEPS - BASE_STEPS) * STEP_TOKENS),
        grown_learning_rate: Some(cosine(peak)),
        at_growth: AtGrowth::default(),
    };
    Schedule::g_stack(&model(4), &settings).unwrap()
}

/// Three stages: two layers, four of which the top two are trained, all four.
pub(crate) fn added_on_top() -> Schedule {
    let settings = Stacking2 {
        layer_counts: vec![2, 4],
        base_tokens: None,
        stage_tokens: 2 * STEP_TOKENS,
        stage_learning_rate: cosine(1e-2),
        joint: Length::Tokens(2 * STEP_TOKENS),
        joint_learning_rate: Some(cosine(1e-2)),
        at_growth: AtGrowth::default(),
    };
    Schedule::stacking2(&model(4), &settings).unwrap()
}

pub(crate) fn settings() -> TrainSettings {
    TrainSettings {
        precision: Precision::F32,
        batch_sequences: SEQUENCES,
        micro_batch_sequences: 1,
        optimizer: OptimizerSettings::default(),
        validation_interval_tokens: 3 * STEP_TOKENS,
        validation_sequences: 3,
        checkpoint_interval_tokens: None,
        checkpoints_kept: 2,
    }
}

/// What was told of a run, over all its calls.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// After each step, with the bits of its loss.
    pub steps: Vec<(Position, u64)>,
    /// The bits of the last validation loss.
    pub validation: Option<u64>,
    pub grown_at: Option<Position>,
    /// What was measured after growths, after so many steps.
    pub measured: Vec<String>,
}

/// Trains, and stops once so many steps have been taken; `None` doesn't stop.
pub(crate) fn run_until(
    workshop: &Workshop,
    run: &str,
    schedule: &Schedule,
    last: Option<u64>,
    told: &mut Told,
) -> Result<Outcome, TrainError> {
    let (precision, optimizer) = (workshop.precision, workshop.optimizer.clone());
    let settings = TrainSettings { precision, optimizer, ..settings() };
    workshop.train(&workshop.path(run), 1, schedule, &settings, &mut |position, event| {
        match event {
            Event::Step(report) => told.steps.push((*position, report.loss.to_bits())),
            Event::Evaluated { validation_loss, .. } => told.validation = Some(validation_loss.to_bits()),
            Event::Grown { .. } => told.grown_at = Some(*position),
            Event::Norms(_) | Event::Copies(_) => told.measured.push(format!("{} {event:?}", position.step)),
            Event::Started { .. }
            | Event::StageEnds { .. }
            | Event::Learning { .. }
            | Event::Learned { .. }
            | Event::Saved { .. } => {}
        }
        if last.is_some_and(|last| position.step >= last) { Control::Stop } else { Control::Continue }
    })
}

pub(crate) fn weights(outcome: &Outcome) -> Vec<(String, Vec<u32>)> {
    let (Outcome::Finished { checkpoint } | Outcome::Stopped { checkpoint }) = outcome;
    let tensors = Checkpoint::open(checkpoint).unwrap().to_named_tensors().unwrap();
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
    tensors.into_iter().map(|(name, tensor)| (name, bits(tensor.values))).collect()
}

pub(crate) fn check_that_stopping_changes_nothing(
    workshop: &Workshop,
    schedule: &Schedule,
    stops: &[&[u64]],
) {
    let mut straight = Told::default();
    let whole = run_until(workshop, "whole", schedule, None, &mut straight).unwrap();
    assert!(matches!(whole, Outcome::Finished { .. }), "{whole:?}");
    for (index, stops) in stops.iter().enumerate() {
        let run = format!("stopped-{index}");
        let mut told = Told::default();
        for &stop in *stops {
            let outcome = run_until(workshop, &run, schedule, Some(stop), &mut told).unwrap();
            assert!(matches!(outcome, Outcome::Stopped { .. }), "stop after {stop} steps: {outcome:?}");
            assert_eq!(told.steps.len() as u64, stop, "steps taken before the stop after {stop}");
        }
        let outcome = run_until(workshop, &run, schedule, None, &mut told).unwrap();
        assert!(matches!(outcome, Outcome::Finished { .. }), "{stops:?}: {outcome:?}");
        assert_eq!(told.steps, straight.steps, "{stops:?}: positions and losses");
        assert_eq!(told.validation, straight.validation, "{stops:?}: final validation loss");
        assert_eq!(told.measured, straight.measured, "{stops:?}: what was measured after growths");
        assert!(weights(&outcome) == weights(&whole), "{stops:?}: weights differ");
    }
}

/// Names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
