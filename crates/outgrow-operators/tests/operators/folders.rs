//! Growing folders: the grown one holds the source's bytes by the layer map, and an error leaves nothing behind.

use std::{fs, path::Path};

use outgrow_checkpoint::{
    Checkpoint, Dtype, TensorSpec,
    dtype::encode_into,
    shards::{ShardLayout, ShardWriter},
    tensor_names::{layer_index, with_layer_index},
    write_checkpoint,
};
use outgrow_operators::{
    FolderPlan, Growth, GrowthError, GrowthPlan, Moments, Preservation, Source, grow_tensors,
    recipe::Passthrough,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    cases,
    folder::{Folder, grow_folder, names_in},
    models::{growths, layer_lists, model, models, numbered},
};

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn a_grown_folder_holds_the_bytes_of_its_source_by_the_list(
        (config, list) in layer_lists(),
        source_shard_bytes in 1_u64..2000,
        target_shard_bytes in 1_u64..2000,
    ) {
        let dir = TempDir::new().unwrap();
        let (source, target) = (dir.path().join("source"), dir.path().join("target"));
        write_checkpoint(&source, &config, &numbered(&config), source_shard_bytes).unwrap();
        let opened = Source::open(&source).unwrap();
        let source = Checkpoint::open(&source).unwrap();
        let growth = Growth::Layers { layers: list.clone() };
        grow(&opened, std::slice::from_ref(&growth), &target, target_shard_bytes).unwrap();

        let grown = Checkpoint::open(&target).unwrap();
        prop_assert_eq!(grown.config().num_hidden_layers, list.len());
        for tensor in grown.tensors() {
            let layer = layer_index(&tensor.name).map(|layer| list[layer]);
            let origin = layer.map_or_else(|| tensor.name.clone(), |layer| with_layer_index(&tensor.name, layer));
            prop_assert_eq!(grown.bytes(&tensor.name).unwrap(), source.bytes(&origin).unwrap());
            prop_assert_eq!(tensor.dtype, source.tensor(&origin).unwrap().dtype);
        }
        // The same plan in memory gives the same model.
        let plan = GrowthPlan::new(source.config(), [&growth]).unwrap();
        let in_memory = grow_tensors(&plan, &source.to_named_tensors().unwrap()).unwrap();
        prop_assert_eq!(grown.to_named_tensors().unwrap(), in_memory);
    }

    #[test]
    fn every_growth_gives_the_same_model_on_disk_and_in_memory(
        config in models(), by in 1_usize..3, seed in 0..u64::MAX / 2, target_shard_bytes in 1_u64..4000,
    ) {
        let dir = TempDir::new().unwrap();
        let folder = dir.path().join("source");
        write_checkpoint(&folder, &config, &numbered(&config), 1 << 30).unwrap();
        let (source, opened) = (Checkpoint::open(&folder).unwrap(), Source::open(&folder).unwrap());
        for (index, growth) in growths(&config, by, 0.25, seed).into_iter().enumerate() {
            let target = dir.path().join(index.to_string());
            grow(&opened, std::slice::from_ref(&growth), &target, target_shard_bytes).unwrap();
            let plan = GrowthPlan::new(&config, [&growth]).unwrap();
            let in_memory = grow_tensors(&plan, &source.to_named_tensors().unwrap()).unwrap();
            let grown = Checkpoint::open(&target).unwrap();
            prop_assert_eq!(grown.config(), plan.target(), "{:?}", growth);
            for (name, tensor) in in_memory {
                let mut bytes = vec![0; tensor.values.len() * config.dtype.size_bytes()];
                encode_into(&tensor.values, config.dtype, &mut bytes).unwrap();
                prop_assert_eq!(grown.bytes(&name).unwrap(), &bytes[..], "{} of {:?}", name, growth);
            }
        }
    }
}

#[test]
fn only_the_depth_changes_in_config_json() {
    let source = Folder::new(2, |config| {
        config["eos_token_id"] = json!([2, 7]);
        config["layer_types"] = json!(["full_attention", "full_attention"]);
        config["something_else"] = json!({ "kept": [1, null, 3] });
    });
    grow(
        &source.open(),
        std::slice::from_ref(&Growth::Stack { factor: 2 }),
        &source.beside("grown"),
        1 << 30,
    )
    .unwrap();
    let read = |folder: &Path| fs::read_to_string(folder.join("config.json")).unwrap();
    let mut expected: Value = serde_json::from_str(&read(&source.folder)).unwrap();
    expected["num_hidden_layers"] = json!(4);
    expected["layer_types"] = json!(vec!["full_attention"; 4]);
    assert_eq!(read(&source.beside("grown")), format!("{expected:#}\n"));
}

#[test]
fn tokenizer_and_other_side_files_come_along_and_other_weights_do_not() {
    let source = Folder::new(1, |_| {});
    let along = [
        "tokenizer.json",
        "tokenizer.model",
        "special_tokens_map.json",
        "merges.txt",
        "generation_config.json",
        "chat_template.jinja",
        "outgrow.json",
        "LICENSE",
        "README.md",
    ];
    let not = [
        "pytorch_model.bin",
        "consolidated.00.pth",
        "model.gguf",
        "optimizer.pt",
        "adapter.safetensors",
        "pytorch_model.bin.index.json",
        "trainer_state.json",
        "events.out.tfevents.1700000000.host",
        ".hidden",
    ];
    for name in along.iter().chain(&not) {
        fs::write(source.folder.join(name), format!("content of {name}")).unwrap();
    }
    fs::create_dir(source.folder.join("training")).unwrap();
    fs::write(source.folder.join("training/state.json"), "{}").unwrap();
    let target = source.beside("grown");
    grow(&source.open(), std::slice::from_ref(&Growth::Stack { factor: 3 }), &target, 1 << 30).unwrap();
    let mut expected: Vec<&str> = along.to_vec();
    expected.extend(["config.json", "model.safetensors"]);
    expected.sort_unstable();
    assert_eq!(names_in(&target), expected);
    for name in along.into_iter().filter(|name| *name != "README.md") {
        assert_eq!(fs::read_to_string(target.join(name)).unwrap(), format!("content of {name}"));
    }
    let card = fs::read_to_string(target.join("README.md")).unwrap();
    assert!(card.contains("operator = \"stack\"\nfactor = 3\n"), "{card}");
    assert!(card.ends_with("\n## The source's own card\n\ncontent of README.md\n"), "{card}");
}

#[test]
fn a_tensor_keeps_its_own_type_in_a_mixed_checkpoint() {
    // Norms in f32, the rest in bfloat16, and odd numbers of values between them.
    let config = model(2).with(|fields| {
        fields.hidden_size = 7;
        fields.vocab_size = 11;
    });
    let config = config.unwrap();
    let dir = TempDir::new().unwrap();
    let specs = config.tensors().into_iter().map(|tensor| {
        let dtype = if tensor.name.contains("norm") { Dtype::F32 } else { Dtype::Bf16 };
        TensorSpec { name: tensor.name, dtype: dtype.into(), shape: tensor.shape }
    });
    let specs: Vec<TensorSpec> = specs.collect();
    let mut writer = ShardWriter::create(dir.path(), &ShardLayout::new(specs.clone(), 1 << 30)).unwrap();
    for (index, spec) in specs.iter().enumerate() {
        writer.write(&spec.name, &vec![index as u8; spec.size_bytes() as usize]).unwrap();
    }
    writer.finish().unwrap();
    fs::write(dir.path().join("config.json"), config.to_json().to_string()).unwrap();

    let source = Checkpoint::open(dir.path()).unwrap();
    let beside = TempDir::new().unwrap();
    let target = beside.path().join("grown");
    grow(
        &Source::open(dir.path()).unwrap(),
        std::slice::from_ref(&Growth::Interleave { factor: 2 }),
        &target,
        1 << 30,
    )
    .unwrap();
    let grown = Checkpoint::open(&target).unwrap();
    for tensor in grown.tensors() {
        let layer = layer_index(&tensor.name).map(|layer| layer / 2);
        let origin = layer.map_or_else(|| tensor.name.clone(), |layer| with_layer_index(&tensor.name, layer));
        assert_eq!(tensor.dtype, source.tensor(&origin).unwrap().dtype);
        assert_eq!(grown.bytes(&tensor.name).unwrap(), source.bytes(&origin).unwrap());
        // Readers view the bytes in place.
        assert_eq!(tensor.range.start % (tensor.dtype.size_bits() / 8), 0, "{}", tensor.name);
    }
}

#[test]
fn a_passthrough_recipe_grows_by_its_slices_scales_and_type() {
    let source = Folder::new(3, |_| {});
    let text = "
slices:
- sources: [{model: any, layer_range: [0, 2]}]
- sources:
  - model: any
    layer_range: [1, 3]
    parameters: {scale: [{filter: o_proj, value: 0.0}, {filter: down_proj, value: 0.0}, {value: 1.0}]}
- sources: [{model: any, layer_range: [2, 3], parameters: {scale: [{filter: up_proj, value: 0.5}]}}]
merge_method: passthrough
dtype: float32
";
    let opened = source.open();
    let plan = FolderPlan::of_passthrough(&opened, &Passthrough::parse(text).unwrap()).unwrap();
    assert_eq!(plan.preservation(), Preservation::None);
    let target = source.beside("grown");
    grow_folder(&plan, Moments::Reset, &target, 1 << 30).unwrap();
    let (old, grown) = (Checkpoint::open(&source.folder).unwrap(), Checkpoint::open(&target).unwrap());
    assert_eq!(grown.config().dtype, Dtype::F32);
    let (old, grown) = (old.to_named_tensors().unwrap(), grown.to_named_tensors().unwrap());
    for (name, tensor) in &grown {
        let layer = layer_index(name).map(|layer| [0, 1, 1, 2, 2][layer]);
        let origin = layer.map_or_else(|| name.clone(), |layer| with_layer_index(name, layer));
        let scale = match layer_index(name) {
            Some(2 | 3) if name.contains("o_proj") || name.contains("down_proj") => 0.0,
            Some(4) if name.contains("up_proj") => 0.5,
            _ => 1.0,
        };
        let expected: Vec<f32> = old[&origin].values.iter().map(|value| value * scale).collect();
        assert_eq!(tensor.values, expected, "{name}");
    }
    assert!(fs::read_to_string(target.join("README.md")).unwrap().contains("merge_method: passthrough"));

    // LLaMA Pro's way to write an identity layer.
    let text = "slices:\n- sources: [{model: any, layer_range: [0, 3]}]\n- sources: [{model: any, layer_range: [2, 3], \
                parameters: {scale: [{filter: o_proj, value: 0}, {filter: down_proj, value: 0}]}}]\nmerge_method: passthrough\n";
    let plan = FolderPlan::of_passthrough(&opened, &Passthrough::parse(text).unwrap()).unwrap();
    assert_eq!(plan.preservation(), Preservation::Exact);
}

#[test]
fn an_error_leaves_nothing_behind() {
    let source = Folder::new(2, |_| {});
    let opened = source.open();
    let target = source.beside("grown");
    let refusal = |growth: &Growth, target: &Path| {
        let error = grow(&opened, std::slice::from_ref(growth), target, 1 << 30).unwrap_err().to_string();
        error.replace(&source.dir.path().display().to_string(), "DIR")
    };
    insta::assert_snapshot!(refusal(&Growth::Stack { factor: 0 }, &target), @"factor = 0: at least 1 is needed");
    insta::assert_snapshot!(refusal(&Growth::Layers { layers: vec![2] }, &target), @"layers [2] are not in the source, which has layers 0 to 1");
    insta::assert_snapshot!(refusal(&Growth::Stack { factor: 2 }, &source.folder), @"DIR/source: is the source itself; choose another target");
    insta::assert_snapshot!(refusal(&Growth::Stack { factor: 2 }, &source.folder.join("grown")), @"DIR/source/grown: is inside the source, DIR/source; choose a target beside it");
    // The source is cut short after it was opened: the error comes in the middle of the copying.
    let weights = fs::File::options().write(true).open(source.folder.join("model.safetensors")).unwrap();
    weights.set_len(weights.metadata().unwrap().len() - 200).unwrap();
    insta::assert_snapshot!(refusal(&Growth::Stack { factor: 2 }, &source.beside("a/new/parent")), @"DIR/source/model.safetensors: gave 8 of the 16 bytes of `model.norm.weight`; it was cut");
    assert_eq!(names_in(source.dir.path()), ["source"]);
}

fn grow(
    source: &Source,
    growths: &[Growth],
    target: &Path,
    shard_size_bytes: u64,
) -> Result<(), GrowthError> {
    grow_folder(&FolderPlan::new(source, growths)?, Moments::Reset, target, shard_size_bytes).map(|_| ())
}
