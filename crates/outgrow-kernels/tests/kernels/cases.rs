//! Random decoder layers for the comparisons with the composed twins: their sizes, parameters, and what comes of
//! running them.

use burn::tensor::{Device, Tensor, TensorData};
use outgrow_kernels::{
    DeviceName, LayerNumbers, LayerWeights, PackedDocuments, Precision, RotaryTable, composed, decoder_layer,
    open_device,
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
    pub(crate) salt: u64,
}

/// Hidden sizes from 8: what a norm makes of fewer channels is too ill-conditioned to compare.
pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let sizes = (1_usize..4, prop_oneof![1_usize..10, 60_usize..140], 1_usize..4, 1_usize..4);
    (sizes, 1_usize..20, 8_usize..48, 1_usize..50, 0_u64..1000).prop_map(
        |((batch, sequence, key_value_heads, group), half, hidden, intermediate, salt)| Case {
            batch,
            sequence,
            key_value_heads,
            group,
            half,
            hidden,
            intermediate,
            salt,
        },
    )
}

impl Case {
    fn weights(self) -> LayerWeights<Tensor<1>, Tensor<2>> {
        let Self { key_value_heads, group, half, hidden, intermediate, salt, .. } = self;
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

/// The output, and the gradients of the input, of both norms, of queries and keys (4 and 5) and of the other matrices,
/// of which those of `frozen` inputs are absent.
pub(crate) fn run_layer(
    case: Case,
    fused: bool,
    packed: bool,
    frozen: &[usize],
    precision: Precision,
) -> Vec<Option<Vec<f32>>> {
    let hidden = tensor([case.batch, case.sequence, case.hidden], case.salt);
    let hidden = if frozen.contains(&0) { hidden.set_require_grad(false) } else { hidden };
    let w = case.weights();
    let matrices =
        |index: usize, weight: &Tensor<2>| weight.clone().set_require_grad(!frozen.contains(&index));
    let vectors =
        |index: usize, weight: &Tensor<1>| weight.clone().set_require_grad(!frozen.contains(&index));
    let weights = LayerWeights {
        input_layernorm: vectors(1, &w.input_layernorm),
        q_proj: matrices(2, &w.q_proj),
        k_proj: matrices(3, &w.k_proj),
        v_proj: matrices(4, &w.v_proj),
        o_proj: matrices(5, &w.o_proj),
        post_attention_layernorm: vectors(6, &w.post_attention_layernorm),
        gate_proj: matrices(7, &w.gate_proj),
        up_proj: matrices(8, &w.up_proj),
        down_proj: matrices(9, &w.down_proj),
    };
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
    let w = weights;
    results.push(hidden.grad(&gradients).map(host));
    for vector in [w.input_layernorm, w.post_attention_layernorm] {
        results.push(vector.grad(&gradients).map(host));
    }
    for matrix in [w.q_proj, w.k_proj, w.v_proj, w.o_proj, w.gate_proj, w.up_proj, w.down_proj] {
        results.push(matrix.grad(&gradients).map(host));
    }
    results
}
