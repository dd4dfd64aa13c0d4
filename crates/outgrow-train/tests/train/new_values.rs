//! New values with a learning rate of their own: as PyTorch with two parameter groups, old values untouched, under both
//! optimizers, and the same when a run was stopped.

use std::path::Path;

use outgrow_checkpoint::Checkpoint;
use outgrow_data::Batch;
use outgrow_kernels::{DeviceName, open_device};
use outgrow_model::{Decoder, Initialization, initial_tensors};
use outgrow_operators::{Growth, GrowthPlan, NewPart, Width, grow_tensors};
use outgrow_schedules::{
    AtGrowth, LearningRateCurve, NewParameters, NextStage, RateAtGrowth, RateBefore, Schedule,
    ScheduleBuilder, Stage,
};
use outgrow_train::{
    AdamWSettings, Control, Event, MuonSettings, NewValues, Optimizer, OptimizerSettings, accumulate,
    global_norm,
};
use serde::Deserialize;

use crate::{
    expected::{Expected, close, scalar},
    resume::workshop::{
        SEQUENCE_LENGTH, STEP_TOKENS, Told, Workshop, check_that_stopping_changes_nothing, cosine, model,
        run_until, weights,
    },
};

#[derive(Deserialize)]
struct Settings {
    weight_decay: f64,
    betas: [f64; 2],
    epsilon: f64,
    clip: f64,
    new_parameters: Case,
}

#[derive(Deserialize)]
struct Case {
    stage: StageOfCase,
    at_growth: NewParameters,
}

#[derive(Deserialize)]
struct StageOfCase {
    tokens: u64,
    learning_rate: LearningRateCurve,
}

#[test]
fn fifty_steps_of_a_stack_whose_copies_have_their_own_rate_are_as_in_pytorch() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/learning-rates");
    let settings: Settings =
        serde_json::from_slice(&std::fs::read(folder.join("settings.json")).unwrap()).unwrap();
    let expected = Expected::read(&folder);
    let [losses, norms] =
        ["losses", "gradient_norms"].map(|what| expected.floats(&format!("{what}.new-parameters")));
    let [rates, new_rates] = ["learning_rates", "new_learning_rates"]
        .map(|what| expected.doubles(&format!("{what}.new-parameters")));
    let (shape, text) = expected.bytes("tokens");
    let [_, sequences, with_target] = *shape.as_slice() else { panic!("tokens have three dimensions") };
    let sequence_length = with_target - 1;

    let small = Checkpoint::open(&folder).unwrap();
    let plan = GrowthPlan::new(small.config(), [&Growth::Stack { factor: 2 }]).unwrap();
    let tensors = grow_tensors(&plan, &small.to_named_tensors().unwrap()).unwrap();
    let device = open_device(DeviceName::Flex).unwrap().autodiff();
    let mut decoder = Decoder::new(plan.target(), &tensors, &device).unwrap();
    let adamw = AdamWSettings {
        beta1: settings.betas[0],
        beta2: settings.betas[1],
        epsilon: settings.epsilon,
        weight_decay: settings.weight_decay,
        clip_norm: Some(settings.clip),
        ..AdamWSettings::default()
    };
    let mut optimizer =
        Optimizer::new(OptimizerSettings { adamw, ..OptimizerSettings::default() }, plan.target());
    let new_values = NewValues::new(&plan.lineage(), &decoder.device());
    let Case { stage, at_growth } = settings.new_parameters;
    let curve = RateAtGrowth::Restart
        .learning_rate(RateBefore::NOTHING, Some(stage.learning_rate), stage.tokens)
        .unwrap();
    for (step, batch) in text.chunks(sequences * with_target).enumerate() {
        let ids = |first: usize| -> Vec<i32> {
            let rows = batch.chunks(with_target);
            rows.flat_map(|row| row[first..first + sequence_length].iter().map(|id| i32::from(*id))).collect()
        };
        let batch = Batch { sequences, sequence_length, inputs: ids(0), targets: ids(1) };
        let (loss, gradients) = accumulate(&decoder, &batch, sequences).unwrap();
        let norm = scalar(global_norm(&gradients).unwrap());
        close(&format!("loss of step {step}"), scalar(loss), losses[step], 1e-4);
        close(&format!("gradient norm of step {step}"), norm, norms[step], 1e-4);
        let tokens = ((step + 1) * sequences * sequence_length) as u64;
        let (rate, new_rate) = (curve.at(tokens), at_growth.learning_rate(&curve, tokens));
        close(&format!("rate of step {step}"), rate, rates[step], 1e-12);
        close(&format!("rate of new parameters in step {step}"), new_rate, new_rates[step], 1e-12);
        let scale = (settings.clip / (norm + 1e-6)).min(1.0);
        optimizer.step_with_new_values(&mut decoder, gradients, scale, rate, (&new_values, new_rate));
    }
}

fn split() -> Growth {
    let width = Width {
        hidden_size: Some(32),
        num_attention_heads: Some(4),
        num_key_value_heads: Some(2),
        ..Width::default()
    };
    Growth::Split { width, share: None }
}

#[test]
fn old_values_are_as_without_a_rate_of_the_new_and_new_ones_as_with_theirs() {
    const RATE: f64 = 1e-2;
    const NEW_RATE: f64 = 1.7e-2;
    let plan = GrowthPlan::new(&model(2), [&split()]).unwrap();
    let tensors = grow_tensors(&plan, &initial_tensors(&model(2), Initialization::Normal, 3)).unwrap();
    let ids = |salt: usize| (0..SEQUENCE_LENGTH).map(|index| ((index * 7 + salt) % 30) as i32).collect();
    let batch = Batch { sequences: 1, sequence_length: SEQUENCE_LENGTH, inputs: ids(1), targets: ids(5) };
    let muon = Some(MuonSettings::default());
    for settings in [OptimizerSettings::default(), OptimizerSettings { muon, ..OptimizerSettings::default() }]
    {
        let stepped = |rate: f64, new: Option<f64>| {
            let device = open_device(DeviceName::Flex).unwrap().autodiff();
            let mut decoder = Decoder::new(plan.target(), &tensors, &device).unwrap();
            let mut optimizer = Optimizer::new(settings.clone(), plan.target());
            let new_values = NewValues::new(&plan.lineage(), &decoder.device());
            let (_, gradients) = accumulate(&decoder, &batch, 1).unwrap();
            match new {
                None => optimizer.step(&mut decoder, gradients, 1.0, rate),
                Some(new) => {
                    optimizer.step_with_new_values(&mut decoder, gradients, 1.0, rate, (&new_values, new));
                }
            }
            decoder.to_named_tensors()
        };
        let (old, new, both) = (stepped(RATE, None), stepped(NEW_RATE, None), stepped(RATE, Some(NEW_RATE)));
        assert!(stepped(RATE, Some(RATE)) == old, "the same rate has the same bits");
        for (name, lineage) in plan.lineage().tensors() {
            let is_new = match &lineage.new {
                NewPart::Lines { .. } => lineage.values(false, true).unwrap(),
                other => panic!("{name}: {other:?}"),
            };
            for (index, is_new) in is_new.into_iter().enumerate() {
                let [before, old, new, both] =
                    [&tensors, &old, &new, &both].map(|one| one[name].values[index]);
                if is_new {
                    // What is rounded are the weights, at either rate: three of their last places.
                    let last_place = f32::EPSILON * before.abs().max(new.abs());
                    assert!(
                        (both - new).abs() <= 3.0 * last_place,
                        "{name}: {both} instead of {new} from {before}"
                    );
                } else {
                    assert_eq!(both.to_bits(), old.to_bits(), "{name} at {index}");
                }
            }
        }
    }
}

fn grown_by(growth: Growth, new_parameters: Option<NewParameters>) -> Schedule {
    let (tokens, rate) = (2 * STEP_TOKENS, cosine(1e-2));
    let mut stages = ScheduleBuilder::new(Stage::new("base", model(2), tokens, rate.over(tokens)));
    let (tokens, at_growth) = (5 * STEP_TOKENS, AtGrowth { new_parameters, ..AtGrowth::default() });
    let stage = NextStage::new("grown", tokens, rate.over(tokens));
    stages.then(NextStage { enter: Some(growth), at_growth, ..stage }).unwrap();
    stages.build().unwrap()
}

#[test]
fn a_run_whose_new_values_have_their_own_rate_tells_it_and_is_the_same_when_it_was_stopped() {
    let new = NewParameters { ratio: 1.5, rewarm_tokens: 3 * STEP_TOKENS };
    for growth in [Growth::Stack { factor: 2 }, split()] {
        let schedule = grown_by(growth.clone(), Some(new));
        check_that_stopping_changes_nothing(&Workshop::new(), &schedule, &[&[2], &[3, 5]]);

        let workshop = Workshop::new();
        let ending = |run: &str, new: Option<NewParameters>| {
            let mut told = Told::default();
            weights(&run_until(&workshop, run, &grown_by(growth.clone(), new), None, &mut told).unwrap())
        };
        let without = ending("without", None);
        let ratio_1 = NewParameters { ratio: 1.0, ..new };
        assert!(ending("ratio-1", Some(ratio_1)) == without, "a ratio of 1 has the bits of none");
        assert!(ending("ratio", Some(new)) != without);
    }
    let workshop = Workshop::new();
    let mut rates = Vec::new();
    let schedule = grown_by(split(), Some(new));
    let settings = crate::resume::settings();
    let outcome = workshop.train(&workshop.path("run"), 1, &schedule, &settings, &mut |position, event| {
        if let Event::Step(report) = event {
            let stage = &schedule.stages()[position.stage];
            assert_eq!(report.new_learning_rate, stage.new_learning_rate(position.stage_tokens));
            rates.push(report.new_learning_rate.map(|rate| rate > report.learning_rate));
        }
        Control::Continue
    });
    outcome.unwrap();
    // At the end both are at the minimum.
    let (above, same) = (Some(true), Some(false));
    assert_eq!(rates, [None, None, above, above, above, above, same]);
}
