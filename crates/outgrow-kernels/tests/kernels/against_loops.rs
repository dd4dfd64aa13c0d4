//! The operations against plain loops over their equations, in f64, over random shapes.

use burn::tensor::{Device, Int, Tensor, TensorData};
use outgrow_kernels::{
    DeviceName, RotaryTable,
    composed::{self, causal_attention, cross_entropy_sum, rotate},
    open_device, rms_norm,
};
use proptest::prelude::*;

const TOLERANCE: f64 = 1e-5;
const EPSILON: f64 = 1e-5;

fn device() -> Device {
    open_device(DeviceName::Flex).unwrap()
}

/// Numbers between −2 and 2 that depend on the index and the salt.
fn numbers(count: usize, salt: u64) -> Vec<f32> {
    crate::numbers::numbers(count, salt).into_iter().map(|number| 2.0 * number).collect()
}

fn tensor<const D: usize>(values: &[f32], shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &device())
}

fn assert_close(found: Vec<f32>, expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.into_iter().zip(expected) {
        let difference = (f64::from(found) - expected).abs();
        assert!(difference <= TOLERANCE * expected.abs().max(1.0), "{found} instead of {expected}");
    }
}

/// A number, and the sum of the absolute values of what it is summed of.
#[derive(Clone, Copy, Default)]
struct Sum {
    value: f64,
    terms: f64,
}

impl Sum {
    fn of(terms: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = Self::default();
        terms.into_iter().for_each(|term| sum.add(term));
        sum
    }

    fn add(&mut self, term: f64) {
        self.value += term;
        self.terms += term.abs();
    }
}

/// Holds for sums in any order, terms included, of so many roundings.
fn assert_rounded(found: Vec<f32>, expected: &[Sum], roundings: usize) {
    assert_eq!(found.len(), expected.len());
    for (found, Sum { value, terms }) in found.into_iter().zip(expected) {
        let farthest = roundings as f64 * terms / f64::from(1 << 24);
        assert!((f64::from(found) - value).abs() <= farthest, "{found} instead of {value}, a sum of {terms}");
    }
}

/// `output = input · scale · weight`, `scale = (mean(input²) + ε)^-½`, and the gradients of input and weight where that
/// of the output is `pull`.
fn norm_and_gradients(input: &[f32], weight: &[f32], pull: &[f32]) -> [Vec<Sum>; 3] {
    let width = weight.len();
    let mut gradient = vec![Sum::default(); width];
    let (mut output, mut input_gradient) = (Vec::new(), Vec::new());
    for (row, pull) in input.chunks(width).zip(pull.chunks(width)) {
        let [x, g, w] =
            [row, pull, weight].map(|values| values.iter().copied().map(f64::from).collect::<Vec<_>>());
        let scale = (x.iter().map(|x| x * x).sum::<f64>() / width as f64 + EPSILON).powf(-0.5);
        for channel in 0..width {
            output.push(Sum::of([x[channel] * scale * w[channel]]));
            gradient[channel].add(g[channel] * x[channel] * scale);
            let through_scale =
                |other: usize| -x[channel] * scale.powi(3) * g[other] * w[other] * x[other] / width as f64;
            input_gradient
                .push(Sum::of((0..width).map(through_scale).chain([g[channel] * w[channel] * scale])));
        }
    }
    [output, input_gradient, gradient]
}

/// Softmax attention of one query over the keys up to its position.
fn attend(query: &[f32], keys: &[&[f32]], values: &[&[f32]]) -> Vec<f64> {
    let dot = |key: &[f32]| query.iter().zip(key).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let weights: Vec<f64> = keys.iter().map(|key| (dot(key) / (query.len() as f64).sqrt()).exp()).collect();
    let total: f64 = weights.iter().sum();
    let channel = |index: usize| {
        weights.iter().zip(values).map(|(weight, value)| weight * f64::from(value[index])).sum::<f64>()
            / total
    };
    (0..query.len()).map(channel).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn attention_sees_the_past_of_its_own_group(
        batch in 1_usize..3, shared in 1_usize..4, group in 1_usize..4, sequence in 1_usize..9, half in 1_usize..4, salt: u64,
    ) {
        let (heads, width) = (shared * group, 2 * half);
        let query = numbers(batch * heads * sequence * width, salt);
        let key = numbers(batch * shared * sequence * width, salt ^ 1);
        let value = numbers(batch * shared * sequence * width, salt ^ 2);
        let row = |values: &[f32], head: usize, position: usize| {
            let start = (head * sequence + position) * width;
            values[start..start + width].to_vec()
        };
        let mut expected = Vec::new();
        for head in 0..batch * heads {
            let source = head / heads * shared + head % heads / group;
            for position in 0..sequence {
                let keys: Vec<_> = (0..=position).map(|past| row(&key, source, past)).collect();
                let values: Vec<_> = (0..=position).map(|past| row(&value, source, past)).collect();
                let keys: Vec<&[f32]> = keys.iter().map(Vec::as_slice).collect();
                let values: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
                expected.extend(attend(&row(&query, head, position), &keys, &values));
            }
        }
        let found = causal_attention(
            tensor(&query, [batch, heads, sequence, width]),
            tensor(&key, [batch, shared, sequence, width]),
            tensor(&value, [batch, shared, sequence, width]),
            None,
        );
        assert_close(found.into_data().try_into_vec().unwrap(), &expected);
    }

    #[test]
    fn a_norm_divides_by_the_root_mean_square_and_its_gradients_are_the_derivatives(
        batch in 1_usize..3, sequence in 1_usize..80, width in 1_usize..70, salt: u64,
    ) {
        let (shape, rows) = ([batch, sequence, width], batch * sequence);
        let (input, weight) = (numbers(rows * width, salt), numbers(width, salt ^ 1));
        let pull = numbers(rows * width, salt ^ 2);
        let expected = norm_and_gradients(&input, &weight, &pull);
        // Over rows; over channels for the scale, cubed, and for the mean; and a few of each term, powers included.
        let roundings = rows + 3 * width + 40;
        for norm in [composed::rms_norm, rms_norm] {
            let device = device().autodiff();
            let data = |values: &[f32]| TensorData::new(values.to_vec(), [values.len()]);
            let weight = Tensor::<1>::from_data(data(&weight), &device).require_grad();
            let input = Tensor::<1>::from_data(data(&input), &device).reshape(shape).detach().require_grad();
            let output = norm(input.clone(), weight.clone(), EPSILON);
            let pull = Tensor::<1>::from_data(data(&pull), &device).reshape(shape);
            let gradients = (output.clone() * pull).sum().backward();
            let found = [
                output.into_data(), input.grad(&gradients).unwrap().into_data(), weight.grad(&gradients).unwrap().into_data(),
            ];
            for (found, expected) in found.into_iter().zip(&expected) {
                assert_rounded(found.try_into_vec().unwrap(), expected, roundings);
            }
        }
    }

    #[test]
    fn cross_entropy_is_the_sum_over_tokens(tokens in 1_usize..6, vocabulary in 1_usize..9, salt: u64) {
        let logits = numbers(tokens * vocabulary, salt);
        let targets: Vec<i32> = (0..tokens).map(|token| ((token as u64 ^ salt) % vocabulary as u64) as i32).collect();
        let expected: f64 = logits.chunks(vocabulary).zip(&targets).map(|(row, target)| {
            let total: f64 = row.iter().map(|value| f64::from(*value).exp()).sum();
            total.ln() - f64::from(row[*target as usize])
        }).sum();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(targets, [tokens]), &device());
        let found = cross_entropy_sum(tensor(&logits, [tokens, vocabulary]), ids);
        assert_close(found.into_data().try_into_vec().unwrap(), &[expected]);
    }

    #[test]
    fn rotation_turns_each_pair_of_halves_by_its_angle(sequence in 1_usize..6, half in 1_usize..4, salt: u64) {
        let frequencies: Vec<f64> = (0..half).map(|pair| 0.7_f64.powi(pair as i32)).collect();
        let input = numbers(sequence * 2 * half, salt);
        let expected: Vec<f64> = input.chunks(2 * half).enumerate().flat_map(|(position, row)| {
            (0..2 * half).map(|channel| {
                let (sine, cosine) = (position as f64 * frequencies[channel % half]).sin_cos();
                let (first, second) = (f64::from(row[channel % half]), f64::from(row[channel % half + half]));
                if channel < half { first * cosine - second * sine } else { second * cosine + first * sine }
            }).collect::<Vec<_>>()
        }).collect();
        let table = RotaryTable::new(&frequencies, sequence + 2, &device());
        let found = rotate(tensor(&input, [1, 1, sequence, 2 * half]), &table);
        assert_close(found.into_data().try_into_vec().unwrap(), &expected);
    }
}
