//! Writes a tiny checkpoint, grows it by stacking, and opens what came out: what anybody's program could do.

use std::error::Error;

use outgrow_checkpoint::{Checkpoint, HostTensor, LlamaConfig, NamedTensors, write_checkpoint};
use outgrow_operators::{FolderGrowth, FolderPlan, Growth, Moments, Source};

const CONFIG: &str = r#"{
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 16, "hidden_size": 8,
    "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
    "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": false,
    "torch_dtype": "float32"
}"#;
const SHARD_SIZE_BYTES: u64 = 5_000_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (source, target) = (folder.path().join("small"), folder.path().join("grown"));
    let config = LlamaConfig::from_json(CONFIG)?;
    write_checkpoint(&source, &config, &tensors(&config), SHARD_SIZE_BYTES)?;

    let opened = Source::open(&source)?;
    let plan = FolderPlan::new(&opened, &[Growth::Stack { factor: 3 }])?;
    FolderGrowth::new(plan, Moments::Reset, SHARD_SIZE_BYTES)?.carry_out(&target)?;

    let grown = Checkpoint::open(&target)?.to_named_tensors()?;
    for layer in 0..6 {
        let name = |layer: usize| format!("model.layers.{layer}.self_attn.q_proj.weight");
        let (copy, original) = (&grown[&name(layer)], &tensors(&config)[&name(layer % 2)]);
        if copy.values != original.values {
            return Err(format!("layer {layer} is no copy of layer {} of the source", layer % 2).into());
        }
    }
    println!("grew 2 layers into 6, each a copy of its source");
    Ok(())
}

/// A value of its own for every number of every tensor.
fn tensors(config: &LlamaConfig) -> NamedTensors {
    let mut value = 0.0;
    let mut next = || {
        value += 1.0;
        value
    };
    let shapes = config.tensors().into_iter();
    let filled = shapes.map(|tensor| {
        let size = tensor.shape.iter().product();
        (tensor.name, HostTensor { values: (0..size).map(|_| next()).collect(), shape: tensor.shape })
    });
    filled.collect()
}
