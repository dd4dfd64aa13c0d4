//! What the methods refuse: one line each, with what would do.

use outgrow_checkpoint::with_causes;
use outgrow_operators::{Depth, Growth, Mix, Operator, Width};
use outgrow_schedules::{
    AtGrowth, BaseSizes, GStack, Late, Length, LlamaPro, Midas, Recycle, Schedule, ScheduleError, Stackbert,
    Stage, Staged, Trainable,
};

use super::{
    gradual_settings, late_settings, llama_pro_settings, midas_settings, stackbert_settings, staged_settings,
};
use crate::{
    constructors::{cosine, g_stack_settings, rate},
    models::model,
};

fn said(schedule: Result<Schedule, ScheduleError>) -> String {
    let message = with_causes(&schedule.unwrap_err());
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn growths_that_do_not_lead_to_the_target() {
    let target = model(64, 8, false);
    let with = |growth: Growth, base: BaseSizes| {
        let settings = GStack { growth, base, ..g_stack_settings(4, 400_000, Length::Tokens(100_000)) };
        said(Schedule::g_stack(&target, &settings))
    };
    let unsaid = BaseSizes::default();
    let narrow = Width { hidden_size: Some(48), ..Width::default() };
    insta::assert_snapshot!(with(Growth::Split { width: narrow, share: None }, unsaid), @"base is missing: `split` doesn't say which model it grows from; give the sizes that differ from the target's, such as base = { hidden_size = 32 }");
    insta::assert_snapshot!(with(Growth::Split { width: narrow, share: None }, BaseSizes { hidden_size: Some(32), ..unsaid }), @"growth ends with hidden_size 48, where the target has 64");
    insta::assert_snapshot!(with(Growth::Layers { layers: vec![0, 1, 0, 1] }, unsaid), @"base is missing: `layers` doesn't say which model it grows from; give the sizes that differ from the target's, such as base = { num_hidden_layers = 4 }");
    insta::assert_snapshot!(with(Growth::Layers { layers: vec![0, 1, 0, 1] }, BaseSizes { num_hidden_layers: Some(2), ..unsaid }), @"growth ends with num_hidden_layers 4, where the target has 8");
    insta::assert_snapshot!(with(Growth::Last { depth: Depth::Factor(2) }, BaseSizes { num_hidden_layers: Some(3), ..unsaid }), @"growth ends with num_hidden_layers 6, where the target has 8");
    let wide = Width {
        intermediate_size: Some(128),
        num_attention_heads: Some(4),
        num_key_value_heads: Some(2),
        ..Width::default()
    };
    insta::assert_snapshot!(with(Growth::Aki { width: wide }, unsaid), @"base is missing: `aki` doesn't say which model it grows from; give the sizes that differ from the target's, such as base = { intermediate_size = 96, num_attention_heads = 2, num_key_value_heads = 1 }");
    insta::assert_snapshot!(with(Growth::Aki { width: wide }, BaseSizes { num_attention_heads: Some(3), num_key_value_heads: Some(2), ..unsaid }), @"base: `num_attention_heads` is 3, not a multiple of `num_key_value_heads`, which is 2");
    insta::assert_snapshot!(with(Growth::Hyperclone { factor: 4 }, unsaid), @"factor is 4, it must divide the target's num_key_value_heads, 2");
    let heads = Width { num_attention_heads: Some(3), ..Width::default() };
    insta::assert_snapshot!(with(Growth::Split { width: heads, share: None }, BaseSizes { num_attention_heads: Some(2), ..unsaid }), @r#"stage "grown": enter: the grown model can't be: `num_attention_heads` is 3, not a multiple of `num_key_value_heads`, which is 2"#);
}

#[test]
fn a_base_without_key_value_heads_has_them_in_the_target_s_proportion() {
    let target = model(64, 8, false);
    let base = BaseSizes { num_attention_heads: Some(2), ..BaseSizes::default() };
    let heads_of = |width: Width| {
        let growth = Growth::Split { width, share: None };
        let settings = GStack { growth, base, ..g_stack_settings(4, 400_000, Length::Tokens(100_000)) };
        let schedule = Schedule::g_stack(&target, &settings).unwrap();
        schedule.stages().iter().map(|stage| stage.model.num_key_value_heads).collect::<Vec<_>>()
    };
    let queries = Width { num_attention_heads: Some(4), ..Width::default() };
    assert_eq!(heads_of(Width { num_key_value_heads: Some(2), ..queries }), [1, 2]);
    assert_eq!(heads_of(queries), [2, 2], "a growth that leaves them begins with the target's");
}

#[test]
fn growth_to_the_same_size() {
    let target = model(64, 8, false);
    let settings = |growth| GStack { growth, ..g_stack_settings(1, 400_000, Length::Tokens(100_000)) };
    insta::assert_snapshot!(said(Schedule::g_stack(&target, &settings(Growth::Stack { factor: 1 }))), @"growth by `stack` leaves the model as large as it is: nothing grows");
    let noise = Growth::Noise { amount: 0.2, mix: Mix::Linear, seed: 1 };
    insta::assert_snapshot!(said(Schedule::g_stack(&target, &settings(noise))), @"growth by `noise` leaves the model as large as it is: nothing grows");
    let recycle = Recycle {
        growth: Growth::Interleave { factor: 1 },
        length: Length::Tokens(100),
        learning_rate: cosine(1e-3, 0),
        at_growth: AtGrowth::default(),
    };
    insta::assert_snapshot!(said(Schedule::recycle_from(&target, &recycle)), @"growth by `interleave` leaves the model as large as it is: nothing grows");
}

#[test]
fn stages_that_shrink_or_freeze_everything() {
    let (large, small) = (model(64, 4, false), model(64, 2, false));
    let first = Stage::new("first", large, 1_000, rate(1e-3, 0.0, 0, 1_000));
    let second = Stage {
        enter: Some(Growth::Layers { layers: vec![0, 1] }),
        ..Stage::new("second", small.clone(), 1_000, rate(1e-3, 0.0, 0, 1_000))
    };
    insta::assert_snapshot!(said(Schedule::new(vec![first, second])), @r#"stage "second": enter: the growth leaves fewer parameters, 164160 of 262720: a stage doesn't shrink"#);
    let with = |trainable| {
        said(Schedule::new(vec![Stage {
            trainable,
            ..Stage::new("only", small.clone(), 1_000, rate(1e-3, 0.0, 0, 1_000))
        }]))
    };
    insta::assert_snapshot!(with(Trainable::Top { layers: 0 }), @r#"stage "only": trainable top layers is 0, the model has 2: 1 to 2 can be trained"#);
    insta::assert_snapshot!(with(Trainable::Layers(vec![])), @r#"stage "only": trainable layers is empty, which freezes everything: name the layers that are trained"#);
    insta::assert_snapshot!(with(Trainable::Layers(vec![1, 1])), @r#"stage "only": trainable layers is [1, 1]: they must rise, and each be below num_hidden_layers, 2"#);
    insta::assert_snapshot!(with(Trainable::Layers(vec![0, 2])), @r#"stage "only": trainable layers is [0, 2]: they must rise, and each be below num_hidden_layers, 2"#);
}

#[test]
fn depths_and_operators_that_do_not_go_together() {
    let target = model(64, 12, false);
    let with =
        |counts: &[usize], operator| said(Schedule::gradual(&target, &gradual_settings(counts, operator)));
    insta::assert_snapshot!(with(&[12, 6], Operator::Last), @"layer_counts is [12, 6], it must rise from at least 1 to the target's num_hidden_layers, 12");
    insta::assert_snapshot!(with(&[5, 12], Operator::Last), @"layer_counts goes from 5 to 12: the added layers copy the top ones, so it can at most double, to 10");
    insta::assert_snapshot!(with(&[2, 3, 5, 12], Operator::Stack), @"3 problems: layer_counts goes from 2 to 3: `stack` makes whole multiples, such as 4; layer_counts goes from 3 to 5: `stack` makes whole multiples, such as 6; layer_counts goes from 5 to 12: `stack` makes whole multiples, such as 10");
    insta::assert_snapshot!(with(&[6, 12], Operator::Split), @"operator `split` grows in width, and layer_counts are depths: use `staged`");
    insta::assert_snapshot!(with(&[6, 12], Operator::Middle), @"operator `middle` adds a block of layers each time, whatever layer_counts says: use `midas` or `lidas`");
    insta::assert_snapshot!(with(&[6, 12], Operator::Solar), @"operator `solar` leaves layers out, and layer_counts doesn't say how many: use `stages`");
    insta::assert_snapshot!(with(&[5, 12], Operator::Zero), @r#"stage "12-layers": enter: num_hidden_layers = 12 for 5 layers: the 7 new ones can't be spread evenly; a multiple or a divisor of 5 can, or place them on top"#);
    insta::assert_snapshot!(said(Schedule::gradual_from(&target, &gradual_settings(&[6, 12], Operator::Last))), @"layer_counts is [6, 12], it must begin with the base's num_hidden_layers, 12");
}

#[test]
fn parts_that_make_no_whole() {
    let target = model(64, 8, false);
    let stackbert = |shares: &[f64]| {
        let settings = stackbert_settings(&[2, 4, 8], Length::Tokens(100_000));
        said(Schedule::stackbert(&target, &Stackbert { shares: shares.to_vec(), ..settings }))
    };
    insta::assert_snapshot!(stackbert(&[0.5, 0.5]), @"shares is [0.5, 0.5]: 3 are needed, each above 0, that add up to 1");
    insta::assert_snapshot!(stackbert(&[0.5, 0.25, 0.5]), @"shares is [0.5, 0.25, 0.5]: 3 are needed, each above 0, that add up to 1");
    insta::assert_snapshot!(stackbert(&[1.0, f64::NAN, 0.0]), @"shares is [1.0, NaN, 0.0]: 3 are needed, each above 0, that add up to 1");
    let late = |base_share| said(Schedule::late(&target, &Late { base_share, ..late_settings() }));
    insta::assert_snapshot!(late(1.0), @"base_share is 1, it must be above 0 and below 1: the part of the tokens before the growth");
    let staged = Staged { growths: vec![], ..staged_settings(Length::Tokens(100)) };
    insta::assert_snapshot!(said(Schedule::staged(&target, &staged)), @"growths is empty: each stage but the first begins with one");
    // So few tokens that a stage has none.
    insta::assert_snapshot!(said(Schedule::late(&target, &Late { length: Length::Tokens(1), learning_rate: cosine(1e-3, 0), ..late_settings() })), @r#"stage "grown": tokens is 0: a stage trains on at least one token"#);
    for flops in [f64::NAN, f64::INFINITY, 0.0] {
        let length = Length::Budget { flops, sequence_length: 128, orthogonalization: None };
        assert!(said(Schedule::late(&target, &Late { length, ..late_settings() })).starts_with("budget is "));
    }
}

#[test]
fn blocks_exponents_and_added_layers() {
    let target = model(64, 12, false);
    let midas = |block_layers, exponent| {
        let settings = midas_settings(exponent, Length::Tokens(100_000));
        said(Schedule::midas(&target, &Midas { block_layers, ..settings }))
    };
    insta::assert_snapshot!(midas(5, 1.0), @"block_layers is 5, it must be below the target's num_hidden_layers, 12, and divide it");
    insta::assert_snapshot!(midas(12, 1.0), @"block_layers is 12, it must be below the target's num_hidden_layers, 12, and divide it");
    insta::assert_snapshot!(midas(0, 1.0), @"block_layers is 0, it must be below the target's num_hidden_layers, 12, and divide it");
    insta::assert_snapshot!(midas(4, -1.0), @"exponent is -1, a number from 0 is needed: a stage is as long as its number to that power");
    let odd = Midas { block_layers: 3, ..midas_settings(1.0, Length::Tokens(100_000)) };
    insta::assert_snapshot!(said(Schedule::lidas(&target, &odd)), @"block_layers is 3, it must be even: each growth takes the halves of two blocks");
    let llama_pro = |added_layers| {
        said(Schedule::llama_pro(&target, &LlamaPro { added_layers, ..llama_pro_settings(2, 1_000) }))
    };
    insta::assert_snapshot!(llama_pro(12), @"added_layers is 12, num_hidden_layers of the target 12: 1 to 11 can be added");
    insta::assert_snapshot!(llama_pro(5), @r#"stage "grown": enter: num_hidden_layers = 12 for 7 layers: the 5 new ones can't be spread evenly; a multiple or a divisor of 7 can, or place them on top"#);
    insta::assert_snapshot!(said(Schedule::llama_pro_from(&target, &llama_pro_settings(0, 0))), @"growth by `zero-depth` leaves the model as large as it is: nothing grows");
}
