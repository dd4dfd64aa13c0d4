//! A layer in f32: every value that is kept is f32.
//!
//! Residual sums and the sums of several gradients go into the matrix products.

use super::inputs::{Layer, LayerGradients, LayerShape, first_norm_gradients, wanted_biases};
use crate::{
    LayerWeights,
    cpu::kernels::{
        attention::{AttentionGradients, AttentionOutput, attend, attend_gradients},
        bias::{add_bias, bias_gradient},
        buffers::Buffer,
        matrix::{Matrix, Store, Threads, multiply},
        normalization::{Normalized, input_gradient, normalize, normalize_again, weight_gradient},
        rotary::{Columns, Heads, Turn, merge_heads, split_heads},
        swi_glu::{swi_glu, swi_glu_gradients},
    },
};

/// What the way back needs from the way forward.
#[derive(Clone, Debug)]
pub struct Saved {
    query: Buffer,
    key: Buffer,
    value: Buffer,
    logarithms: Buffer,
    attended: Buffer,
    middle: Buffer,
    gate: Buffer,
    up: Buffer,
    input_roots: Buffer,
    middle_roots: Buffer,
}

impl Layer<'_> {
    /// `target (+)= input · weightᵀ`
    fn project(&self, target: &mut [f32], store: Store, input: &[f32], weight: &[f32]) {
        let tokens = self.tokens();
        let (outputs, inputs) = (target.len() / tokens, input.len() / tokens);
        let weight = Matrix::new(weight, outputs, inputs).transposed();
        multiply(target, store, Matrix::new(input, tokens, inputs), weight, Threads::All);
    }

    /// `target (+)= gradient · weight`: the gradient of what was projected.
    fn project_back(&self, target: &mut [f32], store: Store, gradient: &[f32], weight: &[f32]) {
        let tokens = self.tokens();
        let (outputs, inputs) = (gradient.len() / tokens, target.len() / tokens);
        let gradient = Matrix::new(gradient, tokens, outputs);
        multiply(target, store, gradient, Matrix::new(weight, outputs, inputs), Threads::All);
    }

    /// `target = gradientᵀ · input`: the gradient of a projection's weight, where it is wanted.
    fn weight_gradient(&self, target: Option<&mut [f32]>, gradient: &[f32], input: &[f32]) {
        let Some(target) = target else { return };
        let tokens = self.tokens();
        let (outputs, inputs) = (gradient.len() / tokens, input.len() / tokens);
        let gradient = Matrix::new(gradient, tokens, outputs).transposed();
        multiply(target, Store::Replace, gradient, Matrix::new(input, tokens, inputs), Threads::All);
    }

    /// [`Layer::forward`] in f32.
    pub(super) fn forward_in_f32(&self, output: &mut [f32], input: &[f32]) -> Saved {
        let LayerShape { heads, epsilon, .. } = self.shape;
        let (tokens, weights) = (self.tokens(), &self.weights);
        let mut input_roots = Buffer::new(tokens);
        let mut normalized = Buffer::new(input.len());
        normalize(&mut normalized, &mut input_roots, input, weights.input_layernorm, epsilon);
        let key_value = self.key_value_layout();
        let [of_query, of_key, of_value] = self.turns();
        let query = self.heads_of(&normalized, weights.q_proj, heads, of_query);
        let key = self.heads_of(&normalized, weights.k_proj, key_value, of_key);
        let value = self.heads_of(&normalized, weights.v_proj, key_value, of_value);
        let mut logarithms = Buffer::new(tokens * heads.heads);
        let attended = {
            let mut by_head = Buffer::new(heads.elements());
            attend(&mut by_head, &mut logarithms, self.attended(&query, &key, &value));
            let mut attended = Buffer::new(heads.elements());
            merge_heads(&mut attended, &by_head, heads, Columns::all(heads), None);
            attended
        };
        let mut middle = Buffer::new(input.len());
        middle.copy_from_slice(input);
        self.project(&mut middle, Store::Add, &attended, weights.o_proj);
        if let Some(bias) = self.output_bias() {
            add_bias(&mut middle, bias);
        }

        let mut middle_roots = Buffer::new(tokens);
        normalize(&mut normalized, &mut middle_roots, &middle, weights.post_attention_layernorm, epsilon);
        let mut gate = Buffer::new(tokens * self.shape.intermediate_size);
        let mut up = Buffer::new(gate.len());
        self.project(&mut gate, Store::Replace, &normalized, weights.gate_proj);
        self.project(&mut up, Store::Replace, &normalized, weights.up_proj);
        let mut gated = Buffer::new(gate.len());
        swi_glu(&mut gated, &gate, &up);
        output.copy_from_slice(&middle);
        self.project(output, Store::Add, &gated, weights.down_proj);
        Saved { query, key, value, logarithms, attended, middle, gate, up, input_roots, middle_roots }
    }

    fn heads_of(&self, input: &[f32], weight: &[f32], heads: Heads, turn: Turn<'_>) -> Buffer {
        let mut projected = Buffer::new(heads.elements());
        self.project(&mut projected, Store::Replace, input, weight);
        let mut by_head = Buffer::new(heads.elements());
        split_heads(&mut by_head, &projected, heads, Columns::all(heads), turn);
        by_head
    }

    /// [`Layer::backward`] in f32.
    pub(super) fn backward_in_f32(
        &self,
        gradient: &[f32],
        input: &[f32],
        saved: Saved,
        mut gradients: LayerGradients<'_>,
    ) {
        let mut middle = Buffer::new(gradient.len());
        middle.copy_from_slice(gradient);
        let saved = self.feed_forward_backward(&mut middle, gradient, saved, &mut gradients.weights);
        self.attention_backward(&middle, input, saved, gradients);
    }

    /// Adds to `middle`, which holds the output's gradient, what comes through the feed-forward block.
    fn feed_forward_backward(
        &self,
        middle: &mut [f32],
        gradient: &[f32],
        saved: Saved,
        wanted: &mut LayerWeights<Option<&mut [f32]>>,
    ) -> SavedAttention {
        let Saved { query, key, value, logarithms, attended, middle: rows, mut gate, mut up, .. } = saved;
        let weights = &self.weights;
        {
            let mut gated = Buffer::new(gate.len());
            self.project_back(&mut gated, Store::Replace, gradient, weights.down_proj);
            swi_glu_gradients(&mut gated, &mut gate, &mut up);
            self.weight_gradient(wanted.down_proj.take(), gradient, &gated);
        }
        let weight = weights.post_attention_layernorm;
        let mut normalized = Buffer::new(rows.len());
        if wanted.gate_proj.is_some() || wanted.up_proj.is_some() {
            normalize_again(&mut normalized, &saved.middle_roots, &rows, weight);
            self.weight_gradient(wanted.gate_proj.take(), &gate, &normalized);
            self.weight_gradient(wanted.up_proj.take(), &up, &normalized);
        }
        self.project_back(&mut normalized, Store::Replace, &gate, weights.gate_proj);
        self.project_back(&mut normalized, Store::Add, &up, weights.up_proj);
        let norm = Normalized { input: &rows, weight, inverse_roots: &saved.middle_roots };
        if let Some(target) = wanted.post_attention_layernorm.take() {
            weight_gradient(target, &normalized, norm);
        }
        input_gradient(middle, Store::Add, &normalized, norm);
        let input_roots = saved.input_roots;
        SavedAttention { query, key, value, logarithms, attended, input_roots }
    }

    fn attention_backward(
        &self,
        middle: &[f32],
        input: &[f32],
        saved: SavedAttention,
        gradients: LayerGradients<'_>,
    ) {
        let LayerGradients { input: input_target, weights: wanted } = gradients;
        let weights = &self.weights;
        let (of_projections, of_output) = wanted_biases(wanted.attention_biases);
        self.weight_gradient(wanted.o_proj, middle, &saved.attended);
        if let Some(target) = of_output {
            let row_width = target.len();
            bias_gradient(target, middle, Columns { first: 0, row_width });
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
        let [query, key, value] = self.projection_gradients(middle, saved);
        for (target, gradient) in of_projections.into_iter().zip([&query, &key, &value]) {
            if let Some(target) = target {
                let row_width = target.len();
                bias_gradient(target, gradient, Columns { first: 0, row_width });
            }
        }
        let mut normalized = Buffer::new(input.len());
        if projections {
            normalize_again(&mut normalized, &input_roots, input, weights.input_layernorm);
            self.weight_gradient(wanted.q_proj, &query, &normalized);
            self.weight_gradient(wanted.k_proj, &key, &normalized);
            self.weight_gradient(wanted.v_proj, &value, &normalized);
        }
        if norm {
            self.project_back(&mut normalized, Store::Replace, &query, weights.q_proj);
            self.project_back(&mut normalized, Store::Add, &key, weights.k_proj);
            self.project_back(&mut normalized, Store::Add, &value, weights.v_proj);
        }
        first_norm_gradients([wanted.input_layernorm, input_target], middle, &normalized, norm_rows);
    }

    /// The gradients of the three projections' results, heads of a token side by side; they take the place of what was
    /// saved.
    fn projection_gradients(&self, middle: &[f32], saved: SavedAttention) -> [Buffer; 3] {
        let (heads, key_value) = (self.shape.heads, self.key_value_layout());
        let by_head = |heads: Heads| Buffer::new(heads.elements());
        let (mut query, mut key, mut value) = (by_head(heads), by_head(key_value), by_head(key_value));
        {
            let mut attended = by_head(heads);
            self.project_back(&mut attended, Store::Replace, middle, self.weights.o_proj);
            let gradients = AttentionGradients { query: &mut query, key: &mut key, value: &mut value };
            let inputs = self.attended(&saved.query, &saved.key, &saved.value);
            let output = AttentionOutput {
                gradient: &attended,
                values: &saved.attended,
                logarithms: &saved.logarithms,
            };
            attend_gradients(gradients, output, inputs);
        }
        let [mut merged_query, mut merged_key, mut merged_value] = [saved.query, saved.key, saved.value];
        let [columns, key_value_columns] = [heads, key_value].map(Columns::all);
        merge_heads(&mut merged_query, &query, heads, columns, Some(self.angles));
        merge_heads(&mut merged_key, &key, key_value, key_value_columns, Some(self.angles));
        merge_heads(&mut merged_value, &value, key_value, key_value_columns, None);
        [merged_query, merged_key, merged_value]
    }
}

/// What is left when the feed-forward block is done.
struct SavedAttention {
    query: Buffer,
    key: Buffer,
    value: Buffer,
    logarithms: Buffer,
    attended: Buffer,
    input_roots: Buffer,
}
