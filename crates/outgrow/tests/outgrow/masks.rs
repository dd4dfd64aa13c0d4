//! Masked growths from the command line: masked, refused, exported, and then a model like any other; and masks that
//! open in training.

use outgrow_checkpoint::{LlamaConfig, write_checkpoint};
use outgrow_model::{Initialization, initial_tensors};
use serde_json::{Value, json};

use crate::tiny::{Workshop, assert_success, recipe, stderr, stdout};

/// A workshop with a model of two layers in `source`.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    let config = json!({
        "model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "initializer_range": 0.3,
        "torch_dtype": "float32",
    });
    let config = LlamaConfig::from_json(&config.to_string()).unwrap();
    let tensors = initial_tensors(&config, Initialization::Normal, 1);
    write_checkpoint(&workshop.path("source"), &config, &tensors, 1 << 30).unwrap();
    workshop
}

const RANDOM: [&str; 8] =
    ["grow", "source", "masked", "--operator", "random", "--num-hidden-layers", "3", "--ramp-tokens"];

#[test]
fn a_random_growth_is_exported_at_its_mask_and_verified_to_be_its_source() {
    let workshop = workshop();
    assert_success(&workshop.run(&[&RANDOM[..], &["5000"]].concat()));
    let state = std::fs::read_to_string(workshop.path("masked/training/mask.json")).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!((&state["mask"], &state["ramp_tokens"]), (&json!(0.0), &json!(5000)));
    for refused in [
        &["grow", "masked", "again", "--layers", "0,1"][..],
        &["grow", "masked", "again", "--layers", "0,1", "--plan"],
        &["verify", "source", "masked"],
        &["verify", "masked", "source"],
    ] {
        let output = workshop.run(refused);
        assert_eq!(output.status.code(), Some(2));
        insta::allow_duplicates! {
            insta::assert_snapshot!(stderr(&output).trim_end(), @"error: masked: its new parts are behind a mask (training/mask.json); `outgrow export masked TARGET` folds the mask into the weights");
        }
    }
    assert_success(&workshop.run(&["export", "masked", "exported"]));
    assert!(!workshop.path("exported/training").exists());
    let verify = ["verify", "source", "exported", "--json", "verification.json"];
    assert_success(&workshop.run(&verify));
    let json = std::fs::read_to_string(workshop.path("verification.json")).unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["models"]["logits"]["function"], "preserved");
    let card = std::fs::read_to_string(workshop.path("exported/README.md")).unwrap();
    assert!(card.contains("# Exported from `masked`") && card.contains("which stood at 0,"), "{card}");
    insta::assert_snapshot!(stderr(&workshop.run(&["export", "exported", "again"])).trim_end(), @"error: exported: has no mask to fold in (training/mask.json); it is a whole model as it is");
}

#[test]
fn an_open_random_growth_is_verified_at_once() {
    let workshop = workshop();
    assert_success(&workshop.run(&[&RANDOM[..], &["1", "--mask", "1", "--verify"]].concat()));
    assert!(!workshop.path("masked/training").exists());
}

#[test]
fn copies_behind_a_closed_mask_are_exported_as_their_source() {
    let workshop = workshop();
    for (index, growth) in [
        &["--operator", "stack", "--factor", "2"][..],
        // Channels that are copied unequally often: open, the function isn't preserved.
        &["--operator", "split", "--hidden-size", "20", "--num-attention-heads", "4", "--share", "0.3"],
    ]
    .into_iter()
    .enumerate()
    {
        let [masked, exported] = ["masked", "exported"].map(|name| format!("{name}-{index}"));
        assert_success(&workshop.run(&[&["grow", "source", &masked, "--mask", "0"], growth].concat()));
        assert_success(&workshop.run(&["export", &masked, &exported]));
        assert_success(&workshop.run(&["verify", "source", &exported, "--json", "verification.json"]));
        let json = std::fs::read_to_string(workshop.path("verification.json")).unwrap();
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["models"]["logits"]["function"], "preserved", "{growth:?}");
    }
}

/// Two stages in steps of 32 tokens; the second one begins with a growth behind a mask.
fn masked_stages(first: &str, enter: &str, mask: &str) -> String {
    let schedule = format!(
        r#"method = "stages"

[[schedule.stages]]
name = "small"
{first}
tokens = 64
learning_rate = {{ peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }}

[[schedule.stages]]
name = "large"
enter = {enter}
at_growth = {{ mask = {mask} }}
tokens = 128
learning_rate = {{ peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }}
"#
    );
    recipe(&schedule).replace(
        "validation_interval_tokens = 64",
        "validation_interval_tokens = 32\ncheckpoint_interval_tokens = 32\ncheckpoints_kept = 9",
    )
}

#[test]
fn what_a_growth_makes_is_let_in_while_training_and_exported_from_within() {
    let narrow = "num_hidden_layers = 4\nwidth = { hidden_size = 8, intermediate_size = 12, num_attention_heads = 1, num_key_value_heads = 1 }";
    let wide = r#"{ operator = "random-width", width = { hidden_size = 16, intermediate_size = 24, num_attention_heads = 2, num_key_value_heads = 2 }, seed = 1 }"#;
    let deep = r#"{ operator = "random-depth", num_hidden_layers = 4, seed = 1 }"#;
    let (together, ordered) = ("{ tokens = 64 }", r#"{ tokens = 32, order = "one-after-another" }"#);
    for (first, enter, mask, ramp_steps) in [
        ("num_hidden_layers = 2", deep, together, 2),
        ("num_hidden_layers = 2", r#"{ operator = "stack", factor = 2 }"#, together, 2),
        (narrow, wide, ordered, 3),
    ] {
        let workshop = Workshop::with_shards();
        workshop.write("recipe.toml", masked_stages(first, enter, mask));
        assert_success(&workshop.run(&["train", "recipe.toml", "--out", "run"]));
        let metrics = std::fs::read_to_string(workshop.path("run/metrics.jsonl")).unwrap();
        let lines: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let masks = lines.iter().filter_map(|line| line.get("mask")).collect::<Vec<_>>();
        assert_eq!(masks.len(), ramp_steps, "{enter}: {masks:?}");
        match ramp_steps {
            2 => assert_eq!(masks, [&json!(0.0), &json!(0.5)]),
            _ => assert_eq!(
                (&masks[1]["intermediate_size"], &masks[1]["hidden_size"]),
                (&json!(1.0), &json!(0.0))
            ),
        }
        let validated = |tokens: u64| {
            let at = lines.iter().filter(|line| line["tokens"] == tokens);
            at.filter_map(|line| line["validation_loss"].as_f64()).collect::<Vec<_>>()
        };
        let [before, after] = validated(64)[..] else { panic!("{metrics}") };
        assert!((before - after).abs() < 1e-5, "{enter}: {before} and {after}");
        // Within the ramp: refused, and exported.
        let refused = workshop.run(&["generate", "run/step-00000003", "--prompt", "w1"]);
        assert_eq!(refused.status.code(), Some(2));
        insta::allow_duplicates! {
            insta::assert_snapshot!(stderr(&refused).trim_end(), @"error: run/step-00000003: its new parts are behind a mask (training/mask.json); `outgrow export run/step-00000003 TARGET` folds the mask into the weights");
        }
        assert_success(&workshop.run(&["export", "run/step-00000003", "exported"]));
        assert_success(&workshop.run(&["generate", "exported", "--prompt", "w1", "--max-new-tokens", "2"]));
        assert_success(&workshop.run(&["generate", "run", "--prompt", "w1", "--max-new-tokens", "2"]));
        let card = std::fs::read_to_string(workshop.path("run/step-00000003/README.md")).unwrap();
        assert!(card.contains("Its new parts are behind a mask"), "{card}");
    }
}

#[test]
fn a_plan_says_how_a_mask_opens_and_what_can_be_none_is_refused() {
    let workshop = Workshop::with_shards();
    let plan = |enter: &str, mask: &str| {
        workshop.write("recipe.toml", masked_stages("num_hidden_layers = 2", enter, mask));
        workshop.run(&["train", "recipe.toml", "--out", "run", "--plan", "--no-measure"])
    };
    let stack = r#"{ operator = "stack", factor = 2 }"#;
    let planned = plan(stack, "{ tokens = 96 }");
    assert_success(&planned);
    let said = stdout(&planned);
    let line = said.lines().find(|line| line.contains("mask")).unwrap();
    insta::assert_snapshot!(line, @"large  grown by stack × 2, behind a mask that opens over 96 tokens; learning rate 1e-2, falls to 1e-3");
    insta::assert_snapshot!(stderr(&plan(stack, "{ tokens = 129 }")).trim_end(), @r#"error: recipe.toml, line 31: schedule: stage "large": at_growth.mask opens over 129 tokens, the stage has 128: it has to be open when the stage ends"#);
    insta::assert_snapshot!(stderr(&plan(stack, r#"{ tokens = 9, order = "backwards" }"#)).trim_end(), @r#"error: recipe.toml, line 34: schedule.stages["large"].at_growth.mask.order = "backwards": there are together, one-after-another"#);
    insta::assert_snapshot!(stderr(&plan(stack, "{ steps = 9 }")).trim_end(), @r#"error: recipe.toml, line 34: schedule.stages["large"].at_growth.mask.steps: no such key; did you mean `tokens`?"#);
    let zero = r#"{ operator = "zero-depth", factor = 2 }"#;
    insta::assert_snapshot!(stderr(&plan(zero, "{ tokens = 9 }")).trim_end(), @r#"error: recipe.toml, line 31: schedule: stage "large": at_growth.mask: a mask lets in what is fresh or copied as it is, and this growth has nothing of it: leave the mask out"#);
    insta::assert_snapshot!(stderr(&plan(r#"{ operator = "layers", layers = [1, 0, 0, 1] }"#, "{ tokens = 9 }")).trim_end(), @r#"error: recipe.toml, line 31: schedule: stage "large": at_growth.mask: a mask that lets copies in begins with the source's own layers, 0 to 1, in their order; here their first copies are [1, 0]"#);
}
