//! Two ways to one model at equal cost: from scratch, and grown from a quarter of its layers. Prints the stages of both
//! with their tokens, FLOPs and learning rates, and what the growth is made of.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::Growth;
use outgrow_schedules::{
    AtGrowth, BaseSizes, FlopConvention, GStack, LearningRateCurve, Length, PlannedGrowth, Schedule,
};

const SEQUENCE_LENGTH: usize = 128;
const TOKENS: u64 = 2_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = LlamaConfig::from_json(
        r#"{ "model_type": "llama", "vocab_size": 4096, "hidden_size": 128, "intermediate_size": 344,
             "num_hidden_layers": 8, "num_attention_heads": 4, "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
             "tie_word_embeddings": false }"#,
    )?;
    let rate = LearningRateCurve::cosine(4e-3, 4e-4, 80_000);

    let scratch = Schedule::scratch(model.clone(), TOKENS, rate.over(TOKENS))?;
    println!("{}", scratch.describe(SEQUENCE_LENGTH));

    // The grown run may spend what scratch spends, its base included.
    let flops = scratch.flops(FlopConvention::Exact, SEQUENCE_LENGTH);
    let settings = GStack {
        growth: Growth::Stack { factor: 4 },
        base: BaseSizes::default(),
        base_tokens: 800_000,
        // Half of scratch's rate: a gentle base stacks well. It ends before its horizon, while the rate is still high.
        base_learning_rate: LearningRateCurve {
            horizon_tokens: Some(TOKENS),
            ..LearningRateCurve::cosine(2e-3, 2e-4, 40_000)
        },
        grown: Length::Budget { flops, sequence_length: SEQUENCE_LENGTH, orthogonalization: None },
        grown_learning_rate: Some(rate),
        at_growth: AtGrowth::default(),
    };
    let grown = Schedule::g_stack(&model, &settings)?;
    println!("{}", grown.describe(SEQUENCE_LENGTH));
    for convention in FlopConvention::ALL {
        let [one, other] = [&scratch, &grown].map(|schedule| schedule.flops(convention, SEQUENCE_LENGTH));
        println!("{convention}: {one:.4e} FLOPs from scratch, {other:.4e} grown");
    }
    if let Some(plan) = grown.growth(1).map(PlannedGrowth::plan) {
        println!("the growth makes {} tensors", plan.tensors().len());
    }
    Ok(())
}
