//! The methods' tables against a count by hand from each paper, and the laws that hold for all of them.
//!
//! A layer of the model of width 64 has 64 · (2 · 64 + 2 · 32 + 3 · 192) = 49152 weights. In sequences of 128 tokens a
//! token costs it 2 · 49152 = 98304 FLOPs for products and 2 · 128 · 64 = 16384 for attention, 114688 in all, forward;
//! three times that, 344064, in training. The head costs 2 · 64 · 512 = 65536 forward, and 196608 in training. So a
//! model of L layers costs 344064 L + 196608 for each token that trains all of it.

mod laws;
mod refusals;

use outgrow_operators::{Depth, Growth, Moments, Operator, Placement, Width};
use outgrow_schedules::{
    AtGrowth, BaseSizes, FlopConvention, GStack, Gradual, Late, LearnedGrowth, LearningRateCurve, Length,
    LlamaPro, LossSlope, MaskOrder, MaskRamp, MatrixLearning, Midas, RandomMask, Recycle, Schedule, Shape,
    Stackbert, Staged, StagedTraining, Trainable, WsdDecay,
};

use crate::{
    constructors::{cosine, g_stack_settings},
    models::model,
};

const LAYER: f64 = 344_064.0;
const HEAD: f64 = 196_608.0;

/// FLOPs of tokens that train all of a model of so many layers.
fn cost(layers: usize, tokens: f64) -> f64 {
    (layers as f64 * LAYER + HEAD) * tokens
}

fn check_flops(schedule: &Schedule, by_hand: f64) {
    let counted = schedule.flops(FlopConvention::Exact, 128);
    assert!((counted / by_hand - 1.0).abs() < 1e-12, "{counted} for {by_hand}");
}

fn linear(peak: f64, warmup_tokens: u64) -> LearningRateCurve {
    LearningRateCurve { shape: Shape::Linear, minimum: 0.0, ..cosine(peak, warmup_tokens) }
}

fn gradual_settings(layer_counts: &[usize], operator: Operator) -> Gradual {
    let rate = LearningRateCurve { horizon_tokens: Some(100_000_000_000), ..cosine(3e-4, 6_000_000_000) };
    Gradual {
        layer_counts: layer_counts.to_vec(),
        operator,
        base_tokens: None,
        stage_tokens: 10_000_000_000,
        stage_learning_rate: rate,
        grown: Length::Tokens(80_000_000_000),
        grown_learning_rate: Some(cosine(3e-4, 6_000_000_000)),
        at_growth: AtGrowth::default(),
    }
}

fn midas_settings(exponent: f64, length: Length) -> Midas {
    let learning_rate = cosine(1e-3, 0);
    Midas { block_layers: 4, exponent, length, learning_rate, at_growth: AtGrowth::KEPT_STATE }
}

fn late_settings() -> Late {
    let shape = Shape::Wsd { decay_tokens: 100_000, decay: WsdDecay::Linear };
    Late {
        growth: None,
        base: BaseSizes::default(),
        base_share: Late::PAPER_SHARE,
        length: Length::Tokens(1_000_000),
        learning_rate: LearningRateCurve { shape, ..cosine(2e-3, 20_000) },
        at_growth: AtGrowth::KEPT_STATE,
    }
}

fn stackbert_settings(layer_counts: &[usize], length: Length) -> Stackbert {
    Stackbert {
        layer_counts: layer_counts.to_vec(),
        shares: Stackbert::PAPER_SHARES.to_vec(),
        length,
        learning_rate: linear(8e-4, 10_000),
        at_growth: AtGrowth::KEPT_RATE,
    }
}

/// Half of the width of the model of width 64, and half of its layers.
fn staged_settings(length: Length) -> Staged {
    let width = Width {
        hidden_size: Some(64),
        intermediate_size: Some(192),
        num_attention_heads: Some(4),
        num_key_value_heads: Some(2),
    };
    Staged {
        growths: vec![Growth::Split { width, share: Some(0.7) }, Growth::Stack { factor: 2 }],
        base: BaseSizes {
            num_hidden_layers: Some(4),
            hidden_size: Some(32),
            intermediate_size: Some(96),
            num_attention_heads: Some(2),
            num_key_value_heads: Some(1),
        },
        shares: Staged::PAPER_SHARES.to_vec(),
        length,
        learning_rate: cosine(1e-3, 10_000),
        at_growth: AtGrowth::KEPT_STATE,
    }
}

fn llama_pro_settings(added_layers: usize, base_tokens: u64) -> LlamaPro {
    LlamaPro {
        added_layers,
        base_tokens,
        base_learning_rate: cosine(1e-3, 0),
        grown: Length::Tokens(100_000),
        grown_learning_rate: Some(cosine(2e-4, 6_000)),
        at_growth: AtGrowth::default(),
    }
}

#[test]
fn the_plan_of_gradual_stacking_is_the_paper_s() {
    // 10 billion tokens at 6 layers, 10 at 12, the rest at 24. A new layer k is layer 2 · now − then + k: the top ones.
    let schedule = Schedule::gradual(&model(64, 24, false), &gradual_settings(&[6, 12, 24], Operator::Last));
    let schedule = schedule.unwrap();
    insta::assert_snapshot!(schedule.describe(128), @"
    stage      layers  growth              trainable        tokens     FLOPs  learning rate
    6-layers        6  –                   all         10000000000  2.261e16  3e-4 to 2.99e-4, warm-up 6000000000 tokens
    12-layers      12  last, to 12 layers  all         10000000000  4.325e16  3e-4 to 2.99e-4, warm-up 6000000000 tokens
    24-layers      24  last, to 24 layers  all         80000000000  6.763e17  3e-4 to 3e-5, warm-up 6000000000 tokens
    total                                             100000000000  7.422e17  (6.603e17 FLOPs as 6·N·T)
    ");
    check_flops(&schedule, cost(6, 10e9) + cost(12, 10e9) + cost(24, 80e9));
}

#[test]
fn the_plan_of_stackbert_is_the_paper_s() {
    // 50, 20 and 330 thousand of 400 thousand steps, here of one token each, and one rate that comes down to 0.
    let settings = stackbert_settings(&[3, 6, 12], Length::Tokens(400_000));
    let schedule = Schedule::stackbert(&model(64, 12, false), &settings).unwrap();
    insta::assert_snapshot!(schedule.describe(128), @"
    stage      layers  growth     trainable  tokens     FLOPs  learning rate
    3-layers        3  –          all         50000  6.144e10  8e-4 to 7.18e-4, warm-up 10000 tokens, linear
    6-layers        6  stack × 2  all         20000  4.522e10  7.18e-4 to 6.77e-4, continued
    12-layers      12  stack × 2  all        330000  1.427e12  6.77e-4 to 0e0, continued
    total                                    400000  1.534e12  (1.408e12 FLOPs as 6·N·T)
    ");
    check_flops(&schedule, cost(3, 50e3) + cost(6, 20e3) + cost(12, 330e3));
}

#[test]
fn the_plan_of_midas_is_the_paper_s() {
    // Six stages of 4 to 24 layers, as long as their numbers: 21 parts of a million tokens.
    let settings = midas_settings(Midas::PAPER_EXPONENT, Length::Tokens(21_000_000));
    let schedule = Schedule::midas(&model(64, 24, false), &settings).unwrap();
    insta::assert_snapshot!(schedule.describe(128), @"
    stage      layers  growth             trainable    tokens     FLOPs  learning rate
    4-layers        4  –                  all         1000000  1.573e12  1e-3 to 9.95e-4, no warm-up
    8-layers        8  middle block of 4  all         2000000  5.898e12  9.95e-4 to 9.55e-4, continued
    12-layers      12  middle block of 4  all         3000000  1.298e13  9.55e-4 to 8.31e-4, continued
    16-layers      16  middle block of 4  all         4000000  2.281e13  8.31e-4 to 5.84e-4, continued
    20-layers      20  middle block of 4  all         5000000  3.539e13  5.84e-4 to 2.69e-4, continued
    24-layers      24  middle block of 4  all         6000000  5.072e13  2.69e-4 to 1e-4, continued
    total                                            21000000  1.294e14  (1.159e14 FLOPs as 6·N·T)
    ");
    let stage = |number: usize| cost(4 * number, number as f64 * 1e6);
    check_flops(&schedule, (1..=6).map(stage).sum());
    // Of the layers 4 · 91 of 24 · 21: 13/18, which is 1.38 times as fast.
    let layers = schedule.flops(FlopConvention::Exact, 128) - 21e6 * HEAD;
    assert!((layers / (21e6 * 24.0 * LAYER) - 13.0 / 18.0).abs() < 1e-12);
}

#[test]
fn stages_of_midas_become_longer_by_the_power_of_their_number() {
    // 1, 4 and 9 of 14 parts.
    let settings = midas_settings(2.0, Length::Tokens(1_400));
    let schedule = Schedule::midas(&model(64, 12, false), &settings).unwrap();
    let tokens: Vec<u64> = schedule.stages().iter().map(|stage| stage.tokens).collect();
    assert_eq!(tokens, [100, 400, 900]);
}

#[test]
fn the_plan_of_lidas_begins_as_midas_does() {
    let settings = midas_settings(1.0, Length::Tokens(6_000));
    let schedule = Schedule::lidas(&model(64, 12, false), &settings).unwrap();
    insta::assert_snapshot!(schedule.describe(128), @"
    stage      layers  growth              trainable  tokens     FLOPs  learning rate
    4-layers        4  –                   all          1000   1.573e9  1e-3 to 9.4e-4, no warm-up
    8-layers        8  middle block of 4   all          2000   5.898e9  9.4e-4 to 5.5e-4, continued
    12-layers      12  lidas, blocks of 4  all          3000  1.298e10  5.5e-4 to 1e-4, continued
    total                                               6000  2.045e10  (1.892e10 FLOPs as 6·N·T)
    ");
    // Of two blocks 0–3 and 4–7 the upper half of the one and the lower half of the other stand between them.
    let sources: Vec<usize> =
        schedule.growth(2).unwrap().plan().layers().iter().filter_map(|layer| layer.source()).collect();
    assert_eq!(sources, [0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7]);
    check_flops(&schedule, cost(4, 1e3) + cost(8, 2e3) + cost(12, 3e3));
}

#[test]
fn the_plan_of_flm_101b_is_the_paper_s() {
    let schedule =
        Schedule::staged(&model(64, 8, false), &staged_settings(Length::Tokens(1_000_000))).unwrap();
    insta::assert_snapshot!(schedule.describe(128), @"
    stage    layers  growth                                                                       trainable   tokens     FLOPs  learning rate
    stage-1       4  –                                                                            all         790000  3.883e11  1e-3 to 1.96e-4, warm-up 10000 tokens
    stage-2       4  split to 64 hidden, 192 intermediate, 4 heads, 2 key-value heads, share 0.7  all         130000  2.045e11  1.96e-4 to 1.14e-4, continued
    stage-3       8  stack × 2                                                                    all          80000  2.359e11  1.14e-4 to 1e-4, continued
    total                                                                                                    1000000  8.287e11  (8.153e11 FLOPs as 6·N·T)
    ");
    // A layer of width 32 has 32 · (2 · 32 + 2 · 16 + 3 · 96) = 12288 weights: 3 · (2 · 12288 + 2 · 128 · 32) = 98304
    // FLOPs for a token, and the head 3 · 2 · 32 · 512 = 98304.
    check_flops(&schedule, 5.0 * 98_304.0 * 790e3 + cost(4, 130e3) + cost(8, 80e3));
}

#[test]
fn the_plan_of_llama_pro_is_the_paper_s() {
    // 32 layers, and 8 more, one after every fourth.
    let schedule = Schedule::llama_pro_from(&model(64, 32, false), &llama_pro_settings(8, 0)).unwrap();
    insta::assert_snapshot!(schedule.describe(128), @"
    stage  layers  growth                           trainable                     tokens     FLOPs  learning rate
    base       32  –                                all                                0   0.000e0  –
    grown      40  zero, to 40 layers, interleaved  layers 4,9,14,19,24,29,34,39  100000  1.022e12  2e-4 to 2e-5, warm-up 6000 tokens
    total                                                                         100000  1.022e12  (1.222e12 FLOPs as 6·N·T)
    ");
    let stage = &schedule.stages()[1];
    assert_eq!(stage.trainable, Trainable::Layers(vec![4, 9, 14, 19, 24, 29, 34, 39]));
    // Forward through 40 layers and the head; gradients go on through the 36 layers from the fifth on, at 98304 for
    // products and 4 · 128 · 64 = 32768 for attention; 8 layers have gradients of weights.
    let by_hand = (40.0 * 114_688.0 + 65_536.0) + (36.0 * 131_072.0 + 65_536.0) + 8.0 * 98_304.0;
    check_flops(&schedule, 100e3 * by_hand);
}

#[test]
fn the_plan_of_staged_training_ends_its_base_by_the_slope_that_the_paper_has_for_what_grows() {
    let settings = |growth, base| StagedTraining {
        growth,
        base,
        ends_at: None,
        base_tokens: 400_000,
        base_learning_rate: cosine(2e-3, 20_000),
        grown: Length::Tokens(600_000),
        grown_learning_rate: cosine(2e-3, 10_000),
        at_growth: StagedTraining::PAPER_CHOICE,
    };
    // 4 layers for 400 k tokens at most and 8 for 600 k.
    let target = model(64, 8, false);
    let deeper = settings(Growth::Stack { factor: 2 }, BaseSizes::default());
    let schedule = Schedule::staged_training(&target, &deeper).unwrap();
    insta::assert_snapshot!(schedule.describe(128), @"
    stage  layers  growth     trainable    tokens     FLOPs  learning rate
    base        4  –          all        ≤ 400000  6.291e11  2e-3 to 2e-4, warm-up 20000 tokens
    grown       8  stack × 2  all          600000  1.769e12  2e-3 to 2e-4, warm-up 10000 tokens
    total                                 1000000  2.399e12  (2.286e12 FLOPs as 6·N·T)
    ");
    check_flops(&schedule, cost(4, 400e3) + cost(8, 600e3));
    let [base, grown] = schedule.stages() else { panic!("two stages") };
    assert_eq!(base.ends_at, Some(LossSlope::DEPTH));
    assert_eq!((grown.ends_at, grown.at_growth.moments), (None, Moments::Scaled));
    let width = Width { hidden_size: Some(64), intermediate_size: Some(192), ..Width::default() };
    let base = BaseSizes { hidden_size: Some(32), intermediate_size: Some(96), ..BaseSizes::default() };
    let heads = Width {
        num_attention_heads: Some(target.num_attention_heads),
        num_key_value_heads: Some(target.num_key_value_heads),
        ..width
    };
    let of_base = BaseSizes {
        num_attention_heads: Some(target.num_attention_heads / 2),
        num_key_value_heads: Some(target.num_key_value_heads / 2),
        ..base
    };
    let wider = settings(Growth::Split { width: heads, share: None }, of_base);
    let schedule = Schedule::staged_training(&target, &wider).unwrap();
    assert_eq!(schedule.stages()[0].ends_at, Some(LossSlope::WIDTH));
    let own = StagedTraining { ends_at: Some(LossSlope { slope: -0.2, validations: 3 }), ..deeper };
    assert_eq!(Schedule::staged_training(&target, &own).unwrap().stages()[0].ends_at, own.ends_at);
}

#[test]
fn the_plan_of_late_growth_is_the_paper_s() {
    // One layer for 80 % of the tokens; the rate stays up from 2 % to 90 %, so that the growth doesn't see it change.
    let schedule = Schedule::late(&model(64, 24, false), &late_settings()).unwrap();
    insta::assert_snapshot!(schedule.describe(128), @"
    stage  layers  growth      trainable   tokens     FLOPs  learning rate
    base        1  –           all         800000  4.325e11  2e-3 to 2e-3, warm-up 20000 tokens, warm-up, stable, linear decay
    grown      24  stack × 24  all         200000  1.691e12  2e-3 to 2e-4, continued
    total                                 1000000  2.123e12  (2.049e12 FLOPs as 6·N·T)
    ");
    check_flops(&schedule, cost(1, 800e3) + cost(24, 200e3));
    let [base, grown] = schedule.stages() else { panic!("two stages") };
    for (rate, tokens) in [(base, 20_000), (base, 800_000), (grown, 0), (grown, 100_000)] {
        assert_eq!(rate.learning_rate.at(tokens).to_bits(), 2e-3_f64.to_bits());
    }
    assert_eq!(grown.learning_rate.at(200_000).to_bits(), 2e-4_f64.to_bits());
}

#[test]
fn the_plan_of_recycling_grows_at_once() {
    let settings = Recycle {
        growth: Recycle::PAPER_GROWTH,
        length: Length::Tokens(500_000),
        learning_rate: cosine(1e-3, 10_000),
        at_growth: AtGrowth::default(),
    };
    let schedule = Schedule::recycle_from(&model(64, 6, false), &settings).unwrap();
    insta::assert_snapshot!(schedule.describe(128), @"
    stage  layers  growth          trainable  tokens     FLOPs  learning rate
    base        6  –               all             0   0.000e0  –
    grown      12  interleave × 2  all        500000  2.163e12  1e-3 to 1e-4, warm-up 10000 tokens
    total                                     500000  2.163e12  (1.971e12 FLOPs as 6·N·T)
    ");
    check_flops(&schedule, cost(12, 500e3));
}

#[test]
fn the_plan_of_masked_random_growth_is_the_paper_s() {
    // Two layers, six drawn on top of them, which a mask lets in over 5000 steps, here of 20 tokens.
    let settings = RandomMask {
        base: BaseSizes { num_hidden_layers: Some(2), ..BaseSizes::default() },
        base_tokens: 400_000,
        base_learning_rate: cosine(1e-3, 0),
        mask: MaskRamp { tokens: 100_000, order: MaskOrder::Together },
        seed: 1,
        grown: Length::Tokens(600_000),
        grown_learning_rate: Some(cosine(3e-4, 30_000)),
        at_growth: AtGrowth::default(),
    };
    let schedule = Schedule::random_mask(&model(64, 8, false), &settings).unwrap();
    insta::assert_snapshot!(schedule.describe(128), @"
    stage  layers  growth                                        trainable   tokens     FLOPs  learning rate
    base        2  –                                             all         400000  3.539e11  1e-3 to 1e-4, no warm-up
    grown       8  random, to 8 layers, mask over 100000 tokens  all         600000  1.769e12  3e-4 to 3e-5, warm-up 30000 tokens
    total                                                                   1000000  2.123e12  (2.049e12 FLOPs as 6·N·T)
    ");
    // What a mask hides is computed all the same.
    check_flops(&schedule, cost(2, 400e3) + cost(8, 600e3));
    assert_eq!(schedule.growth(1).unwrap().mask().unwrap().units().layers, [[2, 8]]);
}

/// The paper's eight operators (figure 3) but for the two behind a mask, with the base that each grows from.
fn operators() -> Vec<(Growth, BaseSizes)> {
    let width = Width {
        hidden_size: Some(64),
        intermediate_size: Some(192),
        num_attention_heads: Some(4),
        num_key_value_heads: Some(2),
    };
    let narrow = BaseSizes {
        hidden_size: Some(32),
        intermediate_size: Some(96),
        num_attention_heads: Some(2),
        num_key_value_heads: Some(1),
        ..BaseSizes::default()
    };
    let shallow = BaseSizes { num_hidden_layers: Some(2), ..BaseSizes::default() };
    let implied = BaseSizes::default();
    let (factor, depth) = (Depth::Factor(4), Depth::Layers(8));
    let learned =
        |depth: Option<Depth>, width: Width| Growth::Learned { depth, width, matrices: None, seed: 1 };
    vec![
        (Growth::Stack { factor: 4 }, implied),
        (Growth::Interleave { factor: 4 }, implied),
        (Growth::ZeroDepth { depth: factor, placement: Placement::default() }, implied),
        (Growth::ZeroDepth { depth, placement: Placement::default() }, shallow),
        (learned(Some(factor), Width::default()), implied),
        (Growth::Split { width, share: Some(0.7) }, narrow),
        (Growth::ZeroWidth { width, seed: 1 }, narrow),
        (learned(None, width), narrow),
        (learned(Some(depth), width), BaseSizes { num_hidden_layers: Some(2), ..narrow }),
        (Growth::Aki { width }, narrow),
        (Growth::Middle { block_layers: 4 }, implied),
        (Growth::Solar { drop_layers: 2 }, implied),
    ]
}

#[test]
fn g_stack_grows_by_any_operator_from_the_base_that_it_needs() {
    let target = model(64, 8, false);
    for (growth, base) in operators() {
        let settings =
            GStack { growth: growth.clone(), base, ..g_stack_settings(4, 400_000, Length::Tokens(100_000)) };
        let schedule = Schedule::g_stack(&target, &settings).unwrap_or_else(|problem| {
            panic!("{growth}: {}", outgrow_checkpoint::with_causes(&problem));
        });
        // To the epsilon of its norms, which growth by zeros changes.
        assert_eq!(*schedule.model(), target, "{growth}");
        let first = &schedule.stages()[0].model;
        assert!(first.num_parameters() < target.num_parameters(), "{growth}");
        let settings = GStack { base: BaseSizes::default(), base_tokens: 0, ..settings };
        assert_eq!(*Schedule::g_stack_from(first, &settings).unwrap().model(), target, "{growth}");
    }
}

#[test]
fn gradual_stacking_has_other_operators_too() {
    let target = model(64, 24, false);
    let growths = |operator| {
        let schedule = Schedule::gradual(&target, &gradual_settings(&[6, 12, 24], operator)).unwrap();
        let words = schedule.stages().iter().filter_map(|stage| Some(stage.enter.as_ref()?.to_string()));
        words.collect::<Vec<_>>().join("; ")
    };
    insta::assert_snapshot!(growths(Operator::Stack), @"stack × 2; stack × 2");
    insta::assert_snapshot!(growths(Operator::Interleave), @"interleave × 2; interleave × 2");
    insta::assert_snapshot!(growths(Operator::Zero), @"zero, to 12 layers, interleaved; zero, to 24 layers, interleaved");
    insta::assert_snapshot!(growths(Operator::Learned), @"learned, initial, to 12 layers; learned, initial, to 24 layers");
}

/// A base of two layers, matrices learned in 100 steps of 1,000 tokens through it, eight layers by them.
#[test]
fn learned_growth_pays_for_the_learning_of_its_matrices() {
    let settings = |growth: Growth, grown: Length| LearnedGrowth {
        growth,
        base: BaseSizes::default(),
        base_tokens: 200_000,
        base_learning_rate: cosine(1e-3, 0),
        learning: MatrixLearning { tokens: 100_000, learning_rate: 1e-2, all_widths: false },
        grown,
        grown_learning_rate: cosine(1e-3, 0),
    };
    let learned =
        Growth::Learned { depth: Some(Depth::Factor(4)), width: Width::default(), matrices: None, seed: 0 };
    let schedule =
        Schedule::learned(&model(64, 8, false), &settings(learned.clone(), Length::Tokens(500_000))).unwrap();
    let by_hand = cost(2, 200_000.0) + cost(8, 100_000.0) + cost(8, 500_000.0);
    check_flops(&schedule, by_hand);
    assert_eq!(schedule.tokens(), 800_000);
    let budget = Length::Budget { flops: by_hand, sequence_length: 128, orthogonalization: None };
    assert_eq!(Schedule::learned(&model(64, 8, false), &settings(learned, budget)).unwrap(), schedule);
    let stacked = Schedule::learned(
        &model(64, 8, false),
        &settings(Growth::Stack { factor: 4 }, Length::Tokens(500_000)),
    );
    insta::assert_snapshot!(stacked.unwrap_err(), @r#"stage "grown": at_growth.learning learns the matrices of `learned`, and `stack` has none: leave it out"#);
}
