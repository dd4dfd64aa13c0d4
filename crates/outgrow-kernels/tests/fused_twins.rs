//! The fused operations against their composed twins: values and all gradients, over random shapes.
#![cfg(feature = "flex")]

use burn::tensor::{Device, Int, Tensor, TensorData};
use outgrow_kernels::{
    AdamWParameter, AdamWStep, DeviceName, LayerNumbers, LayerWeights, PackedDocuments, RotaryTable, adamw,
    composed, decoder_layer, linear_cross_entropy, open_device, rms_norm, sum_of_squares,
};
use proptest::prelude::*;

/// Relative to the largest element of a tensor.
const TOLERANCE: f32 = 1e-5;

/// All that is multiplied is of order one, so a sum that comes out smaller than this is a difference of larger terms and has their rounding.
const SMALLEST_SCALE: f32 = 0.1;

/// The same for the gradients of queries and keys, always differences: of what each value would gain and the mean of that.
const SMALLEST_SCALE_OF_SCORES: f32 = 1.0;

fn autodiff() -> Device {
    open_device(DeviceName::Flex).unwrap().autodiff()
}

/// Numbers between −1 and 1 that depend on the index and the salt.
fn numbers(count: usize, salt: u64) -> Vec<f32> {
    let mix = |index: usize| (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(salt << 40);
    (0..count).map(|index| ((mix(index) >> 33) as f32 / (1_u64 << 31) as f32 - 0.5) * 2.0).collect()
}

fn tensor<const D: usize>(shape: [usize; D], salt: u64) -> Tensor<D> {
    let values = numbers(shape.iter().product(), salt);
    Tensor::from_data(TensorData::new(values, shape), &autodiff()).require_grad()
}

/// A matrix whose products keep the size of what they multiply.
fn matrix(outputs: usize, inputs: usize, salt: u64) -> Tensor<2> {
    let values =
        numbers(outputs * inputs, salt).into_iter().map(|value| value / (inputs as f32).sqrt() * 1.7);
    Tensor::from_data(TensorData::new(values.collect::<Vec<_>>(), [outputs, inputs]), &autodiff())
        .require_grad()
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

fn assert_close(what: &str, found: &[f32], expected: &[f32]) -> Result<(), TestCaseError> {
    assert_close_to_scale(what, found, expected, SMALLEST_SCALE)
}

fn assert_close_to_scale(
    what: &str,
    found: &[f32],
    expected: &[f32],
    smallest: f32,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(smallest, |scale, value| scale.max(value.abs()));
    for (found, expected) in found.iter().zip(expected) {
        prop_assert!(
            (found - expected).abs() <= TOLERANCE * scale,
            "{what}: {found}, the twin has {expected} (of {scale})"
        );
    }
    Ok(())
}

#[derive(Clone, Copy, Debug)]
struct Case {
    batch: usize,
    sequence: usize,
    key_value_heads: usize,
    group: usize,
    half: usize,
    hidden: usize,
    intermediate: usize,
    salt: u64,
}

/// Hidden sizes from 8: what a norm makes of fewer channels is too ill-conditioned to compare.
fn cases() -> impl Strategy<Value = Case> {
    let sizes = (1_usize..4, prop_oneof![1_usize..10, 60_usize..140], 1_usize..4, 1_usize..4);
    (sizes, 1_usize..20, 8_usize..48, 1_usize..50, 0_u64..1000).prop_map(
        |((batch, sequence, key_value_heads, group), half, hidden, intermediate, salt)| Case {
            batch,
            sequence,
            key_value_heads,
            group,
            half,
            hidden,
            intermediate,
            salt,
        },
    )
}

impl Case {
    fn weights(self) -> LayerWeights<Tensor<1>, Tensor<2>> {
        let Self { key_value_heads, group, half, hidden, intermediate, salt, .. } = self;
        let (keys, queries) = (2 * half * key_value_heads, 2 * half * key_value_heads * group);
        LayerWeights {
            input_layernorm: tensor([hidden], salt + 1),
            q_proj: matrix(queries, hidden, salt + 2),
            k_proj: matrix(keys, hidden, salt + 3),
            v_proj: matrix(keys, hidden, salt + 4),
            o_proj: matrix(hidden, queries, salt + 5),
            post_attention_layernorm: tensor([hidden], salt + 6),
            gate_proj: matrix(intermediate, hidden, salt + 7),
            up_proj: matrix(intermediate, hidden, salt + 8),
            down_proj: matrix(hidden, intermediate, salt + 9),
        }
    }

    fn rotary(self) -> RotaryTable {
        let frequencies: Vec<f64> = (0..self.half).map(|pair| 0.7_f64.powi(pair as i32)).collect();
        RotaryTable::new(&frequencies, self.sequence + 3, &autodiff().without_autodiff())
    }

    fn documents(self) -> PackedDocuments {
        let change = |index: usize| i32::from(numbers(1, self.salt + index as u64)[0] > 0.8);
        let mut segment = 0;
        let segments: Vec<i32> = (0..self.batch * self.sequence)
            .map(|index| {
                segment += change(index);
                segment
            })
            .collect();
        PackedDocuments::from_segments(&segments, self.sequence)
    }
}

/// The output, and the gradients of the input, of both norms, of queries and keys (4 and 5) and of the other matrices, of which those of `frozen`
/// inputs are absent.
fn run_layer(case: Case, fused: bool, packed: bool, frozen: &[usize]) -> Vec<Option<Vec<f32>>> {
    let hidden = tensor([case.batch, case.sequence, case.hidden], case.salt);
    let hidden = if frozen.contains(&0) { hidden.set_require_grad(false) } else { hidden };
    let w = case.weights();
    let matrices =
        |index: usize, weight: &Tensor<2>| weight.clone().set_require_grad(!frozen.contains(&index));
    let vectors =
        |index: usize, weight: &Tensor<1>| weight.clone().set_require_grad(!frozen.contains(&index));
    let weights = LayerWeights {
        input_layernorm: vectors(1, &w.input_layernorm),
        q_proj: matrices(2, &w.q_proj),
        k_proj: matrices(3, &w.k_proj),
        v_proj: matrices(4, &w.v_proj),
        o_proj: matrices(5, &w.o_proj),
        post_attention_layernorm: vectors(6, &w.post_attention_layernorm),
        gate_proj: matrices(7, &w.gate_proj),
        up_proj: matrices(8, &w.up_proj),
        down_proj: matrices(9, &w.down_proj),
    };
    let numbers = LayerNumbers { head_dim: 2 * case.half, epsilon: 1e-5 };
    let rotary = case.rotary();
    let documents = packed.then(|| case.documents());
    let output = if fused {
        decoder_layer(hidden.clone(), weights.clone(), numbers, &rotary, documents.as_ref())
    } else {
        composed::decoder_layer(
            hidden.clone(),
            weights.clone(),
            numbers,
            &rotary.autodiff(),
            documents.as_ref(),
        )
    };
    let mut results = vec![Some(host(output.clone()))];
    let pull = tensor(output.dims(), case.salt + 11).detach();
    let gradients = (output * pull).sum().backward();
    let w = weights;
    results.push(hidden.grad(&gradients).map(host));
    for vector in [w.input_layernorm, w.post_attention_layernorm] {
        results.push(vector.grad(&gradients).map(host));
    }
    for matrix in [w.q_proj, w.k_proj, w.v_proj, w.o_proj, w.gate_proj, w.up_proj, w.down_proj] {
        results.push(matrix.grad(&gradients).map(host));
    }
    results
}

fn compare(case: Case, packed: bool, frozen: &[usize]) -> Result<(), TestCaseError> {
    let (found, expected) = (run_layer(case, true, packed, frozen), run_layer(case, false, packed, frozen));
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        prop_assert_eq!(found.is_some(), expected.is_some(), "result {}", index);
        if let (Some(found), Some(expected)) = (found, expected) {
            let smallest = if [4, 5].contains(&index) { SMALLEST_SCALE_OF_SCORES } else { SMALLEST_SCALE };
            assert_close_to_scale(&format!("result {index}"), found, expected, smallest)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_layer_is_its_twin(case in cases()) {
        compare(case, false, &[])?;
    }

    #[test]
    fn a_layer_of_packed_documents_is_its_twin(case in cases()) {
        compare(case, true, &[])?;
    }

    #[test]
    fn a_layer_gives_the_gradients_of_what_is_trained_and_no_others(
        case in cases(), frozen in proptest::collection::btree_set(0_usize..10, 1..10),
    ) {
        compare(case, false, &frozen.into_iter().collect::<Vec<_>>())?;
    }

    #[test]
    fn a_norm_is_its_twin(batch in 1_usize..3, sequence in 1_usize..80, width in 1_usize..70, salt in 0_u64..1000) {
        let run = |fused: bool| {
            let (input, weight) = (tensor([batch, sequence, width], salt), tensor([width], salt + 1));
            let norm = if fused { rms_norm } else { composed::rms_norm };
            let output = norm(input.clone(), weight.clone(), 1e-5);
            let pull = tensor(output.dims(), salt + 2).detach();
            let gradients = (output.clone() * pull).sum().backward();
            [host(output), host(input.grad(&gradients).unwrap()), host(weight.grad(&gradients).unwrap())]
        };
        for (found, expected) in run(true).iter().zip(&run(false)) {
            assert_close("norm", found, expected)?;
        }
    }

    #[test]
    fn the_head_and_its_loss_are_their_twin(
        batch in 1_usize..3, sequence in 1_usize..50, width in 1_usize..40, vocabulary in 2_usize..300, salt in 0_u64..1000,
    ) {
        let run = |fused: bool| {
            let (hidden, weight) = (tensor([batch, sequence, width], salt), tensor([vocabulary, width], salt + 1));
            let ids: Vec<i32> = (0..batch * sequence).map(|index| ((index * 31 + 7) % vocabulary) as i32).collect();
            let plain = autodiff().without_autodiff();
            let targets = Tensor::<2, Int>::from_data(TensorData::new(ids, [batch, sequence]), &plain);
            let loss = if fused {
                linear_cross_entropy(hidden.clone(), weight.clone(), targets, 0.5)
            } else {
                let logits = composed::linear(hidden.clone(), weight.clone()).reshape([batch * sequence, vocabulary]);
                let targets = Tensor::from_inner(targets.reshape([batch * sequence]));
                composed::cross_entropy_sum(logits, targets) * 0.5
            };
            let gradients = (loss.clone() * 3.0).backward();
            [host(loss), host(hidden.grad(&gradients).unwrap()), host(weight.grad(&gradients).unwrap())]
        };
        for (found, expected) in run(true).iter().zip(&run(false)) {
            assert_close("loss", found, expected)?;
        }
    }

    #[test]
    fn an_update_is_its_twin(count in 1_usize..200, salt in 0_u64..1000, keep in 0.5_f64..1.0) {
        let plain = |salt| tensor([count], salt).inner();
        let step = AdamWStep {
            keep, gradient_scale: 0.3, beta1: 0.9, beta2: 0.95, step_size: 1e-2, inverse_root_correction: 1.3, epsilon: 1e-8,
        };
        let before = AdamWParameter { weight: plain(salt), exp_avg: plain(salt + 1), exp_avg_sq: plain(salt + 2).abs() };
        let expected = composed::adamw(before.clone(), plain(salt + 3), step);
        let kept = host(before.weight.clone());
        let found = adamw(before.clone(), plain(salt + 3), step);
        prop_assert_eq!(host(before.weight), kept, "what somebody else holds is not changed");
        assert_close("weight", &host(found.weight), &host(expected.weight))?;
        assert_close("exp_avg", &host(found.exp_avg), &host(expected.exp_avg))?;
        assert_close("exp_avg_sq", &host(found.exp_avg_sq), &host(expected.exp_avg_sq))?;
        let (found, expected) = (sum_of_squares(plain(salt)), composed::sum_of_squares(plain(salt)));
        assert_close("squares", &host(found), &host(expected))?;
    }
}
