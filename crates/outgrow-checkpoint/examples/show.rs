//! What a folder holds: the model's shape, its parameters by part, how they are stored, and what is odd about the
//! folder.
//!
//! ```text
//! cargo run -p outgrow-checkpoint --example show [FOLDER]
//! ```
//!
//! Without a folder a small model is written to a temporary one and shown.

use std::{collections::BTreeMap, env, error::Error, path::Path};

use outgrow_checkpoint::{
    Checkpoint, HostTensor, LlamaConfig, StoredTensor, tensor_names::name_in_layer, write_checkpoint,
};

const SMALL: &str = r#"{
    "model_type": "llama", "vocab_size": 256, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4,
    "num_attention_heads": 4, "num_key_value_heads": 2, "torch_dtype": "bfloat16"
}"#;

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(folder) = env::args_os().nth(1) {
        return show(Path::new(&folder));
    }
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path().join("small");
    write_small(&folder)?;
    show(&folder)
}

fn show(folder: &Path) -> Result<(), Box<dyn Error>> {
    let checkpoint = Checkpoint::open(folder)?;
    let config = checkpoint.config();
    println!("{} layers, {} wide", config.num_hidden_layers, config.hidden_size);
    println!(
        "{} heads for queries, {} for keys and values",
        config.num_attention_heads, config.num_key_value_heads
    );
    println!("{} tokens in the vocabulary, {} parameters", config.vocab_size, config.num_parameters());
    println!();
    for (part, (count, values)) in parts(checkpoint.tensors()) {
        println!("{values:>12} values in {count:>4} of {part}");
    }
    for note in checkpoint.notes() {
        println!("note: {note}");
    }
    Ok(())
}

/// How many tensors and values there are of each part of a layer, and of each tensor outside the layers.
fn parts<'a>(tensors: impl Iterator<Item = &'a StoredTensor>) -> BTreeMap<String, (usize, usize)> {
    let mut parts = BTreeMap::new();
    for tensor in tensors {
        let part = format!("{} ({})", name_in_layer(&tensor.name), tensor.dtype);
        let (count, values) = parts.entry(part).or_insert((0, 0));
        *count += 1;
        *values += tensor.shape.iter().product::<usize>();
    }
    parts
}

fn write_small(folder: &Path) -> Result<(), Box<dyn Error>> {
    let config = LlamaConfig::from_json(SMALL)?;
    let zeros = |shape: Vec<usize>| HostTensor { values: vec![0.0; shape.iter().product()], shape };
    let tensors = config.tensors().into_iter().map(|tensor| (tensor.name, zeros(tensor.shape))).collect();
    write_checkpoint(folder, &config, &tensors, 1 << 30)?;
    Ok(())
}
