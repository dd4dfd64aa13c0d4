//! A layer over a text in parts, with keys and values stored, against the same layer over the whole text at once.

use crate::numbers::numbers;
use burn::tensor::{Device, Tensor, TensorData};
use outgrow_kernels::{
    AttentionBiases, DeviceName, LayerNumbers, LayerWeights, Precision, RotaryTable,
    composed::{
        decoder_layer,
        reading::{KeyValueRoom, KeyValueTensors, NewRows, RowPlace, decoder_layer_behind},
    },
    open_device,
};
use proptest::prelude::*;

const TOLERANCE: f32 = 1e-5;

fn device() -> Device {
    open_device(DeviceName::Flex).unwrap()
}

/// Numbers between −1 and 1 that depend on the index and the salt.
fn tensor<const D: usize>(shape: [usize; D], salt: u64) -> Tensor<D> {
    let values = numbers(shape.iter().product(), salt);
    Tensor::from_data(TensorData::new(values, shape), &device())
}

/// A matrix whose products keep the size of what they multiply.
fn matrix([outputs, inputs]: [usize; 2], salt: u64) -> Tensor<2> {
    tensor([outputs, inputs], salt).mul_scalar(1.7 / (inputs as f32).sqrt())
}

fn weights(
    [hidden, queries, keys]: [usize; 3],
    biased: bool,
    salt: u64,
) -> LayerWeights<Tensor<1>, Tensor<2>> {
    let intermediate = hidden + 3;
    LayerWeights {
        input_layernorm: tensor([hidden], salt + 1),
        q_proj: matrix([queries, hidden], salt + 2),
        k_proj: matrix([keys, hidden], salt + 3),
        v_proj: matrix([keys, hidden], salt + 4),
        o_proj: matrix([hidden, queries], salt + 5),
        post_attention_layernorm: tensor([hidden], salt + 6),
        gate_proj: matrix([intermediate, hidden], salt + 7),
        up_proj: matrix([intermediate, hidden], salt + 8),
        down_proj: matrix([hidden, intermediate], salt + 9),
        attention_biases: biased.then(|| AttentionBiases {
            query: tensor([queries], salt + 10),
            key: tensor([keys], salt + 11),
            value: tensor([keys], salt + 12),
            output: Some(tensor([hidden], salt + 13)),
        }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_layer_over_parts_of_a_text_gives_what_it_gives_for_all_of_it(
        parts in proptest::collection::vec(1..9_usize, 1..6),
        batch in 1..3_usize,
        key_value_heads in 1..4_usize,
        group in 1..4_usize,
        half in 1..6_usize,
        hidden in 8..40_usize,
        spare in 0..5_usize,
        biased: bool,
        salt in 0..1000_u64,
    ) {
        let numbers = LayerNumbers { head_dim: 2 * half, epsilon: 1e-5, precision: Precision::F32 };
        let keys = key_value_heads * numbers.head_dim;
        let weights = weights([hidden, group * keys, keys], biased, salt);
        let rows: usize = parts.iter().sum();
        let frequencies: Vec<f64> = (0..half).map(|pair| 0.7_f64.powi(pair as i32)).collect();
        let rotary = RotaryTable::new(&frequencies, rows + 2, &device());
        let text = tensor([batch, rows, hidden], salt);
        let whole = decoder_layer(text.clone(), weights.clone(), numbers, &rotary, None);

        let room = KeyValueRoom { batch, key_value_heads, capacity: parts[0] + spare, head_dim: numbers.head_dim };
        let mut stored = KeyValueTensors::new(room, &device());
        let mut first = 0;
        let mut found = Vec::new();
        for part in parts {
            if stored.capacity() < first + part {
                let missing = first + part - stored.capacity();
                stored = stored.with_more_room(missing + spare);
            }
            let place = RowPlace { first_position: first, rows: part, capacity: stored.capacity() };
            let new = NewRows::new(place, &rotary);
            let (onward, after) =
                decoder_layer_behind(text.clone().narrow(1, first, part), weights.clone(), numbers, &new, stored);
            stored = after;
            found.push(onward);
            first += part;
        }
        let [found, expected] =
            [Tensor::cat(found, 1), whole].map(|tensor| tensor.into_data().try_into_vec::<f32>().unwrap());
        let scale = expected.iter().fold(1_f32, |scale, value| scale.max(value.abs()));
        for (found, expected) in found.iter().zip(&expected) {
            prop_assert!((found - expected).abs() <= TOLERANCE * scale, "{found} {expected} (of {scale})");
        }
    }
}
