//! A decoder layer over rows of tokens of many texts, forward only: for scoring and for generating text.
//!
//! There is no padding between texts. What a row sees lies in two places: rows that an earlier part has stored (a
//! context that several continuations share, or all of a text so far), and the rows of its own part up to itself.
//! Nothing is kept for a gradient.

mod attention;
mod prediction;
mod span;

use half::bf16;
use rayon::prelude::*;

pub use prediction::{Asked, Said, logits_of, predict};
pub use span::{Rows, Span};

use super::{
    bias::add_bias,
    buffers::{Buffer, HalfBuffer},
    dispatch::vectorized,
    matrix::{Matrix, Store, Threads, multiply, multiply_bf16},
    normalization::normalize,
    rotary::{Angles, turn_rows},
    swi_glu::swi_glu,
    value::{Value, narrowed},
    vector::{LANES, sum_by, total},
};
use crate::LayerWeights;

/// Outputs of a single row's product that one task does.
const OUTPUTS: usize = 64;

/// Sizes and numbers of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadingShape {
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values.
    pub key_value_heads: usize,
    /// Values of a head.
    pub head_dim: usize,
    /// Added to the mean square.
    pub epsilon: f32,
}

/// A matrix `[outputs, inputs]`, in the precision that it is multiplied in.
#[derive(Clone, Copy, Debug)]
pub enum Weight<'a> {
    /// Products of f32.
    F32(&'a [f32]),
    /// Products of bf16: what is multiplied with it is rounded too, unless it is a single row.
    Bf16(&'a [bf16]),
}

impl Weight<'_> {
    /// Outputs times inputs.
    pub fn elements(self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::Bf16(values) => values.len(),
        }
    }
}

/// All that a layer reads beside its input.
#[derive(Clone, Copy, Debug)]
pub struct ReadingLayer<'a> {
    /// Sizes.
    pub shape: ReadingShape,
    /// Parameters.
    pub weights: LayerWeights<&'a [f32], Weight<'a>>,
    /// Rotary angles of at least all positions asked for.
    pub angles: Angles<'a>,
}

/// One layer's keys and values of all rows stored so far, `[rows, key_value_heads · head_dim]` each.
#[derive(Clone, Debug, Default)]
pub struct KeyValueRows {
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl KeyValueRows {
    /// Forgets all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.values.clear();
    }
}

/// Which rows go on to the next layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onward {
    /// All of them.
    All,
    /// Those that something is asked of: after the last layer the others would be computed for nothing.
    Wanted,
}

impl ReadingLayer<'_> {
    /// From the rows `[rows, hidden]` to as many, or to those that are wanted. The rows' keys and values are stored
    /// behind what `stored` has.
    pub fn forward(&self, hidden: Buffer, rows: &Rows, stored: &mut KeyValueRows, onward: Onward) -> Buffer {
        let ReadingShape { heads, key_value_heads, head_dim, epsilon } = self.shape;
        let (weights, width) = (&self.weights, self.weights.input_layernorm.len());
        let key_width = key_value_heads * head_dim;
        let normalized = norm_of(&hidden, weights.input_layernorm, epsilon);
        let count = rows.rows();
        let before = stored.keys.len();
        stored.keys.resize(before + count * key_width, 0.0);
        stored.values.resize(before + count * key_width, 0.0);
        {
            let operand = Operand::new(&normalized, count, weights.k_proj);
            product(&mut stored.keys[before..], Store::Replace, &operand, weights.k_proj);
            product(&mut stored.values[before..], Store::Replace, &operand, weights.v_proj);
        }
        if let Some(biases) = weights.attention_biases {
            add_bias(&mut stored.keys[before..], biases.key);
            add_bias(&mut stored.values[before..], biases.value);
        }
        turn_rows(&mut stored.keys[before..], head_dim, rows.positions(), self.angles);

        let (mut residual, normalized) = match onward {
            Onward::All => (hidden, normalized),
            Onward::Wanted => (rows.gather(&hidden, width), rows.gather(&normalized, width)),
        };
        let count = residual.len() / width;
        let mut query = Buffer::new(count * heads * head_dim);
        product(
            &mut query,
            Store::Replace,
            &Operand::new(&normalized, count, weights.q_proj),
            weights.q_proj,
        );
        if let Some(biases) = weights.attention_biases {
            add_bias(&mut query, biases.query);
        }
        turn_rows(&mut query, head_dim, &rows.positions_of(onward), self.angles);
        let attended = self.attend(&query, rows, stored, before / key_width, onward);
        let operand = Operand::new(&attended, count, weights.o_proj);
        product(&mut residual, Store::Add, &operand, weights.o_proj);
        if let Some(bias) = weights.attention_biases.and_then(|biases| biases.output) {
            add_bias(&mut residual, bias);
        }

        let normalized = norm_of(&residual, weights.post_attention_layernorm, epsilon);
        let mut gate = Buffer::new(count * (weights.gate_proj.elements() / width));
        let mut up = Buffer::new(gate.len());
        let operand = Operand::new(&normalized, count, weights.gate_proj);
        product(&mut gate, Store::Replace, &operand, weights.gate_proj);
        product(&mut up, Store::Replace, &operand, weights.up_proj);
        let mut gated = Buffer::new(gate.len());
        swi_glu(&mut gated, &gate, &up);
        let operand = Operand::new(&gated, count, weights.down_proj);
        product(&mut residual, Store::Add, &operand, weights.down_proj);
        residual
    }
}

/// Rows `[rows, width]`, normalised: `epsilon` is added to the mean square.
pub fn norm_of(rows: &[f32], weight: &[f32], epsilon: f32) -> Buffer {
    let mut normalized = Buffer::new(rows.len());
    let mut inverse_roots = Buffer::new(rows.len() / weight.len());
    normalize(&mut normalized, &mut inverse_roots, rows, weight, epsilon);
    normalized
}

/// Rows that are multiplied with a weight or several: rounded, once, where these are and there is more than one row.
#[derive(Debug)]
struct Operand<'a> {
    values: &'a [f32],
    rounded: Option<HalfBuffer>,
    rows: usize,
}

impl<'a> Operand<'a> {
    /// `rows` rows, for weights like the given one.
    fn new(values: &'a [f32], rows: usize, weight: Weight<'_>) -> Self {
        let rounds = rows > 1 && matches!(weight, Weight::Bf16(_));
        Self { values, rounded: rounds.then(|| narrowed(&[values])), rows }
    }
}

/// `target (+)= operand · weightᵀ`, where `weight` is `[outputs, inputs]`.
///
/// One row by itself is bound by reading the weight; for it, each output is a sum over a row of the weight.
fn product(target: &mut [f32], store: Store, operand: &Operand<'_>, weight: Weight<'_>) {
    let Operand { values, rounded, rows } = operand;
    let (outputs, inputs) = (target.len() / rows, values.len() / rows);
    match (weight, rounded) {
        (Weight::Bf16(weight), Some(rounded)) => {
            let weight = Matrix::new(weight, outputs, inputs).transposed();
            multiply_bf16(target, store, Matrix::new(rounded, *rows, inputs), weight, Threads::All);
        }
        (Weight::Bf16(weight), None) => {
            for (target, values) in target.chunks_exact_mut(outputs).zip(values.chunks_exact(inputs)) {
                one_row(target, store, values, weight);
            }
        }
        (Weight::F32(weight), _) if *rows == 1 => one_row(target, store, values, weight),
        (Weight::F32(weight), _) => {
            let weight = Matrix::new(weight, outputs, inputs).transposed();
            multiply(target, store, Matrix::new(values, *rows, inputs), weight, Threads::All);
        }
    }
}

fn one_row<T: Value>(target: &mut [f32], store: Store, input: &[f32], weight: &[T]) {
    let inputs = input.len();
    let parts = target.par_chunks_mut(OUTPUTS).zip(weight.par_chunks(OUTPUTS * inputs));
    parts.for_each(|(target, weight)| {
        vectorized(
            #[inline(always)]
            || row_product(target, store, input, weight),
        );
    });
}

/// Four outputs at a time: as many streams from memory, and sums that don't wait for each other.
#[inline(always)]
fn row_product<T: Value>(target: &mut [f32], store: Store, input: &[f32], weight: &[T]) {
    let inputs = input.len();
    let mut put = |output: usize, sum: f32| {
        let before = if store == Store::Add { target[output] } else { 0.0 };
        target[output] = before + sum;
    };
    let fours = weight.chunks_exact(4 * inputs);
    let rest = fours.remainder();
    let first_of_rest = weight.len() / (4 * inputs) * 4;
    for (index, four) in fours.enumerate() {
        let (first, second) = four.split_at(2 * inputs);
        let ((first, second), (third, fourth)) = (first.split_at(inputs), second.split_at(inputs));
        let sums = dot_products(input, [first, second, third, fourth]);
        for (row, sum) in sums.into_iter().enumerate() {
            put(4 * index + row, sum);
        }
    }
    for (index, weight) in rest.chunks_exact(inputs).enumerate() {
        put(first_of_rest + index, sum_by(input, weight, |input, weight| input * weight.widen()));
    }
}

/// `Σ input · weight` for each of four rows, in the order of [`sum_by`].
#[inline(always)]
fn dot_products<T: Value>(input: &[f32], weights: [&[T]; 4]) -> [f32; 4] {
    let (inputs, input_rest) = input.as_chunks::<LANES>();
    let weights = weights.map(|weight| weight.as_chunks::<LANES>());
    let [(first, _), (second, _), (third, _), (fourth, _)] = weights;
    let mut sums = [[0.0; LANES]; 4];
    for ((((input, first), second), third), fourth) in
        inputs.iter().zip(first).zip(second).zip(third).zip(fourth)
    {
        for lane in 0..LANES {
            sums[0][lane] += input[lane] * first[lane].widen();
            sums[1][lane] += input[lane] * second[lane].widen();
            sums[2][lane] += input[lane] * third[lane].widen();
            sums[3][lane] += input[lane] * fourth[lane].widen();
        }
    }
    for (sums, (_, rest)) in sums.iter_mut().zip(weights) {
        for (lane, (input, weight)) in input_rest.iter().zip(rest).enumerate() {
            sums[lane] += input * weight.widen();
        }
    }
    sums.map(total)
}
