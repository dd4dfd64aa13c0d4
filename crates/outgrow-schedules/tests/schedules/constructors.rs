//! The constructors, their budgets and tables, and everything that a schedule refuses.

use outgrow_checkpoint::with_causes;
use outgrow_operators::{Growth, GrowthPlan, Mix, Moments};
use outgrow_schedules::{
    AtGrowth, BaseSizes, DataAtGrowth, FlopConvention, GStack, LearningRate, LearningRateCurve, Length,
    LossSlope, NextStage, Noise, RateAtGrowth, Schedule, ScheduleBuilder, Stacking2, Stage, Trainable,
};
use proptest::prelude::*;

use crate::models::model;

pub(crate) fn cosine(peak: f64, warmup_tokens: u64) -> LearningRateCurve {
    LearningRateCurve::cosine(peak, peak / 10.0, warmup_tokens)
}

pub(crate) fn rate(peak: f64, minimum: f64, warmup_tokens: u64, horizon_tokens: u64) -> LearningRate {
    LearningRate { peak, minimum, warmup_tokens, horizon_tokens, ..LearningRate::NONE }
}

pub(crate) fn g_stack_settings(factor: usize, base_tokens: u64, grown: Length) -> GStack {
    GStack {
        growth: Growth::Stack { factor },
        base: BaseSizes::default(),
        base_tokens,
        base_learning_rate: cosine(4e-3, base_tokens / 25),
        grown,
        grown_learning_rate: Some(cosine(2e-3, 10_000)),
        at_growth: AtGrowth::default(),
    }
}

fn stacking2_settings(layer_counts: &[usize], joint: Length) -> Stacking2 {
    Stacking2 {
        layer_counts: layer_counts.to_vec(),
        base_tokens: None,
        stage_tokens: 200_000,
        stage_learning_rate: cosine(4e-3, 8_000),
        joint,
        joint_learning_rate: Some(cosine(2e-3, 40_000)),
        at_growth: AtGrowth::default(),
    }
}

/// Stages on top of a base that is trained on for so many tokens.
pub(crate) fn on_top_of(base_tokens: u64, layer_counts: &[usize]) -> Stacking2 {
    Stacking2 {
        base_tokens: Some(base_tokens),
        ..stacking2_settings(layer_counts, Length::Tokens(1_000_000))
    }
}

fn from_scratch() -> Schedule {
    Schedule::scratch(model(64, 8, false), 2_000_000, cosine(4e-3, 80_000).over(2_000_000)).unwrap()
}

#[test]
fn the_plan_of_scratch() {
    insta::assert_snapshot!(from_scratch().describe(128), @"
    stage    layers  growth  trainable   tokens     FLOPs  learning rate
    scratch       8  –       all        2000000  5.898e12  4e-3 to 4e-4, warm-up 80000 tokens
    total                               2000000  5.898e12  (5.518e12 FLOPs as 6·N·T)
    ");
}

#[test]
fn the_plan_of_g_stack() {
    let schedule =
        Schedule::g_stack(&model(64, 8, false), &g_stack_settings(4, 400_000, Length::Tokens(1_800_000)));
    insta::assert_snapshot!(schedule.unwrap().describe(128), @"
    stage  layers  growth     trainable   tokens     FLOPs  learning rate
    base        2  –          all         400000  3.539e11  4e-3 to 4e-4, warm-up 16000 tokens
    grown       8  stack × 4  all        1800000  5.308e12  2e-3 to 2e-4, warm-up 10000 tokens
    total                                2200000  5.662e12  (5.360e12 FLOPs as 6·N·T)
    ");
}

#[test]
fn the_plan_of_stacking2() {
    let settings = stacking2_settings(&[2, 4, 6, 8], Length::Tokens(1_000_000));
    insta::assert_snapshot!(Schedule::stacking2(&model(64, 8, false), &settings).unwrap().describe(128), @"
    stage     layers  growth                  trainable           tokens     FLOPs  learning rate
    2-layers       2  –                       all                 200000  1.769e11  4e-3 to 4e-4, warm-up 8000 tokens
    4-layers       4  layers 0,1,0,1          top 2, norm, head   200000  2.228e11  4e-3 to 4e-4, warm-up 8000 tokens
    6-layers       6  layers 0,1,2,3,2,3      top 2, norm, head   200000  2.687e11  4e-3 to 4e-4, warm-up 8000 tokens
    8-layers       8  layers 0,1,2,3,4,5,4,5  top 2, norm, head   200000  3.146e11  4e-3 to 4e-4, warm-up 8000 tokens
    joint          8  –                       all                1000000  2.949e12  2e-3 to 2e-4, warm-up 40000 tokens
    total                                                        1800000  3.932e12  (4.257e12 FLOPs as 6·N·T)
    ");
}

#[test]
fn the_plan_of_one_learning_rate_over_all_stages() {
    let schedule =
        Schedule::g_stack(&model(64, 8, false), &g_stack_settings(4, 400_000, Length::Tokens(1_600_000)))
            .unwrap()
            .with_continued_learning_rate(rate(2e-3, 2e-4, 80_000, 2_000_000))
            .unwrap();
    insta::assert_snapshot!(schedule.describe(128), @"
    stage  layers  growth     trainable   tokens     FLOPs  learning rate
    base        2  –          all         400000  3.539e11  2e-3 to 1.88e-3, warm-up 80000 tokens
    grown       8  stack × 4  all        1600000  4.719e12  1.88e-3 to 2e-4, continued
    total                                2000000  5.072e12  (4.808e12 FLOPs as 6·N·T)
    ");
    let [base, grown] = schedule.stages() else { panic!("two stages") };
    assert_eq!(base.learning_rate.at(400_000).to_bits(), grown.learning_rate.at(0).to_bits());
}

#[test]
fn an_added_layer_is_a_copy_of_one_of_the_top_layers() {
    let settings = stacking2_settings(&[2, 3, 6], Length::Tokens(1));
    let settings = Stacking2 { joint_learning_rate: Some(cosine(1e-3, 0)), ..settings };
    let schedule = Schedule::stacking2(&model(64, 6, false), &settings).unwrap();
    let entries: Vec<_> =
        schedule.stages().iter().map(|stage| (stage.enter.clone(), stage.trainable.clone())).collect();
    assert_eq!(
        entries,
        [
            (None, Trainable::All),
            (Some(Growth::Layers { layers: vec![0, 1, 1] }), Trainable::Top { layers: 1 }),
            (Some(Growth::Layers { layers: vec![0, 1, 2, 0, 1, 2] }), Trainable::Top { layers: 3 }),
            (None, Trainable::All),
        ]
    );
}

#[test]
fn every_constructor_survives_being_written_and_read() {
    let target = model(64, 8, true);
    let budget = Length::Budget { flops: 5e12, sequence_length: 128, orthogonalization: None };
    let schedules = [
        Schedule::continued(target.clone(), 1_000, rate(1e-3, 0.0, 0, 1_000)).unwrap(),
        Schedule::g_stack_from(&target, &g_stack_settings(2, 0, budget)).unwrap(),
        Schedule::stacking2_from(&target, &on_top_of(0, &[8, 12])).unwrap(),
        from_scratch(),
        Schedule::g_stack(&target, &g_stack_settings(2, 100_000, budget)).unwrap(),
        Schedule::stacking2(&target, &stacking2_settings(&[4, 6, 8], budget)).unwrap(),
    ];
    for schedule in schedules {
        let text = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule);
    }
}

#[test]
fn a_schedule_that_is_read_is_checked_and_its_keys_are_known() {
    let mut value = serde_json::to_value(from_scratch()).unwrap();
    value["stages"][0]["tokens"] = 0.into();
    let message = |value: &serde_json::Value| {
        serde_json::from_value::<Schedule>(value.clone()).unwrap_err().to_string()
    };
    insta::assert_snapshot!(message(&value), @r#"stage "scratch": tokens is 0: a stage trains on at least one token"#);
    value["stages"][0]["tokens"] = 1.into();
    value["stages"][0]["learning_rate"]["warmup_token"] = 1.into();
    assert!(message(&value).starts_with("unknown field `warmup_token`"), "{}", message(&value));
}

proptest! {
    #[test]
    fn a_budget_is_spent_to_the_last_token(
        layers in 1_usize..5, factor in 2_usize..5, base_tokens in 1_u64..1_000_000, extra in 1.0_f64..1e6, sequence_length in 1_usize..300, tied: bool,
    ) {
        let target = model(32, layers * factor, tied);
        let base = Schedule::scratch(model(32, layers, tied), base_tokens, rate(1e-3, 0.0, 0, 1)).unwrap();
        let token = FlopConvention::Exact.flops_per_token(&target, sequence_length, &Trainable::All);
        let flops = base.flops(FlopConvention::Exact, sequence_length) + extra * token;
        let mut settings = g_stack_settings(factor, base_tokens, Length::Budget { flops, sequence_length, orthogonalization: None });
        settings.grown_learning_rate = Some(cosine(2e-3, 0));
        let schedule = Schedule::g_stack(&target, &settings).unwrap();
        let left = flops - schedule.flops(FlopConvention::Exact, sequence_length);
        prop_assert!((-1e-6 * flops..token * (1.0 + 1e-6)).contains(&left), "{left} of {token}");
    }

    #[test]
    fn the_flops_of_a_schedule_are_those_of_its_stages(stage_tokens in 1_u64..1_000_000, joint in 100_000_u64..1_000_000, sequence_length in 1_usize..300) {
        let settings = Stacking2 {
            stage_tokens,
            stage_learning_rate: LearningRateCurve { horizon_tokens: Some(9_000), ..cosine(1e-3, 8_000) },
            ..stacking2_settings(&[2, 4, 8], Length::Tokens(joint))
        };
        let schedule = Schedule::stacking2(&model(32, 8, false), &settings).unwrap();
        for convention in [FlopConvention::Exact, FlopConvention::SixTimesParameters] {
            let sum: f64 = schedule
                .stages()
                .iter()
                .map(|stage| stage.tokens as f64 * convention.flops_per_token(&stage.model, sequence_length, &stage.trainable))
                .sum();
            prop_assert!((schedule.flops(convention, sequence_length) / sum - 1.0).abs() < 1e-12);
        }
        prop_assert_eq!(schedule.tokens(), 3 * stage_tokens + joint);
        prop_assert_eq!(schedule.stages()[3].tokens, joint);
    }
}

fn stages() -> Vec<Stage> {
    Schedule::g_stack(&model(64, 8, false), &g_stack_settings(4, 400_000, Length::Tokens(1_800_000)))
        .unwrap()
        .stages()
        .to_vec()
}

fn refused(stages: Vec<Stage>) -> String {
    let message = with_causes(&Schedule::new(stages).unwrap_err());
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn stages_that_do_not_fit_are_refused() {
    insta::assert_snapshot!(refused(vec![]), @"a schedule needs at least one stage");

    let mut mismatched = stages();
    mismatched[1].model = model(64, 6, false);
    insta::assert_snapshot!(refused(mismatched), @r#"stage "grown": model differs from what stage "base" grows into: num_hidden_layers 6, not 8"#);

    let mut ungrown = stages();
    ungrown[1].enter = None;
    insta::assert_snapshot!(refused(ungrown), @r#"stage "grown": model differs from what stage "base" ends with: num_hidden_layers 8, not 2"#);

    insta::assert_snapshot!(refused(stages().split_off(1)), @r#"stage "grown": enter is set on the first stage, which has nothing to grow from: leave it out"#);

    let mut factorless = stages();
    factorless[1].enter = Some(Growth::Stack { factor: 0 });
    let message = refused(factorless);
    assert!(message.starts_with("stage \"grown\": enter: "), "{message}");
}

/// The same stages, but for their models, of which only the first is given.
fn built(mut stages: Vec<Stage>) -> ScheduleBuilder {
    let later = stages.split_off(1);
    let mut builder = ScheduleBuilder::new(stages.remove(0));
    for Stage { name, enter, tokens, ends_at, trainable, at_growth, learning_rate, .. } in later {
        let stage = NextStage { name, enter, tokens, ends_at, trainable, at_growth, learning_rate };
        builder.then(stage).unwrap();
    }
    builder
}

#[test]
fn models_follow_from_growths() {
    let mut stages = stages();
    stages.push(Stage { name: "joint".to_owned(), enter: None, ..stages[1].clone() });
    let builder = built(stages.clone());
    assert_eq!(*builder.model(), stages[2].model);
    let (given, followed) = (Schedule::new(stages).unwrap(), builder.build().unwrap());
    assert_eq!(followed, given);
    for stage in 0..3 {
        assert_eq!(followed.growth(stage), given.growth(stage));
        assert_eq!(followed.growth(stage).is_some(), stage == 1);
    }
}

#[test]
fn what_is_wrong_is_said_in_the_same_words_where_models_follow_from_growths() {
    let mut wrong = stages();
    wrong[0].tokens = 0;
    wrong[1].name = "base".to_owned();
    wrong[1].trainable = Trainable::Top { layers: 9 };
    wrong[1].enter = Some(Growth::Stack { factor: 3 });
    let message = with_causes(&built(wrong.clone()).build().unwrap_err());
    wrong[1].model = model(64, 6, false);
    assert_eq!(message, refused(wrong.clone()));
    wrong[0].enter = Some(Growth::Stack { factor: 2 });
    assert_eq!(with_causes(&built(wrong.clone()).build().unwrap_err()), refused(wrong));
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let mut wrong = stages();
    wrong[0].tokens = 0;
    wrong[0].trainable = Trainable::Top { layers: 3 };
    wrong[0].learning_rate = rate(0.0, 0.0, 5, 5);
    wrong[1].name = "base".to_owned();
    insta::assert_snapshot!(refused(wrong), @r#"5 problems: stage "base": tokens is 0: a stage trains on at least one token; stage "base": trainable top layers is 3, the model has 2: 1 to 2 can be trained; stage "base": learning rate: peak is 0, it must be finite and above 0; stage "base": learning rate: warmup_tokens is 5, it must be below horizon_tokens, 5; stage "base": name is used by stages 1 and 2, counted from 1: metrics and reports tell stages apart by it"#);
}

#[test]
fn settings_that_lead_nowhere_are_refused() {
    let target = model(64, 8, false);
    let g_stack_message = |factor, length| {
        Schedule::g_stack(&target, &g_stack_settings(factor, 400_000, length)).unwrap_err().to_string()
    };
    insta::assert_snapshot!(g_stack_message(0, Length::Tokens(1)), @"factor is 0, it must divide the target's num_hidden_layers, 8");
    insta::assert_snapshot!(g_stack_message(3, Length::Tokens(1)), @"factor is 3, it must divide the target's num_hidden_layers, 8");
    insta::assert_snapshot!(g_stack_message(4, Length::Budget { flops: 1e9, sequence_length: 128, orthogonalization: None }), @"budget is 1.0000e9 FLOPs, the stages before the last one cost 3.5389e11 and one token of the last one 2.9491e6: shorten them or raise it");
    insta::assert_snapshot!(g_stack_message(4, Length::Tokens(5_000)), @r#"stage "grown": learning rate: warmup_tokens is 10000, it must be below the stage's tokens, 5000"#);
    let stacking2_message = |counts: &[usize]| {
        Schedule::stacking2(&target, &stacking2_settings(counts, Length::Tokens(1))).unwrap_err().to_string()
    };
    insta::assert_snapshot!(stacking2_message(&[]), @"layer_counts is [], it must rise from at least 1 to the target's num_hidden_layers, 8");
    insta::assert_snapshot!(stacking2_message(&[2, 4, 4, 8]), @"layer_counts is [2, 4, 4, 8], it must rise from at least 1 to the target's num_hidden_layers, 8");
    insta::assert_snapshot!(stacking2_message(&[2, 6]), @"layer_counts is [2, 6], it must rise from at least 1 to the target's num_hidden_layers, 8");
    insta::assert_snapshot!(stacking2_message(&[1, 3, 8]), @"2 problems: layer_counts goes from 1 to 3: the added layers copy the top ones, so it can at most double, to 2; layer_counts goes from 3 to 8: the added layers copy the top ones, so it can at most double, to 6");
    for nothing in [f64::NAN, f64::INFINITY, -1.0] {
        assert!(
            Schedule::g_stack(
                &target,
                &g_stack_settings(
                    4,
                    1,
                    Length::Budget { flops: nothing, sequence_length: 1, orthogonalization: None }
                )
            )
            .is_err()
        );
    }
}

#[test]
fn noise_is_put_on_what_a_growth_makes() {
    let mut stages = stages();
    let noise = Noise { amount: 0.2, mix: Mix::Linear, seed: 5 };
    stages[1].at_growth.noise = Some(noise);
    let growths =
        [stages[1].enter.clone().unwrap(), Growth::Noise { amount: 0.2, mix: Mix::Linear, seed: 5 }];
    let expected = GrowthPlan::new(&stages[0].model, &growths).unwrap();
    let schedule = Schedule::new(stages.clone()).unwrap();
    assert_eq!(*schedule.growth(1).unwrap().plan(), expected);
    let built = built(stages).build().unwrap();
    assert_eq!(built, schedule);
    assert_eq!(*built.growth(1).unwrap().plan(), expected);
}

#[test]
fn what_a_stage_chooses_at_a_growth_has_to_have_a_meaning() {
    let with = |change: &dyn Fn(&mut Vec<Stage>)| {
        let mut stages = stages();
        change(&mut stages);
        refused(stages)
    };
    let slope = LossSlope::DEPTH;
    insta::assert_snapshot!(with(&|stages| stages[0].at_growth.data = DataAtGrowth::Replay), @r#"stage "base": at_growth is set, but the stage begins with no growth: give `enter`, or leave it out"#);
    insta::assert_snapshot!(with(&|stages| stages[1].ends_at = Some(slope)), @r#"stage "grown": ends_at is set on the last stage, which ends with its tokens: it says when the next stage begins"#);
    insta::assert_snapshot!(with(&|stages| stages[0].ends_at = Some(LossSlope { slope: 0.1, validations: 1 })), @r#"stage "base": ends_at: slope is 0.1 over 1 validations, it must be below 0 and over at least 2: -0.0575 is usual in depth, -0.0475 in width"#);
    insta::assert_snapshot!(with(&|stages| stages[1].at_growth.learning_rate = RateAtGrowth::Keep), @r#"stage "grown": learning rate: begins at 0e0, that of the stage before ends at 4e-4: at_growth.learning_rate says that it goes on"#);
    insta::assert_snapshot!(with(&|stages| {
        stages[0].ends_at = Some(slope);
        stages[1].at_growth.learning_rate = RateAtGrowth::Keep;
        stages[1].learning_rate = stages[0].learning_rate.continued_after(stages[0].tokens);
    }), @r#"stage "grown": at_growth.learning_rate goes on from a stage that ends_at may end early, at a rate that isn't known: use "restart""#);
}

#[test]
fn stages_of_earlier_versions_are_read() {
    let stage = &stages()[1];
    let mut written = serde_json::to_value(stage).unwrap();
    written["moments"] = "copy".into();
    let read: Stage = serde_json::from_value(written).unwrap();
    let at_growth = AtGrowth { moments: Moments::Copy, ..AtGrowth::default() };
    assert_eq!(read, Stage { at_growth, ..stage.clone() });
}
