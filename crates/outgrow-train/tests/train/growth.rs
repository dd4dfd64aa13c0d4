//! What growth and freezing do to a model in training: every grown parameter is its own, and what is frozen stays as it
//! is.

use std::collections::BTreeMap;

use burn::tensor::Device;
use outgrow_checkpoint::{AttentionBias, Dtype, LlamaConfig, LlamaFields, NamedTensors, Rope, RopeScaling};
use outgrow_data::Batch;
use outgrow_kernels::{DeviceName, open_device};
use outgrow_model::{Decoder, Initialization, initial_tensors};
use outgrow_operators::{Growth, GrowthPlan, grow_tensors};
use outgrow_schedules::Trainable;
use outgrow_train::{AdamW, AdamWSettings, Decay, accumulate};
use proptest::prelude::*;

const SEQUENCE_LENGTH: usize = 8;
const SEQUENCES: usize = 3;

type Values = BTreeMap<String, Vec<f32>>;

fn model(num_hidden_layers: usize, tie_word_embeddings: bool) -> LlamaConfig {
    let fields = LlamaFields {
        vocab_size: 23,
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 6,
        attention_bias: if tie_word_embeddings { AttentionBias::All } else { AttentionBias::None },
        max_position_embeddings: SEQUENCE_LENGTH,
        rms_norm_eps: 1e-5,
        rope: Rope { theta: 10_000.0, scaling: RopeScaling::Default },
        tie_word_embeddings,
        // Large, so that no gradient is lost in rounding.
        initializer_range: 0.2,
        dtype: Dtype::F32,
        bos_token_id: None,
        eos_token_id: None,
    };
    LlamaConfig::new(fields).expect("such a model can be built")
}

fn batch(seed: u64) -> Batch {
    let ids = |salt: u64| {
        let id =
            |index: u64| ((index * 7919 + seed * 104_729 + salt) * 2_654_435_761 % 4_294_967_291 % 23) as i32;
        (0..(SEQUENCES * SEQUENCE_LENGTH) as u64).map(id).collect()
    };
    Batch { sequences: SEQUENCES, sequence_length: SEQUENCE_LENGTH, inputs: ids(1), targets: ids(2) }
}

fn autodiff() -> Device {
    open_device(DeviceName::Flex).unwrap().autodiff()
}

fn optimizer() -> AdamW {
    AdamW::new(AdamWSettings { weight_decay: 0.0, ..AdamWSettings::default() })
}

/// A model that was grown from one in training.
fn grown(source: &LlamaConfig, growth: &Growth) -> (GrowthPlan, Decoder) {
    let plan = GrowthPlan::new(source, [growth]).unwrap();
    let small =
        Decoder::new(source, &initial_tensors(source, Initialization::Normal, 7), &autodiff()).unwrap();
    let tensors = grow_tensors(&plan, &small.to_named_tensors()).unwrap();
    let decoder = Decoder::new(plan.target(), &tensors, &autodiff()).unwrap();
    (plan, decoder)
}

fn loss_and_gradients(decoder: &Decoder, seed: u64) -> (f32, Values) {
    let (loss, gradients) = accumulate(decoder, &batch(seed), SEQUENCES).unwrap();
    let values = |gradient: burn::tensor::Tensor<1>| gradient.into_data().try_into_vec::<f32>().unwrap();
    (
        loss.into_scalar::<f32>(),
        gradients.into_iter().map(|(name, gradient)| (name, values(gradient))).collect(),
    )
}

fn stepped(mut decoder: Decoder, optimizer: &mut AdamW, seed: u64) -> Decoder {
    let (_, gradients) = accumulate(&decoder, &batch(seed), SEQUENCES).unwrap();
    optimizer.step(&mut decoder, gradients, 1.0, 1e-2);
    decoder
}

fn names(model: &LlamaConfig) -> Vec<String> {
    let mut names: Vec<_> = model.tensors().into_iter().map(|spec| spec.name).collect();
    names.sort();
    names
}

fn bits(tensors: &NamedTensors, name: &str) -> Vec<u32> {
    tensors[name].values.iter().map(|value| value.to_bits()).collect()
}

/// Pairs of tensors of the grown model that are copies of one tensor of the source.
fn copies(plan: &GrowthPlan) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (upper, source) in plan.layers().iter().enumerate() {
        for lower in (0..upper).filter(|&lower| plan.layers()[lower] == *source) {
            let prefix = format!("model.layers.{lower}.");
            for name in names(plan.target()).into_iter().filter(|name| name.starts_with(&prefix)) {
                let other = name.replacen(&prefix, &format!("model.layers.{upper}."), 1);
                pairs.push((name, other));
            }
        }
    }
    pairs
}

fn check_that_every_parameter_is_its_own(source: &LlamaConfig, growth: &Growth) {
    let (plan, decoder) = grown(source, growth);
    let before = decoder.to_named_tensors();
    let (_, gradients) = loss_and_gradients(&decoder, 1);
    assert_eq!(gradients.keys().cloned().collect::<Vec<_>>(), names(plan.target()), "{growth:?}: gradients");
    for (name, gradient) in &gradients {
        assert!(
            gradient.iter().any(|value| value.abs() > 1e-7),
            "{growth:?}: the gradient of {name} is zero"
        );
        assert!(gradient.iter().all(|value| value.is_finite()), "{growth:?}: the gradient of {name}");
    }
    let mut optimizer = optimizer();
    let after = stepped(decoder, &mut optimizer, 1);
    let once = after.to_named_tensors();
    for name in names(plan.target()) {
        assert_ne!(bits(&before, &name), bits(&once, &name), "{growth:?}: {name} did not move in a step");
    }
    // Adam's first step has the size of the learning rate whatever the gradient is, so copies get two more to part in.
    let after = stepped(stepped(after, &mut optimizer, 2), &mut optimizer, 3).to_named_tensors();
    for (lower, upper) in copies(&plan) {
        assert_eq!(bits(&before, &lower), bits(&before, &upper), "{growth:?}: {upper} is a copy of {lower}");
        assert_ne!(
            gradients[&lower], gradients[&upper],
            "{growth:?}: {lower} and {upper} share their gradient"
        );
        assert_ne!(bits(&after, &lower), bits(&after, &upper), "{growth:?}: {lower} and {upper} moved alike");
    }
}

#[test]
fn every_parameter_of_a_stacked_model_has_its_own_gradient_and_moves_in_one_step() {
    for tied in [false, true] {
        check_that_every_parameter_is_its_own(&model(2, tied), &Growth::Stack { factor: 3 });
    }
}

#[test]
fn every_parameter_of_an_interleaved_model_has_its_own_gradient_and_moves_in_one_step() {
    check_that_every_parameter_is_its_own(&model(2, false), &Growth::Interleave { factor: 2 });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_parameter_of_any_list_of_layers_is_its_own(layers in prop::collection::vec(0_usize..3, 1..6), tied: bool) {
        check_that_every_parameter_is_its_own(&model(3, tied), &Growth::Layers { layers });
    }
}

#[test]
fn what_decays_where_only_matrices_do_are_all_matrices_but_the_embedding() {
    for spec in model(2, true).tensors().into_iter().chain(model(2, false).tensors()) {
        let is_other_matrix = spec.shape.len() > 1 && spec.name != "model.embed_tokens.weight";
        assert_eq!(Decay::MatricesOnly.includes(&spec.name), is_other_matrix, "{}", spec.name);
        assert!(Decay::All.includes(&spec.name));
    }
}

/// A grown model of four layers of which only a part is trained, and the same with nothing frozen.
fn frozen_and_free(tied: bool, trainable: &Trainable) -> (LlamaConfig, Decoder, Decoder) {
    let (plan, free) = grown(&model(2, tied), &Growth::Stack { factor: 2 });
    let frozen = free.clone().with_trainable(|name| trainable.includes(plan.target(), name));
    (plan.target().clone(), frozen, free)
}

#[test]
fn what_is_frozen_is_the_same_to_the_bit_after_steps_and_what_is_not_moves() {
    let top = |layers| Trainable::Top { layers };
    let only = |layers: &[usize]| Trainable::Layers(layers.to_vec());
    let parts = [top(2), top(1), top(4), only(&[1, 3]), only(&[0]), only(&[3]), only(&[0, 1, 2, 3])];
    for (tied, trainable) in
        [false, true].into_iter().flat_map(|tied| parts.iter().map(move |part| (tied, part)))
    {
        let (model, mut decoder, _) = frozen_and_free(tied, trainable);
        let trained: Vec<_> =
            names(&model).into_iter().filter(|name| trainable.includes(&model, name)).collect();
        let before = decoder.to_named_tensors();
        let mut optimizer = AdamW::new(AdamWSettings::default());
        for seed in 0..3 {
            let (_, gradients) = loss_and_gradients(&decoder, seed);
            assert_eq!(gradients.keys().cloned().collect::<Vec<_>>(), trained, "gradients of step {seed}");
            decoder = stepped(decoder, &mut optimizer, seed);
        }
        assert_eq!(optimizer.names().collect::<Vec<_>>(), trained, "optimizer state");
        let after = decoder.to_named_tensors();
        for name in names(&model) {
            let moved = bits(&before, &name) != bits(&after, &name);
            assert_eq!(moved, trained.contains(&name), "{name}, {trainable} of four, tied {tied}");
        }
    }
}

#[test]
fn freezing_changes_neither_the_loss_nor_the_gradients_of_what_is_trained() {
    let top = |layers| Trainable::Top { layers };
    let between = Trainable::Layers(vec![1, 2]);
    for (tied, trainable) in [(false, top(2)), (true, top(1)), (false, top(4)), (false, between)] {
        let (_, frozen, free) = frozen_and_free(tied, &trainable);
        let (loss, gradients) = loss_and_gradients(&frozen, 5);
        let (expected_loss, expected) = loss_and_gradients(&free, 5);
        assert!(
            (loss - expected_loss).abs() <= 1e-6 * expected_loss,
            "loss {loss} instead of {expected_loss}"
        );
        assert!(gradients.len() < expected.len(), "something is frozen");
        for (name, gradient) in gradients {
            let scale = expected[&name].iter().fold(0.0_f32, |scale, value| scale.max(value.abs()));
            for (found, wanted) in gradient.iter().zip(&expected[&name]) {
                assert!((found - wanted).abs() <= 1e-6 * scale, "{name}: {found} instead of {wanted}");
            }
        }
    }
}

#[test]
fn what_was_frozen_is_trained_again_when_all_is() {
    let (model, decoder, _) = frozen_and_free(false, &Trainable::Top { layers: 2 });
    let mut optimizer = optimizer();
    let decoder = stepped(decoder, &mut optimizer, 1).with_trainable(|_| true);
    let before = decoder.to_named_tensors();
    let after = stepped(decoder, &mut optimizer, 2).to_named_tensors();
    for name in names(&model) {
        assert_ne!(bits(&before, &name), bits(&after, &name), "{name}");
    }
    assert_eq!(optimizer.names().collect::<Vec<_>>(), names(&model), "optimizer state");
}

#[test]
fn freezing_frees_the_optimizer_state_of_what_is_frozen() {
    let trainable = Trainable::Top { layers: 2 };
    let (model, _, free) = frozen_and_free(false, &trainable);
    let mut optimizer = optimizer();
    let _ = stepped(free, &mut optimizer, 1);
    optimizer.retain(|name| trainable.includes(&model, name));
    let trained: Vec<_> = names(&model).into_iter().filter(|name| trainable.includes(&model, name)).collect();
    assert_eq!(optimizer.names().collect::<Vec<_>>(), trained);
}
