//! Bandwidths: of the device's memory, and of the way to it and back.

use std::time::Duration;

use burn::tensor::{DType, Device, Tensor, TensorData};
use serde_json::{Map, Value, json};

use super::{record::Record, tensors::normal, timing::time};

const PATIENCE: Duration = Duration::from_millis(500);

/// Measures with so many values of f32.
pub(crate) fn run(record: &Record, values: usize, device: &Device) -> anyhow::Result<()> {
    let bytes = 4.0 * values as f64;
    let line = |timed: super::timing::Timed, moved: f64| -> Map<String, Value> {
        let mut line = timed.json();
        line.insert("gigabytes_per_second".to_owned(), json!(moved / timed.milliseconds / 1e6));
        line.insert("megabytes".to_owned(), json!(bytes / 1e6));
        line
    };
    let tensor = normal::<1>([values], device);
    record.measure("x + 1 in f32, bytes read and written", || {
        let timed = time(device, PATIENCE, || Ok(tensor.clone().add_scalar(1.0)))?;
        Ok(line(timed, 2.0 * bytes))
    })?;
    record.measure("sum of f32, bytes read", || {
        let timed = time(device, PATIENCE, || Ok(tensor.clone().sum()))?;
        Ok(line(timed, bytes))
    })?;
    if device.supports_dtype(DType::BF16) {
        record.measure("f32 to bf16, bytes read and written", || {
            let timed = time(device, PATIENCE, || Ok(tensor.clone().cast(DType::BF16)))?;
            Ok(line(timed, 1.5 * bytes))
        })?;
    }
    record.measure("from the host", || {
        let data = TensorData::new(vec![0.5_f32; values], [values]);
        let timed = time(device, PATIENCE, || Ok(Tensor::<1>::from_data(data.clone(), device)))?;
        Ok(line(timed, bytes))
    })?;
    record.measure("to the host", || {
        let timed = time(device, PATIENCE, || Ok(tensor.to_data()))?;
        Ok(line(timed, bytes))
    })
}
