//! The learning of a growth's matrices: its gradients, what comes of it, and how it ends.

use outgrow_checkpoint::{HostTensor, LlamaConfig, NamedTensors};
use outgrow_data::{Batch, Order};
use outgrow_kernels::{DeviceName, open_device};
use outgrow_model::{Decoder, Initialization, initial_tensors};
use outgrow_operators::{GrowthPlan, grow_tensors, growth::LearnedMatrices};
use outgrow_train::{
    Control, Learned, Learner, Learning, LearningData, LearningSettings, LearningStep, TrainError,
    accumulate, learning_bytes,
};

use crate::resume::workshop::{SEQUENCE_LENGTH, WORDS, Workshop, model};

/// A small model with weights so large that no gradient is lost in rounding.
fn base(seed: u64) -> (LlamaConfig, NamedTensors) {
    let config = model(2).with(|fields| fields.initializer_range = 0.2).unwrap();
    let tensors = initial_tensors(&config, Initialization::Normal, seed);
    (config, tensors)
}

fn deeper(source: &LlamaConfig) -> LlamaConfig {
    source.with(|fields| fields.num_hidden_layers = 5).unwrap()
}

fn wider(source: &LlamaConfig) -> LlamaConfig {
    let target = source.with(|fields| {
        fields.hidden_size += 8;
        fields.intermediate_size += 4;
        fields.num_attention_heads *= 2;
        fields.num_key_value_heads *= 2;
    });
    target.unwrap()
}

fn settings(steps: u64, peak: f64) -> LearningSettings {
    LearningSettings::new(steps, 4, SEQUENCE_LENGTH, peak)
}

/// On the workshop's corpus of nonsense, of which the last sequences are held out.
fn with_learner<T>(
    [source, target]: [&LlamaConfig; 2],
    tensors: &NamedTensors,
    settings: &LearningSettings,
    then: impl FnOnce(&Learner<'_>) -> T,
) -> T {
    let workshop = Workshop::new();
    let training = workshop.batches("training", Order::Shuffled { seed: 3 });
    let device = open_device(DeviceName::Flex).unwrap();
    let data = LearningData {
        training: &training,
        first_sample: 0,
        validation: Some(&training),
        validation_sequences: 32,
    };
    let learning = Learning { source, target, data, settings };
    then(&learning.with(tensors, &device).unwrap())
}

fn batch(seed: usize) -> Batch {
    let (sequences, sequence_length) = (4, SEQUENCE_LENGTH);
    let ids = |salt: usize| {
        (0..sequences * sequence_length)
            .map(move |index| ((index * index * 7 + index * salt + seed) % WORDS) as i32)
    };
    Batch { sequences, sequence_length, inputs: ids(1).collect(), targets: ids(3).collect() }
}

/// `matrices` moved along a direction.
fn moved(matrices: &LearnedMatrices, direction: &NamedTensors, by: f64) -> LearnedMatrices {
    let tensors = matrices.to_named_tensors().into_iter().map(|(name, matrix)| {
        let values = matrix.values.iter().zip(&direction[&name].values);
        let values = values.map(|(value, along)| (f64::from(*value) + by * f64::from(*along)) as f32);
        (name, HostTensor { values: values.collect(), ..matrix })
    });
    LearnedMatrices::from_named_tensors(tensors.collect())
}

#[test]
fn the_loss_falls_along_the_gradient_of_the_matrices_as_steeply_as_it_says() {
    let (source, tensors) = base(1);
    let both = deeper(&wider(&source));
    for target in [deeper(&source), wider(&source), both] {
        let settings = settings(1, 1e-3);
        with_learner([&source, &target], &tensors, &settings, |learner| {
            let initial = LearnedMatrices::initial(&source, &target, 5);
            let (_, gradients) = learner.gradients(&initial, &batch(1)).unwrap();
            let squares =
                gradients.values().flat_map(|tensor| &tensor.values).map(|value| f64::from(*value).powi(2));
            let norm = squares.sum::<f64>().sqrt();
            let step = 4e-3 / norm;
            let at = |by: f64| learner.gradients(&moved(&initial, &gradients, by), &batch(1)).unwrap().0;
            let slope = (at(step) - at(-step)) / (2.0 * step * norm);
            assert!((slope / norm - 1.0).abs() < 2e-3, "{slope} along a gradient of norm {norm}");
        });
    }
}

#[test]
fn what_is_learned_on_is_the_model_that_the_plan_makes_to_the_bit_in_one_pass_and_nearly_in_several() {
    let (source, tensors) = base(2);
    let target = deeper(&wider(&source));
    let matrices = LearnedMatrices::initial(&source, &target, 5);
    let plan = GrowthPlan::learned(&source, target.clone(), &matrices).unwrap();
    let device = open_device(DeviceName::Flex).unwrap().autodiff();
    let grown = Decoder::new(&target, &grow_tensors(&plan, &tensors).unwrap(), &device).unwrap();
    let expected = f64::from(accumulate(&grown, &batch(2), 4).unwrap().0.into_scalar::<f32>());
    let in_passes_of = |micro_batch_sequences: usize| {
        let settings = LearningSettings { micro_batch_sequences, ..settings(1, 1e-3) };
        with_learner([&source, &target], &tensors, &settings, |learner| {
            learner.gradients(&matrices, &batch(2)).unwrap()
        })
    };
    let ((once, of_one), (twice, of_two)) = (in_passes_of(4), in_passes_of(2));
    assert_eq!(once.to_bits(), expected.to_bits());
    assert!((twice - once).abs() < 1e-6 * once);
    for (name, one) in &of_one {
        let largest = one.values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        for (one, two) in one.values.iter().zip(&of_two[name].values) {
            assert!((one - two).abs() <= 1e-5 * largest, "{name}: {one} and {two}");
        }
    }
}

/// What is learned of nonsense; the losses are on the same corpus, since nothing follows from it for other text.
fn learned(seed: u64, steps: u64, peak: f64) -> Learned {
    let (source, tensors) = base(seed);
    let target = deeper(&source);
    with_learner([&source, &target], &tensors, &settings(steps, peak), |learner| {
        let initial = LearnedMatrices::initial(&source, &target, seed);
        learner.learn(&initial, &mut |_| Control::Continue).unwrap().unwrap()
    })
}

#[test]
fn learning_lowers_the_loss_of_what_it_reads_and_gives_the_same_bits_again() {
    for seed in 1..4 {
        let once = learned(seed, 30, 3e-2);
        let (before, after) = (once.initial_loss, once.learned_loss);
        assert!(after < before - 0.01, "seed {seed}: from {before} to {after}");
        assert_eq!(once, learned(seed, 30, 3e-2), "seed {seed}");
    }
}

#[test]
fn matrices_decay_as_weights_do() {
    let (source, tensors) = base(1);
    let target = deeper(&source);
    let initial = LearnedMatrices::initial(&source, &target, 0);
    let size_with = |weight_decay: f64| {
        let usual = settings(10, 1e-2);
        let optimizer = outgrow_train::AdamWSettings { weight_decay, ..usual.optimizer.clone() };
        let settings = LearningSettings { optimizer, ..usual };
        with_learner([&source, &target], &tensors, &settings, |learner| {
            let learned = learner.learn(&initial, &mut |_| Control::Continue).unwrap().unwrap().matrices;
            let values = learned.to_named_tensors().into_values().flat_map(|matrix| matrix.values);
            values.map(|value| f64::from(value).powi(2)).sum::<f64>()
        })
    };
    let (free, held) = (size_with(0.0), size_with(20.0));
    assert!(held < 0.5 * free, "{held} with decay, {free} without");
}

#[test]
fn learning_ends_where_it_is_told_to_and_where_it_has_no_use() {
    let (source, tensors) = base(1);
    let target = deeper(&source);
    let initial = LearnedMatrices::initial(&source, &target, 0);
    let until = |steps: u64, peak: f64, target: &LlamaConfig, initial: &LearnedMatrices, control: Control| {
        let settings = settings(steps, peak);
        with_learner([&source, target], &tensors, &settings, |learner| {
            let mut seen = Vec::new();
            let learned = learner.learn(initial, &mut |LearningStep { step, .. }| {
                seen.push(*step);
                if *step == 2 { control } else { Control::Continue }
            });
            (learned, seen)
        })
    };
    let (stopped, seen) = until(5, 1e-3, &target, &initial, Control::Stop);
    assert_eq!((stopped.unwrap(), seen), (None, vec![1, 2]));
    let (abandoned, _) = until(5, 1e-3, &target, &initial, Control::Abandon);
    assert!(matches!(abandoned, Err(TrainError::Abandoned)));
    let (nothing, _) = until(5, 1e-3, &source, &LearnedMatrices::default(), Control::Continue);
    let nothing = nothing.unwrap_err().to_string();
    assert_eq!(nothing, "nothing grows: a learned growth without matrices has nothing to learn");
    let (lost, _) = until(5, 1e30, &target, &initial, Control::Continue);
    assert!(matches!(lost, Err(TrainError::LearningNotFinite { step: 2, .. })), "{lost:?}");
}

#[test]
fn learning_takes_less_memory_than_training_and_costs_less_a_step() {
    let (source, _) = base(1);
    let target = deeper(&source);
    let matrices = LearnedMatrices::initial(&source, &target, 0);
    // Nine kinds of tensors in a layer and three biases; five layers of two.
    assert_eq!(matrices.num_values(), 12 * 5 * 2);
    let (small, large) = (source.num_parameters(), target.num_parameters());
    assert_eq!(learning_bytes(&source, &target, &matrices), 4 * (small + 2 * large + 4 * 120));
    let settings = settings(10, 1e-3);
    let workshop = Workshop::new();
    let training = workshop.batches("training", Order::Sequential);
    let data =
        LearningData { training: &training, first_sample: 0, validation: None, validation_sequences: 8 };
    let cost = Learning { source: &source, target: &target, data, settings: &settings }.cost(&matrices);
    let tokens = 10 * 4 * SEQUENCE_LENGTH as u64;
    assert_eq!(cost.tokens, Some(tokens));
    assert_eq!(cost.flops_6nt, Some((6 * large * tokens) as f64));
    let convention = outgrow_schedules::FlopConvention::Exact;
    let step = convention.flops_per_token(&target, SEQUENCE_LENGTH, &outgrow_schedules::Trainable::All);
    let head = 2.0 * (target.hidden_size * target.vocab_size) as f64;
    let maps = 10.0 * matrices.step_flops(&source, &target);
    assert_eq!(cost.flops, Some((step - head) * tokens as f64 + maps));
}

#[test]
fn all_that_keeps_from_learning_is_said_before_the_first_step() {
    let (source, _) = base(1);
    let target = deeper(&source);
    let workshop = Workshop::new();
    let training = workshop.batches("training", Order::Sequential);
    let refused = |settings: &LearningSettings, target: &LlamaConfig, first_sample: u64| {
        let data =
            LearningData { training: &training, first_sample, validation: None, validation_sequences: 8 };
        Learning { source: &source, target, data, settings }.check().map_err(|error| error.to_string())
    };
    assert_eq!(refused(&settings(2, 1e-3), &target, 0), Ok(()));
    let nothing = LearningSettings { steps: 0, batch_sequences: 0, ..settings(1, 1e-3) };
    assert_eq!(
        refused(&nothing, &target, 0).unwrap_err(),
        "steps = 0: at least 1 is needed; batch_sequences = 0: at least 1 is needed"
    );
    let large = LearningSettings { micro_batch_sequences: 5, ..settings(1, 1e-3) };
    let short = target.with(|fields| (fields.max_position_embeddings, fields.vocab_size) = (8, 4)).unwrap();
    assert_eq!(
        refused(&large, &short, 0).unwrap_err(),
        "micro_batch_sequences = 5: between 1 and batch_sequences = 4 is needed; a sequence of 16 tokens is longer than \
         max_position_embeddings = 8; the data's vocabulary has 32 entries, the model's vocab_size is 4: at least 32 is needed"
    );
    assert_eq!(
        refused(&settings(8, 1e-3), &target, 0).unwrap_err(),
        "the training shards hold 37 sequences: 32 to learn on and 8 held out are more; fewer steps, or held-out shards \
         of their own"
    );
}
