//! Runs that stop and go on: the same to the bit as those that don't, in the same folder only if they are the same run.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use outgrow_checkpoint::{Checkpoint, Dtype, LlamaConfig, NamedTensors, Rope, RopeScaling};
use outgrow_data::{Batches, Order, PrepareOptions, TokenShards, prepare};
use outgrow_kernels::{DeviceName, open_device};
use outgrow_model::{Decoder, Initialization, initial_tensors};
use outgrow_operators::{Growth, grow_tensors, plan};
use outgrow_schedules::{Cosine, GStack, Length, Schedule, Stacking2, g_stack, stacking2};
use outgrow_train::{
    AdamWSettings, Control, Event, Outcome, Position, TrainError, TrainSettings, Training, accumulate,
    latest_checkpoint, train,
};
use tempfile::TempDir;

const SEQUENCE_LENGTH: usize = 16;
const WORDS: usize = 30;
/// Sequences of a step, and so the samples that it takes.
const SEQUENCES: usize = 2;
const STEP_TOKENS: u64 = (SEQUENCES * SEQUENCE_LENGTH) as u64;
const BASE_STEPS: u64 = 4;
const STEPS: u64 = 7;

/// A folder with shards, a tokenizer and room for runs.
struct Workshop {
    folder: TempDir,
}

impl Workshop {
    fn new() -> Self {
        let workshop = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(workshop.path("tokenizer.json"), tokenizer()).unwrap();
        for (name, salt) in [("training", 1), ("validation", 2)] {
            let text = workshop.path(&format!("{name}.txt"));
            let word = |index: u64| format!("w{}", (index * index * 31 + index * salt) % 1009 % WORDS as u64);
            fs::write(&text, (0..600).map(word).collect::<Vec<_>>().join(" ")).unwrap();
            let options = PrepareOptions { shard_tokens: 250, ..PrepareOptions::default() };
            prepare(&[text], &workshop.path("tokenizer.json"), &workshop.path(name), &options, &mut |_| ())
                .unwrap();
        }
        workshop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn batches(&self, name: &str, order: Order) -> Batches {
        let shards = Arc::new(TokenShards::open(&self.path(name)).unwrap());
        Batches::new(shards, SEQUENCE_LENGTH, order).unwrap()
    }

    /// One call of `train` in the folder of a run.
    fn train(
        &self,
        run: &Path,
        seed: u64,
        schedule: &Schedule,
        settings: &TrainSettings,
        observe: &mut dyn FnMut(&Position, &Event<'_>) -> Control,
    ) -> Result<Outcome, TrainError> {
        fs::create_dir_all(run).unwrap();
        let training = Training {
            schedule,
            settings,
            initialization: Initialization::DepthScaled,
            seed,
            training: self.batches("training", Order::Shuffled { seed: 3 }),
            validation: &self.batches("validation", Order::Sequential),
            device: &open_device(DeviceName::Flex).unwrap(),
            folder: run,
            side_files: &[self.path("tokenizer.json")],
        };
        train(&training, observe)
    }
}

fn tokenizer() -> String {
    let words = (0..WORDS).map(|word| format!(r#""w{word}": {}"#, word + 2)).collect::<Vec<_>>().join(", ");
    format!(
        r#"{{ "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
            "decoder": null, "pre_tokenizer": {{ "type": "Whitespace" }},
            "added_tokens": [{{ "id": 0, "content": "<|endoftext|>", "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true }}],
            "model": {{ "type": "WordLevel", "unk_token": "?", "vocab": {{ "<|endoftext|>": 0, "?": 1, {words} }} }} }}"#
    )
}

fn model(num_hidden_layers: usize) -> LlamaConfig {
    LlamaConfig {
        vocab_size: WORDS + 2,
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        head_dim: 8,
        max_position_embeddings: SEQUENCE_LENGTH,
        rms_norm_eps: 1e-5,
        rope: Rope { theta: 10_000.0, scaling: RopeScaling::Default },
        tie_word_embeddings: false,
        initializer_range: 0.02,
        dtype: Dtype::F32,
        bos_token_id: None,
        eos_token_id: None,
    }
}

fn cosine(peak: f64) -> Cosine {
    Cosine { peak, minimum: peak / 10.0, warmup_tokens: STEP_TOKENS, horizon_tokens: None }
}

/// Two layers for four steps, stacked, three more steps.
fn stacked(peak: f64) -> Schedule {
    let settings = GStack {
        factor: 2,
        base_tokens: BASE_STEPS * STEP_TOKENS,
        base_learning_rate: cosine(peak),
        grown: Length::Tokens((STEPS - BASE_STEPS) * STEP_TOKENS),
        grown_learning_rate: cosine(peak),
    };
    g_stack(&model(4), &settings).unwrap()
}

/// Three stages: two layers, four of which the top two are trained, all four.
fn added_on_top() -> Schedule {
    let settings = Stacking2 {
        layer_counts: vec![2, 4],
        stage_tokens: 2 * STEP_TOKENS,
        stage_learning_rate: cosine(1e-2),
        joint: Length::Tokens(2 * STEP_TOKENS),
        joint_learning_rate: cosine(1e-2),
    };
    stacking2(&model(4), &settings).unwrap()
}

fn settings() -> TrainSettings {
    TrainSettings {
        batch_sequences: SEQUENCES,
        micro_batch_sequences: 1,
        optimizer: AdamWSettings::default(),
        validation_interval_tokens: 3 * STEP_TOKENS,
        validation_sequences: 3,
        checkpoint_interval_tokens: None,
        checkpoints_kept: 2,
    }
}

/// What was told of a run, over all its calls.
#[derive(Debug, Default)]
struct Told {
    /// After each step, with the bits of its loss.
    steps: Vec<(Position, u64)>,
    /// The bits of the last validation loss.
    validation: Option<u64>,
    grown_at: Option<Position>,
}

/// Trains, and stops once so many steps have been taken; `None` doesn't stop.
fn run_until(
    workshop: &Workshop,
    run: &str,
    schedule: &Schedule,
    last: Option<u64>,
    told: &mut Told,
) -> Result<Outcome, TrainError> {
    workshop.train(&workshop.path(run), 1, schedule, &settings(), &mut |position, event| {
        match event {
            Event::Step(report) => told.steps.push((*position, report.loss.to_bits())),
            Event::Evaluated { validation_loss, .. } => told.validation = Some(validation_loss.to_bits()),
            Event::Grown { .. } => told.grown_at = Some(*position),
            Event::Started { .. } | Event::Saved { .. } => {}
        }
        if last.is_some_and(|last| position.step >= last) { Control::Stop } else { Control::Continue }
    })
}

fn weights(outcome: &Outcome) -> Vec<(String, Vec<u32>)> {
    let (Outcome::Finished { checkpoint } | Outcome::Stopped { checkpoint }) = outcome;
    let tensors = Checkpoint::open(checkpoint).unwrap().to_named_tensors().unwrap();
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
    tensors.into_iter().map(|(name, tensor)| (name, bits(tensor.values))).collect()
}

fn check_that_stopping_changes_nothing(workshop: &Workshop, schedule: &Schedule, stops: &[&[u64]]) {
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
        assert!(weights(&outcome) == weights(&whole), "{stops:?}: weights differ");
    }
}

#[test]
fn a_run_that_was_stopped_ends_as_one_that_was_not() {
    let workshop = Workshop::new();
    // At the start, within the base, at its end, after growth, at the very end, and again and again.
    let stops: [&[u64]; 7] = [&[0], &[1], &[3], &[BASE_STEPS], &[BASE_STEPS + 1], &[STEPS], &[2, 3, 4, 5, 6]];
    check_that_stopping_changes_nothing(&workshop, &stacked(1e-2), &stops);
}

#[test]
fn a_run_with_frozen_layers_that_was_stopped_ends_as_one_that_was_not() {
    let workshop = Workshop::new();
    check_that_stopping_changes_nothing(&workshop, &added_on_top(), &[&[1], &[2], &[3], &[4], &[5]]);
}

#[test]
fn a_grown_model_goes_on_in_the_data_where_the_small_one_stopped() {
    let workshop = Workshop::new();
    let mut told = Told::default();
    run_until(&workshop, "run", &stacked(1e-2), None, &mut told).unwrap();
    let samples: Vec<_> = told.steps.iter().map(|(position, _)| position.samples).collect();
    assert_eq!(samples, (1..=STEPS).map(|step| step * SEQUENCES as u64).collect::<Vec<_>>());
    let grown = told.grown_at.unwrap();
    assert_eq!((grown.samples, grown.stage, grown.stage_tokens), (BASE_STEPS * SEQUENCES as u64, 1, 0));
    let (last, _) = told.steps.last().unwrap();
    assert_eq!((last.tokens, last.stage_tokens), (STEPS * STEP_TOKENS, (STEPS - BASE_STEPS) * STEP_TOKENS));
}

#[test]
fn the_first_step_of_each_stage_is_on_the_next_samples_of_the_order() {
    let workshop = Workshop::new();
    let mut told = Told::default();
    run_until(&workshop, "run", &stacked(1e-2), None, &mut told).unwrap();
    let batches = workshop.batches("training", Order::Shuffled { seed: 3 });
    let device = open_device(DeviceName::Flex).unwrap().autodiff();
    let loss = |model: &LlamaConfig, tensors: &NamedTensors, step: u64| {
        let batch = batches.batch(step * SEQUENCES as u64, SEQUENCES).unwrap();
        let decoder = Decoder::new(model, tensors, &device).unwrap();
        let (loss, _) = accumulate(&decoder, &batch, settings().micro_batch_sequences).unwrap();
        f64::from(loss.into_scalar::<f32>()).to_bits()
    };
    let first = initial_tensors(&model(2), Initialization::DepthScaled, 1);
    assert_eq!(told.steps[0].1, loss(&model(2), &first, 0));
    let base = Checkpoint::open(&workshop.path("run/step-00000004")).unwrap().to_named_tensors().unwrap();
    let plan = plan(&model(2), &Growth::Stack { factor: 2 }).unwrap();
    let grown = grow_tensors(&plan, &base).unwrap();
    assert_eq!(told.steps[BASE_STEPS as usize].1, loss(&model(4), &grown, BASE_STEPS));
}

#[test]
fn a_checkpoint_is_a_model_folder_with_the_training_state_beside_it() {
    let workshop = Workshop::new();
    let outcome = run_until(&workshop, "run", &stacked(1e-2), Some(5), &mut Told::default()).unwrap();
    let checkpoint = workshop.path("run/step-00000005");
    assert_eq!(outcome, Outcome::Stopped { checkpoint: checkpoint.clone() });
    assert_eq!(latest_checkpoint(&workshop.path("run")), Some(checkpoint.clone()));
    assert_eq!(names(&checkpoint), ["config.json", "model.safetensors", "tokenizer.json", "training"]);
    assert_eq!(names(&checkpoint.join("training")), ["optimizer.safetensors", "state.json"]);
    assert_eq!(Checkpoint::open(&checkpoint).unwrap().config().num_hidden_layers, 4);
}

#[test]
fn only_the_newest_checkpoints_stay() {
    let workshop = Workshop::new();
    let settings = TrainSettings { checkpoint_interval_tokens: Some(STEP_TOKENS), ..settings() };
    let run = workshop.path("run");
    workshop.train(&run, 1, &stacked(1e-2), &settings, &mut |_, _| Control::Continue).unwrap();
    assert_eq!(names(&run), ["step-00000006", "step-00000007"]);
}

#[test]
fn a_folder_refuses_a_run_that_is_not_its_own() {
    let workshop = Workshop::new();
    let schedule = stacked(1e-2);
    run_until(&workshop, "run", &schedule, Some(2), &mut Told::default()).unwrap();
    let run = workshop.path("run");
    let before = names(&run);
    let message = |seed, schedule: &Schedule, settings: &TrainSettings| {
        let result = workshop.train(&run, seed, schedule, settings, &mut |_, _| panic!("nothing may happen"));
        let error = result.unwrap_err();
        assert!(matches!(error, TrainError::OtherRun { .. }), "{error:?}");
        error.to_string().replace(&format!("{}/", run.display()), "")
    };
    let end = "use another --out, or the recipe that began this run";
    assert_eq!(
        message(2, &schedule, &settings()),
        format!("step-00000002: was written by a run with other seed; {end}")
    );
    assert_eq!(
        message(1, &stacked(2e-2), &settings()),
        format!("step-00000002: was written by a run with other stages; {end}")
    );
    let others =
        TrainSettings { optimizer: AdamWSettings { beta2: 0.99, ..AdamWSettings::default() }, ..settings() };
    assert_eq!(
        message(1, &schedule, &others),
        format!("step-00000002: was written by a run with other settings; {end}")
    );
    assert_eq!(names(&run), before);
}

#[test]
fn a_folder_refuses_a_run_over_other_data() {
    let workshop = Workshop::new();
    run_until(&workshop, "run", &stacked(1e-2), Some(2), &mut Told::default()).unwrap();
    let run = workshop.path("run");
    let others = [
        workshop.batches("training", Order::Shuffled { seed: 4 }),
        workshop.batches("training", Order::Sequential),
        workshop.batches("validation", Order::Shuffled { seed: 3 }),
    ];
    for training in others {
        let training = Training {
            schedule: &stacked(1e-2),
            settings: &settings(),
            initialization: Initialization::DepthScaled,
            seed: 1,
            training,
            validation: &workshop.batches("validation", Order::Sequential),
            device: &open_device(DeviceName::Flex).unwrap(),
            folder: &run,
            side_files: &[],
        };
        let error = train(&training, &mut |_, _| panic!("nothing may happen")).unwrap_err();
        let what = "training data, data order or sequence length";
        assert!(matches!(error, TrainError::OtherRun { what: found, .. } if found == what), "{error:?}");
    }
}

#[test]
fn a_loss_that_is_not_a_number_ends_the_run_and_leaves_nothing_half_written() {
    let workshop = Workshop::new();
    let result = run_until(&workshop, "run", &stacked(1e30), None, &mut Told::default());
    match result.unwrap_err() {
        TrainError::NotFinite { step, loss, gradient_norm, learning_rate } => {
            assert_eq!(step, 2, "the first step has the huge rate, the second its consequences");
            assert!(!(loss.is_finite() && gradient_norm.is_finite()), "loss {loss}, norm {gradient_norm}");
            assert!(learning_rate > 1e28, "{learning_rate}");
        }
        error => panic!("{error:?}"),
    }
    assert_eq!(names(&workshop.path("run")), Vec::<String>::new());
}

#[test]
fn a_validation_loss_that_is_not_a_number_ends_the_run_before_it_is_saved() {
    let workshop = Workshop::new();
    let schedule = stacked(1e38);
    let settings = TrainSettings { validation_interval_tokens: STEP_TOKENS, ..settings() };
    let run = workshop.path("run");
    let error = workshop.train(&run, 1, &schedule, &settings, &mut |_, _| Control::Continue).unwrap_err();
    assert!(matches!(error, TrainError::ValidationNotFinite { step: 1, .. }), "{error:?}");
    assert_eq!(names(&run), Vec::<String>::new());
}

/// Names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
