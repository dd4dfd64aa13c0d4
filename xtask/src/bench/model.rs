//! A checkpoint of random bf16 weights in the shape of a LLaMA of a wanted size, written tensor by tensor.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::Context;
use serde_json::{Map, Value, json};

const BYTES_OF_BF16: u64 = 2;
/// A shard holds no more than this, as the checkpoints that people download.
const SHARD_BYTES: u64 = 2_000_000_000;
/// Widths of models that exist, from large to small.
const WIDTHS: [Widths; 3] = [
    Widths::new(2_000_000_000, [4096, 11008, 32, 32, 32000]),
    Widths::new(400_000_000, [2048, 5632, 32, 4, 32000]),
    Widths::new(0, [512, 1408, 8, 4, 8000]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Widths {
    /// The smallest checkpoint, in bytes, that gets them.
    from_bytes: u64,
    hidden: u64,
    intermediate: u64,
    heads: u64,
    key_value_heads: u64,
    vocabulary: u64,
}

impl Widths {
    const fn new(from_bytes: u64, widths: [u64; 5]) -> Self {
        let [hidden, intermediate, heads, key_value_heads, vocabulary] = widths;
        Self { from_bytes, hidden, intermediate, heads, key_value_heads, vocabulary }
    }
}

/// What a checkpoint looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    widths: Widths,
    /// Layers.
    pub layers: u64,
}

impl Shape {
    /// The shape whose checkpoint comes closest to so many bytes.
    pub(super) fn of_bytes(bytes: u64) -> Self {
        let fitting = WIDTHS.into_iter().find(|widths| bytes >= widths.from_bytes);
        let widths = fitting.expect("the last of the widths is for any size");
        let one = Self { widths, layers: 1 };
        let layers = bytes.saturating_sub(one.bytes() - one.layer_bytes()) as f64 / one.layer_bytes() as f64;
        Self { widths, layers: (layers.round() as u64).max(1) }
    }

    /// Bytes of all tensors.
    pub(super) fn bytes(self) -> u64 {
        self.tensors().iter().map(|(_, shape)| tensor_bytes(shape)).sum()
    }

    /// Bytes of one layer's tensors.
    pub(super) fn layer_bytes(self) -> u64 {
        self.layer_tensors(0).iter().map(|(_, shape)| tensor_bytes(shape)).sum()
    }

    /// Bytes of the largest tensor.
    pub(super) fn largest_tensor(self) -> u64 {
        self.tensors().iter().map(|(_, shape)| tensor_bytes(shape)).max().unwrap_or(0)
    }

    /// Width of the residual stream.
    pub(super) fn hidden_size(self) -> u64 {
        self.widths.hidden
    }

    fn tensors(self) -> Vec<(String, Vec<u64>)> {
        let Widths { hidden, vocabulary, .. } = self.widths;
        let mut tensors = vec![("model.embed_tokens.weight".to_owned(), vec![vocabulary, hidden])];
        tensors.extend((0..self.layers).flat_map(|layer| self.layer_tensors(layer)));
        tensors.push(("model.norm.weight".to_owned(), vec![hidden]));
        tensors.push(("lm_head.weight".to_owned(), vec![vocabulary, hidden]));
        tensors
    }

    fn layer_tensors(self, layer: u64) -> Vec<(String, Vec<u64>)> {
        let Widths { hidden, intermediate, heads, key_value_heads, .. } = self.widths;
        let keys = hidden / heads * key_value_heads;
        let shapes = [
            ("input_layernorm", vec![hidden]),
            ("self_attn.q_proj", vec![hidden, hidden]),
            ("self_attn.k_proj", vec![keys, hidden]),
            ("self_attn.v_proj", vec![keys, hidden]),
            ("self_attn.o_proj", vec![hidden, hidden]),
            ("post_attention_layernorm", vec![hidden]),
            ("mlp.gate_proj", vec![intermediate, hidden]),
            ("mlp.up_proj", vec![intermediate, hidden]),
            ("mlp.down_proj", vec![hidden, intermediate]),
        ];
        shapes.map(|(name, shape)| (format!("model.layers.{layer}.{name}.weight"), shape)).into()
    }

    fn config(self) -> Value {
        json!({
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": self.widths.hidden,
            "intermediate_size": self.widths.intermediate,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.widths.heads,
            "num_key_value_heads": self.widths.key_value_heads,
            "vocab_size": self.widths.vocabulary,
            "max_position_embeddings": 2048,
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "hidden_act": "silu",
            "attention_bias": false,
            "mlp_bias": false,
            "tie_word_embeddings": false,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "torch_dtype": "bfloat16",
            "transformers_version": "4.57.0",
        })
    }

    /// Writes the folder: config.json, and one file or shards with an index. The weights are the same each time.
    pub(super) fn write(self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("creating `{}`", folder.display()))?;
        write_json(&folder.join("config.json"), &self.config())?;
        let shards = shards(self.tensors());
        let mut weight_map = Map::new();
        let mut bits = Bits(1);
        for (index, shard) in shards.iter().enumerate() {
            let name = match shards.len() {
                1 => "model.safetensors".to_owned(),
                count => format!("model-{:05}-of-{count:05}.safetensors", index + 1),
            };
            write_shard(&folder.join(&name), shard, &mut bits)?;
            weight_map.extend(shard.iter().map(|(tensor, _)| (tensor.clone(), json!(name))));
        }
        if shards.len() > 1 {
            let index = json!({"metadata": {"total_size": self.bytes()}, "weight_map": weight_map});
            write_json(&folder.join("model.safetensors.index.json"), &index)?;
        }
        Ok(())
    }
}

fn tensor_bytes(shape: &[u64]) -> u64 {
    shape.iter().product::<u64>() * BYTES_OF_BF16
}

/// The tensors in their order, divided into files.
fn shards(tensors: Vec<(String, Vec<u64>)>) -> Vec<Vec<(String, Vec<u64>)>> {
    let mut shards: Vec<Vec<_>> = vec![Vec::new()];
    let mut filled = 0;
    for (name, shape) in tensors {
        let bytes = tensor_bytes(&shape);
        if filled > 0 && filled + bytes > SHARD_BYTES {
            shards.push(Vec::new());
            filled = 0;
        }
        filled += bytes;
        shards.last_mut().expect("there is one from the start").push((name, shape));
    }
    shards
}

fn write_json(path: &Path, value: &Value) -> anyhow::Result<()> {
    fs::write(path, format!("{value:#}\n")).with_context(|| format!("writing `{}`", path.display()))
}

fn write_shard(path: &Path, tensors: &[(String, Vec<u64>)], bits: &mut Bits) -> anyhow::Result<()> {
    let mut header = Map::from_iter([("__metadata__".to_owned(), json!({"format": "pt"}))]);
    let mut end = 0;
    for (name, shape) in tensors {
        let start = end;
        end += tensor_bytes(shape);
        header.insert(name.clone(), json!({"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}));
    }
    let mut header = Value::Object(header).to_string();
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut write = || -> std::io::Result<()> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        for _ in 0..end / 8 {
            file.write_all(&bits.four_bf16().to_le_bytes())?;
        }
        file.into_inner()?.sync_all()
    };
    write().with_context(|| format!("writing `{}`", path.display()))
}

/// A small generator (xorshift64*): benchmarks need values that don't repeat, not good ones.
struct Bits(u64);

impl Bits {
    /// Four values between 2⁻⁷ and 2⁻³, of either sign.
    fn four_bf16(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        // Of each value the sign, the two lowest bits of the exponent and the mantissa are drawn.
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) & 0x81ff_81ff_81ff_81ff | 0x3c00_3c00_3c00_3c00
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_comes_close_to_the_wanted_bytes() {
        for (bytes, layers) in [(800_000_000, 6), (3_800_000_000, 8), (50_000_000, 6)] {
            let shape = Shape::of_bytes(bytes);
            assert!(shape.bytes().abs_diff(bytes) <= shape.layer_bytes() / 2, "{shape:?}: {}", shape.bytes());
            assert_eq!(shape.layers, layers);
        }
    }

    #[test]
    fn every_value_is_a_small_number() {
        let mut bits = Bits(1);
        for four in (0..1000).map(|_| bits.four_bf16()) {
            for value in 0..4 {
                let value = f32::from_bits((four >> (16 * value) & 0xffff) as u32 * 0x1_0000).abs();
                assert!((2_f32.powi(-7)..2_f32.powi(-3)).contains(&value), "{value}");
            }
        }
    }

    #[test]
    fn no_shard_is_larger_than_the_limit_and_no_tensor_is_lost() {
        let shape = Shape::of_bytes(3_800_000_000);
        let shards = shards(shape.tensors());
        let bytes =
            |shard: &Vec<(String, Vec<u64>)>| shard.iter().map(|(_, shape)| tensor_bytes(shape)).sum::<u64>();
        assert!(shards.iter().all(|shard| bytes(shard) <= SHARD_BYTES));
        assert_eq!(shards.iter().map(bytes).sum::<u64>(), shape.bytes());
        assert_eq!(shards.len(), 2);
    }
}
