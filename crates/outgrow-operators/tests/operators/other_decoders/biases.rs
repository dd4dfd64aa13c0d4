//! Qwen2, which is a LLaMA but for its biases: what else could make it another model, and what becomes of the biases.

use outgrow_checkpoint::{Dtype, LlamaConfig, WeightFolder};
use outgrow_operators::{Growth, Preservation, Width};
use serde_json::{Value, json};

use crate::other_decoders::{Folder, Tensors, config, decoder, plain};

#[test]
fn a_qwen2_is_widened_where_nothing_but_its_biases_makes_it_another_model() {
    let with = |keys: Value, tensors: &Tensors| {
        let folder = Folder::new(&config("qwen2", 2, keys), tensors);
        let refused = || folder.refusal(Growth::Hyperclone { factor: 2 });
        refused().replace(&*folder.dir.path().to_string_lossy(), "…")
    };
    let plain = decoder(2, &plain());
    insta::assert_snapshot!(with(json!({}), &plain), @"DIR/source: `model.layers.0.self_attn.q_proj.bias` is missing, expected shape [4]; `model.layers.0.self_attn.k_proj.bias` is missing, expected shape [2]; `model.layers.0.self_attn.v_proj.bias` is missing, expected shape [2]; `model.layers.1.self_attn.q_proj.bias` is missing, expected shape [4]; `model.layers.1.self_attn.k_proj.bias` is missing, expected shape [2]; `model.layers.1.self_attn.v_proj.bias` is missing, expected shape [2]");
    // Null is as many as heads; left out, it is 32.
    assert!(
        with(json!({ "num_key_value_heads": null }), &plain)
            .contains("`model.layers.0.self_attn.k_proj.weight` has shape [2, 4], expected [4, 4]")
    );
    let mut sparse = config("qwen2", 2, json!({}));
    sparse.as_object_mut().unwrap().shift_remove("num_key_value_heads");
    let left_out = Folder::new(&sparse, &plain).refusal(Growth::Hyperclone { factor: 2 });
    insta::assert_snapshot!(left_out, @"`hyperclone` works on LLaMA-style models only, and this is none (config.json: `num_attention_heads` is 2, not a multiple of `num_key_value_heads`, which is 32); operators that copy layers work");
    insta::assert_snapshot!(with(json!({ "use_sliding_window": true, "sliding_window": 8, "max_window_layers": 1 }), &plain), @"`hyperclone` works on LLaMA-style models only, and this is none (config.json: `sliding_window` is 8, but the decoder attends to the whole sequence, up to 32768 tokens); operators that copy layers work");
    // Windows that no layer has, or that are as long as any text, are none.
    for never in [
        json!({ "max_window_layers": 2 }),
        json!({}),
        json!({ "max_window_layers": 1, "max_position_embeddings": 8 }),
    ] {
        let mut keys = json!({ "use_sliding_window": true, "sliding_window": 8 });
        keys.as_object_mut().unwrap().extend(never.as_object().unwrap().clone());
        assert!(with(keys, &plain).contains("q_proj.bias` is missing"), "{never}");
    }
}

#[test]
fn biases_are_widened_with_the_heads_that_they_are_of() {
    let shape =
        LlamaConfig::from_json(&config("llama", 2, json!({ "tie_word_embeddings": false })).to_string())
            .unwrap();
    let mut tensors: Vec<_> =
        shape.tensors().into_iter().map(|one| (one.name, Dtype::Bf16, one.shape)).collect();
    for layer in 0..2 {
        for (projection, rows) in [("q", 4), ("k", 2), ("v", 2)] {
            let name = format!("model.layers.{layer}.self_attn.{projection}_proj.bias");
            tensors.push((name, Dtype::Bf16, vec![rows]));
        }
    }
    let config = config("qwen2", 2, json!({ "tie_word_embeddings": false }));
    let grown = |growth: Growth| {
        let folder = Folder::new(&config, &tensors);
        let preservation = folder.grow(growth).unwrap();
        let [source, target] =
            [folder.source(), folder.target()].map(|folder| WeightFolder::open(&folder).unwrap());
        let bytes = |folder: &WeightFolder, layer: usize, projection: &str| {
            folder.bytes(&format!("model.layers.{layer}.self_attn.{projection}_proj.bias")).unwrap().to_vec()
        };
        let all = |folder: &WeightFolder| {
            [(0, "q"), (0, "k"), (0, "v"), (1, "q"), (1, "k"), (1, "v")]
                .map(|(layer, one)| bytes(folder, layer, one))
        };
        (preservation, all(&source), all(&target))
    };
    let (preservation, source, cloned) = grown(Growth::Hyperclone { factor: 2 });
    assert_eq!((preservation, cloned), (Preservation::Exact, source.map(|bytes| bytes.repeat(2))));
    let width = Width {
        hidden_size: Some(8),
        num_attention_heads: Some(4),
        num_key_value_heads: Some(2),
        ..Width::default()
    };
    let (preservation, source, padded) = grown(Growth::ZeroWidth { width, seed: 1 });
    let zeros = |bytes: Vec<u8>| [bytes.clone(), vec![0; bytes.len()]].concat();
    assert_eq!((preservation, padded), (Preservation::Exact, source.map(zeros)));
    // What is new in a layer comes from the one above, biases too.
    let (_, [q, k, v, above_q, above_k, above_v], mixed) = grown(Growth::Aki { width });
    let of_two = |own: &[u8], above: &[u8]| [own, above].concat();
    assert_eq!(mixed[..3], [of_two(&q, &above_q), of_two(&k, &above_k), of_two(&v, &above_v)]);
}
