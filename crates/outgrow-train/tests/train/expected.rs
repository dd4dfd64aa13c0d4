//! What PyTorch computed, as golden files have it, and comparing with it.

use std::path::Path;

use burn::tensor::Tensor;
use safetensors::SafeTensors;

pub(crate) struct Expected {
    bytes: Vec<u8>,
}

impl Expected {
    pub(crate) fn read(folder: &Path) -> Self {
        Self { bytes: std::fs::read(folder.join("expected.safetensors")).unwrap() }
    }

    pub(crate) fn bytes(&self, name: &str) -> (Vec<usize>, Vec<u8>) {
        self.data(name)
    }

    fn data(&self, name: &str) -> (Vec<usize>, Vec<u8>) {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = file.tensor(name).unwrap();
        (tensor.shape().to_vec(), tensor.data().to_vec())
    }

    pub(crate) fn ids(&self, name: &str) -> (Vec<usize>, Vec<i32>) {
        let (shape, data) = self.data(name);
        (shape, data.chunks_exact(8).map(|id| i64::from_le_bytes(id.try_into().unwrap()) as i32).collect())
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f64> {
        let (_, data) = self.data(name);
        data.chunks_exact(4).map(|value| f64::from(f32::from_le_bytes(value.try_into().unwrap()))).collect()
    }

    pub(crate) fn doubles(&self, name: &str) -> Vec<f64> {
        let (_, data) = self.data(name);
        data.chunks_exact(8).map(|value| f64::from_le_bytes(value.try_into().unwrap())).collect()
    }
}

pub(crate) fn scalar(tensor: Tensor<1>) -> f64 {
    f64::from(tensor.into_scalar::<f32>())
}

pub(crate) fn close(what: &str, found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{what}: {found} instead of {expected}");
}
