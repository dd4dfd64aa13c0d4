//! Folders that refuse a run, and runs that end without a result.

use std::fs;

use outgrow_checkpoint::TrainingCost;
use outgrow_data::Order;
use outgrow_kernels::{DeviceName, Precision};
use outgrow_model::Initialization;
use outgrow_schedules::Schedule;
use outgrow_train::{
    AdamWSettings, Base, BaseRecord, Control, TrainError, TrainSettings, Training,
    resume::{Field, Standing},
    train,
};

use crate::resume::workshop::{
    STEP_TOKENS, Told, Workshop, cosine, model, names, run_until, settings, stacked,
};

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
    let others = TrainSettings {
        optimizer: AdamWSettings { beta2: 0.99, ..AdamWSettings::default() }.into(),
        ..settings()
    };
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
            base: None,
            initialization: Initialization::DepthScaled,
            seed: 1,
            training,
            validation: &validation,
            device: DeviceName::Flex,
            folder: &run,
            side_files: &[],
            card: None,
            extend: false,
        };
        let error = Standing::newest(&training).unwrap().check().unwrap_err();
        let TrainError::OtherRun { differences, .. } = &error else { panic!("{error:?}") };
        assert_eq!(differences.iter().map(|one| one.field).collect::<Vec<_>>(), [field], "{error}");
    }
}

#[test]
fn stages_that_begin_with_a_base_take_one_and_others_take_none() {
    let workshop = Workshop::new();
    let rate = cosine(1e-2).over(STEP_TOKENS * 2);
    let fresh = stacked(1e-2);
    let from_base = Schedule::continued(model(2), STEP_TOKENS * 2, rate).unwrap();
    let record = BaseRecord { name: "base".into(), sha256: "0".repeat(64), cost: TrainingCost::UNKNOWN };
    let with_base = |schedule: &Schedule, base: Option<Base<'_>>| {
        let nowhere = workshop.path("nowhere");
        workshop.with_training(&nowhere, 1, schedule, &settings(), |training| {
            let training = Training { base, training: training.training.clone(), ..*training };
            let start = Standing::newest(&training)?.check()?;
            train(start, &mut |_, _| Control::Abandon)
        })
    };
    let message = |schedule, base| with_base(schedule, base).unwrap_err().to_string();
    let base = Some(Base { record: &record, checkpoint: None });
    assert_eq!(message(&fresh, base), "the stages begin with weights that are drawn, and a base is given");
    assert_eq!(message(&from_base, None), "the stages begin with a base, and none is given");
    assert_eq!(message(&from_base, base), "the run begins with a base, whose weights aren't given");
}

#[test]
fn what_cannot_be_a_run_is_said_all_at_once_and_without_a_folder() {
    let workshop = Workshop::new();
    let many = TrainSettings { batch_sequences: 99, micro_batch_sequences: 99, ..settings() };
    let check = |settings: &TrainSettings| {
        let nowhere = workshop.path("nowhere");
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "the method itself has one lifetime only"
        )]
        let checked =
            workshop.with_training(&nowhere, 1, &stacked(1e-2), settings, |training| training.check());
        assert!(!nowhere.exists());
        checked.map_err(|error| error.to_string().replace(&workshop.path("").display().to_string(), ""))
    };
    let too_few = "training: the corpus has 37 samples of sequence length 16, but one batch needs 99";
    assert_eq!(check(&many).unwrap_err(), too_few);
    let more = TrainSettings { validation_sequences: 1000, checkpoints_kept: 0, ..many };
    let all = [
        "checkpoints_kept = 0: at least 1 is needed",
        too_few,
        "validation_sequences = 1000, but the validation shards hold only 37 sequences",
    ];
    assert_eq!(check(&more).unwrap_err(), all.join("; "));
    check(&settings()).unwrap();
}

#[test]
fn a_run_that_is_taken_back_doesnt_meet_newer_checkpoints() {
    let workshop = Workshop::new();
    let (run, schedule) = (workshop.path("run"), stacked(1e-2));
    let settings = TrainSettings { checkpoint_interval_tokens: Some(STEP_TOKENS), ..settings() };
    workshop.train(&run, 1, &schedule, &settings, &mut |_, _| Control::Continue).unwrap();
    assert_eq!(names(&run), ["step-00000006", "step-00000007"]);
    workshop.with_training(&run, 1, &schedule, &settings, |training| {
        let start = || Standing::at_step(training, 6).unwrap().check().unwrap();
        let error = train(start(), &mut |_, _| panic!("nothing may happen")).unwrap_err();
        assert!(matches!(error, TrainError::NewerCheckpoints { step: 6, newest: 7, .. }), "{error:?}");
        let (aside, mut start) = (workshop.path("aside"), start());
        fs::create_dir(&aside).unwrap();
        assert_eq!(start.set_aside_newer(&aside).unwrap(), ["step-00000007"]);
        train(start, &mut |_, _| Control::Continue).unwrap();
    });
    assert_eq!(names(&run), ["step-00000006", "step-00000007"]);
    let model =
        |folder: &str| fs::read(workshop.path(folder).join("step-00000007/model.safetensors")).unwrap();
    assert!(model("run") == model("aside"));
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
