//! A made-up corpus on its way to batches: JSON lines become a folder of token shards, and batches are cut out of these
//! in an order that a seed decides. Any of them can be asked for by itself, so a run goes on by knowing one number.

use std::{fs, sync::Arc};

use outgrow_data::{
    Batches, Order, Prefetch, PrefetchOptions, PrepareOptions, TokenShards, Tokenizer, prepare,
};

const TOKENIZER: &str = r#"{
    "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null, "decoder": null,
    "added_tokens": [{ "id": 0, "content": "<|endoftext|>", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true }],
    "pre_tokenizer": { "type": "Whitespace" },
    "model": { "type": "WordLevel", "unk_token": "?", "vocab": { "<|endoftext|>": 0, "?": 1, "the": 2, "cat": 3,
        "dog": 4, "sees": 5, "hears": 6, "bird": 7 } }
}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    fs::write(path("tokenizer.json"), TOKENIZER)?;
    let (animals, verbs) = (["cat", "dog", "bird"], ["sees", "hears"]);
    let sentence = |number: usize| {
        let (one, verb, other) = (animals[number % 3], verbs[number % 2], animals[(number / 3 + 1) % 3]);
        format!("{{\"text\": \"the {one} {verb} the {other}\"}}\n")
    };
    fs::write(path("stories.jsonl"), (0..60).map(sentence).collect::<String>())?;

    let tokenizer = Tokenizer::open(&path("tokenizer.json"))?;
    let options = PrepareOptions { shard_tokens: 150, ..PrepareOptions::default() };
    let prepared = prepare(&[path("stories.jsonl")], &tokenizer, &path("shards"), &options, &mut |_| ())?;
    let manifest = &prepared.manifest;
    println!(
        "{} documents are {} tokens ({}) in {} shards",
        manifest.documents,
        manifest.tokens,
        manifest.dtype,
        manifest.shards.len()
    );

    let shards = Arc::new(TokenShards::open(&path("shards"))?);
    let batches = Batches::new(shards, 8, Order::Shuffled { seed: 1 })?;
    let ahead = Prefetch::new(batches.clone(), PrefetchOptions { first_sample: 0, sequences: 2, depth: 4 });
    for (first_sample, batch) in (0..).step_by(2).zip(ahead.take(3)) {
        let batch = batch?;
        println!("samples {first_sample} and {}: {:?}", first_sample + 1, batch.inputs);
        assert_eq!(batch, batches.batch(first_sample, 2)?, "a batch depends on its place only");
    }
    Ok(())
}
