//! A mask over a decoder's parameters: what they are multiplied by in every pass, while they stay as they are.
//! Gradients are those of the parameters. What is masked, and when it opens, is not known here.

use std::{collections::BTreeMap, sync::Arc};

use burn::tensor::{Device, Tensor, TensorData};
use outgrow_checkpoint::LlamaConfig;

use crate::error::ModelError;

/// What a decoder's parameters are multiplied by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mask {
    /// By the name of the tensor. A head that is tied reads the embedding without the embedding's factors.
    pub factors: BTreeMap<String, Factors>,
    /// What the norms add to the mean square meanwhile.
    pub rms_norm_eps: f64,
}

/// What the rows and the columns of one tensor are multiplied by; `None` where all stay as they are. A vector has rows
/// only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Factors {
    /// A factor for each row.
    pub rows: Option<Arc<[f32]>>,
    /// A factor for each column.
    pub columns: Option<Arc<[f32]>>,
}

/// The factors on the decoder's device, without autodiff: `[rows, columns]`, either of them 1 where that is enough.
#[derive(Clone, Debug)]
pub(crate) struct MaskTensors {
    factors: BTreeMap<String, Tensor<2>>,
    rms_norm_eps: f64,
}

/// Factors of several tensors that are the same ones.
type Shared = Vec<(Factors, Tensor<2>)>;

impl MaskTensors {
    /// Checks the factors against the model, and takes them to the device.
    ///
    /// # Errors
    /// Factors of a tensor that isn't there, or not one for each row or column.
    pub(crate) fn new(mask: &Mask, config: &LlamaConfig, device: &Device) -> Result<Self, ModelError> {
        let shapes: BTreeMap<_, _> =
            config.tensors().into_iter().map(|spec| (spec.name, spec.shape)).collect();
        let mut shared = Shared::new();
        let mut factors = BTreeMap::new();
        for (name, of) in &mask.factors {
            let shape = shapes.get(name);
            let shape = shape.ok_or_else(|| ModelError::UnexpectedTensor { name: name.clone() })?;
            check(name, of, shape)?;
            if let Some(tensor) = tensor(of, device, &mut shared) {
                factors.insert(name.clone(), tensor);
            }
        }
        Ok(Self { factors, rms_norm_eps: mask.rms_norm_eps })
    }

    /// What the norms add to the mean square.
    pub(crate) fn rms_norm_eps(&self) -> f64 {
        self.rms_norm_eps
    }

    /// The factors of the matrix of this name, beside it: with autodiff where it has it.
    pub(crate) fn beside(&self, name: &str, is_autodiff: bool) -> Option<Tensor<2>> {
        let factors = self.factors.get(name)?.clone();
        Some(if is_autodiff { Tensor::from_inner(factors) } else { factors })
    }

    /// A vector, masked.
    pub(crate) fn vector(&self, name: &str, value: Tensor<1>) -> Tensor<1> {
        match self.beside(name, value.is_autodiff()) {
            Some(factors) => {
                let [size, _] = factors.dims();
                value * factors.reshape([size])
            }
            None => value,
        }
    }

    /// A matrix, masked.
    pub(crate) fn matrix(&self, name: &str, value: Tensor<2>) -> Tensor<2> {
        match self.beside(name, value.is_autodiff()) {
            Some(factors) => value * factors,
            None => value,
        }
    }
}

fn check(name: &str, factors: &Factors, shape: &[usize]) -> Result<(), ModelError> {
    let (rows, columns) = (shape[0], shape.get(1).copied().unwrap_or(1));
    for (of, what, expected) in [(&factors.rows, "rows", rows), (&factors.columns, "columns", columns)] {
        if let Some(found) = of.as_ref().map(|of| of.len()).filter(|found| *found != expected) {
            let name = format!("{name} (a mask's factors of its {what})");
            return Err(ModelError::WrongShape { name, expected: vec![expected], found: vec![found] });
        }
    }
    Ok(())
}

/// The product of both, once for all tensors that share them.
fn tensor(factors: &Factors, device: &Device, shared: &mut Shared) -> Option<Tensor<2>> {
    let is_same = |one: &Option<Arc<[f32]>>, other: &Option<Arc<[f32]>>| match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    let is_known =
        |(of, _): &&(Factors, _)| is_same(&of.rows, &factors.rows) && is_same(&of.columns, &factors.columns);
    if let Some((_, tensor)) = shared.iter().find(is_known) {
        return Some(tensor.clone());
    }
    let on_device = |values: &Arc<[f32]>, shape: [usize; 2]| {
        Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), device)
    };
    let rows = factors.rows.as_ref().map(|rows| on_device(rows, [rows.len(), 1]));
    let columns = factors.columns.as_ref().map(|columns| on_device(columns, [1, columns.len()]));
    let tensor = match (rows, columns) {
        (Some(rows), Some(columns)) => rows * columns,
        (rows, columns) => rows.or(columns)?,
    };
    shared.push((factors.clone(), tensor.clone()));
    Some(tensor)
}
