//! What a run tells of its growths: the norms of what is old and what is new, and how far copies have parted.

use outgrow_operators::{Depth, Growth, Placement, TensorLineage, Width};
use outgrow_schedules::{NextStage, Schedule, ScheduleBuilder, Stage, Trainable};
use outgrow_train::{Control, Event, GrowthCopies, GrowthNorms, PartNorms, TrainSettings};

use crate::resume::workshop::{
    STEP_TOKENS, Workshop, check_that_stopping_changes_nothing, cosine, model, settings,
};

const BASE_STEPS: u64 = 2;
const GROWN_STEPS: u64 = 14;

fn grown_by(growth: Growth, trainable: Trainable) -> Schedule {
    let (tokens, rate) = (BASE_STEPS * STEP_TOKENS, cosine(1e-2));
    let mut stages = ScheduleBuilder::new(Stage::new("base", model(2), tokens, rate.over(tokens)));
    let (enter, tokens) = (Some(growth), GROWN_STEPS * STEP_TOKENS);
    stages
        .then(NextStage { enter, trainable, ..NextStage::new("grown", tokens, rate.over(tokens)) })
        .unwrap();
    stages.build().unwrap()
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

#[derive(Default)]
struct Told {
    /// After so many steps of the grown stage, with the norm of all gradients.
    norms: Vec<(u64, f64, GrowthNorms)>,
    /// After so many of its steps.
    copies: Vec<(u64, GrowthCopies)>,
}

fn told_of(schedule: &Schedule) -> Told {
    let workshop = Workshop::new();
    let (mut told, mut gradient_norm) = (Told::default(), 0.0);
    let settings = TrainSettings { validation_interval_tokens: 4 * STEP_TOKENS, ..settings() };
    let outcome = workshop.train(&workshop.path("run"), 1, schedule, &settings, &mut |position, event| {
        let steps = position.stage_tokens / STEP_TOKENS;
        match event {
            Event::Step(report) => gradient_norm = report.gradient_norm,
            Event::Norms(norms) => told.norms.push((steps, gradient_norm, *norms)),
            Event::Copies(copies) => told.copies.push((steps, (*copies).clone())),
            _ => {}
        }
        assert!(position.stage == 1 || told.norms.is_empty() && told.copies.is_empty(), "nothing has grown");
        Control::Continue
    });
    outcome.unwrap();
    told
}

fn norm(parts: &[PartNorms]) -> f64 {
    parts.iter().map(|part| part.grad_norm * part.grad_norm).sum::<f64>().sqrt()
}

#[test]
fn old_and_new_values_make_up_all_gradients_of_the_steps_that_are_measured() {
    for growth in [
        Growth::Stack { factor: 2 },
        split(),
        Growth::ZeroWidth { width: Width { intermediate_size: Some(40), ..Width::default() }, seed: 3 },
    ] {
        let schedule = grown_by(growth.clone(), Trainable::All);
        let lineage = schedule.growth(1).unwrap().plan().lineage();
        let new: u64 = lineage.tensors().values().map(TensorLineage::num_new).sum();
        let told = told_of(&schedule);
        let steps: Vec<u64> = told.norms.iter().map(|(steps, _, _)| *steps).collect();
        // The first ten, one that ends with a validation, and the last.
        assert_eq!(steps, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14], "{growth:?}");
        for (step, gradient_norm, norms) in &told.norms {
            let [old, new_part] = [norms.old, norms.new].map(|part| part.expect("both are trained"));
            assert_eq!(norms.mixed, None);
            assert_eq!((old.parameters, new_part.parameters), (model(2).num_parameters(), new), "{growth:?}");
            let found = norm(&[old, new_part]);
            assert!(
                (found - gradient_norm).abs() <= 1e-5 * gradient_norm,
                "{step}: {found} of {gradient_norm}"
            );
            assert!(old.update_norm > 0.0 && new_part.update_norm > 0.0, "{growth:?}");
        }
        // Adam's first update of a value is as large as the rate, but for what its gradient is next to nothing of.
        let (_, _, first) = told.norms[0];
        let rate = schedule.stages()[1].learning_rate.at(STEP_TOKENS);
        for part in [first.old.unwrap(), first.new.unwrap()] {
            let most = rate * 1.1 * (part.parameters as f64).sqrt();
            assert!(part.update_norm > most / 4.0 && part.update_norm < most, "{part:?} at {rate}");
        }
    }
}

#[test]
fn copies_are_alike_at_first_and_part_in_training() {
    let told = told_of(&grown_by(Growth::Stack { factor: 2 }, Trainable::All));
    let steps: Vec<u64> = told.copies.iter().map(|(steps, _)| *steps).collect();
    assert_eq!(steps, [0, 2, 6, 10, 14]);
    let of = |index: usize| told.copies[index].1.layers["mlp.up_proj.weight"];
    assert_eq!(of(0).pairs, 2);
    assert!((of(0).mean - 1.0).abs() < 1e-12 && (of(0).largest - 1.0).abs() < 1e-12, "{:?}", of(0));
    assert!(of(4).mean < 1.0 - 1e-4 && of(4).mean <= of(4).largest && of(4).mean < of(1).mean, "{:?}", of(4));
    assert!(told.copies[4].1.channels.is_empty());

    let told = told_of(&grown_by(split(), Trainable::All));
    let (_, last) = told.copies.last().unwrap();
    assert!(last.layers.is_empty());
    assert_eq!(last.channels["mlp.down_proj.weight"].pairs, 2 * 16, "rows of two layers");
    assert_eq!(last.channels["model.embed_tokens.weight"].pairs, 16, "columns");
    assert!(!last.channels.contains_key("input_layernorm.weight"), "a number has no direction");
}

#[test]
fn what_is_frozen_has_no_norms() {
    let growth = Growth::ZeroDepth { depth: Depth::Factor(2), placement: Placement::Top };
    let told = told_of(&grown_by(growth, Trainable::Top { layers: 2 }));
    let (_, _, norms) = told.norms[0];
    let above = (model(2).vocab_size + 1) * 16;
    assert_eq!(norms.old.map(|old| old.parameters), Some(above as u64), "the head and the norm before it");
    let in_layer = (model(3).num_parameters() - model(2).num_parameters()) * 2;
    assert_eq!(norms.new.map(|new| new.parameters), Some(in_layer), "two layers");
}

#[test]
fn fresh_values_are_no_copies() {
    let width = Width { intermediate_size: Some(40), ..Width::default() };
    assert!(told_of(&grown_by(Growth::ZeroWidth { width, seed: 1 }, Trainable::All)).copies.is_empty());
}

#[test]
fn a_run_that_was_stopped_measures_the_same_of_its_growth() {
    let stops: [&[u64]; 3] = [&[BASE_STEPS], &[BASE_STEPS + 1, BASE_STEPS + 7], &[BASE_STEPS + GROWN_STEPS]];
    for growth in [Growth::Stack { factor: 2 }, split()] {
        check_that_stopping_changes_nothing(&Workshop::new(), &grown_by(growth, Trainable::All), &stops);
    }
}
