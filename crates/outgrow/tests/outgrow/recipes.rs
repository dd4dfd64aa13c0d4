//! The recipes in docs: each is planned as it stands, all cost the same, and each trains at pulse size. They are found
//! by listing the folder, so that none can be forgotten.

use std::{collections::BTreeMap, fs, path::PathBuf};

use outgrow_checkpoint::Checkpoint;
use serde_json::Value;

use crate::tiny::{Workshop, assert_success, stderr, stdout};

/// The texts and the tokenizer that the commands of the recipes' README name.
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/corpus");

/// The recipes by the names of their files.
fn recipes() -> BTreeMap<String, String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let recipes = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let named = |path: PathBuf| {
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
    };
    recipes.map(named).collect()
}

/// The README's commands, and the recipes where they find what these make.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    let tokenizer = format!("{CORPUS}/tokenizer.json");
    for (texts, shards) in [("train", "shards/training"), ("validation", "shards/validation")] {
        let texts = format!("{CORPUS}/{texts}.jsonl.zst");
        assert_success(&workshop.run(&[
            "data",
            "prepare",
            &texts,
            "--tokenizer",
            &tokenizer,
            "--out",
            shards,
        ]));
    }
    fs::create_dir_all(workshop.path("docs/recipes")).unwrap();
    for (name, text) in recipes() {
        workshop.write(&format!("docs/recipes/{name}.toml"), text);
    }
    workshop
}

/// The FLOPs of a plan's last line.
fn planned_flops(plan: &str) -> f64 {
    let total = plan.lines().find(|line| line.starts_with("total")).unwrap();
    total.split_whitespace().find_map(|word| word.contains('e').then(|| word.parse().ok())?).unwrap()
}

#[test]
fn every_recipe_is_planned_as_it_stands_and_costs_what_scratch_costs() {
    let workshop = workshop();
    let flops = |name: &str| {
        let plan =
            workshop.run(&["train", &format!("docs/recipes/{name}.toml"), "--out", "runs/none", "--plan"]);
        assert_success(&plan);
        planned_flops(&stdout(&plan))
    };
    let scratch = flops("scratch");
    for name in recipes().keys() {
        let ratio = flops(name) / scratch;
        assert!((ratio - 1.0).abs() < 0.01, "{name}: {ratio} of scratch's FLOPs");
    }
}

/// A recipe at pulse size: numbers of tokens a thousandth, widths a quarter, batches and sequences so small that a step
/// has 32 tokens. Layers, growths and rates stay.
fn at_pulse_size(value: &mut toml::Value, key: &str) {
    match value {
        toml::Value::Table(table) => table.iter_mut().for_each(|(key, value)| at_pulse_size(value, key)),
        toml::Value::Array(values) => values.iter_mut().for_each(|value| at_pulse_size(value, key)),
        toml::Value::Integer(number) => {
            *number /= match key {
                "hidden_size" | "intermediate_size" | "batch_sequences" => 4,
                "sequence_length" => 8,
                "validation_sequences" => 16,
                key if key.ends_with("tokens") => 1000,
                _ => 1,
            };
        }
        _ => {}
    }
}

/// Writes a recipe at pulse size and gives its path.
fn write_at_pulse_size(workshop: &Workshop, name: &str, text: &str) -> String {
    let mut recipe: toml::Value = toml::from_str(text).unwrap();
    assert_eq!(recipe["name"].as_str(), Some(name), "a recipe is named as its file");
    at_pulse_size(&mut recipe, "");
    fs::create_dir_all(workshop.path("docs/pulse")).unwrap();
    let path = format!("docs/pulse/{name}.toml");
    workshop.write(&path, toml::to_string(&recipe).unwrap());
    path
}

#[test]
fn every_recipe_trains_at_pulse_size() {
    let workshop = workshop();
    let mut models = BTreeMap::new();
    for (name, text) in recipes() {
        let path = write_at_pulse_size(&workshop, &name, &text);
        let run = format!("runs/{name}");
        let trained = workshop.run(&["train", &path, "--out", &run]);
        assert_success(&trained);

        let checkpoint = Checkpoint::open(&workshop.path(stdout(&trained).trim())).unwrap();
        models.insert(name.clone(), checkpoint.config().clone());
        let metrics = fs::read_to_string(workshop.path(&run).join("metrics.jsonl")).unwrap();
        let lines = metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let losses: Vec<f64> = lines.filter_map(|line| line["validation_loss"].as_f64()).collect();
        assert!(losses.last() < losses.first(), "{name} learns: {losses:?}");
    }
    // To the epsilon of its norms, which growth by zeros changes: other models get no speed-up in a report.
    let scratch = &models["scratch"];
    assert_eq!((scratch.num_hidden_layers, scratch.hidden_size), (8, 16));
    for (name, model) in &models {
        assert_eq!(model, scratch, "{name} ends with another model than scratch");
    }
}

#[test]
fn a_folder_of_recipes_is_an_experiment_over_seeds() {
    let workshop = workshop();
    for name in ["scratch", "zero-depth"] {
        write_at_pulse_size(&workshop, name, &recipes()[name]);
    }
    let experiment =
        ["experiment", "docs/pulse", "--first-seed", "11", "--seeds", "2", "--out", "runs/pulse"];
    let output = workshop.run(&experiment);
    assert_success(&output);
    assert!(!stdout(&output).is_empty(), "it ends with what the report says");
    let folders: Vec<String> =
        ["scratch-seed-11", "scratch-seed-12", "zero-depth-seed-11", "zero-depth-seed-12"]
            .map(String::from)
            .into();
    let made = workshop.names("runs/pulse");
    assert!(folders.iter().all(|folder| made.contains(folder)), "{made:?}");
    let seed = |folder: &str| {
        let run = fs::read(workshop.path("runs/pulse").join(folder).join("run.json")).unwrap();
        serde_json::from_slice::<Value>(&run).unwrap()["seed"].as_u64()
    };
    assert_eq!(seed("zero-depth-seed-12"), Some(12));

    let recipe = fs::read_to_string(workshop.path("docs/pulse/scratch.toml")).unwrap();
    workshop.write("docs/pulse/scratch.toml", recipe.replace("/training", "/nowhere"));
    let refused = workshop.run(&["experiment", "docs/pulse", "--out", "runs/other"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(!workshop.path("runs/other").exists(), "an experiment that is refused leaves no folders");

    fs::create_dir(workshop.path("empty")).unwrap();
    let empty = workshop.run(&["experiment", "empty"]);
    assert_eq!(empty.status.code(), Some(2));
    assert!(stderr(&empty).ends_with("empty: holds no recipes (*.toml)\n"), "{}", stderr(&empty));
    workshop.write("empty/one.toml", "name = 'one'");
    workshop.write("empty/two.toml", "name = 2");
    let wrong = stderr(&workshop.run(&["experiment", "empty"]));
    assert!(wrong.contains("one.toml: ") && wrong.contains("two.toml: "), "{wrong}");
    assert_eq!(workshop.names("empty"), ["one.toml", "two.toml"]);
}

#[test]
fn the_example_of_an_evaluation_is_right_when_its_comment_signs_are_taken_away() {
    let workshop = workshop();
    let example = |line: &str| line.strip_prefix("# ").map_or(line.to_owned(), str::to_owned);
    for (name, text) in recipes() {
        let Some(begin) = text.find("# [evaluation]") else { continue };
        let evaluation: Vec<String> = text[begin..].lines().map(example).collect();
        workshop.write(
            &format!("docs/recipes/{name}.toml"),
            format!("{}{}\n", &text[..begin], evaluation.join("\n")),
        );
        let train = ["train", &format!("docs/recipes/{name}.toml"), "--out", "runs/none", "--plan"];
        let without_documents = workshop.run(&train);
        assert!(stderr(&without_documents).contains("no such file"), "{}", stderr(&without_documents));

        for (folder, file, document) in [
            ("lambada_openai", "lambada_openai_test", r#"{"text": "It was the best of times"}"#),
            (
                "arc_easy",
                "arc_easy_test",
                r#"{"id": "1", "question": "What is wet?", "choices": {"text": ["water", "sand"], "label": ["A", "B"]}, "answerKey": "A"}"#,
            ),
        ] {
            fs::create_dir_all(workshop.path("documents").join(folder)).unwrap();
            workshop.write(&format!("documents/{folder}/{file}.jsonl"), format!("{document}\n"));
        }
        assert_success(&workshop.run(&train));
    }
}
