//! Laws of plans in general: what a plan makes is its target's, several growths are one, and the order doesn't matter
//! where it shouldn't.

use std::{fs, path::PathBuf};

use outgrow_operators::{Depth, Growth, GrowthPlan, Origin, Width, grow_tensors, growth::LearnedMatrices};
use proptest::{prelude::*, sample::Index};

use crate::{
    cases,
    models::{growths, model, models},
    reference::ordinary,
};

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn a_plan_makes_the_tensors_of_its_target_and_no_others(source in models(), by in 1_usize..4, seed in any::<u64>()) {
        let (source, tensors) = ordinary(&source, seed);
        for growth in growths(&source, by, 0.4, seed) {
            let plan = GrowthPlan::new(&source, [&growth]).unwrap();
            let grown = grow_tensors(&plan, &tensors).unwrap();
            let shapes: Vec<_> = plan.target().tensors().into_iter().map(|one| (one.name, one.shape)).collect();
            let made: Vec<_> = plan.tensors().iter().map(|one| (one.name.clone(), one.shape.clone())).collect();
            prop_assert_eq!(&made, &shapes, "{:?}", growth);
            let parameters: usize = grown.values().map(|tensor| tensor.values.len()).sum();
            prop_assert_eq!(parameters as u64, plan.target().num_parameters(), "{:?}", growth);
            prop_assert_eq!(plan.layers().len(), plan.target().num_hidden_layers);
        }
    }

    #[test]
    fn two_growths_planned_as_one_are_the_two_carried_out(
        source in models(), seed in any::<u64>(), choices in proptest::collection::vec((any::<Index>(), any::<Index>()), 24),
    ) {
        let (source, tensors) = ordinary(&source, seed);
        for (first, second) in choices {
            let first = first.get(&growths(&source, 2, 0.3, seed)).clone();
            let one = GrowthPlan::new(&source, [&first]).unwrap();
            let second = second.get(&growths(one.target(), 2, 0.6, seed.wrapping_add(1))).clone();
            let other = GrowthPlan::new(one.target(), [&second]).unwrap();
            let stepwise = grow_tensors(&other, &grow_tensors(&one, &tensors).unwrap()).unwrap();
            let pair = [first, second];
            let at_once = GrowthPlan::new(&source, &pair).unwrap();
            prop_assert_eq!(at_once.target(), other.target());
            prop_assert_eq!(at_once.preservation(), one.preservation().min(other.preservation()));
            for (name, tensor) in grow_tensors(&at_once, &tensors).unwrap() {
                prop_assert_eq!(&tensor, &stepwise[&name], "{} of {:?}", name, pair);
            }
        }
    }

    #[test]
    fn width_and_depth_commute_where_both_only_copy(
        source in models(), by in 2_usize..4, share in 0.1_f64..0.9, seed in any::<u64>(),
    ) {
        let (source, tensors) = ordinary(&source, seed);
        let width = Width { hidden_size: Some(source.hidden_size * by), intermediate_size: Some(source.intermediate_size + 1), ..Width::default() };
        let split = Growth::Split { width, share: Some(share) };
        for deep in [Growth::Stack { factor: by }, Growth::Interleave { factor: by }] {
            let wide_first = GrowthPlan::new(&source, &[split.clone(), deep.clone()]).unwrap();
            let deep_first = GrowthPlan::new(&source, &[deep, split.clone()]).unwrap();
            prop_assert_eq!(grow_tensors(&wide_first, &tensors).unwrap(), grow_tensors(&deep_first, &tensors).unwrap());
        }
    }

    #[test]
    fn learned_growth_begins_as_a_stack(source in models(), factor in 1_usize..4, seed in any::<u64>()) {
        let (source, tensors) = ordinary(&source, seed);
        let deep = source.with(|fields| fields.num_hidden_layers *= factor).unwrap();
        let learned = Growth::Learned {
            depth: Some(Depth::Layers(deep.num_hidden_layers)), width: Width::default(), matrices: None, seed,
        };
        let learned = GrowthPlan::new(&source, [&learned]).unwrap();
        let stacked = GrowthPlan::new(&source, [&Growth::Stack { factor }]).unwrap();
        prop_assert_eq!(learned.tensors(), stacked.tensors());
        prop_assert_eq!(grow_tensors(&learned, &tensors).unwrap(), grow_tensors(&stacked, &tensors).unwrap());
    }

    #[test]
    fn what_reads_copies_of_a_channel_adds_up_to_what_read_the_channel(
        source in models(), by in 2_usize..4, share in 0.1_f64..0.9, seed in any::<u64>(),
    ) {
        let (source, tensors) = ordinary(&source, seed);
        let width = Width { intermediate_size: Some(source.intermediate_size * by), ..Width::default() };
        let split = GrowthPlan::new(&source, [&Growth::Split { width, share: Some(share) }]).unwrap();
        let grown = grow_tensors(&split, &tensors).unwrap();
        let (narrow, wide) = (&tensors["model.layers.0.mlp.down_proj.weight"], &grown["model.layers.0.mlp.down_proj.weight"]);
        let (old, new) = (source.intermediate_size, source.intermediate_size * by);
        for row in 0..source.hidden_size {
            for column in 0..old {
                let copies = (0..by).map(|copy| f64::from(wide.values[row * new + copy * old + column]));
                let whole = f64::from(narrow.values[row * old + column]);
                prop_assert!((copies.sum::<f64>() - whole).abs() < 1e-6);
                let first = f64::from(wide.values[row * new + column]);
                prop_assert!((first - share * whole).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn fresh_weights_follow_from_the_seed_and_differ_between_tensors(source in models(), seed in any::<u64>()) {
        let (source, tensors) = ordinary(&source, seed);
        let grow = |seed| {
            let growth = Growth::RandomDepth { depth: Depth::Layers(source.num_hidden_layers + 2), seed };
            grow_tensors(&GrowthPlan::new(&source, [&growth]).unwrap(), &tensors).unwrap()
        };
        let (grown, again, other) = (grow(seed), grow(seed), grow(seed.wrapping_add(1)));
        prop_assert_eq!(&grown, &again);
        let name = |layer: usize, kind: &str| format!("model.layers.{}.mlp.{kind}_proj.weight", source.num_hidden_layers + layer);
        prop_assert_ne!(&grown[&name(0, "up")], &other[&name(0, "up")]);
        prop_assert_ne!(&grown[&name(0, "up")], &grown[&name(1, "up")]);
        prop_assert_ne!(&grown[&name(0, "up")].values, &grown[&name(0, "gate")].values);
    }
}

#[test]
fn fresh_weights_are_spread_as_the_paper_s_code_spreads_them() {
    let source = model(2).with(|fields| {
        fields.hidden_size = 200;
        fields.intermediate_size = 300;
    });
    let source = source.unwrap();
    let (source, tensors) = ordinary(&source, 1);
    let growth = Growth::RandomDepth { depth: Depth::Layers(5), seed: 1 };
    let grown = grow_tensors(&GrowthPlan::new(&source, [&growth]).unwrap(), &tensors).unwrap();
    let spread = |name: &str| {
        let values = &grown[name].values;
        (values.iter().map(|value| f64::from(value * value)).sum::<f64>() / values.len() as f64).sqrt()
    };
    let close = |found: f64, expected: f64| (found / expected - 1.0).abs() < 0.02;
    assert!(close(spread("model.layers.3.mlp.up_proj.weight"), (2.0 / (5.0 * 200.0_f64)).sqrt()));
    assert!(close(spread("model.layers.3.mlp.down_proj.weight"), 1.0 / (300.0_f64.sqrt() * 5.0)));
    assert!(
        grown["model.layers.3.input_layernorm.weight"]
            .values
            .iter()
            .all(|value| value.to_bits() == 1_f32.to_bits())
    );
}

#[test]
fn what_stays_as_it_is_stays_a_copy() {
    let source = model(2);
    let width = Width { intermediate_size: Some(24), ..Width::default() };
    let plan = GrowthPlan::new(&source, [&Growth::Split { width, share: None }]).unwrap();
    for tensor in plan.tensors() {
        let is_copy = matches!(tensor.origin, Origin::Copy { .. });
        assert_eq!(is_copy, !tensor.name.contains("mlp"), "{}", tensor.name);
    }
}

#[test]
fn trained_matrices_go_through_a_file() {
    let dir = tempfile::TempDir::new().unwrap();
    let (source, tensors) = ordinary(&model(2), 3);
    let target = source.with(|fields| {
        fields.num_hidden_layers = 4;
        fields.hidden_size = 12;
    });
    let target = target.unwrap();
    let initial = LearnedMatrices::initial(&source, &target, 7);
    let path = dir.path().join("matrices.safetensors");
    outgrow_checkpoint::write_tensors(&path, &initial.to_named_tensors()).unwrap();
    let width = Width { hidden_size: Some(12), ..Width::default() };
    let growth = |matrices| Growth::Learned { depth: Some(Depth::Layers(4)), width, matrices, seed: 7 };
    let [from_file, from_seed] = [Some(path.clone().into()), None].map(|matrices| {
        let growth = growth(matrices).read_matrices().unwrap();
        // Read, they are a part of the growth: no plan opens the file.
        let _ = fs::remove_file(&path);
        grow_tensors(&GrowthPlan::new(&source, [&growth]).unwrap(), &tensors).unwrap()
    });
    assert_eq!(from_file, from_seed);
    let unread =
        GrowthPlan::new(&source, [&growth(Some(PathBuf::from("matrices.safetensors").into()))]).unwrap_err();
    insta::assert_snapshot!(unread, @"matrices.safetensors: the matrices of a learned growth have to be read before it is planned");
}

#[test]
fn sizes_that_can_not_be_grown_to_are_refused_with_both_numbers() {
    let source = model(6).with(|fields| fields.num_attention_heads = 6).unwrap();
    let width = Width { hidden_size: Some(4), ..Width::default() };
    let heads = |num_attention_heads, num_key_value_heads| Growth::ZeroWidth {
        width: Width { num_attention_heads, num_key_value_heads, ..Width::default() },
        seed: 0,
    };
    let refusal = |growth: Growth| GrowthPlan::new(&source, [&growth]).unwrap_err().to_string();
    insta::assert_snapshot!(refusal(Growth::Split { width, share: None }), @"`hidden_size` = 4 is less than the source's 8");
    insta::assert_snapshot!(refusal(Growth::Split { width: Width::default(), share: Some(1.0) }), @"share = 1: a number between 0 and 1 is needed");
    insta::assert_snapshot!(refusal(heads(Some(12), Some(3))), @"6 heads in 2 groups can't become 12 in 3 in one step: grow by whole groups of 3, or only the heads, or only the groups by a whole factor");
    insta::assert_snapshot!(refusal(heads(None, Some(6))), @"`num_key_value_heads` = 6 with 6 heads: old heads would read new keys and values; grow whole groups, or use `split`");
    insta::assert_snapshot!(refusal(heads(Some(7), None)), @"the grown model can't be: `num_attention_heads` is 7, not a multiple of `num_key_value_heads`, which is 2");
    insta::assert_snapshot!(refusal(Growth::Hyperclone { factor: 0 }), @"factor = 0: at least 1 is needed");
    insta::assert_snapshot!(refusal(Growth::Noise { amount: 1.5, mix: outgrow_operators::Mix::Linear, seed: 0 }), @"amount = 1.5 of noise: a number from 0 to 1 is needed");
    insta::assert_snapshot!(refusal(Growth::Middle { block_layers: 4 }), @"block_layers = 4 for 6 layers: they make equal blocks of 1, 2, 3 or 6");
    insta::assert_snapshot!(refusal(Growth::Lidas { block_layers: 3 }), @"block_layers = 3 for 6 layers: they make 2 or more equal blocks of 2, which have halves");
    insta::assert_snapshot!(refusal(Growth::Lidas { block_layers: 6 }), @"block_layers = 6 for 6 layers: they make 2 or more equal blocks of 2, which have halves");
    insta::assert_snapshot!(refusal(Growth::Solar { drop_layers: 6 }), @"drop_layers = 6 of 6 layers: at most 5 can be left out");
    insta::assert_snapshot!(refusal(Growth::Last { depth: Depth::Layers(13) }), @"num_hidden_layers = 13: this growth gives at most 12 layers");
    insta::assert_snapshot!(refusal(Growth::ZeroDepth { depth: Depth::Layers(10), placement: outgrow_operators::Placement::Interleaved }), @"num_hidden_layers = 10 for 6 layers: the 4 new ones can't be spread evenly; a multiple or a divisor of 6 can, or place them on top");
    insta::assert_snapshot!(refusal(Growth::RandomDepth { depth: Depth::Layers(5), seed: 0 }), @"num_hidden_layers = 5: this growth gives at least 6 layers, as the source has");
    insta::assert_snapshot!(GrowthPlan::new(&source, &[]).unwrap_err(), @"no growth is given: at least one step is needed");
}
