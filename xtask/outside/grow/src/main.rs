//! Writes a tiny checkpoint, grows it by stacking, and opens what came out: what anybody's program could do.

use std::{error::Error, ops::ControlFlow};

use outgrow_checkpoint::{
    HostTensor, LlamaConfig, NamedTensors, read_checkpoint, shards::DEFAULT_SHARD_SIZE_BYTES,
    write_checkpoint,
};
use outgrow_operators::{GrowOptions, Growth, grow_folder};

const CONFIG: &str = r#"{ "model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12,
    "num_hidden_layers": 2, "num_attention_heads": 2 }"#;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (source, target) = (folder.path().join("small"), folder.path().join("grown"));
    let config = LlamaConfig::from_json(CONFIG)?;
    // Every tensor has a value of its own.
    let tensors = config.tensors().into_iter().enumerate().map(|(index, one)| {
        let values = vec![index as f32; one.shape.iter().product()];
        (one.name, HostTensor { values, shape: one.shape })
    });
    let tensors: NamedTensors = tensors.collect();
    write_checkpoint(&source, &config, &tensors, DEFAULT_SHARD_SIZE_BYTES)?;

    let growths = [Growth::Stack { factor: 3 }];
    grow_folder(&source, &target, &growths, &GrowOptions::default(), &mut |_| ControlFlow::Continue(()))?;

    let (_, grown) = read_checkpoint(&target)?;
    let name = |layer: usize| format!("model.layers.{layer}.self_attn.q_proj.weight");
    assert!((0..6).all(|layer| grown[&name(layer)] == tensors[&name(layer % 2)]), "a layer is no copy");
    println!("grew 2 layers into 6, each a copy of its source");
    Ok(())
}
