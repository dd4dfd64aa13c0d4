//! Tensors under other names, of other types, or of no use, and adapters.

use std::fs;

use serde_json::{Value, json};

use super::{Folder, NORM, tensor};
use crate::models::numbered;

#[test]
fn a_plain_folder_has_no_notes() {
    for tied in [true, false] {
        assert_eq!(Folder::new(tied).notes_of_the_plain_one(), "");
        assert_eq!(Folder::new(tied).indexed(|_| {}).notes_of_the_plain_one(), "");
    }
}

#[test]
fn names_are_read_without_wrappers_and_with_the_prefix_of_the_whole_model() {
    let renamed = |tied: bool, name: &dyn Fn(&str) -> String| {
        Folder::new(tied).with(|tensors| {
            *tensors = std::mem::take(tensors).into_iter().map(|(old, one)| (name(&old), one)).collect();
        })
    };
    let prefixed = |prefix: &'static str| move |name: &str| format!("{prefix}{name}");
    insta::assert_snapshot!(renamed(false, &prefixed("_orig_mod.")).notes_of_the_plain_one(), @"names of tensors are read without `_orig_mod.`, which wraps the model");
    insta::assert_snapshot!(renamed(true, &prefixed("module._orig_mod.")).notes_of_the_plain_one(), @"names of tensors are read without `_orig_mod.`, `module.`, which wraps the model");
    let inner = |name: &str| name.replace("mlp.", "_checkpoint_wrapped_module.mlp.");
    insta::assert_snapshot!(renamed(false, &inner).notes_of_the_plain_one(), @"names of tensors are read without `_checkpoint_wrapped_module.`, which wraps the model");
    let base = |name: &str| name.trim_start_matches("model.").to_owned();
    insta::assert_snapshot!(renamed(true, &base).notes_of_the_plain_one(), @"names of tensors are read with `model.` in front: it was saved without its head");
    let base = renamed(false, &base).configured(|config| config["architectures"] = json!(["LlamaModel"]));
    insta::assert_snapshot!(base.notes_of_the_plain_one(), @"names of tensors are read with `model.` in front: it was saved without its head");
}

#[test]
fn tensors_that_the_model_has_no_use_for_are_passed_over() {
    let folder = Folder::new(false).with(|tensors| {
        for layer in 0..2 {
            let name = |end: &str| format!("model.layers.{layer}.self_attn.{end}");
            tensors.insert(name("rotary_emb.inv_freq"), tensor(&[2], 1.0));
            tensors.insert(name("masked_bias"), tensor(&[], -1e9));
        }
    });
    insta::assert_snapshot!(folder.notes_of_the_plain_one(), @"
    passed over: `model.layers.0.self_attn.rotary_emb.inv_freq`, `model.layers.1.self_attn.rotary_emb.inv_freq`, which follows from config.json
    passed over: `model.layers.0.self_attn.masked_bias`, `model.layers.1.self_attn.masked_bias`, which config.json has no use for
    ");
    assert!(folder.open().tensor("model.layers.0.self_attn.masked_bias").is_none());
    assert!(folder.open().bytes("model.layers.0.self_attn.masked_bias").is_err());
}

/// The plain folder's file with one more tensor, of a type that can be anything.
fn with_buffer(folder: &Folder, name: &str, dtype: &str, shape: &[usize], bytes: &[u8]) {
    let file = folder.file("model.safetensors");
    let whole = fs::read(&file).unwrap();
    let size = u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&whole[8..8 + size]).unwrap();
    let end = whole.len() - 8 - size;
    header[name] = json!({ "dtype": dtype, "shape": shape, "data_offsets": [end, end + bytes.len()] });
    let header = header.to_string();
    let parts = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &whole[8 + size..], bytes];
    fs::write(file, parts.concat()).unwrap();
}

#[test]
fn a_buffer_of_any_type_is_passed_over_and_a_parameter_of_one_is_refused() {
    let types = [("BOOL", 1), ("I64", 8), ("U8", 1), ("F8_E4M3", 1), ("C64", 8), ("F3", 5)];
    for (dtype, size) in types {
        let folder = Folder::new(false);
        with_buffer(&folder, "model.position_ids", dtype, &[1, 3], &vec![1; 3 * size]);
        let expected = if dtype == "F3" {
            "whose type safetensors doesn't have"
        } else {
            "which config.json has no use for"
        };
        assert_eq!(folder.notes_of_the_plain_one(), format!("passed over: `model.position_ids`, {expected}"));
    }
    let folder = Folder::new(false).with(|tensors| drop(tensors.remove(NORM)));
    with_buffer(&folder, NORM, "I64", &[8], &[0; 64]);
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: `model.norm.weight` is I64, expected F32, F16 or BF16");
}

#[test]
fn parameters_of_64_bits_are_read_as_32() {
    let folder = Folder::new(false).with(|tensors| drop(tensors.remove(NORM)));
    let norm = numbered(&folder.config)[NORM].values.clone();
    let bytes: Vec<u8> = norm.iter().flat_map(|value| f64::from(*value).to_le_bytes()).collect();
    with_buffer(&folder, NORM, "F64", &[8], &bytes);
    assert_eq!(folder.notes_of_the_plain_one(), "");
}

#[test]
fn an_adapter_is_no_model_and_beside_one_it_would_be_applied() {
    let folder = Folder::new(false);
    fs::write(folder.file("adapter_config.json"), r#"{"base_model_name_or_path": "org/base"}"#).unwrap();
    insta::assert_snapshot!(folder.notes_of_the_plain_one(), @"adapter_config.json is passed over, since there is no adapter; transformers refuses the folder for it");
    // transformers applies it, if it is there.
    fs::write(folder.file("adapter_model.safetensors"), "").unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: holds an adapter (LoRA) beside a whole model, and transformers applies it: merge it first, by merge_and_unload and save_pretrained of PEFT, or move adapter_config.json away to have the model as it is");
    // Among the model's own tensors, it is a part of it that isn't read.
    let unmerged = Folder::new(false).with(|tensors| {
        let name = "model.layers.0.self_attn.q_proj.lora_A.weight";
        tensors.insert(name.to_owned(), tensor(&[2, 8], 1.0));
    });
    insta::assert_snapshot!(unmerged.refusal(), @"DIR/model: weights of an adapter (LoRA) that isn't merged are among the tensors: merge it first, by merge_and_unload and save_pretrained of PEFT; `model.layers.0.self_attn.q_proj.lora_A.weight` is no tensor of the model that config.json describes");
    // Without a model, it is all that is there.
    fs::remove_file(folder.file("model.safetensors")).unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: is an adapter (LoRA) for org/base, not a whole model: merge it into its base model first, by merge_and_unload and save_pretrained of PEFT, and give that folder");
    fs::remove_file(folder.file("config.json")).unwrap();
    fs::write(folder.file("adapter_config.json"), "no JSON").unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: is an adapter (LoRA), not a whole model: merge it into its base model first, by merge_and_unload and save_pretrained of PEFT, and give that folder");
}
