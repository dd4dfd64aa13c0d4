//! Masks of stages: where they stand when, in both orders, and what can't be one.

use outgrow_checkpoint::with_causes;
use outgrow_operators::{Depth, Growth, Mix, Moments, Width, plan::MaskValues};
use outgrow_schedules::{
    AtGrowth, MaskOrder, MaskRamp, NextStage, Noise, Schedule, ScheduleBuilder, ScheduleError, Stage,
};
use proptest::prelude::*;

use crate::{constructors::rate, models::model};

const STAGE_TOKENS: u64 = 1_000;

fn grown(growth: Option<Growth>, at_growth: AtGrowth) -> Result<Schedule, ScheduleError> {
    let rate = rate(1e-3, 1e-4, 0, STAGE_TOKENS);
    let mut stages = ScheduleBuilder::new(Stage::new("base", model(64, 2, false), STAGE_TOKENS, rate));
    let stage = NextStage::new("grown", STAGE_TOKENS, rate);
    stages.then(NextStage { enter: growth, at_growth, ..stage }).map_err(ScheduleError::Growth)?;
    stages.build()
}

fn with_mask(tokens: u64, order: MaskOrder) -> AtGrowth {
    AtGrowth { mask: Some(MaskRamp { tokens, order }), ..AtGrowth::default() }
}

fn deeper() -> Growth {
    Growth::RandomDepth { depth: Depth::Factor(2), seed: 1 }
}

fn wider() -> Growth {
    let width = Width { hidden_size: Some(96), intermediate_size: Some(300), ..Width::default() };
    Growth::RandomWidth { width, seed: 1 }
}

proptest! {
    #[test]
    fn a_mask_opens_evenly_from_0_to_1(tokens in 1..=STAGE_TOKENS, at in 0..2 * STAGE_TOKENS) {
        let schedule = grown(Some(deeper()), with_mask(tokens, MaskOrder::Together)).unwrap();
        let mask = schedule.growth(1).unwrap().mask().unwrap();
        prop_assert_eq!(mask.tokens(), tokens);
        let expected = (at < tokens).then(|| MaskValues::all(at as f64 / tokens as f64));
        prop_assert_eq!(mask.at(at), expected);
        // A mask over layers only is the same in either order.
        let ordered = grown(Some(deeper()), with_mask(tokens, MaskOrder::OneAfterAnother)).unwrap();
        prop_assert_eq!(ordered.growth(1).unwrap().mask().unwrap().at(at), expected);
    }

    #[test]
    fn one_after_another_neurons_are_let_in_before_channels(tokens in 1..=STAGE_TOKENS / 2, at in 0..STAGE_TOKENS) {
        let schedule = grown(Some(wider()), with_mask(tokens, MaskOrder::OneAfterAnother)).unwrap();
        let mask = schedule.growth(1).unwrap().mask().unwrap();
        prop_assert_eq!(mask.tokens(), 2 * tokens);
        let Some(values) = mask.at(at) else {
            prop_assert!(at >= 2 * tokens);
            return Ok(());
        };
        let share = |tokens_of_it: u64| tokens_of_it.min(tokens) as f64 / tokens as f64;
        prop_assert_eq!(values, MaskValues {
            layers: 1.0,
            num_attention_heads: 1.0,
            intermediate_size: share(at),
            hidden_size: share(at.saturating_sub(tokens)),
        });
    }
}

#[test]
fn the_plan_of_a_growth_behind_a_mask() {
    let schedule = grown(Some(wider()), with_mask(400, MaskOrder::OneAfterAnother)).unwrap();
    insta::assert_snapshot!(schedule.describe(128), @"
    stage  layers  growth                                                             trainable  tokens    FLOPs  learning rate
    base        2  –                                                                  all          1000  8.847e8  1e-3 to 1e-4, no warm-up
    grown       2  random to 96 hidden, 300 intermediate, masks over 400 tokens each  all          1000  1.651e9  1e-3 to 1e-4, no warm-up
    total                                                                                          2000  2.536e9  (2.836e9 FLOPs as 6·N·T)
    ");
    let stack = Some(Growth::Stack { factor: 2 });
    let schedule = grown(stack, with_mask(1_000, MaskOrder::Together)).unwrap();
    assert!(schedule.describe(128).contains("stack × 2, mask over 1000 tokens"));
    let text = serde_json::to_string(&schedule).unwrap();
    assert!(text.contains(r#""mask":{"tokens":1000,"order":"together"}"#), "{text}");
    assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule);
}

#[test]
fn masks_that_can_be_none_are_refused() {
    let refused =
        |growth: Option<Growth>, at_growth: AtGrowth| with_causes(&grown(growth, at_growth).unwrap_err());
    let mask = with_mask(100, MaskOrder::Together);
    insta::assert_snapshot!(refused(Some(deeper()), AtGrowth::default()), @r#"stage "grown": enter makes fresh parts, which a mask lets in little by little: give at_growth.mask = { tokens = N }, the tokens over which it opens"#);
    insta::assert_snapshot!(refused(Some(deeper()), with_mask(0, MaskOrder::Together)), @r#"stage "grown": at_growth.mask: tokens is 0: at least 1 is needed; copies without a mask are let in at once"#);
    insta::assert_snapshot!(refused(Some(deeper()), with_mask(1_001, MaskOrder::Together)), @r#"stage "grown": at_growth.mask opens over 1001 tokens, the stage has 1000: it has to be open when the stage ends"#);
    insta::assert_snapshot!(refused(Some(wider()), with_mask(501, MaskOrder::OneAfterAnother)), @r#"stage "grown": at_growth.mask opens over 1002 tokens (501 for each of 2 kinds of units, one after another), the stage has 1000: it has to be open when the stage ends"#);
    insta::assert_snapshot!(refused(None, mask), @r#"stage "grown": at_growth is set, but the stage begins with no growth: give `enter`, or leave it out"#);
    let zero = Growth::ZeroWidth { width: Width { hidden_size: Some(96), ..Width::default() }, seed: 1 };
    insta::assert_snapshot!(refused(Some(zero), mask), @r#"stage "grown": at_growth.mask: a mask lets in what is fresh or copied as it is, and this growth has nothing of it: leave the mask out"#);
    insta::assert_snapshot!(refused(Some(Growth::Layers { layers: vec![1, 1, 0] }), mask), @r#"stage "grown": at_growth.mask: a mask that lets copies in begins with the source's own layers, 0 to 1, in their order; here their first copies are [1, 0]"#);
    let noise = Some(Noise { amount: 0.2, mix: Mix::Linear, seed: 1 });
    insta::assert_snapshot!(refused(Some(Growth::Stack { factor: 2 }), AtGrowth { noise, ..mask }), @r#"stage "grown": at_growth.mask: a mask lets in what is fresh or copied as it is, and this growth has nothing of it: leave the mask out"#);
    // Noise on what a mask lets in is no reason to do without one.
    let unmasked = AtGrowth { noise, moments: Moments::Copy, ..AtGrowth::default() };
    assert_eq!(refused(Some(deeper()), unmasked), refused(Some(deeper()), AtGrowth::default()));
}
