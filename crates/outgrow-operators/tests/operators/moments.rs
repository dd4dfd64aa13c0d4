//! Moments of an optimizer grow by the same plan; the policy `scaled` is held to gradients, measured by finite
//! differences on a decoder that growth knows nothing of.

#![expect(clippy::float_cmp, reason = "moments are copied or halved, exactly")]

use std::{collections::BTreeSet, fs, path::Path};

use outgrow_checkpoint::{
    HostTensor, LlamaConfig, NamedTensors, WeightFolder, read_tensors,
    tensor_names::{layer_index, name_in_layer},
    write_checkpoint, write_tensors,
};
use outgrow_operators::{
    Depth, FolderPlan, Growth, GrowthError, GrowthPlan, Moments, Placement, Source, Width, grow_moments,
    grow_tensors,
};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::{
    cases,
    folder::grow_folder,
    models::{model, models},
    reference::{gradients, ordinary, tiny},
};

fn grow(
    source: &Source,
    growths: &[Growth],
    moments: Moments,
    target: &Path,
    shard_size_bytes: u64,
) -> Result<(), GrowthError> {
    grow_folder(&FolderPlan::new(source, growths)?, moments, target, shard_size_bytes).map(|_| ())
}

/// Gradients as the moments of an optimizer that has seen only them.
fn moments_of(gradients: &NamedTensors) -> NamedTensors {
    let squared = |tensor: &HostTensor| HostTensor {
        values: tensor.values.iter().map(|value| value * value).collect(),
        shape: tensor.shape.clone(),
    };
    let first = gradients.iter().map(|(name, tensor)| (format!("{name}.exp_avg"), tensor.clone()));
    let second = gradients.iter().map(|(name, tensor)| (format!("{name}.exp_avg_sq"), squared(tensor)));
    first.chain(second).collect()
}

fn largest(tensor: &HostTensor) -> f32 {
    tensor.values.iter().fold(0.0, |most, value| most.max(value.abs()))
}

/// How far gradients move, relative to their tensor's largest, when every weight does by a few times what f32 rounds. A
/// third of a weight is rounded, and where channels of a norm nearly vanish, that alone moves them.
fn sensitivity(config: &LlamaConfig, tensors: &NamedTensors, before: &NamedTensors) -> f32 {
    let mut most = 0.0_f32;
    for every in [2, 3] {
        let mut moved = tensors.clone();
        for (index, value) in moved.values_mut().flat_map(|tensor| &mut tensor.values).enumerate() {
            *value *= if index % every == 0 { 1.0 + 5e-7 } else { 1.0 - 5e-7 };
        }
        for (name, after) in gradients(config, &moved) {
            let pairs = after.values.iter().zip(&before[&name].values);
            let farthest = pairs.fold(0.0_f32, |most, (after, before)| most.max((after - before).abs()));
            most = most.max(farthest / largest(&before[&name]).max(1e-2));
        }
    }
    most
}

proptest! {
    #![proptest_config(cases(4))]

    #[test]
    fn scaled_moments_of_a_split_are_the_gradients_of_the_grown_model(shape in models(), by in 2_usize..4, seed in any::<u64>()) {
        let (source, tensors) = ordinary(&tiny(&shape), seed);
        let width = Width {
            hidden_size: Some(source.hidden_size * by),
            intermediate_size: Some(source.intermediate_size + 1),
            num_attention_heads: Some(source.num_attention_heads * 2),
            num_key_value_heads: Some(source.num_key_value_heads * 2),
        };
        let before = gradients(&source, &tensors);
        prop_assume!(sensitivity(&source, &tensors, &before) < 5e-5);
        let before = moments_of(&before);
        let split = Growth::Split { width, share: None };
        for growth in [split, Growth::ZeroWidth { width, seed }, Growth::Hyperclone { factor: by }] {
            let plan = GrowthPlan::new(&source, [&growth]).unwrap();
            let after = moments_of(&gradients(plan.target(), &grow_tensors(&plan, &tensors).unwrap()));
            let grown = grow_moments(&plan.moments(Moments::Scaled).unwrap(), &before).unwrap();
            prop_assert_eq!(grown.len(), after.len());
            for (name, tensor) in grown {
                let largest = largest(&after[&name]);
                for (found, expected) in tensor.values.iter().zip(&after[&name].values) {
                    // What is new in zero growth starts at zero, whatever its gradient is.
                    let is_new = *found == 0.0;
                    prop_assert!(is_new || (found - expected).abs() <= 1e-4 * largest.max(1e-2), "{}: {} {}", name, found, expected);
                }
            }
        }
    }

    #[test]
    fn each_policy_keeps_what_it_says(shape in models(), seed in any::<u64>()) {
        let (source, tensors) = ordinary(&shape, seed);
        let before = moments_of(&tensors);
        let double = Growth::Hyperclone { factor: 2 };
        let plan = GrowthPlan::new(&source, &[double, Growth::Stack { factor: 2 }]).unwrap();
        let up = |moments: &NamedTensors, layer: usize, part: &str| moments[&format!("model.layers.{layer}.mlp.up_proj.weight{part}")].values.clone();
        let copied = grow_moments(&plan.moments(Moments::Copy).unwrap(), &before).unwrap();
        let kept = grow_moments(&plan.moments(Moments::KeepOld).unwrap(), &before).unwrap();
        let scaled = grow_moments(&plan.moments(Moments::Scaled).unwrap(), &before).unwrap();
        prop_assert!(grow_moments(&plan.moments(Moments::Reset).unwrap(), &before).unwrap().is_empty());
        let (rows, columns) = (2 * source.intermediate_size, 2 * source.hidden_size);
        for part in [".exp_avg", ".exp_avg_sq"] {
            let old = up(&before, 0, part);
            let [low, high] = [0, source.num_hidden_layers].map(|layer| up(&kept, layer, part));
            prop_assert!(high.iter().all(|value| *value == 0.0));
            let factor = if part == ".exp_avg" { 0.5 } else { 0.25 };
            for row in 0..rows {
                for column in 0..columns {
                    let value = old[row % source.intermediate_size * source.hidden_size + column % source.hidden_size];
                    let at = row * columns + column;
                    let is_old = row < source.intermediate_size && column < source.hidden_size;
                    prop_assert_eq!(up(&copied, source.num_hidden_layers, part)[at], value);
                    prop_assert_eq!(low[at], if is_old { value } else { 0.0 });
                    prop_assert_eq!(up(&scaled, 0, part)[at], value * factor);
                }
            }
        }
    }
}

/// Those of the matrices of layers as Muon keeps them, the others as AdamW does.
fn moments_with_muon(config: &LlamaConfig, tensors: &NamedTensors) -> NamedTensors {
    let matrices: BTreeSet<String> = config.layer_matrices().into_iter().map(|(name, _)| name).collect();
    let (of_muon, of_adamw): (NamedTensors, NamedTensors) =
        tensors.clone().into_iter().partition(|(name, _)| matrices.contains(name));
    let of_muon = of_muon.into_iter().map(|(name, tensor)| (format!("{name}.momentum_buffer"), tensor));
    of_muon.chain(moments_of(&of_adamw)).collect()
}

#[test]
fn momentum_grows_as_first_moments_do_and_each_parameter_keeps_the_kind_it_has() {
    let (config, tensors) = ordinary(&model(2), 5);
    let two = Growth::Hyperclone { factor: 2 };
    let growths = [
        vec![Growth::Stack { factor: 2 }],
        vec![two, Growth::Stack { factor: 2 }],
        vec![Growth::ZeroDepth { depth: Depth::Layers(4), placement: Placement::Top }],
    ];
    for growths in &growths {
        let plan = GrowthPlan::new(&config, growths).unwrap();
        for policy in [Moments::Copy, Moments::KeepOld, Moments::Scaled] {
            let planned = plan.moments(policy).unwrap();
            let of_adamw = grow_moments(&planned, &moments_of(&tensors)).unwrap();
            let with_muon = grow_moments(&planned, &moments_with_muon(&config, &tensors)).unwrap();
            let mut names = BTreeSet::new();
            for tensor in plan.target().tensors() {
                let is_matrix = layer_index(&tensor.name).is_some() && tensor.shape.len() == 2;
                let parts = if is_matrix { &["momentum_buffer"][..] } else { &["exp_avg", "exp_avg_sq"] };
                for part in parts {
                    let first = if is_matrix { "exp_avg" } else { part };
                    let name = format!("{}.{part}", tensor.name);
                    assert_eq!(
                        with_muon[&name],
                        of_adamw[&format!("{}.{first}", tensor.name)],
                        "{name}, {policy}"
                    );
                    names.insert(name);
                }
            }
            assert_eq!(with_muon.keys().cloned().collect::<BTreeSet<_>>(), names, "{policy}");
        }
    }
}

#[test]
fn a_fresh_layer_has_moments_of_the_kinds_that_its_siblings_have() {
    let (config, tensors) = ordinary(&model(2), 5);
    let plan = GrowthPlan::new(&config, [&Growth::RandomDepth { depth: Depth::Layers(3), seed: 0 }]).unwrap();
    let moments = moments_with_muon(&config, &tensors);
    let grown = grow_moments(&plan.moments(Moments::Copy).unwrap(), &moments).unwrap();
    let names = |layer: usize| -> Vec<String> {
        let names = grown.keys().filter(|name| layer_index(name) == Some(layer));
        names.map(|name| name_in_layer(name).to_owned()).collect()
    };
    assert_eq!(names(2), names(0));
    assert!(
        grown["model.layers.2.mlp.up_proj.weight.momentum_buffer"].values.iter().all(|value| *value == 0.0)
    );
    // Where the parameter is frozen everywhere there is nothing to go by, and nothing to keep.
    let frozen: NamedTensors = moments.into_iter().filter(|(name, _)| !name.contains("up_proj")).collect();
    let grown = grow_moments(&plan.moments(Moments::Copy).unwrap(), &frozen).unwrap();
    assert!(!grown.keys().any(|name| name.contains("up_proj")));
}

#[test]
fn moments_of_a_folder_lie_beside_its_weights_and_grow_again() {
    let dir = TempDir::new().unwrap();
    let (config, tensors) = ordinary(&model(2), 5);
    let folder = dir.path().join("source");
    write_checkpoint(&folder, &config, &tensors, 1 << 30).unwrap();
    // As a run leaves them.
    fs::create_dir(folder.join("training")).unwrap();
    let before = moments_of(&tensors);
    write_tensors(&folder.join("training/optimizer.safetensors"), &before).unwrap();

    let growth = [Growth::Hyperclone { factor: 2 }];
    let grown = dir.path().join("grown");
    grow(&Source::open(&folder).unwrap(), &growth, Moments::Scaled, &grown, 1000).unwrap();
    let moments = WeightFolder::open_moments(&grown).unwrap().unwrap();
    let plan = GrowthPlan::new(&config, &growth).unwrap();
    let expected = grow_moments(&plan.moments(Moments::Scaled).unwrap(), &before).unwrap();
    assert_eq!(moments.tensors().len(), expected.len());
    for (name, tensor) in &expected {
        let bytes: Vec<u8> = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(moments.bytes(name).unwrap(), bytes, "{name}");
    }

    let again = dir.path().join("again");
    let stack = [Growth::Stack { factor: 2 }];
    grow(&Source::open(&grown).unwrap(), &stack, Moments::Copy, &again, 1 << 30).unwrap();
    let again = read_tensors(&again.join("optimizer.safetensors")).unwrap();
    let (new, old) =
        ("model.layers.2.mlp.up_proj.weight.exp_avg", "model.layers.0.mlp.up_proj.weight.exp_avg");
    assert_eq!(again[new], expected[old]);
}

#[test]
fn moments_that_are_not_there_or_follow_from_nothing_are_refused() {
    let dir = TempDir::new().unwrap();
    let (config, tensors) = ordinary(&model(2), 5);
    let folder = dir.path().join("source");
    write_checkpoint(&folder, &config, &tensors, 1 << 30).unwrap();
    let refusal = |growth: Growth| {
        let source = Source::open(&folder).unwrap();
        let error = grow(&source, &[growth], Moments::Copy, &dir.path().join("grown"), 1 << 30).unwrap_err();
        error.to_string().replace(&dir.path().display().to_string(), "DIR")
    };
    insta::assert_snapshot!(refusal(Growth::Stack { factor: 2 }), @"DIR/source: no optimizer.safetensors, here or in training/, whose moments could be grown: reset them");
    let width = Width { hidden_size: Some(16), ..Width::default() };
    insta::assert_snapshot!(refusal(Growth::Learned { depth: None, width, matrices: None, seed: 0 }), @"tensor `model.embed_tokens.weight` is mixed from several, and no rule gives its moments: reset them");
    assert!(!dir.path().join("grown").exists());
}
