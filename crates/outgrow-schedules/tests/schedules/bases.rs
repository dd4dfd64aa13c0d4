//! Stages that begin with a model that there is already: their plans, and everything that is refused of them.

use outgrow_checkpoint::with_causes;
use outgrow_schedules::{Beginning, GStack, LearningRate, Length, Schedule};
use proptest::prelude::*;

use crate::{
    constructors::{cosine, g_stack_settings, on_top_of, rate},
    models::model,
};

#[test]
fn the_plan_of_a_base_that_grows_at_once() {
    let settings = g_stack_settings(4, 0, Length::Tokens(1_800_000));
    let schedule = Schedule::g_stack_from(&model(64, 2, false), &settings).unwrap();
    insta::assert_snapshot!(schedule.describe(128), @"
    stage  layers  growth     trainable   tokens     FLOPs  learning rate
    base        2  –          all              0   0.000e0  –
    grown       8  stack × 4  all        1800000  5.308e12  2e-3 to 2e-4, warm-up 10000 tokens
    total                                1800000  5.308e12  (4.966e12 FLOPs as 6·N·T)
    ");
    assert_eq!(schedule.beginning(), Beginning::Base);
}

#[test]
fn only_a_base_grows_at_once() {
    let target = model(64, 8, false);
    let (base, grown) = (model(64, 2, false), Length::Tokens(1_800_000));
    let settings = GStack { base_learning_rate: cosine(1e-3, 0), ..g_stack_settings(4, 0, grown) };
    let message = Schedule::g_stack(&target, &settings).unwrap_err().to_string();
    assert!(message.contains("tokens is 0: a stage trains on at least one token"), "{message}");
    // It takes no step, so that its learning rate is never asked.
    for rate in [cosine(1e-3, 0), cosine(4e-3, 9_000), cosine(f64::NAN, 1)] {
        let settings = GStack { base_learning_rate: rate, ..settings.clone() };
        let schedule = Schedule::g_stack_from(&base, &settings).unwrap();
        assert_eq!(schedule.stages()[0].learning_rate, LearningRate::NONE);
        assert_eq!(schedule.growth(1).unwrap().plan().target().num_hidden_layers, 8);
    }
    // A base that neither grows nor is trained would be no run.
    let message = Schedule::continued(base.clone(), 0, rate(1e-3, 0.0, 0, 1)).unwrap_err().to_string();
    insta::assert_snapshot!(message, @r#"stage "continued": tokens is 0: a stage trains on at least one token"#);
    let empty_end = Schedule::g_stack_from(&base, &g_stack_settings(4, 0, Length::Tokens(0)));
    assert!(empty_end.unwrap_err().to_string().contains("tokens is 0"));
    // What is read is held to the same.
    let mut value = serde_json::to_value(Schedule::g_stack_from(&base, &settings).unwrap()).unwrap();
    assert_eq!(value["beginning"], "base");
    value.as_object_mut().unwrap().remove("beginning");
    let message = serde_json::from_value::<Schedule>(value).unwrap_err().to_string();
    assert!(message.contains("stage \"base\": tokens is 0"), "{message}");
}

#[test]
fn bases_that_lead_nowhere_are_refused() {
    let base = model(64, 4, false);
    let g_stack = |factor| {
        let settings = g_stack_settings(factor, 0, Length::Tokens(1_800_000));
        with_causes(&Schedule::g_stack_from(&base, &settings).unwrap_err())
    };
    insta::assert_snapshot!(g_stack(0), @"factor is 0, which leaves nothing of the base: 2 to 4 are usual");
    insta::assert_snapshot!(g_stack(100_000), @r#"stage "grown": enter: factor = 100000 for 4 layers: at most 65536 layers are possible"#);
    let stacking2 =
        |counts: &[usize]| with_causes(&Schedule::stacking2_from(&base, &on_top_of(0, counts)).unwrap_err());
    insta::assert_snapshot!(stacking2(&[]), @"layer_counts is [], it must begin with the base's num_hidden_layers, 4");
    insta::assert_snapshot!(stacking2(&[2, 4, 8]), @"layer_counts is [2, 4, 8], it must begin with the base's num_hidden_layers, 4");
    insta::assert_snapshot!(stacking2(&[4, 4]), @"layer_counts is [4, 4], it must rise from at least 1 to the target's num_hidden_layers, 4");
    insta::assert_snapshot!(stacking2(&[4, 12]), @"layer_counts goes from 4 to 12: the added layers copy the top ones, so it can at most double, to 8");
}

proptest! {
    #[test]
    fn a_base_that_is_there_has_the_stages_of_one_that_is_trained_first(
        layers in 1_usize..5, factor in 2_usize..5, base_tokens in 10_000_u64..1_000_000, tied: bool,
    ) {
        let settings = g_stack_settings(factor, base_tokens, Length::Tokens(1_800_000));
        let from_base = Schedule::g_stack_from(&model(32, layers, tied), &settings).unwrap();
        let fresh = Schedule::g_stack(&model(32, layers * factor, tied), &settings).unwrap();
        prop_assert_eq!(from_base.stages(), fresh.stages());
        prop_assert_ne!(&from_base, &fresh, "where the first weights are from is told apart");
        let counts = [layers, layers + 1, layers + 2];
        let settings = on_top_of(base_tokens, &counts[..if layers > 1 { 3 } else { 2 }]);
        let from_base = Schedule::stacking2_from(&model(32, layers, tied), &settings).unwrap();
        let target = model(32, *settings.layer_counts.last().unwrap(), tied);
        let fresh = Schedule::stacking2(&target, &settings).unwrap();
        prop_assert_eq!(from_base.stages(), fresh.stages());
        prop_assert_eq!(from_base.stages()[0].tokens, base_tokens);
    }
}
