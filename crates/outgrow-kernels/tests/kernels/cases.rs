//! Random decoder layers for the comparisons with the composed twins: their sizes, parameters, and what comes of
//! running them.

use burn::tensor::{Device, Gradients, Tensor, TensorData};
use outgrow_kernels::{
    AttentionBiases, DeviceName, LayerNumbers, LayerWeights, PackedDocuments, Precision, RotaryTable,
    composed, decoder_layer, open_device,
};
use proptest::prelude::*;

use crate::numbers::numbers;

/// The CPU, with autodiff.
pub(crate) fn autodiff() -> Device {
    open_device(DeviceName::Flex).unwrap().autodiff()
}

/// A trained tensor of numbers between −1 and 1.
pub(crate) fn tensor<const D: usize>(shape: [usize; D], salt: u64) -> Tensor<D> {
    let values = numbers(shape.iter().product(), salt);
    Tensor::from_data(TensorData::new(values, shape), &autodiff()).require_grad()
}

/// A matrix whose products keep the size of what they multiply.
pub(crate) fn matrix(outputs: usize, inputs: usize, salt: u64) -> Tensor<2> {
    let values =
        numbers(outputs * inputs, salt).into_iter().map(|value| value / (inputs as f32).sqrt() * 1.7);
    Tensor::from_data(TensorData::new(values.collect::<Vec<_>>(), [outputs, inputs]), &autodiff())
        .require_grad()
}

/// The values of a tensor.
pub(crate) fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

/// The sizes of a layer, and what its numbers depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) batch: usize,
    pub(crate) sequence: usize,
    pub(crate) key_value_heads: usize,
    pub(crate) group: usize,
    pub(crate) half: usize,
    pub(crate) hidden: usize,
    pub(crate) intermediate: usize,
    pub(crate) biases: Biases,
    pub(crate) salt: u64,
}

/// Which biases a layer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Biases {
    None,
    QueryKeyValue,
    All,
}

impl Biases {
    pub(crate) const ALL: [Self; 3] = [Self::None, Self::QueryKeyValue, Self::All];
}

/// What a layer has of inputs and parameters at most.
pub(crate) const PARENTS: usize = 14;

/// Hidden sizes from 8: what a norm makes of fewer channels is too ill-conditioned to compare.
pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let sizes = (1_usize..4, prop_oneof![1_usize..10, 60_usize..140], 1_usize..4, 1_usize..4);
    let biases = proptest::sample::select(&Biases::ALL[..]);
    (sizes, 1_usize..20, 8_usize..48, 1_usize..50, biases, 0_u64..1000).prop_map(
        |((batch, sequence, key_value_heads, group), half, hidden, intermediate, biases, salt)| Case {
            batch,
            sequence,
            key_value_heads,
            group,
            half,
            hidden,
            intermediate,
            biases,
            salt,
        },
    )
}

impl Case {
    fn weights(self) -> LayerWeights<Tensor<1>, Tensor<2>> {
        let Self { key_value_heads, group, half, hidden, intermediate, biases, salt, .. } = self;
        let (keys, queries) = (2 * half * key_value_heads, 2 * half * key_value_heads * group);
        LayerWeights {
            input_layernorm: tensor([hidden], salt + 1),
            q_proj: matrix(queries, hidden, salt + 2),
            k_proj: matrix(keys, hidden, salt + 3),
            v_proj: matrix(keys, hidden, salt + 4),
            o_proj: matrix(hidden, queries, salt + 5),
            post_attention_layernorm: tensor([hidden], salt + 6),
            gate_proj: matrix(intermediate, hidden, salt + 7),
            up_proj: matrix(intermediate, hidden, salt + 8),
            down_proj: matrix(hidden, intermediate, salt + 9),
            attention_biases: (biases != Biases::None).then(|| AttentionBiases {
                query: tensor([queries], salt + 12),
                key: tensor([keys], salt + 13),
                value: tensor([keys], salt + 14),
                output: (biases == Biases::All).then(|| tensor([hidden], salt + 15)),
            }),
        }
    }

    fn rotary(self) -> RotaryTable {
        let frequencies: Vec<f64> = (0..self.half).map(|pair| 0.7_f64.powi(pair as i32)).collect();
        RotaryTable::new(&frequencies, self.sequence + 3, &autodiff().without_autodiff())
    }

    fn documents(self) -> PackedDocuments {
        let change = |index: usize| i32::from(numbers(1, self.salt + index as u64)[0] > 0.8);
        let mut segment = 0;
        let segments: Vec<i32> = (0..self.batch * self.sequence)
            .map(|index| {
                segment += change(index);
                segment
            })
            .collect();
        PackedDocuments::from_segments(&segments, self.sequence)
    }
}

/// The output, and the gradients of the input and of the parameters in order, of which those of `frozen` ones are
/// absent. Queries and keys are [`OF_SCORES`].
pub(crate) fn run_layer(
    case: Case,
    fused: bool,
    packed: bool,
    frozen: &[usize],
    precision: Precision,
) -> Vec<Option<Vec<f32>>> {
    let hidden = tensor([case.batch, case.sequence, case.hidden], case.salt);
    let hidden = if frozen.contains(&0) { hidden.set_require_grad(false) } else { hidden };
    let mut index = 0;
    let weights = case.weights().map(Parameter::Vector, Parameter::Matrix).map_all(|parameter| {
        index += 1;
        let trained = !frozen.contains(&index);
        match parameter {
            Parameter::Vector(tensor) => Parameter::Vector(tensor.set_require_grad(trained)),
            Parameter::Matrix(tensor) => Parameter::Matrix(tensor.set_require_grad(trained)),
        }
    });
    let parameters = weights.clone().into_list();
    let weights = weights.map(Parameter::vector, Parameter::matrix);
    let numbers = LayerNumbers { head_dim: 2 * case.half, epsilon: 1e-5, precision };
    let rotary = case.rotary();
    let documents = packed.then(|| case.documents());
    let output = if fused {
        decoder_layer(hidden.clone(), weights.clone(), numbers, &rotary, documents.as_ref())
    } else {
        composed::decoder_layer(
            hidden.clone(),
            weights.clone(),
            numbers,
            &rotary.autodiff(),
            documents.as_ref(),
        )
    };
    let mut results = vec![Some(host(output.clone()))];
    let pull = tensor(output.dims(), case.salt + 11).detach();
    let gradients = (output * pull).sum().backward();
    results.push(hidden.grad(&gradients).map(host));
    results.extend(parameters.into_iter().map(|parameter| parameter.gradient(&gradients)));
    results
}

/// The results that are the gradients of what makes queries and keys.
pub(crate) const OF_SCORES: [usize; 4] = [3, 4, 11, 12];

/// A parameter of a layer.
#[derive(Clone)]
enum Parameter {
    Vector(Tensor<1>),
    Matrix(Tensor<2>),
}

impl Parameter {
    fn vector(self) -> Tensor<1> {
        match self {
            Self::Vector(tensor) => tensor,
            Self::Matrix(_) => unreachable!("it was made of a vector"),
        }
    }

    fn matrix(self) -> Tensor<2> {
        match self {
            Self::Matrix(tensor) => tensor,
            Self::Vector(_) => unreachable!("it was made of a matrix"),
        }
    }

    fn gradient(self, gradients: &Gradients) -> Option<Vec<f32>> {
        match self {
            Self::Vector(tensor) => tensor.grad(gradients).map(host),
            Self::Matrix(tensor) => tensor.grad(gradients).map(host),
        }
    }
}
