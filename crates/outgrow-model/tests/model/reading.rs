//! Texts read without gradients: scores of continuations and texts that go on, against the logits of whole sequences.

use std::path::Path;

use burn::tensor::activation::log_softmax;
use outgrow_checkpoint::{Checkpoint, LlamaConfig, NamedTensors};
use outgrow_kernels::{DeviceName, Precision, open_device};
use outgrow_model::{
    Continuations, Decoder, Initialization, ModelError, Sampler, Sampling, Score, Scorer, Session,
    initial_tensors,
};
use proptest::prelude::*;

/// A decoder whose probabilities are far from even.
fn decoder(hidden_size: usize, heads: [usize; 2], layers: usize, vocab_size: usize) -> Decoder {
    decoder_of_width([hidden_size, hidden_size * 2 + 3], heads, layers, vocab_size)
}

fn decoder_of_width(
    [hidden_size, intermediate_size]: [usize; 2],
    heads: [usize; 2],
    layers: usize,
    vocab_size: usize,
) -> Decoder {
    let config = serde_json::json!({
        "model_type": "llama",
        "hidden_size": hidden_size,
        "intermediate_size": intermediate_size,
        "num_hidden_layers": layers,
        "num_attention_heads": heads[0],
        "num_key_value_heads": heads[1],
        "vocab_size": vocab_size,
        "max_position_embeddings": 700,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": layers.is_multiple_of(2),
        "attention_bias": layers > 1,
    });
    let config = LlamaConfig::from_json(&config.to_string()).unwrap();
    let mut tensors: NamedTensors = initial_tensors(&config, Initialization::Normal, 5);
    for (name, tensor) in &mut tensors {
        let spread = if tensor.shape.len() > 1 { 8.0 } else { 1.0 };
        tensor.values.iter_mut().for_each(|value| *value *= spread);
        if name.ends_with("_proj.bias") {
            let values = tensor.values.iter_mut().enumerate();
            values.for_each(|(index, value)| *value = 0.3 * ((index * 7 % 5) as f32 - 2.0));
        }
    }
    Decoder::new(&config, &tensors, &open_device(DeviceName::Flex).unwrap()).unwrap()
}

fn text(length: usize, salt: u32, vocab_size: usize) -> Vec<u32> {
    let mix = |index: u32| (index + 1).wrapping_mul(2_654_435_761).wrapping_add(salt.wrapping_mul(40_503));
    (0..length as u32).map(|index| (mix(index) >> 9) % vocab_size as u32).collect()
}

/// A score, and what makes it greedy or not.
struct Expected {
    score: Score,
    /// How much more probable an asked token is than the best other one, in nats, where that is least. Greedy is what
    /// has none below zero.
    smallest_lead: f32,
}

/// The definition: a whole sequence's logits, row by row.
fn expected(decoder: &Decoder, context: &[u32], continuation: &[u32]) -> Expected {
    let read: Vec<_> =
        context.iter().chain(&continuation[..continuation.len() - 1]).map(|&token| token as i32).collect();
    let logits = decoder.logits(decoder.tokens(&read, read.len())).unwrap();
    let [_, rows, vocabulary] = logits.dims();
    let said = log_softmax(logits, 2).into_data().try_into_vec::<f32>().unwrap();
    let (mut log_likelihood, mut smallest_lead) = (0.0, f32::INFINITY);
    for (index, &token) in continuation.iter().enumerate() {
        let row = &said[(rows - continuation.len() + index) * vocabulary..][..vocabulary];
        log_likelihood += row[token as usize];
        let others = row.iter().enumerate().filter(|(other, _)| *other != token as usize);
        let lead = row[token as usize] - others.map(|(_, other)| *other).fold(f32::NEG_INFINITY, f32::max);
        smallest_lead = smallest_lead.min(lead);
    }
    Expected { score: Score { log_likelihood, is_greedy: smallest_lead >= 0.0 }, smallest_lead }
}

fn bits(scores: &[Vec<Score>]) -> Vec<(u32, bool)> {
    scores.iter().flatten().map(|score| (score.log_likelihood.to_bits(), score.is_greedy)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_continuation_is_as_probable_as_the_logits_of_the_whole_text_say(
        shape in prop_oneof![Just((24, [4, 2], 2)), Just((32, [2, 2], 1)), Just((40, [5, 1], 3))],
        contexts in proptest::collection::vec((1..90_usize, proptest::collection::vec(1..7_usize, 1..5)), 1..6),
        vocab_size in 3..200_usize,
    ) {
        let (hidden_size, heads, layers) = shape;
        let decoder = decoder(hidden_size, heads, layers, vocab_size);
        let texts: Vec<_> = contexts.iter().enumerate().map(|(index, (context, lengths))| {
            let continuations = (10..).zip(lengths).map(|(salt, &length)| text(length, salt, vocab_size));
            (text(*context, index as u32, vocab_size), continuations.collect::<Vec<_>>())
        }).collect();
        let asked: Vec<_> =
            texts.iter().map(|(context, continuations)| Continuations { context, continuations }).collect();
        let found = Scorer::new(&decoder).score(&asked).unwrap();
        for ((context, continuations), found) in texts.iter().zip(found) {
            for (continuation, found) in continuations.iter().zip(found) {
                let Expected { score: expected, smallest_lead } = expected(&decoder, context, continuation);
                let difference = (found.log_likelihood - expected.log_likelihood).abs();
                prop_assert!(difference <= 1e-4 + 1e-5 * expected.log_likelihood.abs(), "{found:?} {expected:?}");
                // Two tokens that are as near as that may change places.
                if smallest_lead.abs() > 1e-4 {
                    prop_assert_eq!(found.is_greedy, expected.is_greedy);
                }
            }
        }
    }

    #[test]
    fn a_text_read_in_parts_goes_on_as_one_read_at_once(
        parts in proptest::collection::vec(1..40_usize, 1..6),
        heads in prop_oneof![Just([4, 4]), Just([4, 2]), Just([2, 1])],
    ) {
        let decoder = decoder(32, heads, 2, 61);
        let whole = text(parts.iter().sum(), 3, 61);
        let mut session = Session::new(&decoder);
        let mut start = 0;
        for part in parts {
            let found = session.read(&whole[start..start + part]).unwrap();
            start += part;
            let ids: Vec<_> = whole[..start].iter().map(|&token| token as i32).collect();
            let logits = decoder.logits(decoder.tokens(&ids, start)).unwrap().narrow(1, start - 1, 1);
            let expected = logits.into_data().try_into_vec::<f32>().unwrap();
            let scale = expected.iter().fold(1_f32, |scale, value| scale.max(value.abs()));
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert!((found - expected).abs() <= 1e-5 * scale, "{found} {expected}");
            }
        }
        prop_assert_eq!(session.tokens(), whole);
    }
}

fn check_that_scores_do_not_depend_on_the_call(precision: Precision) {
    // The matrix library of f32 has another order of summing for few rows, few columns and much to sum.
    for (widths, vocab_size) in [([40, 83], 50), ([24, 1100], 60), ([24, 50], 700)] {
        let decoder = decoder_of_width(widths, [4, 2], 2, vocab_size).with_precision(precision);
        let scorer = Scorer::new(&decoder);
        let texts: Vec<_> = (0..17_u32)
            .map(|index| {
                let context = text(1 + (index as usize * 37) % 90, index, vocab_size);
                let continuations: Vec<_> = (0..=index % 4)
                    .map(|salt| text(1 + (index + salt) as usize % 6, salt + 50, vocab_size))
                    .collect();
                (context, continuations)
            })
            .collect();
        let asked: Vec<_> =
            texts.iter().map(|(context, continuations)| Continuations { context, continuations }).collect();
        let in_calls_of = |batch: usize| -> Vec<(u32, bool)> {
            asked.chunks(batch).flat_map(|asked| bits(&scorer.score(asked).unwrap())).collect()
        };
        let one = in_calls_of(1);
        for batch in [3, 8, 32] {
            assert_eq!(one, in_calls_of(batch), "{widths:?}, {batch} contexts in a call");
        }
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(one, pool.install(|| in_calls_of(8)), "{widths:?}, {threads} threads");
        }
    }
}

#[test]
fn a_score_is_the_same_bit_for_bit_whatever_else_is_in_the_call_and_with_any_number_of_threads() {
    check_that_scores_do_not_depend_on_the_call(Precision::F32);
}

#[test]
fn in_bf16_too_a_score_is_the_same_bit_for_bit_whatever_else_is_in_the_call() {
    check_that_scores_do_not_depend_on_the_call(Precision::Bf16);
}

/// Keys are done in blocks of 512.
#[test]
fn long_contexts_and_continuations_are_as_probable_as_the_whole_text_says() {
    let decoder = decoder(24, [4, 2], 2, 60);
    let (long, short) = (text(600, 1, 60), text(9, 2, 60));
    let of_long = [text(3, 3, 60), text(90, 4, 60)];
    let of_short = [text(650, 5, 60)];
    let asked = [
        Continuations { context: &long, continuations: &of_long },
        Continuations { context: &short, continuations: &of_short },
    ];
    let found = Scorer::new(&decoder).score(&asked).unwrap();
    for (asked, found) in asked.iter().zip(found) {
        for (continuation, found) in asked.continuations.iter().zip(found) {
            let expected = expected(&decoder, asked.context, continuation).score;
            let difference = (found.log_likelihood - expected.log_likelihood).abs();
            assert!(difference <= 1e-4 + 1e-5 * expected.log_likelihood.abs(), "{found:?} {expected:?}");
        }
    }
    let mut session = Session::new(&decoder);
    session.read(&long).unwrap();
    let found = session.read(&[7]).unwrap();
    let ids: Vec<_> = long.iter().chain(&[7]).map(|&token| token as i32).collect();
    let logits = decoder.logits(decoder.tokens(&ids, 601)).unwrap().narrow(1, 600, 1);
    let expected = logits.into_data().try_into_vec::<f32>().unwrap();
    let scale = expected.iter().fold(1_f32, |scale, value| scale.max(value.abs()));
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() <= 1e-5 * scale, "{found} {expected}");
    }
}

/// `‖found − expected‖ / ‖expected‖`
fn relative_error(found: &[f32], expected: &[f32]) -> f32 {
    let square = |value: f32| value * value;
    let difference: f32 = found.iter().zip(expected).map(|(found, expected)| square(found - expected)).sum();
    (difference / expected.iter().map(|&value| square(value)).sum::<f32>()).sqrt()
}

#[test]
fn in_bf16_what_may_come_next_is_that_of_f32_to_rounding() {
    let exact = decoder(64, [4, 2], 2, 61);
    let rounded = exact.clone().with_precision(Precision::Bf16);
    let whole = text(120, 3, 61);
    let last = |decoder: &Decoder, parts: &[usize]| {
        let (mut session, mut rest, mut logits) = (Session::new(decoder), whole.as_slice(), Vec::new());
        for &part in parts {
            let (read, behind) = rest.split_at(part);
            (logits, rest) = (session.read(read).unwrap(), behind);
        }
        logits
    };
    let expected = last(&exact, &[120]);
    for parts in [&[120_usize] as &[_], &[119, 1], &[1, 118, 1], &[50, 70]] {
        let error = relative_error(&last(&rounded, parts), &expected);
        assert!((1e-4..0.03).contains(&error), "{parts:?}: {error}");
    }
}

#[test]
fn in_bf16_a_continuation_is_as_probable_as_in_f32_to_rounding() {
    let exact = decoder(64, [4, 2], 2, 61);
    let rounded = exact.clone().with_precision(Precision::Bf16);
    let context = text(90, 1, 61);
    let continuations: Vec<_> = (0..6).map(|salt| text(1 + salt as usize * 5, salt + 2, 61)).collect();
    let asked = [Continuations { context: &context, continuations: &continuations }];
    let [exact, rounded] = [exact, rounded].map(|decoder| Scorer::new(&decoder).score(&asked).unwrap());
    let values = |scores: Vec<Vec<Score>>| scores[0].iter().map(|score| score.log_likelihood).collect();
    let [exact, rounded]: [Vec<f32>; 2] = [exact, rounded].map(values);
    let error = relative_error(&rounded, &exact);
    assert!((1e-5..0.03).contains(&error), "{rounded:?} {exact:?}");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let decoder = decoder(24, [4, 2], 1, 50);
    let scorer = Scorer::new(&decoder);
    let score = |context: &[u32], continuation: &[u32]| {
        scorer.score(&[Continuations { context, continuations: &[continuation.to_vec()] }])
    };
    assert_eq!(score(&[], &[1]), Err(ModelError::NothingToRead));
    assert_eq!(score(&[1], &[]), Err(ModelError::NothingToRead));
    assert_eq!(score(&[1, 50], &[1]), Err(ModelError::UnknownToken { token: 50, vocab_size: 50 }));
    let too_long = ModelError::SequenceTooLong { sequence_length: 701, maximum: 700 };
    assert_eq!(score(&[1; 700], &[1, 2]), Err(too_long));
    assert!(score(&[1; 700], &[1]).is_ok());
    let mut session = Session::new(&decoder);
    assert_eq!(session.read(&[]), Err(ModelError::NothingToRead));
    session.read(&[1; 700]).unwrap();
    let too_long = ModelError::SequenceTooLong { sequence_length: 701, maximum: 700 };
    assert_eq!(session.read(&[1]), Err(too_long));
}

#[test]
fn greedy_text_is_that_of_transformers() {
    #[derive(serde::Deserialize)]
    struct Text {
        prompt: Vec<u32>,
        generated: Vec<u32>,
    }
    for case in [
        "mha-untied",
        "gqa-tied",
        "own-head-dim",
        "llama3-rope",
        "linear-rope",
        "qwen2",
        "attention-bias",
        "yarn-rope",
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case);
        let checkpoint = Checkpoint::open(&folder).unwrap();
        let device = open_device(DeviceName::Flex).unwrap();
        let decoder =
            Decoder::new(checkpoint.config(), &checkpoint.to_named_tensors().unwrap(), &device).unwrap();
        let texts = std::fs::read_to_string(folder.join("generation.json")).unwrap();
        for Text { prompt, generated } in serde_json::from_str::<Vec<Text>>(&texts).unwrap() {
            let mut session = Session::new(&decoder);
            let mut sampler = Sampler::new(Sampling::Greedy);
            let mut read = prompt.clone();
            let mut found = Vec::new();
            while found.len() < generated.len() {
                let next = sampler.choose(&session.read(&read).unwrap());
                found.push(next);
                read = vec![next];
            }
            assert_eq!(found, generated, "{case}, behind {prompt:?}");
        }
    }
}
