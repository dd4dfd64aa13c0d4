//! The decoder: built fresh from a configuration and named tensors, run forward to logits or a loss.
//!
//! Frozen layers at the bottom run on the inner device, so they leave nothing on the autodiff tape. Keys and values of
//! a text that goes on are in session.rs.

use burn::{
    module::{Module, Param},
    tensor::{Device, Int, Tensor, TensorData},
};
use outgrow_checkpoint::{HostTensor, LlamaConfig, NamedTensors};
use outgrow_kernels::{Precision, RotaryTable, composed::linear_in, linear_cross_entropy};

use crate::{
    error::ModelError,
    layers::{Attention, DecoderLayer, Embedding, FeedForward, Linear, RmsNorm},
    parameters,
    rope::rotary_table,
};

/// The embedding, the layers and the final norm; Hugging Face's `model.` prefix.
#[derive(Module, Debug)]
pub(crate) struct Backbone {
    /// Token vectors.
    pub(crate) embed_tokens: Embedding,
    /// From the bottom (next to the embedding) to the top.
    pub(crate) layers: Vec<DecoderLayer>,
    /// The norm before the head.
    pub(crate) norm: RmsNorm,
}

/// A LLaMA-style decoder. Its parameters are burn parameters whose paths are Hugging Face's tensor names.
#[derive(Module, Debug)]
pub struct Decoder {
    /// Everything but the head.
    pub(crate) model: Backbone,
    /// The head; `None` when it is tied to the embedding.
    pub(crate) lm_head: Option<Linear>,
    #[module(skip)]
    config: LlamaConfig,
    /// On the inner device: it has no gradient.
    #[module(skip)]
    rotary: RotaryTable,
    /// Nothing below layer `bottom` is trained; `None` when the embedding is trained.
    #[module(skip)]
    bottom: Option<usize>,
    /// What layers and the loss multiply matrices in.
    #[module(skip)]
    precision: Precision,
}

impl Decoder {
    /// Builds a decoder with all parameters trainable (where the device has autodiff).
    ///
    /// Always builds fresh parameters: burn's clones of a module share their gradients, so a grown model must come
    /// through here.
    ///
    /// # Errors
    /// When tensors are missing, of another shape, or have no place in the configuration's model.
    pub fn new(config: &LlamaConfig, tensors: &NamedTensors, device: &Device) -> Result<Self, ModelError> {
        check_tensors(config, tensors)?;
        let build = Builder { config, tensors, device };
        let layers = (0..config.num_hidden_layers).map(|index| build.layer(index)).collect();
        let inner = device.clone().without_autodiff();
        Ok(Self {
            model: Backbone {
                embed_tokens: Embedding { weight: build.matrix("model.embed_tokens.weight") },
                layers,
                norm: build.norm("model.norm.weight"),
            },
            lm_head: (!config.tie_word_embeddings).then(|| build.linear("lm_head.weight")),
            config: config.clone(),
            rotary: rotary_table(config, &inner),
            bottom: None,
            precision: Precision::F32,
        })
    }

    /// The same, whose layers and loss multiply matrices in the given precision; parameters stay f32. Other devices
    /// than the CPU have to support it.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// What layers and the loss multiply matrices in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The configuration that it was built from.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// The angles of all positions.
    pub(crate) fn rotary(&self) -> &RotaryTable {
        &self.rotary
    }

    /// Leaves only the named parameters trainable. What lies below the lowest of them is from now on run without
    /// autodiff.
    #[must_use]
    pub fn with_trainable(self, is_trainable: impl Fn(&str) -> bool) -> Self {
        let layers = self.config.num_hidden_layers;
        let embedding = is_trainable("model.embed_tokens.weight");
        let lowest = (0..layers).find(|&index| {
            let prefix = format!("model.layers.{index}.");
            self.config
                .tensors()
                .iter()
                .any(|tensor| tensor.name.starts_with(&prefix) && is_trainable(&tensor.name))
        });
        let mut decoder = parameters::set_trainable(self, &is_trainable);
        decoder.bottom = (!embedding).then_some(lowest.unwrap_or(layers));
        decoder
    }

    /// The same weights on the device without autodiff, for evaluation.
    #[must_use]
    pub fn inner(&self) -> Self {
        Self { bottom: None, ..self.valid() }
    }

    /// All of it, leaving a decoder without layers behind.
    pub(crate) fn take(&mut self) -> Self {
        let device = self.device();
        let nothing = Backbone {
            embed_tokens: Embedding { weight: Param::from_tensor(Tensor::zeros([1, 1], &device)) },
            layers: Vec::new(),
            norm: RmsNorm { weight: Param::from_tensor(Tensor::zeros([1], &device)), epsilon: 0.0 },
        };
        Self {
            model: std::mem::replace(&mut self.model, nothing),
            lm_head: self.lm_head.take(),
            config: self.config.clone(),
            rotary: self.rotary.clone(),
            bottom: self.bottom,
            precision: self.precision,
        }
    }

    /// The device that the parameters are on, without autodiff.
    pub fn device(&self) -> Device {
        self.model.norm.weight.val().device().without_autodiff()
    }

    /// Token ids `[batch, sequence]`, row-major, as a tensor beside the parameters, without autodiff.
    pub fn tokens(&self, ids: &[i32], sequence_length: usize) -> Tensor<2, Int> {
        let shape = [ids.len() / sequence_length, sequence_length];
        Tensor::from_data(TensorData::new(ids.to_vec(), shape), &self.device())
    }

    /// The scores of every token after every position: `[batch, sequence]` to `[batch, sequence, vocab_size]`.
    ///
    /// # Errors
    /// When the sequence is longer than the model's positions.
    pub fn logits(&self, tokens: Tensor<2, Int>) -> Result<Tensor<3>, ModelError> {
        self.logits_observed(tokens, &mut |_| ())
    }

    /// As [`Self::logits`]; `observe` sees the residual stream, `[batch, sequence, hidden]`, after the embedding and
    /// then after each layer, from the bottom.
    ///
    /// # Errors
    /// When the sequence is longer than the model's positions.
    pub fn logits_observed(
        &self,
        tokens: Tensor<2, Int>,
        observe: &mut dyn FnMut(&Tensor<3>),
    ) -> Result<Tensor<3>, ModelError> {
        let hidden = self.hidden(tokens, observe)?;
        Ok(linear_in(hidden, self.head(), self.precision))
    }

    /// `scale` times the sum of the next-token cross-entropies, in nats, `[1]`: `inputs` is `[batch, sequence]`, and
    /// `targets` has an id for each of its tokens, row-major. The logits are not kept.
    ///
    /// ```
    /// # use outgrow_checkpoint::LlamaConfig;
    /// # use outgrow_kernels::{DeviceName, open_device};
    /// # use outgrow_model::{Decoder, Initialization, initial_tensors};
    /// # let config = LlamaConfig::from_json(
    /// #     r#"{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12,
    /// #         "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 32}"#,
    /// # )?;
    /// # let tensors = initial_tensors(&config, Initialization::Normal, 1);
    /// # let decoder = Decoder::new(&config, &tensors, &open_device(DeviceName::Flex)?)?;
    /// let inputs = decoder.tokens(&[1, 2, 3, 4], 2);
    /// let mean = decoder.loss_sum(inputs, &[2, 5, 4, 6], 1.0 / 4.0)?;
    /// assert!((mean.into_scalar::<f32>() - 16_f32.ln()).abs() < 0.1, "it has learned nothing");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the sequence is longer than the model's positions.
    ///
    /// # Panics
    /// When there isn't a target for each token.
    pub fn loss_sum(
        &self,
        inputs: Tensor<2, Int>,
        targets: &[i32],
        scale: f64,
    ) -> Result<Tensor<1>, ModelError> {
        let hidden = self.hidden(inputs, &mut |_| ())?;
        Ok(linear_cross_entropy(hidden, self.head(), targets, scale, self.precision))
    }

    /// `[vocab_size, hidden]`: the head's weight, which is the embedding's where they are tied.
    pub(crate) fn head(&self) -> Tensor<2> {
        self.lm_head.as_ref().map_or_else(|| self.model.embed_tokens.weight.val(), |head| head.weight.val())
    }

    /// The residual stream after the last norm, `[batch, sequence, hidden]`.
    pub(crate) fn hidden(
        &self,
        tokens: Tensor<2, Int>,
        observe: &mut dyn FnMut(&Tensor<3>),
    ) -> Result<Tensor<3>, ModelError> {
        let [_, sequence_length] = tokens.dims();
        let maximum = self.config.max_position_embeddings;
        if sequence_length > maximum {
            return Err(ModelError::SequenceTooLong { sequence_length, maximum });
        }
        let trained = self.model.norm.weight.val().is_autodiff();
        let (mut hidden, bottom) = match self.bottom {
            Some(bottom) if trained => {
                let mut hidden = self.model.embed_tokens.valid().forward(tokens);
                observe(&hidden);
                for layer in &self.model.layers[..bottom] {
                    hidden = layer.valid().forward(hidden, &self.rotary, self.precision);
                    observe(&hidden);
                }
                (Tensor::from_inner(hidden), bottom)
            }
            _ => {
                let tokens = if trained { Tensor::from_inner(tokens) } else { tokens };
                let hidden = self.model.embed_tokens.forward(tokens);
                observe(&hidden);
                (hidden, 0)
            }
        };
        let rotary = if trained { self.rotary.autodiff() } else { self.rotary.clone() };
        for layer in &self.model.layers[bottom..] {
            hidden = layer.forward(hidden, &rotary, self.precision);
            observe(&hidden);
        }
        Ok(self.model.norm.forward(hidden))
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

/// Makes parameters from tensors whose presence and shapes have been checked.
struct Builder<'a> {
    config: &'a LlamaConfig,
    tensors: &'a NamedTensors,
    device: &'a Device,
}

impl Builder<'_> {
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
