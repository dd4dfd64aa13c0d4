//! How long it takes to plan the growth of a large model. No tensor is touched: a plan is names, shapes and origins.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::{Growth, GrowthPlan};

/// The shape of a 70B-like model, a quarter as deep, so that stacking it fourfold gives the whole.
const QUARTER: &str = r#"{
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 128256, "hidden_size": 8192,
    "intermediate_size": 28672, "num_hidden_layers": 20, "num_attention_heads": 64, "num_key_value_heads": 8,
    "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "hidden_act": "silu",
    "tie_word_embeddings": false, "torch_dtype": "bfloat16"
}"#;

fn growth_planning(criterion: &mut Criterion) {
    let source = LlamaConfig::from_json(QUARTER).expect("a valid config");
    let growths = [
        ("stack", Growth::Stack { factor: 4 }),
        ("interleave", Growth::Interleave { factor: 4 }),
        ("layers", Growth::Layers { layers: (0..80).map(|layer| layer % 20).collect() }),
    ];
    let mut group = criterion.benchmark_group("growth_planning");
    for (name, growth) in growths {
        group.bench_with_input(BenchmarkId::new(name, "20 to 80 layers"), &growth, |bencher, growth| {
            bencher
                .iter(|| GrowthPlan::new(black_box(&source), [black_box(growth)]).expect("a valid growth"));
        });
    }
    group.finish();
}

criterion_group!(benches, growth_planning);
criterion_main!(benches);
