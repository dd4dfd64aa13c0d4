//! A decoder's parameters where the CPU reads them, and the pass over rows of tokens of many texts.
//!
//! scoring.rs and session.rs decide what is asked of the rows.

use std::sync::Arc;

use burn::tensor::Tensor;
use outgrow_kernels::{
    HostValues, LayerWeights, Precision,
    cpu::kernels::{
        buffers::{Buffer, HalfBuffer},
        reading::{KeyValueRows, Onward, ReadingLayer, ReadingShape, Rows, Weight, norm_of},
        rotary::Angles,
        value::narrowed,
    },
};

use crate::Decoder;

/// The decoder, without autodiff, on the CPU. The parameters are shared with it, not copied, but for matrices in bf16.
#[derive(Clone, Debug)]
pub(crate) struct RowReader {
    embedding: HostValues,
    layers: Vec<LayerWeights<HostValues, KeptMatrix>>,
    norm: HostValues,
    head: KeptMatrix,
    cosines: HostValues,
    sines: HostValues,
    shape: ReadingShape,
}

/// A matrix in the decoder's precision.
#[derive(Clone, Debug)]
enum KeptMatrix {
    F32(HostValues),
    Bf16(Arc<HalfBuffer>),
}

impl KeptMatrix {
    fn new(values: HostValues, precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32(values),
            Precision::Bf16 => Self::Bf16(Arc::new(narrowed(&[&values]))),
        }
    }

    fn weight(&self) -> Weight<'_> {
        match self {
            Self::F32(values) => Weight::F32(values),
            Self::Bf16(values) => Weight::Bf16(values),
        }
    }
}

/// Where the layers store keys and values.
pub(crate) enum Stored<'a> {
    /// A place for each layer, kept for what follows.
    Kept(&'a mut [KeyValueRows]),
    /// One place for all: nothing follows.
    Passing(&'a mut KeyValueRows),
}

impl RowReader {
    /// `None` where the decoder is on another device.
    pub(crate) fn new(decoder: &Decoder) -> Option<Self> {
        // What a mask is multiplied into must leave no tape behind.
        let decoder = &decoder.inner();
        let config = decoder.config();
        let [cosines, sines] = decoder.rotary().tables();
        let precision = decoder.precision();
        let layers = decoder.model.layers.iter().enumerate();
        Some(Self {
            embedding: HostValues::of(decoder.embedding())?,
            layers: layers
                .map(|(index, layer)| kept(layer.weights(decoder.layer_mask(index)), precision))
                .collect::<Option<_>>()?,
            norm: HostValues::of(decoder.final_gains())?,
            head: KeptMatrix::new(HostValues::of(decoder.head())?, precision),
            cosines: HostValues::of(cosines)?,
            sines: HostValues::of(sines)?,
            shape: ReadingShape {
                heads: config.num_attention_heads,
                key_value_heads: config.num_key_value_heads,
                head_dim: config.head_dim,
                epsilon: decoder.epsilon() as f32,
            },
        })
    }

    /// The head's weight, `[vocab_size, hidden]`.
    pub(crate) fn head(&self) -> Weight<'_> {
        self.head.weight()
    }

    /// An empty place for each layer.
    pub(crate) fn empty(&self) -> Vec<KeyValueRows> {
        vec![KeyValueRows::default(); self.layers.len()]
    }

    /// The wanted rows after the last norm, `[wanted, hidden]`, with rows of no meaning up to the least number.
    ///
    /// # Panics
    /// When there are fewer tokens than rows, or a token or a position isn't there.
    pub(crate) fn run(&self, tokens: &[u32], rows: &Rows, mut stored: Stored<'_>) -> Buffer {
        let width = self.norm.len();
        let mut hidden = Buffer::new(rows.rows() * width);
        let (filled, rest) = hidden.split_at_mut(tokens.len() * width);
        for (row, &token) in filled.chunks_exact_mut(width).zip(tokens) {
            row.copy_from_slice(&self.embedding[token as usize * width..][..width]);
        }
        rest.fill(0.0);
        for (index, weights) in self.layers.iter().enumerate() {
            let layer = ReadingLayer {
                shape: self.shape,
                weights: weights.as_ref().map(|vector| &**vector, KeptMatrix::weight),
                angles: Angles { cosines: &self.cosines, sines: &self.sines },
            };
            let onward = if index + 1 == self.layers.len() { Onward::Wanted } else { Onward::All };
            hidden = match &mut stored {
                Stored::Kept(stored) => layer.forward(hidden, rows, &mut stored[index], onward),
                Stored::Passing(stored) => {
                    stored.clear();
                    layer.forward(hidden, rows, stored, onward)
                }
            };
        }
        norm_of(&hidden, &self.norm, self.shape.epsilon)
    }
}

/// A layer's parameters where they are read; `None` where they are on another device.
fn kept(
    weights: LayerWeights<Tensor<1>, Tensor<2>>,
    precision: Precision,
) -> Option<LayerWeights<HostValues, KeptMatrix>> {
    let matrix = |weight: Tensor<2>| Some(KeptMatrix::new(HostValues::of(weight)?, precision));
    weights.map(HostValues::of, matrix).transpose()
}
