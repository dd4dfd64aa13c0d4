//! Root-mean-square normalisation.

use burn::{
    backend::{
        Autodiff, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
            grads::Gradients as Tape,
            ops::{Backward, Ops, OpsKind},
        },
    },
    tensor::Tensor,
};

use super::{Plain, Tracked, beside, contiguous, from_values, values};
use crate::{
    autodiff::Primitive,
    cpu::kernels::{
        buffers::Buffer,
        matrix::Store,
        normalization::{Normalized, input_gradient, normalize, weight_gradient},
    },
};

/// See [`crate::rms_norm`].
pub(crate) fn rms_norm(input: Tensor<3>, weight: Tensor<1>, epsilon: f64) -> Tensor<3> {
    let shape = input.dims();
    match beside(input) {
        Primitive::Plain(input) => {
            let (output, _) =
                forward(&contiguous(input), &contiguous(beside(weight).plain()), shape, epsilon);
            Tensor::from_primitive::<Flex>(output)
        }
        Primitive::Tracked(input) => {
            let output = tracked(input, beside(weight).tracked::<1>(), shape, epsilon);
            Tensor::from_primitive::<Autodiff<Flex>>(output)
        }
    }
}

fn forward(input: &Plain, weight: &Plain, shape: [usize; 3], epsilon: f64) -> (Plain, Buffer) {
    let (input, weight) = (values(input), values(weight));
    let mut output = vec![0.0; input.len()];
    let mut inverse_roots = Buffer::new(input.len() / weight.len());
    normalize(&mut output, &mut inverse_roots, input, weight, epsilon as f32);
    (from_values(output, shape), inverse_roots)
}

fn tracked(input: Tracked, weight: Tracked, shape: [usize; 3], epsilon: f64) -> Tracked {
    let (input, input_node) = input.into_parts();
    let (weight, weight_node) = weight.into_parts();
    let (input, weight) = (contiguous(input), contiguous(weight));
    let (output, inverse_roots) = forward(&input, &weight, shape, epsilon);
    let preparation = RmsNormBackward.prepare::<NoCheckpointing>([input_node, weight_node]);
    match preparation.compute_bound().stateful() {
        OpsKind::Tracked(preparation) => {
            preparation.finish(Saved { input, weight, inverse_roots, shape }, output)
        }
        OpsKind::UnTracked(preparation) => preparation.finish(output),
    }
}

#[derive(Debug)]
struct RmsNormBackward;

#[derive(Clone, Debug)]
struct Saved {
    input: Plain,
    weight: Plain,
    inverse_roots: Buffer,
    shape: [usize; 3],
}

impl Backward<Flex, 2> for RmsNormBackward {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 2>, tape: &mut Tape, _: &mut Checkpointer) {
        let gradient = contiguous(tape.consume::<Flex>(&ops.node));
        let gradient = values(&gradient);
        let Saved { input, weight, inverse_roots, shape } = &ops.state;
        let saved = Normalized { input: values(input), weight: values(weight), inverse_roots };
        let [input_node, weight_node] = ops.parents;
        if let Some(node) = weight_node {
            let mut target = vec![0.0; saved.weight.len()];
            weight_gradient(&mut target, gradient, saved);
            tape.register::<Flex>(node.id, from_values(target, [saved.weight.len()]));
        }
        if let Some(node) = input_node {
            let mut target = vec![0.0; gradient.len()];
            input_gradient(&mut target, Store::Replace, gradient, saved);
            tape.register::<Flex>(node.id, from_values(target, *shape));
        }
    }
}
