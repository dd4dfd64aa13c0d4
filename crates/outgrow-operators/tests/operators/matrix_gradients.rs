//! The gradients of a learned growth's matrices, against how the grown tensors change with a matrix: whole numbers,
//! with which products and sums are exact.

use outgrow_checkpoint::{HostTensor, LlamaConfig, NamedTensors};
use outgrow_operators::{GrowthPlan, MatrixGradients, Origin, grow_tensors, growth::LearnedMatrices};
use proptest::prelude::*;

use crate::{
    cases,
    models::{model, models},
};

/// Small whole numbers, another one at each place.
fn whole(shape: Vec<usize>, salt: usize) -> HostTensor {
    let size: usize = shape.iter().product();
    HostTensor { shape, values: (0..size).map(|index| ((index * 7 + salt) % 5) as f32 - 2.0).collect() }
}

fn weights(config: &LlamaConfig, salt: usize) -> NamedTensors {
    let tensors = config.tensors().into_iter().enumerate();
    tensors.map(|(index, one)| (one.name, whole(one.shape, salt + 3 * index))).collect()
}

/// The initial matrices with whole numbers in their places.
fn matrices(source: &LlamaConfig, target: &LlamaConfig, salt: usize) -> LearnedMatrices {
    let initial = LearnedMatrices::initial(source, target, 0);
    let initial = if salt.is_multiple_of(2) { initial } else { initial.with_identities(source, target) };
    let initial = initial.to_named_tensors().into_iter().enumerate();
    let tensors = initial.map(|(index, (name, matrix))| (name, whole(matrix.shape, salt + index)));
    LearnedMatrices::from_named_tensors(tensors.collect())
}

/// A loss that is linear in the grown tensors: its gradient is the same everywhere.
fn loss(
    source: &LlamaConfig,
    target: &LlamaConfig,
    tensors: &NamedTensors,
    matrices: &LearnedMatrices,
    gradients: &NamedTensors,
) -> f64 {
    let plan = GrowthPlan::learned(source, target.clone(), matrices).unwrap();
    let grown = grow_tensors(&plan, tensors).unwrap();
    let product = |(value, gradient): (&f32, &f32)| f64::from(*value) * f64::from(*gradient);
    let of = |(name, tensor): (&String, &HostTensor)| {
        tensor.values.iter().zip(&gradients[name].values).map(product).sum::<f64>()
    };
    grown.iter().map(of).sum()
}

fn larger(source: &LlamaConfig, by: [usize; 4]) -> LlamaConfig {
    let [layers, hidden, intermediate, groups] = by;
    let target = source.with(|fields| {
        fields.num_hidden_layers += layers;
        fields.hidden_size += hidden;
        fields.intermediate_size += intermediate;
        let group = fields.num_attention_heads / fields.num_key_value_heads;
        fields.num_key_value_heads += groups;
        fields.num_attention_heads += groups * group;
    });
    target.unwrap()
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn the_gradient_of_a_matrix_is_how_the_loss_changes_with_it(
        source in models(),
        by in (0_usize..3, 0_usize..3, 0_usize..3, 0_usize..2),
        salt in 0_usize..50,
        place in 0.0_f64..1.0,
    ) {
        let target = larger(&source, by.into());
        let (tensors, gradients) = (weights(&source, salt), weights(&target, salt + 1));
        let matrices = matrices(&source, &target, salt + 2);
        let mut sums = MatrixGradients::new(&source, &tensors, &matrices);
        for (name, gradient) in &gradients {
            sums.add(name, &gradient.values).unwrap();
        }
        let sums = sums.into_named_tensors();
        let at = |matrices: &LearnedMatrices| loss(&source, &target, &tensors, matrices, &gradients);
        let here = at(&matrices);
        prop_assert_eq!(sums.len(), matrices.to_named_tensors().len());
        for (name, gradient) in &sums {
            // The loss is a line in each value by itself, so that a step of 1 finds its slope.
            let index = (place * gradient.values.len() as f64) as usize;
            let mut moved = matrices.to_named_tensors();
            moved.get_mut(name).unwrap().values[index] += 1.0;
            let slope = at(&LearnedMatrices::from_named_tensors(moved)) - here;
            let found = f64::from(gradient.values[index]);
            prop_assert!((found - slope).abs() == 0.0, "{} at {}: {}, not {}", name, index, found, slope);
        }
    }

    #[test]
    fn what_no_matrix_makes_is_its_sources_own(source in models(), by in (0_usize..3, 0_usize..3, 0_usize..3, 0_usize..2)) {
        let target = larger(&source, by.into());
        let matrices = LearnedMatrices::initial(&source, &target, 3);
        let plan = GrowthPlan::learned(&source, target, &matrices).unwrap();
        for tensor in plan.tensors() {
            let is_own = tensor.origin == Origin::Copy { source: tensor.name.clone() };
            prop_assert!(is_own || matrices.make(&tensor.name), "{}", tensor.name);
            prop_assert!(by != (0, 0, 0, 0) || !matrices.make(&tensor.name), "{}", tensor.name);
        }
    }
}

#[test]
fn identities_of_sizes_that_stay_change_no_value() {
    let source = model(2);
    let tensors = weights(&source, 4);
    for target in [larger(&source, [3, 0, 0, 0]), larger(&source, [1, 4, 0, 1])] {
        let initial = LearnedMatrices::initial(&source, &target, 3);
        let grown = |matrices: &LearnedMatrices| {
            grow_tensors(&GrowthPlan::learned(&source, target.clone(), matrices).unwrap(), &tensors).unwrap()
        };
        let all = initial.clone().with_identities(&source, &target);
        assert!(all.num_values() > initial.num_values());
        assert!(grown(&all) == grown(&initial));
    }
}

#[test]
fn the_flops_of_a_step_are_those_of_its_products() {
    let source = model(2);
    // In depth alone: layers are added up, twice, and multiplied with the gradient of the sum.
    let deeper = larger(&source, [2, 0, 0, 0]);
    let of_layers: usize = deeper
        .tensors()
        .iter()
        .filter(|tensor| tensor.name.starts_with("model.layers."))
        .map(|tensor| tensor.shape.iter().product::<usize>())
        .sum();
    let matrices = LearnedMatrices::initial(&source, &deeper, 0);
    assert_eq!(matrices.step_flops(&source, &deeper).to_bits(), ((3 * 2 * 2 * of_layers) as f64).to_bits());
    // Of a wider embedding, `[12, 8]` to `[12, 12]`: forward, the gradient's product and that of the matrix.
    let wider = larger(&source, [0, 4, 0, 0]);
    let only = LearnedMatrices::initial(&source, &wider, 0);
    let embedding = 2.0 * f64::from(12 * 8 * 12 + 2 * 12 * 12 * 8);
    let sources: Vec<_> =
        wider.tensors().into_iter().filter(|one| one.name == "model.embed_tokens.weight").collect();
    assert_eq!(sources[0].shape, [12, 12]);
    assert!(
        only.step_flops(&source, &wider) > 2.0 * embedding,
        "embedding and head, and the layers beside them"
    );
}
