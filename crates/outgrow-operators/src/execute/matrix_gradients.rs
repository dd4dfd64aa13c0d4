//! The gradient of a loss with respect to the matrices of a learned growth, from its gradient with respect to the grown
//! tensors. A grown tensor is linear in each of its matrices, so this is a few products. It knows no loss.

use std::collections::BTreeMap;

use outgrow_checkpoint::{
    HostTensor, LlamaConfig, NamedTensors, TensorShape, tensor_names::with_layer_index,
};
use rayon::prelude::*;

use crate::{
    error::GrowthError,
    execute::{
        products::{ROWS_AT_ONCE, times, times_transposed, transposed_times},
        values::{Values, rows_and_columns},
    },
    growth::LearnedMatrices,
    plan::{
        learned::{Maps, Side},
        part::Part,
    },
};

/// Values of which one thread adds up the products.
const TERMS_AT_ONCE: usize = 1 << 14;

/// The gradient with respect to the matrices, added up tensor by tensor of the grown model: no more than one of them
/// has to be on the host.
///
/// With `S` the sum of the source's layers, a grown tensor is `L · S · Rᵀ`; of its gradient `G` that of `L` is `G · R ·
/// Sᵀ`, that of `R` is `Gᵀ · L · S`, and that of a layer's weight in the sum is `Lᵀ · G · R` times the layer.
#[derive(Debug)]
pub struct MatrixGradients<'a> {
    maps: Maps<'a>,
    tensors: &'a NamedTensors,
    sums: NamedTensors,
}

impl<'a> MatrixGradients<'a> {
    /// Zero for every matrix. `tensors` are the source's.
    pub fn new(source: &'a LlamaConfig, tensors: &'a NamedTensors, matrices: &'a LearnedMatrices) -> Self {
        let zeros = |matrix: &HostTensor| HostTensor {
            shape: matrix.shape.clone(),
            values: vec![0.0; matrix.values.len()],
        };
        let sums = matrices.matrices.iter().map(|(name, matrix)| (name.clone(), zeros(matrix))).collect();
        Self { maps: Maps::new(matrices, source), tensors, sums }
    }

    /// Adds what the gradient with respect to a tensor of the grown model says of the matrices that made it.
    ///
    /// # Errors
    /// A tensor that the source lacks, or has with another shape.
    ///
    /// # Panics
    /// When the gradient is of another size than its tensor.
    pub fn add(&mut self, name: &str, gradient: &[f32]) -> Result<(), GrowthError> {
        let Some(part) = Part::of(name).filter(|_| self.maps.matrices.make(name)) else { return Ok(()) };
        let ([left, right], depth) = (self.maps.sides(part), self.maps.matrices.depth_of(name));
        let of = self.maps.layers_added(name);
        let (rows, columns) = self.source_size(name, depth.is_some())?;
        let size = |side: Option<&Side>, same: usize| side.map_or(same, |side| side.matrix.shape[0]);
        let (grown_rows, grown_columns) = (size(left.as_ref(), rows), size(right.as_ref(), columns));
        assert_eq!(gradient.len(), grown_rows * grown_columns, "a gradient as large as {name}");
        let mut sum = vec![0.0; rows * columns];
        Values::new(&of, &[rows, columns], self.tensors)?.fill(0..rows, &mut sum)?;

        // G · R
        let by_columns = right.as_ref().map(|right| {
            in_parts(grown_rows, columns, |first, values| {
                let rows = &gradient[first * grown_columns..][..values.len() / columns * grown_columns];
                times(rows, grown_columns, &right.matrix.values, columns, values);
            })
        });
        let by_columns = by_columns.as_deref().unwrap_or(gradient);
        if let Some(left) = &left {
            let of_left = in_parts(grown_rows, rows, |first, values| {
                let part = &by_columns[first * columns..][..values.len() / rows * columns];
                times_transposed(part, columns, &sum, rows, values);
            });
            self.add_to(left, &of_left);
        }
        if let Some(right) = &right {
            // L · S
            let mapped = left.as_ref().map(|left| {
                in_parts(grown_rows, columns, |first, values| {
                    let part = &left.matrix.values[first * rows..][..values.len() / columns * rows];
                    times(part, rows, &sum, columns, values);
                })
            });
            let mapped = mapped.as_deref().unwrap_or(&sum);
            let of_right = in_parts(grown_columns, columns, |first, values| {
                transposed_times(gradient, [grown_rows, grown_columns], first, mapped, columns, values);
            });
            self.add_to(right, &of_right);
        }
        if let Some((depth, layer)) = depth {
            let of_sum = left.as_ref().map(|left| {
                in_parts(rows, columns, |first, values| {
                    transposed_times(
                        &left.matrix.values,
                        [grown_rows, rows],
                        first,
                        by_columns,
                        columns,
                        values,
                    );
                })
            });
            let of_sum = of_sum.as_deref().unwrap_or(by_columns);
            let weights = self.sums.get_mut(&depth.name).map(|sum| &mut sum.values[..]).unwrap_or_default();
            let weights = &mut weights[layer * self.maps.source.num_hidden_layers..];
            for (source_layer, weight) in
                weights.iter_mut().take(self.maps.source.num_hidden_layers).enumerate()
            {
                let values = &self.tensors[&with_layer_index(name, source_layer)].values;
                *weight += sum_of_products(of_sum, values) as f32;
            }
        }
        Ok(())
    }

    /// The gradient of each matrix, by its name.
    pub fn into_named_tensors(self) -> NamedTensors {
        self.sums
    }

    fn add_to(&mut self, side: &Side, gradient: &[f32]) {
        if let Some(sum) = self.sums.get_mut(&side.name) {
            side.add_gradient(gradient, &mut sum.values);
        }
    }

    /// Rows and columns of what is mapped, which every layer of the source has to have where layers are added up.
    fn source_size(&self, name: &str, is_sum: bool) -> Result<(usize, usize), GrowthError> {
        let names: Vec<String> = if is_sum {
            (0..self.maps.source.num_hidden_layers).map(|layer| with_layer_index(name, layer)).collect()
        } else {
            vec![name.to_owned()]
        };
        let mut size = None;
        for name in names {
            let Some(tensor) = self.tensors.get(&name) else {
                return Err(GrowthError::MissingTensor { name });
            };
            let (found, expected) = (&tensor.shape, size.get_or_insert(&tensor.shape));
            if found != *expected {
                let (found, expected) = (found.clone(), (*expected).clone());
                return Err(GrowthError::WrongShape { name, found, expected });
            }
        }
        Ok(size.map_or((0, 0), |shape| rows_and_columns(shape)))
    }
}

impl LearnedMatrices {
    /// Whether the tensor `name` of the grown model depends on a matrix; where it doesn't, it is the source's own.
    pub fn make(&self, name: &str) -> bool {
        let sides = Part::of(name).map_or([false; 2], |part| self.has_sides(part));
        self.depth_of(name).is_some() || sides.contains(&true)
    }

    /// FLOPs of growing all tensors once and of handing their gradients on to the matrices: what a step of training
    /// takes beside that of the grown model.
    pub fn step_flops(&self, source: &LlamaConfig, target: &LlamaConfig) -> f64 {
        let sources: BTreeMap<String, Vec<usize>> =
            source.tensors().into_iter().map(|one| (one.name, one.shape)).collect();
        let of = |TensorShape { name, shape: grown }: &TensorShape| {
            let is_sum = self.depth_of(name).is_some();
            let shape = if is_sum { &sources[&with_layer_index(name, 0)] } else { sources.get(name)? };
            let [(rows, columns), (grown_rows, grown_columns)] =
                [shape, grown].map(|shape| rows_and_columns(shape));
            let [[rows, columns], [grown_rows, grown_columns]] =
                [[rows, columns], [grown_rows, grown_columns]].map(|sizes| sizes.map(|size| size as f64));
            let [left, right] = self.has_sides(Part::of(name)?);
            let mapped = grown_rows * rows * columns;
            // The sum, forward and for the gradients, and each layer with the gradient of the sum.
            let mut products =
                if is_sum { 3.0 * source.num_hidden_layers as f64 * rows * columns } else { 0.0 };
            if left {
                // Forward, of the matrix, and of the sum.
                products += grown_rows * rows * grown_columns + mapped + if is_sum { mapped } else { 0.0 };
            }
            if right {
                // Forward, the gradient's product, and of the matrix.
                products += rows * columns * grown_columns + 2.0 * grown_rows * grown_columns * columns;
                products += if left { mapped } else { 0.0 };
            }
            Some(2.0 * products)
        };
        target.tensors().iter().filter_map(of).sum()
    }
}

/// A matrix whose rows are computed a part at a time, on all threads; which parts doesn't depend on how many they are.
fn in_parts(rows: usize, columns: usize, compute: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let mut values = vec![0.0; rows * columns];
    let parts = values.par_chunks_mut((ROWS_AT_ONCE * columns).max(1)).enumerate();
    parts.for_each(|(part, values)| compute(part * ROWS_AT_ONCE, values));
    values
}

/// In an order that doesn't depend on the number of threads.
fn sum_of_products(left: &[f32], right: &[f32]) -> f64 {
    let parts = left.par_chunks(TERMS_AT_ONCE).zip(right.par_chunks(TERMS_AT_ONCE));
    let product = |(left, right): (&f32, &f32)| f64::from(*left) * f64::from(*right);
    let sums: Vec<f64> = parts.map(|(left, right)| left.iter().zip(right).map(product).sum()).collect();
    sums.into_iter().sum()
}
