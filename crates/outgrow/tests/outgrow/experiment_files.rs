//! Definitions of experiments through the program: those that come with it at the smallest scale, and files of one's
//! own, sound and unsound.

use serde_json::{Value, json};

use crate::tiny::{self, Workshop, assert_success, stderr, stdout};

/// Shards in `data/`, long enough for every experiment at pulse.
pub(crate) fn with_data() -> Workshop {
    let workshop = Workshop::new();
    for (name, words) in [("training", 20_000), ("validation", 400)] {
        let text = format!("{name}.txt");
        workshop.write(&text, tiny::text(words, words));
        let out = format!("data/{name}");
        let prepare = ["data", "prepare", &text, "--tokenizer", "tokenizer.json", "--out", &out];
        assert_success(&workshop.run(&prepare));
    }
    workshop
}

fn description(workshop: &Workshop, out: &str) -> Value {
    let text = std::fs::read(workshop.path(out).join("experiment.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// The pulse of an experiment: all of its runs and its report, in seconds.
#[track_caller]
fn beats(name: &str) {
    let workshop = with_data();
    let arguments =
        ["experiment", name, "--scale", "pulse", "--seeds", "2", "--data", "data", "--out", "out"];
    assert_success(&workshop.run(&arguments));
    let description = description(&workshop, "out");
    let runs = description["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2 * description["kinds"].as_array().unwrap().len());
    for run in runs {
        let folder = workshop.path("out").join(run["folder"].as_str().unwrap());
        assert!(folder.join("final").exists(), "{}", folder.display());
    }
    for sweep in description["sweeps"].as_array().unwrap() {
        assert!(sweep["chosen"].is_f64(), "{sweep}");
    }
    assert!(workshop.path("out/report.html").is_file() && workshop.path("out/report.json").is_file());
}

macro_rules! pulses {
    ($($test:ident: $name:literal,)*) => {
        $(#[test] fn $test() { beats($name); })*

        #[test]
        fn every_experiment_of_the_list_has_a_pulse() {
            let output = Workshop::new().run(&["experiment", "list", "--scale", "pulse"]);
            let tested = [$($name,)* "benchmarks"];
            let said = stdout(&output);
            let listed: Vec<_> = said.lines().skip(1).take_while(|line| !line.is_empty()).collect();
            assert_eq!(listed.len(), tested.len(), "{said}");
            for line in listed {
                let mut words = line.split_whitespace();
                assert!(tested.contains(&words.next().unwrap()), "{line}");
                assert!(words.next().unwrap().parse::<u64>().unwrap() >= 4, "{line}: runs");
            }
        }
    };
}

pulses! {
    quickstart_beats: "quickstart",
    operators_beats: "operators",
    originals_beats: "originals",
    scaling_beats: "scaling",
    law_beats: "law",
    timing_beats: "timing",
    factor_beats: "factor",
    gradual_beats: "gradual",
    patterns_beats: "patterns",
    preservation_beats: "preservation",
    after_growth_beats: "after_growth",
    late_beats: "late",
}

/// Two documents of each of the eight benchmarks, of the tokenizer's words.
fn write_documents(workshop: &Workshop) {
    let choices = json!({ "text": ["w1 w2", "w3", "w4", "w5 w6"], "label": ["A", "B", "C", "D"] });
    let science = json!({ "id": "1", "question": "w1 w2 w3", "choices": choices, "answerKey": "B" });
    let documents = [
        ("lambada_openai/lambada_openai_test", json!({ "text": tiny::text(3, 9) })),
        ("arc_easy/arc_easy_test", science.clone()),
        ("arc_challenge/arc_challenge_test", science),
        (
            "logiqa/logiqa_test",
            json!({ "label": "a", "context": "w1 w2", "question": "w3", "options": ["w4", "w5", "w6", "w7 w8"] }),
        ),
        ("piqa/piqa_validation", json!({ "goal": "w1 w2", "sol1": "w3 w4", "sol2": "w5", "label": 1 })),
        (
            "sciq/sciq_test",
            json!({ "question": "w1", "distractor1": "w2", "distractor2": "w3", "distractor3": "w4",
                "correct_answer": "w5", "support": "w6 w7" }),
        ),
        (
            "winogrande/winogrande_xl_validation",
            json!({ "sentence": "w1 w2 _ w3", "option1": "w4", "option2": "w5", "answer": "2" }),
        ),
        ("wikitext/wikitext2_raw_test_pages", json!({ "page": tiny::text(5, 40) })),
    ];
    for (file, document) in documents {
        let folder = file.split('/').next().unwrap();
        std::fs::create_dir_all(workshop.path("documents").join(folder)).unwrap();
        workshop.write(&format!("documents/{file}.jsonl"), format!("{document}\n{document}\n"));
    }
}

#[test]
fn benchmarks_beats_with_their_documents_and_is_refused_without() {
    let workshop = with_data();
    let arguments = "experiment benchmarks --scale pulse --seeds 2 --data data --out out";
    let mut arguments: Vec<&str> = arguments.split(' ').collect();
    let output = workshop.run(&arguments);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("give --eval-data DIR"), "{}", stderr(&output));
    assert!(workshop.names("out").is_empty(), "nothing is left behind");

    write_documents(&workshop);
    arguments.extend(["--eval-data", "documents"]);
    assert_success(&workshop.run(&arguments));
    let metrics = std::fs::read_to_string(workshop.path("out/g-stack-seed-2/metrics.jsonl")).unwrap();
    let scored: Vec<&str> = metrics.lines().filter(|line| line.contains("\"evaluation\"")).collect();
    assert_eq!(scored.len(), 1, "at the end, and only there");
    for task in
        ["lambada_openai", "arc_easy", "arc_challenge", "logiqa", "piqa", "sciq", "winogrande", "wikitext"]
    {
        assert!(scored[0].contains(task), "{task}");
    }
    let sweep = std::fs::read_dir(workshop.path("out/sweeps")).unwrap().next().unwrap().unwrap().path();
    let metrics = std::fs::read_to_string(sweep.join("metrics.jsonl")).unwrap();
    assert!(!metrics.contains("\"evaluation\""), "rates are chosen by the loss");
}

const OF_ONES_OWN: &str = r#"
name = "depth"
title = "Depth"
description = "two depths of base"
recipe.training.optimizer.weight_decay = 0.0

[values]
curve = { peak = "1 rate", minimum = "0.1 rate", warmup_tokens = "5 % tokens" }

[[cells]]
name = "scratch"
label = "scratch"
schedule = { method = "scratch", tokens = "1 tokens", learning_rate = "{curve}" }

[[cells]]
name = "stack-{factor.name}"
label = "g = {factor.label}"
baseline = "scratch"
each.factor = [{ name = "2", number = 2 }, { name = "4", number = 4 }]
schedule.method = "g-stack"
schedule.factor = "{factor.number}"
schedule.base_tokens = "20 % tokens"
schedule.base_learning_rate = "{curve}"
schedule.scratch_tokens = "1 tokens"
schedule.grown_learning_rate = "{curve}"

[[claims]]
says = "stacking helps"
paper = "ours"
rule.lower = { of = "stack-4", against = "scratch" }

[[figures]]
title = "Curves"
draws.curves.kinds = ["*"]
"#;

/// What is said of a file of one's own that was changed in one place.
#[track_caller]
fn refused(from: &str, to: &str) -> String {
    let workshop = with_data();
    assert!(OF_ONES_OWN.contains(from));
    workshop.write("own.toml", OF_ONES_OWN.replacen(from, to, 1));
    let output =
        workshop.run(&["experiment", "own.toml", "--scale", "pulse", "--data", "data", "--out", "out"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(workshop.names("out").is_empty(), "nothing is left behind");
    let said = stderr(&output);
    assert_eq!(said.lines().count(), 1, "{said}");
    said.trim_end().trim_start_matches("error: ").to_owned()
}

#[test]
fn a_file_of_ones_own_is_an_experiment() {
    let workshop = with_data();
    workshop.write("own.toml", OF_ONES_OWN);
    assert_success(&workshop.run(&[
        "experiment",
        "own.toml",
        "--scale",
        "pulse",
        "--data",
        "data",
        "--out",
        "out",
    ]));
    let kinds = &description(&workshop, "out")["kinds"];
    let names: Vec<_> = kinds.as_array().unwrap().iter().map(|kind| kind["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["scratch", "stack-2", "stack-4"]);
    assert_eq!(kinds[2]["axes"]["factor"]["number"], 4.0);
    assert_eq!(kinds[2]["label"], "g = 4", "a place without a label has its name as one");
    let recipe = std::fs::read_to_string(workshop.path("out/stack-4-seed-1/recipe.toml")).unwrap();
    assert!(recipe.contains("weight_decay = 0.0") && recipe.contains("base_tokens = 256"), "{recipe}");
}

#[test]
fn what_is_wrong_with_a_file_is_said_in_one_line() {
    assert_eq!(
        refused("{curve}", "{curves}"),
        "depth: run scratch-seed-1: schedule: learning_rate: nothing belongs to {curves}: there are curve, ladder, seed"
    );
    assert_eq!(
        refused("baseline = \"scratch\"", "baseline = \"scratchy\""),
        "depth: cell stack-2: its baseline `scratchy` is no cell; cell stack-4: its baseline `scratchy` is no cell"
    );
    assert_eq!(
        refused("of = \"stack-4\"", "of = \"stack-8\""),
        "depth: claim \"stacking helps\": `stack-8` is no cell"
    );
    assert_eq!(refused("kinds = [\"*\"]", "kinds = [\"g-*\"]"), "depth: figure \"Curves\": `g-*` is no cell");
    assert_eq!(
        refused("name = \"4\"", "name = \"2\""),
        "depth: cell stack-{factor.name}: each.factor: two places are called `2`"
    );
    assert_eq!(
        refused("name = \"stack-{factor.name}\"", "name = \"stack\""),
        "depth: cell stack: there are two of this name: `stack` is without {factor.name}"
    );
    assert_eq!(
        refused("baseline = \"scratch\"", "baseline = \"stack-2\""),
        "depth: cell stack-2: its baseline is the cell itself; leave it out, or name another"
    );
    assert_eq!(
        refused("[{ name = \"2\", number = 2 }, { name = \"4\", number = 4 }]", "[]"),
        "depth: cell stack-{factor.name}: each.factor: no places: give one at least, as [{ name = \"short\" }]"
    );
    assert_eq!(
        refused("20 % tokens", "20 % parsecs"),
        "depth: run stack-2-seed-1: schedule: base_tokens: 20 % parsecs: no unit `parsecs`: there are tokens, layers, hidden, intermediate, heads, kv_heads, validation_sequences, rate"
    );
    assert_eq!(
        refused("20 % tokens", "20%tokens"),
        "depth: run stack-2-seed-1: schedule: base_tokens: 20%tokens: a part is a number from 0 on, a blank and a unit, as \"40 % tokens\" or \"1/2 tokens\""
    );
    assert_eq!(
        refused("title", "headline"),
        "own.toml, line 3: unknown field `headline`, expected one of `name`, `title`, `source`, `description`, `notes`, `scale`, `seeds`, `needs_benchmarks`, `values`, `recipe`, `sweeps`, `cells`, `claims`, `figures`"
    );
    assert_eq!(
        refused("rule.lower", "rule.lowr"),
        "depth: claim \"stacking helps\": unknown variant `lowr`, expected one of `speed-up`, `lower`, `equal`, `optimum`, `law`"
    );
    let rule = "rule.lower = { of = \"stack-4\", against = \"scratch\" }";
    for (instead, problem) in [
        (
            "rule.equal = { of = \"stack-4\", against = \"scratch\", margin = -1.0 }",
            "margin = -1: a number above 0 and at most 1000 is needed",
        ),
        (
            "rule.speed-up = { of = \"stack-4\", against = \"scratch\", paper = nan }",
            "paper = NaN: a number above -1 and at most 1000 is needed",
        ),
        ("rule.lower = { of = \"scratch\", against = \"scratch\" }", "`scratch` is held against itself"),
        (
            "rule.law = { of = [\"stack-4\"], against = [\"scratch\"], paper = 0.5 }",
            "1 kinds against 1: a law needs 3 of each, or more",
        ),
    ] {
        assert_eq!(refused(rule, instead), format!("depth: claim \"stacking helps\": {problem}"));
    }
    let seeds = refused("recipe.training", "seeds = 0\nrecipe.training");
    assert_eq!(seeds, "depth: seeds = 0: 1 to 10000 are possible");
    let stacked_thrice = refused("number = 4", "number = 3");
    assert!(stacked_thrice.starts_with("stack-4-seed-1: schedule: "), "{stacked_thrice}");
}

#[test]
fn data_that_is_shorter_than_a_run_is_refused_with_the_run_and_both_lengths() {
    let workshop = Workshop::with_shards();
    std::fs::create_dir(workshop.path("data")).unwrap();
    for split in ["training", "validation"] {
        std::fs::rename(workshop.path(split), workshop.path("data").join(split)).unwrap();
    }
    let output =
        workshop.run(&["experiment", "quickstart", "--scale", "pulse", "--data", "data", "--out", "out"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("scratch-seed-1: trains on 1280 tokens, and ") && said.contains(" has 1201: "),
        "{said}"
    );
}

#[test]
fn a_result_that_was_changed_is_refused_and_made_anew_where_that_is_asked_for() {
    let workshop = with_data();
    workshop.write("own.toml", OF_ONES_OWN);
    let arguments = "experiment own.toml --scale pulse --seeds 1 --data data --out out";
    let mut arguments: Vec<&str> = arguments.split(' ').collect();
    assert_success(&workshop.run(&arguments));
    let metrics = workshop.path("out/stack-4-seed-1/metrics.jsonl");
    let whole = std::fs::read_to_string(&metrics).unwrap();
    let cut: Vec<&str> = whole.lines().take(whole.lines().count() - 5).collect();
    std::fs::write(&metrics, cut.join("\n") + "\n").unwrap();
    let output = workshop.run(&arguments);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("stack-4-seed-1: its metrics.jsonl isn't what it was when the run was done"),
        "{said}"
    );

    workshop.write("own.toml", OF_ONES_OWN.replace("stacking helps", "stacking is all one needs"));
    arguments.push("--again");
    for _ in 0..2 {
        assert_success(&workshop.run(&arguments));
        let notes = &description(&workshop, "out")["notes"];
        assert_eq!(*notes, json!(["The claims, or their rules, were changed after the first runs."]));
    }
    let losses = |text: &str| -> Vec<Value> {
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter_map(|line| line.get("validation_loss").cloned()).collect()
    };
    assert_eq!(losses(&std::fs::read_to_string(&metrics).unwrap()), losses(&whole));
    assert!(workshop.path("out/set-aside-1/stack-4-seed-1").is_dir());
}

#[test]
fn other_seeds_than_the_folder_has_are_a_report_of_their_own_and_another_experiment_is_refused() {
    let workshop = with_data();
    workshop.write("own.toml", OF_ONES_OWN);
    let run = |file: &str, seeds: &str| {
        let arguments =
            ["experiment", file, "--scale", "pulse", "--data", "data", "--out", "out", "--seeds", seeds];
        workshop.run(&arguments)
    };
    assert_success(&run("own.toml", "2"));
    let fewer = run("own.toml", "1");
    assert_success(&fewer);
    let note = "note: out: the runs of seed 2 stay, and the report is of seed 1 alone: --seeds and --first-seed choose them\n";
    assert!(stderr(&fewer).starts_with(note), "{}", stderr(&fewer));
    assert!(workshop.path("out/stack-4-seed-2/final").exists());
    let more = run("own.toml", "3");
    assert_success(&more);
    assert!(!stderr(&more).contains("note:"), "{}", stderr(&more));

    workshop.write("other.toml", OF_ONES_OWN.replace("name = \"depth\"", "name = \"width\""));
    let other = run("other.toml", "1");
    assert_eq!(other.status.code(), Some(2));
    assert_eq!(
        stderr(&other),
        "error: out: holds the experiment `depth`; give `width` an --out of its own\n"
    );
}

#[test]
fn a_file_that_is_refused_at_a_scale_with_a_corpus_leaves_nothing_behind() {
    let workshop = Workshop::new();
    workshop.write("own.toml", OF_ONES_OWN.replace("number = 4", "number = 3"));
    let output = workshop.run(&["experiment", "own.toml", "--scale", "pulse", "--out", "out"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: stack-4-seed-1: schedule: "), "{}", stderr(&output));
    assert!(!workshop.path("out").exists());
}

#[test]
fn unknown_names_are_refused_with_those_that_exist() {
    let workshop = Workshop::new();
    let refused = |arguments: &[&str]| {
        let output = workshop.run(arguments);
        assert_eq!(output.status.code(), Some(2));
        stderr(&output)
    };
    let said = refused(&["experiment", "operator"]);
    assert!(said.contains("nearest are operators, "), "{said}");
    let said = refused(&["experiment", "operators", "--scale", "nan"]);
    assert!(said.contains("no scale `nan`: there are pulse, nano, micro, "), "{said}");
    let said = refused(&["experiment", "operators", "--scale", "mini"]);
    assert!(
        said.contains("scale mini needs more text than comes with the program: give --data DIR"),
        "{said}"
    );
}
