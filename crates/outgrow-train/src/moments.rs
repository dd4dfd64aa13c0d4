//! What an optimizer keeps of a parameter, between the device and files: by name, and in the parameter's shape.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use outgrow_checkpoint::{HostTensor, LlamaConfig, NamedTensors};

use crate::error::TrainError;

/// The shapes of a model's parameters, by their names.
pub(crate) type Shapes = BTreeMap<String, Vec<usize>>;

/// The shapes of a model's parameters.
pub(crate) fn shapes(model: &LlamaConfig) -> Shapes {
    model.tensors().into_iter().map(|tensor| (tensor.name, tensor.shape)).collect()
}

/// Puts `PARAMETER.PART` among the tensors in memory, in the parameter's shape.
pub(crate) fn to_host(
    tensors: &mut NamedTensors,
    shapes: &Shapes,
    parameter: &str,
    part: &str,
    moment: &Tensor<1>,
) {
    let values = moment.to_data().try_into_vec::<f32>().expect("moments are f32");
    let shape = shapes.get(parameter).cloned().unwrap_or_else(|| vec![values.len()]);
    tensors.insert(format!("{parameter}.{part}"), HostTensor { shape, values });
}

/// `PARAMETER.PART` on a device, flat.
///
/// # Errors
/// When it is missing, or has another shape than the parameter.
pub(crate) fn from_host(
    tensors: &NamedTensors,
    shapes: &Shapes,
    parameter: &str,
    part: &str,
    device: &Device,
) -> Result<Tensor<1>, TrainError> {
    let name = format!("{parameter}.{part}");
    match (tensors.get(&name), shapes.get(parameter)) {
        (Some(tensor), Some(shape)) if tensor.shape == *shape => {
            let values = tensor.values.clone();
            let length = values.len();
            Ok(Tensor::from_data(TensorData::new(values, [length]), device))
        }
        (found, expected) => {
            let found = found.map(|tensor| tensor.shape.clone());
            Err(TrainError::OptimizerTensor { name, found, expected: expected.cloned() })
        }
    }
}
