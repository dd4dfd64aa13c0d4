//! Folders that refuse a run, and runs that end without a result.

use std::fs;

use outgrow_data::Order;
use outgrow_kernels::{DeviceName, Precision, open_device};
use outgrow_model::Initialization;
use outgrow_schedules::Schedule;
use outgrow_train::{AdamWSettings, Control, TrainError, TrainSettings, Training, resume::Field, train};

use crate::resume::workshop::{STEP_TOKENS, Told, Workshop, names, run_until, settings, stacked};

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
    let refusal = |differences: &str| format!("step-00000002: was written by a run with {differences}");
    assert_eq!(message(2, &schedule, &settings()), refusal("seed = 1, here 2"));
    let rates = ["base", "grown"].map(|stage| {
        format!(
            "stage \"{stage}\": learning_rate.peak = 0.01, here 0.02; stage \"{stage}\": learning_rate.minimum = 0.001, here 0.002"
        )
    });
    assert_eq!(message(1, &stacked(2e-2), &settings()), refusal(&rates.join("; ")));
    let others =
        TrainSettings { optimizer: AdamWSettings { beta2: 0.99, ..AdamWSettings::default() }, ..settings() };
    assert_eq!(message(1, &schedule, &others), refusal("training.optimizer.beta2 = 0.95, here 0.99"));
    assert_eq!(names(&run), before);
}

#[test]
fn a_run_does_not_go_on_in_another_precision() {
    let workshop = Workshop::new();
    run_until(&workshop, "run", &stacked(1e-2), Some(2), &mut Told::default()).unwrap();
    let run = workshop.path("run");
    let rounded = TrainSettings { precision: Precision::Bf16, ..settings() };
    let error = workshop.train(&run, 1, &stacked(1e-2), &rounded, &mut |_, _| panic!("nothing may happen"));
    assert_eq!(
        error.unwrap_err().to_string().replace(&format!("{}/", run.display()), ""),
        "step-00000002: was written by a run with dtype = f32, here bf16"
    );
}

#[test]
fn a_checkpoint_from_before_there_was_a_precision_is_one_in_f32() {
    let workshop = Workshop::new();
    run_until(&workshop, "run", &stacked(1e-2), Some(2), &mut Told::default()).unwrap();
    let state = workshop.path("run/step-00000002/training/state.json");
    let mut value: serde_json::Value = serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
    assert_eq!(value["settings"].as_object_mut().unwrap().remove("precision").unwrap(), "f32");
    fs::write(&state, value.to_string()).unwrap();
    run_until(&workshop, "run", &stacked(1e-2), None, &mut Told::default()).unwrap();
}

#[test]
fn a_folder_refuses_a_run_over_other_data() {
    let workshop = Workshop::new();
    run_until(&workshop, "run", &stacked(1e-2), Some(2), &mut Told::default()).unwrap();
    let run = workshop.path("run");
    let (training, validation) =
        (|order| workshop.batches("training", order), |order| workshop.batches("validation", order));
    let (own, held_out) = (training(Order::Shuffled { seed: 3 }), validation(Order::Sequential));
    let others = [
        (training(Order::Shuffled { seed: 4 }), held_out.clone(), Field::OrderSeed),
        (training(Order::Sequential), held_out.clone(), Field::OrderSeed),
        (validation(Order::Shuffled { seed: 3 }), held_out, Field::TrainingData),
        (own, training(Order::Sequential), Field::ValidationData),
    ];
    for (training, validation, field) in others {
        let training = Training {
            schedule: &stacked(1e-2),
            settings: &settings(),
            initialization: Initialization::DepthScaled,
            seed: 1,
            training,
            validation: &validation,
            device: &open_device(DeviceName::Flex).unwrap(),
            device_name: DeviceName::Flex,
            folder: &run,
            side_files: &[],
            extend: false,
        };
        let error = train(&training, &mut |_, _| panic!("nothing may happen")).unwrap_err();
        let TrainError::OtherRun { differences, .. } = &error else { panic!("{error:?}") };
        assert_eq!(differences.iter().map(|one| one.field).collect::<Vec<_>>(), [field], "{error}");
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
