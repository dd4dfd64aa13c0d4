//! Attention in bf16 where rounding hurts most: values that have a large part in common, which must drop out of the
//! gradients of scores.

use crate::numbers::numbers;
use outgrow_kernels::cpu::kernels::{
    attention::{Attended, AttentionGradients, AttentionOutput, attend, attend_gradients},
    rotary::Heads,
    value::Value,
};
use proptest::prelude::*;

/// How far gradients may be from f32, `‖found − exact‖ / ‖exact‖`: one rounding of a value to bf16. With a denominator
/// of other weights than are multiplied, queries' were 0.4 to 2.3 % off.
const FARTHEST: f64 = 1.0 / 256.0;

/// Numbers around `common`, rounded, so that both precisions read the same.
fn rounded(count: usize, salt: u64, common: f32) -> Vec<f32> {
    numbers(count, salt).into_iter().map(|number| half::bf16::narrow(number + common).widen()).collect()
}

/// The gradients of queries, keys and values, `[heads · sequence · head_dim]` each.
fn gradients<T: Value>(heads: Heads, common: f32, salt: u64) -> [Vec<f32>; 3] {
    let size = heads.heads * heads.sequence * heads.head_dim;
    let of = |salt, common| rounded(size, salt, common).into_iter().map(T::narrow).collect::<Vec<T>>();
    let [mut query, key, gradient] = [salt, salt + 1, salt + 2].map(|salt| of(salt, 0.0));
    let value = of(salt + 3, common);
    // Each sees a few keys and hardly the others.
    for query in &mut query {
        *query = T::narrow(8.0 * query.widen());
    }
    let (query, key, value) = (&query[..], &key[..], &value[..]);
    let attended = Attended { query, key, value, heads, key_value_heads: heads.heads, first_visible: None };
    let (mut output, mut logarithms) = (vec![0.0; size], vec![0.0; heads.heads * heads.sequence]);
    attend(&mut output, &mut logarithms, attended);
    // One head: what attention gives lies as the way back reads it.
    let output = AttentionOutput { gradient: &gradient, values: &output, logarithms: &logarithms };
    let mut targets = [(); 3].map(|()| vec![0.0; size]);
    let [query, key, value] = targets.each_mut().map(Vec::as_mut_slice);
    attend_gradients(AttentionGradients { query, key, value }, output, attended);
    targets
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_all_values_have_in_common_drops_out_of_the_gradients_of_queries_and_keys(
        sequence in 20_usize..700, head_dim in 16_usize..65, common in 4_f32..16.0, salt in 0_u64..1000,
    ) {
        let heads = Heads { batch: 1, sequence, heads: 1, head_dim };
        let (found, exact) = (gradients::<half::bf16>(heads, common, salt), gradients::<f32>(heads, common, salt));
        for (what, index) in [("queries", 0), ("keys", 1)] {
            let squares = |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value).powi(2)).sum::<f64>();
            let difference = squares(&mut found[index].iter().zip(&exact[index]).map(|(found, exact)| found - exact));
            let error = (difference / squares(&mut exact[index].iter().copied())).sqrt();
            prop_assert!(error <= FARTHEST, "{what}: {error} with {common} in common");
        }
    }
}
