//! Tokenises a text into shards and reads batches of it, in the same order each time: what anybody's program could do.

use std::{error::Error, fs, sync::Arc};

use outgrow_data::{
    Batches, Order, Prefetch, PrefetchOptions, PrepareOptions, TokenShards, Tokenizer, prepare,
};

const TOKENIZER: &str = r#"{
    "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null, "decoder": null,
    "added_tokens": [{ "id": 0, "content": "<|endoftext|>", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true }],
    "pre_tokenizer": { "type": "Whitespace" },
    "model": { "type": "WordLevel", "unk_token": "?",
        "vocab": { "<|endoftext|>": 0, "?": 1, "to": 2, "be": 3, "or": 4, "not": 5 } }
}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    fs::write(path("text.txt"), "to be or not to be ".repeat(40))?;
    fs::write(path("tokenizer.json"), TOKENIZER)?;
    let options = PrepareOptions::default();
    let tokenizer = Tokenizer::open(&path("tokenizer.json"))?;
    let prepared = prepare(&[path("text.txt")], &tokenizer, &path("shards"), &options, &mut |_| {})?;

    let shards = Arc::new(TokenShards::open(&path("shards"))?);
    let batches = Batches::new(shards, 16, Order::Shuffled { seed: 1 })?;
    let options = PrefetchOptions { first_sample: 0, sequences: 4, depth: 2 };
    let mut ahead = Prefetch::new(batches.clone(), options);
    for step in 0..8 {
        let batch = ahead.next().ok_or("the batches ended")??;
        if batch != batches.batch(step * 4, 4)? {
            return Err(format!("batch {step} depends on how it is read").into());
        }
    }
    println!(
        "read 8 batches of 4 × 16 from {} tokens, each the same by itself and in turn",
        prepared.manifest.tokens
    );
    Ok(())
}
