//! Runs that stop and go on: the same to the bit as those that don't, in the same folder only if they are the same run.

mod refusals;
pub(crate) mod workshop;

use outgrow_checkpoint::{Checkpoint, LlamaConfig, NamedTensors};
use outgrow_data::Order;
use outgrow_kernels::{DeviceName, Precision, open_device};
use outgrow_model::{Decoder, Initialization, initial_tensors};
use outgrow_operators::{Growth, GrowthPlan, grow_tensors};
use outgrow_schedules::{Orthogonalization, Trainable};
use outgrow_train::{Control, Outcome, TrainSettings, accumulate, resume::checkpoint_to_go_on_from};

pub(crate) use self::workshop::settings;
use self::workshop::{
    BASE_STEPS, SEQUENCES, STEP_TOKENS, STEPS, Told, Workshop, added_on_top,
    check_that_stopping_changes_nothing, model, names, run_until, stacked,
};

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
fn a_run_with_muon_that_was_stopped_ends_as_one_that_was_not() {
    let workshop = Workshop::with_muon();
    check_that_stopping_changes_nothing(&workshop, &stacked(1e-2), &[&[1], &[BASE_STEPS], &[BASE_STEPS + 1]]);
    let workshop = Workshop::with_muon();
    check_that_stopping_changes_nothing(&workshop, &added_on_top(), &[&[3]]);
}

#[test]
fn a_run_with_muon_counts_what_it_multiplies_at_each_step() {
    let flops = [Workshop::new(), Workshop::with_muon()].map(|workshop| {
        let mut told = Told::default();
        run_until(&workshop, "run", &added_on_top(), None, &mut told).unwrap();
        told.steps.into_iter().map(|(position, _)| position.flops).collect::<Vec<_>>()
    });
    let muon = Orthogonalization { iterations: 5, batch_tokens: STEP_TOKENS };
    let mut more = 0.0;
    // Two steps of two layers, two of the upper two of four, two of all four: a layer's matrices cost what they cost.
    for (index, layers) in [2.0, 2.0, 2.0, 2.0, 4.0, 4.0].into_iter().enumerate() {
        more += layers / 2.0 * muon.flops_per_step(&model(2), &Trainable::All);
        let found = flops[1][index] - flops[0][index];
        assert!((found - more).abs() <= 1e-9 * more, "step {index}: {found} instead of {more}");
    }
}

#[test]
fn a_run_in_bf16_that_was_stopped_ends_as_one_that_was_not() {
    let workshop = Workshop::in_precision(Precision::Bf16);
    check_that_stopping_changes_nothing(&workshop, &stacked(1e-2), &[&[1], &[BASE_STEPS], &[BASE_STEPS + 1]]);
    let workshop = Workshop::in_precision(Precision::Bf16);
    check_that_stopping_changes_nothing(&workshop, &added_on_top(), &[&[3]]);
}

#[test]
fn a_run_in_bf16_has_the_losses_of_one_in_f32_to_rounding() {
    let mut losses = [Precision::F32, Precision::Bf16].map(|precision| {
        let (workshop, mut told) = (Workshop::in_precision(precision), Told::default());
        run_until(&workshop, "run", &stacked(1e-2), None, &mut told).unwrap();
        told.steps.into_iter().map(|(_, bits)| f64::from_bits(bits))
    });
    let [exact, rounded] = losses.each_mut().map(Iterator::collect::<Vec<_>>);
    assert_ne!(exact, rounded);
    for (exact, rounded) in exact.into_iter().zip(rounded) {
        assert!((exact - rounded).abs() < exact / 256.0, "{rounded}, in f32 {exact}");
    }
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
    let plan = GrowthPlan::new(&model(2), [&Growth::Stack { factor: 2 }]).unwrap();
    let grown = grow_tensors(&plan, &base).unwrap();
    assert_eq!(told.steps[BASE_STEPS as usize].1, loss(&model(4), &grown, BASE_STEPS));
}

#[test]
fn a_checkpoint_is_a_model_folder_with_the_training_state_beside_it() {
    let workshop = Workshop::new();
    let outcome = run_until(&workshop, "run", &stacked(1e-2), Some(5), &mut Told::default()).unwrap();
    let checkpoint = workshop.path("run/step-00000005");
    assert_eq!(outcome, Outcome::Stopped { checkpoint: checkpoint.clone() });
    assert_eq!(checkpoint_to_go_on_from(&workshop.path("run")).unwrap(), Some(checkpoint.clone()));
    assert_eq!(
        names(&checkpoint),
        ["config.json", "model.safetensors", "outgrow.json", "tokenizer.json", "training"]
    );
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
