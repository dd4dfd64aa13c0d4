//! A plan of a made-up run, in words and as JSON.

use outgrow_checkpoint::{LlamaConfig, TrainingCost};
use outgrow_kernels::{DeviceName, Precision};
use outgrow_operators::{Growth, Mix, Moments};
use outgrow_schedules::{
    AtGrowth, BaseSizes, DataAtGrowth, GStack, LearningRateCurve, Length, Noise, RateAtGrowth, Schedule,
    Stacking2,
};
use outgrow_train::{BaseRecord, Measured, MuonSettings, OptimizerSettings, Position, Speed, TrainSettings};

use super::{
    RunPlan,
    facts::{DataPlan, Facts, PlannedStart},
    text::Introduction,
};
use crate::recipe::Recipe;

const TABLE: &str = r#"
name = "example"
seed = 1
model = { hidden_size = 128, intermediate_size = 344, num_hidden_layers = 8, num_attention_heads = 4 }
data = { training = "training", validation = "validation", sequence_length = 128 }
training = { batch_sequences = 16, validation_interval_tokens = 51200, validation_sequences = 64 }
schedule = { method = "METHOD", SCHEDULE }
"#;

fn recipe(method: &str, schedule: &str) -> Recipe {
    let text = TABLE.replace("METHOD", method).replace("SCHEDULE", schedule);
    Recipe::from_table(text.parse().unwrap()).unwrap()
}

fn model() -> LlamaConfig {
    LlamaConfig::from_json(
        r#"{ "model_type": "llama", "vocab_size": 2048, "hidden_size": 128, "intermediate_size": 344,
             "num_hidden_layers": 8, "num_attention_heads": 4, "max_position_embeddings": 128, "rms_norm_eps": 1e-5 }"#,
    )
    .unwrap()
}

fn settings() -> TrainSettings {
    TrainSettings {
        batch_sequences: 16,
        micro_batch_sequences: 16,
        precision: Precision::F32,
        optimizer: OptimizerSettings::default(),
        validation_interval_tokens: 51_200,
        validation_sequences: 64,
        checkpoint_interval_tokens: Some(500_000),
        checkpoints_kept: 2,
    }
}

fn g_stack() -> Schedule {
    let base = LearningRateCurve {
        horizon_tokens: Some(2_000_000),
        ..LearningRateCurve::cosine(4e-3, 4e-4, 80_000)
    };
    g_stack_with(base, AtGrowth::default())
}

fn g_stack_with(base: LearningRateCurve, at_growth: AtGrowth) -> Schedule {
    let grown = LearningRateCurve::cosine(2e-3, 2e-4, 80_000);
    let settings = GStack {
        growth: Growth::Stack { factor: 4 },
        base: BaseSizes::default(),
        base_tokens: 400_000,
        base_learning_rate: base,
        grown: Length::Tokens(1_700_000),
        grown_learning_rate: Some(grown),
        at_growth,
    };
    Schedule::g_stack(&model(), &settings).unwrap()
}

fn plan(recipe: &Recipe, schedule: &Schedule, change: impl FnOnce(&mut Facts<'_>)) -> RunPlan {
    let settings = settings();
    let mut facts = facts(recipe, schedule, &settings);
    change(&mut facts);
    RunPlan::new(&facts)
}

fn facts<'a>(recipe: &'a Recipe, schedule: &'a Schedule, settings: &'a TrainSettings) -> Facts<'a> {
    Facts {
        recipe,
        schedule,
        settings,
        data: DataPlan {
            sequence_length: 128,
            training_tokens: 5_000_000,
            training_sequences: 39_062,
            validation_sequences: 400,
        },
        device: DeviceName::Flex,
        precision: Precision::F32,
        threads: Some(2),
        side_file_bytes: 150_000,
        start: PlannedStart::Begins,
        base: None,
        speeds: Vec::new(),
    }
}

fn speeds(stages: usize) -> Vec<Speed> {
    let measured =
        Measured::Steps { hidden_size: 128, num_hidden_layers: 8, sequences: 16, sequence_length: 128 };
    vec![Speed { measured, flops_per_second: 4e10, seconds_per_updated_parameter: 1e-9 }; stages]
}

const G_STACK: &str = "factor = 4, base_tokens = 400000, base_learning_rate = { peak = 4e-3, minimum = 4e-4, \
    warmup_tokens = 80000 }, grown_tokens = 1700000, grown_learning_rate = { peak = 2e-3, minimum = 2e-4, \
    warmup_tokens = 80000 }";

#[test]
fn a_plan_says_what_a_run_will_do_and_cost() {
    let (recipe, schedule) = (recipe("g-stack", G_STACK), g_stack());
    let whole = plan(&recipe, &schedule, |facts| facts.speeds = speeds(2));
    insta::assert_snapshot!(whole, @"
    run          example: g-stack, seed 1
    start        with step 1
    steps        1,027 of 2,048 tokens (16 × 128)

    stage  layers  width  parameters  trained  steps     tokens  epochs     FLOPs    time
    base        2    128     920,192      all    196    401,408    0.08  1.662e12    44 s
    grown       8    128   2,107,520      all    831  1,701,888    0.34  2.016e13   9 min
    total                                      1,027  2,103,296    0.42  2.182e13  10 min

    base   learning rate 1.02e-4, rises to 4e-3 over 80,000 tokens, falls to 3.76e-3; 4e-4 only at 2,000,000 tokens
    grown  grown by stack × 4; learning rate 5.12e-5, rises to 2e-3 over 80,000 tokens, falls to 2e-4

    FLOPs        2.182e13, and 2.374e13 as 6·N·T
    data         5,000,000 tokens for training, the run reads 42 % of them
    device       cpu, f32, 2 threads
    memory       about 227 MB, in the steps of grown: 34 MB of parameters, moments and gradients, 113 MB of activations
    disk         6 checkpoints, 2 stay: about 51 MB, 76 MB while one is written
    time         about 10 min, without benchmarks and writing
                 40.0 GFLOP/s, measured: steps of 16 × 128 tokens with 8 layers of 128
    ");
    insta::assert_snapshot!(Introduction(&whole), @"
    example: g-stack, 1,027 steps of 2,048 tokens, 2.18e13 FLOPs, on cpu, f32, 2 threads
    base   2 layers of 128, 920.2 k parameters, 196 steps; learning rate 1.02e-4, rises to 4e-3 over 80,000 tokens, falls to 3.76e-3; 4e-4 only at 2,000,000 tokens
    grown  8 layers of 128, 2.11 M parameters, 831 steps; learning rate 5.12e-5, rises to 2e-3 over 80,000 tokens, falls to 2e-4
    ");
}

#[test]
fn a_matrix_that_muon_has_is_planned_with_one_moment_and_its_flops() {
    let (recipe, schedule) = (recipe("g-stack", G_STACK), g_stack());
    let muon = OptimizerSettings { muon: Some(MuonSettings::default()), ..OptimizerSettings::default() };
    let settings = TrainSettings { optimizer: muon, ..settings() };
    let adamw = plan(&recipe, &schedule, |_| ());
    let muon = RunPlan::new(&facts(&recipe, &schedule, &settings));
    let matrices = 8 * (4 * 128 * 128 + 3 * 128 * 344);
    assert_eq!(adamw.memory.moment_bytes - muon.memory.moment_bytes, 4 * matrices);
    let words = muon.to_string();
    assert!(words.contains("e13 (17 % of them Muon's), and 2.374e13 as 6·N·T\n"), "{words}");
    // Two checkpoints of the grown model stay.
    assert_eq!(adamw.disk.bytes - muon.disk.bytes, 2 * 4 * matrices);
    for (adamw, muon) in adamw.stages.iter().zip(&muon.stages) {
        // Each iteration of a matrix of m and n: 4m²n + 2m³.
        let square = 4 * 128 * 128 * (4 * 128 + 2 * 128);
        let oblong = 3 * 128 * 128 * (4 * 344 + 2 * 128);
        let of_step = (muon.num_hidden_layers * 5 * (square + oblong)) as f64;
        let more = muon.flops - adamw.flops;
        assert!((more / (muon.steps as f64 * of_step) - 1.0).abs() < 1e-9, "{more}");
        assert_eq!(
            (muon.orthogonalization_flops, adamw.orthogonalization_flops),
            (Some(muon.steps as f64 * of_step), None)
        );
    }
}

#[test]
fn a_plan_of_a_run_that_goes_on_says_what_is_left() {
    let (recipe, schedule) = (recipe("g-stack", G_STACK), g_stack());
    let position = Position { step: 400, stage: 1, stage_tokens: 204 * 2048, ..Position::default() };
    let notes = vec!["training.checkpoints_kept = 2 from step 400 on, where it was 3".to_owned()];
    let checkpoint = "step-00000400".to_owned();
    let start = PlannedStart::GoesOn { checkpoint, position, notes };
    let later = plan(&recipe, &schedule, |facts| {
        (facts.speeds, facts.start) = (speeds(2), start);
    });
    insta::assert_snapshot!(later, @"
    run          example: g-stack, seed 1
    start        goes on from step-00000400, with step 401
                 training.checkpoints_kept = 2 from step 400 on, where it was 3
    steps        1,027 of 2,048 tokens (16 × 128)

    stage  layers  width  parameters  trained  steps     tokens  epochs     FLOPs    time
    base        2    128     920,192      all    196    401,408    0.08  1.662e12    44 s
    grown       8    128   2,107,520      all    831  1,701,888    0.34  2.016e13   9 min
    total                                      1,027  2,103,296    0.42  2.182e13  10 min

    base   learning rate 1.02e-4, rises to 4e-3 over 80,000 tokens, falls to 3.76e-3; 4e-4 only at 2,000,000 tokens
    grown  grown by stack × 4; learning rate 5.12e-5, rises to 2e-3 over 80,000 tokens, falls to 2e-4

    FLOPs        2.182e13, and 2.374e13 as 6·N·T
    data         5,000,000 tokens for training, the run reads 42 % of them
    device       cpu, f32, 2 threads
    memory       about 227 MB, in the steps of grown: 34 MB of parameters, moments and gradients, 113 MB of activations
    disk         6 checkpoints, 2 stay: about 51 MB, 76 MB while one is written
    time         about 7 min left, 10 min from the beginning, without benchmarks and writing
                 40.0 GFLOP/s, measured: steps of 16 × 128 tokens with 8 layers of 128
    ");
    insta::assert_snapshot!(Introduction(&later), @"
    example: g-stack, 1,027 steps of 2,048 tokens, 2.18e13 FLOPs, on cpu, f32, 2 threads
    grown  8 layers of 128, 2.11 M parameters, 627 of 831 steps left; learning rate 5.12e-5, rises to 2e-3 over 80,000 tokens, falls to 2e-4
    ");
}

#[test]
fn what_is_chosen_at_a_growth_is_said() {
    let at_growth = AtGrowth {
        moments: Moments::Copy,
        noise: Some(Noise { amount: 0.2, mix: Mix::default(), seed: 0 }),
        data: DataAtGrowth::Replay,
        learning_rate: RateAtGrowth::Rewarm,
        ..AtGrowth::default()
    };
    let schedule = g_stack_with(LearningRateCurve::cosine(4e-3, 4e-4, 80_000), at_growth);
    let plan = plan(&recipe("g-stack", G_STACK), &schedule, |_| {});
    let text = plan.to_string();
    let line = text.lines().rfind(|line| line.starts_with("grown ")).unwrap();
    insta::assert_snapshot!(line, @"grown  grown by stack × 4, noise 0.2 (linear), moments copied, data from the beginning; learning rate up again from 4e-4: 4.41e-4, rises to 2e-3 over 80,000 tokens, falls to 2e-4");
    let json: serde_json::Value = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
    let chosen = |stage: usize| {
        ["moments", "noise", "data", "ends_at"]
            .map(|key| json["stages"][stage].get(key).unwrap().to_string())
            .join(" ")
    };
    insta::assert_snapshot!(chosen(0), @"null null null null");
    insta::assert_snapshot!(chosen(1), @r#""copy" {"amount":0.2,"mix":"linear","seed":0} "replay" null"#);
    let rate = &json["stages"][1]["learning_rate"];
    insta::assert_snapshot!(rate["initial"], @"0.0004");
}

#[test]
fn frozen_layers_other_devices_and_no_speed_are_said() {
    let rate = LearningRateCurve {
        horizon_tokens: Some(2_000_000),
        ..LearningRateCurve::cosine(4e-3, 4e-4, 400_000)
    };
    let settings = Stacking2 {
        layer_counts: vec![4, 8],
        base_tokens: None,
        stage_tokens: 300_000,
        stage_learning_rate: rate,
        joint: Length::Tokens(500_000),
        joint_learning_rate: Some(rate),
        at_growth: AtGrowth::default(),
    };
    let schedule = Schedule::stacking2(&model(), &settings).unwrap();
    let recipe = recipe(
        "stacking2",
        "layer_counts = [4, 8], stage_tokens = 300000, stage_learning_rate = { peak = 4e-3, minimum = 4e-4, \
         warmup_tokens = 400000 }, joint_tokens = 500000, joint_learning_rate = { peak = 4e-3, minimum = 4e-4, \
         warmup_tokens = 400000 }",
    );
    let plan = plan(&recipe, &schedule, |facts| (facts.device, facts.threads) = (DeviceName::Wgpu, None));
    insta::assert_snapshot!(plan, @"
    run          example: stacking2, seed 1
    start        with step 1
    steps        539 of 2,048 tokens (16 × 128)

    stage     layers  width  parameters    trained  steps     tokens  epochs     FLOPs  time
    4-layers       4    128   1,315,968        all    147    301,056    0.06  2.020e12     –
    8-layers       8    128   2,107,520  1,053,824    147    301,056    0.06  2.535e12     –
    joint          8    128   2,107,520        all    245    501,760    0.10  5.944e12     –
    total                                             539  1,103,872    0.22  1.050e13     –

    4-layers  learning rate rises from 2.05e-5 to 3.01e-3 and ends there: the warm-up of 400,000 tokens is longer than the stage of 301,056, its peak of 4e-3 is never reached
    8-layers  grown by layers 0,1,2,3,0,1,2,3; trains top 4, norm, head: 50 % of the parameters; learning rate rises from 2.05e-5 to 3.01e-3 and ends there: the warm-up of 400,000 tokens is longer than the stage of 301,056, its peak of 4e-3 is never reached
    joint     learning rate 2.05e-5, rises to 4e-3 over 400,000 tokens, falls to 3.96e-3; 4e-4 only at 2,000,000 tokens

    FLOPs        1.050e13, and 1.253e13 as 6·N·T
    data         5,000,000 tokens for training, the run reads 22 % of them
    device       wgpu, f32
    memory       about 122 MB, when joint writes a checkpoint
    disk         5 checkpoints, 2 stay: about 51 MB, 68 MB while one is written
    time         not measured
    ");
}

#[test]
fn a_base_is_named_with_what_it_has_cost() {
    let (recipe, schedule) = (recipe("g-stack", G_STACK), g_stack());
    let cost = TrainingCost { tokens: Some(400_000), flops: Some(1.25e12), flops_6nt: None };
    let said = [cost, TrainingCost { tokens: None, ..cost }, TrainingCost::UNKNOWN].map(|cost| {
        let base = BaseRecord { name: "a-llama".to_owned(), sha256: "0123".to_owned(), cost };
        let plan = plan(&recipe, &schedule, |facts| facts.base = Some(base)).to_string();
        plan.lines().find(|line| line.starts_with("base   ")).unwrap().to_owned()
    });
    insta::assert_snapshot!(said.join("\n"), @"
    base         a-llama, which has cost 400,000 tokens and 1.250e12 FLOPs
    base         a-llama, which has cost 1.250e12 FLOPs
    base         a-llama; what it has cost isn't known (model.from_flops in the recipe says it)
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "the lines are those of the JSON")]
fn the_json_of_a_plan_has_stable_names() {
    let (recipe, schedule) = (recipe("g-stack", G_STACK), g_stack());
    let json = plan(&recipe, &schedule, |facts| facts.speeds = speeds(2)).to_json().unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&json).unwrap();
    // One stage shows the names of all.
    value["stages"].as_array_mut().unwrap().truncate(1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap(), @r#"
    {
      "format": 1,
      "name": "example",
      "method": "g-stack",
      "seed": 1,
      "device": "cpu",
      "dtype": "f32",
      "threads": 2,
      "start": {
        "kind": "begins"
      },
      "base": null,
      "batch_sequences": 16,
      "micro_batch_sequences": 16,
      "batch_tokens": 2048,
      "data": {
        "sequence_length": 128,
        "training_tokens": 5000000,
        "training_sequences": 39062,
        "validation_sequences": 400
      },
      "epochs": 0.4206645845066817,
      "stages": [
        {
          "name": "base",
          "num_hidden_layers": 2,
          "hidden_size": 128,
          "parameters": 920192,
          "trained_parameters": 920192,
          "trainable": "all",
          "growth": null,
          "noise": null,
          "moments": null,
          "data": null,
          "ends_at": null,
          "mask": null,
          "new_parameters": null,
          "learning": null,
          "steps": 196,
          "tokens": 401408,
          "epochs": [
            0.0,
            0.08028262761763351
          ],
          "learning_rate": {
            "first": 0.00010240000000000001,
            "highest": 0.003999991117363345,
            "last": 0.003756768140589825,
            "peak": 0.004,
            "minimum": 0.0004,
            "warmup_tokens": 80000,
            "wanted_warmup_tokens": 80000,
            "horizon_tokens": 2000000,
            "shape": "cosine",
            "initial": 0.0,
            "is_continued": false
          },
          "flops": 1662253006848.0,
          "flops_6nt": 2216234582016.0,
          "validations": 9,
          "checkpoints": 1,
          "steps_left": 196,
          "seconds": 44.280947609600005,
          "seconds_left": 44.280947609600005
        }
      ],
      "steps": 1027,
      "tokens": 2103296,
      "flops": 21822191960064.0,
      "flops_6nt": 23736812568576.0,
      "seconds": 579.1425957632,
      "seconds_left": 579.1425957632,
      "memory": {
        "peak_bytes": 227032064,
        "stage": "grown",
        "moment": "step",
        "parameter_bytes": 8430080,
        "moment_bytes": 16860160,
        "gradient_bytes": 8430080,
        "activation_bytes": 113311744
      },
      "disk": {
        "checkpoints_kept": 2,
        "checkpoints_written": 6,
        "bytes": 50947980,
        "peak_bytes": 76421970
      },
      "speeds": [
        {
          "measured": "steps",
          "hidden_size": 128,
          "num_hidden_layers": 8,
          "sequences": 16,
          "sequence_length": 128,
          "flops_per_second": 40000000000.0,
          "seconds_per_updated_parameter": 1e-9
        }
      ]
    }
    "#);
}
