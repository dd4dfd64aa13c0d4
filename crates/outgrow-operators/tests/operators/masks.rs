//! Masks of random growth: what is behind one, the file that says so, and folding it in, against a decoder that has
//! masks of its own.

use std::fs;

use outgrow_checkpoint::{Checkpoint, LlamaConfig, write_checkpoint};
use outgrow_operators::{
    Depth, FolderPlan, Growth, GrowthPlan, Moments, Source, Width, folder::MaskedFolder, grow_tensors,
    plan::MaskedUnits,
};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::{
    cases,
    folder::{Folder, grow_folder, names_in},
    models::{model, models},
    reference::{Mask, logits, ordinary},
};

/// A growth of everything that can be masked, by one, and its source.
fn wider_and_deeper(source: &LlamaConfig, seed: u64) -> [Growth; 2] {
    let width = Width {
        hidden_size: Some(source.hidden_size + 1),
        intermediate_size: Some(source.intermediate_size + 2),
        num_attention_heads: Some(2 * source.num_attention_heads),
        num_key_value_heads: Some(2 * source.num_key_value_heads),
    };
    let num_hidden_layers = source.num_hidden_layers + 1;
    [
        Growth::RandomWidth { width, seed },
        Growth::RandomDepth { depth: Depth::Layers(num_hidden_layers), seed },
    ]
}

/// Zero and powers of two: their products with weights are exact, so that both models differ by what f64 rounds.
fn exact_masks() -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(0.0), 7 => (1..12).prop_map(|power| 0.5_f64.powi(power))]
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn a_folded_mask_is_the_mask(shape in models(), mask in exact_masks(), seed in any::<u64>()) {
        let (source, tensors) = ordinary(&shape, seed);
        let growths = wider_and_deeper(&source, seed);
        let plan = GrowthPlan::new(&source, &growths).unwrap();
        let grown = grow_tensors(&plan, &tensors).unwrap();
        let dir = TempDir::new().unwrap();
        let [first, masked, folded] = ["first", "masked", "folded"].map(|name| dir.path().join(name));
        write_checkpoint(&first, &source, &tensors, 1 << 30).unwrap();
        let opened = Source::open(&first).unwrap();
        let planned = FolderPlan::new(&opened, &growths).unwrap().with_mask(mask, None).unwrap();
        grow_folder(&planned, Moments::Reset, &masked, 1 << 30).unwrap();
        // The folder has the weights without the mask.
        prop_assert_eq!(Checkpoint::open(&masked).unwrap().to_named_tensors().unwrap(), grown.clone());
        let opened = MaskedFolder::open(&masked).unwrap();
        grow_folder(&opened.plan(), Moments::Reset, &folded, 1 << 30).unwrap();
        let exported = Checkpoint::open(&folded).unwrap();
        prop_assert_eq!(exported.config(), plan.target());

        let tokens: Vec<usize> = (0..5).map(|index| index * 7 % source.vocab_size).collect();
        let tensors = exported.to_named_tensors().unwrap();
        let ours = logits(plan.target(), &tensors, &tokens, &Mask::open(plan.target()));
        let theirs = logits(plan.target(), &grown, &tokens, &at(mask, &source, plan.target()));
        let scale = theirs.iter().fold(0.0_f64, |largest, logit| largest.max(logit.abs()));
        let apart = ours.iter().zip(&theirs).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f64::max);
        prop_assert!(apart < 1e-9 * scale, "{} of {}", apart, scale);
    }
}

/// The reference's mask over what is new.
fn at(mask: f64, source: &LlamaConfig, target: &LlamaConfig) -> Mask {
    let mut all = Mask::only_first(source, target);
    for factors in [&mut all.hidden, &mut all.heads, &mut all.neurons, &mut all.layers] {
        factors.iter_mut().filter(|factor| **factor == 0.0).for_each(|factor| *factor = mask);
    }
    all
}

fn masked(source: &LlamaConfig, growths: &[Growth]) -> MaskedUnits {
    GrowthPlan::new(source, growths).unwrap().masked_units()
}

#[test]
fn what_later_growths_make_of_masked_parts_is_masked_too() {
    let source = model(2);
    let deeper = Growth::RandomDepth { depth: Depth::Layers(3), seed: 1 };
    let wide = Width { hidden_size: Some(10), intermediate_size: Some(14), ..Width::default() };
    let wider = Growth::RandomWidth { width: wide, seed: 1 };
    let stack = Growth::Stack { factor: 2 };
    let layers = |growths: &[Growth]| masked(&source, growths).layers;
    assert_eq!(layers(std::slice::from_ref(&deeper)), [[2, 3]]);
    assert_eq!(layers(&[deeper.clone(), stack.clone()]), [[2, 3], [5, 6]]);
    assert_eq!(layers(&[stack.clone(), Growth::RandomDepth { depth: Depth::Layers(6), seed: 1 }]), [[4, 6]]);
    let split = Growth::Hyperclone { factor: 2 };
    let both = masked(&source, &[wider.clone(), stack.clone(), split]);
    assert_eq!(
        (both.hidden_size, both.intermediate_size),
        (vec![[8, 10], [18, 20]], vec![[12, 14], [26, 28]])
    );
    assert!(both.layers.is_empty() && both.num_attention_heads.is_empty());
    let heads = Width { num_attention_heads: Some(8), ..Width::default() };
    let joined = masked(&source, &[Growth::RandomWidth { width: heads, seed: 1 }]);
    // Two more queries in each of the two groups.
    assert_eq!(joined.num_attention_heads, [[2, 4], [6, 8]]);
    let zero = Growth::ZeroWidth { width: wide, seed: 1 };
    assert!(masked(&source, &[stack, zero]).is_empty());
    let learned = Growth::Learned {
        depth: None,
        width: Width { hidden_size: Some(12), ..wide },
        matrices: None,
        seed: 1,
    };
    assert!(masked(&source, &[wider, learned]).is_empty(), "a learned growth mixes everything");
}

fn random_depth(source: &Source) -> FolderPlan<&Source> {
    FolderPlan::new(source, &[Growth::RandomDepth { depth: Depth::Layers(3), seed: 1 }]).unwrap()
}

#[test]
fn a_masked_folder_says_so_and_is_refused_by_all_but_its_export() {
    let source = Folder::new(2, |_| {});
    let opened = source.open();
    let plan = random_depth(&opened).with_mask(0.25, Some(5000)).unwrap();
    let target = source.beside("masked");
    grow_folder(&plan, Moments::Reset, &target, 1 << 30).unwrap();
    let file = target.join("training/mask.json");
    insta::assert_snapshot!(fs::read_to_string(&file).unwrap(), @r#"
    {
      "mask": 0.25,
      "ramp_tokens": 5000,
      "masked": {
        "layers": [
          [
            2,
            3
          ]
        ],
        "hidden_size": [],
        "intermediate_size": [],
        "num_attention_heads": []
      }
    }
    "#);
    let said = |error: String| error.replace(&*source.dir.path().to_string_lossy(), "…");
    insta::assert_snapshot!(said(Source::open(&target).unwrap_err().to_string()), @"…/masked: its new parts are behind a mask (training/mask.json)");
    insta::assert_snapshot!(said(MaskedFolder::open(&source.folder).unwrap_err().to_string()), @"…/source: has no mask to fold in (training/mask.json); it is a whole model as it is");
    let wrong = |text: &str| {
        fs::write(&file, text).unwrap();
        said(MaskedFolder::open(&target).unwrap_err().to_string())
    };
    insta::assert_snapshot!(wrong("{}"), @"…/masked/training/mask.json: missing field `mask` at line 1 column 2");
    insta::assert_snapshot!(wrong(r#"{"mask": 1, "ramp_tokens": null, "masked": {"layers": [[2, 4]], "hidden_size": [[3, 3], [1, 2]], "intermediate_size": [], "num_attention_heads": []}}"#), @"…/masked/training/mask.json: `mask` is 1, expected 0 to below 1; `layers` has [2, 4], expected rising ranges of [first, one after the last] up to 3; `hidden_size` has [3, 3], expected rising ranges of [first, one after the last] up to 8; `hidden_size` has [1, 2], expected rising ranges of [first, one after the last] up to 8");
    insta::assert_snapshot!(wrong(r#"{"mask": 0.5, "ramp_tokens": 7, "masked": {"layers": [], "hidden_size": [], "intermediate_size": [], "num_attention_heads": []}}"#), @"…/masked/training/mask.json: nothing is masked");
}

#[test]
fn an_open_mask_is_none_and_masks_are_from_0_to_1() {
    let source = Folder::new(2, |_| {});
    let target = source.beside("open");
    let opened = source.open();
    let plan = random_depth(&opened).with_mask(1.0, Some(5000)).unwrap();
    grow_folder(&plan, Moments::Reset, &target, 1 << 30).unwrap();
    assert!(!names_in(&target).contains(&"training".to_owned()));
    Source::open(&target).unwrap();
    for mask in [-0.1, 1.1, f64::NAN] {
        insta::allow_duplicates! {
            let problem = random_depth(&opened).with_mask(mask, None).unwrap_err().to_string();
            insta::assert_snapshot!(problem.replace(&mask.to_string(), "…"), @"mask = …: a number from 0 to 1 is needed");
        }
    }
    let stack = FolderPlan::new(&opened, &[Growth::Stack { factor: 2 }]).unwrap();
    insta::assert_snapshot!(stack.with_mask(0.5, None).unwrap_err(), @"a mask is over what `random` makes, and this growth has nothing of it");
}
