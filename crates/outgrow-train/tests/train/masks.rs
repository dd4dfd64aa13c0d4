//! Masks that open in training: closed at the growth, open at the end, in between what is exported; and runs that stop
//! within a ramp.

use std::fs;

use outgrow_checkpoint::Checkpoint;
use outgrow_data::Order;
use outgrow_kernels::{DeviceName, open_device};
use outgrow_model::Decoder;
use outgrow_operators::{
    Depth, FolderGrowth, Growth, Moments, Source, Width, folder::MaskedFolder, grow_tensors, plan::MaskValues,
};
use outgrow_schedules::{
    AtGrowth, LearningRate, LossSlope, MaskOrder, MaskRamp, NextStage, Schedule, ScheduleBuilder, Stage,
};
use outgrow_train::{
    AdamWSettings, Control, Event, MuonSettings, OptimizerSettings, Outcome, TrainSettings, validation_loss,
};

use crate::resume::workshop::{
    BASE_STEPS, STEP_TOKENS, Told, Workshop, check_that_stopping_changes_nothing, cosine, model, names,
    run_until, settings,
};

/// Steps over which a mask opens, where all of it opens at once.
const RAMP_STEPS: u64 = 3;
/// Steps of the masked stage.
const GROWN_STEPS: u64 = 8;

/// A base, and what a growth makes of it behind a mask.
fn masked(growth: Growth, order: MaskOrder) -> Schedule {
    let rate = |tokens: u64| -> LearningRate { cosine(1e-2).over(tokens) };
    let base_tokens = BASE_STEPS * STEP_TOKENS;
    let mut stages = ScheduleBuilder::new(Stage::new("base", model(2), base_tokens, rate(base_tokens)));
    let mask = Some(MaskRamp { tokens: RAMP_STEPS * STEP_TOKENS / order_steps(order), order });
    let tokens = GROWN_STEPS * STEP_TOKENS;
    let stage = NextStage::new("grown", tokens, rate(tokens));
    let at_growth = AtGrowth { mask, ..AtGrowth::default() };
    stages.then(NextStage { enter: Some(growth), at_growth, ..stage }).unwrap();
    stages.build().unwrap()
}

/// So that a ramp of three kinds is as long as one of all.
fn order_steps(order: MaskOrder) -> u64 {
    match order {
        MaskOrder::Together => 1,
        MaskOrder::OneAfterAnother => 3,
    }
}

const WIDTH: Width = Width {
    hidden_size: Some(24),
    intermediate_size: Some(40),
    num_attention_heads: Some(4),
    num_key_value_heads: Some(2),
};

/// Growths of fresh parts and of copies, in depth and in width, of which some preserve the function when open.
fn growths() -> Vec<(Growth, MaskOrder)> {
    let deeper = Depth::Layers(3);
    vec![
        (Growth::RandomDepth { depth: deeper, seed: 5 }, MaskOrder::Together),
        (Growth::RandomWidth { width: WIDTH, seed: 5 }, MaskOrder::Together),
        (Growth::RandomWidth { width: WIDTH, seed: 5 }, MaskOrder::OneAfterAnother),
        (Growth::Stack { factor: 2 }, MaskOrder::Together),
        (Growth::Split { width: WIDTH, share: Some(0.3) }, MaskOrder::OneAfterAnother),
        (Growth::Hyperclone { factor: 2 }, MaskOrder::Together),
    ]
}

/// Of each step and each validation: its tokens, and the loss; and the masks of the steps.
#[derive(Debug, Default)]
struct Seen {
    validations: Vec<(u64, f64)>,
    masks: Vec<Option<MaskValues>>,
}

/// A whole run with a checkpoint and a validation after every step, all of which stay.
fn run(workshop: &Workshop, schedule: &Schedule) -> (Outcome, Seen) {
    let settings = TrainSettings {
        validation_interval_tokens: STEP_TOKENS,
        checkpoint_interval_tokens: Some(STEP_TOKENS),
        checkpoints_kept: 100,
        ..settings()
    };
    let mut seen = Seen::default();
    let outcome = workshop.train(&workshop.path("run"), 1, schedule, &settings, &mut |position, event| {
        match event {
            Event::Step(report) => seen.masks.push(report.mask),
            Event::Evaluated { validation_loss, .. } => {
                seen.validations.push((position.tokens, *validation_loss));
            }
            Event::Started { .. }
            | Event::Grown { .. }
            | Event::StageEnds { .. }
            | Event::Learning { .. }
            | Event::Learned { .. }
            | Event::Saved { .. }
            | Event::Norms(_)
            | Event::Copies(_) => {}
        }
        Control::Continue
    });
    (outcome.unwrap(), seen)
}

#[test]
fn a_mask_begins_at_the_source_and_ends_as_an_ordinary_model() {
    for (growth, order) in growths() {
        let workshop = Workshop::new();
        let schedule = masked(growth.clone(), order);
        let (_, seen) = run(&workshop, &schedule);
        let base_tokens = BASE_STEPS * STEP_TOKENS;
        let at_growth: Vec<f64> = seen
            .validations
            .iter()
            .filter(|(tokens, _)| *tokens == base_tokens)
            .map(|(_, loss)| *loss)
            .collect();
        let [before, after] = at_growth[..] else { panic!("{at_growth:?}") };
        match growth {
            // A layer that adds zero leaves every bit.
            Growth::RandomDepth { .. } | Growth::Stack { .. } => {
                assert_eq!(before.to_bits(), after.to_bits());
            }
            _ => assert!(
                (before - after).abs() < 1e-5,
                "{growth}: {before} before the growth, {after} after it"
            ),
        }
        // Of the base none; from 0 on; none once it is open.
        let masks = &seen.masks[BASE_STEPS as usize..];
        assert!(seen.masks[..BASE_STEPS as usize].iter().all(Option::is_none));
        assert_eq!(masks.iter().filter(|mask| mask.is_some()).count() as u64, RAMP_STEPS, "{growth}");
        if order == MaskOrder::Together {
            let values = masks.iter().flatten().map(|mask| mask.one().unwrap());
            assert_eq!(values.collect::<Vec<_>>(), [0.0, 1.0 / 3.0, 2.0 / 3.0]);
        } else {
            let one = |layers, intermediate_size, hidden_size, num_attention_heads| {
                Some(MaskValues { layers, hidden_size, intermediate_size, num_attention_heads })
            };
            assert_eq!(
                masks[..4],
                [one(1.0, 0.0, 0.0, 0.0), one(1.0, 1.0, 0.0, 0.0), one(1.0, 1.0, 1.0, 0.0), None]
            );
        }
        // Within the ramp a checkpoint says its mask, and its export computes what the run did; then it is whole.
        for step in BASE_STEPS + 1..=BASE_STEPS + GROWN_STEPS {
            let checkpoint = workshop.path(&format!("run/step-{step:08}"));
            let is_masked = step < BASE_STEPS + RAMP_STEPS;
            assert_eq!(names(&checkpoint.join("training")).contains(&"mask.json".to_owned()), is_masked);
            let folder = if is_masked {
                assert!(Source::open(&checkpoint).is_err());
                let exported = workshop.path(&format!("exported-{step}"));
                let masked = MaskedFolder::open(&checkpoint).unwrap();
                let plan = FolderGrowth::new(masked.plan(), Moments::Reset, 1 << 30).unwrap();
                plan.carry_out(&exported).unwrap();
                exported
            } else {
                checkpoint
            };
            let opened = Checkpoint::open(&folder).unwrap();
            let device = open_device(DeviceName::Flex).unwrap();
            let decoder =
                Decoder::new(opened.config(), &opened.to_named_tensors().unwrap(), &device).unwrap();
            let batches = workshop.batches("validation", Order::Sequential);
            let loss = validation_loss(&decoder, &batches, settings().validation_sequences, 1).unwrap();
            let told =
                seen.validations.iter().rev().find(|(tokens, _)| *tokens == step * STEP_TOKENS).unwrap().1;
            if is_masked {
                assert!((loss - told).abs() < 1e-5, "{growth}: {told}, exported {loss}");
            } else {
                assert_eq!(loss.to_bits(), told.to_bits(), "{growth}");
            }
        }
    }
}

#[test]
fn a_run_that_was_stopped_within_a_ramp_ends_as_one_that_was_not() {
    for (growth, order) in growths() {
        let workshop = Workshop::new();
        // At the growth, twice within the ramp, at its end and behind it; and again and again.
        let first = BASE_STEPS;
        let stops: [&[u64]; 3] = [
            &[first],
            &[first + 1],
            &[first, first + 1, first + 2, first + RAMP_STEPS, first + RAMP_STEPS + 1],
        ];
        check_that_stopping_changes_nothing(&workshop, &masked(growth, order), &stops);
    }
}

#[test]
fn a_stage_that_may_end_early_looks_at_its_losses_from_where_its_mask_is_open() {
    let workshop = Workshop::new();
    let growth = Growth::RandomDepth { depth: Depth::Layers(3), seed: 5 };
    let mut stages = masked(growth, MaskOrder::Together).stages().to_vec();
    stages[1].ends_at = Some(LossSlope { slope: -1e30, validations: 2 });
    let (enter, at_growth) = (None, AtGrowth::default());
    stages.push(Stage { name: "last".into(), enter, ends_at: None, at_growth, ..stages[1].clone() });
    run(&workshop, &Schedule::new(stages).unwrap());
    let counted = |steps_of_stage: u64| {
        let state =
            workshop.path(&format!("run/step-{:08}/training/state.json", BASE_STEPS + steps_of_stage));
        let state: serde_json::Value = serde_json::from_str(&fs::read_to_string(state).unwrap()).unwrap();
        state["validations"].as_array().map_or(0, Vec::len)
    };
    assert_eq!([1, RAMP_STEPS - 1, RAMP_STEPS, RAMP_STEPS + 1].map(counted), [0, 0, 1, 2]);
}

#[test]
fn muon_moves_what_a_mask_has_begun_to_let_in_and_not_before() {
    let workshop = Workshop::new();
    let growth = Growth::RandomDepth { depth: Depth::Layers(3), seed: 5 };
    let adamw = AdamWSettings { weight_decay: 0.0, ..AdamWSettings::default() };
    let muon = Some(MuonSettings { weight_decay: Some(0.0), ..MuonSettings::default() });
    let settings = TrainSettings {
        optimizer: OptimizerSettings { adamw, muon },
        checkpoint_interval_tokens: Some(STEP_TOKENS),
        checkpoints_kept: 100,
        ..settings()
    };
    let schedule = masked(growth, MaskOrder::Together);
    workshop.train(&workshop.path("run"), 1, &schedule, &settings, &mut |_, _| Control::Continue).unwrap();
    let base = Checkpoint::open(&workshop.path("run/step-00000004")).unwrap().to_named_tensors().unwrap();
    let grown = grow_tensors(schedule.growth(1).unwrap().plan(), &base).unwrap();
    let at = |step: u64| {
        let checkpoint = workshop.path(&format!("run/step-{:08}", BASE_STEPS + step));
        Checkpoint::open(&checkpoint).unwrap().to_named_tensors().unwrap()
    };
    let fresh = "model.layers.2.mlp.down_proj.weight";
    // The first step is at mask 0: the fresh layer has no gradient there, and a gradient of zeros is no direction.
    assert!(
        at(1)[fresh] == grown[fresh]
            && at(1)["model.layers.0.mlp.down_proj.weight"] != grown["model.layers.0.mlp.down_proj.weight"]
    );
    assert!(at(2)[fresh] != grown[fresh] && at(2)[fresh].values.iter().all(|value| value.is_finite()));
}

#[test]
fn a_checkpoint_that_lost_its_mask_is_not_whole() {
    let workshop = Workshop::new();
    let growth = Growth::RandomDepth { depth: Depth::Layers(3), seed: 5 };
    let schedule = masked(growth, MaskOrder::Together);
    run_until(&workshop, "run", &schedule, Some(BASE_STEPS + 1), &mut Told::default()).unwrap();
    fs::remove_file(workshop.path("run/step-00000005/training/mask.json")).unwrap();
    let refused = run_until(&workshop, "run", &schedule, None, &mut Told::default()).unwrap_err().to_string();
    assert!(refused.contains("training/mask.json isn't there"), "{refused}");
}

#[test]
fn a_run_with_another_ramp_is_another_run() {
    let workshop = Workshop::new();
    let growth = Growth::RandomDepth { depth: Depth::Layers(3), seed: 5 };
    let schedule = masked(growth.clone(), MaskOrder::Together);
    run_until(&workshop, "run", &schedule, Some(BASE_STEPS + 1), &mut Told::default()).unwrap();
    let other = masked(growth, MaskOrder::OneAfterAnother);
    let refused = run_until(&workshop, "run", &other, None, &mut Told::default()).unwrap_err();
    let refused = refused.to_string();
    assert!(refused.contains("at_growth") && refused.contains("one-after-another"), "{refused}");
}
