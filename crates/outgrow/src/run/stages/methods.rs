//! The methods of recipes made into stages, each by its constructor in outgrow-schedules.

use outgrow_operators::{Depth, Growth, Width};
use outgrow_schedules::{
    GStack, Gradual, Late, LearnedGrowth, LearningRateCurve, LlamaPro, MatrixLearning, Midas,
    Orthogonalization, RandomMask, Recycle, Schedule, Stackbert, Stacking2, Staged, StagedTraining,
};

use crate::{
    error::{BadInput, Result},
    recipe::{
        BlocksRecipe, GStackRecipe, GradualRecipe, LateRecipe, LearnedRecipe, LlamaProRecipe,
        RandomMaskRecipe, RecycleRecipe, ScheduleRecipe, StackbertRecipe, Stacking2Recipe, StagedRecipe,
        StagedTrainingRecipe,
    },
    run::stages::{
        method::{Method, check_default_shares, one_of, with_layers},
        model::Model,
        one_by_one::stages_one_by_one,
    },
};

/// The stages of a recipe.
///
/// # Errors
/// Settings that lead to no stages, or to such as don't fit each other.
pub(crate) fn schedule(
    recipe: &ScheduleRecipe,
    model: Model<'_>,
    [batch_sequences, sequence_length]: [usize; 2],
    orthogonalization: Option<Orthogonalization>,
) -> Result<Schedule> {
    let batch_tokens = (batch_sequences * sequence_length) as u64;
    let method = Method { model, sequence_length, batch_tokens, orthogonalization, name: recipe.method() };
    match recipe.clone() {
        ScheduleRecipe::Scratch { tokens, learning_rate } => scratch(model, tokens, learning_rate),
        ScheduleRecipe::GStack(recipe) => g_stack(method, recipe),
        ScheduleRecipe::RandomMask(recipe) => random_mask(method, &recipe),
        ScheduleRecipe::Gradual(recipe) => gradual(method, recipe),
        ScheduleRecipe::Stackbert(recipe) => stackbert(method, recipe),
        ScheduleRecipe::Stacking2(recipe) => stacking2(method, recipe),
        ScheduleRecipe::Midas(recipe) => Ok(Schedule::midas(method.drawn()?, &blocks(method, &recipe)?)?),
        ScheduleRecipe::Lidas(recipe) => Ok(Schedule::lidas(method.drawn()?, &blocks(method, &recipe)?)?),
        ScheduleRecipe::Staged(recipe) => staged(method, recipe),
        ScheduleRecipe::StagedTraining(recipe) => staged_training(method, recipe),
        ScheduleRecipe::Learned(recipe) => learned(method, recipe),
        ScheduleRecipe::LlamaPro(recipe) => llama_pro(method, &recipe),
        ScheduleRecipe::Late(recipe) => late(method, recipe),
        ScheduleRecipe::Recycle(recipe) => recycle(method, recipe),
        ScheduleRecipe::Stages { stages } => stages_one_by_one(stages, model),
    }
}

fn scratch(model: Model<'_>, tokens: u64, learning_rate: LearningRateCurve) -> Result<Schedule> {
    let learning_rate = learning_rate.over(tokens);
    Ok(match model {
        Model::Final(model) => Schedule::scratch(model.clone(), tokens, learning_rate)?,
        Model::Base(base, _) => Schedule::continued(base.clone(), tokens, learning_rate)?,
    })
}

fn g_stack(method: Method<'_>, recipe: GStackRecipe) -> Result<Schedule> {
    let GStackRecipe { factor, growth, base, base_tokens, base_learning_rate, grown_tokens, .. } = recipe;
    let GStackRecipe { scratch_tokens, grown_learning_rate, at_growth, .. } = recipe;
    let growth = match (factor, growth) {
        (Some(factor), None) => Growth::Stack { factor },
        (None, Some(growth)) => growth.read_matrices()?,
        (found, _) => return Err(one_of("factor", "growth", found.is_some()).into()),
    };
    method.check_base_sizes(&base)?;
    method.check_base_tokens(base_tokens, scratch_tokens)?;
    let last = || method.grown(std::slice::from_ref(&growth));
    let grown = method.length(last, grown_tokens, scratch_tokens, "grown_tokens")?;
    let base_learning_rate = method.rate_of_base(base_tokens, base_learning_rate)?;
    let settings =
        GStack { growth, base, base_tokens, base_learning_rate, grown, grown_learning_rate, at_growth };
    Ok(match method.model {
        Model::Final(model) => Schedule::g_stack(model, &settings)?,
        Model::Base(base, _) => Schedule::g_stack_from(base, &settings)?,
    })
}

fn random_mask(method: Method<'_>, recipe: &RandomMaskRecipe) -> Result<Schedule> {
    let RandomMaskRecipe { base, base_tokens, base_learning_rate, mask, seed, .. } = *recipe;
    let RandomMaskRecipe { grown_tokens, scratch_tokens, grown_learning_rate, at_growth, .. } = *recipe;
    let target = method.drawn()?;
    method.check_base_tokens(base_tokens, scratch_tokens)?;
    if at_growth.mask.is_some() {
        return Err(said_twice("mask").into());
    }
    let grown = method.length(|| Ok(target.clone()), grown_tokens, scratch_tokens, "grown_tokens")?;
    let settings = RandomMask {
        base,
        base_tokens,
        base_learning_rate,
        mask,
        seed,
        grown,
        grown_learning_rate,
        at_growth,
    };
    Ok(Schedule::random_mask(target, &settings)?)
}

fn said_twice(key: &str) -> BadInput {
    BadInput(format!("{key} is given, and at_growth.{key} too: leave the second out"))
}

fn gradual(method: Method<'_>, recipe: GradualRecipe) -> Result<Schedule> {
    let GradualRecipe { layer_counts, operator, base_tokens, stage_tokens, stage_learning_rate, .. } = recipe;
    let GradualRecipe { grown_tokens, scratch_tokens, grown_learning_rate, at_growth, .. } = recipe;
    let last = || method.with_last_of(&layer_counts);
    let grown = method.length(last, grown_tokens, scratch_tokens, "grown_tokens")?;
    let settings = Gradual {
        layer_counts,
        operator,
        base_tokens,
        stage_tokens,
        stage_learning_rate,
        grown,
        grown_learning_rate,
        at_growth,
    };
    Ok(match method.model {
        Model::Final(model) => Schedule::gradual(model, &settings)?,
        Model::Base(base, _) => {
            Method::check_length_of_base(base_tokens)?;
            Schedule::gradual_from(base, &settings)?
        }
    })
}

fn stackbert(method: Method<'_>, recipe: StackbertRecipe) -> Result<Schedule> {
    let StackbertRecipe { layer_counts, shares, tokens, scratch_tokens, learning_rate, at_growth } = recipe;
    let target = method.drawn()?;
    check_default_shares(&shares, Stackbert::PAPER_SHARES, layer_counts.len())?;
    let length = method.length(|| Ok(target.clone()), tokens, scratch_tokens, "tokens")?;
    let settings = Stackbert { layer_counts, shares, length, learning_rate, at_growth };
    Ok(Schedule::stackbert(target, &settings)?)
}

fn stacking2(method: Method<'_>, recipe: Stacking2Recipe) -> Result<Schedule> {
    let Stacking2Recipe { layer_counts, base_tokens, stage_tokens, stage_learning_rate, .. } = recipe;
    let Stacking2Recipe { joint_tokens, scratch_tokens, joint_learning_rate, at_growth, .. } = recipe;
    let last = || method.with_last_of(&layer_counts);
    let joint = method.length(last, joint_tokens, scratch_tokens, "joint_tokens")?;
    let settings = Stacking2 {
        layer_counts,
        base_tokens,
        stage_tokens,
        stage_learning_rate,
        joint,
        joint_learning_rate,
        at_growth,
    };
    Ok(match method.model {
        Model::Final(model) => Schedule::stacking2(model, &settings)?,
        Model::Base(base, _) => {
            Method::check_length_of_base(base_tokens)?;
            Schedule::stacking2_from(base, &settings)?
        }
    })
}

fn blocks(method: Method<'_>, recipe: &BlocksRecipe) -> Result<Midas> {
    let BlocksRecipe { block_layers, exponent, tokens, scratch_tokens, learning_rate, at_growth } = *recipe;
    let target = method.drawn()?;
    let length = method.length(|| Ok(target.clone()), tokens, scratch_tokens, "tokens")?;
    Ok(Midas { block_layers, exponent, length, learning_rate, at_growth })
}

fn staged(method: Method<'_>, recipe: StagedRecipe) -> Result<Schedule> {
    let StagedRecipe { growths, base, shares, tokens, scratch_tokens, learning_rate, at_growth } = recipe;
    let read = growths.into_iter().map(Growth::read_matrices);
    let growths: Vec<Growth> = read.collect::<std::result::Result<_, _>>()?;
    method.check_base_sizes(&base)?;
    if !growths.is_empty() {
        check_default_shares(&shares, Staged::PAPER_SHARES, growths.len() + 1)?;
    }
    let length = method.length(|| method.grown(&growths), tokens, scratch_tokens, "tokens")?;
    let settings = Staged { growths, base, shares, length, learning_rate, at_growth };
    Ok(match method.model {
        Model::Final(model) => Schedule::staged(model, &settings)?,
        Model::Base(base, _) => Schedule::staged_from(base, &settings)?,
    })
}

fn staged_training(method: Method<'_>, recipe: StagedTrainingRecipe) -> Result<Schedule> {
    let StagedTrainingRecipe { growth, base, ends_at, base_tokens, base_learning_rate, .. } = recipe;
    let StagedTrainingRecipe { grown_tokens, scratch_tokens, grown_learning_rate, at_growth, .. } = recipe;
    let growth = growth.read_matrices()?;
    method.check_base_sizes(&base)?;
    method.check_base_tokens(base_tokens, scratch_tokens)?;
    let last = || method.grown(std::slice::from_ref(&growth));
    let grown = method.length(last, grown_tokens, scratch_tokens, "grown_tokens")?;
    let settings = StagedTraining {
        growth,
        base,
        ends_at,
        base_tokens,
        base_learning_rate,
        grown,
        grown_learning_rate,
        at_growth,
    };
    Ok(match method.model {
        Model::Final(model) => Schedule::staged_training(model, &settings)?,
        Model::Base(base, _) => Schedule::staged_training_from(base, &settings)?,
    })
}

fn learned(method: Method<'_>, recipe: LearnedRecipe) -> Result<Schedule> {
    let LearnedRecipe { factor, growth, base, base_tokens, base_learning_rate, learning, .. } = recipe;
    let LearnedRecipe { grown_tokens, scratch_tokens, grown_learning_rate, .. } = recipe;
    let growth = match (factor, growth) {
        (Some(factor), None) => {
            let (depth, width) = (Some(Depth::Factor(factor)), Width::default());
            Growth::Learned { depth, width, matrices: None, seed: 0 }
        }
        (None, Some(growth)) => growth.read_matrices()?,
        (found, _) => return Err(one_of("factor", "growth", found.is_some()).into()),
    };
    method.check_base_sizes(&base)?;
    method.check_base_tokens(base_tokens, scratch_tokens)?;
    let last = || method.grown(std::slice::from_ref(&growth));
    let grown = method.length(last, grown_tokens, scratch_tokens, "grown_tokens")?;
    let base_learning_rate = method.rate_of_base(base_tokens, base_learning_rate)?;
    let learning = learning.unwrap_or(MatrixLearning {
        tokens: LearnedGrowth::PAPER_STEPS.saturating_mul(method.batch_tokens),
        learning_rate: MatrixLearning::USUAL_PEAK,
        all_widths: false,
    });
    let settings =
        LearnedGrowth { growth, base, base_tokens, base_learning_rate, learning, grown, grown_learning_rate };
    Ok(match method.model {
        Model::Final(model) => Schedule::learned(model, &settings)?,
        Model::Base(base, _) => Schedule::learned_from(base, &settings)?,
    })
}

fn llama_pro(method: Method<'_>, recipe: &LlamaProRecipe) -> Result<Schedule> {
    let LlamaProRecipe { added_layers, base_tokens, base_learning_rate, grown_tokens, .. } = *recipe;
    let LlamaProRecipe { scratch_tokens, grown_learning_rate, at_growth, .. } = *recipe;
    method.check_base_tokens(base_tokens, scratch_tokens)?;
    let last = || match method.model {
        Model::Final(model) => Ok(model.clone()),
        Model::Base(base, _) => with_layers(base, base.num_hidden_layers.saturating_add(added_layers)),
    };
    let grown = method.length(last, grown_tokens, scratch_tokens, "grown_tokens")?;
    let base_learning_rate = method.rate_of_base(base_tokens, base_learning_rate)?;
    let settings =
        LlamaPro { added_layers, base_tokens, base_learning_rate, grown, grown_learning_rate, at_growth };
    Ok(match method.model {
        Model::Final(model) => Schedule::llama_pro(model, &settings)?,
        Model::Base(base, _) => Schedule::llama_pro_from(base, &settings)?,
    })
}

fn late(method: Method<'_>, recipe: LateRecipe) -> Result<Schedule> {
    let LateRecipe { growth, base, base_share, tokens, scratch_tokens, learning_rate, at_growth } = recipe;
    let growth = growth.map(Growth::read_matrices).transpose()?;
    let target = method.drawn()?;
    let length = method.length(|| Ok(target.clone()), tokens, scratch_tokens, "tokens")?;
    let settings = Late { growth, base, base_share, length, learning_rate, at_growth };
    Ok(Schedule::late(target, &settings)?)
}

fn recycle(method: Method<'_>, recipe: RecycleRecipe) -> Result<Schedule> {
    let RecycleRecipe { growth, tokens, scratch_tokens, learning_rate, at_growth } = recipe;
    let Model::Base(base, _) = method.model else {
        let problem = "`recycle` grows a finished model: give its folder as model.from";
        return Err(BadInput(problem.to_owned()).into());
    };
    let growth = growth.map(Growth::read_matrices).transpose()?.unwrap_or(Recycle::PAPER_GROWTH);
    let last = || method.grown(std::slice::from_ref(&growth));
    let length = method.length(last, tokens, scratch_tokens, "tokens")?;
    let settings = Recycle { growth, length, learning_rate, at_growth };
    Ok(Schedule::recycle_from(base, &settings)?)
}
