//! FLOPs against a count over the shapes of all tensors, and the laws of what freezing saves.

use outgrow_checkpoint::{LlamaConfig, tensor_names::layer_index};
use outgrow_schedules::{FlopConvention, FlopParts, Orthogonalization, Trainable};
use proptest::prelude::*;

use crate::models::{model, models};

/// What a sequence costs, tensor by tensor and product by product.
fn counted(model: &LlamaConfig, sequence_length: usize, trainable: &Trainable) -> FlopParts {
    let (mut forward, mut by_input, mut by_weight) = (0.0, 0.0, 0.0);
    let mut matrices: Vec<(String, f64)> = model
        .tensors()
        .into_iter()
        .filter(|tensor| tensor.shape.len() == 2)
        .map(|tensor| (tensor.name, tensor.shape.iter().product::<usize>() as f64))
        .collect();
    // The embedding is a look-up; where the head is the same table, the table is also a matrix.
    if !model.tie_word_embeddings {
        matrices.retain(|(name, _)| name != "model.embed_tokens.weight");
    }
    for (name, weights) in matrices {
        // One multiplication and one addition a weight and token.
        let product = 2.0 * weights * sequence_length as f64;
        forward += product;
        let forward_only = layer_index(&name).is_some_and(|layer| layer < trainable.frozen_layers(model));
        by_input += if forward_only { 0.0 } else { product };
        by_weight += if trainable.includes(model, &name) { product } else { 0.0 };
    }
    for layer in 0..model.num_hidden_layers {
        // Queries times keys is [S, H] · [H, S] over all heads, weights times values [S, S] · [S, H]; half of each is
        // masked.
        let width = model.num_attention_heads * model.head_dim;
        let product = 2.0 * (sequence_length * sequence_length * width) as f64 / 2.0;
        forward += 2.0 * product;
        // The gradients of queries, keys, weights and values.
        let frozen = layer < trainable.frozen_layers(model);
        by_input += if frozen { 0.0 } else { 4.0 * product };
    }
    FlopParts { forward, backward_by_input: by_input, backward_by_weight: by_weight }
}

fn trainables() -> impl Strategy<Value = Trainable> {
    prop_oneof![
        Just(Trainable::All),
        (1_usize..13).prop_map(|layers| Trainable::Top { layers }),
        prop::collection::btree_set(0_usize..12, 1..6).prop_map(|set| Trainable::Layers(Vec::from_iter(set))),
    ]
}

fn close(one: f64, two: f64) -> bool {
    (one - two).abs() <= 1e-12 * one.abs().max(two.abs())
}

proptest! {
    #[test]
    fn the_exact_count_is_that_over_all_tensor_shapes(model in models(), sequence_length in 1_usize..512, trainable in trainables()) {
        let counted = counted(&model, sequence_length, &trainable);
        let token = FlopParts::per_token(&model, sequence_length, &trainable);
        let tokens = sequence_length as f64;
        prop_assert!(close(token.forward * tokens, counted.forward), "{token:?} {counted:?}");
        prop_assert!(close(token.backward_by_input * tokens, counted.backward_by_input), "{token:?} {counted:?}");
        prop_assert!(close(token.backward_by_weight * tokens, counted.backward_by_weight), "{token:?} {counted:?}");
    }

    #[test]
    fn freezing_saves_backward_only(model in models(), sequence_length in 1_usize..512, layers in 1_usize..13) {
        let all = FlopParts::per_token(&model, sequence_length, &Trainable::All);
        let top = FlopParts::per_token(&model, sequence_length, &Trainable::Top { layers });
        prop_assert_eq!(top.forward, all.forward);
        prop_assert!(top.backward_by_input <= all.backward_by_input && top.backward_by_weight <= all.backward_by_weight);
        if layers < model.num_hidden_layers {
            prop_assert!(top.total() < all.total());
        }
        let more = FlopParts::per_token(&model, sequence_length, &Trainable::Top { layers: layers + 1 });
        prop_assert!(top.total() <= more.total());
    }

    #[test]
    fn training_all_costs_three_times_the_forward(model in models(), sequence_length in 1_usize..512) {
        let all = FlopParts::per_token(&model, sequence_length, &Trainable::All);
        prop_assert!(close(all.total(), 3.0 * all.forward));
    }

    #[test]
    fn what_is_trained_and_what_is_frozen_are_all_tensors(model in models(), trainable in trainables()) {
        let frozen_layers = trainable.frozen_layers(&model);
        for tensor in model.tensors() {
            let expected = match (layer_index(&tensor.name), tensor.name.as_str()) {
                (Some(layer), _) => match &trainable {
                    Trainable::Layers(layers) => layers.contains(&layer),
                    Trainable::All | Trainable::Top { .. } => layer >= frozen_layers,
                },
                (None, "model.embed_tokens.weight") => trainable.embedding(),
                (None, "lm_head.weight") => trainable.head(&model),
                (None, "model.norm.weight") => !matches!(trainable, Trainable::Layers(_)),
                (None, name) => return Err(TestCaseError::fail(format!("unknown tensor {name}"))),
            };
            prop_assert_eq!(trainable.includes(&model, &tensor.name), expected, "{}", tensor.name);
        }
    }

    #[test]
    fn orthogonalisation_costs_three_products_of_each_trained_matrix_and_iteration(
        model in models(), trainable in trainables(), iterations in 1_usize..9, batch_tokens in 1_u64..10_000,
    ) {
        let product = |rows: usize, inner: usize, columns: usize| 2.0 * (rows * inner * columns) as f64;
        let mut counted = 0.0;
        for tensor in model.tensors() {
            let is_of_a_layer = layer_index(&tensor.name).is_some();
            if let ([rows, columns], true) = (&*tensor.shape, is_of_a_layer && trainable.includes(&model, &tensor.name)) {
                let (short, long) = (*rows.min(columns), *rows.max(columns));
                let each = [product(short, long, short), product(short, short, short), product(short, short, long)];
                counted += iterations as f64 * each.iter().sum::<f64>();
            }
        }
        let muon = Orthogonalization { iterations, batch_tokens };
        prop_assert!(close(muon.flops_per_step(&model, &trainable), counted));
        prop_assert!(close(muon.flops_per_token(&model, &trainable) * batch_tokens as f64, counted));
    }

    #[test]
    fn six_times_parameters_knows_nothing_of_freezing(model in models(), trainable in trainables()) {
        let flops = FlopConvention::SixTimesParameters.flops_per_token(&model, 128, &trainable);
        prop_assert_eq!(flops, 6.0 * model.num_parameters() as f64);
    }
}

#[test]
fn conventions_are_read_as_they_are_written() {
    for convention in FlopConvention::ALL {
        assert_eq!(convention.to_string().parse::<FlopConvention>().unwrap(), convention);
        assert_eq!(serde_json::to_value(convention).unwrap(), convention.to_string());
    }
    let message = "6nt".parse::<FlopConvention>().unwrap_err().to_string();
    insta::assert_snapshot!(message, @"`6nt` is no convention of counting FLOPs; expected six-times-parameters or exact");
}

#[test]
fn the_top_layers_leave_the_embedding_and_the_bottom_alone() {
    let model = model(64, 3, false);
    let trainable = Trainable::Top { layers: 1 };
    let trained: Vec<String> = model
        .tensors()
        .into_iter()
        .map(|tensor| tensor.name)
        .filter(|name| trainable.includes(&model, name))
        .collect();
    assert!(
        trained.contains(&"lm_head.weight".to_owned()) && trained.contains(&"model.norm.weight".to_owned())
    );
    assert!(trained.iter().all(|name| layer_index(name).is_none_or(|layer| layer == 2)));
    assert_eq!(trained.len(), 2 + 9);
}

#[test]
fn the_1_1b_model_of_the_paper_costs_8_186e9_flops_a_token_by_its_convention() {
    let json = r#"{"model_type": "llama", "vocab_size": 32000, "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 24,
        "num_attention_heads": 32, "num_key_value_heads": 32, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5,
        "hidden_act": "silu", "tie_word_embeddings": false, "torch_dtype": "float32"}"#;
    let model = LlamaConfig::from_json(json).unwrap();
    let flops = FlopConvention::SixTimesParameters.flops_per_token(&model, 2048, &Trainable::All);
    assert!((flops / 8.186e9 - 1.0).abs() < 1e-3, "{flops:e}");
}

#[test]
fn nothing_below_the_lowest_trained_layer_is_run_backward() {
    let model = model(64, 5, false);
    for lowest in 0..5 {
        let trainable = Trainable::Layers((lowest..5).step_by(2).collect());
        assert_eq!(trainable.frozen_layers(&model), lowest);
        let parts = FlopParts::per_token(&model, 128, &trainable);
        let upper = FlopParts::per_token(&model, 128, &Trainable::Top { layers: 5 - lowest });
        assert_eq!(parts.backward_by_input, upper.backward_by_input);
        assert!(parts.backward_by_weight < upper.backward_by_weight);
    }
}
