//! Sources that are damaged, growths that cannot be, and targets that are taken.

use crate::{
    bad_input::{BAD_INPUT, STACK, refused, refused_growth, write_source},
    tiny::{Workshop, assert_success},
};

#[test]
fn a_sound_source_is_grown() {
    let workshop = Workshop::new();
    write_source(&workshop, |_| ());
    assert_success(&workshop.run(&[&["grow", "source", "grown"], &STACK[..]].concat()));
}

#[test]
fn missing_weights() {
    let workshop = Workshop::new();
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source: no such folder");
    write_source(&workshop, |_| ());
    std::fs::remove_file(workshop.path("source/model.safetensors")).unwrap();
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source: no weights: expected model.safetensors, or model.safetensors.index.json with the shards it names");
}

#[test]
fn truncated_weights() {
    let workshop = Workshop::new();
    write_source(&workshop, |_| ());
    let whole = std::fs::read(workshop.path("source/model.safetensors")).unwrap();
    workshop.write("source/model.safetensors", &whole[..whole.len() - 100]);
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source/model.safetensors: has 8456 bytes, but its header describes 8556; it is truncated");
    workshop.write("source/model.safetensors", &whole[..100]);
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source/model.safetensors: its header should have 1988 bytes, but 92 follow; it is truncated or no safetensors file");
    workshop.write("source/model.safetensors", "");
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source/model.safetensors: has 0 bytes, too few for a safetensors file; it is truncated");
}

#[test]
fn a_missing_tensor() {
    let workshop = Workshop::new();
    write_source(&workshop, |tensors| {
        tensors.retain(|(tensor, _)| tensor.name != "model.layers.1.mlp.up_proj.weight");
    });
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source: `model.layers.1.mlp.up_proj.weight` is missing, expected shape [12, 8]");
}

#[test]
fn a_tensor_of_another_shape() {
    let workshop = Workshop::new();
    write_source(&workshop, |tensors| {
        for (tensor, _) in
            tensors.iter_mut().filter(|(tensor, _)| tensor.name.ends_with("0.mlp.up_proj.weight"))
        {
            tensor.shape.reverse();
        }
    });
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source: `model.layers.0.mlp.up_proj.weight` has shape [8, 12], expected [12, 8]");
}

#[test]
fn a_tensor_of_integers() {
    let workshop = Workshop::new();
    write_source(&workshop, |tensors| {
        for (_, dtype) in tensors.iter_mut().filter(|(tensor, _)| tensor.name == "model.norm.weight") {
            *dtype = "I64";
        }
    });
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source: `model.norm.weight` is I64, expected F32, F16 or BF16");
}

#[test]
fn growth_that_cannot_be() {
    let workshop = Workshop::new();
    write_source(&workshop, |_| ());
    insta::assert_snapshot!(refused_growth(&workshop, &["--operator", "stack", "--factor", "0"]), @"factor = 0: at least 1 is needed");
    insta::assert_snapshot!(refused_growth(&workshop, &["--operator", "interleave", "--factor", "18446744073709551615"]), @"factor = 18446744073709551615 for 2 layers: at most 65536 layers are possible");
    insta::assert_snapshot!(refused_growth(&workshop, &["--operator", "stack"]), @"--factor is missing, such as --factor 4");
    let wide =
        ["--operator", "split", "--intermediate-size", "350000000000000", "--num-attention-heads", "400000"];
    insta::assert_snapshot!(refused_growth(&workshop, &wide), @"`intermediate_size` = 350000000000000: at most 1048576 are possible; `num_attention_heads` = 400000: at most 262144 are possible");
    insta::assert_snapshot!(refused_growth(&workshop, &["--operator", "zero", "--factor", "2", "--mask", "0.5"]), @"a mask lets in what is fresh or copied as it is, and this growth has nothing of it: leave the mask out");
    let random = ["--operator", "random", "--num-hidden-layers", "3"];
    insta::assert_snapshot!(refused_growth(&workshop, &[&random[..], &["--mask", "1.5"]].concat()), @"mask = 1.5: a number from 0 to 1 is needed");
    insta::assert_snapshot!(refused_growth(&workshop, &[&random[..], &["--verify"]].concat()), @"--verify has no use for a mask that isn't open: give --mask 1, or export the folder and verify that");
    insta::assert_snapshot!(refused_growth(&workshop, &["--layers", "0,1,2,7"]), @"layers [2, 7] are not in the source, which has layers 0 to 1");
}

#[test]
fn a_target_that_exists() {
    let workshop = Workshop::new();
    write_source(&workshop, |_| ());
    std::fs::create_dir(workshop.path("there")).unwrap();
    workshop.write("there/precious", "");
    let grow = [&["grow", "source", "there"], &STACK[..]].concat();
    insta::assert_snapshot!(refused(&workshop, &grow, BAD_INPUT, "nothing"), @"there: exists already; remove it or choose another target");
    let prepare = ["data", "prepare", "training.txt", "--tokenizer", "tokenizer.json", "--out", "there"];
    insta::assert_snapshot!(refused(&workshop, &prepare, BAD_INPUT, "nothing"), @"there: exists already; name a folder that does not exist yet, or remove this one");
    assert_eq!(workshop.names("there"), ["precious"]);
    let grow = [&["grow", "source", "source"], &STACK[..]].concat();
    insta::assert_snapshot!(refused(&workshop, &grow, BAD_INPUT, "nothing"), @"source: is the source itself; choose another target");
    let grow = [&["grow", "source", "source/a/grown"], &STACK[..]].concat();
    insta::assert_snapshot!(refused(&workshop, &grow, BAD_INPUT, "source/a"), @"source/a/grown: is inside the source, source; choose a target beside it");
}

#[test]
fn a_plan_is_refused_as_the_growth_would_be() {
    let workshop = Workshop::new();
    write_source(&workshop, |_| ());
    let planned = |target: &str, how: &[&str]| {
        let arguments = [&["grow", "source", target, "--plan"], how].concat();
        refused(&workshop, &arguments, BAD_INPUT, "grown")
    };
    insta::assert_snapshot!(planned("source", &STACK), @"source: is the source itself; choose another target");
    insta::assert_snapshot!(planned("source/grown", &STACK), @"source/grown: is inside the source, source; choose a target beside it");
    insta::assert_snapshot!(planned("training.txt", &STACK), @"training.txt: exists already; remove it or choose another target");
    let wide = |hidden: &'static str| ["--operator", "split", "--hidden-size", hidden];
    insta::assert_snapshot!(planned("grown", &wide("15")), @"transformers would not open the grown model: `hidden_size` is 15, not a multiple of `num_attention_heads`, which is 2; 14 or 16 would do");
    insta::assert_snapshot!(planned("grown", &["--operator", "split", "--num-attention-heads", "6", "--num-key-value-heads", "6"]), @"transformers would not open the grown model: `hidden_size` is 8, not a multiple of `num_attention_heads`, which is 6; 4 heads would do");
    insta::assert_snapshot!(planned("grown", &["--operator", "split", "--num-attention-heads", "3"]), @"the grown model can't be: `num_attention_heads` is 3, not a multiple of `num_key_value_heads`, which is 2");
    insta::assert_snapshot!(planned("grown", &["--operator", "stack", "--factor", "1.5"]), @"invalid value '1.5' for '--factor <G>': expected a whole number, such as 2");
    insta::assert_snapshot!(planned("grown", &["--operator", "middle", "--block-layers", "3"]), @"block_layers = 3 for 2 layers: they make equal blocks of 1 or 2");
}

#[test]
fn a_growth_by_nothing_is_carried_out_and_said_to_be_one() {
    let workshop = Workshop::new();
    write_source(&workshop, |_| ());
    let output = workshop.run(&["grow", "source", "grown", "--operator", "stack", "--factor", "1"]);
    assert_success(&output);
    insta::assert_snapshot!(crate::tiny::stderr(&output).trim_end(), @r#"
    note: nothing grows: the grown model is its source once more
    next:
      outgrow verify source grown
      train it on by a recipe with `from = "grown"` as all of its [model]
    "#);
}
