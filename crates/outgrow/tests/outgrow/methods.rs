//! Every method of a recipe through the program: planned, and trained to its end at pulse size; and what each refuses.

mod refusals;

use std::fs;

use outgrow_checkpoint::Checkpoint;
use serde_json::Value;

use crate::{
    bases::{from, with_base},
    tiny::{self, Workshop, assert_success, stdout},
};

/// `[schedule]` of each method, for a model of six layers in steps of 32 tokens.
const METHODS: [(&str, &str); 15] = [
    (
        "staged-training",
        r#"method = "staged-training"
growth = { operator = "stack", factor = 2 }
base_tokens = 64
base_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
grown_tokens = 64
grown_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 16 }
"#,
    ),
    (
        "interleave",
        r#"method = "g-stack"
growth = { operator = "interleave", factor = 3 }
base_tokens = 64
base_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32, horizon_tokens = 200 }
grown_tokens = 64
at_growth = { moments = "copy", learning_rate = "keep" }
"#,
    ),
    (
        "split",
        r#"method = "g-stack"
growth.operator = "split"
growth.share = 0.7
growth.width = { hidden_size = 16, intermediate_size = 24, num_attention_heads = 2, num_key_value_heads = 2 }
base = { hidden_size = 8, intermediate_size = 12, num_attention_heads = 1, num_key_value_heads = 1 }
base_tokens = 64
base_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
grown_tokens = 64
grown_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
"#,
    ),
    (
        "random-depth",
        r#"method = "g-stack"
growth = { operator = "random-depth", factor = 2, seed = 1 }
base_tokens = 64
base_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
scratch_tokens = 128
grown_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 16 }
at_growth = { mask = { tokens = 32 } }
"#,
    ),
    (
        "random-mask",
        r#"method = "random-mask"
base = { hidden_size = 8, intermediate_size = 12, num_attention_heads = 1, num_key_value_heads = 1 }
base_tokens = 64
base_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
mask = { tokens = 32, order = "one-after-another" }
grown_tokens = 128
grown_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
"#,
    ),
    (
        "gradual",
        r#"method = "gradual"
layer_counts = [2, 3, 6]
stage_tokens = 64
stage_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
grown_tokens = 64
grown_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
"#,
    ),
    (
        "stackbert",
        r#"method = "stackbert"
layer_counts = [1, 2, 6]
shares = [0.25, 0.25, 0.5]
tokens = 256
learning_rate = { peak = 1e-2, minimum = 0.0, warmup_tokens = 32, shape = "linear" }
"#,
    ),
    (
        "stacking2",
        r#"method = "stacking2"
layer_counts = [2, 4, 6]
stage_tokens = 32
stage_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 16 }
joint_tokens = 64
at_growth = { learning_rate = "keep", moments = "keep-old" }
"#,
    ),
    (
        "midas",
        r#"method = "midas"
block_layers = 2
tokens = 192
learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
"#,
    ),
    (
        "lidas",
        r#"method = "lidas"
block_layers = 2
exponent = 0
tokens = 192
learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
at_growth = { learning_rate = "rewarm" }
"#,
    ),
    (
        "staged",
        r#"method = "staged"
shares = [0.5, 0.25, 0.25]
tokens = 256
learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
base = { num_hidden_layers = 3, hidden_size = 8, intermediate_size = 12, num_attention_heads = 1, num_key_value_heads = 1 }
[[schedule.growths]]
operator = "zero-width"
width = { hidden_size = 16, intermediate_size = 24, num_attention_heads = 2, num_key_value_heads = 2 }
[[schedule.growths]]
operator = "stack"
factor = 2
"#,
    ),
    (
        "llama-pro",
        r#"method = "llama-pro"
added_layers = 2
base_tokens = 64
base_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
grown_tokens = 64
grown_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
"#,
    ),
    (
        "late",
        r#"method = "late"
tokens = 320
learning_rate = { peak = 1e-2, minimum = 0.0, warmup_tokens = 32, shape = { wsd = { decay_tokens = 32 } } }
"#,
    ),
    (
        "learned-in-two-steps",
        r#"method = "learned"
factor = 3
base_tokens = 64
base_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
learning = { tokens = 64, all_widths = true }
scratch_tokens = 192
grown_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 16 }
"#,
    ),
    (
        "late-learned",
        r#"method = "late"
growth = { operator = "learned", factor = 3 }
base_share = 0.5
tokens = 128
learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
at_growth = { moments = "reset", learning_rate = "restart" }
"#,
    ),
];

fn six_layers(schedule: &str) -> String {
    tiny::recipe(schedule).replace("num_hidden_layers = 4", "num_hidden_layers = 6")
}

fn lines(workshop: &Workshop, run: &str) -> Vec<Value> {
    let metrics = fs::read_to_string(workshop.path(run).join("metrics.jsonl")).unwrap();
    metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_method_trains_to_its_end_as_it_was_planned() {
    let workshop = Workshop::with_shards();
    let mut models = Vec::new();
    for (name, schedule) in METHODS {
        let file = format!("{name}.toml");
        workshop.write(&file, six_layers(schedule));
        let planned = workshop.run(&["train", &file, "--plan", "--json", "--no-measure"]);
        assert_success(&planned);
        let plan: Value = serde_json::from_slice(&planned.stdout).unwrap();
        let trained = workshop.run(&["train", &file, "--out", name]);
        assert_success(&trained);

        let lines = lines(&workshop, name);
        let steps: Vec<&Value> = lines.iter().filter(|line| line.get("loss").is_some()).collect();
        let stages = plan["stages"].as_array().unwrap();
        for stage in stages {
            let of_stage = steps.iter().filter(|line| line["stage"] == stage["name"]);
            assert_eq!(
                of_stage.count() as u64,
                stage["steps"].as_u64().unwrap(),
                "{name}: {}",
                stage["name"]
            );
        }
        let sum: f64 = stages.iter().map(|stage| stage["flops"].as_f64().unwrap()).sum();
        let counted = steps.last().unwrap()["flops"].as_f64().unwrap();
        assert!((counted / sum - 1.0).abs() < 1e-12, "{name}: {counted} FLOPs, planned {sum}");
        let checkpoint = Checkpoint::open(&workshop.path(stdout(&trained).trim())).unwrap();
        models.push((name, checkpoint.config().clone()));
    }
    // To the epsilon of its norms, which growth by zeros changes.
    for (name, model) in &models {
        assert_eq!(model, &models[0].1, "{name} ends with another model");
    }
}

#[test]
fn the_share_that_a_stage_trains_is_in_its_plan() {
    let workshop = Workshop::with_shards();
    let plan = |name: &str| {
        let (_, schedule) = METHODS.iter().find(|(method, _)| *method == name).unwrap();
        workshop.write("recipe.toml", six_layers(schedule));
        let planned = workshop.run(&["train", "recipe.toml", "--plan", "--no-measure"]);
        assert_success(&planned);
        let text = stdout(&planned);
        let (_, after) = text.split_once("\n\n").unwrap();
        after.split_once("\nFLOPs").unwrap().0.to_owned()
    };
    insta::assert_snapshot!(plan("llama-pro"), @"
    stage  layers  width  parameters  trained  steps  tokens  epochs    FLOPs  time
    base        4     16       9,872      all      2      64    0.05  3.932e6     –
    grown       6     16      14,288    4,416      2      64    0.05  3.932e6     –
    total                                          4     128    0.11  7.864e6     –

    base   learning rate 1e-2, falls to 1e-3
    grown  grown by zero, to 6 layers, interleaved; trains layers 2,5: 31 % of the parameters; learning rate 1e-2, falls to 1e-3
    ");
    insta::assert_snapshot!(plan("stacking2"), @"
    stage     layers  width  parameters  trained  steps  tokens  epochs    FLOPs  time
    2-layers       2     16       5,456      all      1      32    0.03  1.032e6     –
    4-layers       4     16       9,872    4,944      1      32    0.03  1.343e6     –
    6-layers       6     16      14,288    4,944      1      32    0.03  1.655e6     –
    joint          6     16      14,288      all      2      64    0.05  5.800e6     –
    total                                             5     160    0.13  9.830e6     –

    2-layers  learning rate 9.73e-3, falls to 9.73e-3; 1e-3 only at 160 tokens
    4-layers  grown by layers 0,1,0,1, moments of old values kept; trains top 2, norm, head: 50 % of the parameters; learning rate goes on at 7.75e-3, falls to 7.75e-3; 1e-3 only at 128 tokens
    6-layers  grown by layers 0,1,2,3,2,3, moments of old values kept; trains top 2, norm, head: 35 % of the parameters; learning rate goes on at 4.72e-3, falls to 4.72e-3; 1e-3 only at 96 tokens
    joint     learning rate goes on at 2.05e-3, falls to 1e-3
    ");
    insta::assert_snapshot!(plan("random-depth"), @"
    stage  layers  width  parameters  trained  steps  tokens  epochs    FLOPs  time
    base        3     16       7,664      all      2      64    0.05  2.998e6     –
    grown       6     16      14,288      all      3      96    0.08  8.700e6     –
    total                                          5     160    0.13  1.170e7     –

    base   learning rate 1e-2, falls to 1e-3
    grown  grown by random × 2, behind a mask that opens over 32 tokens; learning rate 9.1e-3, falls to 1e-3
    ");
}

#[test]
fn methods_begin_with_a_base_that_there_is() {
    let workshop = with_base();
    let rate = "learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }";
    let methods = [
        ("recycle", 4, format!("method = \"recycle\"\ntokens = 64\n{rate}")),
        (
            "llama-pro",
            4,
            format!(
                "method = \"llama-pro\"\nadded_layers = 2\nbase_tokens = 0\ngrown_tokens = 64\ngrown_{rate}"
            ),
        ),
        (
            "gradual",
            8,
            format!(
                "method = \"gradual\"\nlayer_counts = [2, 4, 8]\noperator = \"zero-depth\"\nbase_tokens = 0\n\
                 stage_tokens = 64\nstage_{rate}\ngrown_tokens = 64\ngrown_{rate}"
            ),
        ),
        (
            "staged",
            4,
            format!(
                "method = \"staged\"\nshares = [0.5, 0.5]\ntokens = 128\n\
                 growths = [{{ operator = \"stack\", factor = 2 }}]\n{rate}"
            ),
        ),
    ];
    for (name, layers, schedule) in methods {
        workshop.write("recipe.toml", from("base", &schedule));
        let trained = workshop.run(&["train", "recipe.toml", "--out", name]);
        assert_success(&trained);
        let checkpoint = Checkpoint::open(&workshop.path(stdout(&trained).trim())).unwrap();
        assert_eq!(checkpoint.config().num_hidden_layers, layers, "{name}");
    }
}

#[test]
fn what_llama_pro_freezes_stays_the_base_s_to_the_bit_and_what_is_new_moves() {
    let workshop = with_base();
    let schedule = "method = \"llama-pro\"\nadded_layers = 2\nbase_tokens = 0\ngrown_tokens = 96\n\
                    grown_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }";
    workshop.write("recipe.toml", from("base", schedule));
    let trained = workshop.run(&["train", "recipe.toml", "--out", "run"]);
    assert_success(&trained);
    let tensors =
        |folder: &str| Checkpoint::open(&workshop.path(folder)).unwrap().to_named_tensors().unwrap();
    let (base, grown) = (tensors("base"), tensors(stdout(&trained).trim()));
    // Layers 0 and 2 are the base's, 1 and 3 copies of them that begin as identities.
    for (name, tensor) in &grown {
        let source = ["layers.0.", "layers.1.", "layers.2.", "layers.3."]
            .iter()
            .position(|layer| name.contains(layer));
        let (is_new, below) = source.map_or((false, 0), |layer| (layer % 2 == 1, layer / 2));
        let own = source.map_or(name.clone(), |layer| {
            name.replace(&format!("layers.{layer}."), &format!("layers.{below}."))
        });
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let is_equal = bits(&tensor.values) == bits(&base[&own].values);
        assert_eq!(is_equal, !is_new, "{name}");
        assert!(tensor.values.iter().any(|value| value.abs() > 0.0), "{name} is an identity no more");
    }
}
