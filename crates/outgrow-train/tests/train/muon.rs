//! Which parameters are Muon's, what is kept of them, and what is refused. Its numbers are held to PyTorch's elsewhere.

use std::collections::BTreeMap;

use outgrow_checkpoint::{HostTensor, LlamaConfig, tensor_names::layer_index};
use outgrow_data::Batch;
use outgrow_kernels::{DeviceName, open_device};
use outgrow_model::{Decoder, Initialization, initial_tensors};
use outgrow_schedules::Trainable;
use outgrow_train::{
    AdamW, AdamWSettings, Adjustment, MuonSettings, Optimizer, OptimizerSettings, TrainSettings, accumulate,
};

fn model() -> LlamaConfig {
    LlamaConfig::from_json(
        r#"{ "model_type": "llama", "vocab_size": 23, "hidden_size": 16, "intermediate_size": 24,
             "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "attention_bias": true,
             "max_position_embeddings": 8, "rms_norm_eps": 1e-5 }"#,
    )
    .unwrap()
}

fn decoder() -> Decoder {
    let device = open_device(DeviceName::Flex).unwrap().autodiff();
    Decoder::new(&model(), &initial_tensors(&model(), Initialization::Normal, 7), &device).unwrap()
}

fn batch(seed: i32) -> Batch {
    let ids = |salt: i32| (0..24).map(|index| (index * 7 + seed * 5 + salt) % 23).collect();
    Batch { sequences: 3, sequence_length: 8, inputs: ids(1), targets: ids(8) }
}

fn with_muon(muon: MuonSettings) -> OptimizerSettings {
    OptimizerSettings { muon: Some(muon), ..OptimizerSettings::default() }
}

fn stepped(mut decoder: Decoder, optimizer: &mut Optimizer, seed: i32) -> Decoder {
    let (_, gradients) = accumulate(&decoder, &batch(seed), 3).unwrap();
    optimizer.step(&mut decoder, gradients, 0.5, 1e-2);
    decoder
}

fn is_muons(name: &str) -> bool {
    layer_index(name).is_some() && name.ends_with("_proj.weight")
}

#[test]
fn muon_has_the_matrices_of_the_layers_and_adamw_all_the_rest() {
    let mut optimizer = Optimizer::new(with_muon(MuonSettings::default()), &model());
    let after = stepped(decoder(), &mut optimizer, 1).to_named_tensors();
    let (moments, steps) = optimizer.to_host(&model());
    let mut expected = BTreeMap::new();
    for tensor in model().tensors() {
        let parts =
            if is_muons(&tensor.name) { &["momentum_buffer"][..] } else { &["exp_avg", "exp_avg_sq"] };
        expected.extend(parts.iter().map(|part| (format!("{}.{part}", tensor.name), tensor.shape.clone())));
    }
    let found = moments.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone()));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
    assert_eq!(steps, model().tensors().into_iter().map(|tensor| (tensor.name, 1)).collect());

    // What is AdamW's is trained as without Muon, to the bit.
    let mut alone = AdamW::new(AdamWSettings::default());
    let mut trained = decoder();
    let (_, gradients) = accumulate(&trained, &batch(1), 3).unwrap();
    alone.step(&mut trained, gradients, 0.5, 1e-2);
    for (name, tensor) in trained.to_named_tensors() {
        assert_eq!(tensor == after[&name], !is_muons(&name), "{name}");
    }
}

#[test]
fn freezing_frees_the_momentum_of_what_is_frozen() {
    let mut optimizer = Optimizer::new(with_muon(MuonSettings::default()), &model());
    let _ = stepped(decoder(), &mut optimizer, 1);
    let top = Trainable::Top { layers: 1 };
    optimizer.retain(|name| top.includes(&model(), name));
    let mut names: Vec<_> = optimizer.names().map(str::to_owned).collect();
    names.sort();
    let mut trained: Vec<_> = model().tensors().into_iter().map(|tensor| tensor.name).collect();
    trained.retain(|name| top.includes(&model(), name));
    trained.sort();
    assert_eq!(names, trained);
}

#[test]
fn an_optimizer_goes_on_from_files_to_the_bit() {
    for muon in [None, Some(MuonSettings { nesterov: false, ..MuonSettings::default() })] {
        let settings = OptimizerSettings { muon, ..OptimizerSettings::default() };
        let mut optimizer = Optimizer::new(settings.clone(), &model());
        let decoder = stepped(decoder(), &mut optimizer, 1);
        let (moments, steps) = optimizer.to_host(&model());
        let mut again = Optimizer::from_host(settings, &moments, &steps, &decoder).unwrap();
        let one = stepped(decoder.clone(), &mut optimizer, 2).to_named_tensors();
        assert!(stepped(decoder, &mut again, 2).to_named_tensors() == one);
        assert!(again.to_host(&model()) == optimizer.to_host(&model()));
    }
}

#[test]
fn moments_of_another_shape_with_as_many_values_are_refused() {
    let (settings, decoder) = (with_muon(MuonSettings::default()), decoder());
    let mut optimizer = Optimizer::new(settings.clone(), &model());
    let decoder = stepped(decoder, &mut optimizer, 1);
    let (moments, steps) = optimizer.to_host(&model());
    let message = |name: &str, change: &dyn Fn(HostTensor) -> Option<HostTensor>| {
        let mut moments = moments.clone();
        let tensor = moments.remove(name).unwrap();
        moments.extend(change(tensor).map(|tensor| (name.to_owned(), tensor)));
        Optimizer::from_host(settings.clone(), &moments, &steps, &decoder).unwrap_err().to_string()
    };
    let transposed = |tensor: HostTensor| {
        let shape = tensor.shape.iter().rev().copied().collect();
        Some(HostTensor { shape, ..tensor })
    };
    let momentum = "model.layers.1.mlp.up_proj.weight.momentum_buffer";
    assert_eq!(
        message(momentum, &transposed),
        format!("optimizer tensor `{momentum}` has shape [16, 24], its parameter [24, 16]")
    );
    assert_eq!(
        message("lm_head.weight.exp_avg_sq", &transposed),
        "optimizer tensor `lm_head.weight.exp_avg_sq` has shape [16, 23], its parameter [23, 16]"
    );
    assert_eq!(message(momentum, &|_| None), format!("optimizer tensor `{momentum}` is missing"));
}

#[test]
fn adjustments_are_those_of_pytorch_and_have_names() {
    let factors = |shape| Adjustment::ALL.map(|adjustment| adjustment.factor(shape));
    assert_eq!(factors([16, 64]).map(f64::to_bits), [1.0, 0.2 * 8.0, 0.5].map(f64::to_bits));
    assert_eq!(factors([64, 16]).map(f64::to_bits), [2.0, 0.2 * 8.0, 2.0].map(f64::to_bits));
    for adjustment in Adjustment::ALL {
        assert_eq!(adjustment.to_string().parse::<Adjustment>().unwrap(), adjustment);
        let written = serde_json::to_value(adjustment).unwrap();
        assert_eq!(written, adjustment.to_string());
    }
    let message = "match_rms_adamw".parse::<Adjustment>().unwrap_err().to_string();
    let expected = "original, match-rms-adamw or spectral-unclamped is needed";
    assert_eq!(message, format!("adjust = `match_rms_adamw`: {expected}"));
}

#[test]
fn settings_out_of_range_are_all_named_at_once() {
    let muon = MuonSettings {
        momentum: 1.0,
        iterations: 0,
        weight_decay: Some(-0.1),
        learning_rate_ratio: f64::INFINITY,
        ..MuonSettings::default()
    };
    let settings = TrainSettings { optimizer: with_muon(muon), ..crate::resume::settings() };
    assert_eq!(
        settings.check().unwrap_err().to_string(),
        "muon.momentum = 1: from 0 to below 1 is needed; muon.iterations = 0: from 1 to 99 is needed; \
         muon.weight_decay = -0.1: 0 or more is needed; muon.learning_rate_ratio = inf: above 0 is needed"
    );
}
