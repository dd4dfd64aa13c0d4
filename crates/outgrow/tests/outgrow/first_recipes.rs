//! From a text to a first recipe: `data prepare --validation-fraction`, `init`, and what `train` says of what these
//! make. Lengths that follow from this machine's speed are bounded by the corpus here.

use std::fs;

use serde_json::Value;

use crate::tiny::{Workshop, assert_success, stderr, stdout};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/corpus");

/// The bundled corpus' validation part, split once more.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    let (texts, tokenizer) = (format!("{CORPUS}/validation.jsonl.zst"), format!("{CORPUS}/tokenizer.json"));
    let prepare = ["data", "prepare", &texts, "--tokenizer", &tokenizer, "--out", "shards"];
    let prepared = workshop.run(&[&prepare[..], &["--validation-fraction", "0.2"]].concat());
    assert_success(&prepared);
    let said = stdout(&prepared);
    assert!(said.starts_with("shards/training: ") && said.contains("\nshards/validation: "), "{said}");
    assert_eq!(stderr(&prepared), "next:\n  outgrow init shards\n");
    assert_eq!(workshop.names("shards"), ["training", "validation"]);
    workshop
}

/// So much time that the corpus decides.
const LONG: [&str; 6] = ["init", "shards", "--minutes", "100000", "--parameters", "600k"];

fn plan(workshop: &Workshop, recipe: &str) -> Value {
    let output = workshop.run(&["train", recipe, "--plan", "--no-measure", "--json"]);
    assert_success(&output);
    serde_json::from_str(&stdout(&output)).unwrap()
}

#[test]
fn both_recipes_are_planned_cost_the_same_and_read_the_corpus_as_often_as_was_allowed() {
    let workshop = workshop();
    for (out, epochs) in [("", "4"), ("deeper/recipes", "2")] {
        let flags = if out.is_empty() { vec![] } else { vec!["--out", out, "--epochs", epochs] };
        let output = workshop.run(&[&LONG[..], &flags].concat());
        assert_success(&output);
        let said = stderr(&output);
        assert!(said.contains(&format!("the corpus would be read more than {epochs} times")), "{said}");
        let name = |recipe: &str| if out.is_empty() { recipe.to_owned() } else { format!("{out}/{recipe}") };
        let (scratch, grown) = (name("scratch.toml"), name("g-stack.toml"));
        assert!(
            stdout(&output).contains(&format!("\n  outgrow train {grown} --plan\n")),
            "{}",
            stdout(&output)
        );
        let (scratch, grown) = (plan(&workshop, &scratch), plan(&workshop, &grown));
        let number = |plan: &Value, key: &str| plan[key].as_f64().unwrap();
        let ratio = number(&grown, "flops") / number(&scratch, "flops");
        assert!((ratio - 1.0).abs() < 0.01, "{ratio}");
        let read = number(&scratch, "epochs");
        let most: f64 = epochs.parse().unwrap();
        assert!(read <= 1.01 * most && read > 0.9 * most, "{read}");
        let parameters = scratch["stages"][0]["parameters"].as_f64().unwrap();
        assert!((parameters / 600e3 - 1.0).abs() < 0.25, "{parameters}");
        assert!(number(&scratch, "steps") >= 100.0);
    }
    // What is there stays.
    let before = fs::read(workshop.path("scratch.toml")).unwrap();
    let again = workshop.run(&LONG);
    assert_eq!(again.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&again), @"error: scratch.toml: is there already; give --out another folder; g-stack.toml: is there already; give --out another folder");
    assert_eq!(fs::read(workshop.path("scratch.toml")).unwrap(), before);
}

#[test]
fn a_first_recipe_trains_as_it_stands() {
    let workshop = workshop();
    // As few epochs as make some steps; seconds on any machine.
    assert_success(&workshop.run(&[&LONG[..], &["--epochs", "0.3"]].concat()));
    let output = workshop.run(&["train", "g-stack.toml", "--out", "run"]);
    assert_success(&output);
    assert!(workshop.path("run/final").exists());
}

#[test]
fn what_init_cannot_use_is_refused_with_what_helps() {
    let workshop = Workshop::with_shards();
    let refused = |arguments: &[&str]| {
        let before = workshop.names(".");
        let output = workshop.run(&[&["init"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert_eq!(workshop.names("."), before);
        stderr(&output).trim_end().to_owned()
    };
    insta::assert_snapshot!(refused(&["training"]), @"error: training: is one of two parts; `outgrow init .` takes both");
    fs::create_dir(workshop.path("whole")).unwrap();
    fs::write(workshop.path("whole/manifest.json"), "{}").unwrap();
    insta::assert_snapshot!(refused(&["whole"]), @"error: whole: holds token shards, and no part of them is held out; `outgrow data prepare TEXTS --tokenizer FILE --validation-fraction 0.01 --out whole` makes both");
    fs::create_dir(workshop.path("empty")).unwrap();
    insta::assert_snapshot!(refused(&["empty"]), @"error: empty: holds no training and no validation; `outgrow data prepare TEXTS --tokenizer FILE --validation-fraction 0.01 --out empty` makes both");
    insta::assert_snapshot!(refused(&["nowhere"]), @"error: nowhere: no such folder; `outgrow data prepare TEXTS --tokenizer FILE --validation-fraction 0.01 --out nowhere` makes both");
    insta::assert_snapshot!(refused(&[".", "--minutes", "0", "--epochs", "0"]), @"error: --minutes 0: a number above 0, such as 30; --epochs 0: a number above 0, such as 4");
    insta::assert_snapshot!(refused(&[".", "--parameters", "10k"]), @"error: --parameters 10000: with a vocabulary of 32 the nearest model has 406592; --parameters 406592 takes it, and a smaller vocabulary makes smaller ones");
    let few = refused(&[".", "--parameters", "600k", "--epochs", "0.1"]);
    insta::assert_snapshot!(few, @"error: the corpus has 1.2 k tokens: 8 steps, read 0.4 times, and a run needs 20; give more text or --epochs");
}

#[test]
fn the_keys_of_a_recipe_are_said_for_people_and_for_editors() {
    let workshop = Workshop::new();
    let reference = workshop.run(&["recipe", "reference"]);
    assert_success(&reference);
    assert!(stdout(&reference).starts_with("# Recipes: every key\n"));
    let schema = workshop.run(&["recipe", "schema"]);
    let schema: Value = serde_json::from_str(&stdout(&schema)).unwrap();
    assert_eq!(schema["properties"]["seed"]["type"], "integer");
}
