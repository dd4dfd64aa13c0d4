//! mergekit's passthrough recipes: what they mean.

#![expect(clippy::float_cmp, reason = "values go through their types exactly")]

mod refusals;

use insta::assert_snapshot;
use outgrow_checkpoint::{
    Checkpoint, Dtype,
    dtype::{decode_into, encode_into},
    write_checkpoint,
};
use outgrow_operators::{FolderPlan, Moments, Source, recipe::Passthrough};
use proptest::prelude::*;

use crate::{
    cases,
    folder::grow_folder,
    models::{model, numbered},
};

const IDENTITY_BLOCKS: &str = "\
slices:
  - sources:
      - model: org/small@main
        layer_range: [0, 3]
  - sources:
      - model: org/small@main
        layer_range: [2, 3]
        parameters:
          scale:
            - filter: o_proj
              value: 0.0
            - filter: down_proj
              value: 0.0
            - value: 1.0
  - sources: [{model: org/small@main, layer_range: [3, 6]}]
merge_method: passthrough
dtype: bfloat16
";

fn problems(text: &str) -> String {
    Passthrough::parse(text).unwrap_err().to_string()
}

fn scale(recipe: &Passthrough, tensor: &str) -> f64 {
    recipe.origin(tensor).unwrap().1
}

#[test]
fn slices_become_layers_and_filters_find_their_tensors() {
    let recipe = Passthrough::parse(IDENTITY_BLOCKS).unwrap();
    assert_eq!(recipe.model, "org/small@main");
    assert_eq!(recipe.dtype, Some(Dtype::Bf16));
    assert_eq!(recipe.layers(6).unwrap(), [0, 1, 2, 2, 3, 4, 5]);
    assert!(!recipe.is_copy());
    let origin = |name: &str| recipe.origin(name).unwrap();
    assert_eq!(
        origin("model.layers.3.self_attn.o_proj.weight"),
        ("model.layers.2.self_attn.o_proj.weight".into(), 0.0)
    );
    assert_eq!(
        origin("model.layers.3.mlp.up_proj.weight"),
        ("model.layers.2.mlp.up_proj.weight".into(), 1.0)
    );
    assert_eq!(
        origin("model.layers.2.mlp.down_proj.weight"),
        ("model.layers.2.mlp.down_proj.weight".into(), 1.0)
    );
    assert_eq!(
        origin("model.layers.6.mlp.down_proj.weight"),
        ("model.layers.5.mlp.down_proj.weight".into(), 1.0)
    );
    assert_eq!(origin("lm_head.weight"), ("lm_head.weight".into(), 1.0));
    assert_eq!(recipe.origin("model.layers.7.mlp.down_proj.weight"), None);
}

#[test]
fn a_source_comes_before_its_slice_and_a_slice_before_the_recipe() {
    let recipe = Passthrough::parse(
        "merge_method: passthrough
slices:
  - parameters: {scale: [{filter: mlp, value: 2}, {filter: up_proj, value: 3}]}
    sources:
      - {model: a, layer_range: [0, 2], parameters: {scale: {filter: up_proj, value: 4}}}
  - sources: [{model: a, layer_range: [0, 1]}]
parameters: {scale: 1e-1}
",
    )
    .unwrap();
    let scales = [
        "model.layers.0.mlp.up_proj.weight",
        "model.layers.0.mlp.gate_proj.weight",
        "model.layers.0.self_attn.q_proj.weight",
        "model.layers.2.mlp.up_proj.weight",
        "model.norm.weight",
    ]
    .map(|tensor| scale(&recipe, tensor));
    assert_eq!(scales.to_vec(), [4.0, 2.0, 0.1, 0.1, 0.1]);
}

#[test]
fn what_stands_before_the_layers_belongs_to_the_first_slice_and_all_else_to_the_last() {
    let recipe = Passthrough::parse(
        "{merge_method: passthrough, slices: [
  {sources: [{model: a, layer_range: [0, 1], parameters: {scale: 2}}]},
  {sources: [{model: a, layer_range: [1, 2], parameters: {scale: 3}}]}]}",
    )
    .unwrap();
    for embedding in ["model.embed_tokens.weight", "transformer.wte.weight", "gpt_neox.embed_in.weight"] {
        assert_eq!(scale(&recipe, embedding).to_bits(), 2_f64.to_bits(), "{embedding}");
    }
    for head in ["model.norm.weight", "lm_head.weight", "embed_out.weight"] {
        assert_eq!(scale(&recipe, head).to_bits(), 3_f64.to_bits(), "{head}");
    }
}

#[test]
fn several_numbers_are_spread_over_the_layers_of_their_slice() {
    let recipe = Passthrough::parse(
        "{merge_method: passthrough, slices: [
  {sources: [{model: a, layer_range: [2, 7], parameters: {scale: [{filter: layers.3., value: 9}, {value: [1, 3, 4]}]}}]},
  {sources: [{model: a, layer_range: [0, 1], parameters: {scale: [1, 5]}}]}]}",
    )
    .unwrap();
    let scales =
        [0, 1, 2, 3, 4, 5].map(|layer| scale(&recipe, &format!("model.layers.{layer}.mlp.up_proj.weight")));
    // A filter sees the source's name, and a slice of one layer has its last value.
    assert_eq!(scales.to_vec(), [1.0, 9.0, 3.0, 3.5, 4.0, 5.0]);
    let outside = ["model.embed_tokens.weight", "lm_head.weight"].map(|tensor| scale(&recipe, tensor));
    assert_eq!(outside.to_vec(), [1.0, 1.0]);
}

#[test]
fn keys_that_change_nothing_of_a_passthrough_are_noted() {
    let text = "\
merge_method: passthrough
base_model: a
slices:
  - sources: [{model: a, layer_range: [0, 2], parameters: {weight: 0.5, scale: 1.0}}]
    base_model: a
    residual_weight: 0.1
tokenizer_source: union
chat_template: auto
out_dtype: float16
dtype: null
parameters: {normalize: true, int8_mask: true}
";
    let recipe = Passthrough::parse(text).unwrap();
    assert_eq!((recipe.dtype, recipe.out_dtype), (None, Some(Dtype::F16)));
    assert!(recipe.is_copy());
    assert_snapshot!(recipe.notes.join("\n"), @"
    line 4: `weight` is passed over, as mergekit does in a passthrough
    line 6: `residual_weight` is passed over, as in mergekit
    line 7: `tokenizer_source` is passed over: the source's tokenizer comes along, and all rows of the embedding
    line 8: `chat_template` is passed over: the source's own comes along
    line 11: `normalize` is passed over, as mergekit does in a passthrough
    line 11: `int8_mask` is passed over, as mergekit does in a passthrough
    ");
    let with = |line: &str| {
        format!(
            "merge_method: passthrough\nslices: [{{sources: [{{model: a, layer_range: [0, 2]}}]}}]\n{line}\n"
        )
    };
    for harmless in [
        "tokenizer_source: a",
        "tokenizer: {source: base, tokens: {}}",
        "tokenizer: {source: a, pad_to_multiple_of: null}",
    ] {
        assert_eq!(Passthrough::parse(&with(harmless)).unwrap().notes.len(), 1, "{harmless}");
    }
    assert_eq!(Passthrough::parse(&with("tokenizer_source: null")).unwrap().notes.len(), 0);
}

/// What mergekit 0.1.5 computes: a tensor is converted to `dtype` when it is read, multiplied in that type, and
/// converted to `out_dtype` when it is written.
#[test]
fn numbers_go_through_the_types_of_a_recipe_one_after_the_other() {
    // 1 + 3/256 lies between two numbers of bf16, and so does its product with 0.61.
    let value = 1.0_f32 + 3.0 / 256.0;
    let scaled = |stored: Dtype, types: &str| {
        let dir = tempfile::tempdir().unwrap();
        let [folder, target] = ["source", "grown"].map(|name| dir.path().join(name));
        let config = model(1).with_dtype(stored);
        let mut tensors = numbered(&config);
        let names = ["model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.gate_proj.weight"];
        for name in names {
            tensors.get_mut(name).unwrap().values[0] = value;
        }
        write_checkpoint(&folder, &config, &tensors, 1 << 30).unwrap();
        let recipe = format!(
            "merge_method: passthrough\n{types}\nslices: [{{sources: [{{model: a, layer_range: [0, 1], parameters: {{scale: [{{filter: up_proj, value: 0.61}}]}}}}]}}]"
        );
        let source = Source::open(&folder).unwrap();
        let plan = FolderPlan::of_passthrough(&source, &Passthrough::parse(&recipe).unwrap()).unwrap();
        grow_folder(&plan, Moments::Reset, &target, 1 << 30).unwrap();
        let grown = Checkpoint::open(&target).unwrap();
        assert_eq!(grown.tensor(names[0]).unwrap().dtype, grown.config().dtype.into());
        let grown = grown.to_named_tensors().unwrap();
        names.map(|name| grown[name].values[0])
    };
    let rounded = |value: f32, dtype: Dtype| {
        let (mut bytes, mut out) = ([0; 2], [0.0]);
        encode_into(&[value], dtype, &mut bytes).unwrap();
        decode_into(&bytes, dtype, &mut out);
        out[0]
    };
    let (bf16, f16) = (|value| rounded(value, Dtype::Bf16), |value| rounded(value, Dtype::F16));
    assert!(bf16(bf16(value) * 0.61) != bf16(value * 0.61) && bf16(value) * 0.61 != bf16(bf16(value) * 0.61));
    assert_eq!(scaled(Dtype::F32, ""), [value * 0.61, value]);
    assert_eq!(scaled(Dtype::F32, "dtype: bfloat16"), [bf16(bf16(value) * 0.61), bf16(value)]);
    assert_eq!(scaled(Dtype::F32, "out_dtype: bfloat16"), [bf16(value * 0.61), bf16(value)]);
    assert_eq!(
        scaled(Dtype::F32, "dtype: bfloat16\nout_dtype: float32"),
        [bf16(bf16(value) * 0.61), bf16(value)]
    );
    assert_eq!(
        scaled(Dtype::F32, "dtype: bfloat16\nout_dtype: float16"),
        [f16(bf16(bf16(value) * 0.61)), f16(bf16(value))]
    );
    assert_eq!(scaled(Dtype::Bf16, "out_dtype: float32"), [bf16(bf16(value) * 0.61), bf16(value)]);
    assert_eq!(scaled(Dtype::Bf16, "dtype: float32"), [bf16(value) * 0.61, bf16(value)]);
}

#[test]
fn aliases_stand_for_what_they_name() {
    let text = "merge_method: passthrough
parameters: &zero {scale: [{filter: o_proj, value: 0}]}
slices:
  - sources: [{model: a, layer_range: [0, 1], parameters: *zero}]
";
    let recipe = Passthrough::parse(text).unwrap();
    assert_eq!(recipe.slices[0].scales.len(), 2);
    assert_eq!(scale(&recipe, "model.layers.0.self_attn.o_proj.weight").to_bits(), 0);
}

#[test]
fn a_scale_of_0_leaves_the_signs_as_a_product_does() {
    let dir = tempfile::tempdir().unwrap();
    let [folder, target] = ["source", "grown"].map(|name| dir.path().join(name));
    let config = model(1);
    let mut tensors = numbered(&config);
    let name = "model.layers.0.self_attn.o_proj.weight";
    tensors.get_mut(name).unwrap().values[..3].copy_from_slice(&[-2.0, 0.0, 3.0]);
    write_checkpoint(&folder, &config, &tensors, 1 << 30).unwrap();
    let recipe = "merge_method: passthrough
slices: [{sources: [{model: a, layer_range: [0, 1], parameters: {scale: [{filter: o_proj, value: 0}]}}]}]";
    let source = Source::open(&folder).unwrap();
    let plan = FolderPlan::of_passthrough(&source, &Passthrough::parse(recipe).unwrap()).unwrap();
    grow_folder(&plan, Moments::Reset, &target, 1 << 30).unwrap();
    let grown = Checkpoint::open(&target).unwrap();
    // bf16: the sign is the highest bit of two bytes.
    assert_eq!(grown.bytes(name).unwrap()[..6], [0, 0x80, 0, 0, 0, 0]);
    assert!(grown.to_named_tensors().unwrap()[name].values.iter().all(|value| *value == 0.0));
}

proptest! {
    #![proptest_config(cases(ProptestConfig::default().cases))]

    #[test]
    fn layers_and_the_origins_of_tensors_agree(
        ranges in prop::collection::vec((0_usize..20, 1_usize..8), 1..6),
    ) {
        let slice = |(start, length): &(usize, usize)| {
            format!("- sources: [{{model: m, layer_range: [{start}, {}]}}]\n", start + length)
        };
        let slices = ranges.iter().map(slice).collect::<Vec<_>>().concat();
        let recipe = Passthrough::parse(&format!("merge_method: passthrough\nslices:\n{slices}")).unwrap();
        let layers = recipe.layers(27).unwrap();
        prop_assert_eq!(layers.len(), ranges.iter().map(|(_, length)| length).sum::<usize>());
        prop_assert!(recipe.is_copy());
        for (layer, source) in layers.iter().enumerate() {
            let origin = recipe.origin(&format!("model.layers.{layer}.x"));
            prop_assert_eq!(origin, Some((format!("model.layers.{source}.x"), 1.0)));
        }
    }

    #[test]
    fn a_damaged_recipe_gives_one_line_or_is_one(
        at in 0..IDENTITY_BLOCKS.len(),
        removed in 0_usize..30,
        inserted in r##"[\[\]{}:,&*!|>'"#\-?%@`~ \n\ta-c0-9]{0,6}"##,
    ) {
        let end = (at + removed).min(IDENTITY_BLOCKS.len());
        let text = format!("{}{inserted}{}", &IDENTITY_BLOCKS[..at], &IDENTITY_BLOCKS[end..]);
        if let Err(problems) = Passthrough::parse(&text) {
            prop_assert!(!problems.to_string().contains(char::is_control), "{problems}");
        }
    }

    #[test]
    fn any_text_gives_one_line_or_is_a_recipe(text in any::<String>()) {
        if let Err(problems) = Passthrough::parse(&text) {
            prop_assert!(!problems.to_string().contains(char::is_control), "{problems}");
        }
    }
}
