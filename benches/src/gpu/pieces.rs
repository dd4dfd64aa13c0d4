//! What a training step spends its time in: each piece forward, and forward with backward, at one model's shapes.
//!
//! A layer's pieces are the operations that the model calls. Matrix products alone are products.rs's.

use std::time::Duration;

use burn::tensor::{Device, Tensor, module::embedding};
use outgrow_kernels::{
    AdamWParameter, AdamWStep, LayerNumbers, LayerWeights, Precision, RotaryTable, adamw,
    composed::causal_attention, decoder_layer, linear_cross_entropy, rms_norm, sum_of_squares,
};
use serde_json::json;

use super::{
    models::Model,
    record::Record,
    tensors::{batch, layer, normal, precisions, tokens},
    timing::{time, wait},
};

const PATIENCE: Duration = Duration::from_millis(700);

/// All pieces of a step, those first that come first in it.
pub(crate) fn run(record: &Record, model: &Model, device: &Device) -> anyhow::Result<()> {
    let pieces = Pieces { record, model, device };
    for precision in precisions(device) {
        pieces.layer(precision)?;
        pieces.head(precision)?;
    }
    pieces.embedding()?;
    pieces.attention()?;
    pieces.norm()?;
    pieces.optimizer()
}

/// A layer alone, in the best precision that the device has.
pub(crate) fn run_layer(record: &Record, model: &Model, device: &Device) -> anyhow::Result<()> {
    let precision = precisions(device)[0];
    Pieces { record, model, device }.layer(precision)
}

struct Pieces<'a> {
    record: &'a Record,
    model: &'a Model,
    device: &'a Device,
}

impl Pieces<'_> {
    /// Times a piece without gradients and with them. Its inputs are parameters, so that all gradients are computed.
    fn both<const N: usize>(
        &self,
        name: &str,
        inputs: [Tensor<2>; N],
        run: &dyn Fn([Tensor<2>; N]) -> Tensor<2>,
    ) -> anyhow::Result<()> {
        self.record.measure(&format!("{} {name} forward", self.model.name), || {
            let timed = time(self.device, PATIENCE, || Ok(run(inputs.clone())))?;
            Ok(timed.json())
        })?;
        self.record.measure(&format!("{} {name} forward and backward", self.model.name), || {
            let inputs = inputs.map(|input| Tensor::from_inner(input).require_grad());
            let timed = time(self.device, PATIENCE, || {
                let gradients = run(inputs.clone()).backward();
                Ok(inputs.clone().map(|input| input.grad(&gradients)))
            })?;
            let mut line = timed.json();
            let reserved = self.device.memory_pool_usage().map(|usage| usage.bytes_reserved);
            line.insert("reserved_bytes".to_owned(), json!(reserved));
            Ok(line)
        })
    }

    /// The residual stream: `[batch · sequence, hidden]`.
    fn hidden(&self) -> Tensor<2> {
        normal([self.model.tokens(), self.model.hidden], self.device)
    }

    fn shape(&self) -> [usize; 3] {
        [self.model.batch, self.model.sequence, self.model.hidden]
    }

    fn layer(&self, precision: Precision) -> anyhow::Result<()> {
        let inner = RotaryTable::new(&self.model.rotary_frequencies(), self.model.sequence, self.device);
        let rotary = inner.autodiff();
        let numbers = LayerNumbers { head_dim: self.model.head_dim(), epsilon: 1e-5, precision };
        let [input_layernorm, q, k, v, o, post_attention_layernorm, gate, up, down] = {
            let weights = layer(self.model, self.device);
            let vector = |weight: Tensor<1>| weight.unsqueeze::<2>();
            [
                vector(weights.input_layernorm),
                weights.q_proj,
                weights.k_proj,
                weights.v_proj,
                weights.o_proj,
                vector(weights.post_attention_layernorm),
                weights.gate_proj,
                weights.up_proj,
                weights.down_proj,
            ]
        };
        let inputs = [self.hidden(), input_layernorm, q, k, v, o, post_attention_layernorm, gate, up, down];
        self.both(&format!("layer in {precision}"), inputs, &|inputs| {
            let [
                hidden,
                input_layernorm,
                q_proj,
                k_proj,
                v_proj,
                o_proj,
                post_attention_layernorm,
                gate_proj,
                up_proj,
                down_proj,
            ] = inputs;
            let weights = LayerWeights {
                input_layernorm: input_layernorm.squeeze_dim::<1>(0),
                q_proj,
                k_proj,
                v_proj,
                o_proj,
                post_attention_layernorm: post_attention_layernorm.squeeze_dim::<1>(0),
                gate_proj,
                up_proj,
                down_proj,
                attention_biases: None,
            };
            let rotary = if hidden.is_autodiff() { &rotary } else { &inner };
            decoder_layer(hidden.reshape(self.shape()), weights, numbers, rotary, None).flatten(0, 1)
        })
    }

    fn head(&self, precision: Precision) -> anyhow::Result<()> {
        let weight = normal([self.model.vocabulary, self.model.hidden], self.device);
        let targets = batch(self.model, 1).targets;
        let scale = 1.0 / self.model.tokens() as f64;
        self.both(&format!("head and loss in {precision}"), [self.hidden(), weight], &|inputs| {
            let [hidden, weight] = inputs;
            let hidden = hidden.reshape(self.shape());
            linear_cross_entropy(hidden, weight, &targets, scale, precision).unsqueeze()
        })
    }

    fn embedding(&self) -> anyhow::Result<()> {
        let weight = normal([self.model.vocabulary, self.model.hidden], self.device);
        let ids = tokens(self.model, 2, self.device);
        self.both("embedding", [weight], &|[weight]| {
            let ids = if weight.is_autodiff() { Tensor::from_inner(ids.clone()) } else { ids.clone() };
            embedding(weight, ids).flatten(0, 1)
        })
    }

    /// As a layer in f32 has it: scores of all pairs.
    fn attention(&self) -> anyhow::Result<()> {
        let Model { batch, sequence, heads, key_value_heads, .. } = *self.model;
        let head_dim = self.model.head_dim();
        let rows = |heads: usize| normal([batch * heads * sequence, head_dim], self.device);
        let inputs = [rows(heads), rows(key_value_heads), rows(key_value_heads)];
        self.both("attention in f32", inputs, &|[query, key, value]| {
            let split = |rows: Tensor<2>, heads| rows.reshape([batch, heads, sequence, head_dim]);
            let (key, value) = (split(key, key_value_heads), split(value, key_value_heads));
            causal_attention(split(query, heads), key, value, None).flatten(0, 2)
        })
    }

    fn norm(&self) -> anyhow::Result<()> {
        let weight = Tensor::<2>::ones([1, self.model.hidden], self.device);
        self.both("norm", [self.hidden(), weight], &|[hidden, weight]| {
            rms_norm(hidden.reshape(self.shape()), weight.squeeze_dim::<1>(0), 1e-5).flatten(0, 1)
        })
    }

    /// All parameters as one, which is kinder than the many that a model has.
    fn optimizer(&self) -> anyhow::Result<()> {
        let parameters = self.model.config()?.num_parameters() as usize;
        let flat = || normal::<1>([parameters], self.device);
        let name = &self.model.name;
        self.record.measure(&format!("{name} sum of squares of all gradients"), || {
            let gradient = flat();
            Ok(time(self.device, PATIENCE, || Ok(sum_of_squares(gradient.clone())))?.json())
        })?;
        self.record.measure(&format!("{name} AdamW"), || {
            let step = AdamWStep {
                keep: 0.9999,
                gradient_scale: 1.0,
                beta1: 0.9,
                beta2: 0.95,
                step_size: 1e-6,
                inverse_root_correction: 1.0,
                epsilon: 1e-8,
            };
            let gradient = flat();
            let moments = || Tensor::<1>::ones([parameters], self.device);
            let mut parameter =
                Some(AdamWParameter { weight: flat(), exp_avg: moments(), exp_avg_sq: moments() });
            let timed = time(self.device, PATIENCE, || {
                // The old one is given away, so that it may be updated in place.
                parameter = parameter.take().map(|parameter| adamw(parameter, gradient.clone(), step));
                Ok(())
            })?;
            wait(self.device)?;
            drop(parameter);
            Ok(timed.json())
        })
    }
}
