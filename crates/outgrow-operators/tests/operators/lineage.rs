//! Laws of what is old in a grown model, what is new, and what is a copy of what.

use std::collections::{BTreeMap, BTreeSet};

use outgrow_checkpoint::{HostTensor, NamedTensors};
use outgrow_operators::{
    ChannelCopies, Depth, Growth, GrowthPlan, Moments, NewPart, Placement, TensorLineage, Width,
    grow_moments, grow_tensors,
};
use proptest::{prelude::*, sample::Index};

use crate::{
    cases,
    models::{growths, layer_lists, model, models},
    reference::ordinary,
};

/// Moments that are 1 everywhere, so that those which are kept show.
fn ones(tensors: &NamedTensors) -> NamedTensors {
    let one = |tensor: &HostTensor| HostTensor {
        shape: tensor.shape.clone(),
        values: vec![1.0; tensor.values.len()],
    };
    let both = |(name, tensor): (&String, &HostTensor)| {
        [".exp_avg", ".exp_avg_sq"].map(|part| (format!("{name}{part}"), one(tensor)))
    };
    tensors.iter().flat_map(both).collect()
}

/// Whether the moments' policies speak of the same old values: of mixed ones none does, and moments of the layer above
/// go along with its rows.
fn has_kept_moments(growth: &Growth) -> bool {
    !matches!(growth, Growth::Learned { .. } | Growth::Aki { .. })
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn what_is_old_is_what_keeps_its_moments_where_only_the_old_does(
        source in models(), seed in any::<u64>(), choices in proptest::collection::vec((any::<Index>(), any::<Index>()), 12),
    ) {
        let moments = ones(&ordinary(&source, seed).1);
        for (first, second) in choices {
            let first = first.get(&growths(&source, 2, 0.3, seed)).clone();
            let one = GrowthPlan::new(&source, [&first]).unwrap();
            let second = second.get(&growths(one.target(), 2, 0.6, seed)).clone();
            if !has_kept_moments(&first) || !has_kept_moments(&second) {
                continue;
            }
            let plan = GrowthPlan::new(&source, &[first.clone(), second.clone()]).unwrap();
            let kept = grow_moments(&plan.moments(Moments::KeepOld).unwrap(), &moments).unwrap();
            for (name, lineage) in plan.lineage().tensors() {
                let kept = &kept[&format!("{name}.exp_avg")].values;
                let old = match &lineage.new {
                    NewPart::Nothing => vec![1.0; kept.len()],
                    NewPart::Everything => vec![0.0; kept.len()],
                    NewPart::Lines { .. } => lineage.values(1.0, 0.0).unwrap(),
                    NewPart::Mixed => panic!("{name} is mixed"),
                };
                prop_assert_eq!(kept, &old, "{} of {:?} and {:?}", name, first, second);
                prop_assert_eq!(lineage.num_old(), old.iter().sum::<f32>() as u64);
                prop_assert_eq!(lineage.num_old() + lineage.num_new(), kept.len() as u64);
            }
        }
    }

    #[test]
    fn every_value_of_the_source_is_old_once(source in models(), by in 1_usize..4, seed in any::<u64>()) {
        for growth in growths(&source, by, 0.4, seed) {
            let plan = GrowthPlan::new(&source, [&growth]).unwrap();
            let lineage = plan.lineage();
            let old: u64 = lineage.tensors().values().map(TensorLineage::num_old).sum();
            let is_mixed = lineage.tensors().values().any(|tensor| tensor.new == NewPart::Mixed);
            let layers: BTreeSet<_> = plan.layers().iter().filter_map(|layer| layer.source()).collect();
            if !is_mixed && layers.len() == source.num_hidden_layers {
                prop_assert_eq!(old, source.num_parameters(), "{:?}", growth);
            }
            prop_assert!(old <= source.num_parameters(), "{:?}", growth);
            let grew = plan.target().num_parameters() > source.num_parameters();
            prop_assert!(grew || !lineage.has_new_parts(), "{:?}", growth);
        }
    }

    #[test]
    fn copies_are_alike_and_are_paired_with_the_first((source, layers) in layer_lists(), by in 2_usize..4, seed in any::<u64>()) {
        let (source, tensors) = ordinary(&source, seed);
        for growth in [Growth::Layers { layers: layers.clone() }, Growth::Hyperclone { factor: by }, Growth::Stack { factor: by }] {
            let plan = GrowthPlan::new(&source, [&growth]).unwrap();
            let grown = grow_tensors(&plan, &tensors).unwrap();
            let mut copies: BTreeMap<&str, u64> = BTreeMap::new();
            for (name, lineage) in plan.lineage().tensors() {
                let tensor = &grown[name];
                if let Some(first) = &lineage.first {
                    prop_assert_eq!(tensor, &grown[first], "{} is a copy of {}", name, first);
                    prop_assert_eq!(&lineage.new, &NewPart::Everything);
                    *copies.entry("tensors").or_default() += 1;
                }
                let (rows, columns) = (tensor.shape[0], tensor.shape.get(1).copied().unwrap_or(1));
                let at = |row: usize, column: usize| tensor.values[row * columns + column];
                match &lineage.channels {
                    None => {}
                    Some(ChannelCopies::Rows(pairs)) => for [first, later] in pairs {
                        prop_assert!(first < later && (0..columns).all(|column| at(*first, column).to_bits() == at(*later, column).to_bits()), "{}", name);
                        *copies.entry("rows").or_default() += 1;
                    },
                    Some(ChannelCopies::Columns(pairs)) => for [first, later] in pairs {
                        prop_assert!(first < later && (0..rows).all(|row| at(row, *first).to_bits() == at(row, *later).to_bits()), "{}", name);
                        *copies.entry("columns").or_default() += 1;
                    },
                }
            }
            let in_layer = source.tensors().iter().filter(|tensor| tensor.name.starts_with("model.layers.0.")).count() as u64;
            let firsts = layers.iter().collect::<BTreeSet<_>>().len();
            let expected = match growth {
                Growth::Layers { .. } => BTreeMap::from([("tensors", (layers.len() - firsts) as u64 * in_layer)]),
                Growth::Stack { .. } => BTreeMap::from([("tensors", ((by - 1) * source.num_hidden_layers) as u64 * in_layer)]),
                _ => copies.clone(),
            };
            prop_assert_eq!(copies.clone(), expected.into_iter().filter(|(_, count)| *count > 0).collect::<BTreeMap<_, _>>());
            let is_wider = matches!(growth, Growth::Hyperclone { .. });
            prop_assert!(!is_wider || copies["rows"] > 0 && copies["columns"] > 0);
        }
    }
}

#[test]
fn identity_layers_are_new_and_their_copied_parts_are_copies() {
    let growth = Growth::ZeroDepth { depth: Depth::Factor(2), placement: Placement::default() };
    let plan = GrowthPlan::new(&model(1), [&growth]).unwrap();
    let lineage = plan.lineage();
    let of = |name: &str| lineage.of(&format!("model.layers.1.{name}.weight")).unwrap();
    assert_eq!(of("mlp.up_proj").first.as_deref(), Some("model.layers.0.mlp.up_proj.weight"));
    assert_eq!(of("mlp.down_proj").first, None, "it is zero");
    for name in ["mlp.up_proj", "mlp.down_proj", "input_layernorm"] {
        assert_eq!(of(name).new, NewPart::Everything, "{name}");
    }
    assert_eq!(lineage.of("model.embed_tokens.weight").unwrap().new, NewPart::Nothing);
    assert_eq!(lineage.of("model.layers.7.mlp.up_proj.weight"), None);
}

#[test]
fn nothing_of_a_learned_growth_in_width_is_old_or_new() {
    let width = Width { hidden_size: Some(16), ..Width::default() };
    let growth = Growth::Learned { depth: None, width, matrices: None, seed: 0 };
    let lineage = GrowthPlan::new(&model(2), [&growth]).unwrap().lineage();
    let embedding = lineage.of("model.embed_tokens.weight").unwrap();
    assert_eq!((&embedding.new, embedding.num_old(), embedding.num_new()), (&NewPart::Mixed, 0, 0));
    assert!(!lineage.has_new_parts());
}
