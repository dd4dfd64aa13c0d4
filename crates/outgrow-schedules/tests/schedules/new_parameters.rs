//! The learning rate of new parameters beside that of their stage.

use outgrow_checkpoint::with_causes;
use outgrow_operators::{Growth, Mix};
use outgrow_schedules::{
    AtGrowth, LearningRate, NewParameters, NextStage, Schedule, ScheduleBuilder, ScheduleError, Shape, Stage,
};
use proptest::prelude::*;

use crate::{constructors::rate, models::model};

const TOKENS: u64 = 1_000;

fn grown(growth: Growth, new_parameters: NewParameters) -> Result<Schedule, ScheduleError> {
    let rate = rate(1e-3, 1e-4, 0, TOKENS);
    let mut stages = ScheduleBuilder::new(Stage::new("base", model(64, 2, false), TOKENS, rate));
    let at_growth = AtGrowth { new_parameters: Some(new_parameters), ..AtGrowth::default() };
    let stage = NextStage::new("grown", TOKENS, rate);
    stages.then(NextStage { enter: Some(growth), at_growth, ..stage }).map_err(ScheduleError::Growth)?;
    stages.build()
}

proptest! {
    #[test]
    fn the_rate_of_new_parameters_leaves_that_of_the_stage_goes_up_by_the_ratio_and_ends_with_it(
        ratio in 1.01_f64..4.0, rewarm_tokens in 1_u64..900, warmup_tokens in 0_u64..900, part in 0.0_f64..0.9, begun in 0_u64..400,
    ) {
        let of_stage = LearningRate { start_tokens: begun, ..rate(1e-3, part * 1e-3, warmup_tokens, TOKENS + begun) };
        let new = NewParameters { ratio, rewarm_tokens };
        let close = |found: f64, expected: f64| (found - expected).abs() <= 1e-12 * expected.abs();
        prop_assert!(close(new.learning_rate(&of_stage, 0), of_stage.at(0)));
        let up_at = rewarm_tokens.max(warmup_tokens.saturating_sub(begun));
        prop_assert!(close(new.learning_rate(&of_stage, up_at), ratio * of_stage.at(up_at)));
        prop_assert_eq!(new.learning_rate(&of_stage, TOKENS).to_bits(), of_stage.minimum.to_bits());
        for tokens in 0..TOKENS {
            let (rate, of_new) = (of_stage.at(tokens), new.learning_rate(&of_stage, tokens));
            prop_assert!(of_new >= rate * (1.0 - 1e-12) && of_new <= ratio * rate * (1.0 + 1e-12), "{} {} {}", tokens, rate, of_new);
        }
    }

    #[test]
    fn a_ratio_of_1_has_the_bits_of_the_stages_rate(rewarm_tokens in 0_u64..900, tokens in 0..TOKENS) {
        let of_stage = rate(1e-3, 1e-4, 100, TOKENS);
        let found = NewParameters { ratio: 1.0, rewarm_tokens }.learning_rate(&of_stage, tokens);
        prop_assert_eq!(found.to_bits(), of_stage.at(tokens).to_bits());
    }
}

#[test]
fn a_rate_that_stays_up_stays_up_by_the_ratio() {
    let constant = LearningRate { shape: Shape::Constant, ..rate(1e-3, 1e-3, 0, TOKENS) };
    let new = NewParameters { ratio: 1.5, rewarm_tokens: 100 };
    assert_eq!(new.learning_rate(&constant, 50).to_bits(), (1e-3_f64 * 1.25).to_bits());
    assert_eq!(new.learning_rate(&constant, 999).to_bits(), (1e-3_f64 * 1.5).to_bits());
}

#[test]
fn what_cannot_be_is_refused() {
    let refusal = |growth: Growth, ratio: f64, rewarm_tokens: u64| {
        with_causes(&grown(growth, NewParameters { ratio, rewarm_tokens }).unwrap_err())
    };
    let stack = || Growth::Stack { factor: 2 };
    insta::assert_snapshot!(refusal(stack(), 0.0, 100), @r#"stage "grown": at_growth.new_parameters.ratio is 0, it must be finite and above 0"#);
    insta::assert_snapshot!(refusal(stack(), 1.3, 1_000), @r#"stage "grown": at_growth.new_parameters.rewarm_tokens is 1000, the stage has 1000: fewer are needed"#);
    let noise = Growth::Noise { amount: 0.2, mix: Mix::Linear, seed: 0 };
    insta::assert_snapshot!(refusal(noise, 1.3, 100), @r#"stage "grown": at_growth.new_parameters: the growth makes no parameters of which one can say that they are new: leave it out"#);
    assert!(grown(stack(), NewParameters { ratio: 1.3, rewarm_tokens: 999 }).is_ok());
}
