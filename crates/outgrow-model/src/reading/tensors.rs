//! What is kept of a text that goes on, as tensors on any device: each layer's keys and values, and the pass over new
//! rows.
//!
//! The CPU has a faster one, rows.rs. session.rs checks what may be read.

use burn::tensor::Tensor;
use outgrow_kernels::composed::{
    linear_in,
    reading::{KeyValueRoom, KeyValueTensors, NewRows, RowPlace},
};

use crate::Decoder;

/// Rows that pass through the layers at once, and for which room is made at once.
///
/// Attention goes over all the room for every row, and making room copies it once for this many: growing by doubling
/// would save next to nothing and leave up to half of the memory empty. The scores that exist at once are a head's room
/// times this.
const ROWS: usize = 256;

/// The keys and values of a text so far, by layer.
#[derive(Debug)]
pub(crate) struct StoredText {
    layers: Vec<KeyValueTensors>,
    rows: usize,
}

impl StoredText {
    /// An empty text on the decoder's device, with room for its first rows.
    pub(crate) fn new(decoder: &Decoder) -> Self {
        let (config, device) = (decoder.config(), decoder.device());
        let room = KeyValueRoom {
            batch: 1,
            key_value_heads: config.num_key_value_heads,
            capacity: ROWS,
            head_dim: config.head_dim,
        };
        let layers = (0..config.num_hidden_layers).map(|_| KeyValueTensors::new(room, &device)).collect();
        Self { layers, rows: 0 }
    }

    /// Reads tokens behind those read before, and gives the logits of what may come next, `[vocab_size]`. The decoder
    /// is that of the beginning, without autodiff.
    ///
    /// # Panics
    /// When there is no token, or the text gets longer than the model's positions.
    pub(crate) fn read(&mut self, decoder: &Decoder, tokens: &[u32]) -> Vec<f32> {
        let passes = tokens.chunks(ROWS).map(|tokens| self.pass(decoder, tokens));
        let hidden = passes.last().expect("there is a token to read");
        let [_, rows, _] = hidden.dims();
        let last = decoder.final_norm(hidden.narrow(1, rows - 1, 1));
        let logits = linear_in(last, decoder.head(), decoder.precision());
        logits.into_data().convert::<f32>().try_into_vec::<f32>().expect("converted to f32")
    }

    /// The residual stream of the new rows behind the last layer, `[1, rows, hidden]`.
    fn pass(&mut self, decoder: &Decoder, tokens: &[u32]) -> Tensor<3> {
        let ids: Vec<_> = tokens.iter().map(|&token| token as i32).collect();
        let mut hidden = decoder.embed(&decoder.model.embed_tokens, decoder.tokens(&ids, ids.len()));
        let rows = self.rows + tokens.len();
        let capacity = rows.next_multiple_of(ROWS);
        let place = RowPlace { first_position: self.rows, rows: tokens.len(), capacity };
        let new = NewRows::new(place, decoder.rotary());
        let layers = decoder.model.layers.iter().zip(std::mem::take(&mut self.layers));
        for (index, (layer, place)) in layers.enumerate() {
            let more = capacity - place.capacity();
            let stored = if more == 0 { place } else { place.with_more_room(more) };
            let (onward, stored) =
                layer.forward_behind(hidden, &new, stored, decoder.precision(), decoder.layer_mask(index));
            hidden = onward;
            self.layers.push(stored);
        }
        self.rows = rows;
        hidden
    }
}
