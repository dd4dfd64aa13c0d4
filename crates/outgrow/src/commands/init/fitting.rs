//! The model and the length that take the time that there is. How fast models are, it asks; the rules are sizing.rs's.

use outgrow_checkpoint::LlamaConfig;

use super::{
    sizing::{
        Corpus, LEAST_STEPS, PARAMETERS, PROBE_PARAMETERS, Sizing, TOKENS_PER_PARAMETER, Wanted, shape,
    },
    timing::PairPlan,
};
use crate::{
    error::{BadInput, Error, Result},
    terminal::figures::{about_time, count},
};

/// How often the length is corrected by the time that it takes.
const CORRECTIONS: usize = 3;

/// Measures how long both runs of a sizing take.
pub(super) type Measured<'a> = &'a mut dyn FnMut(&Sizing) -> Result<PairPlan>;

/// Decides all.
///
/// # Errors
/// A number of parameters without a shape, and a time or a corpus that is too short for any run.
pub(super) fn decide(corpus: &Corpus, wanted: &Wanted, measured: Measured<'_>) -> Result<(Sizing, PairPlan)> {
    let longest = (wanted.most_epochs * corpus.training_tokens as f64) as u64;
    let model = if let Some(parameters) = wanted.parameters {
        shape(corpus, wanted, parameters, true)?
    } else {
        let probe = shape(corpus, wanted, PROBE_PARAMETERS, false)?;
        let sizing = Sizing::new(corpus, probe, longest)?;
        let speed = measured(&sizing)?.flops_per_second();
        // Of one run: 6 · N · 20 N FLOPs.
        let by_time = (0.5 * wanted.seconds * speed / (6.0 * TOKENS_PER_PARAMETER)).sqrt();
        let by_corpus = longest as f64 / TOKENS_PER_PARAMETER;
        let [least, most] = PARAMETERS;
        shape(corpus, wanted, by_time.min(by_corpus).clamp(least, most) as u64, false)?
    };
    // Of the size of a step depends how fast it is, and on the length the size of a step.
    let mut sizing = Sizing::new(corpus, model.clone(), longest.min(first_guess(&model)))?;
    let mut plan = measured(&sizing)?;
    for _ in 0..CORRECTIONS {
        let tokens = sizing.budget.tokens as f64 * wanted.seconds / plan.seconds();
        sizing = Sizing::new(corpus, model.clone(), longest.min(tokens as u64))?;
        plan = plan.of(&sizing)?;
    }
    let steps = sizing.budget.tokens / sizing.budget.batch_tokens;
    if steps < LEAST_STEPS {
        return Err(too_short(corpus, wanted, &sizing, &plan));
    }
    Ok((sizing, plan))
}

/// Tokens that a first look at a model's speed plans with.
fn first_guess(model: &LlamaConfig) -> u64 {
    (TOKENS_PER_PARAMETER * model.num_parameters() as f64) as u64
}

fn too_short(corpus: &Corpus, wanted: &Wanted, sizing: &Sizing, plan: &PairPlan) -> Error {
    let steps = sizing.budget.tokens / sizing.budget.batch_tokens;
    let parameters = count(sizing.budget.model.num_parameters());
    let is_the_corpus = sizing.epochs() > 0.99 * wanted.most_epochs;
    let problem = if is_the_corpus {
        format!(
            "the corpus has {} tokens: {steps} steps, read {:.1} times, and a run needs {LEAST_STEPS}; give more text or --epochs",
            count(corpus.training_tokens),
            sizing.epochs()
        )
    } else {
        let needed = plan.seconds() * LEAST_STEPS as f64 / steps.max(1) as f64 / 60.0;
        format!(
            "{parameters} parameters: {} are {steps} steps, and a run needs {LEAST_STEPS}; give --minutes {:.0}, or \
             fewer --parameters",
            about_time(wanted.seconds),
            (1.1 * needed).ceil()
        )
    };
    BadInput(problem).into()
}
