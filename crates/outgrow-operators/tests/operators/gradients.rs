//! Everything that is new in a grown model learns: it has a gradient, if not in the first step then in the second, when
//! zeros that stood before it have moved. Gradients are finite differences on a decoder that growth knows nothing of.

use std::collections::BTreeMap;

use outgrow_checkpoint::{LlamaConfig, LlamaFields, NamedTensors};
use outgrow_operators::{Depth, Growth, GrowthPlan, Placement, Width, grow_tensors};

use crate::{
    models::model,
    reference::{gradients, ordinary},
};

fn source() -> (LlamaConfig, NamedTensors) {
    let small = LlamaFields {
        vocab_size: 4,
        hidden_size: 4,
        intermediate_size: 3,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        head_dim: 2,
        ..model(2).into_fields()
    };
    ordinary(&LlamaConfig::new(small).unwrap(), 11)
}

fn wider() -> Width {
    Width {
        hidden_size: Some(6),
        intermediate_size: Some(5),
        num_attention_heads: Some(4),
        num_key_value_heads: Some(2),
    }
}

/// How many values of each tensor have no gradient, tensors without such values left out; then after one step down the
/// gradient.
fn silent(growth: &Growth) -> [BTreeMap<String, usize>; 2] {
    let (config, tensors) = source();
    let plan = GrowthPlan::new(&config, [growth]).unwrap();
    let mut grown = grow_tensors(&plan, &tensors).unwrap();
    let mut count = || {
        let gradients = gradients(plan.target(), &grown);
        for (name, tensor) in &mut grown {
            let steps = tensor.values.iter_mut().zip(&gradients[name].values);
            steps.for_each(|(value, gradient)| *value -= 0.02 * gradient);
        }
        let zeros = |tensor: &outgrow_checkpoint::HostTensor| {
            tensor.values.iter().filter(|value| **value == 0.0).count()
        };
        let counts = gradients.iter().map(|(name, tensor)| (name.clone(), zeros(tensor)));
        counts.filter(|(_, zeros)| *zeros > 0).collect()
    };
    [count(), count()]
}

#[test]
fn everything_learns_at_once_in_growths_without_zeros() {
    let share = Some(0.3);
    let growths = [
        Growth::Stack { factor: 2 },
        Growth::Split { width: wider(), share },
        Growth::Aki { width: wider() },
        Growth::RandomWidth { width: wider(), seed: 1 },
        Growth::RandomDepth { depth: Depth::Layers(3), seed: 1 },
        Growth::Learned { depth: Some(Depth::Layers(3)), width: wider(), matrices: None, seed: 1 },
    ];
    for growth in growths {
        assert_eq!(silent(&growth)[0], BTreeMap::new(), "{growth:?}");
    }
}

#[test]
fn identity_layers_learn_by_their_outputs_first_and_whole_after_a_step() {
    let growth = Growth::ZeroDepth { depth: Depth::Layers(3), placement: Placement::Top };
    let [first, second] = silent(&growth);
    let silent: Vec<&str> = first.keys().filter_map(|name| name.strip_prefix("model.layers.2.")).collect();
    assert_eq!(silent.len(), first.len(), "only the new layer waits: {first:?}");
    assert!(!silent.iter().any(|name| name.contains("o_proj") || name.contains("down_proj")), "{silent:?}");
    assert_eq!(silent.len(), 7, "{silent:?}");
    assert_eq!(second, BTreeMap::new());
}

#[test]
fn zero_growth_in_width_wakes_up_whole_after_a_step() {
    let only_hidden = Width { hidden_size: Some(6), ..Width::default() };
    let only_neurons = Width { intermediate_size: Some(5), ..Width::default() };
    let only_heads = Width { num_attention_heads: Some(4), num_key_value_heads: Some(2), ..Width::default() };
    let joining = Width { hidden_size: Some(6), num_attention_heads: Some(4), ..Width::default() };
    for width in [wider(), only_hidden, only_neurons, only_heads, joining] {
        let [first, second] = silent(&Growth::ZeroWidth { width, seed: 1 });
        // The embedding writes the new channels, and every one of them is read by fresh weights: it learns at once.
        assert!(!first.contains_key("model.embed_tokens.weight"), "{width:?}: {first:?}");
        assert_eq!(second, BTreeMap::new(), "{width:?}");
    }
}
