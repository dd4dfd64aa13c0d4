//! The laws of layer maps and plans, over many shapes. No file is touched.

use std::collections::BTreeSet;

use outgrow_checkpoint::{
    LlamaConfig,
    tensor_names::{layer_index, with_layer_index},
};
use outgrow_operators::{Depth, Growth, GrowthPlan, Origin, Placement, Width, grow_tensors};
use proptest::prelude::*;

use crate::{
    cases,
    models::{layer_lists, model, models, numbered},
};

fn layers(source: &LlamaConfig, growth: &Growth) -> Vec<usize> {
    let plan = GrowthPlan::new(source, [growth]).unwrap();
    plan.layers().iter().map(|layer| layer.source().unwrap()).collect()
}

fn origins(plan: &GrowthPlan) -> impl Iterator<Item = (&str, &str)> {
    plan.tensors().iter().map(|tensor| {
        let Origin::Copy { source } = &tensor.origin else { panic!("{tensor:?} is no copy") };
        (tensor.name.as_str(), source.as_str())
    })
}

proptest! {
    #![proptest_config(cases(ProptestConfig::default().cases))]

    #[test]
    fn a_stack_is_the_whole_source_again_and_again(source in models(), factor in 1_usize..6) {
        let once: Vec<usize> = (0..source.num_hidden_layers).collect();
        prop_assert_eq!(layers(&source, &Growth::Stack { factor }), once.repeat(factor));
    }

    #[test]
    fn an_interleaving_is_a_sorted_stack(source in models(), factor in 1_usize..6) {
        let mut stacked = layers(&source, &Growth::Stack { factor });
        stacked.sort_unstable();
        prop_assert_eq!(layers(&source, &Growth::Interleave { factor }), stacked);
    }

    #[test]
    fn a_list_of_layers_is_its_own_layer_map((source, list) in layer_lists()) {
        prop_assert_eq!(layers(&source, &Growth::Layers { layers: list.clone() }), list);
    }

    #[test]
    fn stacking_twice_is_stacking_once_by_the_product(source in models(), first in 1_usize..4, second in 1_usize..4) {
        let tensors = numbered(&source);
        let once = GrowthPlan::new(&source, [&Growth::Stack { factor: first }]).unwrap();
        let twice = GrowthPlan::new(once.target(), [&Growth::Stack { factor: second }]).unwrap();
        let direct = GrowthPlan::new(&source, [&Growth::Stack { factor: first * second }]).unwrap();
        prop_assert_eq!(twice.target(), direct.target());
        let stepwise = grow_tensors(&twice, &grow_tensors(&once, &tensors).unwrap()).unwrap();
        prop_assert_eq!(stepwise, grow_tensors(&direct, &tensors).unwrap());
    }

    #[test]
    fn a_factor_is_so_many_times_the_layers(source in models(), factor in 1_usize..5, seed in any::<u64>()) {
        let layers = Depth::Layers(factor * source.num_hidden_layers);
        for placement in Placement::ALL {
            let [said, counted] = [layers, Depth::Factor(factor)].map(|depth| {
                let zero = Growth::ZeroDepth { depth, placement };
                let random = Growth::RandomDepth { depth, seed };
                let learned = Growth::Learned { depth: Some(depth), width: Width::default(), matrices: None, seed };
                [zero, random, learned].map(|growth| GrowthPlan::new(&source, [&growth]).unwrap())
            });
            prop_assert_eq!(said, counted);
        }
        let last = |depth| GrowthPlan::new(&source, [&Growth::Last { depth }]).map_err(|error| error.to_string());
        prop_assert_eq!(last(layers), last(Depth::Factor(factor)));
    }

    #[test]
    fn a_factor_of_one_is_the_model_itself(source in models()) {
        for growth in [Growth::Stack { factor: 1 }, Growth::Interleave { factor: 1 }] {
            let plan = GrowthPlan::new(&source, [&growth]).unwrap();
            prop_assert_eq!(plan.target(), &source);
            prop_assert!(origins(&plan).all(|(name, origin)| name == origin));
        }
    }

    #[test]
    fn a_plan_makes_exactly_the_tensors_of_its_target((source, list) in layer_lists()) {
        let plan = GrowthPlan::new(&source, [&Growth::Layers { layers: list.clone() }]).unwrap();
        prop_assert_eq!(plan.target().num_hidden_layers, list.len());
        let shallow = plan.target().with(|fields| fields.num_hidden_layers = source.num_hidden_layers);
        prop_assert_eq!(shallow.unwrap(), source.clone());
        let made: Vec<_> = plan.tensors().iter().map(|tensor| (tensor.name.clone(), tensor.shape.clone())).collect();
        let needed: Vec<_> = plan.target().tensors().into_iter().map(|tensor| (tensor.name, tensor.shape)).collect();
        prop_assert_eq!(made, needed);
    }

    #[test]
    fn every_tensor_comes_from_the_same_place_in_the_layer_that_the_list_names((source, list) in layer_lists()) {
        let plan = GrowthPlan::new(&source, [&Growth::Layers { layers: list.clone() }]).unwrap();
        let names: BTreeSet<String> = source.tensors().into_iter().map(|tensor| tensor.name).collect();
        for (name, origin) in origins(&plan) {
            prop_assert!(names.contains(origin));
            let layer = layer_index(name).map(|layer| list[layer]);
            prop_assert_eq!(origin, layer.map_or_else(|| name.to_owned(), |layer| with_layer_index(name, layer)));
        }
    }

    #[test]
    fn a_stacked_layer_is_a_copy_of_its_source(source in models(), factor in 1_usize..4) {
        let tensors = numbered(&source);
        let plan = GrowthPlan::new(&source, [&Growth::Stack { factor }]).unwrap();
        let grown = grow_tensors(&plan, &tensors).unwrap();
        prop_assert_eq!(grown.len(), plan.tensors().len());
        for (name, tensor) in &grown {
            let layer = layer_index(name).map(|layer| layer % source.num_hidden_layers);
            let origin = layer.map_or_else(|| name.clone(), |layer| with_layer_index(name, layer));
            prop_assert_eq!(tensor, &tensors[&origin]);
        }
    }
}

#[test]
fn growths_are_spelt_in_json_and_toml_by_their_operator() {
    let spelt = [
        (Growth::Stack { factor: 4 }, r#"{"operator":"stack","factor":4}"#),
        (Growth::Interleave { factor: 2 }, r#"{"operator":"interleave","factor":2}"#),
        (Growth::Layers { layers: vec![0, 1, 0] }, r#"{"operator":"layers","layers":[0,1,0]}"#),
    ];
    for (growth, text) in spelt {
        assert_eq!(serde_json::to_string(&growth).unwrap(), text);
        assert_eq!(serde_json::from_str::<Growth>(text).unwrap(), growth);
    }
    for wrong in [
        r#"{"operator":"stack","factor":4,"factr":2}"#,
        r#"{"operator":"stack"}"#,
        r#"{"operator":"stack","factor":-1}"#,
        r#"{"operator":"pile","factor":2}"#,
    ] {
        assert!(serde_json::from_str::<Growth>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_growth_that_does_not_fit_says_why() {
    let source = model(6);
    let refusal = |growth: Growth| GrowthPlan::new(&source, [&growth]).unwrap_err().to_string();
    insta::assert_snapshot!(refusal(Growth::Stack { factor: 0 }), @"factor = 0: at least 1 is needed");
    insta::assert_snapshot!(refusal(Growth::Interleave { factor: 0 }), @"factor = 0: at least 1 is needed");
    insta::assert_snapshot!(refusal(Growth::Layers { layers: vec![] }), @"the list of layers is empty: at least one layer is needed");
    insta::assert_snapshot!(refusal(Growth::Layers { layers: vec![0, 9, 5, 6, 9] }), @"layers [6, 9] are not in the source, which has layers 0 to 5");
    insta::assert_snapshot!(refusal(Growth::Stack { factor: usize::MAX }), @"factor = 18446744073709551615 for 6 layers: at most 65536 layers are possible");
    insta::assert_snapshot!(refusal(Growth::Interleave { factor: 20_000 }), @"factor = 20000 for 6 layers: at most 65536 layers are possible");
    let one = Growth::Layers { layers: vec![0; 70_000] };
    insta::assert_snapshot!(refusal(one), @"the grown model can't be: `num_hidden_layers` is 70000, expected at most 65536");
    let impossible = source.with(|fields| fields.num_hidden_layers = 0);
    insta::assert_snapshot!(impossible.unwrap_err(), @"config.json: `num_hidden_layers` is 0, expected at least 1");
}

#[test]
fn tensors_that_are_not_those_of_the_plan_are_named() {
    let source = model(2);
    let plan = GrowthPlan::new(&source, [&Growth::Stack { factor: 2 }]).unwrap();
    let mut tensors = numbered(&source);
    tensors.get_mut("model.norm.weight").unwrap().shape = vec![3, 1];
    insta::assert_snapshot!(grow_tensors(&plan, &tensors).unwrap_err(), @"tensor `model.norm.weight` has shape [3, 1] in the source, the plan needs [8]");
    tensors.remove("model.layers.1.mlp.up_proj.weight");
    insta::assert_snapshot!(grow_tensors(&plan, &tensors).unwrap_err(), @"tensor `model.layers.1.mlp.up_proj.weight` is missing in the source");
}
