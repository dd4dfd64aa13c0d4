//! A method that is to be made into stages: which model its last stage has, how long that is, what has to be given with
//! a base and what can't be. It knows no method by name.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::{Growth, GrowthPlan};
use outgrow_schedules::{
    BaseSizes, FlopConvention, LearningRateCurve, Length, Orthogonalization, ScheduleError, Trainable,
};

use crate::{
    error::{BadInput, Result},
    recipe::draws_its_base,
    run::stages::model::Model,
};

/// A method, the model that it is for, and the lengths of its sequences and steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Method<'a> {
    pub(super) model: Model<'a>,
    pub(super) sequence_length: usize,
    /// Tokens of a step.
    pub(super) batch_tokens: u64,
    /// What Muon adds to a step.
    pub(super) orthogonalization: Option<Orthogonalization>,
    pub(super) name: &'static str,
}

impl<'a> Method<'a> {
    /// The final model, of a method that draws its first weights.
    pub(super) fn drawn(&self) -> Result<&'a LlamaConfig, BadInput> {
        match self.model {
            Model::Final(model) => Ok(model),
            Model::Base(..) => Err(BadInput(draws_its_base(self.name))),
        }
    }

    /// The final model, where growths lead to it.
    pub(super) fn grown(&self, growths: &[Growth]) -> Result<LlamaConfig> {
        match self.model {
            Model::Final(model) => Ok(model.clone()),
            Model::Base(base, _) => {
                let plan = GrowthPlan::new(base, growths).map_err(ScheduleError::Growth)?;
                Ok(plan.target().clone())
            }
        }
    }

    /// The final model, where depths lead to it.
    pub(super) fn with_last_of(&self, layer_counts: &[usize]) -> Result<LlamaConfig> {
        let (Model::Final(model) | Model::Base(model, _)) = self.model;
        with_layers(model, layer_counts.last().copied().unwrap_or(0))
    }

    pub(super) fn check_base_sizes(&self, base: &BaseSizes) -> Result<(), BadInput> {
        match self.model {
            Model::Base(..) if !base.is_empty() => {
                Err(BadInput("base is given, and model.from says what the base is: leave one out".to_owned()))
            }
            Model::Base(..) | Model::Final(_) => Ok(()),
        }
    }

    /// A base that is there has to be said how long it is trained on.
    pub(super) fn check_length_of_base(base_tokens: Option<u64>) -> Result<(), BadInput> {
        if base_tokens.is_some() {
            return Ok(());
        }
        let problem = "base_tokens is missing: how long the base of model.from is trained on before it grows, 0 for not \
                       at all";
        Err(BadInput(problem.to_owned()))
    }

    /// A base isn't longer than the whole.
    pub(super) fn check_base_tokens(
        &self,
        base_tokens: u64,
        scratch_tokens: Option<u64>,
    ) -> Result<(), BadInput> {
        match (self.model, scratch_tokens) {
            (Model::Final(_), Some(scratch_tokens)) if base_tokens >= scratch_tokens => {
                Err(BadInput(format!(
                    "base_tokens = {base_tokens}, it must be below scratch_tokens = {scratch_tokens}: the base alone \
                     would be trained as long as the whole"
                )))
            }
            _ => Ok(()),
        }
    }

    /// The learning rate of a base that grows once; any stands for that of one which takes no step.
    pub(super) fn rate_of_base(
        &self,
        tokens: u64,
        rate: Option<LearningRateCurve>,
    ) -> Result<LearningRateCurve, BadInput> {
        match (self.model, tokens, rate) {
            (Model::Final(_), 0, _) => Err(BadInput(
                "base_tokens = 0: only a base that there is, by model.from, grows at once".to_owned(),
            )),
            (Model::Base(..), 0, _) => Ok(LearningRateCurve::cosine(0.0, 0.0, 0)),
            (_, _, Some(rate)) => Ok(rate),
            (_, _, None) => Err(BadInput("base_learning_rate is missing".to_owned())),
        }
    }

    /// The length of the last stage, or of the whole: its tokens, or what training the final model from scratch on so
    /// many would cost. All that came before is paid from it, that of a base's folder too.
    pub(super) fn length(
        &self,
        final_model: impl FnOnce() -> Result<LlamaConfig>,
        tokens: Option<u64>,
        scratch_tokens: Option<u64>,
        name: &str,
    ) -> Result<Length> {
        let scratch_tokens = match (tokens, scratch_tokens) {
            (Some(tokens), None) => return Ok(Length::Tokens(tokens)),
            (None, Some(tokens)) => tokens,
            (found, _) => return Err(one_of(name, "scratch_tokens", found.is_some()).into()),
        };
        let Self { sequence_length, orthogonalization, .. } = *self;
        let last = final_model()?;
        let of_optimizer = orthogonalization.map_or(0.0, |one| one.flops_per_token(&last, &Trainable::All));
        let per_token =
            FlopConvention::Exact.flops_per_token(&last, sequence_length, &Trainable::All) + of_optimizer;
        let flops = per_token * scratch_tokens as f64;
        let spent = match self.model {
            Model::Final(_) => 0.0,
            Model::Base(_, cost) => cost.flops.ok_or_else(|| {
                BadInput(format!(
                    "scratch_tokens includes what the base has cost, and that isn't known: give {name}, or \
                     model.from_flops"
                ))
            })?,
        };
        if spent >= flops {
            return Err(BadInput(format!(
                "scratch_tokens = {scratch_tokens} are {flops:.4e} FLOPs, and the base alone has cost {spent:.4e}: give \
                 more, or {name}"
            ))
            .into());
        }
        Ok(Length::Budget { flops: flops - spent, sequence_length, orthogonalization })
    }
}

/// Shares that were left out are for three stages.
pub(super) fn check_default_shares(shares: &[f64], default: [f64; 3], stages: usize) -> Result<(), BadInput> {
    if shares != &default[..] || stages == default.len() {
        return Ok(());
    }
    Err(BadInput(format!(
        "shares is {default:?} by default, for 3 stages, and there are {stages}: give {stages} that add up to 1"
    )))
}

/// Of two keys one is needed, and both or neither are there.
pub(super) fn one_of(one: &str, other: &str, both: bool) -> BadInput {
    let given = if both { "both are" } else { "neither is" };
    BadInput(format!("one of `{one}` and `{other}` is needed, {given} given"))
}

pub(super) fn with_layers(model: &LlamaConfig, num_hidden_layers: usize) -> Result<LlamaConfig> {
    let model = model.with(|fields| fields.num_hidden_layers = num_hidden_layers);
    Ok(model.map_err(ScheduleError::Model)?)
}
