//! The decoder layer.

use std::sync::Arc;

use burn::{
    backend::{
        Autodiff, Flex, TensorMetadata,
        autodiff::{
            NodeId,
            checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
            grads::Gradients as Tape,
            ops::{Backward, Ops, OpsKind},
        },
    },
    tensor::{Shape, Tensor, TensorData},
};

use super::{Plain, Tracked, beside, contiguous, from_values, values};
use crate::{
    AttentionBiases, LayerNumbers, LayerWeights, PackedDocuments, RotaryTable,
    autodiff::{Primitive, is_wanted},
    cpu::kernels::{
        layer::{Layer, LayerGradients, LayerShape, Saved},
        rotary::{Angles, Heads},
    },
};

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
            let weights = weights.map(|vector| beside(vector).plain(), |matrix| beside(matrix).plain());
            let weights = weights.map_all(contiguous);
            let inputs = Inputs { hidden: contiguous(hidden), weights, constants };
            let (output, _) = inputs.forward();
            Tensor::from_primitive::<Flex>(output)
        }
        Primitive::Tracked(hidden) => {
            let weights =
                weights.map(|vector| beside(vector).tracked::<1>(), |matrix| beside(matrix).tracked::<2>());
            // An operation of burn has a fixed number of parents: the layer's input and its parameters.
            let output = match &weights.attention_biases {
                None => tracked::<10>(hidden, weights, constants),
                Some(AttentionBiases { output: None, .. }) => tracked::<13>(hidden, weights, constants),
                Some(AttentionBiases { output: Some(_), .. }) => tracked::<14>(hidden, weights, constants),
            };
            Tensor::from_primitive::<Autodiff<Flex>>(output)
        }
    }
}

fn tracked<const PARENTS: usize>(
    hidden: Tracked,
    weights: LayerWeights<Tracked>,
    constants: Constants,
) -> Tracked {
    let parents = [vec![&hidden], weights.as_ref().into_list()].concat();
    let kept = parents.iter().any(|parent| is_wanted(*parent));
    let nodes: Vec<_> = parents.into_iter().map(Tracked::node).collect();
    let nodes: [_; PARENTS] = nodes.try_into().expect("as many as the layer has parameters, and its input");
    let weights = weights.map_all(|weight| contiguous(weight.into_primitive()));
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
}

/// All that a layer reads, contiguous.
#[derive(Clone, Debug)]
struct Inputs {
    hidden: Plain,
    weights: LayerWeights<Plain>,
    constants: Constants,
}

impl Inputs {
    fn layer(&self) -> Layer<'_> {
        let Constants { shape, cosines, sines, documents } = &self.constants;
        Layer {
            shape: *shape,
            weights: self.weights.as_ref().map_all(values),
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

impl<const PARENTS: usize> Backward<Flex, PARENTS> for LayerBackward {
    /// `None` for an operation that nobody differentiates, whose backward pass is never run.
    type State = Option<Arc<(Inputs, Saved)>>;

    fn backward(self, ops: Ops<Self::State, PARENTS>, tape: &mut Tape, _: &mut Checkpointer) {
        let gradient = contiguous(tape.consume::<Flex>(&ops.node));
        let Some(state) = ops.state else { return };
        let (inputs, saved) = Arc::unwrap_or_clone(state);
        let mut parents = ops.parents.into_iter();
        let mut wanted = |tensor: &Plain| {
            let node = parents.next().expect("a parent for the input and for each parameter")?.id;
            Some(Wanted { node, values: vec![0.0; values(tensor).len()], shape: tensor.shape() })
        };
        let mut input = wanted(&inputs.hidden);
        let mut weights = inputs.weights.as_ref().map_all(wanted);
        let gradients = LayerGradients {
            input: input.as_mut().map(Wanted::values),
            weights: weights.as_mut().map_all(|wanted| wanted.as_mut().map(Wanted::values)),
        };
        inputs.layer().backward(values(&gradient), values(&inputs.hidden), saved, gradients);
        for Wanted { node, values, shape } in [input].into_iter().chain(weights.into_list()).flatten() {
            tape.register::<Flex>(node, Plain::from_data(TensorData::new(values, shape)));
        }
    }
}

/// The gradient of an input that is trained, or was made of one that is.
struct Wanted {
    node: NodeId,
    values: Vec<f32>,
    shape: Shape,
}

impl Wanted {
    fn values(&mut self) -> &mut [f32] {
        &mut self.values
    }
}
