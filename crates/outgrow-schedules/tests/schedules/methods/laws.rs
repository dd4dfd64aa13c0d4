//! Laws of all methods: tokens, budgets, rates that are kept.

use outgrow_operators::Operator;
use outgrow_schedules::{
    AtGrowth, FlopConvention, GStack, Late, LearningRateCurve, Length, Midas, RateAtGrowth, Schedule, Shape,
    Stackbert, Staged,
};
use proptest::prelude::*;

use super::{
    HEAD, LAYER, gradual_settings, late_settings, linear, llama_pro_settings, midas_settings,
    stackbert_settings, staged_settings,
};
use crate::{
    constructors::{cosine, g_stack_settings},
    models::model,
};

/// Schedules by every method that has shares, for a length.
fn by_shares(length: Length) -> Vec<Schedule> {
    let target = model(64, 8, false);
    let stackbert = Stackbert { learning_rate: linear(1e-3, 0), ..stackbert_settings(&[2, 4, 8], length) };
    let midas = Midas { block_layers: 2, ..midas_settings(1.0, length) };
    let shape = Shape::Constant;
    let late = Late {
        length,
        learning_rate: LearningRateCurve { shape, minimum: 1e-3, ..cosine(1e-3, 0) },
        ..late_settings()
    };
    let staged = Staged { learning_rate: cosine(1e-3, 0), ..staged_settings(length) };
    vec![
        Schedule::stackbert(&target, &stackbert).unwrap(),
        Schedule::midas(&target, &midas).unwrap(),
        Schedule::lidas(&target, &midas).unwrap(),
        Schedule::late(&target, &late).unwrap(),
        Schedule::staged(&target, &staged).unwrap(),
    ]
}

proptest! {
    #[test]
    fn the_tokens_of_all_stages_add_up(tokens in 200_u64..1_000_000_000_000) {
        for schedule in by_shares(Length::Tokens(tokens)) {
            prop_assert_eq!(schedule.tokens(), tokens);
        }
    }

    #[test]
    fn a_budget_is_spent_to_the_last_token_by_stages_with_shares(tokens in 1_000.0_f64..1e12) {
        let flops = tokens * (8.0 * LAYER + HEAD);
        for schedule in by_shares(Length::Budget { flops, sequence_length: 128, orthogonalization: None }) {
            let sum: f64 = schedule.stages().iter().map(|stage| stage.flops(FlopConvention::Exact, 128)).sum();
            prop_assert_eq!(sum.to_bits(), schedule.flops(FlopConvention::Exact, 128).to_bits());
            let left = flops - sum;
            prop_assert!((-1e-9 * flops..(8.0 * LAYER + HEAD) * (1.0 + 1e-6)).contains(&left), "{left}");
        }
    }

    #[test]
    fn a_rate_that_is_kept_is_one_curve_to_the_end(tokens in 200_u64..1_000_000_000) {
        for schedule in by_shares(Length::Tokens(tokens)) {
            let stages = schedule.stages();
            for pair in stages.windows(2) {
                prop_assert_eq!(pair[1].at_growth.learning_rate, RateAtGrowth::Keep);
                let ends = pair[0].learning_rate.at(pair[0].tokens);
                prop_assert_eq!(ends.to_bits(), pair[1].learning_rate.at(0).to_bits());
            }
            let last = &stages[stages.len() - 1];
            prop_assert_eq!(last.learning_rate.at(last.tokens).to_bits(), last.learning_rate.minimum.to_bits());
        }
    }
}

#[test]
fn a_rate_that_restarts_is_a_curve_of_each_stage() {
    let settings = Midas {
        at_growth: AtGrowth { learning_rate: RateAtGrowth::Restart, ..AtGrowth::KEPT_STATE },
        ..midas_settings(1.0, Length::Tokens(6_000))
    };
    let schedule = Schedule::midas(&model(64, 12, false), &settings).unwrap();
    for stage in schedule.stages() {
        assert_eq!(stage.learning_rate.at(0).to_bits(), 1e-3_f64.to_bits(), "{}", stage.name);
        assert_eq!(stage.learning_rate.at(stage.tokens).to_bits(), 1e-4_f64.to_bits(), "{}", stage.name);
    }
    // Kept, a rate without a horizon comes down at the end of the run, and not at that of the base.
    let kept = GStack {
        grown_learning_rate: None,
        at_growth: AtGrowth::KEPT_RATE,
        ..g_stack_settings(4, 400_000, Length::Tokens(600_000))
    };
    let schedule = Schedule::g_stack(&model(64, 8, false), &kept).unwrap();
    assert_eq!(schedule.stages()[0].learning_rate.horizon_tokens, 1_000_000);
}

#[test]
fn every_method_survives_being_written_and_read() {
    let mut schedules = by_shares(Length::Tokens(100_000));
    schedules.push(Schedule::llama_pro(&model(64, 10, false), &llama_pro_settings(2, 1_000)).unwrap());
    schedules.push(
        Schedule::gradual(&model(64, 24, false), &gradual_settings(&[6, 12, 24], Operator::Last)).unwrap(),
    );
    for schedule in schedules {
        let text = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule);
    }
}
