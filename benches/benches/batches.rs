//! How fast batches are made: what a training step would wait for, were they not made ahead of it.

use std::{fs, path::Path, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use outgrow_data::{
    Batches, Order, Prefetch, PrefetchOptions, PrepareOptions, TokenShards, Tokenizer, prepare,
};

const SEQUENCE_LENGTH: usize = 1024;
const SEQUENCES: usize = 16;
const WORDS: usize = 1000;

/// A corpus of about a million tokens over a thousand words, in a pseudo-random order.
fn corpus(folder: &Path) -> Batches {
    let vocabulary =
        (0..WORDS).map(|word| format!(r#""w{word}": {}"#, word + 2)).collect::<Vec<_>>().join(", ");
    let tokenizer = format!(
        r#"{{ "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
            "decoder": null, "pre_tokenizer": {{ "type": "Whitespace" }},
            "added_tokens": [{{ "id": 0, "content": "<|endoftext|>", "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true }}],
            "model": {{ "type": "WordLevel", "unk_token": "?", "vocab": {{ "<|endoftext|>": 0, "?": 1, {vocabulary} }} }} }}"#
    );
    let text = (0..1_000_000_usize).map(|place| format!("w{} ", place.wrapping_mul(2_654_435_761) % WORDS));
    let (text_path, tokenizer_path) = (folder.join("text.txt"), folder.join("tokenizer.json"));
    fs::write(&text_path, text.collect::<String>()).expect("a writable folder");
    fs::write(&tokenizer_path, tokenizer).expect("a writable folder");
    let shards = folder.join("shards");
    let tokenizer = Tokenizer::open(&tokenizer_path).expect("a tokenizer");
    prepare(&[text_path], &tokenizer, &shards, &PrepareOptions::default(), &mut |_| {}).expect("a corpus");
    let shards = Arc::new(TokenShards::open(&shards).expect("shards"));
    Batches::new(shards, SEQUENCE_LENGTH, Order::Shuffled { seed: 1 }).expect("a corpus longer than a sample")
}

fn batches(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let batches = corpus(folder.path());
    let mut group = criterion.benchmark_group("batches");
    group.throughput(Throughput::Elements((SEQUENCES * SEQUENCE_LENGTH) as u64));
    group.bench_function("one after the other", |bencher| {
        let mut sample = 0;
        bencher.iter(|| {
            sample += SEQUENCES as u64;
            batches.batch(sample, SEQUENCES).expect("a batch")
        });
    });
    group.bench_function("made ahead", |bencher| {
        let options = PrefetchOptions { first_sample: 0, sequences: SEQUENCES, depth: 4 };
        let mut ahead = Prefetch::new(batches.clone(), options);
        bencher.iter(|| ahead.next().expect("batches have no end").expect("a batch"));
    });
    group.finish();
}

criterion_group!(benches, batches);
criterion_main!(benches);
