//! The learning of a learned growth (G_learn, arXiv 2405.15319, A.6; LiGO, arXiv 2303.00980): only its matrices are
//! trained, through the frozen base. It grows no run and writes nothing.
//!
//! What is trained on is the grown model, made by the growth's own plan at each step, so that what was measured is what
//! is grown in the end. Its weights' gradients are handed on to the matrices in closed form
//! ([`MatrixGradients`]): no tape holds the maps, several passes a step share them, and no more than one weight's
//! gradient is on the host at a time.

mod settings;
mod data;
mod optimizer;
pub(crate) mod stage;

use std::time::Instant;

use burn::tensor::{Device, Tensor};
use outgrow_checkpoint::{LlamaConfig, NamedTensors, TrainingCost};
use outgrow_data::Batch;
use outgrow_model::Decoder;
use outgrow_operators::{GrowthPlan, MatrixGradients, grow_tensors, growth::LearnedMatrices};

use self::optimizer::MatrixOptimizer;
pub use self::{data::LearningData, settings::LearningSettings, stage::StageLearning};
use crate::{
    error::TrainError,
    gradients::accumulate,
    step::{Control, StepReport},
};

/// Matrices that are to be learned: between which models, on what, and how.
#[derive(Clone, Copy, Debug)]
pub struct Learning<'a> {
    /// The frozen base.
    pub source: &'a LlamaConfig,
    /// The grown model.
    pub target: &'a LlamaConfig,
    /// What is learned on.
    pub data: LearningData<'a>,
    /// Steps, batches, learning rate, optimizer.
    pub settings: &'a LearningSettings,
}

/// A learning that can be begun: its data were looked at.
#[derive(Clone, Copy, Debug)]
pub struct Learner<'a> {
    learning: Learning<'a>,
    /// The base's weights.
    tensors: &'a NamedTensors,
    /// Without autodiff.
    device: &'a Device,
}

/// One step of learning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearningStep {
    /// Counted from 1.
    pub step: u64,
    /// Loss, rate, norm of the matrices' gradients, and time.
    pub report: StepReport,
}

/// What was learned, and what that has gained.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// The matrices.
    pub matrices: LearnedMatrices,
    /// The mean loss on held-out text of the model that the initial matrices make.
    pub initial_loss: f64,
    /// The same of that which the learned ones make.
    pub learned_loss: f64,
}

impl<'a> Learning<'a> {
    /// Looks at settings and data. It opens no weights and no device.
    ///
    /// # Errors
    /// All problems: one as itself, more as [`TrainError::Several`].
    pub fn check(&self) -> Result<(), TrainError> {
        let mut problems = self.data.problems(self.settings, self.target.max_position_embeddings);
        let data = self.data.training.shards().manifest().vocab_size;
        let model = self.target.vocab_size;
        if data > model {
            problems.push(TrainError::Vocabulary { data, model });
        }
        TrainError::of_several(problems)
    }

    /// What the learning costs: the grown model's steps, without the gradients of weights that no matrix makes, and the
    /// matrices' products. By the convention of 6 · parameters · tokens, the grown model's steps.
    pub fn cost(&self, matrices: &LearnedMatrices) -> TrainingCost {
        self.settings.cost(self.source, self.target, matrices, self.data.training.sequence_length())
    }

    /// The learning with the base's weights, on a device.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn with(self, tensors: &'a NamedTensors, device: &'a Device) -> Result<Learner<'a>, TrainError> {
        self.check()?;
        Ok(Learner { learning: self, tensors, device })
    }
}

impl Learner<'_> {
    /// Trains matrices, from those given on. `None` where the observer stopped it: what was learned until then is no
    /// result.
    ///
    /// # Errors
    /// Matrices that don't fit the models, or none to train; a loss that is not finite; data that can't be read;
    /// [`TrainError::Abandoned`].
    pub fn learn(
        &self,
        initial: &LearnedMatrices,
        observe: &mut dyn FnMut(&LearningStep) -> Control,
    ) -> Result<Option<Learned>, TrainError> {
        let (settings, data) = (self.learning.settings, self.learning.data);
        let mut optimizer = MatrixOptimizer::new(initial, settings.optimizer.clone(), self.device)?;
        let initial_loss = self.validation_loss(initial)?;
        let mut matrices = initial.clone();
        for step in 1..=settings.steps {
            let start = Instant::now();
            let first = data.first_sample + (step - 1) * settings.batch_sequences as u64;
            let batch = data.training.batch(first, settings.batch_sequences)?;
            let (loss, gradients) = self.gradients(&matrices, &batch)?;
            let learning_rate = settings.learning_rate.at(step * batch.num_tokens());
            let gradient_norm = norm(&gradients);
            if !(loss.is_finite() && gradient_norm.is_finite()) {
                return Err(TrainError::LearningNotFinite { step, loss, gradient_norm, learning_rate });
            }
            optimizer.step(&gradients, gradient_norm, learning_rate);
            matrices = optimizer.matrices();
            let seconds = start.elapsed().as_secs_f64();
            let report = StepReport {
                loss,
                learning_rate,
                new_learning_rate: None,
                gradient_norm,
                mask: None,
                seconds,
            };
            match observe(&LearningStep { step, report }) {
                Control::Continue => {}
                Control::Stop => return Ok(None),
                Control::Abandon => return Err(TrainError::Abandoned),
            }
        }
        let learned_loss = self.validation_loss(&matrices)?;
        Ok(Some(Learned { matrices, initial_loss, learned_loss }))
    }

    /// The mean loss of a batch with the model that these matrices make, and its gradient with respect to each of them.
    ///
    /// # Errors
    /// Matrices that don't fit the models; a sequence too long for the model; a batch of nothing.
    pub fn gradients(
        &self,
        matrices: &LearnedMatrices,
        batch: &Batch,
    ) -> Result<(f64, NamedTensors), TrainError> {
        let decoder = self.grown(matrices, &self.device.clone().autodiff())?;
        let Learning { source, settings, .. } = self.learning;
        let decoder = decoder.with_trainable(|name| matrices.make(name));
        let (loss, gradients) = accumulate(&decoder, batch, settings.micro_batch_sequences)?;
        let mut sums = MatrixGradients::new(source, self.tensors, matrices);
        for (name, gradient) in gradients {
            sums.add(&name, &values(gradient))?;
        }
        Ok((f64::from(loss.into_scalar::<f32>()), sums.into_named_tensors()))
    }

    /// The mean loss of the model that these matrices make, on held-out text.
    ///
    /// # Errors
    /// Matrices that don't fit the models; data that can't be read; a loss that is not finite.
    pub fn validation_loss(&self, matrices: &LearnedMatrices) -> Result<f64, TrainError> {
        let Learning { data, settings, .. } = self.learning;
        data.validation_loss(&self.grown(matrices, self.device)?, settings)
    }

    fn grown(&self, matrices: &LearnedMatrices, device: &Device) -> Result<Decoder, TrainError> {
        let Learning { source, target, settings, .. } = self.learning;
        let plan = GrowthPlan::learned(source, target.clone(), matrices)?;
        let tensors = grow_tensors(&plan, self.tensors)?;
        Ok(Decoder::new(target, &tensors, device)?.with_precision(settings.precision))
    }
}

/// The most memory that weights and gradients take while matrices are learned, in bytes, beside what passes through the
/// grown model: the base's weights, the grown ones and their gradients, and the matrices with theirs and two moments.
/// There is no optimizer state of weights, so it is less than training the grown model takes.
pub fn learning_bytes(source: &LlamaConfig, target: &LlamaConfig, matrices: &LearnedMatrices) -> u64 {
    let made = target.tensors().into_iter().filter(|tensor| matrices.make(&tensor.name));
    let made: u64 = made.map(|tensor| tensor.shape.iter().map(|side| *side as u64).product::<u64>()).sum();
    // A grown model is on the host and on the device for a moment, when it has no gradients yet.
    let grown = target.num_parameters() + made.max(target.num_parameters());
    4 * (source.num_parameters() + grown + 4 * matrices.num_values())
}

fn values(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("gradients are f32")
}

/// The 2-norm of all gradients taken as one vector.
fn norm(gradients: &NamedTensors) -> f64 {
    let squares = gradients.values().flat_map(|tensor| &tensor.values).map(|value| f64::from(*value).powi(2));
    squares.sum::<f64>().sqrt()
}
