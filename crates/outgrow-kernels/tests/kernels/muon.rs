//! Muon's update and orthogonalisation: against the composed twin, against products in f64, and by what they promise.

use outgrow_kernels::{
    MuonParameter, MuonStep, NEWTON_SCHULZ, composed, cpu::kernels::orthogonalization::orthogonalize, muon,
    orthogonalized,
};
use proptest::prelude::*;

use crate::{
    cases::{host, tensor},
    numbers::numbers,
};

/// What an iteration can make of a rounding error, at most: its slope at zero.
const STEEPEST: f64 = NEWTON_SCHULZ[0] as f64;

/// How far an element may be from another way to compute it: a few roundings, made larger by each iteration.
fn tolerance(iterations: usize) -> f64 {
    8.0 * f64::from(f32::EPSILON) * STEEPEST.powi(iterations as i32)
}

fn assert_close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len());
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let difference = (f64::from(found) - expected).abs();
        prop_assert!(difference <= tolerance, "{what}: {found} at {index} instead of {expected}");
    }
    Ok(())
}

fn in_f64(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// `X ← aX + bXXᵀX + c(XXᵀ)²X` after division by the norm, in loops and f64.
fn by_loops(values: &[f32], [rows, columns]: [usize; 2], iterations: usize) -> Vec<f64> {
    let [first, third, fifth] = NEWTON_SCHULZ.map(f64::from);
    let product = |left: &[f64], right: &[f64], inner: usize, columns: usize| -> Vec<f64> {
        let element = |row: usize, column: usize| -> f64 {
            (0..inner).map(|at| left[row * inner + at] * right[at * columns + column]).sum()
        };
        let rows = left.len() / inner;
        (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .map(|(row, column)| element(row, column))
            .collect()
    };
    let mut matrix = in_f64(values);
    let norm = matrix.iter().map(|value| value * value).sum::<f64>().sqrt();
    for value in &mut matrix {
        *value /= norm;
    }
    for _ in 0..iterations {
        let transposed: Vec<f64> = (0..columns)
            .flat_map(|column| (0..rows).map(move |row| row * columns + column))
            .map(|at| matrix[at])
            .collect();
        let gram = product(&matrix, &transposed, columns, rows);
        let once = product(&gram, &matrix, rows, columns);
        let twice = product(&gram, &once, rows, columns);
        for (value, (once, twice)) in matrix.iter_mut().zip(once.iter().zip(&twice)) {
            *value = first * *value + third * once + fifth * twice;
        }
    }
    matrix
}

/// Square, wide and tall.
fn shapes() -> impl Strategy<Value = [usize; 2]> {
    prop_oneof![
        (1_usize..40).prop_map(|side| [side, side]),
        (1_usize..40, 1_usize..80).prop_map(|(rows, columns)| [rows, columns]),
        (1_usize..80, 1_usize..40).prop_map(|(rows, columns)| [rows, columns]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_matrix_is_orthogonalised_as_products_in_f64_do(shape in shapes(), iterations in 1_usize..6, salt in 0_u64..1000) {
        let values = numbers(shape[0] * shape[1], salt);
        let expected = by_loops(&values, shape, iterations);
        let mut found = values.clone();
        orthogonalize(&mut found, shape, iterations);
        assert_close("fused", &found, &expected, tolerance(iterations))?;
        let twin = composed::orthogonalized(tensor(shape, salt).inner(), iterations);
        assert_close("composed", &host(twin), &expected, tolerance(iterations))?;
    }

    #[test]
    fn a_matrix_of_any_size_gets_the_same_step(shape in shapes(), power in -120_i32..100, salt in 0_u64..1000) {
        let matrix = tensor(shape, salt).inner();
        let scaled = matrix.clone() * 2_f32.powi(power);
        prop_assert_eq!(host(orthogonalized(scaled, 5)), host(orthogonalized(matrix, 5)));
    }

    #[test]
    fn an_update_of_a_matrix_is_its_twin(
        shape in shapes(), nesterov: bool, momentum in 0.0_f64..1.0, keep in 0.5_f64..1.0, salt in 0_u64..1000,
    ) {
        let plain = |salt| tensor([shape[0] * shape[1]], salt).inner();
        let step = MuonStep {
            shape, keep, gradient_scale: 0.3, momentum, nesterov, iterations: 5, step_size: 0.02,
        };
        let before = MuonParameter { weight: plain(salt), momentum_buffer: plain(salt + 1) };
        let expected = composed::muon(before.clone(), plain(salt + 2), step);
        let kept = host(before.weight.clone());
        let found = muon(before.clone(), plain(salt + 2), step);
        prop_assert_eq!(host(before.weight), kept, "what somebody else holds is not changed");
        let of_weight = 1e-6 + 0.02 * 2.0 * tolerance(5);
        assert_close("weight", &host(found.weight), &in_f64(&host(expected.weight)), of_weight)?;
        let expected = in_f64(&host(expected.momentum_buffer));
        assert_close("momentum", &host(found.momentum_buffer), &expected, 1e-6)?;
    }
}

#[test]
fn what_is_zero_stays_zero() {
    for shape in [[3, 5], [5, 3], [4, 4]] {
        let zeros = tensor(shape, 1).inner() * 0.0;
        assert_eq!(host(orthogonalized(zeros.clone(), 5)), [0.0; 16][..shape[0] * shape[1]]);
        assert_eq!(host(composed::orthogonalized(zeros, 5)), [0.0; 16][..shape[0] * shape[1]]);
    }
}

/// Large enough for products in blocks and several threads.
#[test]
fn one_two_and_three_threads_orthogonalise_to_the_same_bits() {
    for shape in [[150, 150], [300, 300], [160, 430], [700, 257]] {
        let with_threads = |threads: usize| -> Vec<u32> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut values = numbers(shape[0] * shape[1], 5);
            pool.install(|| orthogonalize(&mut values, shape, 5));
            values.into_iter().map(f32::to_bits).collect()
        };
        let one = with_threads(1);
        for threads in [1, 2, 3] {
            assert!(with_threads(threads) == one, "{shape:?} with {threads} threads");
        }
    }
}

/// A blockwise product against the composed twin, whose products are whole.
#[test]
fn large_matrices_are_orthogonalised_as_small_ones_are() {
    for shape in [[137, 137], [290, 290], [150, 410], [410, 150]] {
        let matrix = tensor(shape, 3).inner();
        let expected = in_f64(&host(composed::orthogonalized(matrix.clone(), 5)));
        assert_close("fused", &host(orthogonalized(matrix, 5)), &expected, 2.0 * tolerance(5)).unwrap();
    }
}
