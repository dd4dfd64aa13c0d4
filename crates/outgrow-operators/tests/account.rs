//! What `--plan` prints of a growth: layers, tensors, bytes and shards, and nothing on disk.

mod folder;
mod models;

use std::fs;

use folder::{Folder, names_in};
use outgrow_operators::{Account, FolderPlan, Growth, GrowthError, Mix, Placement, Source, Width};

#[test]
fn the_account_of_a_growth_says_what_will_be_there() {
    let source = Folder::new(3, |_| {});
    fs::write(source.folder.join("tokenizer.json"), "{}").unwrap();
    let account = |growth: &Growth, shard_size_bytes| {
        account_of(&source.open(), std::slice::from_ref(growth), shard_size_bytes).unwrap().to_string()
    };
    insta::assert_snapshot!(account(&Growth::Stack { factor: 4 }, 4000), @"
    layers       3 → 12
    made of      0-2 ×4 (8 of 11 neighbours kept)
    function     not preserved
    parameters   1,688 → 6,152
    tensors      111, all copied byte for byte
    bytes        12,304
    shards       4
                 model-00001-of-00004.safetensors  3,968 bytes
                 model-00002-of-00004.safetensors  3,968 bytes
                 model-00003-of-00004.safetensors  3,968 bytes
                 model-00004-of-00004.safetensors  400 bytes
    comes along  tokenizer.json
    ");
    insta::assert_snapshot!(account(&Growth::Layers { layers: vec![0, 1, 1, 2] }, 1), @"
    layers       3 → 4
    made of      0, 1 ×2, 2 (2 of 3 neighbours kept)
    function     not preserved
    parameters   1,688 → 2,184
    tensors      39, all copied byte for byte
    bytes        4,368
    shards       39
                 model-00001-of-00039.safetensors  192 bytes
                 …
                 model-00039-of-00039.safetensors  192 bytes
    comes along  tokenizer.json
    ");
    assert_eq!(names_in(source.dir.path()), ["source"]);
}

#[test]
fn the_account_of_a_growth_that_computes_says_how() {
    let source = Folder::new(3, |_| {});
    let account = |growth: &Growth, shard_size_bytes| {
        account_of(&source.open(), std::slice::from_ref(growth), shard_size_bytes).unwrap().to_string()
    };
    let wide = Width { hidden_size: Some(16), num_attention_heads: Some(8), ..Width::default() };
    insta::assert_snapshot!(account(&Growth::Split { width: wide, share: Some(0.3) }, 1 << 30), @"
    layers       3 → 3
    made of      0-2
    function     preserved
    parameters   1,688 → 4,144
    tensors      30: 0 copied byte for byte, 30 computed
                 lm_head.weight ×1  [12, 16] 16 columns, scaled
                 model.embed_tokens.weight ×1  [12, 16] 16 columns
                 model.norm.weight ×1  [16] 16 rows
                 input_layernorm.weight ×3  [16] 16 rows
                 mlp.down_proj.weight ×3  [16, 12] 16 rows
                 mlp.gate_proj.weight ×3  [12, 16] 16 columns, scaled
                 mlp.up_proj.weight ×3  [12, 16] 16 columns, scaled
                 post_attention_layernorm.weight ×3  [16] 16 rows
                 self_attn.k_proj.weight ×3  [4, 16] 16 columns, scaled
                 self_attn.o_proj.weight ×3  [16, 16] 16 rows; 16 columns, scaled
                 self_attn.q_proj.weight ×3  [16, 16] 16 rows; 16 columns, scaled
                 self_attn.v_proj.weight ×3  [4, 16] 16 columns, scaled
    bytes        8,288
    shards       1
                 model.safetensors  8,288 bytes
    ");
    let zero = Growth::ZeroDepth { num_hidden_layers: 6, placement: Placement::Interleaved };
    insta::assert_snapshot!(account(&zero, 1 << 30), @"
    layers       3 → 6
    made of      0-2; layers 1, 3, 5 are 0-2 with zero outputs
    function     preserved
    parameters   1,688 → 3,176
    tensors      57: 51 copied byte for byte, 6 computed
                 mlp.down_proj.weight ×3  [8, 12] 0 everywhere
                 self_attn.o_proj.weight ×3  [8, 8] 0 everywhere
    bytes        6,352
    shards       1
                 model.safetensors  6,352 bytes
    ");
    let learned = Growth::Learned { num_hidden_layers: Some(4), width: wide, matrices: None, seed: 1 };
    let noise = Growth::Noise { amount: 0.2, mix: Mix::Linear, seed: 1 };
    let account =
        account_of(&source.open(), &[Growth::RandomDepth { num_hidden_layers: 4, seed: 1 }, noise], 1 << 30);
    insta::assert_snapshot!(account.unwrap(), @"
    layers       3 → 4
    made of      0-2; layers 3 are fresh
    function     not preserved
    parameters   1,688 → 2,184
    tensors      39: 7 copied byte for byte, 32 computed
                 lm_head.weight ×1  [12, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.2236)
                 model.embed_tokens.weight ×1  [12, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.2236)
                 input_layernorm.weight ×1  [8] 1 everywhere
                 mlp.down_proj.weight ×3  [8, 12] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.0884)
                 mlp.down_proj.weight ×1  [8, 12] 0.8 · (drawn with a standard deviation of 0.0722) + 0.2 · (drawn with a standard deviation of 0.0884)
                 mlp.gate_proj.weight ×3  [12, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.2236)
                 mlp.gate_proj.weight ×1  [12, 8] 0.8 · (drawn with a standard deviation of 0.2236) + 0.2 · (drawn with a standard deviation of 0.2236)
                 mlp.up_proj.weight ×3  [12, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.2236)
                 mlp.up_proj.weight ×1  [12, 8] 0.8 · (drawn with a standard deviation of 0.2236) + 0.2 · (drawn with a standard deviation of 0.2236)
                 post_attention_layernorm.weight ×1  [8] 1 everywhere
                 self_attn.k_proj.weight ×3  [4, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.2236)
                 self_attn.k_proj.weight ×1  [4, 8] 0.8 · (drawn with a standard deviation of 0.2236) + 0.2 · (drawn with a standard deviation of 0.2236)
                 self_attn.o_proj.weight ×3  [8, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.0884)
                 self_attn.o_proj.weight ×1  [8, 8] 0.8 · (drawn with a standard deviation of 0.0884) + 0.2 · (drawn with a standard deviation of 0.0884)
                 self_attn.q_proj.weight ×3  [8, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.2236)
                 self_attn.q_proj.weight ×1  [8, 8] 0.8 · (drawn with a standard deviation of 0.2236) + 0.2 · (drawn with a standard deviation of 0.2236)
                 self_attn.v_proj.weight ×3  [4, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.2236)
                 self_attn.v_proj.weight ×1  [4, 8] 0.8 · (drawn with a standard deviation of 0.2236) + 0.2 · (drawn with a standard deviation of 0.2236)
    bytes        4,368
    shards       1
                 model.safetensors  4,368 bytes
    ");
    insta::assert_snapshot!(account_of(&source.open(), &[learned], 1 << 30).unwrap_err(), @"matrices of a learned growth: 2 queries share a key in the source and 4 in the grown model; learned growth keeps that number");
    assert_eq!(names_in(source.dir.path()), ["source"]);
}

fn account_of(source: &Source, growths: &[Growth], shard_size_bytes: u64) -> Result<Account, GrowthError> {
    Account::new(source, FolderPlan::new(source, growths)?, shard_size_bytes)
}
