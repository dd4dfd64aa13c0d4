//! The decoder: built fresh from a configuration and named tensors, run forward to logits or a loss.
//!
//! Frozen layers at the bottom run on the inner device, so they leave nothing on the autodiff tape. Keys and values of
//! a text that goes on are in session.rs.

use burn::{
    module::{Module, Param},
    tensor::{Device, Int, Tensor, TensorData},
};
use outgrow_checkpoint::{LlamaConfig, NamedTensors};
use outgrow_kernels::{Precision, RotaryTable, composed::linear_in, linear_cross_entropy, rms_norm};

use crate::{
    building::Builder,
    error::ModelError,
    layers::{Backbone, Embedding, LayerMask, Linear, RmsNorm},
    mask::{Mask, MaskTensors},
    parameters,
    rope::rotary_table,
};

/// Names of the parameters outside the layers.
const EMBEDDING: &str = "model.embed_tokens.weight";
const FINAL_NORM: &str = "model.norm.weight";
const HEAD: &str = "lm_head.weight";

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
    /// What parameters are multiplied by before they are used.
    #[module(skip)]
    mask: Option<MaskTensors>,
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
        let build = Builder::new(config, tensors, device)?;
        let inner = device.clone().without_autodiff();
        Ok(Self {
            model: build.backbone(),
            lm_head: build.head(),
            config: config.clone(),
            rotary: rotary_table(config, &inner),
            bottom: None,
            precision: Precision::F32,
            mask: None,
        })
    }

    /// The same, whose layers and loss multiply matrices in the given precision; parameters stay f32. Other devices
    /// than the CPU have to support it.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Puts its parameters behind a mask, in place of the one that they are behind; none leaves them as they are. All
    /// that is computed is computed behind it; the parameters, and so their names, updates and files, don't change.
    ///
    /// # Errors
    /// Factors of a tensor that isn't there, or not one for each row or column.
    pub fn set_mask(&mut self, mask: Option<&Mask>) -> Result<(), ModelError> {
        let device = self.device();
        self.mask = mask.map(|mask| MaskTensors::new(mask, &self.config, &device)).transpose()?;
        Ok(())
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
        let embedding = is_trainable(EMBEDDING);
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
            mask: self.mask.clone(),
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

    /// `[vocab_size, hidden]`: the head's weight. Where it is tied, the embedding's, without the embedding's mask.
    pub(crate) fn head(&self) -> Tensor<2> {
        match &self.lm_head {
            None => self.model.embed_tokens.weight.val(),
            Some(head) => self.masked(HEAD, head.weight.val()),
        }
    }

    /// `[vocab_size, hidden]`: the embedding, masked.
    #[cfg(feature = "flex")]
    pub(crate) fn embedding(&self) -> Tensor<2> {
        self.masked(EMBEDDING, self.model.embed_tokens.weight.val())
    }

    /// `[batch, sequence]` token ids to `[batch, sequence, hidden]`, masked, by the embedding as it is or without
    /// autodiff.
    pub(crate) fn embed(&self, embedding: &Embedding, tokens: Tensor<2, Int>) -> Tensor<3> {
        let is_autodiff = embedding.weight.val().is_autodiff();
        embedding.forward(tokens, self.mask.as_ref().and_then(|mask| mask.beside(EMBEDDING, is_autodiff)))
    }

    /// The gains of the last norm, `[hidden]`.
    pub(crate) fn final_gains(&self) -> Tensor<1> {
        let gains = self.model.norm.weight.val();
        match &self.mask {
            Some(mask) => mask.vector(FINAL_NORM, gains),
            None => gains,
        }
    }

    /// The last norm, which keeps the shape `[batch, sequence, hidden]`.
    pub(crate) fn final_norm(&self, hidden: Tensor<3>) -> Tensor<3> {
        rms_norm(hidden, self.final_gains(), self.epsilon())
    }

    /// What the norms add to the mean square.
    pub(crate) fn epsilon(&self) -> f64 {
        self.mask.as_ref().map_or(self.config.rms_norm_eps, MaskTensors::rms_norm_eps)
    }

    /// What the parameters of a layer are multiplied by.
    pub(crate) fn layer_mask(&self, layer: usize) -> LayerMask<'_> {
        LayerMask { mask: self.mask.as_ref(), layer }
    }

    fn masked(&self, name: &str, value: Tensor<2>) -> Tensor<2> {
        match &self.mask {
            Some(mask) => mask.matrix(name, value),
            None => value,
        }
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
                let mut hidden = self.embed(&self.model.embed_tokens.valid(), tokens);
                observe(&hidden);
                for (index, layer) in self.model.layers[..bottom].iter().enumerate() {
                    let mask = self.layer_mask(index);
                    hidden = layer.valid().forward(hidden, &self.rotary, self.precision, mask);
                    observe(&hidden);
                }
                (Tensor::from_inner(hidden), bottom)
            }
            _ => {
                let tokens = if trained { Tensor::from_inner(tokens) } else { tokens };
                let hidden = self.embed(&self.model.embed_tokens, tokens);
                observe(&hidden);
                (hidden, 0)
            }
        };
        let rotary = if trained { self.rotary.autodiff() } else { self.rotary.clone() };
        for (index, layer) in self.model.layers.iter().enumerate().skip(bottom) {
            hidden = layer.forward(hidden, &rotary, self.precision, self.layer_mask(index));
            observe(&hidden);
        }
        Ok(self.final_norm(hidden))
    }
}
