//! A decoder layer over the new rows of a text, whose earlier rows' keys and values are stored. Without gradients.
//!
//! The caller decides how much room there is and how many rows come at once. The CPU's twin is cpu/kernels/reading/.

use burn::tensor::{Bool, Device, Tensor};

use super::{
    RotaryTable,
    attention::attention,
    layer::{onward, project},
};
use crate::{LayerNumbers, LayerWeights};

/// One layer's keys, rotated, and values, `[batch, key_value_heads, capacity, head_dim]` each, with zeros where no row
/// has been written.
///
/// It can't be cloned: while there is a second handle, burn writes to a copy.
#[derive(Debug)]
pub struct KeyValueTensors {
    keys: Tensor<4>,
    values: Tensor<4>,
}

/// The room of one layer's keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyValueRoom {
    /// Texts.
    pub batch: usize,
    /// Heads of keys and values.
    pub key_value_heads: usize,
    /// Rows that there is room for.
    pub capacity: usize,
    /// Values of a head.
    pub head_dim: usize,
}

/// Where new rows stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowPlace {
    /// Rows stored before them.
    pub first_position: usize,
    /// How many they are.
    pub rows: usize,
    /// Rows that each layer has room for.
    pub capacity: usize,
}

/// Where new rows stand in their text and what they see. It is the same for all layers.
#[derive(Clone, Debug)]
pub struct NewRows {
    first_position: usize,
    rotary: RotaryTable,
    /// `[1, rows, capacity]`
    unseen: Tensor<3, Bool>,
}

impl KeyValueTensors {
    /// Room for rows, none of which is written.
    pub fn new(room: KeyValueRoom, device: &Device) -> Self {
        let KeyValueRoom { batch, key_value_heads, capacity, head_dim } = room;
        let shape = [batch, key_value_heads, capacity, head_dim];
        Self { keys: Tensor::zeros(shape, device), values: Tensor::zeros(shape, device) }
    }

    /// Rows that there is room for, written or not.
    pub fn capacity(&self) -> usize {
        self.keys.dims()[2]
    }

    /// The same with room for `rows` rows more. Everything is copied.
    #[must_use]
    pub fn with_more_room(self, rows: usize) -> Self {
        let longer = |stored: Tensor<4>| {
            let [batch, heads, _, head_dim] = stored.dims();
            let room = Tensor::zeros([batch, heads, rows, head_dim], &stored.device());
            Tensor::cat(vec![stored, room], 2)
        };
        Self { keys: longer(self.keys), values: longer(self.values) }
    }

    /// In place, as nobody else has the tensors. What a GPU has still to read of them was asked of it before.
    fn write(self, first: usize, key: Tensor<4>, value: Tensor<4>) -> Self {
        let behind = |stored: Tensor<4>, new: Tensor<4>| {
            let [batch, heads, rows, head_dim] = new.dims();
            stored.slice_assign([0..batch, 0..heads, first..first + rows, 0..head_dim], new)
        };
        Self { keys: behind(self.keys, key), values: behind(self.values, value) }
    }
}

impl NewRows {
    /// Rows behind those that are stored.
    ///
    /// All of the room is attended to, as its shape seldom changes: where kernels are tuned and fused by shape, and
    /// only parts at some addresses are views, a part that gets longer with each token would be slower than rows of
    /// zeros.
    ///
    /// # Panics
    /// When there are more rows than positions in the table.
    pub fn new(place: RowPlace, rotary: &RotaryTable) -> Self {
        let RowPlace { first_position, rows, capacity } = place;
        let rotary = rotary.narrow(first_position, rows);
        // What stands behind a row hasn't been written, or is a later one of the new rows.
        let unseen = Tensor::tril_mask([1, rows, capacity], first_position as i64, &rotary.device());
        Self { first_position, rotary, unseen }
    }
}

/// One decoder layer over new rows `[batch, rows, hidden]`, which see all that is stored and each other up to
/// themselves. The shape is kept, and their keys and values are written behind those stored.
///
/// # Panics
/// When there is less room than [`NewRows`] was made for, or none for the rows.
pub fn decoder_layer_behind(
    hidden: Tensor<3>,
    weights: LayerWeights<Tensor<1>, Tensor<2>>,
    numbers: LayerNumbers,
    new: &NewRows,
    stored: KeyValueTensors,
) -> (Tensor<3>, KeyValueTensors) {
    let [query, key, value] = project(&hidden, &weights, numbers, &new.rotary);
    let stored = stored.write(new.first_position, key, value);
    let attended = attention(query, stored.keys.clone(), stored.values.clone(), new.unseen.clone());
    (onward(hidden, attended, weights, numbers), stored)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::{DeviceName, HostValues, Precision, open_device};

    const HIDDEN: usize = 6;
    const NUMBERS: LayerNumbers = LayerNumbers { head_dim: 2, epsilon: 1e-5, precision: Precision::F32 };

    /// Three heads of queries, and one of keys and values.
    fn weights(device: &Device) -> LayerWeights<Tensor<1>, Tensor<2>> {
        let (vector, matrix) = (|| Tensor::ones([HIDDEN], device), |shape| Tensor::ones(shape, device) * 0.1);
        LayerWeights {
            input_layernorm: vector(),
            q_proj: matrix([6, HIDDEN]),
            k_proj: matrix([2, HIDDEN]),
            v_proj: matrix([2, HIDDEN]),
            o_proj: matrix([HIDDEN, 6]),
            post_attention_layernorm: vector(),
            gate_proj: matrix([5, HIDDEN]),
            up_proj: matrix([5, HIDDEN]),
            down_proj: matrix([HIDDEN, 5]),
            attention_biases: None,
        }
    }

    fn addresses(stored: &KeyValueTensors) -> [*const f32; 2] {
        [&stored.keys, &stored.values].map(|tensor| HostValues::of(tensor.clone()).unwrap().as_ptr())
    }

    #[test]
    fn rows_are_written_in_place_while_there_is_room() {
        let device = open_device(DeviceName::Flex).unwrap();
        let rotary = RotaryTable::new(&[0.5], 16, &device);
        let mut stored = KeyValueTensors::new(
            KeyValueRoom { batch: 2, key_value_heads: 1, capacity: 8, head_dim: 2 },
            &device,
        );
        let written_at = addresses(&stored);
        for (first, rows) in [(0, 3), (3, 1), (4, 1), (5, 3)] {
            let place = RowPlace { first_position: first, rows, capacity: stored.capacity() };
            let new = NewRows::new(place, &rotary);
            let hidden = Tensor::ones([2, rows, HIDDEN], &device);
            stored = decoder_layer_behind(hidden, weights(&device), NUMBERS, &new, stored).1;
            assert_eq!(addresses(&stored), written_at, "behind {first} rows");
        }
        let written = HostValues::of(stored.values.clone()).unwrap().to_vec();
        let stored = stored.with_more_room(4);
        assert_eq!(stored.capacity(), 12);
        for (head, written) in
            HostValues::of(stored.values).unwrap().chunks(12 * 2).zip(written.chunks(8 * 2))
        {
            assert!(written.iter().all(|value| *value != 0.0));
            assert_eq!(head, [written, &[0.0; 4 * 2]].concat());
        }
    }
}
