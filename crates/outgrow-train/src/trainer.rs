//! The loop: steps within a stage, growth between stages, validation and checkpoints in between.

use std::{path::PathBuf, time::Instant};

use burn::tensor::{Device, Tensor};
use outgrow_data::{Batch, DataError, Prefetch, PrefetchOptions};
use outgrow_kernels::open_device;
use outgrow_model::{Decoder, initial_tensors};
use outgrow_operators::{
    folder::card::{CARD_FILE, CardHead},
    grow_tensors,
};
use outgrow_schedules::{DataAtGrowth, FlopConvention, LossPoint, Stage};

use crate::{
    base::Base,
    card::{Validated, model_card},
    copies::GrowthCopies,
    error::TrainError,
    event::Event,
    gradients::{accumulate, global_norm},
    learned::stage::{StageEntry, copy_matrices, learn_at_growth},
    mask,
    old_and_new::{GrownStage, Measurement, OldAndNew, is_measured},
    optimizer::Optimizer,
    position::Position,
    resume::{
        checkpoint::{self, Snapshot},
        start::{Resumption, Start},
    },
    step::{Control, StepReport},
    training::{CardFacts, Training},
    validation::validation_loss,
};

/// Batches made ahead of the step that uses them.
const PREFETCH_DEPTH: usize = 4;

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// All stages are done.
    Finished {
        /// The last checkpoint.
        checkpoint: PathBuf,
    },
    /// The observer stopped it; the same call goes on from here.
    Stopped {
        /// The checkpoint written on stopping.
        checkpoint: PathBuf,
    },
}

/// Runs all stages, or goes on from a checkpoint: where a run begins was decided before, and isn't looked at again.
///
/// ```no_run
/// # use outgrow_train::{Control, Event, TrainError, Training, resume::Standing};
/// # fn run(training: &Training<'_>) -> Result<(), TrainError> {
/// let start = Standing::newest(training)?.check()?;
/// let outcome = outgrow_train::train(start, &mut |position, event| {
///     if let Event::Step(report) = event {
///         println!("{} tokens: loss {:.3}", position.tokens, report.loss);
///     }
///     Control::Continue
/// })?;
/// println!("{outcome:?}");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Before the first step, and with the folder as it was: where checkpoints are newer than the start, and when the
/// device or the checkpoint can't be opened. Later: on a loss that is not finite, and files that can't be
/// read or written.
pub fn train(
    start: Start<'_>,
    observe: &mut dyn FnMut(&Position, &Event<'_>) -> Control,
) -> Result<Outcome, TrainError> {
    let (training, from) = start.into_parts()?;
    let device = open_device(training.device)?.autodiff();
    let snapshot = match &from {
        Some(from) => checkpoint::load(from, training, &device)?,
        None => first_snapshot(training, &device)?,
    };
    let mut batches = batches_from(training, &snapshot.position);
    let card = training.card.map(|facts| card_facts(facts, from.as_ref()));
    let grown = GrownStage::of(training, snapshot.position.stage, &snapshot.decoder.device());
    let mut run = Run { training, device, snapshot, grown, card, validated: None, observe, stopped: false };
    run.tell(&Event::Started { resumed_from: from.as_ref().map(Resumption::checkpoint) })?;
    match &from {
        None => run.validate()?,
        Some(from) => {
            if let Some(branch) = from.branch() {
                copy_matrices(from.checkpoint(), training, run.snapshot.position.stage)?;
                // The other run's stage may not have ended there.
                if branch.ends_stage {
                    run.validate_step()?;
                }
            }
        }
    }
    loop {
        run.finish_stage(&mut || {
            batches.next().unwrap_or(Err(DataError::ThreadStopped { thread: "batches" }))
        })?;
        let checkpoint = run.save()?;
        if run.stopped {
            return Ok(Outcome::Stopped { checkpoint });
        }
        if run.snapshot.position.stage + 1 == training.schedule.stages().len() {
            return Ok(Outcome::Finished { checkpoint });
        }
        let Some(next) = run.enter_next_stage()? else { return Ok(Outcome::Stopped { checkpoint }) };
        run = next;
        let at_growth = &run.stage().at_growth;
        // What was made ahead is another part of the data then.
        if at_growth.data == DataAtGrowth::Replay || at_growth.learning.is_some() {
            batches = batches_from(training, &run.snapshot.position);
        }
    }
}

/// Batches ahead of the steps that take them.
fn batches_from(training: &Training<'_>, position: &Position) -> Prefetch {
    let sequences = training.settings.batch_sequences;
    let ahead = PrefetchOptions { first_sample: position.next_sample(), sequences, depth: PREFETCH_DEPTH };
    Prefetch::new(training.training.clone(), ahead)
}

fn first_snapshot(training: &Training<'_>, device: &Device) -> Result<Snapshot, TrainError> {
    let stage = &training.schedule.stages()[0];
    let tensors = match training.base {
        None => initial_tensors(&stage.model, training.initialization, training.seed),
        Some(Base { checkpoint: Some(checkpoint), .. }) => checkpoint.to_named_tensors()?,
        Some(Base { checkpoint: None, .. }) => {
            let problem = "the run begins with a base, whose weights aren't given";
            return Err(TrainError::Base { problem });
        }
    };
    let decoder = Decoder::new(&stage.model, &tensors, device)?
        .with_precision(training.settings.precision)
        .with_trainable(|name| stage.trainable.includes(&stage.model, name));
    let optimizer = Optimizer::new(training.settings.optimizer.clone(), &stage.model);
    Ok(Snapshot { position: Position::default(), decoder, optimizer, validations: Vec::new() })
}

/// A checkpoint's card tells where the model comes from even when the folder that it began with is gone.
fn card_facts(facts: &CardFacts, from: Option<&Resumption>) -> CardFacts {
    let own = from.map(Resumption::checkpoint).filter(|folder| folder.join(CARD_FILE).is_file());
    let head = own.map_or_else(|| facts.head.clone(), CardHead::of_source);
    CardFacts { head, ..facts.clone() }
}

struct Run<'a> {
    training: &'a Training<'a>,
    device: Device,
    snapshot: Snapshot,
    grown: Option<GrownStage>,
    card: Option<CardFacts>,
    validated: Option<Validated>,
    observe: &'a mut dyn FnMut(&Position, &Event<'_>) -> Control,
    stopped: bool,
}

impl Run<'_> {
    fn tell(&mut self, event: &Event<'_>) -> Result<(), TrainError> {
        match (self.observe)(&self.snapshot.position, event) {
            Control::Continue => {}
            Control::Stop => self.stopped = true,
            Control::Abandon => return Err(TrainError::Abandoned),
        }
        Ok(())
    }

    fn stage(&self) -> &Stage {
        &self.training.schedule.stages()[self.snapshot.position.stage]
    }

    /// Takes steps until the stage's tokens are used up, its loss falls too slowly, or the observer stops the run.
    fn finish_stage(
        &mut self,
        next_batch: &mut dyn FnMut() -> Result<Batch, DataError>,
    ) -> Result<(), TrainError> {
        let settings = self.training.settings;
        let stage_tokens = self.stage().tokens;
        while self.snapshot.position.stage_tokens < stage_tokens && !self.is_slow() && !self.stopped {
            let before = self.snapshot.position;
            self.step(&next_batch()?)?;
            let after = self.snapshot.position;
            let ends = after.stage_tokens >= stage_tokens;
            if self.validates(&before, &after) {
                self.validate_step()?;
            }
            let saves =
                settings.checkpoint_interval_tokens.is_some_and(|interval| after.crosses(&before, interval));
            if !ends && saves {
                self.save()?;
            }
        }
        Ok(())
    }

    /// The validation that a step ends with, and the end of the stage where it ends by that.
    fn validate_step(&mut self) -> Result<(), TrainError> {
        self.validate()?;
        let ends = self.snapshot.position.stage_tokens >= self.stage().tokens;
        if let Some(ends_at) = self.stage().ends_at.filter(|_| ends || self.is_slow()) {
            let (is_slow, slope) = (self.is_slow(), ends_at.newest(&self.snapshot.validations));
            self.tell(&Event::StageEnds { is_slow, slope, ends_at })?;
        }
        Ok(())
    }

    /// Whether a step ends with a validation.
    fn validates(&self, before: &Position, after: &Position) -> bool {
        let interval = self.training.settings.validation_interval_tokens;
        after.stage_tokens >= self.stage().tokens || after.crosses(before, interval)
    }

    /// Whether the loss falls so slowly that the stage ends.
    fn is_slow(&self) -> bool {
        self.stage().ends_at.is_some_and(|slope| slope.reached(&self.snapshot.validations).is_some())
    }

    fn step(&mut self, batch: &Batch) -> Result<(), TrainError> {
        let start = Instant::now();
        let Training { settings, schedule, .. } = *self.training;
        let mask = mask::values(schedule, &self.snapshot.position);
        let (loss, gradients) = accumulate(&self.snapshot.decoder, batch, settings.micro_batch_sequences)?;
        let norm = global_norm(&gradients).ok_or(TrainError::EmptyBatch)?;
        // Both numbers come to the host in one read: a read waits for the device.
        let numbers =
            Tensor::cat(vec![loss, norm], 0).into_data().try_into_vec::<f32>().expect("losses are f32");
        let (loss, gradient_norm) = (f64::from(numbers[0]), f64::from(numbers[1]));
        let tokens = batch.inputs.len() as u64;
        let learning_rate = self.stage().learning_rate.at(self.snapshot.position.stage_tokens + tokens);
        if !(loss.is_finite() && gradient_norm.is_finite()) {
            let step = self.snapshot.position.step + 1;
            return Err(TrainError::NotFinite { step, loss, gradient_norm, learning_rate });
        }
        let scale =
            settings.optimizer.adamw.clip_norm.map_or(1.0, |limit| (limit / (gradient_norm + 1e-6)).min(1.0));
        let before = self.snapshot.position;
        self.advance(tokens, batch.sequences as u64, batch.sequence_length);
        let after = self.snapshot.position;
        let interval = settings.validation_interval_tokens;
        let is_measured = is_measured(&after, tokens, interval, self.validates(&before, &after));
        let new_learning_rate = self.stage().new_learning_rate(after.stage_tokens);
        let Snapshot { decoder, optimizer, .. } = &mut self.snapshot;
        let grown = self.grown.as_ref();
        let measured = grown.filter(|_| is_measured).map(|grown| &grown.lineage);
        let mut apart = OldAndNew {
            measurement: measured.map(|lineage| Measurement::of(lineage, &gradients, decoder.device())),
            new_rate: grown.and_then(|grown| grown.new_values.as_ref()).zip(new_learning_rate),
        };
        optimizer.step_apart(decoder, gradients, scale, learning_rate, &mut apart);
        if mask.is_some() {
            mask::put(&mut self.snapshot.decoder, schedule, &self.snapshot.position)?;
        }
        let norms = apart.measurement.map(Measurement::norms);
        let seconds = start.elapsed().as_secs_f64();
        self.tell(&Event::Step(StepReport {
            loss,
            learning_rate,
            new_learning_rate,
            gradient_norm,
            mask,
            seconds,
        }))?;
        norms.map_or(Ok(()), |norms| self.tell(&Event::Norms(norms)))
    }

    fn advance(&mut self, tokens: u64, samples: u64, sequence_length: usize) {
        let stage = self.stage();
        let flops = |convention| stage.flops_per_token(convention, sequence_length) * tokens as f64;
        let (exact, six) = (flops(FlopConvention::Exact), flops(FlopConvention::SixTimesParameters));
        let orthogonalization = self.training.settings.orthogonalization(sequence_length);
        let of_step = orthogonalization.map_or(0.0, |one| one.flops_per_step(&stage.model, &stage.trainable));
        let position = &mut self.snapshot.position;
        position.step += 1;
        position.tokens += tokens;
        position.stage_tokens += tokens;
        position.samples += samples;
        position.flops += exact + of_step;
        position.flops_6nt += six;
    }

    fn validate(&mut self) -> Result<(), TrainError> {
        let decoder = self.snapshot.decoder.inner();
        let settings = self.training.settings;
        let (sequences, at_once) = (settings.validation_sequences, settings.micro_batch_sequences);
        let validation_loss = validation_loss(&decoder, self.training.validation, sequences, at_once)?;
        if !validation_loss.is_finite() {
            let Position { step, stage_tokens, .. } = self.snapshot.position;
            let learning_rate = self.stage().learning_rate.at(stage_tokens);
            return Err(TrainError::ValidationNotFinite { step, loss: validation_loss, learning_rate });
        }
        let Snapshot { position, .. } = &self.snapshot;
        // While a mask opens, the loss falls by that, and no stage ends.
        if self.stage().ends_at.is_some() && mask::values(self.training.schedule, position).is_none() {
            let flops = position.flops;
            self.snapshot.validations.push(LossPoint { flops, validation_loss });
        }
        self.validated = Some(Validated { tokens: self.snapshot.position.tokens, loss: validation_loss });
        self.tell(&Event::Evaluated { validation_loss, decoder: &decoder })?;
        let grown = self.grown.as_ref();
        let copies = grown.and_then(|grown| GrowthCopies::measure(&grown.lineage, &decoder));
        copies.map_or(Ok(()), |copies| self.tell(&Event::Copies(&copies)))
    }

    fn save(&mut self) -> Result<PathBuf, TrainError> {
        let position = &self.snapshot.position;
        let card = self.card.as_ref().map(|facts| model_card(facts, self.training, position, self.validated));
        let folder = checkpoint::save(self.training, &self.snapshot, card.as_deref())?;
        self.tell(&Event::Saved { folder: &folder })?;
        Ok(folder)
    }

    /// Growth: the next stage's model is built fresh from the schedule's plan, never from clones, and its optimizer
    /// starts with the moments that the stage's policy leaves. A stage without growth keeps the state of what it goes
    /// on training. Matrices are learned before; `None` where that was stopped, and the checkpoint before it holds all.
    fn enter_next_stage(mut self) -> Result<Option<Self>, TrainError> {
        let Training { schedule, settings, .. } = *self.training;
        let Snapshot { mut position, mut decoder, mut optimizer, validations: _ } = self.snapshot;
        position.stage += 1;
        position.stage_tokens = 0;
        let (stage, growth) = (&schedule.stages()[position.stage], schedule.growth(position.stage));
        if stage.at_growth.data == DataAtGrowth::Replay {
            position.samples_before_replay = position.samples;
        }
        let mut learned = None;
        if let Some(planned) = growth {
            let before = decoder.to_named_tensors();
            if stage.at_growth.learning.is_some() {
                let device = self.device.clone().without_autodiff();
                match learn_at_growth(self.training, &mut position, &before, &device, self.observe)? {
                    StageEntry::AsPlanned => {}
                    StageEntry::Learned(growth) => learned = Some(*growth),
                    StageEntry::Stopped => return Ok(None),
                }
            }
            let growth = learned.as_ref().unwrap_or(planned);
            let tensors = grow_tensors(growth.plan(), &before)?;
            decoder = Decoder::new(&stage.model, &tensors, &self.device)?.with_precision(settings.precision);
            optimizer = optimizer.grown(growth, &decoder)?;
        }
        let includes = |name: &str| stage.trainable.includes(&stage.model, name);
        let mut decoder = decoder.with_trainable(includes);
        mask::put(&mut decoder, schedule, &position)?;
        optimizer.retain(includes);
        self.grown = GrownStage::of(self.training, position.stage, &decoder.device());
        self.snapshot = Snapshot { position, decoder, optimizer, validations: Vec::new() };
        if let Some(growth) = learned.as_ref().or(growth) {
            self.tell(&Event::Grown { plan: growth.plan() })?;
            self.validate()?;
        }
        Ok(Some(self))
    }
}
