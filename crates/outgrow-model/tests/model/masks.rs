//! A decoder behind a mask, against one whose parameters are multiplied by it, and a gradient against a difference.

use std::{collections::BTreeMap, sync::Arc};

use burn::tensor::{Int, Tensor};
use outgrow_checkpoint::{HostTensor, LlamaConfig, NamedTensors};
use outgrow_kernels::{DeviceName, Precision, open_device};
use outgrow_model::{
    Continuations, Decoder, Factors, Initialization, Mask, Scorer, Session, initial_tensors,
};

const TOKENS: [i32; 12] = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8];

/// A model with biases and grouped queries, of weights that differ from zero.
fn model(tied: bool) -> (LlamaConfig, NamedTensors) {
    let json = serde_json::json!({
        "model_type": "llama", "vocab_size": 11, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 32, "rms_norm_eps": 1e-5,
        "tie_word_embeddings": tied, "attention_bias": true,
    });
    let config = LlamaConfig::from_json(&json.to_string()).unwrap();
    let mut tensors = initial_tensors(&config, Initialization::Normal, 3);
    for tensor in tensors.values_mut() {
        for (index, value) in tensor.values.iter_mut().enumerate() {
            *value = *value * 8.0 + 0.01 * (index % 7) as f32;
        }
    }
    (config, tensors)
}

/// Numbers between 0 and 1, unlike each other.
fn numbers(count: usize, salt: usize) -> Arc<[f32]> {
    (0..count).map(|index| ((index * 7 + salt * 3) % 11) as f32 / 11.0 + 0.04).collect()
}

/// Factors of every tensor, by rows, by columns or by both, and another epsilon.
fn mask(config: &LlamaConfig) -> Mask {
    let factors = config.tensors().into_iter().enumerate().map(|(salt, tensor)| {
        let rows = (salt % 3 != 1 || tensor.shape.len() == 1).then(|| numbers(tensor.shape[0], salt));
        let columns =
            tensor.shape.get(1).filter(|_| salt % 3 != 2).map(|columns| numbers(*columns, salt + 1));
        (tensor.name, Factors { rows, columns })
    });
    Mask { factors: factors.collect(), rms_norm_eps: 0.25 }
}

/// The same model with the mask in its parameters. A tied head becomes one of its own, which is the embedding.
fn multiplied(config: &LlamaConfig, tensors: &NamedTensors, mask: &Mask) -> (LlamaConfig, NamedTensors) {
    let times = |(name, tensor): (&String, &HostTensor)| {
        let factors = mask.factors.get(name).cloned().unwrap_or_default();
        let columns = tensor.shape.get(1).copied().unwrap_or(1);
        let factor = |index: usize| {
            let row = factors.rows.as_ref().map_or(1.0, |rows| rows[index / columns]);
            row * factors.columns.as_ref().map_or(1.0, |factors| factors[index % columns])
        };
        let values = tensor.values.iter().enumerate().map(|(index, value)| factor(index) * value).collect();
        (name.clone(), HostTensor { shape: tensor.shape.clone(), values })
    };
    let mut all: NamedTensors = tensors.iter().map(times).collect();
    if config.tie_word_embeddings {
        all.insert("lm_head.weight".to_owned(), tensors["model.embed_tokens.weight"].clone());
    }
    let config = config.with(|fields| {
        fields.rms_norm_eps = mask.rms_norm_eps;
        fields.tie_word_embeddings = false;
    });
    (config.unwrap(), all)
}

fn bits(tensor: Tensor<3>) -> Vec<u32> {
    tensor.into_data().try_into_vec::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
}

fn two_texts(decoder: &Decoder) -> Tensor<2, Int> {
    decoder.tokens(&TOKENS, 6)
}

#[test]
fn a_decoder_behind_a_mask_computes_what_its_multiplied_parameters_do_bit_for_bit() {
    let device = open_device(DeviceName::Flex).unwrap();
    for (tied, precision) in [(false, Precision::F32), (true, Precision::F32), (true, Precision::Bf16)] {
        let (config, tensors) = model(tied);
        let mask = mask(&config);
        let (multiplied_config, multiplied) = multiplied(&config, &tensors, &mask);
        let plain = Decoder::new(&multiplied_config, &multiplied, &device).unwrap().with_precision(precision);
        let mut masked = Decoder::new(&config, &tensors, &device).unwrap().with_precision(precision);
        let whole = bits(masked.logits(two_texts(&masked)).unwrap());
        masked.set_mask(Some(&mask)).unwrap();
        let logits = bits(masked.logits(two_texts(&masked)).unwrap());
        assert_eq!(logits, bits(plain.logits(two_texts(&plain)).unwrap()));
        assert_ne!(logits, whole);
        // Read by rows, a text that goes on, and scored.
        let read = |decoder: &Decoder| {
            let mut session = Session::new(decoder);
            session.read(&[1, 2, 3]).unwrap();
            let asked = [Continuations { context: &[1, 2], continuations: &[vec![3, 4], vec![5]] }];
            (session.read(&[4]).unwrap(), Scorer::new(decoder).score(&asked).unwrap())
        };
        assert_eq!(read(&masked), read(&plain));
        assert_eq!(masked.to_named_tensors(), tensors, "its parameters are as they were");
        masked.set_mask(None).unwrap();
        assert_eq!(bits(masked.logits(two_texts(&masked)).unwrap()), whole);
    }
}

/// The loss and the gradients of all parameters.
fn gradients(decoder: &Decoder) -> (f32, BTreeMap<String, Vec<f32>>) {
    let targets: Vec<i32> = TOKENS.iter().rev().copied().collect();
    let loss = decoder.loss_sum(two_texts(decoder), &targets, 1.0).unwrap();
    let gradients = decoder.gradients(&mut loss.backward());
    let values =
        gradients.into_iter().map(|(name, one)| (name, one.into_data().try_into_vec::<f32>().unwrap()));
    (loss.inner().into_scalar::<f32>(), values.collect())
}

#[test]
fn gradients_behind_a_mask_are_those_of_the_whole_parameters() {
    let device = open_device(DeviceName::Flex).unwrap().autodiff();
    let (config, tensors) = model(false);
    let mask = mask(&config);
    let (multiplied_config, multiplied_tensors) = multiplied(&config, &tensors, &mask);
    let plain = Decoder::new(&multiplied_config, &multiplied_tensors, &device).unwrap();
    let ones = |(name, tensor): (&String, &HostTensor)| {
        (name.clone(), HostTensor { values: vec![1.0; tensor.values.len()], ..tensor.clone() })
    };
    let factors = multiplied(&config, &tensors.iter().map(ones).collect(), &mask).1;
    // With the embedding and a layer frozen, what lies below runs without autodiff.
    for lowest in [None, Some("model.layers.1.")] {
        let is_trained = |name: &str| lowest.is_none_or(|lowest| name >= lowest && name != "lm_head.weight");
        let mut masked = Decoder::new(&config, &tensors, &device).unwrap().with_trainable(is_trained);
        masked.set_mask(Some(&mask)).unwrap();
        let (loss, ours) = gradients(&masked);
        let (expected_loss, of_multiplied) = gradients(&plain);
        assert_eq!(loss.to_bits(), expected_loss.to_bits());
        assert!(ours.keys().all(|name| is_trained(name)) && ours.len() > 10);
        for (name, ours) in ours {
            // The chain rule: what is multiplied into a parameter is multiplied into its gradient.
            let expected = of_multiplied[&name].iter().zip(&factors[&name].values);
            let expected: Vec<f32> = expected.map(|(gradient, factor)| gradient * factor).collect();
            assert_eq!(ours, expected, "{name}");
        }
    }
}

#[test]
fn a_gradient_behind_a_mask_is_what_the_loss_changes_by() {
    let device = open_device(DeviceName::Flex).unwrap().autodiff();
    let (config, tensors) = model(true);
    let mask = mask(&config);
    let decoder = |tensors: &NamedTensors| {
        let mut decoder = Decoder::new(&config, tensors, &device).unwrap();
        decoder.set_mask(Some(&mask)).unwrap();
        decoder
    };
    let (_, gradients_of) = gradients(&decoder(&tensors));
    for name in ["model.embed_tokens.weight", "model.layers.1.mlp.down_proj.weight", "model.norm.weight"] {
        let step = 1e-2;
        let at = |change: f32| {
            let mut changed = tensors.clone();
            changed.get_mut(name).unwrap().values[5] += change;
            gradients(&decoder(&changed)).0
        };
        let difference = (at(step) - at(-step)) / (2.0 * step);
        let gradient = gradients_of[name][5];
        assert!(
            (gradient - difference).abs() < 2e-2 * gradient.abs().max(0.1),
            "{name}: {gradient}, {difference}"
        );
    }
}

#[test]
fn a_mask_of_another_model_is_refused() {
    let device = open_device(DeviceName::Flex).unwrap();
    let (config, tensors) = model(true);
    let mut decoder = Decoder::new(&config, &tensors, &device).unwrap();
    let refused = |decoder: &mut Decoder, name: &str, factors: Factors| {
        let mask = Mask { factors: [(name.to_owned(), factors)].into(), rms_norm_eps: 1e-5 };
        decoder.set_mask(Some(&mask)).unwrap_err()
    };
    let columns = Factors { columns: Some(numbers(7, 0)), rows: None };
    assert_eq!(
        refused(&mut decoder, "lm_head.weight", columns.clone()).to_string(),
        "tensor `lm_head.weight` has no place in the configuration's model"
    );
    assert_eq!(
        refused(&mut decoder, "model.layers.0.mlp.down_proj.weight", columns).to_string(),
        "tensor `model.layers.0.mlp.down_proj.weight (a mask's factors of its columns)` has shape [7], the configuration calls for [12]",
    );
}
