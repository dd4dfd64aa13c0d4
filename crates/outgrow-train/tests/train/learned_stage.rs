//! Matrices that are learned between two stages of a run: what they cost, what is left of them, and a run that is
//! stopped meanwhile.

use std::fs;

use outgrow_checkpoint::{Checkpoint, NamedTensors};
use outgrow_operators::{Depth, Growth, GrowthPlan, Width, grow_tensors, growth::LearnedMatrices};
use outgrow_schedules::{
    AtGrowth, FlopConvention, MatrixLearning, NextStage, Schedule, ScheduleBuilder, Stage, Trainable,
};
use outgrow_train::{Control, Event, Outcome, StageLearning};

use crate::resume::workshop::{
    BASE_STEPS, SEQUENCE_LENGTH, STEP_TOKENS, Told, Workshop, check_that_stopping_changes_nothing, cosine,
    model, names, run_until, settings, weights,
};

const LEARNING_STEPS: u64 = 3;
const GROWN_STEPS: u64 = 3;
const STEPS: u64 = BASE_STEPS + LEARNING_STEPS + GROWN_STEPS;
const FILE: &str = "matrices-of-stage-2.safetensors";

/// Two layers for four steps, four by matrices that are learned in three, three more steps.
fn learned(learning: Option<MatrixLearning>) -> Schedule {
    let [base_tokens, tokens] = [BASE_STEPS, GROWN_STEPS].map(|steps| steps * STEP_TOKENS);
    let mut stages =
        ScheduleBuilder::new(Stage::new("base", model(2), base_tokens, cosine(1e-2).over(base_tokens)));
    let growth =
        Growth::Learned { depth: Some(Depth::Layers(4)), width: Width::default(), matrices: None, seed: 3 };
    stages
        .then(NextStage {
            name: "grown".to_owned(),
            enter: Some(growth),
            tokens,
            trainable: Trainable::All,
            at_growth: AtGrowth { learning, ..AtGrowth::default() },
            ends_at: None,
            learning_rate: cosine(1e-2).over(tokens),
        })
        .unwrap();
    stages.build().unwrap()
}

/// A token more than two steps: steps are whole.
fn with_learning() -> Schedule {
    learned(Some(MatrixLearning { tokens: 2 * STEP_TOKENS + 1, learning_rate: 1e-2, all_widths: true }))
}

#[test]
fn a_run_that_learns_matrices_and_was_stopped_beside_that_ends_as_one_that_was_not() {
    let workshop = Workshop::new();
    let after = BASE_STEPS + LEARNING_STEPS;
    let stops: [&[u64]; 5] = [&[0], &[BASE_STEPS], &[after + 1], &[STEPS], &[2, BASE_STEPS, after + 2]];
    check_that_stopping_changes_nothing(&workshop, &with_learning(), &stops);
}

#[test]
fn a_run_that_is_stopped_while_matrices_are_learned_learns_them_anew_to_the_bit() {
    let workshop = Workshop::new();
    let mut straight = Told::default();
    let whole = run_until(&workshop, "whole", &with_learning(), None, &mut straight).unwrap();
    assert_eq!(straight.steps.len() as u64, STEPS);
    for stop in BASE_STEPS + 1..=BASE_STEPS + LEARNING_STEPS {
        let (run, mut first, mut then) = (format!("stopped-{stop}"), Told::default(), Told::default());
        let stopped = run_until(&workshop, &run, &with_learning(), Some(stop), &mut first).unwrap();
        let Outcome::Stopped { checkpoint } = stopped else { panic!("{stopped:?}") };
        assert!(checkpoint.ends_with("step-00000004"), "{}", checkpoint.display());
        assert_eq!(first.steps, straight.steps[..stop as usize]);
        let outcome = run_until(&workshop, &run, &with_learning(), None, &mut then).unwrap();
        assert!(matches!(outcome, Outcome::Finished { .. }), "{outcome:?}");
        assert_eq!(then.steps, straight.steps[BASE_STEPS as usize..], "stopped after {stop}");
        assert!(weights(&outcome) == weights(&whole), "stopped after {stop}: weights differ");
        let matrices = |run: &str| fs::read(workshop.path(run).join(FILE)).unwrap();
        assert!(matrices(&run) == matrices("whole"), "stopped after {stop}: matrices differ");
    }
}

#[test]
fn the_growth_of_a_run_can_be_repeated_by_the_matrices_in_its_folder() {
    let workshop = Workshop::new();
    let mut grown: Option<NamedTensors> = None;
    let (mut has_grown, mut losses) = (false, None);
    let folder = workshop.path("run");
    workshop
        .train(&folder, 1, &with_learning(), &settings(), &mut |_, event| {
            match event {
                Event::Grown { .. } => has_grown = true,
                Event::Learned { learned } => losses = Some((learned.initial_loss, learned.learned_loss)),
                Event::Evaluated { decoder, validation_loss } if has_grown && grown.is_none() => {
                    grown = Some(decoder.to_named_tensors());
                    assert_eq!(
                        losses.unwrap().1.to_bits(),
                        validation_loss.to_bits(),
                        "the loss that was told"
                    );
                }
                _ => {}
            }
            Control::Continue
        })
        .unwrap();
    assert_eq!(names(&folder), [FILE, "step-00000004", "step-00000010"]);
    let matrices = LearnedMatrices::read(&folder.join(FILE)).unwrap();
    let plan = GrowthPlan::learned(&model(2), model(4), &matrices).unwrap();
    let base = Checkpoint::open(&folder.join("step-00000004")).unwrap().to_named_tensors().unwrap();
    assert!(grow_tensors(&plan, &base).unwrap() == grown.unwrap());
    assert_ne!(matrices, LearnedMatrices::initial(&model(2), &model(4), 3), "something was learned");
}

#[test]
fn what_learning_costs_is_the_runs_and_nothing_is_learned_where_nothing_says_so() {
    let workshop = Workshop::new();
    let (schedule, mut told) = (with_learning(), Told::default());
    run_until(&workshop, "run", &schedule, None, &mut told).unwrap();
    let learning = StageLearning::of(&schedule, 1, &settings(), SEQUENCE_LENGTH).unwrap();
    assert_eq!((learning.steps, learning.cost.tokens), (LEARNING_STEPS, Some(LEARNING_STEPS * STEP_TOKENS)));
    assert_eq!(StageLearning::of(&schedule, 0, &settings(), SEQUENCE_LENGTH), None);
    let last = told.steps.last().unwrap().0;
    assert_eq!((last.step, last.tokens), (STEPS, STEPS * STEP_TOKENS));
    let by_stages: f64 = schedule
        .stages()
        .iter()
        .map(|stage| stage.flops_per_token(FlopConvention::Exact, SEQUENCE_LENGTH) * stage.tokens as f64)
        .sum();
    let expected = by_stages + learning.cost.flops.unwrap();
    assert!((last.flops - expected).abs() < 1e-9 * expected, "{} instead of {expected}", last.flops);
    assert_eq!(schedule.tokens(), (BASE_STEPS + GROWN_STEPS + 2) * STEP_TOKENS + 1);

    let (plain, mut told) = (learned(None), Told::default());
    run_until(&workshop, "plain", &plain, None, &mut told).unwrap();
    assert_eq!(told.steps.len() as u64, BASE_STEPS + GROWN_STEPS);
    assert!(!workshop.path("plain").join(FILE).exists());
}
