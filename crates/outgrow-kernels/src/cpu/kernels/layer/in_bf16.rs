//! A layer whose products are of bf16: weights and the values between products are rounded to it, sums are f32.
//!
//! The residual stream, statistics and everything element by element stay f32, as do parameters and their gradients:
//! what a product adds to them isn't rounded to bf16. Queries, keys and values come of one product, and so do gate and
//! up.

use half::bf16;

use super::inputs::{Layer, LayerGradients, first_norm_gradients, wanted_biases};
use crate::{
    LayerWeights,
    cpu::kernels::{
        attention::{AttentionGradients, AttentionOutput, attend, attend_gradients},
        bias::{add_bias, bias_gradient},
        buffers::{Buffer, HalfBuffer},
        matrix::{Matrix, Store, Sum, Threads, multiply_bf16},
        normalization::{Normalized, input_gradient, normalize, normalize_again, weight_gradient},
        rotary::{Columns, Heads, Turn, merge_heads, split_heads},
        swi_glu::{swi_glu_rows, swi_glu_rows_gradients},
        value::narrowed,
    },
};

/// What the way back needs from the way forward.
#[derive(Clone, Debug)]
pub struct Saved {
    attention: SavedAttention,
    middle: Buffer,
    middle_roots: Buffer,
    gate_up: HalfBuffer,
}

/// What is left when the feed-forward block is done.
#[derive(Clone, Debug)]
struct SavedAttention {
    query: HalfBuffer,
    key: HalfBuffer,
    value: HalfBuffer,
    logarithms: Buffer,
    /// Not rounded: see [`AttentionOutput`].
    attended: Buffer,
    input_roots: Buffer,
}

/// A projection's heads among those of others in a token's row, and what becomes of them.
#[derive(Clone, Copy)]
struct Projection<'a> {
    heads: Heads,
    columns: Columns,
    turn: Turn<'a>,
}

/// Rows of tokens, `[tokens, columns]`.
fn rows(values: &[bf16], tokens: usize) -> Matrix<'_, bf16> {
    Matrix::new(values, tokens, values.len() / tokens)
}

impl Layer<'_> {
    /// `input · weightᵀ`, for a weight of as many outputs as are given.
    fn project_bf16(&self, input: &[bf16], weight: &[bf16]) -> HalfBuffer {
        let outputs = weight.len() / (input.len() / self.tokens());
        let mut target = HalfBuffer::new(self.tokens() * outputs);
        self.project_into(&mut target, Store::Replace, input, weight);
        target
    }

    /// `target (+)= input · weightᵀ`
    fn project_into<T: Sum>(&self, target: &mut [T], store: Store, input: &[bf16], weight: &[bf16]) {
        let tokens = self.tokens();
        let weight = Matrix::new(weight, target.len() / tokens, input.len() / tokens).transposed();
        multiply_bf16(target, store, rows(input, tokens), weight, Threads::All);
    }

    /// `gradient · weight`: the gradient of what was projected.
    fn project_back_bf16(&self, gradient: &[bf16], weight: &[bf16]) -> HalfBuffer {
        let tokens = self.tokens();
        let outputs = gradient.len() / tokens;
        let inputs = weight.len() / outputs;
        let mut target = HalfBuffer::new(tokens * inputs);
        let weight = Matrix::new(weight, outputs, inputs);
        multiply_bf16(&mut target, Store::Replace, rows(gradient, tokens), weight, Threads::All);
        target
    }

    /// `gradientᵀ · input`: the gradients of the weights of projections that are side by side, of so many outputs each,
    /// where they are wanted.
    fn weight_gradients_bf16<const N: usize>(
        &self,
        targets: [Option<&mut [f32]>; N],
        outputs: [usize; N],
        gradient: &[bf16],
        input: &[bf16],
    ) {
        let tokens = self.tokens();
        let row_width = gradient.len() / tokens;
        let mut first = 0;
        for (target, outputs) in targets.into_iter().zip(outputs) {
            if let Some(target) = target {
                let gradient = Matrix::strided(&gradient[first..], tokens, outputs, row_width).transposed();
                multiply_bf16(target, Store::Replace, gradient, rows(input, tokens), Threads::All);
            }
            first += outputs;
        }
    }

    /// Queries, keys and values where they lie side by side.
    fn projections(&self) -> [Projection<'_>; 3] {
        let (heads, key_value) = (self.shape.heads, self.key_value_layout());
        let [queries, keys] = [heads, key_value].map(|heads| heads.heads * heads.head_dim);
        let projection = |heads, first, turn| Projection {
            heads,
            columns: Columns { first, row_width: queries + 2 * keys },
            turn,
        };
        let [query, key, value] = self.turns();
        [
            projection(heads, 0, query),
            projection(key_value, queries, key),
            projection(key_value, queries + keys, value),
        ]
    }

    /// [`Layer::forward`] in bf16.
    pub(super) fn forward_in_bf16(&self, output: &mut [f32], input: &[f32]) -> Saved {
        let (weights, epsilon) = (&self.weights, self.shape.epsilon);
        let mut input_roots = Buffer::new(self.tokens());
        let mut normalized = HalfBuffer::new(input.len());
        normalize(&mut normalized, &mut input_roots, input, weights.input_layernorm, epsilon);
        let weight = narrowed(&[weights.q_proj, weights.k_proj, weights.v_proj]);
        let projected = self.project_bf16(&normalized, &weight);
        let attention = self.attention_in_bf16(&projected, input_roots);
        drop((weight, projected));
        let mut middle = Buffer::new(input.len());
        middle.copy_from_slice(input);
        let attended = narrowed(&[&attention.attended]);
        self.project_into(&mut middle, Store::Add, &attended, &narrowed(&[weights.o_proj]));
        if let Some(bias) = self.output_bias() {
            add_bias(&mut middle, bias);
        }
        drop(attended);

        let mut middle_roots = Buffer::new(self.tokens());
        normalize(&mut normalized, &mut middle_roots, &middle, weights.post_attention_layernorm, epsilon);
        let gate_up = self.project_bf16(&normalized, &narrowed(&[weights.gate_proj, weights.up_proj]));
        let mut gated = HalfBuffer::new(gate_up.len() / 2);
        swi_glu_rows(&mut gated, &gate_up, self.shape.intermediate_size);
        output.copy_from_slice(&middle);
        self.project_into(output, Store::Add, &gated, &narrowed(&[weights.down_proj]));
        Saved { attention, middle, middle_roots, gate_up }
    }

    fn attention_in_bf16(&self, projected: &[bf16], input_roots: Buffer) -> SavedAttention {
        let heads = self.shape.heads;
        let [query, key, value] = self.projections().map(|Projection { heads, columns, turn }| {
            let mut by_head = HalfBuffer::new(heads.elements());
            split_heads(&mut by_head, projected, heads, columns, turn);
            by_head
        });
        let mut logarithms = Buffer::new(self.tokens() * heads.heads);
        let mut by_head = Buffer::new(heads.elements());
        attend(&mut by_head, &mut logarithms, self.attended(&query, &key, &value));
        let mut attended = Buffer::new(heads.elements());
        merge_heads(&mut attended, &by_head, heads, Columns::all(heads), None);
        SavedAttention { query, key, value, logarithms, attended, input_roots }
    }

    /// [`Layer::backward`] in bf16.
    pub(super) fn backward_in_bf16(
        &self,
        gradient: &[f32],
        input: &[f32],
        saved: Saved,
        mut gradients: LayerGradients<'_>,
    ) {
        let mut middle = Buffer::new(gradient.len());
        middle.copy_from_slice(gradient);
        let attention = self.feed_forward_backward_bf16(&mut middle, saved, &mut gradients.weights);
        self.attention_backward_bf16(&middle, input, attention, gradients);
    }

    /// Adds to `middle`, which holds the output's gradient, what comes through the feed-forward block.
    fn feed_forward_backward_bf16(
        &self,
        middle: &mut [f32],
        saved: Saved,
        wanted: &mut LayerWeights<Option<&mut [f32]>>,
    ) -> SavedAttention {
        let Saved { attention, middle: residual, middle_roots, mut gate_up } = saved;
        let (weights, width) = (&self.weights, self.shape.intermediate_size);
        {
            let gradient = narrowed(&[middle]);
            let mut gated = self.project_back_bf16(&gradient, &narrowed(&[weights.down_proj]));
            swi_glu_rows_gradients(&mut gated, &mut gate_up, width);
            if let Some(target) = wanted.down_proj.take() {
                self.weight_gradients_bf16([Some(target)], [self.shape.hidden_size], &gradient, &gated);
            }
        }
        let weight = weights.post_attention_layernorm;
        if wanted.gate_proj.is_some() || wanted.up_proj.is_some() {
            let mut normalized = HalfBuffer::new(residual.len());
            normalize_again(&mut normalized, &middle_roots, &residual, weight);
            let targets = [wanted.gate_proj.take(), wanted.up_proj.take()];
            self.weight_gradients_bf16(targets, [width, width], &gate_up, &normalized);
        }
        let normalized = self.project_back_bf16(&gate_up, &narrowed(&[weights.gate_proj, weights.up_proj]));
        let norm = Normalized { input: &residual, weight, inverse_roots: &middle_roots };
        if let Some(target) = wanted.post_attention_layernorm.take() {
            weight_gradient(target, &normalized, norm);
        }
        input_gradient(middle, Store::Add, &normalized, norm);
        attention
    }

    fn attention_backward_bf16(
        &self,
        middle: &[f32],
        input: &[f32],
        saved: SavedAttention,
        gradients: LayerGradients<'_>,
    ) {
        let LayerGradients { input: input_target, weights: wanted } = gradients;
        let weights = &self.weights;
        let (of_projections, of_output) = wanted_biases(wanted.attention_biases);
        if let Some(target) = of_output {
            let row_width = target.len();
            bias_gradient(target, middle, Columns { first: 0, row_width });
        }
        let gradient = narrowed(&[middle]);
        if let Some(target) = wanted.o_proj {
            let (outputs, attended) = ([self.shape.hidden_size], narrowed(&[&saved.attended]));
            self.weight_gradients_bf16([Some(target)], outputs, &gradient, &attended);
        }
        let [projections, biases, norm] = [
            wanted.q_proj.is_some() || wanted.k_proj.is_some() || wanted.v_proj.is_some(),
            of_projections.iter().any(Option::is_some),
            wanted.input_layernorm.is_some() || input_target.is_some(),
        ];
        if !projections && !biases && !norm {
            return;
        }
        let input_roots = saved.input_roots.clone();
        let norm_rows = Normalized { input, weight: weights.input_layernorm, inverse_roots: &input_roots };
        let projected = self.projection_gradients_bf16(&gradient, saved);
        for (target, Projection { columns, .. }) in of_projections.into_iter().zip(self.projections()) {
            if let Some(target) = target {
                bias_gradient(target, &projected, columns);
            }
        }
        if projections {
            let mut normalized = HalfBuffer::new(input.len());
            normalize_again(&mut normalized, &input_roots, input, weights.input_layernorm);
            let outputs = self.projections().map(|Projection { heads, .. }| heads.heads * heads.head_dim);
            let targets = [wanted.q_proj, wanted.k_proj, wanted.v_proj];
            self.weight_gradients_bf16(targets, outputs, &projected, &normalized);
        }
        if !norm {
            return;
        }
        let weight = narrowed(&[weights.q_proj, weights.k_proj, weights.v_proj]);
        let normalized = self.project_back_bf16(&projected, &weight);
        first_norm_gradients([wanted.input_layernorm, input_target], middle, &normalized, norm_rows);
    }

    /// The gradients of what the three projections gave, side by side.
    fn projection_gradients_bf16(&self, gradient: &[bf16], saved: SavedAttention) -> HalfBuffer {
        let projections = self.projections();
        let [mut queries, mut keys, mut values] =
            projections.map(|Projection { heads, .. }| Buffer::new(heads.elements()));
        {
            // Its memory is given back before what follows asks for more.
            let saved = saved;
            let attended = self.project_back_bf16(gradient, &narrowed(&[self.weights.o_proj]));
            let gradients = AttentionGradients { query: &mut queries, key: &mut keys, value: &mut values };
            let output = AttentionOutput {
                gradient: &attended,
                values: &saved.attended,
                logarithms: &saved.logarithms,
            };
            attend_gradients(gradients, output, self.attended(&saved.query, &saved.key, &saved.value));
        }
        let mut merged = HalfBuffer::new(self.tokens() * projections[0].columns.row_width);
        for (projection, gradients) in projections.into_iter().zip([queries, keys, values]) {
            let Projection { heads, columns, turn } = projection;
            merge_heads(&mut merged, &gradients, heads, columns, turn.angles);
        }
        merged
    }
}
