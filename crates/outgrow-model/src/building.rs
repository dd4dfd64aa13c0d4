//! A decoder's modules made from named tensors, whose presence and shapes are checked first. What they compute is in
//! layers.rs.

use burn::{
    module::Param,
    tensor::{Device, Tensor, TensorData},
};
use outgrow_checkpoint::{HostTensor, LlamaConfig, NamedTensors};

use crate::{
    error::ModelError,
    layers::{Attention, Backbone, DecoderLayer, Embedding, FeedForward, Linear, RmsNorm},
};

/// Makes parameters from tensors whose presence and shapes have been checked.
pub(crate) struct Builder<'a> {
    config: &'a LlamaConfig,
    tensors: &'a NamedTensors,
    device: &'a Device,
}

impl<'a> Builder<'a> {
    /// Checks that all tensors are there, and no others.
    pub(crate) fn new(
        config: &'a LlamaConfig,
        tensors: &'a NamedTensors,
        device: &'a Device,
    ) -> Result<Self, ModelError> {
        check_tensors(config, tensors)?;
        Ok(Self { config, tensors, device })
    }

    /// Everything but the head.
    pub(crate) fn backbone(&self) -> Backbone {
        Backbone {
            embed_tokens: Embedding { weight: self.matrix("model.embed_tokens.weight") },
            layers: (0..self.config.num_hidden_layers).map(|index| self.layer(index)).collect(),
            norm: self.norm("model.norm.weight"),
        }
    }

    /// The head, where it has a weight of its own.
    pub(crate) fn head(&self) -> Option<Linear> {
        (!self.config.tie_word_embeddings).then(|| self.linear("lm_head.weight"))
    }

    fn parameter<const D: usize>(&self, name: &str) -> Param<Tensor<D>> {
        let HostTensor { shape, values } = &self.tensors[name];
        let data = TensorData::new(values.clone(), shape.clone());
        let tensor = Tensor::from_data(data, &self.device.clone().without_autodiff());
        Param::from_tensor(if self.device.is_autodiff() { Tensor::from_inner(tensor) } else { tensor })
    }

    fn matrix(&self, name: &str) -> Param<Tensor<2>> {
        self.parameter(name)
    }

    fn linear(&self, name: &str) -> Linear {
        Linear { weight: self.matrix(name), bias: None }
    }

    /// With its bias, where the configuration calls for one.
    fn projection(&self, weight: &str) -> Linear {
        let bias = weight.strip_suffix("weight").map(|stem| format!("{stem}bias"));
        let bias = bias.filter(|name| self.tensors.contains_key(name));
        Linear { weight: self.matrix(weight), bias: bias.map(|name| self.parameter(&name)) }
    }

    fn norm(&self, name: &str) -> RmsNorm {
        RmsNorm { weight: self.parameter(name), epsilon: self.config.rms_norm_eps }
    }

    fn layer(&self, index: usize) -> DecoderLayer {
        let name = |rest: &str| format!("model.layers.{index}.{rest}.weight");
        DecoderLayer {
            input_layernorm: self.norm(&name("input_layernorm")),
            self_attn: Attention {
                q_proj: self.projection(&name("self_attn.q_proj")),
                k_proj: self.projection(&name("self_attn.k_proj")),
                v_proj: self.projection(&name("self_attn.v_proj")),
                o_proj: self.projection(&name("self_attn.o_proj")),
                head_dim: self.config.head_dim,
            },
            post_attention_layernorm: self.norm(&name("post_attention_layernorm")),
            mlp: FeedForward {
                gate_proj: self.linear(&name("mlp.gate_proj")),
                up_proj: self.linear(&name("mlp.up_proj")),
                down_proj: self.linear(&name("mlp.down_proj")),
            },
        }
    }
}

fn check_tensors(config: &LlamaConfig, tensors: &NamedTensors) -> Result<(), ModelError> {
    let expected = config.tensors();
    for spec in &expected {
        let name = spec.name.clone();
        match tensors.get(&name) {
            None => return Err(ModelError::MissingTensor { name, expected: spec.shape.clone() }),
            Some(tensor) if tensor.shape != spec.shape => {
                let (expected, found) = (spec.shape.clone(), tensor.shape.clone());
                return Err(ModelError::WrongShape { name, expected, found });
            }
            Some(_) => {}
        }
    }
    match tensors.keys().find(|name| !expected.iter().any(|spec| spec.name == **name)) {
        Some(name) => Err(ModelError::UnexpectedTensor { name: name.clone() }),
        None => Ok(()),
    }
}
