//! Runs whose matrices are Muon's: they learn, grow under every policy, go on to the bit, and say what is wrong.

use std::fs;

use outgrow_checkpoint::WeightFolder;
use serde_json::Value;

use crate::tiny::{G_STACK, WORDS, Workshop, assert_success, recipe, scratch, stderr, stdout};

const MUON: &str = "[training.optimizer.muon]\n";

/// A recipe with `[training.optimizer.muon]`, and a checkpoint at every step.
fn with_muon(schedule: &str, muon: &str) -> String {
    let settings = "checkpoint_interval_tokens = 32\ncheckpoints_kept = 20\n";
    recipe(schedule).replace("\n[schedule]", &format!("{settings}\n{muon}\n[schedule]"))
}

/// Two layers, stacked to four, under a policy for moments.
fn stacked(moments: &str) -> String {
    let rate = "{ peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }";
    format!(
        "method = \"stages\"\n[[schedule.stages]]\nname = \"base\"\nnum_hidden_layers = 2\ntokens = 96\n\
         learning_rate = {rate}\n[[schedule.stages]]\nname = \"grown\"\nenter = {{ operator = \"stack\", factor = 2 }}\n\
         at_growth = {{ moments = \"{moments}\" }}\ntokens = 96\nlearning_rate = {rate}\n"
    )
}

fn metrics(workshop: &Workshop, run: &str) -> Vec<Value> {
    let text = fs::read_to_string(workshop.path(run).join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_loss_falls_and_only_the_matrices_of_layers_have_a_momentum_buffer() {
    let workshop = Workshop::new();
    for name in ["training", "validation"] {
        // A text that can be learnt: each word says the next.
        let words: Vec<String> = (0..1200).map(|index| format!("w{}", index * 7 % WORDS)).collect();
        let text = format!("{name}.txt");
        workshop.write(&text, words.join(" "));
        let prepare = ["data", "prepare", &text, "--tokenizer", "tokenizer.json", "--out", name];
        assert_success(&workshop.run(&prepare));
    }
    workshop.write("recipe.toml", with_muon(&scratch(640, "1e-2"), MUON));
    assert_success(&workshop.run(&["train", "recipe.toml", "--out", "run"]));
    let losses: Vec<f64> =
        metrics(&workshop, "run").iter().filter_map(|line| line["validation_loss"].as_f64()).collect();
    let (first, last) = (losses[0], losses[losses.len() - 1]);
    assert!(last < first - 0.5, "from {first} to {last}");
    let moments = WeightFolder::open_moments(&workshop.path("run/step-00000020/training")).unwrap().unwrap();
    for tensor in moments.tensors() {
        let is_matrix = tensor.name.contains("_proj.weight");
        assert_eq!(tensor.name.ends_with(".momentum_buffer"), is_matrix, "{}", tensor.name);
    }
    let card = fs::read_to_string(workshop.path("run/step-00000020/README.md")).unwrap();
    assert!(card.contains("with Muon for the layers' matrices and AdamW for the rest, in f32"), "{card}");
}

#[test]
fn a_run_with_muon_grows_under_every_policy_and_goes_on_to_the_bit() {
    let workshop = Workshop::with_shards();
    let first_step_after = |policy: &str| {
        workshop.write("recipe.toml", with_muon(&stacked(policy), MUON));
        let train = ["train", "recipe.toml", "--out", policy];
        assert_success(&workshop.run(&train));
        let last = ["model.safetensors", "training/optimizer.safetensors"]
            .map(|file| workshop.path(policy).join("step-00000006").join(file));
        let whole = last.each_ref().map(|file| fs::read(file).unwrap());
        // From within the base, from its end, and from within the grown model.
        for step in ["step-00000002", "step-00000003", "step-00000005"] {
            assert_success(&workshop.run(&[&train[..], &["--rewind-to", step]].concat()));
            assert!(last.each_ref().map(|file| fs::read(file).unwrap()) == whole, "{policy}, from {step}");
        }
        fs::read(workshop.path(policy).join("step-00000004/training/optimizer.safetensors")).unwrap()
    };
    let moments = ["reset", "copy", "keep-old"].map(first_step_after);
    assert!(moments[0] != moments[1] && moments[1] != moments[2] && moments[0] != moments[2]);
    // Of a stack nothing is divided.
    assert!(first_step_after("scaled") == moments[1]);
}

#[test]
fn a_folder_of_a_run_with_muon_grows_with_its_momentum() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", with_muon(&scratch(64, "1e-2"), MUON));
    assert_success(&workshop.run(&["train", "recipe.toml", "--out", "run"]));
    let grow = ["grow", "run", "grown", "--operator", "stack", "--factor", "2", "--moments", "keep-old"];
    assert_success(&workshop.run(&grow));
    let grown = WeightFolder::open_moments(&workshop.path("grown")).unwrap().unwrap();
    // Seven matrices and two norms of each layer, and three tensors beside the layers.
    assert_eq!(grown.tensors().len(), 8 * (7 + 2 * 2) + 3 * 2);
}

#[test]
fn equal_flops_are_equal_with_what_muon_multiplies() {
    let workshop = Workshop::with_shards();
    let flops = |name: &str, schedule: &str, muon: &str| {
        workshop.write("recipe.toml", with_muon(schedule, muon));
        let planned = workshop.run(&["train", "recipe.toml", "--out", name, "--plan", "--json"]);
        assert_success(&planned);
        let planned: Value = serde_json::from_str(&stdout(&planned)).unwrap();
        assert_success(&workshop.run(&["train", "recipe.toml", "--out", name]));
        let last =
            metrics(&workshop, name).into_iter().rev().find_map(|line| line["flops"].as_f64()).unwrap();
        let expected = planned["flops"].as_f64().unwrap();
        assert!((last - expected).abs() <= 1e-9 * expected, "{name}: {last}, planned {expected}");
        last
    };
    let budget = G_STACK.replace("grown_tokens = 96", "scratch_tokens = 640");
    let alone = flops("scratch", &scratch(640, "1e-2"), "");
    let scratch = flops("scratch-muon", &scratch(640, "1e-2"), MUON);
    assert!(scratch > 1.2 * alone, "{scratch} {alone}");
    let grown = flops("grown-muon", &budget, MUON);
    // The last step is whole: one more at most.
    assert!(grown >= scratch && grown < scratch * (1.0 + 1.0 / 20.0), "{grown} {scratch}");
}

#[test]
fn settings_of_muon_are_compared_and_checked() {
    let workshop = Workshop::with_shards();
    let train = ["train", "recipe.toml", "--out", "run"];
    workshop.write(
        "recipe.toml",
        with_muon(&scratch(64, "1e-2"), "[training.optimizer]\nmuon = { momentum = 0.9 }\n"),
    );
    assert_success(&workshop.run(&train));
    let with = |muon: &str| {
        workshop.write("recipe.toml", with_muon(&scratch(64, "1e-2"), muon));
        let output = workshop.run(&train);
        (output.status.code(), stderr(&output).trim_end().to_owned())
    };
    let refused = |muon: &str| {
        let (code, message) = with(muon);
        assert_eq!(code, Some(2), "{message}");
        message
    };
    insta::assert_snapshot!(refused(""), @"error: run/step-00000002: was written by a run with training.optimizer.muon = given, here none; use another --out, or the recipe that began this run");
    insta::assert_snapshot!(refused("[training.optimizer.muon]\nnesterov = false\nadjust = \"original\"\nlearning_rate_ratio = 2\n"), @"error: run/step-00000002: was written by a run with training.optimizer.muon.momentum = 0.9, here 0.95; training.optimizer.muon.nesterov = true, here false; training.optimizer.muon.adjust = match-rms-adamw, here original; training.optimizer.muon.learning_rate_ratio = 1.0, here 2.0; use another --out, or the recipe that began this run");
    insta::assert_snapshot!(refused("[training.optimizer]\nweight_decay = 0.2\nmuon = { momentum = 0.9, iterations = 6 }\n"), @"error: run/step-00000002: was written by a run with training.optimizer.weight_decay = 0.1, here 0.2; training.optimizer.muon.iterations = 5, here 6; training.optimizer.muon.weight_decay = 0.1, here 0.2; use another --out, or the recipe that began this run");
    insta::assert_snapshot!(refused("[training.optimizer.muon]\nmomentum = 1.5\niterations = 0\nweight_decay = -1\n"), @"error: recipe.toml, line 23: training: muon.momentum = 1.5: from 0 to below 1 is needed; muon.iterations = 0: from 1 to 99 is needed; muon.weight_decay = -1: 0 or more is needed");
    insta::assert_snapshot!(refused("[training.optimizer.muon]\nadjust = \"match_rms_adamw\"\n"), @r#"error: recipe.toml, line 23: training.optimizer.muon.adjust = "match_rms_adamw": did you mean "match-rms-adamw"? There are original, match-rms-adamw, spectral-unclamped"#);
    insta::assert_snapshot!(refused("[training.optimizer.muon]\nns_steps = 5\n"), @"error: recipe.toml, line 23: training.optimizer.muon.ns_steps: no such key; there are momentum, nesterov, iterations, adjust, weight_decay, learning_rate_ratio");
    // Given as AdamW's, it is the same number.
    assert_eq!(with("[training.optimizer]\nmuon = { momentum = 0.9, weight_decay = 0.1 }\n").0, Some(0));
}
