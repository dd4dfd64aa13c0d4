//! A training step of a small model on the CPU: forward, backward, clip and AdamW.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use outgrow_checkpoint::LlamaConfig;
use outgrow_data::Batch;
use outgrow_kernels::{DeviceName, open_device};
use outgrow_model::{Decoder, Initialization, initial_tensors};
use outgrow_train::{AdamW, AdamWSettings, accumulate, global_norm};

const SEQUENCES: usize = 8;
const SEQUENCE_LENGTH: usize = 128;
const VOCABULARY: i32 = 2048;

/// The quickstart's model.
const CONFIG: &str = r#"{ "model_type": "llama", "vocab_size": 2048, "hidden_size": 64, "intermediate_size": 176,
    "num_hidden_layers": 8, "num_attention_heads": 2, "max_position_embeddings": 128, "rms_norm_eps": 1e-5 }"#;

fn training_step(criterion: &mut Criterion) {
    let config = LlamaConfig::from_json(CONFIG).expect("a valid configuration");
    let device = open_device(DeviceName::Flex).expect("flex is compiled in").autodiff();
    let tensors = initial_tensors(&config, Initialization::DepthScaled, 1);
    let mut decoder = Decoder::new(&config, &tensors, &device).expect("the tensors are the configuration's");
    let mut optimizer = AdamW::new(AdamWSettings::default());
    let inputs: Vec<i32> =
        (0..(SEQUENCES * SEQUENCE_LENGTH) as i32).map(|index| index * 7919 % VOCABULARY).collect();
    let batch =
        Batch { sequences: SEQUENCES, sequence_length: SEQUENCE_LENGTH, targets: inputs.clone(), inputs };

    let mut group = criterion.benchmark_group("training step");
    group.sample_size(10).throughput(Throughput::Elements(batch.num_tokens()));
    group.bench_function("quickstart", |bencher| {
        bencher.iter(|| {
            let (loss, gradients) =
                accumulate(&decoder, &batch, SEQUENCES).expect("the batch fits the model");
            let norm = global_norm(&gradients).expect("there are gradients").into_scalar::<f32>();
            let scale = (1.0 / (f64::from(norm) + 1e-6)).min(1.0);
            optimizer.step(&mut decoder, gradients, scale, 1e-3);
            black_box(loss.into_scalar::<f32>())
        });
    });
    group.finish();
}

criterion_group!(benches, training_step);
criterion_main!(benches);
