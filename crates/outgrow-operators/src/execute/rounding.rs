//! Values rounded to what a type can hold, as they are when a tensor is converted before something is done with it. It
//! reads and writes no file of its own.

use outgrow_checkpoint::{
    Dtype, WeightFolder,
    dtype::{ValueTooLarge, decode_into, encode_into},
};

use crate::{error::GrowthError, execute::values::SourceRows};

/// A folder whose values are converted as they are read; as they are without a type.
pub(crate) struct Rounded<'a> {
    pub weights: &'a WeightFolder,
    pub dtype: Option<Dtype>,
}

impl SourceRows for Rounded<'_> {
    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.weights.shape(name)
    }

    fn read_row(&self, name: &str, row: usize, values: &mut [f32]) -> Result<(), GrowthError> {
        self.weights.read_row(name, row, values)?;
        round(values, self.dtype).map_err(|problem| GrowthError::Value { name: name.to_owned(), problem })
    }
}

/// Rounds values to nearest, ties to even.
///
/// # Errors
/// The first that the type can't hold.
pub(crate) fn round(values: &mut [f32], dtype: Option<Dtype>) -> Result<(), ValueTooLarge> {
    let Some(dtype) = dtype.filter(|dtype| *dtype != Dtype::F32 && *dtype != Dtype::F64) else {
        return Ok(());
    };
    let mut bytes = vec![0; values.len() * dtype.size_bytes()];
    encode_into(values, dtype, &mut bytes)?;
    decode_into(&bytes, dtype, values);
    Ok(())
}
