//! What a shell and other programs have of the command line: completions, man pages, JSON, quiet, keys that are set.

use std::fs;

use serde_json::Value;

use crate::tiny::{Workshop, assert_success, recipe, scratch, stderr, stdout};

fn json(workshop: &Workshop, arguments: &[&str]) -> Value {
    let output = workshop.run(arguments);
    assert_success(&output);
    serde_json::from_str(&stdout(&output)).unwrap()
}

#[test]
fn every_shell_completes_the_commands_and_each_has_a_man_page() {
    let workshop = Workshop::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = workshop.run(&["completions", shell]);
        assert_success(&output);
        assert!(stdout(&output).contains("branch-from") && stdout(&output).contains("experiment"), "{shell}");
    }
    assert_success(&workshop.run(&["man", "pages"]));
    let pages = workshop.names("pages");
    for command in ["outgrow", "outgrow-train", "outgrow-data", "outgrow-data-prepare", "outgrow-experiment"]
    {
        assert!(pages.contains(&format!("{command}.1")), "{pages:?}");
    }
    let page = fs::read_to_string(workshop.path("pages/outgrow-data-info.1")).unwrap();
    assert!(page.contains("outgrow data info"), "{page}");
    assert!(page.contains(".SH EXAMPLES\n.nf\n  outgrow data info shards/training\n"), "{page}");
    assert!(page.contains("\\-\\-verify") && page.contains("\\-\\-quiet"), "{page}");
}

#[test]
fn a_key_that_is_set_counts_as_if_the_file_had_it_and_the_run_remembers_it() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(&scratch(64, "1e-2")));
    let train = |more: &[&str]| workshop.run(&[&["train", "recipe.toml", "--out", "run"], more].concat());
    let set =
        ["--set", "seed=7", "--set", "training.optimizer.weight_decay=0.25", "--set", "schedule.tokens=96"];
    assert_success(&train(&set));
    let run: Value = serde_json::from_slice(&fs::read(workshop.path("run/run.json")).unwrap()).unwrap();
    let recipe = &run["recipe"];
    assert_eq!((&recipe["seed"], &recipe["schedule"]["tokens"]), (&7.into(), &96.into()));
    assert_eq!(recipe["training"]["optimizer"]["weight_decay"], 0.25);
    assert_eq!(stderr(&train(&set)), "run: this run is done\n");
    let other = train(&[]);
    assert_eq!(other.status.code(), Some(2));
    assert!(stderr(&other).contains("seed"), "{}", stderr(&other));

    let refused = |setting: &str| {
        let output = workshop.run(&["train", "recipe.toml", "--plan", "--set", setting]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
        stderr(&output)
    };
    assert!(refused("training.optimizer.weight_decai=0.25").contains("weight_decai"));
    assert!(refused("training.batch_sequences=many").contains("training.batch_sequences"));
    insta::assert_snapshot!(refused("seed"), @"error: invalid value 'seed' for '--set <KEY=VALUE>': expected a key and a value, as training.optimizer.weight_decay=0.1");
    insta::assert_snapshot!(refused("seed.x=1"), @"error: recipe.toml: --set seed.x: seed is one value and has no keys");
}

#[test]
fn a_quiet_run_says_nothing_but_what_is_wrong() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(&scratch(64, "1e-2")));
    let output = workshop.run(&["--quiet", "train", "recipe.toml", "--out", "run"]);
    assert_success(&output);
    assert_eq!((stdout(&output).as_str(), stderr(&output).as_str()), ("run/step-00000002\n", ""));
    let refused = workshop.run(&["train", "none.toml", "--plan", "--quiet"]);
    assert!(stderr(&refused).starts_with("error: none.toml: "), "{}", stderr(&refused));
}

#[test]
fn data_info_says_what_is_in_shards_and_finds_what_was_changed() {
    let workshop = Workshop::new();
    for name in ["training", "validation"] {
        let (input, out) = (format!("{name}.txt"), format!("shards/{name}"));
        let prepare = ["data", "prepare", &input, "--tokenizer", "tokenizer.json", "--out", &out];
        assert_success(&workshop.run(&prepare));
    }
    let output = workshop.run(&["data", "info", "shards"]);
    assert_success(&output);
    let said = stdout(&output);
    let folders: Vec<&str> = said.lines().filter(|line| line.starts_with("shards/")).collect();
    insta::assert_snapshot!(folders.join("\n"), @"
    shards/training: 1,201 tokens in 1 shard
    shards/validation: 401 tokens in 1 shard
    ");
    for word in [
        "documents   1;",
        "vocabulary  32, 2 bytes",
        "<|endoftext|> (0)",
        "--verify reads everything",
        "begins      \"w",
    ] {
        assert!(said.contains(word), "{word} in {said}");
    }
    let read = json(&workshop, &["data", "info", "shards/training", "--verify", "--json"]);
    assert_eq!((&read[0]["tokens"], &read[0]["verified"]), (&1201.into(), &true.into()));
    let text = fs::read_to_string(workshop.path("training.txt")).unwrap();
    assert!(text.starts_with(read[0]["sample"].as_str().unwrap()), "{read}");

    let shard =
        workshop.names("shards/training").into_iter().find(|name| name.starts_with("shard-")).unwrap();
    let path = workshop.path("shards/training").join(shard);
    let mut bytes = fs::read(&path).unwrap();
    bytes.swap(100, 102);
    fs::write(&path, bytes).unwrap();
    assert_success(&workshop.run(&["data", "info", "shards/training"]));
    let changed = workshop.run(&["data", "info", "shards", "--verify", "--quiet"]);
    assert_eq!(changed.status.code(), Some(2));
    assert!(stderr(&changed).contains(": its SHA-256 is "), "{}", stderr(&changed));
    let none = workshop.run(&["data", "info", "."]);
    assert_eq!(none.status.code(), Some(2));
    assert!(stderr(&none).contains("`outgrow data prepare TEXTS"), "{}", stderr(&none));
}

#[test]
fn tasks_whose_documents_are_there_have_a_tick() {
    let workshop = Workshop::new();
    fs::create_dir_all(workshop.path("documents/sciq")).unwrap();
    let tasks = json(&workshop, &["eval", "--list", "--json"]);
    assert!(tasks["tasks"].as_array().unwrap().iter().all(|task| task["there"].is_null()));
    let sciq = tasks["tasks"].as_array().unwrap().iter().find(|task| task["name"] == "sciq").unwrap();
    workshop.write(&format!("documents/{}", sciq["files"][0].as_str().unwrap()), "");
    let output = workshop.run(&["eval", "--list", "--data", "documents"]);
    assert_success(&output);
    let said = stdout(&output);
    let ticked: Vec<&str> = said.lines().filter(|line| line.starts_with('✓')).collect();
    assert!(ticked.len() == 1 && ticked[0].starts_with("✓ sciq "), "{said}");
    assert!(ticked[0].ends_with("sciq_train.jsonl, not there)"), "{said}");
    assert!(said.trim_end().ends_with(" tasks have their documents in documents"), "{said}");
    let absent = workshop.run(&["eval", "--list", "--data", "nowhere"]);
    assert_eq!(stderr(&absent), "error: --data nowhere: no such folder\n");
}

#[test]
fn what_programs_read_is_json() {
    let workshop = Workshop::new();
    let devices = json(&workshop, &["devices", "--json"]);
    assert!(devices.as_array().unwrap().iter().any(|device| device["name"] == "cpu"), "{devices}");
    let plan = json(&workshop, &["experiment", "quickstart", "--scale", "pulse", "--plan", "--json"]);
    assert_eq!((&plan["runs"], &plan["seeds"], &plan["scale"]), (&6.into(), &2.into(), &"pulse".into()));
    let refused = workshop.run(&["experiment", "quickstart", "--json"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("report.json"), "{}", stderr(&refused));
}
