//! Whether a grown model computes what its source does, as each operator says of itself: by a decoder of our own in
//! f64, that growth knows nothing of.

use outgrow_checkpoint::{LlamaConfig, NamedTensors};
use outgrow_operators::{Growth, GrowthPlan, Mix, Preservation, Width, grow_tensors};
use proptest::prelude::*;

use crate::{
    cases,
    models::{growths, model, models},
    reference::{Mask, logits, ordinary},
};

/// The largest difference of logits, relative to the largest logit.
fn difference(plan: &GrowthPlan, source: &NamedTensors, mask: &Mask) -> f64 {
    difference_of([plan.source(), plan.target()], [source, &grow_tensors(plan, source).unwrap()], mask)
}

/// The same for a model and another, whatever made it.
pub(crate) fn difference_of(
    [model, other]: [&LlamaConfig; 2],
    [tensors, others]: [&NamedTensors; 2],
    mask: &Mask,
) -> f64 {
    let tokens: Vec<usize> = (0..5).map(|index| index * 7 % model.vocab_size).collect();
    let before = logits(model, tensors, &tokens, &Mask::open(model));
    let after = logits(other, others, &tokens, mask);
    let scale = before.iter().fold(0.0_f64, |largest, logit| largest.max(logit.abs()));
    before.iter().zip(&after).map(|(before, after)| (before - after).abs() / scale).fold(0.0, f64::max)
}

/// How much the logits move at most when every weight does by a few times what f32 rounds, in one of four ways,
/// relative to the largest logit. Where that is much, as where channels of a norm nearly vanish, no rounded model can
/// be told from another.
pub(crate) fn sensitivity(source: &LlamaConfig, tensors: &NamedTensors) -> f64 {
    let moves = |(every, first): (usize, usize)| {
        let mut moved = tensors.clone();
        for (index, value) in moved.values_mut().flat_map(|tensor| &mut tensor.values).enumerate() {
            *value *= if index % every == first { 1.0 + 5e-7 } else { 1.0 - 5e-7 };
        }
        difference_of([source; 2], [tensors, &moved], &Mask::open(source))
    };
    [(3, 0), (3, 1), (3, 2), (2, 0)].into_iter().map(moves).fold(0.0, f64::max)
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_growth_preserves_the_function_exactly_where_it_says_so(
        shape in models(), by in 2_usize..4, share in 0.1_f64..0.9, seed in any::<u64>(),
    ) {
        // With one channel or one token the function may survive anything.
        prop_assume!(shape.hidden_size > 2 && shape.vocab_size > 2);
        let (source, tensors) = ordinary(&shape, seed);
        prop_assume!(sensitivity(&source, &tensors) < 5e-6);
        for growth in growths(&source, by, share, seed) {
            let plan = GrowthPlan::new(&source, [&growth]).unwrap();
            let open = difference(&plan, &tensors, &Mask::open(plan.target()));
            match plan.preservation() {
                Preservation::Exact => prop_assert!(open < 1e-5, "{:?}: {}", growth, open),
                Preservation::None => prop_assert!(open > 1e-5, "{:?}: {}", growth, open),
                Preservation::AtMaskZero => {
                    let closed = difference(&plan, &tensors, &Mask::only_first(plan.source(), plan.target()));
                    prop_assert!(closed < 1e-5 && open > 1e-5, "{:?}: {} closed, {} open", growth, closed, open);
                }
            }
        }
    }

    #[test]
    fn a_copy_of_everything_once_preserves_the_function(shape in models(), seed in any::<u64>()) {
        let (source, tensors) = ordinary(&shape, seed);
        let same = Growth::Split { width: Width::default(), share: Some(0.3) };
        let noiseless = Growth::Noise { amount: 0.0, mix: Mix::Linear, seed };
        for growth in [Growth::Stack { factor: 1 }, Growth::Hyperclone { factor: 1 }, same, noiseless] {
            let plan = GrowthPlan::new(&source, [&growth]).unwrap();
            prop_assert_eq!(plan.preservation(), Preservation::Exact);
            prop_assert_eq!(grow_tensors(&plan, &tensors).unwrap(), tensors.clone());
        }
    }

    #[test]
    fn small_activations_survive_zero_growth_because_epsilon_shrinks(seed in any::<u64>()) {
        let (source, mut tensors) = ordinary(&model(2), seed);
        let embedding = tensors.get_mut("model.embed_tokens.weight").unwrap();
        // The mean square comes close to epsilon.
        embedding.values.iter_mut().for_each(|value| *value *= 1e-3);
        let width = Width { hidden_size: Some(3 * source.hidden_size), ..Width::default() };
        let plan = GrowthPlan::new(&source, &[Growth::ZeroWidth { width, seed }]).unwrap();
        prop_assert!(difference(&plan, &tensors, &Mask::open(plan.target())) < 1e-5);
        let kept = plan.target().with(|fields| fields.rms_norm_eps = source.rms_norm_eps).unwrap();
        let grown = grow_tensors(&plan, &tensors).unwrap();
        let unscaled = difference_of([&source, &kept], [&tensors, &grown], &Mask::open(&kept));
        prop_assert!(unscaled > 1e-3);
    }
}
