//! `--branch-from`: a run that begins where another one stands is the run that trained all of that itself, bit for bit,
//! in its weights, moments, card and metrics.

mod kills;
mod refusals;

use std::{fs, process::Output};

use serde_json::{Value, json};

use crate::{
    resuming::{contents, notes},
    tiny::{self, G_STACK, Workshop, assert_success, recipe, scratch, stderr, stdout},
};

/// Of the stages of a base, at a rate that is written otherwise in each recipe.
const RATE: &str = "{ peak = 1e-2, minimum = 1e-3, warmup_tokens = 32, horizon_tokens = 128 }";

/// A recipe with a checkpoint at each step, all of which stay.
pub(crate) fn with_checkpoints(recipe: &str) -> String {
    recipe.replace("[training]\n", "[training]\ncheckpoint_interval_tokens = 32\ncheckpoints_kept = 50\n")
}

/// The model of a base, as the final one of a recipe of its own.
fn of_two_layers(recipe: &str) -> String {
    recipe.replace("num_hidden_layers = 4", "num_hidden_layers = 2")
}

/// The base of [`G_STACK`], and trained for longer under the same rate.
fn longer_base() -> String {
    with_checkpoints(&of_two_layers(&recipe(&format!(
        "method = \"scratch\"\ntokens = 224\nlearning_rate = {RATE}\n"
    ))))
}

/// [`G_STACK`] with another length of its base, under the rate of the longer one.
pub(crate) fn grown_after(base_tokens: u64) -> String {
    let rate = ("warmup_tokens = 32 }", "warmup_tokens = 32, horizon_tokens = 128 }");
    let schedule = G_STACK.replacen(rate.0, rate.1, 1);
    recipe(&schedule.replace("base_tokens = 128", &format!("base_tokens = {base_tokens}")))
}

fn stages(stages: &[&str]) -> String {
    let stages: Vec<String> = stages.iter().map(|stage| format!("[[schedule.stages]]\n{stage}\n")).collect();
    format!("method = \"stages\"\n{}", stages.concat())
}

fn train(workshop: &Workshop, recipe: &str, run: &str, more: &[&str]) -> Output {
    workshop.write(&format!("{run}.toml"), recipe);
    let file = format!("{run}.toml");
    workshop.run(&[&["train", &file, "--out", run], more].concat())
}

/// The lines of a run without what differs from one time to the next.
pub(crate) fn lines(workshop: &Workshop, run: &str) -> Vec<String> {
    let text = fs::read_to_string(workshop.path(run).join("metrics.jsonl")).unwrap();
    let timeless = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        for key in ["seconds", "tokens_per_second"] {
            line.as_object_mut().unwrap().shift_remove(key);
        }
        line.to_string()
    };
    text.lines().map(timeless).collect()
}

fn run_file(workshop: &Workshop, run: &str) -> Value {
    serde_json::from_slice(&fs::read(workshop.path(run).join("run.json")).unwrap()).unwrap()
}

/// Checks that two runs are the same in all that isn't a time, and that both are whole.
pub(crate) fn assert_same(workshop: &Workshop, run: &str, whole: &str) {
    let (found, expected) = (lines(workshop, run), lines(workshop, whole));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected, "{run}");
    }
    assert_eq!(found.len(), expected.len(), "{run}: lines");
    let last = |run: &str| {
        let run = workshop.path(run);
        let link = fs::read_link(run.join("final")).unwrap();
        (link.clone(), contents(&run.join(link)))
    };
    let ((name, files), (whole_name, whole_files)) = (last(run), last(whole));
    assert_eq!(name, whole_name);
    for (name, bytes) in &whole_files {
        assert!(files.get(name) == Some(bytes), "{run}: {name} differs");
    }
    let told = |run: &str| {
        let mut file = run_file(workshop, run);
        // When it was, and where it came from.
        for key in ["stage_times", "branch"] {
            file.as_object_mut().unwrap().shift_remove(key);
        }
        file
    };
    assert_eq!(told(run), told(whole));
}

/// Trains a run by itself, and again as a branch of another one at each of some steps.
fn check(workshop: &Workshop, recipe: &str, trunk: &str, steps: &[u64]) {
    assert_success(&train(workshop, recipe, "whole", &[]));
    assert_success(&train(workshop, trunk, "trunk", &[]));
    for step in steps {
        let (run, from) = (format!("at-{step}"), format!("trunk/step-{step}"));
        let output = train(workshop, recipe, &run, &["--branch-from", &from]);
        assert_success(&output);
        assert!(stderr(&output).contains("branching off from trunk/step-0000"), "{}", stderr(&output));
        // Its recipe has the same name.
        assert_same(workshop, &run, "whole");
        assert_eq!(run_file(workshop, &run)["branch"], json!({ "name": "tiny", "step": step }));
    }
}

#[test]
fn a_growth_branches_off_a_base_that_was_trained_for_longer() {
    // Within the base, and at its end, where the longer one has no validation of its own after three steps.
    for (tokens, steps) in [(128, &[1, 2, 3, 4][..]), (97, &[4]), (96, &[2, 3])] {
        check(&Workshop::with_shards(), &grown_after(tokens), &longer_base(), steps);
    }
}

#[test]
fn a_run_branches_off_one_with_the_same_stages_within_each_of_them() {
    let workshop = Workshop::with_shards();
    let stacking = |stage_tokens: u64, joint: u64, rate: &str| {
        recipe(&format!(
            "method = \"stacking2\"\nlayer_counts = [1, 2, 4]\nstage_tokens = {stage_tokens}\n\
             stage_learning_rate = {RATE}\njoint_tokens = {joint}\njoint_learning_rate = {rate}\n\
             at_growth = {{ moments = \"keep-old\" }}\n"
        ))
    };
    let trunk = with_checkpoints(&stacking(64, 128, RATE));
    let decayed = RATE.replace("minimum = 1e-3", "minimum = 0.0");
    check(&workshop, &stacking(64, 64, &decayed), &trunk, &[1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn decays_branch_off_the_stable_part_of_a_warm_up_stable_decay_schedule() {
    let workshop = Workshop::with_shards();
    let wsd = |tokens: u64, decay: u64| {
        recipe(&format!(
            "method = \"scratch\"\ntokens = {tokens}\nlearning_rate = {{ peak = 1e-2, minimum = 0.0, \
             warmup_tokens = 32, shape = {{ wsd = {{ decay_tokens = {decay} }} }} }}\n"
        ))
    };
    check(&workshop, &wsd(256, 96), &with_checkpoints(&wsd(320, 32)), &[1, 3, 5]);
    // The end of a run that is done is one of its checkpoints; there the rate of this one was another.
    let output = train(&workshop, &wsd(416, 32), "late", &["--branch-from", "trunk"]);
    assert_eq!(output.status.code(), Some(2));
    let rates = "schedule: learning rate after 320 tokens = 0.0, here 0.01";
    assert!(stderr(&output).contains(rates), "{}", stderr(&output));
    // A run from scratch whose one stage is over is done there.
    let ended = "method = \"scratch\"\ntokens = 150\nlearning_rate = { peak = 1e-2, minimum = 0.0, warmup_tokens = 32, horizon_tokens = 320, shape = \"constant\" }\n";
    assert_success(&train(&workshop, &recipe(ended), "short", &[]));
    let output = train(&workshop, &recipe(ended), "short-branch", &["--branch-from", "trunk/step-5"]);
    assert_eq!(stdout(&output), "short-branch/step-00000005\n");
    assert_same(&workshop, "short-branch", "short");
}

#[test]
fn a_run_branches_off_within_a_masks_ramp_and_with_a_rate_of_new_parameters() {
    let workshop = Workshop::with_shards();
    let masked = |last: u64| {
        recipe(&stages(&[
            &format!("name = \"base\"\nnum_hidden_layers = 2\ntokens = 64\nlearning_rate = {RATE}"),
            &format!(
                "name = \"grown\"\nenter = {{ operator = \"random-depth\", factor = 2, seed = 1 }}\ntokens = {last}\n\
                 at_growth = {{ mask = {{ tokens = 96 }}, moments = \"copy\", new_parameters = {{ ratio = 1.3, rewarm_tokens = 64 }} }}\n\
                 learning_rate = {RATE}"
            ),
        ]))
    };
    check(&workshop, &masked(160), &with_checkpoints(&masked(320)), &[2, 3, 4, 5, 6]);
}

#[test]
fn a_run_with_muon_whose_data_is_replayed_branches_off() {
    let workshop = Workshop::with_shards();
    let replayed = |last: u64, name: &str| {
        let recipe = recipe(&stages(&[
            &format!("name = \"{name}\"\nnum_hidden_layers = 2\ntokens = 64\nlearning_rate = {RATE}"),
            &format!(
                "name = \"grown\"\nenter = {{ operator = \"interleave\", factor = 2 }}\ntokens = {last}\n\
                 at_growth = {{ data = \"replay\", moments = \"scaled\" }}\nlearning_rate = {RATE}"
            ),
        ]));
        recipe.replace("\n[schedule]", "\n[training.optimizer.muon]\n\n[schedule]")
    };
    // What the stages are called is nobody's business but the metrics'.
    check(&workshop, &replayed(96, "base"), &with_checkpoints(&replayed(128, "grown-later")), &[1, 2, 3, 4]);
}

#[test]
fn a_run_branches_off_where_a_stage_ends_by_its_slope() {
    let workshop = Workshop::with_shards();
    let slope = |last: u64| {
        let schedule = stages(&[
            &format!(
                "name = \"base\"\nnum_hidden_layers = 2\ntokens = 640\nends_at = {{ slope = -1e-9, validations = 2 }}\n\
                 learning_rate = {RATE}"
            ),
            &format!(
                "name = \"grown\"\nenter = {{ operator = \"stack\", factor = 2 }}\ntokens = {last}\nlearning_rate = {RATE}"
            ),
        ]);
        recipe(&schedule).replace("validation_interval_tokens = 64", "validation_interval_tokens = 32")
    };
    assert_success(&train(&workshop, &slope(64), "probe", &[]));
    let ends = lines(&workshop, "probe").into_iter().find(|line| line.contains("stage_end")).unwrap();
    let ends: Value = serde_json::from_str(&ends).unwrap();
    assert_eq!(ends["stage_end"]["reason"], "slope", "{ends}");
    let end = ends["step"].as_u64().unwrap();
    check(&workshop, &slope(64), &with_checkpoints(&slope(128)), &[end - 1, end, end + 1]);
}

#[test]
fn a_branch_has_the_matrices_that_were_learned_before_it() {
    let workshop = Workshop::with_shards();
    let learned = |last: u64| {
        recipe(&stages(&[
            &format!("name = \"base\"\nnum_hidden_layers = 2\ntokens = 64\nlearning_rate = {RATE}"),
            &format!(
                "name = \"grown\"\nenter = {{ operator = \"learned\", num_hidden_layers = 4, seed = 1 }}\ntokens = {last}\n\
                 at_growth = {{ learning = {{ tokens = 64 }} }}\nlearning_rate = {RATE}"
            ),
        ]))
    };
    check(&workshop, &learned(96), &with_checkpoints(&learned(128)), &[2, 5, 6]);
    let matrices = |run: &str| fs::read(workshop.path(run).join("matrices-of-stage-2.safetensors")).unwrap();
    for run in ["at-2", "at-5", "at-6"] {
        assert!(matrices(run) == matrices("whole"), "{run}");
    }
}

#[test]
fn a_branch_has_the_curves_of_its_benchmarks_from_the_beginning() {
    let workshop = Workshop::with_shards();
    fs::create_dir_all(workshop.path("documents/lambada_openai")).unwrap();
    let documents = (3..6).map(|salt| json!({ "text": tiny::text(salt, 9) }).to_string() + "\n");
    workshop.write("documents/lambada_openai/lambada_openai_test.jsonl", documents.collect::<String>());
    let with_benchmarks = |recipe: &str| {
        format!(
            "{recipe}\n[evaluation]\ntasks = [\"lambada_openai\"]\ndata = \"documents\"\ninterval_tokens = 64\n"
        )
    };
    let grown = with_benchmarks(&grown_after(128));
    check(&workshop, &grown, &with_benchmarks(&longer_base()), &[1, 2, 3, 4]);
    // One that ends there has been asked for being at its end.
    for (base, run) in [("tokens = 128", "exact"), ("tokens = 96", "shorter")] {
        assert_success(&train(
            &workshop,
            &with_benchmarks(&longer_base().replace("tokens = 224", base)),
            run,
            &[],
        ));
        let branch = format!("{run}-branch");
        assert_success(&train(&workshop, &grown, &branch, &["--branch-from", run]));
        assert_same(&workshop, &branch, "whole");
    }
    // What isn't asked here is left out.
    let without = grown.split("[evaluation]").next().unwrap();
    assert_success(&train(&workshop, without, "without", &["--branch-from", "exact"]));
    assert!(!lines(&workshop, "without").iter().any(|line| line.contains("lambada")));
    assert_eq!(run_file(&workshop, "without")["evaluation"], json!({}));
}

#[test]
fn a_branch_goes_on_from_its_own_checkpoints_when_the_other_run_is_gone() {
    let workshop = Workshop::with_shards();
    let grown = with_checkpoints(&grown_after(128));
    assert_success(&train(&workshop, &grown, "whole", &[]));
    assert_success(&train(&workshop, &longer_base(), "trunk", &[]));
    let branch = ["--branch-from", "trunk/step-00000003"];
    let plan = train(&workshop, &grown, "run", &[&branch[..], &["--plan", "--no-measure"]].concat());
    assert_success(&plan);
    let start = stdout(&plan).lines().find(|line| line.starts_with("start")).unwrap().to_owned();
    insta::assert_snapshot!(start, @"start        branches off from tiny at step-00000003, with step 4");
    assert!(!workshop.path("run").exists());
    assert_success(&train(&workshop, &grown, "run", &branch));
    assert_eq!(workshop.names("run").iter().filter(|name| name.starts_with("step-")).count(), 4);
    fs::remove_dir_all(workshop.path("trunk")).unwrap();
    // As after a kill before the last checkpoint.
    fs::remove_dir_all(workshop.path("run/step-00000007")).unwrap();
    let file = workshop.path("run/run.json");
    let text = fs::read_to_string(&file).unwrap().replace("\"finished\": true", "\"finished\": false");
    fs::write(file, text).unwrap();
    assert_eq!(notes(&train(&workshop, &grown, "run", &branch)), [""; 0]);
    assert_same(&workshop, "run", "whole");
    assert_eq!(stderr(&train(&workshop, &grown, "run", &branch)), "run: this run is done\n");
    assert_eq!(run_file(&workshop, "run")["branch"]["step"], 3);
}

#[test]
fn a_run_that_began_by_itself_says_that_it_branches_off_nothing() {
    let workshop = Workshop::with_shards();
    let short = with_checkpoints(&recipe(&scratch(96, "1e-2")));
    assert_success(&train(&workshop, &short, "other", &[]));
    assert_success(&train(&workshop, &short, "run", &[]));
    fs::remove_dir_all(workshop.path("run/step-00000003")).unwrap();
    let file = workshop.path("run/run.json");
    let text = fs::read_to_string(&file).unwrap().replace("\"finished\": true", "\"finished\": false");
    fs::write(file, text).unwrap();
    let said = notes(&train(&workshop, &short, "run", &["--branch-from", "other/step-1"]));
    assert_eq!(said, ["run: has a checkpoint of its own and goes on from that, not from other/step-1"]);
    assert_same(&workshop, "run", "other");
}
