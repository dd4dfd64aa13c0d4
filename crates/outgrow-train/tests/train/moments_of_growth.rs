//! What a stage chooses for its beginning and its end: an end by the slope of the loss, data that begins again.

use outgrow_data::Order;
use outgrow_kernels::{DeviceName, open_device};
use outgrow_model::{Decoder, Initialization, initial_tensors};
use outgrow_operators::Growth;
use outgrow_schedules::{
    AtGrowth, DataAtGrowth, LossPoint, LossSlope, NextStage, Schedule, ScheduleBuilder, Stage,
};
use outgrow_train::{Control, Event, Outcome, TrainSettings, accumulate};

use crate::resume::workshop::{
    SEQUENCES, STEP_TOKENS, Told, Workshop, check_that_stopping_changes_nothing, cosine, model, run_until,
    settings,
};

const MOST_STEPS: u64 = 40;

/// Two layers until their loss falls too slowly, stacked, three more steps.
fn ends_by_its_slope(ends_at: LossSlope) -> Schedule {
    let (tokens, rate) = (MOST_STEPS * STEP_TOKENS, cosine(1e-2));
    let base = Stage { ends_at: Some(ends_at), ..Stage::new("base", model(2), tokens, rate.over(tokens)) };
    let mut stages = ScheduleBuilder::new(base);
    let enter = Some(Growth::Stack { factor: 2 });
    let tokens = 3 * STEP_TOKENS;
    stages.then(NextStage { enter, ..NextStage::new("grown", tokens, rate.over(tokens)) }).unwrap();
    stages.build().unwrap()
}

/// Whether a loss was too slow, and its slope.
type End = (bool, Option<f64>);

/// The validations of the base, its steps, and what was told of its end.
fn base_of(schedule: &Schedule) -> (Vec<LossPoint>, u64, Option<End>) {
    let workshop = Workshop::new();
    let (mut points, mut end, mut steps) = (Vec::new(), None, 0);
    let outcome = workshop.train(&workshop.path("run"), 1, schedule, &settings(), &mut |position, event| {
        match event {
            Event::Evaluated { validation_loss, .. } if position.stage == 0 => {
                points.push(LossPoint { flops: position.flops, validation_loss: *validation_loss });
            }
            Event::StageEnds { is_slow, slope, .. } => {
                assert_eq!(position.stage, 0);
                (end, steps) = (Some((*is_slow, *slope)), position.step);
            }
            _ => {}
        }
        Control::Continue
    });
    assert!(matches!(outcome.unwrap(), Outcome::Finished { .. }));
    (points, steps, end)
}

#[test]
fn a_stage_ends_where_the_slope_of_its_loss_says_and_not_before() {
    let ends_at = LossSlope { slope: -0.02, validations: 2 };
    let (points, steps, end) = base_of(&ends_by_its_slope(ends_at));
    assert!(steps < MOST_STEPS, "{steps} steps");
    assert_eq!(end, Some((true, ends_at.newest(&points))));
    assert!(ends_at.reached(&points).is_some());
    assert!((0..points.len()).all(|end| ends_at.reached(&points[..end]).is_none()));
}

#[test]
fn a_threshold_that_never_comes_is_told_and_the_tokens_are_used_up() {
    let ends_at = LossSlope { slope: -1e-9, validations: 50 };
    let (_, steps, end) = base_of(&ends_by_its_slope(ends_at));
    assert_eq!((steps, end), (MOST_STEPS, Some((false, None))));
}

#[test]
fn a_run_that_ends_a_stage_early_and_was_stopped_ends_as_one_that_was_not() {
    let schedule = ends_by_its_slope(LossSlope { slope: -0.02, validations: 2 });
    let (_, steps, _) = base_of(&schedule);
    let broken_off: [&[u64]; 5] = [&[1], &[4, 5], &[steps - 1], &[steps], &[steps + 1]];
    check_that_stopping_changes_nothing(&Workshop::new(), &schedule, &broken_off);
}

#[test]
fn data_that_is_replayed_begins_again_and_goes_on_from_there_when_a_run_was_stopped() {
    let (tokens, rate) = (4 * STEP_TOKENS, cosine(1e-2));
    let mut stages = ScheduleBuilder::new(Stage::new("base", model(2), tokens, rate.over(tokens)));
    let enter = Some(Growth::Stack { factor: 2 });
    let at_growth = AtGrowth { data: DataAtGrowth::Replay, ..AtGrowth::default() };
    stages
        .then(NextStage { enter, at_growth, ..NextStage::new("grown", tokens, rate.over(tokens)) })
        .unwrap();
    let schedule = stages.build().unwrap();
    let (workshop, mut told) = (Workshop::new(), Told::default());
    run_until(&workshop, "run", &schedule, None, &mut told).unwrap();
    let next: Vec<_> = told.steps.iter().map(|(position, _)| position.next_sample()).collect();
    assert_eq!(next, [1, 2, 3, 4, 1, 2, 3, 4].map(|step| step * SEQUENCES as u64));
    let device = open_device(DeviceName::Flex).unwrap().autodiff();
    let batch = workshop.batches("training", Order::Shuffled { seed: 3 }).batch(0, SEQUENCES).unwrap();
    let tensors = initial_tensors(&model(2), Initialization::DepthScaled, 1);
    let decoder = Decoder::new(&model(2), &tensors, &device).unwrap();
    let (loss, _) = accumulate(&decoder, &batch, settings().micro_batch_sequences).unwrap();
    assert_eq!(told.steps[0].1, f64::from(loss.into_scalar::<f32>()).to_bits());
    check_that_stopping_changes_nothing(&Workshop::new(), &schedule, &[&[3], &[4], &[5], &[7]]);
}

#[test]
fn a_run_whose_stage_ends_by_its_validations_keeps_their_interval() {
    let schedule = ends_by_its_slope(LossSlope { slope: -0.02, validations: 2 });
    let workshop = Workshop::new();
    run_until(&workshop, "run", &schedule, Some(4), &mut Told::default()).unwrap();
    let other = TrainSettings { validation_interval_tokens: STEP_TOKENS, ..settings() };
    let run = workshop.path("run");
    let outcome = workshop.train(&run, 1, &schedule, &other, &mut |_, _| Control::Continue);
    let message = outcome.unwrap_err().to_string();
    assert!(
        message.ends_with("was written by a run with training.validation_interval_tokens = 96, here 32"),
        "{message}"
    );
}
