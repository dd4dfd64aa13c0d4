//! The output head with its cross-entropy.

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
    Precision,
    autodiff::{Primitive, is_wanted},
    cpu::kernels::cross_entropy::{Prediction, PredictionGradients, linear_cross_entropy as compute},
};

/// See [`crate::linear_cross_entropy`].
pub(crate) fn linear_cross_entropy(
    hidden: Tensor<3>,
    weight: Tensor<2>,
    targets: &[i32],
    scale: f64,
    precision: Precision,
) -> Tensor<1> {
    let numbers = Numbers { scale: scale as f32, precision };
    let (hidden_shape, weight_shape) = (hidden.dims(), weight.dims());
    match beside(hidden) {
        Primitive::Plain(hidden) => {
            let (hidden, weight) = (contiguous(hidden), contiguous(beside(weight).plain()));
            let prediction = prediction(&hidden, &weight, targets, numbers);
            let loss = compute(prediction, PredictionGradients::default());
            Tensor::from_primitive::<Flex>(from_values(vec![loss], [1]))
        }
        Primitive::Tracked(hidden) => {
            let shapes = Shapes { hidden: hidden_shape, weight: weight_shape };
            let loss = tracked(hidden, beside(weight).tracked::<2>(), targets, numbers, shapes);
            Tensor::from_primitive::<Autodiff<Flex>>(loss)
        }
    }
}

#[derive(Clone, Copy)]
struct Numbers {
    scale: f32,
    precision: Precision,
}

fn prediction<'a>(
    hidden: &'a Plain,
    weight: &'a Plain,
    targets: &'a [i32],
    Numbers { scale, precision }: Numbers,
) -> Prediction<'a> {
    Prediction { hidden: values(hidden), weight: values(weight), targets, scale, precision }
}

#[derive(Clone, Copy)]
struct Shapes {
    hidden: [usize; 3],
    weight: [usize; 2],
}

fn tracked(hidden: Tracked, weight: Tracked, targets: &[i32], numbers: Numbers, shapes: Shapes) -> Tracked {
    let [hidden_wanted, weight_wanted] = [&hidden, &weight].map(is_wanted);
    let (hidden, hidden_node) = hidden.into_parts();
    let (weight, weight_node) = weight.into_parts();
    let (hidden, weight) = (contiguous(hidden), contiguous(weight));
    let mut hidden_gradient = hidden_wanted.then(|| vec![0.0; values(&hidden).len()]);
    let mut weight_gradient = weight_wanted.then(|| vec![0.0; values(&weight).len()]);
    let gradients = PredictionGradients {
        hidden: hidden_gradient.as_deref_mut(),
        weight: weight_gradient.as_deref_mut(),
    };
    let loss = compute(prediction(&hidden, &weight, targets, numbers), gradients);
    let loss = from_values(vec![loss], [1]);
    match CrossEntropyBackward
        .prepare::<NoCheckpointing>([hidden_node, weight_node])
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(preparation) => {
            let hidden = hidden_gradient.map(|values| from_values(values, shapes.hidden));
            let weight = weight_gradient.map(|values| from_values(values, shapes.weight));
            preparation.finish([hidden, weight], loss)
        }
        OpsKind::UnTracked(preparation) => preparation.finish(loss),
    }
}

/// The gradients are there already; what is left is to multiply them by the loss's own, which is one where the loss is
/// what is differentiated.
#[derive(Debug)]
struct CrossEntropyBackward;

impl Backward<Flex, 2> for CrossEntropyBackward {
    type State = [Option<Plain>; 2];

    fn backward(self, ops: Ops<Self::State, 2>, tape: &mut Tape, _: &mut Checkpointer) {
        let factor = values(&contiguous(tape.consume::<Flex>(&ops.node)))[0];
        for (node, gradient) in ops.parents.into_iter().zip(ops.state) {
            let (Some(node), Some(mut gradient)) = (node, gradient) else { continue };
            if factor.to_bits() != 1_f32.to_bits() {
                gradient.storage_mut::<f32>().iter_mut().for_each(|value| *value *= factor);
            }
            tape.register::<Flex>(node.id, gradient);
        }
    }
}
