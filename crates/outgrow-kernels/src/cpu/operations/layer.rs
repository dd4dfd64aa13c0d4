//! The decoder layer.

use std::sync::Arc;

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
    LayerNumbers, LayerWeights, PackedDocuments, RotaryTable,
    autodiff::{Primitive, is_wanted},
    cpu::kernels::{
        layer::{Layer, LayerGradients, LayerShape, Saved},
        rotary::{Angles, Heads},
    },
};

/// The layer's input and its nine parameters.
const PARENTS: usize = 10;

/// See [`crate::decoder_layer`].
pub(crate) fn decoder_layer(
    hidden: Tensor<3>,
    weights: LayerWeights<Tensor<1>, Tensor<2>>,
    numbers: LayerNumbers,
    rotary: &RotaryTable,
    documents: Option<&PackedDocuments>,
) -> Tensor<3> {
    let dims = hidden.dims();
    let constants = Constants::new(dims, &weights, numbers, rotary, documents);
    match beside(hidden) {
        Primitive::Plain(hidden) => {
            let weights = primitives(weights, Primitive::plain, Primitive::plain).map(contiguous);
            let inputs = Inputs { hidden: contiguous(hidden), weights, constants };
            let (output, _) = inputs.forward();
            Tensor::from_primitive::<Flex>(output)
        }
        Primitive::Tracked(hidden) => {
            let weights = primitives(weights, Primitive::tracked::<1>, Primitive::tracked::<2>);
            Tensor::from_primitive::<Autodiff<Flex>>(tracked(hidden, weights, constants))
        }
    }
}

fn primitives<T>(
    weights: LayerWeights<Tensor<1>, Tensor<2>>,
    vector: impl Fn(Primitive<Flex>) -> T,
    matrix: impl Fn(Primitive<Flex>) -> T,
) -> [T; 9] {
    let (vector, matrix) = (|tensor| vector(beside(tensor)), |tensor| matrix(beside(tensor)));
    LayerWeights {
        input_layernorm: vector(weights.input_layernorm),
        q_proj: matrix(weights.q_proj),
        k_proj: matrix(weights.k_proj),
        v_proj: matrix(weights.v_proj),
        o_proj: matrix(weights.o_proj),
        post_attention_layernorm: vector(weights.post_attention_layernorm),
        gate_proj: matrix(weights.gate_proj),
        up_proj: matrix(weights.up_proj),
        down_proj: matrix(weights.down_proj),
    }
    .into_array()
}

fn tracked(hidden: Tracked, weights: [Tracked; 9], constants: Constants) -> Tracked {
    let kept = is_wanted(&hidden) || weights.iter().any(is_wanted);
    let nodes: [_; PARENTS] =
        std::array::from_fn(|index| if index == 0 { hidden.node() } else { weights[index - 1].node() });
    let weights = weights.map(|weight| contiguous(weight.into_primitive()));
    let inputs = Inputs { hidden: contiguous(hidden.into_primitive()), weights, constants };
    let (output, saved) = inputs.forward();
    let saved = kept.then(|| Arc::new((inputs, saved)));
    match (LayerBackward.prepare::<NoCheckpointing>(nodes).compute_bound().stateful(), saved) {
        (OpsKind::Tracked(preparation), saved) => preparation.finish(saved, output),
        (OpsKind::UnTracked(preparation), _) => preparation.finish(output),
    }
}

/// What a layer reads beside its input and its parameters.
#[derive(Clone, Debug)]
struct Constants {
    shape: LayerShape,
    cosines: Plain,
    sines: Plain,
    documents: Option<PackedDocuments>,
}

impl Constants {
    fn new(
        [batch, sequence, hidden_size]: [usize; 3],
        weights: &LayerWeights<Tensor<1>, Tensor<2>>,
        LayerNumbers { head_dim, epsilon, precision }: LayerNumbers,
        rotary: &RotaryTable,
        documents: Option<&PackedDocuments>,
    ) -> Self {
        let positions = rotary.positions();
        assert!(
            sequence <= positions,
            "a rotary table of {positions} positions for a sequence of {sequence}"
        );
        if let Some(documents) = documents {
            assert_eq!(documents.dims(), [batch, sequence], "documents as sequences and tokens");
        }
        let rows = |weight: &Tensor<2>| weight.dims()[0];
        let heads = Heads { batch, sequence, heads: rows(&weights.q_proj) / head_dim, head_dim };
        let [cosines, sines] = rotary.tables().map(|table| contiguous(beside(table).plain()));
        Self {
            shape: LayerShape {
                heads,
                key_value_heads: rows(&weights.k_proj) / head_dim,
                hidden_size,
                intermediate_size: rows(&weights.gate_proj),
                epsilon: epsilon as f32,
                precision,
            },
            cosines,
            sines,
            documents: documents.cloned(),
        }
    }

    /// The shape of each of the operation's inputs: one number for a vector, two for a matrix.
    fn parent_shapes(&self) -> [Vec<usize>; PARENTS] {
        let LayerShape { heads, key_value_heads, hidden_size, intermediate_size, .. } = self.shape;
        let (queries, keys) = (heads.heads * heads.head_dim, key_value_heads * heads.head_dim);
        [
            vec![heads.batch, heads.sequence, hidden_size],
            vec![hidden_size],
            vec![queries, hidden_size],
            vec![keys, hidden_size],
            vec![keys, hidden_size],
            vec![hidden_size, queries],
            vec![hidden_size],
            vec![intermediate_size, hidden_size],
            vec![intermediate_size, hidden_size],
            vec![hidden_size, intermediate_size],
        ]
    }
}

/// All that a layer reads, contiguous.
#[derive(Clone, Debug)]
struct Inputs {
    hidden: Plain,
    weights: [Plain; 9],
    constants: Constants,
}

impl Inputs {
    fn layer(&self) -> Layer<'_> {
        let Constants { shape, cosines, sines, documents } = &self.constants;
        Layer {
            shape: *shape,
            weights: LayerWeights::from_array(self.weights.each_ref().map(values)),
            angles: Angles { cosines: values(cosines), sines: values(sines) },
            first_visible: documents.as_ref().map(PackedDocuments::first_visible),
        }
    }

    fn forward(&self) -> (Plain, Saved) {
        let input = values(&self.hidden);
        let mut output = vec![0.0; input.len()];
        let saved = self.layer().forward(&mut output, input);
        let LayerShape { heads, hidden_size, .. } = self.constants.shape;
        (from_values(output, [heads.batch, heads.sequence, hidden_size]), saved)
    }
}

#[derive(Debug)]
struct LayerBackward;

impl Backward<Flex, PARENTS> for LayerBackward {
    /// `None` for an operation that nobody differentiates, whose backward pass is never run.
    type State = Option<Arc<(Inputs, Saved)>>;

    fn backward(self, ops: Ops<Self::State, PARENTS>, tape: &mut Tape, _: &mut Checkpointer) {
        let gradient = contiguous(tape.consume::<Flex>(&ops.node));
        let Some(state) = ops.state else { return };
        let (inputs, saved) = Arc::unwrap_or_clone(state);
        let shapes = inputs.constants.parent_shapes();
        let mut targets: [Option<Vec<f32>>; PARENTS] = std::array::from_fn(|index| {
            ops.parents[index].as_ref().map(|_| vec![0.0; shapes[index].iter().product()])
        });
        let [input, weights @ ..] = targets.each_mut().map(Option::as_deref_mut);
        let gradients = LayerGradients { input, weights: LayerWeights::from_array(weights) };
        inputs.layer().backward(values(&gradient), values(&inputs.hidden), saved, gradients);
        for ((node, target), shape) in ops.parents.into_iter().zip(targets).zip(shapes) {
            if let (Some(node), Some(target)) = (node, target) {
                let gradient = Plain::from_data(burn::tensor::TensorData::new(target, shape));
                tape.register::<Flex>(node.id, gradient);
            }
        }
    }
}
