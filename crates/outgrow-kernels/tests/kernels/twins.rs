//! The fused operations against their composed twins: values and all gradients, over random shapes.

use crate::cases::{Case, OF_SCORES, PARENTS, cases, host, run_layer, tensor};
use outgrow_kernels::{
    AdamWParameter, AdamWStep, Precision, adamw, composed, linear_cross_entropy, sum_of_squares,
};
use proptest::prelude::*;

/// Relative to the largest element of a tensor.
const TOLERANCE: f32 = 1e-5;

/// All that is multiplied is of order one, so a sum that comes out smaller than this is a difference of larger terms
/// and has their rounding.
const SMALLEST_SCALE: f32 = 0.1;

/// The same for the gradients of queries and keys, always differences: of what each value would gain and the mean of
/// that.
const SMALLEST_SCALE_OF_SCORES: f32 = 1.0;

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

fn compare(case: Case, packed: bool, frozen: &[usize]) -> Result<(), TestCaseError> {
    let run = |fused: bool| run_layer(case, fused, packed, frozen, Precision::F32);
    let (found, expected) = (run(true), run(false));
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        prop_assert_eq!(found.is_some(), expected.is_some(), "result {}", index);
        if let (Some(found), Some(expected)) = (found, expected) {
            let smallest = if OF_SCORES.contains(&index) { SMALLEST_SCALE_OF_SCORES } else { SMALLEST_SCALE };
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
        case in cases(), frozen in proptest::collection::btree_set(0..PARENTS, 1..10),
    ) {
        compare(case, false, &frozen.into_iter().collect::<Vec<_>>())?;
    }

    #[test]
    fn the_head_and_its_loss_are_their_twin(
        batch in 1_usize..3, sequence in 1_usize..50, width in 1_usize..40, vocabulary in 2_usize..300, salt in 0_u64..1000,
    ) {
        let run = |fused: bool| {
            let (hidden, weight) = (tensor([batch, sequence, width], salt), tensor([vocabulary, width], salt + 1));
            let ids: Vec<i32> = (0..batch * sequence).map(|index| ((index * 31 + 7) % vocabulary) as i32).collect();
            let head = if fused { linear_cross_entropy } else { composed::linear_cross_entropy };
            let loss = head(hidden.clone(), weight.clone(), &ids, 0.5, Precision::F32);
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
