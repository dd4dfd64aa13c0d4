//! When to grow and by what factor, for a budget: the published formula with the range that it was fitted in, what is
//! known outside of it, and a schedule to begin with. Nothing is measured here, and nothing promised.

mod timing;
mod shape;
mod rates;
mod published;
mod error;

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::Growth;
use serde::Serialize;

use crate::{
    at_growth::AtGrowth,
    flops::FlopConvention,
    learning_rate::{curve::LearningRateCurve, shape::Shape},
    methods::{base_sizes::BaseSizes, g_stack::GStack, length::Length},
    trainable::Trainable,
};

pub use error::AdviceError;
pub use published::{Caution, Saving};
pub use rates::peak_learning_rate;
pub use shape::{llama_shape, llama_with};
pub use timing::{FITTED, FittedRange, TOKEN_FRACTION, Zone, base_tokens_by_formula};

/// What there is to spend: what training this model from scratch on so many tokens would cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// The final model.
    pub model: LlamaConfig,
    /// Tokens that training from scratch would have.
    pub tokens: u64,
    /// Tokens in a sequence.
    pub sequence_length: usize,
    /// Tokens in a step.
    pub batch_tokens: u64,
}

/// A length of the base's training, and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BaseLength {
    /// Tokens; may be more than there are to spend.
    pub tokens: f64,
    /// Its part of the whole budget in exact FLOPs; above 1 where the base alone costs more.
    pub share_of_flops: f64,
}

/// What to do with a budget, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// Parameters of the final model.
    pub parameters: u64,
    /// Parameters of the base.
    pub base_parameters: u64,
    /// Layers of the base.
    pub base_layers: usize,
    /// The budget, as 6 · parameters · tokens: the formula's own count.
    pub flops_6nt: f64,
    /// The budget in exact FLOPs.
    pub flops: f64,
    /// Tokens from scratch for each parameter.
    pub tokens_per_parameter: f64,
    /// Where the budget lies beside the range that the formula was fitted in.
    pub zone: Zone,
    /// How many times the base is stacked.
    pub factor: usize,
    /// What the formula says; for information only where it doesn't hold.
    pub formula: BaseLength,
    /// The shorter and the longer end of the rule by fractions of the tokens.
    pub fraction: [BaseLength; 2],
    /// What the schedule has.
    pub base: BaseLength,
    /// Tokens that are left for the grown model.
    pub grown_tokens: u64,
    /// What the literature has gained near this size; `None` below it.
    pub saving: Option<Saving>,
    /// What newer work says against taking this for certain.
    pub cautions: Vec<Caution>,
    /// The schedule to begin with.
    pub schedule: GStack,
    /// The learning rate of the run from scratch that it is to be compared with.
    pub scratch_learning_rate: LearningRateCurve,
}

/// From this part of the budget on, a base costs more than growth has ever saved.
pub const LARGEST_SHARE: f64 = 0.5;
/// Of the tokens of a stage, at most: the warm-up.
const WARMUP_PART: f64 = 0.04;
/// Steps of the warm-up in arXiv 2405.15319, table 1.
const WARMUP_STEPS: u64 = 3_000;

impl Advice {
    /// Looks a budget up.
    ///
    /// ```
    /// use outgrow_checkpoint::LlamaConfig;
    /// use outgrow_schedules::{Schedule, advice::{Advice, Budget, Zone, llama_shape}};
    ///
    /// let model = LlamaConfig::new(llama_shape(1_100_000_000, 32_000, 2048)?)?;
    /// let budget = Budget { model, tokens: 60_000_000_000, sequence_length: 2048, batch_tokens: 2 << 20 };
    /// let advice = Advice::new(&budget)?;
    /// assert_eq!((advice.zone, advice.factor), (Zone::Fitted, 4));
    /// assert!(advice.base.share_of_flops < 0.1);
    /// let grown = Schedule::g_stack(&budget.model, &advice.schedule)?;
    /// assert_eq!(grown.stages().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A model whose layers can't be stacked from fewer ones, and a budget without room for a step of each stage.
    pub fn new(budget: &Budget) -> Result<Self, AdviceError> {
        let Budget { model, tokens, sequence_length, batch_tokens } = budget;
        let factor = factor(model.num_hidden_layers)?;
        let base_layers = model.num_hidden_layers / factor;
        let base_model =
            model.with(|fields| fields.num_hidden_layers = base_layers).map_err(AdviceError::Model)?;
        let per_token = |model: &LlamaConfig| {
            FlopConvention::Exact.flops_per_token(model, *sequence_length, &Trainable::All)
        };
        let (base_cost, cost) = (per_token(&base_model), per_token(model));
        let scratch_tokens = *tokens as f64;
        let flops = cost * scratch_tokens;
        let length =
            |tokens: f64| BaseLength { tokens, share_of_flops: tokens * base_cost / (cost * scratch_tokens) };
        let parameters = model.num_parameters();
        let flops_6nt = 6.0 * parameters as f64 * scratch_tokens;
        let zone = Zone::of(parameters as f64, flops_6nt);
        let formula = length(base_tokens_by_formula(parameters as f64, flops_6nt));
        let fraction = TOKEN_FRACTION.map(|part| length(part * scratch_tokens));
        let holds = zone != Zone::Below && formula.share_of_flops < LARGEST_SHARE;
        // Between the rule's ends in the middle of their logarithms.
        let by_fraction = (TOKEN_FRACTION[0] * TOKEN_FRACTION[1]).sqrt() * scratch_tokens;
        let base_tokens = whole_steps(if holds { formula.tokens } else { by_fraction }, *batch_tokens);
        let grown_tokens = (flops - base_cost * base_tokens as f64) / cost;
        if base_tokens == 0 || grown_tokens < *batch_tokens as f64 {
            return Err(AdviceError::TooFewTokens { tokens: *tokens, batch_tokens: *batch_tokens });
        }
        let peak = peak_learning_rate(parameters);
        let base_peak = rates::base_peak(zone, base_model.num_parameters(), peak);
        let rate = |peak: f64, stage: f64, horizon_tokens| LearningRateCurve {
            shape: Shape::Cosine,
            peak,
            minimum: rates::rounded(peak / 10.0),
            warmup_tokens: warmup_tokens(stage, *batch_tokens),
            horizon_tokens,
        };
        let schedule = GStack {
            growth: Growth::Stack { factor },
            base: BaseSizes::default(),
            base_tokens,
            // The base stops long before its horizon, as those of arXiv 2405.15319 do.
            base_learning_rate: rate(base_peak, base_tokens as f64, Some(*tokens)),
            grown: Length::Budget { flops, sequence_length: *sequence_length, orthogonalization: None },
            grown_learning_rate: Some(rate(peak, grown_tokens, None)),
            at_growth: AtGrowth::default(),
        };
        let tokens_per_parameter = scratch_tokens / parameters as f64;
        Ok(Self {
            parameters,
            base_parameters: base_model.num_parameters(),
            base_layers,
            flops_6nt,
            flops,
            tokens_per_parameter,
            zone,
            factor,
            formula,
            fraction,
            base: length(base_tokens as f64),
            grown_tokens: grown_tokens as u64,
            saving: published::saving(zone, parameters as f64),
            cautions: published::cautions(factor, tokens_per_parameter),
            schedule,
            scratch_learning_rate: rate(peak, scratch_tokens, None),
        })
    }

    /// Whether the formula asks for a base that costs more than growth can save.
    pub fn formula_costs_too_much(&self) -> bool {
        self.formula.share_of_flops >= LARGEST_SHARE
    }
}

/// The largest factor up to 4 that divides the layers and leaves two of them.
fn factor(num_hidden_layers: usize) -> Result<usize, AdviceError> {
    let fits = |factor: &usize| num_hidden_layers.is_multiple_of(*factor) && num_hidden_layers / factor >= 2;
    [4, 3, 2].into_iter().find(fits).ok_or(AdviceError::Layers { num_hidden_layers })
}

fn whole_steps(tokens: f64, batch_tokens: u64) -> u64 {
    let steps = (tokens / batch_tokens as f64).round();
    // A length beyond all bounds is no length.
    if steps.is_finite() { (steps as u64).saturating_mul(batch_tokens) } else { 0 }
}

fn warmup_tokens(stage_tokens: f64, batch_tokens: u64) -> u64 {
    let steps = (stage_tokens * WARMUP_PART / batch_tokens as f64).round() as u64;
    steps.clamp(1, WARMUP_STEPS) * batch_tokens
}
