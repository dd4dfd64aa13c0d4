//! The runs of an experiment as a matrix: beginnings that several share are trained once, what is done is skipped, what
//! is another run is refused, and several machines share the work. Each run is what it would be alone.

#[cfg(unix)]
mod kills;

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use crate::{
    branching::{grown_after, lines},
    resuming::contents,
    tiny::{Workshop, assert_success, recipe, scratch, stderr, stdout},
};

/// Two growths of one base at two lengths, one of another base, and scratch.
const KINDS: [&str; 4] = ["long", "other", "scratch", "short"];

fn workshop() -> Workshop {
    let workshop = Workshop::with_shards();
    fs::create_dir(workshop.path("recipes")).unwrap();
    let named = |name: &str, recipe: String| {
        let recipe = recipe.replace("name = \"tiny\"", &format!("name = \"{name}\""));
        let recipe = recipe.replace("= \"training\"", "= \"../training\"");
        recipe.replace("= \"validation\"", "= \"../validation\"")
    };
    for (name, recipe) in [
        ("short", grown_after(64)),
        ("long", grown_after(128)),
        (
            "other",
            grown_after(64)
                .replace("base_learning_rate = { peak = 1e-2", "base_learning_rate = { peak = 2e-2"),
        ),
        ("scratch", recipe(&scratch(160, "1e-2"))),
    ] {
        workshop.write(&format!("recipes/{name}.toml"), named(name, recipe));
    }
    workshop
}

fn experiment(workshop: &Workshop, more: &[&str]) -> std::process::Output {
    workshop.run(&[&["experiment", "recipes", "--seeds", "2", "--out", "out"], more].concat())
}

fn cells() -> Vec<String> {
    let of_kind = |kind: &&str| [1, 2].map(|seed| format!("{kind}-seed-{seed}"));
    KINDS.iter().flat_map(of_kind).collect()
}

fn record(workshop: &Workshop, cell: &str) -> Value {
    serde_json::from_slice(&fs::read(workshop.path("out").join(cell).join("cell.json")).unwrap()).unwrap()
}

fn branch(workshop: &Workshop, cell: &str) -> Value {
    let file = fs::read(workshop.path("out").join(cell).join("run.json")).unwrap();
    serde_json::from_slice::<Value>(&file).unwrap()["branch"].clone()
}

/// Checks that each cell is what its recipe alone makes.
fn assert_cells_are_as_alone(workshop: &Workshop) {
    for cell in cells() {
        let recipe = format!("out/{cell}/recipe.toml");
        let alone = format!("alone/{cell}");
        assert_success(&workshop.run(&["train", &recipe, "--out", &alone]));
        assert_eq!(lines(workshop, &format!("out/{cell}")), lines(workshop, &alone), "{cell}");
        let last = |run: &str| {
            let run = workshop.path(run);
            contents(&run.join(fs::read_link(run.join("final")).unwrap()))
        };
        assert!(last(&format!("out/{cell}")) == last(&alone), "{cell}");
    }
}

#[test]
fn a_beginning_that_several_share_is_trained_once_and_each_is_as_if_it_were_alone() {
    let workshop = workshop();
    let output = experiment(&workshop, &["--jobs", "1", "--keep-trunks"]);
    assert_success(&output);
    let said = stderr(&output);
    let first = said.lines().find(|line| line.contains("at a time")).unwrap();
    insta::assert_snapshot!(first, @"recipes: 8 runs, 1 at a time; 2 beginnings trained once for several of them, which saves 6 % of the FLOPs");
    for seed in [1, 2] {
        let [short, long] = ["short", "long"].map(|kind| branch(&workshop, &format!("{kind}-seed-{seed}")));
        assert_eq!((&short["step"], &long["step"]), (&2.into(), &4.into()));
        assert_eq!(short["name"], long["name"]);
        for kind in ["other", "scratch"] {
            assert!(branch(&workshop, &format!("{kind}-seed-{seed}")).is_null());
        }
    }
    assert_eq!(workshop.names("out/trunks").len(), 2);
    assert!(cells().iter().all(|cell| record(&workshop, cell)["alone"] == true));
    assert_cells_are_as_alone(&workshop);

    // Once more, nothing is trained.
    let before = contents(&workshop.path("out"));
    let again = experiment(&workshop, &[]);
    assert_success(&again);
    assert!(stderr(&again).starts_with("recipes: 8 runs done already\n"), "{}", stderr(&again));
    assert!(!workshop.path("out/trunks").exists(), "nothing branches off them any more");
    let changed: Vec<String> = contents(&workshop.path("out"))
        .into_iter()
        .filter_map(|(name, bytes)| (before.get(&name) != Some(&bytes)).then_some(name))
        .collect();
    assert!(changed.iter().all(|name| name.starts_with("report")), "{changed:?}");
    assert_eq!(stdout(&output), stdout(&again));
}

#[test]
fn runs_of_another_recipe_or_another_program_are_refused_or_made_anew() {
    let workshop = workshop();
    assert_success(&experiment(&workshop, &[]));
    assert!(cells().iter().any(|cell| record(&workshop, cell)["alone"] == false));
    let refused = |more: &[&str]| {
        let before = contents(&workshop.path("out"));
        let output = experiment(&workshop, more);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(contents(&workshop.path("out")) == before);
        stderr(&output)
    };
    let path = workshop.path("recipes/long.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("grown_tokens = 96", "grown_tokens = 64")).unwrap();
    insta::assert_snapshot!(refused(&[]), @"error: recipes: out/long-seed-1: schedule.grown_tokens was 96, is 64; 1 more run is another, too; give another --out, or --again, which makes them anew and moves what there is to out/set-aside-1");
    let old = fs::read(workshop.path("out/long-seed-2/metrics.jsonl")).unwrap();
    assert_success(&experiment(&workshop, &["--again"]));
    assert!(fs::read(workshop.path("out/set-aside-1/long-seed-2/metrics.jsonl")).unwrap() == old);
    assert_eq!(workshop.names("out/set-aside-1"), ["long-seed-1", "long-seed-2"]);
    assert_cells_are_as_alone(&workshop);

    let file = "out/scratch-seed-2/cell.json";
    let mut of_another = record(&workshop, "scratch-seed-2");
    of_another["training_code"] = "0123456789abcdef".into();
    workshop.write(file, of_another.to_string());
    let said = refused(&[]);
    let (before, after) = said.split_once(", this is 0.1.0 (").unwrap();
    insta::assert_snapshot!(before, @"error: recipes: out/scratch-seed-2: it was trained by Outgrow 0.1.0 (01234567)");
    assert!(after.contains("; give another --out, or --again, which makes them anew"), "{said}");
    fs::remove_file(workshop.path(file)).unwrap();
    insta::assert_snapshot!(refused(&[]), @"error: recipes: out/scratch-seed-2: which code has trained it isn't known (it has no cell.json); give another --out, or --again, which makes them anew and moves what there is to out/set-aside-2");
}

#[test]
fn several_machines_make_parts_of_the_runs_and_any_of_them_the_report() {
    let workshop = workshop();
    let mut made = BTreeMap::new();
    for shard in ["2/3", "1/3", "3/3"] {
        let output = experiment(&workshop, &["--shard", shard]);
        assert_success(&output);
        let done: Vec<String> = cells()
            .into_iter()
            .filter(|cell| workshop.path("out").join(cell).join("final").exists())
            .collect();
        let new: Vec<String> = done.iter().filter(|cell| !made.contains_key(*cell)).cloned().collect();
        assert!(!new.is_empty(), "{shard}");
        made.extend(new.into_iter().map(|cell| (cell, shard)));
        let missing = cells().len() - done.len();
        let says = stderr(&output).contains(&format!("{missing} runs of other machines aren't done"));
        assert_eq!(says, missing > 0, "{shard}: {}", stderr(&output));
        assert_eq!(workshop.path("out/report.html").exists(), missing == 0);
    }
    for seed in [1, 2] {
        let [short, long] = ["short", "long"].map(|kind| made[&format!("{kind}-seed-{seed}")]);
        assert_eq!(short, long, "what shares a beginning stays together");
    }
    assert_cells_are_as_alone(&workshop);
    let output = experiment(&workshop, &["--shard", "4/3"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&output), @"error: invalid value '4/3' for '--shard <I/N>': `4/3`: expected the number of a part and how many there are, as 2/8");
}

#[test]
fn a_run_that_diverges_ends_there_and_takes_no_other_with_it() {
    let workshop = workshop();
    let path = workshop.path("recipes/other.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("peak = 2e-2", "peak = 1e30")).unwrap();
    let output = experiment(&workshop, &[]);
    let said = stderr(&output);
    assert!(said.contains("warning: other-seed-1: diverged at step "), "{said}");
    for cell in cells() {
        assert_eq!(record(&workshop, &cell)["done"], true, "{cell}: {said}");
        assert_eq!(
            record(&workshop, &cell)["diverged_at_step"].is_u64(),
            cell.starts_with("other"),
            "{cell}"
        );
    }
    let again = experiment(&workshop, &[]);
    assert!(stderr(&again).contains("8 runs done already"), "{}", stderr(&again));
}

#[test]
fn a_plan_says_how_much_an_experiment_is_and_writes_nothing() {
    let workshop = Workshop::new();
    let before = contents(&workshop.path("."));
    let plan = workshop.run(&["experiment", "operators", "--scale", "pulse", "--seeds", "3", "--plan"]);
    assert_success(&plan);
    let said = stdout(&plan);
    let (sizes, time) = said.trim_end().rsplit_once('\n').unwrap();
    insta::assert_snapshot!(sizes, @"
    operators at pulse: 51 runs on 3 seeds, and 12 runs that choose learning rates; 2.13e10 FLOPs
    what several runs begin with is trained once, which saves 12 % of the FLOPs of all
    ");
    assert!(time.starts_with("about ") && time.ends_with(" on this machine"), "{time}");
    assert!(contents(&workshop.path(".")) == before);
}
