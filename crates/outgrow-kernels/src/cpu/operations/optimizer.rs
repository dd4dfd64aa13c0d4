//! The optimizer's arithmetic. A tensor whose memory is nobody else's is updated in place.

use burn::{backend::Flex, tensor::Tensor};

use super::{Plain, beside, contiguous, from_values, values};
use crate::{
    AdamWParameter, AdamWStep, MuonParameter, MuonStep,
    cpu::kernels::{
        adamw::{Step, Updated, sum_of_squares as compute, update},
        muon::{self, update as update_matrix},
        orthogonalization::orthogonalize,
    },
};

/// See [`crate::adamw`].
pub(crate) fn adamw(parameter: AdamWParameter, gradient: Tensor<1>, step: AdamWStep) -> AdamWParameter {
    let AdamWParameter { weight, exp_avg, exp_avg_sq } = parameter;
    let [mut weight, mut exp_avg, mut exp_avg_sq] =
        [weight, exp_avg, exp_avg_sq].map(|tensor| owned(beside(tensor).plain()));
    let gradient = contiguous(beside(gradient).plain());
    let step = Step {
        keep: step.keep as f32,
        gradient_scale: step.gradient_scale as f32,
        beta1: step.beta1 as f32,
        beta2: step.beta2 as f32,
        step_size: step.step_size as f32,
        inverse_root_correction: step.inverse_root_correction as f32,
        epsilon: step.epsilon as f32,
    };
    let updated = Updated {
        weight: weight.storage_mut(),
        exp_avg: exp_avg.storage_mut(),
        exp_avg_sq: exp_avg_sq.storage_mut(),
    };
    update(updated, values(&gradient), step);
    let [weight, exp_avg, exp_avg_sq] = [weight, exp_avg, exp_avg_sq].map(Tensor::from_primitive::<Flex>);
    AdamWParameter { weight, exp_avg, exp_avg_sq }
}

/// See [`crate::muon`].
pub(crate) fn muon(parameter: MuonParameter, gradient: Tensor<1>, step: MuonStep) -> MuonParameter {
    let MuonParameter { weight, momentum_buffer } = parameter;
    let [mut weight, mut momentum_buffer] =
        [weight, momentum_buffer].map(|tensor| owned(beside(tensor).plain()));
    let gradient = contiguous(beside(gradient).plain());
    let step = muon::Step {
        shape: step.shape,
        keep: step.keep as f32,
        gradient_scale: step.gradient_scale as f32,
        momentum: step.momentum as f32,
        nesterov: step.nesterov,
        iterations: step.iterations,
        step_size: step.step_size as f32,
    };
    update_matrix(weight.storage_mut(), momentum_buffer.storage_mut(), values(&gradient), step);
    let [weight, momentum_buffer] = [weight, momentum_buffer].map(Tensor::from_primitive::<Flex>);
    MuonParameter { weight, momentum_buffer }
}

/// See [`crate::orthogonalized`].
pub(crate) fn orthogonalized(matrix: Tensor<2>, iterations: usize) -> Tensor<2> {
    let shape = matrix.dims();
    let mut result = values(&contiguous(beside(matrix).plain())).to_vec();
    orthogonalize(&mut result, shape, iterations);
    Tensor::from_primitive::<Flex>(from_values(result, shape))
}

/// See [`crate::sum_of_squares`].
pub(crate) fn sum_of_squares(tensor: Tensor<1>) -> Tensor<1> {
    let tensor = contiguous(beside(tensor).plain());
    Tensor::from_primitive::<Flex>(from_values(vec![compute(values(&tensor)) as f32], [1]))
}

/// A tensor whose storage is its elements and no more: a view of a part of another is copied.
fn owned(tensor: Plain) -> Plain {
    let whole = tensor.as_slice::<f32>().is_some_and(|values| values.len() == tensor.storage::<f32>().len());
    if whole { tensor } else { from_copy(&tensor) }
}

fn from_copy(tensor: &Plain) -> Plain {
    let copy = contiguous(tensor.clone());
    let values = values(&copy).to_vec();
    let length = values.len();
    from_values(values, [length])
}
