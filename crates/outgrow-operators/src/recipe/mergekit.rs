//! mergekit's passthrough recipes: a model as slices of another's layers, some of its tensors scaled. What a recipe
//! means is what mergekit 0.1 makes of it; what it could ask for beyond that is refused when it is read (parse.rs), not
//! dropped, and what makes no difference to a growth is noted. Nothing is grown here.

mod parse;
mod scales;

use std::ops::Range;

use outgrow_checkpoint::{
    Dtype, Problems,
    config::LARGEST_NUM_HIDDEN_LAYERS,
    tensor_names::{layer_index, with_layer_index},
};

/// A passthrough recipe of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Passthrough {
    /// How the recipe names the model that all slices are of.
    pub model: String,
    /// The grown model's layers from the bottom.
    pub slices: Vec<Slice>,
    /// The type of all tensors, scaled ones included: they are converted before they are scaled. As the source has them
    /// without.
    pub dtype: Option<Dtype>,
    /// The type that they are stored in after that, where it is another.
    pub out_dtype: Option<Dtype>,
    /// The recipe as it was written.
    pub text: String,
    /// Keys that change nothing of a growth, each with its line: what they ask for isn't done.
    pub notes: Vec<String>,
}

/// A run of the source's layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// The line of the recipe that says which.
    pub line: usize,
    /// The layers of the source.
    pub layers: Range<usize>,
    /// What its tensors are multiplied by. The first that fits a tensor counts; 1 where none does.
    pub scales: Vec<Scale>,
}

/// A factor for some tensors of a slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// A part of the names, in the source, of the tensors that it is for; all without it.
    pub filter: Option<String>,
    /// The factor: at least one number. Several are spread evenly over the slice's layers, with straight lines between
    /// them.
    pub values: Vec<f64>,
}

/// The types of a passthrough's numbers, as mergekit has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassthroughDtypes {
    /// What they are converted to before they are scaled, and what products are rounded to; the source's own without
    /// it.
    pub loaded: Option<Dtype>,
    /// What they are stored in.
    pub stored: Option<Dtype>,
}

impl Passthrough {
    /// For each layer of the grown model, the layer of the source.
    ///
    /// # Errors
    /// Every slice that goes beyond the source, and more layers than any decoder has.
    pub fn layers(&self, source_layers: usize) -> Result<Vec<usize>, Problems> {
        let beyond = |Slice { line, layers: Range { start, end }, .. }: &Slice| {
            format!(
                "line {line}: layer_range [{start}, {end}] goes beyond the source, which has {source_layers} layers"
            )
        };
        let problems: Vec<_> =
            self.slices.iter().filter(|slice| slice.layers.end > source_layers).map(beyond).collect();
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let count = self.slices.iter().fold(0, |count, slice| slice.layers.len().saturating_add(count));
        if count > LARGEST_NUM_HIDDEN_LAYERS {
            return Err(Problems(vec![format!(
                "{count} layers in all slices: at most {LARGEST_NUM_HIDDEN_LAYERS} are possible"
            )]));
        }
        Ok(self.slices.iter().flat_map(|slice| slice.layers.clone()).collect())
    }

    /// The source's tensor that a tensor of the grown model is made of, and what it is multiplied by. `None` for a
    /// layer that the grown model doesn't have.
    ///
    /// Embeddings belong to the first slice; the final norm, the head and whatever else is outside the layers, to the
    /// last.
    pub fn origin(&self, tensor: &str) -> Option<(String, f64)> {
        let Some(mut layer) = layer_index(tensor) else {
            let slice = if is_embedding(tensor) { self.slices.first() } else { self.slices.last() };
            return Some((tensor.to_owned(), slice?.scale(tensor, 0.0)));
        };
        for slice in &self.slices {
            let length = slice.layers.len();
            if layer < length {
                let source = with_layer_index(tensor, slice.layers.start + layer);
                let position = if length == 1 { 1.0 } else { layer as f64 / (length - 1) as f64 };
                let scale = slice.scale(&source, position);
                return Some((source, scale));
            }
            layer -= length;
        }
        None
    }

    /// The types that numbers go through.
    pub(crate) fn dtypes(&self) -> PassthroughDtypes {
        PassthroughDtypes { loaded: self.dtype, stored: self.out_dtype.or(self.dtype) }
    }

    /// Whether no tensor is changed: all scales are 1, and so the growth is a list of layers.
    pub fn is_copy(&self) -> bool {
        let values = self.slices.iter().flat_map(|slice| &slice.scales).flat_map(|scale| &scale.values);
        values.into_iter().all(|value| value.to_bits() == 1_f64.to_bits())
    }
}

impl Slice {
    /// For a tensor of the source at a position, 0 to 1, in the slice.
    fn scale(&self, tensor: &str, position: f64) -> f64 {
        let fits = |scale: &&Scale| scale.filter.as_ref().is_none_or(|filter| tensor.contains(filter));
        self.scales.iter().find(fits).map_or(1.0, |scale| scale.at(position))
    }
}

impl Scale {
    /// On the line between the two values around a position from 0 to 1.
    fn at(&self, position: f64) -> f64 {
        let Some(last) = self.values.len().checked_sub(1) else { return 1.0 };
        let place = position * last as f64;
        let below = place as usize;
        let above = last.min(below + 1);
        let part = place - below as f64;
        (1.0 - part) * self.values[below] + part * self.values[above]
    }
}

/// Whether a tensor outside the layers stands before them.
fn is_embedding(name: &str) -> bool {
    // GPT-NeoX calls its head `embed_out`.
    ["embed", "wte", "wpe"].iter().any(|part| name.contains(part)) && !name.contains("embed_out")
}
