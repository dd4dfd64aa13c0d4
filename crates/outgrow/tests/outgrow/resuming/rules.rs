//! The table of what may change, held to the documentation, to all keys of a recipe, and to what a run does.

use std::{collections::BTreeSet, fs, path::Path};

use outgrow_train::resume::{Field, Rule};
use serde_json::{Value, json};

use crate::{
    resuming::{TRAIN, change_run_file, change_state, checkpointed, notes, refused, run_file, underway},
    tiny::{self, Workshop, assert_success},
};

#[test]
fn the_table_in_the_documentation_is_the_one_in_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/RESUMING.md");
    let text = fs::read_to_string(path).unwrap();
    let rows: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let key = cells.next()?.replace('`', "");
            Some((key, cells.next()?.trim_end_matches(" |").to_owned()))
        })
        .collect();
    // To people an extension is a flag.
    let words = |rule: Rule| rule.to_string().replace("an extension", "with `--extend`");
    let expected: Vec<(String, String)> =
        Field::ALL.iter().map(|field| (field.key().to_owned(), words(field.rule()))).collect();
    assert_eq!(rows, expected);
}

const RATE: &str = "{ peak = 1e-2, minimum = 1e-3, warmup_tokens = 32, horizon_tokens = 64 }";

/// Every kind of schedule; `RATE` stands for a learning rate.
const SCHEDULES: [&str; 16] = [
    "method = \"scratch\"\ntokens = 1\nlearning_rate = RATE",
    "method = \"g-stack\"\nfactor = 2\nbase_tokens = 1\nbase_learning_rate = RATE\ngrown_tokens = 1\nscratch_tokens = 1\n\
         grown_learning_rate = RATE",
    "method = \"g-stack\"\ngrowth = { operator = \"stack\", factor = 2 }\nbase = { hidden_size = 8, \
         intermediate_size = 8, num_hidden_layers = 2, num_attention_heads = 1, num_key_value_heads = 1 }\n\
         base_tokens = 1\ngrown_tokens = 1\nat_growth = { moments = \"copy\" }",
    "method = \"gradual\"\nlayer_counts = [2, 4]\noperator = \"stack\"\nbase_tokens = 1\nstage_tokens = 1\n\
         stage_learning_rate = RATE\ngrown_tokens = 1\nscratch_tokens = 1\ngrown_learning_rate = RATE\n\
         at_growth = { moments = \"copy\" }",
    "method = \"stackbert\"\nlayer_counts = [1, 2, 4]\ntokens = 1\nscratch_tokens = 1\nlearning_rate = RATE",
    "method = \"random-mask\"\nbase = { num_hidden_layers = 2 }\nbase_tokens = 1\nbase_learning_rate = RATE\n\
         mask = { tokens = 1 }\nseed = 1\ngrown_tokens = 1\nscratch_tokens = 1\ngrown_learning_rate = RATE",
    "method = \"midas\"\nblock_layers = 2\ntokens = 1\nscratch_tokens = 1\nlearning_rate = RATE",
    "method = \"lidas\"\nblock_layers = 2\ntokens = 1\nscratch_tokens = 1\nlearning_rate = RATE",
    "method = \"staged\"\ngrowths = [{ operator = \"stack\", factor = 2 }]\nbase = { num_hidden_layers = 2 }\n\
         tokens = 1\nscratch_tokens = 1\nlearning_rate = RATE",
    "method = \"llama-pro\"\nadded_layers = 2\nbase_tokens = 1\nbase_learning_rate = RATE\ngrown_tokens = 1\n\
         scratch_tokens = 1\ngrown_learning_rate = RATE\nat_growth = { moments = \"copy\" }",
    "method = \"late\"\ngrowth = { operator = \"stack\", factor = 2 }\nbase = { num_hidden_layers = 2 }\n\
         tokens = 1\nscratch_tokens = 1\nlearning_rate = RATE",
    "method = \"learned\"\ngrowth = { operator = \"learned\", factor = 2 }\nbase = { num_hidden_layers = 2 }\n\
         factor = 2\nbase_tokens = 1\nbase_learning_rate = RATE\nlearning = { tokens = 1 }\ngrown_tokens = 1\n\
         scratch_tokens = 1\ngrown_learning_rate = RATE",
    "method = \"recycle\"\ngrowth = { operator = \"stack\", factor = 2 }\ntokens = 1\nscratch_tokens = 1\n\
         learning_rate = RATE\nat_growth = { moments = \"copy\" }",
    "method = \"stacking2\"\nlayer_counts = [2, 4]\nstage_tokens = 1\nstage_learning_rate = RATE\njoint_tokens = 1\n\
         scratch_tokens = 1\nbase_tokens = 0\njoint_learning_rate = RATE",
    "method = \"stages\"\nstages = [{ name = \"a\", tokens = 1, learning_rate = RATE }]",
    "method = \"staged-training\"\ngrowth = { operator = \"stack\", factor = 2 }\nbase = { num_hidden_layers = 2 }\n\
     ends_at = { slope = -0.1 }\nbase_tokens = 1\nbase_learning_rate = RATE\ngrown_tokens = 1\nscratch_tokens = 1\n\
     grown_learning_rate = RATE",
];

/// A recipe in which every key is given, by every kind of schedule.
fn full_recipes() -> Vec<toml::Table> {
    let of = |schedule: &str| {
        let schedule = schedule.replace("RATE", RATE);
        let text = format!(
            r#"name = "full"
seed = 1
device = "cpu"
dtype = "f32"

[model]
vocab_size = 32
hidden_size = 16
intermediate_size = 24
num_hidden_layers = 4
num_attention_heads = 2
num_key_value_heads = 2
head_dim = 8
max_position_embeddings = 16
rms_norm_eps = 1e-5
rope_theta = 1e4
tie_word_embeddings = false
initializer_range = 0.02
initialization = "normal"

[data]
training = "training"
validation = "validation"
sequence_length = 16
order_seed = 3

[training]
batch_sequences = 2
micro_batch_sequences = 1
validation_interval_tokens = 64
validation_sequences = 2
checkpoint_interval_tokens = 64
checkpoints_kept = 2

[training.optimizer.muon]
weight_decay = 0.1

[evaluation]
tasks = ["piqa"]
data = "documents"
interval_tokens = 64
limit = 10
num_fewshot = 2

[schedule]
{schedule}
"#
        );
        text.parse().unwrap()
    };
    let mut recipes: Vec<toml::Table> = SCHEDULES.into_iter().map(of).collect();
    // The one section that has two kinds.
    let mut of_base = recipes[0].clone();
    of_base.insert(
        "model".to_owned(),
        "from = \"base\"\nfrom_flops = 1e9".parse::<toml::Table>().unwrap().into(),
    );
    recipes.push(of_base);
    recipes
}

/// The keys of a value, those of sections with their section's in front.
fn keys(value: &Value, prefix: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                keys(value, &key, all);
            }
        }
        Value::Array(values) if values.iter().any(Value::is_object) => {
            for value in values {
                keys(value, prefix, all);
            }
        }
        _ => {
            all.insert(prefix.to_owned());
        }
    }
}

#[test]
fn every_key_of_a_recipe_has_a_rule() {
    let mut all = BTreeSet::new();
    for table in full_recipes() {
        // Written back, so that keys are seen which the text above doesn't know yet.
        let recipe = outgrow::Recipe::from_table(table).unwrap();
        keys(&serde_json::to_value(recipe).unwrap(), "", &mut all);
    }
    assert!(all.len() > 50, "{all:?}");
    let without: Vec<_> = all.iter().filter(|key| Field::of_key(key).is_none()).collect();
    assert!(without.is_empty(), "no rule for {without:?}");
    // A whole section has the rule of its parts only where that is meant.
    let sections = ["model", "training.optimizer", "schedule"];
    for key in &all {
        let field = Field::of_key(key).unwrap();
        assert!(
            field.key() == key || sections.contains(&field.key()),
            "{key} has the rule of {}",
            field.key()
        );
    }
}

#[test]
fn what_is_free_changes_and_nothing_is_said_of_it() {
    let free = [
        ("name = \"tiny\"", "name = \"large\""),
        ("checkpoint_interval_tokens = 32", "checkpoint_interval_tokens = 64"),
        ("checkpoint_interval_tokens = 32\n", ""),
        ("checkpoints_kept = 4", "checkpoints_kept = 1"),
        ("validation_interval_tokens = 64", "validation_interval_tokens = 32"),
    ];
    for (from, to) in free {
        let workshop = underway();
        let changed = checkpointed().replace(from, to);
        assert_ne!(changed, checkpointed(), "{from}");
        workshop.write("recipe.toml", changed);
        assert_eq!(notes(&workshop.run(&TRAIN)), [""; 0], "{from}");
        assert_eq!(run_file(&workshop)["changes"], json!([]), "{from}");
        let recorded = if to.starts_with("name") { "large" } else { "tiny" };
        assert_eq!(run_file(&workshop)["name"], recorded);
    }
    let workshop = underway();
    let output = workshop.command(&TRAIN).env("RAYON_NUM_THREADS", "1").output().unwrap();
    assert_eq!(notes(&output), [""; 0]);
}

#[test]
fn another_micro_batch_is_printed_and_recorded() {
    let workshop = underway();
    let micro = |size: u64| {
        checkpointed()
            .replace("batch_sequences = 2", &format!("batch_sequences = 2\nmicro_batch_sequences = {size}"))
    };
    // What was left out is what is given now.
    workshop.write("recipe.toml", micro(2));
    assert_eq!(notes(&workshop.run(&TRAIN)), [""; 0]);
    let workshop = underway();
    workshop.write("recipe.toml", micro(1));
    let said = notes(&workshop.run(&TRAIN));
    assert_eq!(
        said,
        ["training.micro_batch_sequences = 1 from step 6 on, where it was 2; run.json records it"]
    );
    let expected = json!([{"step": 6, "field": "training.micro_batch_sequences", "from": 2, "to": 1}]);
    assert_eq!(run_file(&workshop)["changes"], expected);
    // It stays recorded, and is undone where the run is taken back to before it.
    workshop.write("recipe.toml", micro(1).replace("name = \"tiny\"", "name = \"other\""));
    assert_success(&workshop.run(&TRAIN));
    assert_eq!(run_file(&workshop)["changes"], expected);
    workshop.write("recipe.toml", checkpointed());
    assert_success(&workshop.run(&[&TRAIN[..], &["--rewind-to", "step-5"]].concat()));
    assert_eq!(run_file(&workshop)["changes"], json!([]));
}

#[test]
fn the_cpu_by_its_earlier_name_is_the_same_device() {
    let workshop = underway();
    change_state(&workshop, "step-00000006", |state| state["device"] = "flex".into());
    change_run_file(&workshop, |run| run["device"] = "flex".into());
    assert_eq!(notes(&workshop.run(&[&TRAIN[..], &["--device", "flex"]].concat())), [""; 0]);
    assert_eq!(run_file(&workshop)["changes"], json!([]));
    assert_eq!(run_file(&workshop)["device"], "cpu");
}

#[test]
fn another_device_is_recorded_as_a_change() {
    let workshop = underway();
    change_state(&workshop, "step-00000006", |state| {
        assert_eq!(state["device"], "cpu");
        state["device"] = "cuda:1".into();
    });
    let said = notes(&workshop.run(&TRAIN));
    assert_eq!(said, ["device = cpu from step 6 on, where it was cuda:1; run.json records it"]);
}

#[test]
fn what_would_be_another_run_is_refused_by_name_with_both_values() {
    let workshop = underway();
    let with = |from: &str, to: &str| {
        let changed = checkpointed().replace(from, to);
        assert_ne!(changed, checkpointed(), "{from}");
        workshop.write("recipe.toml", changed);
        let message = refused(&workshop, &TRAIN);
        let message =
            message.strip_prefix("run/step-00000006: was written by a run with ").unwrap().to_owned();
        message.strip_suffix("; use another --out, or the recipe that began this run").unwrap().to_owned()
    };
    insta::assert_snapshot!(with("seed = 1", "seed = 2"), @"seed = 1, here 2; data.order_seed = 1, here 2");
    insta::assert_snapshot!(with("seed = 1", "seed = 1\ndtype = \"bf16-emulated\""), @"dtype = f32, here bf16 (--dtype f32 computes in it)");
    insta::assert_snapshot!(with("sequence_length = 16", "sequence_length = 16\norder_seed = 5"), @"data.order_seed = 1, here 5");
    insta::assert_snapshot!(with("batch_sequences = 2", "batch_sequences = 4"), @"training.batch_sequences = 2, here 4");
    insta::assert_snapshot!(with("intermediate_size = 24", "intermediate_size = 32"), @"model.intermediate_size = 24, here 32");
    insta::assert_snapshot!(with("[model]\n", "[model]\ninitialization = \"normal\"\n"), @"model.initialization = depth-scaled, here normal");
    insta::assert_snapshot!(with("[training]\n", "[training]\noptimizer = { beta2 = 0.99, clip_norm = 0.5 }\n"), @"training.optimizer.beta2 = 0.95, here 0.99; training.optimizer.clip_norm = 1.0, here 0.5");
    insta::assert_snapshot!(with("base_tokens = 128", "base_tokens = 192"), @r#"stage "base": tokens = 128, here 192; stage "base": learning_rate.horizon_tokens = 128, here 192"#);
    insta::assert_snapshot!(with("base_learning_rate = { peak = 1e-2", "base_learning_rate = { peak = 2e-2"), @r#"stage "base": learning_rate.peak = 0.01, here 0.02"#);
    insta::assert_snapshot!(with("validation_sequences = 2", "validation_sequences = 4"), @"training.validation_sequences = 2, here 4");
    insta::assert_snapshot!(with("sequence_length = 16", "sequence_length = 8"), @"model.max_position_embeddings = 16, here 8; data.sequence_length = 16, here 8");
}

#[test]
fn another_schedule_is_refused_by_its_stages() {
    let workshop = underway();
    workshop.write("recipe.toml", tiny::recipe(&tiny::scratch(96, "1e-2")));
    insta::assert_snapshot!(refused(&workshop, &TRAIN), @"run/step-00000006: was written by a run with schedule: stages = base, grown, here scratch; use another --out, or the recipe that began this run");
}

#[test]
fn all_that_differs_is_said_at_once() {
    let workshop = underway();
    let other = checkpointed()
        .replace("seed = 1", "seed = 2")
        .replace("batch_sequences = 2", "batch_sequences = 4\nmicro_batch_sequences = 1")
        .replace("validation_sequences = 2", "validation_sequences = 3");
    workshop.write("recipe.toml", other);
    insta::assert_snapshot!(refused(&workshop, &TRAIN), @"run/step-00000006: was written by a run with seed = 1, here 2; data.order_seed = 1, here 2; training.batch_sequences = 2, here 4; training.validation_sequences = 2, here 3; use another --out, or the recipe that began this run");
}

/// With documents of a task, four words each.
fn with_evaluation(workshop: &Workshop, evaluation: &str) -> String {
    fs::create_dir_all(workshop.path("documents/lambada_openai")).unwrap();
    let documents = (3..8).map(|salt| json!({ "text": tiny::text(salt, 9) }).to_string() + "\n");
    workshop.write("documents/lambada_openai/lambada_openai_test.jsonl", documents.collect::<String>());
    format!(
        "{}\n[evaluation]\ntasks = [\"lambada_openai\"]\ndata = \"documents\"\n{evaluation}",
        checkpointed()
    )
}

#[test]
fn a_curve_of_benchmarks_is_of_the_same_documents_from_end_to_end() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", with_evaluation(&workshop, "interval_tokens = 64\nlimit = 3\n"));
    assert_success(&workshop.run(&TRAIN));
    let run = run_file(&workshop);
    let asked = &run["evaluation"]["lambada_openai"];
    assert_eq!((&asked["documents"], &asked["num_fewshot"]), (&json!(3), &json!(0)));
    assert_eq!(asked["sha256"].as_str().unwrap().len(), 64);
    fs::remove_dir_all(workshop.path("run/step-00000007")).unwrap();
    change_run_file(&workshop, |run| run["finished"] = false.into());

    let with = |evaluation: &str| {
        workshop.write("recipe.toml", with_evaluation(&workshop, evaluation));
        refused(&workshop, &TRAIN)
    };
    insta::assert_snapshot!(with("interval_tokens = 64\n"), @"run/step-00000006: was written by a run with evaluation.limit (lambada_openai) = 3 documents, here 5 documents; use another --out, or the recipe that began this run");
    // Another interval is free, and so is leaving the task out and taking it up again.
    workshop.write("recipe.toml", checkpointed());
    assert_success(&workshop.run(&TRAIN));
    insta::assert_snapshot!(with("interval_tokens = 64\nlimit = 4\n"), @"run/step-00000007: was written by a run with evaluation.limit (lambada_openai) = 3 documents, here 4 documents; use another --out, or the recipe that began this run");
    workshop.write("recipe.toml", with_evaluation(&workshop, "interval_tokens = 32\nlimit = 3\n"));
    assert_success(&workshop.run(&TRAIN));

    let other = json!({ "text": tiny::text(11, 9) }).to_string() + "\n";
    workshop.write("recipe.toml", with_evaluation(&workshop, "interval_tokens = 32\nlimit = 3\n") + " ");
    let documents = "documents/lambada_openai/lambada_openai_test.jsonl";
    let text = fs::read_to_string(workshop.path(documents)).unwrap();
    workshop.write(documents, other + &text);
    change_run_file(&workshop, |run| run["finished"] = false.into());
    let message = refused(&workshop, &TRAIN);
    assert!(message.contains("evaluation.data (lambada_openai) = "), "{message}");
}

#[test]
fn each_rule_is_used() {
    for rule in [Rule::Free, Rule::Recorded, Rule::Extension, Rule::Refused] {
        assert!(Field::ALL.iter().any(|field| field.rule() == rule), "{rule}");
    }
}
