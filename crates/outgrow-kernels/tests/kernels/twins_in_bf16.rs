//! The fused operations in bf16 against their composed twins in bf16 and in f32, over random shapes.

use crate::cases::{Biases, Case, PARENTS, cases, host, run_layer, tensor};
use outgrow_kernels::{Precision, composed, linear_cross_entropy};
use proptest::prelude::*;

/// How many times as far from f32 as its twin an operation may be: both have a dozen roundings, at other places and in
/// other orders.
const TIMES_THE_TWIN: f64 = 3.0;

/// Where the twin happens to be nearer than that: two roundings of 2⁻⁹.
const ROUNDINGS: f64 = 2.0 / 512.0;

/// Of how many layers of one shape the errors are taken together where each has too few numbers for the twin's luck to
/// even out.
const SMALL_LAYERS: u64 = 16;

/// Root mean square of what a result's terms are at least: a result that is smaller is a difference of larger terms,
/// and has their rounding.
const SMALLEST_SCALE: f64 = 0.1;

/// `‖found − expected‖ / ‖expected‖`
fn relative_error(found: &[f32], expected: &[f32]) -> f64 {
    let square = |value: f64| value * value;
    let pairs = found.iter().zip(expected);
    let difference: f64 =
        pairs.map(|(&found, &expected)| square(f64::from(found) - f64::from(expected))).sum();
    let size: f64 = expected.iter().map(|&value| square(f64::from(value))).sum();
    (difference / size.max(square(SMALLEST_SCALE) * expected.len() as f64)).sqrt()
}

fn compare(what: &str, [found, twin, exact]: [&[f32]; 3]) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), twin.len());
    let [found, twin] = [found, twin].map(|values| relative_error(values, exact));
    prop_assert!(found <= TIMES_THE_TWIN * twin + ROUNDINGS, "{what}: {found} from f32, the twin {twin}");
    Ok(())
}

fn compare_layer(case: Case, packed: bool) -> Result<(), TestCaseError> {
    let is_small = case.batch * case.sequence < 16 || case.intermediate < 8;
    let layers = if is_small { SMALL_LAYERS } else { 1 };
    let run = |fused, precision| {
        let mut all: Vec<Vec<f32>> = Vec::new();
        for layer in 0..layers {
            // A layer's own tensors differ by less than 100.
            let case = Case { salt: case.salt + 100 * layer, ..case };
            let results = run_layer(case, fused, packed, &[], precision);
            all.resize(results.len(), Vec::new());
            all.iter_mut().zip(results).for_each(|(all, one)| all.extend(one.unwrap()));
        }
        all
    };
    let found = run(true, Precision::Bf16);
    let (twin, exact) = (run(false, Precision::Bf16), run(false, Precision::F32));
    for (index, ((found, twin), exact)) in found.iter().zip(&twin).zip(&exact).enumerate() {
        compare(&format!("result {index}"), [found, twin, exact])?;
    }
    Ok(())
}

/// The loss of `[batch, sequence]` tokens, and the gradients of `[width]` wide rows and of the head.
fn run_head(
    [batch, sequence, width, vocabulary]: [usize; 4],
    salt: u64,
    fused: bool,
    precision: Precision,
) -> [Vec<f32>; 3] {
    let (hidden, weight) = (tensor([batch, sequence, width], salt), tensor([vocabulary, width], salt + 1));
    let ids: Vec<i32> = (0..batch * sequence).map(|index| ((index * 31 + 7) % vocabulary) as i32).collect();
    let head = if fused { linear_cross_entropy } else { composed::linear_cross_entropy };
    let loss = head(hidden.clone(), weight.clone(), &ids, 0.5, precision);
    let gradients = loss.backward();
    [host(loss), host(hidden.grad(&gradients).unwrap()), host(weight.grad(&gradients).unwrap())]
}

fn compare_head(sizes: [usize; 4], salt: u64) -> Result<(), TestCaseError> {
    let found = run_head(sizes, salt, true, Precision::Bf16);
    let [twin, exact] =
        [Precision::Bf16, Precision::F32].map(|precision| run_head(sizes, salt, false, precision));
    for (index, what) in ["loss", "gradient of the rows", "gradient of the head"].into_iter().enumerate() {
        compare(what, [&found[index], &twin[index], &exact[index]])?;
    }
    Ok(())
}

/// Attention does its keys in blocks of 512.
#[test]
fn a_long_sequence_in_bf16_is_its_twin_to_rounding() {
    let sizes = Case {
        batch: 1,
        sequence: 600,
        key_value_heads: 1,
        group: 2,
        half: 4,
        hidden: 16,
        intermediate: 20,
        biases: Biases::None,
        salt: 5,
    };
    for (packed, biases) in [(false, Biases::None), (true, Biases::None), (false, Biases::All)] {
        compare_layer(Case { biases, ..sizes }, packed).unwrap();
    }
}

/// The head does its tokens in chunks of 1024; the last one here has one token.
#[test]
fn several_chunks_of_tokens_in_bf16_are_their_twin_to_rounding() {
    for tokens in [1025, 2048, 2500] {
        compare_head([1, tokens, 12, 40], 3).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_layer_in_bf16_is_its_twin_to_rounding(case in cases(), packed: bool) {
        compare_layer(case, packed)?;
    }

    #[test]
    fn a_layer_in_bf16_gives_the_gradients_of_what_is_trained_and_no_others(
        case in cases(), frozen in proptest::collection::btree_set(0..PARENTS, 1..10),
    ) {
        let frozen: Vec<_> = frozen.into_iter().collect();
        let all = run_layer(case, true, false, &[], Precision::Bf16);
        let some = run_layer(case, true, false, &frozen, Precision::Bf16);
        let twin = run_layer(case, false, false, &frozen, Precision::Bf16);
        for (index, ((all, some), twin)) in all.iter().zip(&some).zip(&twin).enumerate() {
            prop_assert_eq!(some.is_some(), twin.is_some(), "result {}", index);
            if let Some(some) = some {
                prop_assert_eq!(Some(some), all.as_ref(), "result {}", index);
            }
        }
    }

    #[test]
    fn the_head_and_its_loss_in_bf16_are_their_twin_to_rounding(
        batch in 1_usize..3, sequence in 1_usize..90, width in 1_usize..40, vocabulary in 2_usize..300, salt in 0_u64..1000,
    ) {
        compare_head([batch, sequence, width, vocabulary], salt)?;
    }
}
