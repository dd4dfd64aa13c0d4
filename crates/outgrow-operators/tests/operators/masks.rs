//! Masks over fresh parts and over copies: what is behind one, what it does to the function, the file that says so, and
//! folding it in, against a decoder that has masks of its own.

use std::fs;

use outgrow_checkpoint::{Checkpoint, HostTensor, LlamaConfig, NamedTensors, write_checkpoint};
use outgrow_operators::{
    Depth, FolderPlan, Growth, GrowthPlan, Moments, Placement, Preservation, Source, Width,
    folder::MaskedFolder,
    grow_tensors,
    plan::{MaskFactors, MaskValues, MaskedUnits, TensorFactors},
};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::{
    cases,
    folder::{Folder, grow_folder, names_in},
    function::{difference_of, sensitivity},
    models::{growths, model, models},
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

/// A model behind a mask: its configuration, and its tensors times what the mask multiplies them by. A tied head reads
/// the embedding without it.
fn behind(
    masked: &MaskedUnits,
    values: MaskValues,
    config: &LlamaConfig,
    tensors: &NamedTensors,
) -> (LlamaConfig, NamedTensors) {
    let factors = MaskFactors::new(masked, values, config);
    let times = |(name, tensor): (&String, &HostTensor)| {
        let of = factors.of(name);
        let columns = tensor.shape.get(1).copied().unwrap_or(1);
        let factor = |index: usize| {
            let row = of.rows.as_ref().map_or(1.0, |rows| rows[index / columns]);
            row * of.columns.as_ref().map_or(1.0, |columns_of| columns_of[index % columns])
        };
        let values = tensor.values.iter().enumerate().map(|(index, value)| factor(index) * value).collect();
        (name.clone(), HostTensor { shape: tensor.shape.clone(), values })
    };
    let mut all: NamedTensors = tensors.iter().map(times).collect();
    if config.tie_word_embeddings {
        all.insert("lm_head.weight".to_owned(), tensors["model.embed_tokens.weight"].clone());
    }
    (config.with(|fields| fields.rms_norm_eps = factors.rms_norm_eps()).unwrap(), all)
}

/// Those of all growths of which a mask lets copies in.
fn copying(source: &LlamaConfig, by: usize, share: f64, seed: u64) -> Vec<(GrowthPlan, MaskedUnits)> {
    let growths = growths(source, by, share, seed).into_iter();
    let plans = growths.map(|growth| GrowthPlan::new(source, [&growth]).unwrap());
    let copying = plans.filter(|plan| plan.masked_units().is_empty());
    copying.filter_map(|plan| plan.maskable_units().ok().map(|masked| (plan, masked))).collect()
}

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn without_its_copies_a_grown_model_is_its_source(
        shape in models(), by in 2_usize..4, share in 0.1_f64..0.9, seed in any::<u64>(), between in 0.05_f64..0.95,
    ) {
        let (source, tensors) = ordinary(&shape, seed);
        prop_assume!(sensitivity(&source, &tensors) < 5e-6);
        for (plan, masked) in copying(&source, by, share, seed) {
            let grown = grow_tensors(&plan, &tensors).unwrap();
            let apart = |values: MaskValues| {
                let (config, masked) = behind(&masked, values, plan.target(), &grown);
                let open = Mask::open(&config);
                difference_of([&source, &config], [&tensors, &masked], &open)
            };
            let closed = apart(MaskValues::all(0.0));
            prop_assert!(closed < 1e-5, "{}: {} where the mask is closed", plan, closed);
            if plan.preservation() == Preservation::Exact {
                // One kind after the other as well as all together.
                let values = MaskValues { hidden_size: between, num_attention_heads: 0.0, ..MaskValues::all(1.0) };
                for values in [MaskValues::all(between), values] {
                    let open = apart(values);
                    prop_assert!(open < 1e-5, "{}: {} at {}", plan, open, values);
                }
            }
        }
    }

    #[test]
    fn an_open_mask_changes_nothing(
        shape in models(), by in 2_usize..4, share in 0.1_f64..0.9, seed in any::<u64>(),
    ) {
        for (plan, masked) in copying(&shape, by, share, seed) {
            let factors = MaskFactors::new(&masked, MaskValues::all(1.0), plan.target());
            prop_assert_eq!(factors.rms_norm_eps().to_bits(), plan.target().rms_norm_eps.to_bits());
            for tensor in plan.tensors() {
                prop_assert_eq!(factors.of(&tensor.name), TensorFactors::default(), "{}", tensor.name);
            }
        }
    }

    #[test]
    fn layers_that_are_copies_are_let_in_as_fresh_ones_are(
        shape in models(), seed in any::<u64>(), mask in exact_masks(),
    ) {
        let (source, tensors) = ordinary(&shape, seed);
        let plan = GrowthPlan::new(&source, [&Growth::Stack { factor: 2 }]).unwrap();
        let grown = grow_tensors(&plan, &tensors).unwrap();
        let masked = plan.maskable_units().unwrap();
        let (config, behind) = behind(&masked, MaskValues::all(mask), plan.target(), &grown);
        let tokens = [0; 4].map(|token: usize| token % source.vocab_size);
        let ours = logits(&config, &behind, &tokens, &Mask::open(&config));
        let theirs = logits(plan.target(), &grown, &tokens, &at(mask, &source, plan.target()));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            prop_assert!((ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0), "{} and {}", ours, theirs);
        }
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn a_folded_mask_over_copies_is_the_mask(
        shape in models(), share in 0.1_f64..0.9, mask in exact_masks(), seed in any::<u64>(),
    ) {
        let (source, tensors) = ordinary(&shape, seed);
        for growth in growths(&source, 2, share, seed) {
            let plan = GrowthPlan::new(&source, [&growth]).unwrap();
            let Ok(masked) = plan.maskable_units() else { continue };
            if !plan.masked_units().is_empty() {
                continue;
            }
            let dir = TempDir::new().unwrap();
            let [first, behind_it, folded] = ["first", "masked", "folded"].map(|name| dir.path().join(name));
            write_checkpoint(&first, &source, &tensors, 1 << 30).unwrap();
            let opened = Source::open(&first).unwrap();
            let planned = FolderPlan::new(&opened, &[growth]).unwrap().with_mask(mask, None).unwrap();
            grow_folder(&planned, Moments::Reset, &behind_it, 1 << 30).unwrap();
            let grown = Checkpoint::open(&behind_it).unwrap().to_named_tensors().unwrap();
            grow_folder(&MaskedFolder::open(&behind_it).unwrap().plan(), Moments::Reset, &folded, 1 << 30).unwrap();
            let exported = Checkpoint::open(&folded).unwrap();
            let (config, times) = behind(&masked, MaskValues::all(mask), plan.target(), &grown);
            prop_assert_eq!(exported.config(), &config);
            let ours = exported.to_named_tensors().unwrap();
            let apart = difference_of([&config; 2], [&times, &ours], &Mask::open(&config));
            // A closed channel of a tied head holds nothing that could be read; else the numbers are the same.
            prop_assert!(apart < 1e-6, "{}: {}", plan, apart);
        }
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
    let refused = |growth: Growth| {
        FolderPlan::new(&opened, &[growth]).unwrap().with_mask(0.5, None).unwrap_err().to_string()
    };
    let zero = Growth::ZeroDepth { depth: Depth::Factor(2), placement: Placement::Top };
    insta::assert_snapshot!(refused(zero), @"a mask lets in what is fresh or copied as it is, and this growth has nothing of it: leave the mask out");
    insta::assert_snapshot!(refused(Growth::Layers { layers: vec![1, 0, 1] }), @"a mask that lets copies in begins with the source's own layers, 0 to 1, in their order; here their first copies are [1, 0]");
}

#[test]
fn a_mask_over_copies_says_what_reads_them() {
    let source = Folder::new(2, |_| {});
    let opened = source.open();
    let target = source.beside("masked");
    let width = Width { hidden_size: Some(12), num_attention_heads: Some(8), ..Width::default() };
    let split = Growth::Split { width, share: Some(0.25) };
    let plan = FolderPlan::new(&opened, &[split]).unwrap().with_mask(0.25, None).unwrap();
    assert_eq!(plan.preservation(), Preservation::AtMaskZero);
    grow_folder(&plan, Moments::Reset, &target, 1 << 30).unwrap();
    let text = fs::read_to_string(target.join("training/mask.json")).unwrap();
    let compact: serde_json::Value = serde_json::from_str(&text).unwrap();
    insta::assert_snapshot!(compact["masked"], @r#"{"layers":[],"hidden_size":[[8,12]],"intermediate_size":[],"num_attention_heads":[[2,4],[6,8]],"copies":{"hidden_size":[{"units":[0,4],"share":0.25}],"intermediate_size":[],"num_attention_heads":[{"units":[0,2],"share":0.25},{"units":[4,6],"share":0.25}],"mean_square":0.6666666666666666}}"#);
    let wrong = text
        .replacen("\"share\": 0.25", "\"share\": 0.0", 1)
        .replace("\"mean_square\": 0", "\"mean_square\": 7");
    fs::write(target.join("training/mask.json"), wrong).unwrap();
    let said = MaskedFolder::open(&target).unwrap_err().to_string();
    insta::assert_snapshot!(said.replace(&*source.dir.path().to_string_lossy(), "…"), @"…/masked/training/mask.json: `copies.hidden_size` has a share of 0, expected above 0 and at most 1; `copies.mean_square` is 7.666666666666667, expected above 0 and at most 1");
}

#[test]
fn a_mask_is_one_number_or_one_for_each_kind() {
    let each = MaskValues { layers: 1.0, hidden_size: 0.5, intermediate_size: 1.0, num_attention_heads: 0.0 };
    for (values, text) in [
        (MaskValues::all(0.25), "0.25"),
        (each, r#"{"layers":1.0,"hidden_size":0.5,"intermediate_size":1.0,"num_attention_heads":0.0}"#),
    ] {
        assert_eq!(serde_json::to_string(&values).unwrap(), text);
        assert_eq!(serde_json::from_str::<MaskValues>(text).unwrap(), values);
    }
    insta::assert_snapshot!(serde_json::from_str::<MaskValues>("\"half\"").unwrap_err(), @"a number, or one for each of `layers`, `hidden_size`, `intermediate_size`, `num_attention_heads`");
}
