//! A LLaMA-style decoder in plain loops and f64, written from its definition: what a grown model must compute is judged
//! by this, not by anything that growth itself uses. Default rotary frequencies only.

use outgrow_checkpoint::{HostTensor, LlamaConfig, NamedTensors, Rope, RopeScaling, TensorShape};

/// What of a grown model is let in: 1, or less for what is new (arXiv 2405.15319, A.5). A channel is masked where it is
/// written; norms, as in the paper's equation, let through what is there.
#[derive(Clone, Debug)]
pub(crate) struct Mask {
    pub hidden: Vec<f64>,
    pub heads: Vec<f64>,
    pub neurons: Vec<f64>,
    pub layers: Vec<f64>,
}

impl Mask {
    /// Everything is let in.
    pub(crate) fn open(config: &LlamaConfig) -> Self {
        Self {
            hidden: vec![1.0; config.hidden_size],
            heads: vec![1.0; config.num_attention_heads],
            neurons: vec![1.0; config.intermediate_size],
            layers: vec![1.0; config.num_hidden_layers],
        }
    }

    /// Only what stands where the source's has its own: the first channels, heads, neurons and layers.
    pub(crate) fn only_first(source: &LlamaConfig, target: &LlamaConfig) -> Self {
        let first = |old: usize, all: usize| (0..all).map(|index| f64::from(u8::from(index < old))).collect();
        Self {
            hidden: first(source.hidden_size, target.hidden_size),
            heads: first(source.num_attention_heads, target.num_attention_heads),
            neurons: first(source.intermediate_size, target.intermediate_size),
            layers: first(source.num_hidden_layers, target.num_hidden_layers),
        }
    }
}

/// Logits of every position, one after the other.
pub(crate) fn logits(
    config: &LlamaConfig,
    tensors: &NamedTensors,
    tokens: &[usize],
    mask: &Mask,
) -> Vec<f64> {
    let model = Model { config, tensors, mask };
    let embedding = &tensors["model.embed_tokens.weight"];
    let mut stream: Vec<Vec<f64>> =
        tokens.iter().map(|token| masked(&row(embedding, *token), &mask.hidden)).collect();
    for layer in 0..config.num_hidden_layers {
        let attended = model.attention(layer, &stream);
        add(&mut stream, &attended, &mask.hidden, mask.layers[layer]);
        let fed = model.feed_forward(layer, &stream);
        add(&mut stream, &fed, &mask.hidden, mask.layers[layer]);
    }
    let head = tensors.get("lm_head.weight").unwrap_or(embedding);
    stream.iter().flat_map(|one| times(head, &model.norm("model.norm.weight", one))).collect()
}

struct Model<'a> {
    config: &'a LlamaConfig,
    tensors: &'a NamedTensors,
    mask: &'a Mask,
}

impl Model<'_> {
    fn weight(&self, layer: usize, name: &str) -> &HostTensor {
        &self.tensors[&format!("model.layers.{layer}.{name}.weight")]
    }

    /// With the bias, where there is one.
    fn projected(&self, layer: usize, name: &str, values: &[f64]) -> Vec<f64> {
        let mut projected = times(self.weight(layer, name), values);
        if let Some(bias) = self.tensors.get(&format!("model.layers.{layer}.{name}.bias")) {
            projected.iter_mut().zip(&bias.values).for_each(|(value, bias)| *value += f64::from(*bias));
        }
        projected
    }

    fn norm(&self, name: &str, values: &[f64]) -> Vec<f64> {
        let mean = values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64;
        let scale = 1.0 / (mean + self.config.rms_norm_eps).sqrt();
        values
            .iter()
            .zip(&self.tensors[name].values)
            .map(|(value, gain)| value * scale * f64::from(*gain))
            .collect()
    }

    fn layer_norm(&self, layer: usize, name: &str, values: &[f64]) -> Vec<f64> {
        self.norm(&format!("model.layers.{layer}.{name}.weight"), values)
    }

    fn attention(&self, layer: usize, stream: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let head_dim = self.config.head_dim;
        let normed: Vec<_> =
            stream.iter().map(|one| self.layer_norm(layer, "input_layernorm", one)).collect();
        let project = |name: &str| -> Vec<Vec<f64>> {
            normed.iter().map(|one| self.projected(layer, name, one)).collect()
        };
        let (queries, keys) = (project("self_attn.q_proj"), project("self_attn.k_proj"));
        let values = project("self_attn.v_proj");
        let group = self.config.num_attention_heads / self.config.num_key_value_heads;
        (0..stream.len())
            .map(|position| {
                let mut heads = Vec::new();
                for head in 0..self.config.num_attention_heads {
                    let of = |all: &[f64], head: usize| all[head * head_dim..][..head_dim].to_vec();
                    let query = rotated(&of(&queries[position], head), position, self.config.rope.theta);
                    let scores = (0..=position).map(|other| {
                        let key = rotated(&of(&keys[other], head / group), other, self.config.rope.theta);
                        (dot(&query, &key) / (head_dim as f64).sqrt()).exp()
                    });
                    let scores: Vec<f64> = scores.collect();
                    let sum: f64 = scores.iter().sum();
                    for channel in 0..head_dim {
                        let value = |other: usize| values[other][head / group * head_dim + channel];
                        let mixed: f64 =
                            scores.iter().enumerate().map(|(other, score)| score * value(other)).sum();
                        heads.push(mixed / sum * self.mask.heads[head]);
                    }
                }
                self.projected(layer, "self_attn.o_proj", &heads)
            })
            .collect()
    }

    fn feed_forward(&self, layer: usize, stream: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let one = |values: &Vec<f64>| {
            let normed = self.layer_norm(layer, "post_attention_layernorm", values);
            let gate = times(self.weight(layer, "mlp.gate_proj"), &normed);
            let up = times(self.weight(layer, "mlp.up_proj"), &normed);
            let inner: Vec<f64> =
                gate.iter().zip(&up).map(|(gate, up)| gate / (1.0 + (-gate).exp()) * up).collect();
            times(self.weight(layer, "mlp.down_proj"), &masked(&inner, &self.mask.neurons))
        };
        stream.iter().map(one).collect()
    }
}

fn row(matrix: &HostTensor, index: usize) -> Vec<f64> {
    matrix.values[index * matrix.shape[1]..][..matrix.shape[1]]
        .iter()
        .map(|value| f64::from(*value))
        .collect()
}

fn times(matrix: &HostTensor, vector: &[f64]) -> Vec<f64> {
    assert_eq!(matrix.shape[1], vector.len());
    (0..matrix.shape[0]).map(|index| dot(&row(matrix, index), vector)).collect()
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

fn masked(values: &[f64], mask: &[f64]) -> Vec<f64> {
    values.iter().zip(mask).map(|(value, mask)| value * mask).collect()
}

fn add(stream: &mut [Vec<f64>], added: &[Vec<f64>], mask: &[f64], layer_mask: f64) {
    for (values, added) in stream.iter_mut().zip(added) {
        for ((value, added), mask) in values.iter_mut().zip(added).zip(mask) {
            *value += added * mask * layer_mask;
        }
    }
}

/// Rotary embedding, halves against each other.
fn rotated(head: &[f64], position: usize, theta: f64) -> Vec<f64> {
    let half = head.len() / 2;
    let mut out = head.to_vec();
    for index in 0..half {
        let angle = position as f64 / theta.powf(2.0 * index as f64 / head.len() as f64);
        let (sin, cos) = angle.sin_cos();
        out[index] = head[index] * cos - head[index + half] * sin;
        out[index + half] = head[index + half] * cos + head[index] * sin;
    }
    out
}

/// Weights of an ordinary size, from a small generator; norms around 1, biases around 0. Rotary frequencies and dtype
/// are made ordinary too.
pub(crate) fn ordinary(config: &LlamaConfig, seed: u64) -> (LlamaConfig, NamedTensors) {
    let config = config.with(|fields| {
        fields.rope = Rope { theta: 10_000.0, scaling: RopeScaling::Default };
        fields.rms_norm_eps = 1e-5;
        fields.dtype = outgrow_checkpoint::Dtype::F32;
    });
    let config = config.unwrap();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32 * 2.0 - 1.0
    };
    let tensor = |name: &str, shape: Vec<usize>, uniform: &mut dyn FnMut() -> f32| {
        let size: usize = shape.iter().product();
        let value = |uniform: &mut dyn FnMut() -> f32| match shape.len() {
            1 if name.ends_with("_proj.bias") => 0.5 * uniform(),
            1 => 1.0 + 0.5 * uniform(),
            _ => 1.5 * uniform() / (shape[1] as f32).sqrt(),
        };
        HostTensor { values: (0..size).map(|_| value(uniform)).collect(), shape }
    };
    let named = |one: TensorShape| (one.name.clone(), tensor(&one.name, one.shape, &mut uniform));
    let tensors = config.tensors().into_iter().map(named).collect();
    (config, tensors)
}

/// A number that depends on every logit.
pub(crate) fn loss(config: &LlamaConfig, tensors: &NamedTensors) -> f64 {
    let tokens: Vec<usize> = (0..5).map(|index| index % config.vocab_size).collect();
    let logits = logits(config, tensors, &tokens, &Mask::open(config));
    logits.iter().enumerate().map(|(index, logit)| logit * (1.0 + 0.37 * index as f64).sin()).sum()
}

/// The loss's gradients by finite differences.
pub(crate) fn gradients(config: &LlamaConfig, tensors: &NamedTensors) -> NamedTensors {
    let mut changed = tensors.clone();
    let mut gradient = |name: &str, index: usize| {
        let old = tensors[name].values[index];
        let mut at = |value: f32| {
            changed.get_mut(name).unwrap().values[index] = value;
            loss(config, &changed)
        };
        // Small, because a norm of two small channels bends sharply; sums in f64 bear it.
        let (low, high) = (old - 1e-5, old + 1e-5);
        let difference = at(high) - at(low);
        at(old);
        (difference / (f64::from(high) - f64::from(low))) as f32
    };
    let of = |(name, tensor): (&String, &HostTensor), gradient: &mut dyn FnMut(&str, usize) -> f32| {
        let values = (0..tensor.values.len()).map(|index| gradient(name, index)).collect();
        (name.clone(), HostTensor { shape: tensor.shape.clone(), values })
    };
    tensors.iter().map(|one| of(one, &mut gradient)).collect()
}

/// The same model, but so small that it can be measured parameter by parameter.
pub(crate) fn tiny(shape: &LlamaConfig) -> LlamaConfig {
    let few = |size: usize, most: usize| size.clamp(2, most);
    let tiny = shape.with(|fields| {
        fields.vocab_size = few(shape.vocab_size, 5);
        fields.hidden_size = few(shape.hidden_size, 4);
        fields.intermediate_size = few(shape.intermediate_size, 3);
        fields.num_hidden_layers = shape.num_hidden_layers.min(2);
        fields.head_dim = 2;
    });
    tiny.unwrap()
}
