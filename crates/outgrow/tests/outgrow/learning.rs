//! `outgrow grow --operator learned --data`: matrices are learned before a folder grows by them, on real text.

use outgrow_checkpoint::{Checkpoint, TrainingCost};

use crate::tiny::{Workshop, assert_success, recipe, scratch, stderr, stdout};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/corpus");

/// A folder with a base of two layers, trained on a little English prose, and its shards.
fn with_base(seed: u64) -> Workshop {
    let workshop = Workshop::new();
    for name in ["train", "validation"] {
        let (texts, tokenizer) = (format!("{CORPUS}/{name}.jsonl.zst"), format!("{CORPUS}/tokenizer.json"));
        assert_success(&workshop.run(&["data", "prepare", &texts, "--tokenizer", &tokenizer, "--out", name]));
    }
    let base = recipe(&scratch(40_960, "1e-2"))
        .replace("seed = 1", &format!("seed = {seed}"))
        .replace("num_hidden_layers = 4", "num_hidden_layers = 2")
        .replace("hidden_size = 16\nintermediate_size = 24", "hidden_size = 32\nintermediate_size = 88")
        .replace("\"training\"", "\"train\"")
        .replace("sequence_length = 16", "sequence_length = 64")
        .replace("batch_sequences = 2", "batch_sequences = 8")
        .replace("validation_interval_tokens = 64", "validation_interval_tokens = 40960");
    workshop.write("base.toml", base);
    assert_success(&workshop.run(&["train", "base.toml", "--out", "base"]));
    workshop
}

const LEARN: [&str; 16] = [
    "grow",
    "base",
    "grown",
    "--operator",
    "learned",
    "--num-hidden-layers",
    "8",
    "--data",
    "train",
    "--validation",
    "validation",
    "--batch-sequences",
    "4",
    "--validation-sequences",
    "32",
    "--seed",
];

/// `the loss on held-out text is A, with the initial matrices B`
fn losses(line: &str) -> (f64, f64) {
    let rest = line.split("held-out text is ").nth(1).unwrap_or_else(|| panic!("{line}"));
    let (learned, initial) = rest.trim_end().split_once(", with the initial matrices ").unwrap();
    (learned.parse().unwrap(), initial.trim_end_matches('.').parse().unwrap())
}

#[test]
fn a_hundred_steps_on_real_text_lower_the_loss_of_a_growth_from_two_layers_to_eight() {
    for seed in ["1", "2", "3"] {
        let workshop = with_base(seed.parse().unwrap());
        let grown = workshop.run(&[&LEARN[..], &[seed]].concat());
        assert_success(&grown);
        assert_eq!(stdout(&grown), "grown\n");
        let said = stderr(&grown);
        let line = said.lines().find(|line| line.starts_with("learned in 100 steps of 256 tokens")).unwrap();
        let (learned, initial) = losses(line);
        assert!(learned < initial - 0.03, "seed {seed}: {line}");
        if seed == "1" {
            check_folder(&workshop, line);
        }
    }
}

/// What the grown folder says and holds: enough to grow it again.
fn check_folder(workshop: &Workshop, line: &str) {
    let base = workshop.path("base/step-00000080");
    let names = workshop.names("grown");
    let expected = [
        "README.md",
        "config.json",
        "model.safetensors",
        "outgrow.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    assert_eq!(names, [&expected[..], &["training"]].concat());
    assert_eq!(workshop.names("grown/training"), ["matrices.safetensors"]);
    let grown = workshop.path("grown");
    assert_eq!(Checkpoint::open(&grown).unwrap().config().num_hidden_layers, 8);
    let card = std::fs::read_to_string(grown.join("README.md")).unwrap();
    assert!(card.contains(line) && card.contains("matrices = \"training/matrices.safetensors\""), "{card}");
    let [before, after] = [&base, &grown]
        .map(|folder| TrainingCost::read(folder).unwrap().expect("folders of ours have a cost"));
    assert_eq!(after.tokens.unwrap() - before.tokens.unwrap(), 100 * 256);
    assert!(after.flops.unwrap() > 1.5 * before.flops.unwrap(), "{before:?}, {after:?}");

    let again = ["--operator", "learned", "--num-hidden-layers", "8", "--seed", "1", "--matrices"];
    let matrices = "grown/training/matrices.safetensors";
    assert_success(&workshop.run(&[&["grow", "base", "again"], &again[..], &[matrices]].concat()));
    let weights = |folder: &str| std::fs::read(workshop.path(folder).join("model.safetensors")).unwrap();
    assert!(weights("grown") == weights("again"), "the same growth once more");
    let verified = workshop.run(&["verify", "grown", "again"]);
    assert_success(&verified);

    let planned = LEARN.map(|word| if word == "grown" { "planned" } else { word });
    let plan = stdout(&workshop.run(&[&planned[..], &["1", "--plan"]].concat()));
    insta::assert_snapshot!(plan.split("\nlearning ").nth(1).unwrap_or_else(|| panic!("{plan}")), @"
        144 numbers in 100 steps of 256 tokens, 25,600 in all; 2.48e10 FLOPs
                 2 MB of weights and gradients, beside what passes through the model
                 above, what the initial matrices make; by learned ones, more tensors are computed
    ");
}

#[test]
fn what_keeps_from_learning_is_one_line_and_nothing_is_written() {
    let workshop = Workshop::with_shards();
    let tiny = recipe(&scratch(64, "1e-2")).replace("num_hidden_layers = 4", "num_hidden_layers = 2");
    workshop.write("tiny.toml", tiny);
    assert_success(&workshop.run(&["train", "tiny.toml", "--out", "base"]));
    workshop.write("other.txt", "w1 w2 w3");
    workshop.write("other.json", crate::tiny::tokenizer().replace("w7", "v7"));
    let text = crate::tiny::text(3, 900).replace("w7", "v7");
    workshop.write("other.txt", text);
    let prepare = ["data", "prepare", "other.txt", "--tokenizer", "other.json", "--out", "other"];
    assert_success(&workshop.run(&prepare));
    let refused = |flags: &str| {
        let flags: Vec<&str> = flags.split_whitespace().collect();
        let output = workshop.run(&[&["grow", "base/step-00000002", "grown"], &flags[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {}", stderr(&output));
        assert!(!workshop.path("grown").exists());
        stderr(&output)
    };
    let all = [
        "--operator learned --factor 2 --steps 3 --learning-rate 0.1",
        "--operator stack --factor 2 --data training",
        "--operator learned --factor 2 --noise 0.1 --data training",
        "--operator learned --factor 1 --data training",
        "--operator learned --factor 2 --data nowhere",
        "--operator learned --factor 2 --data other",
        "--operator learned --factor 2 --data training --validation other",
        "--operator learned --factor 2 --data training --steps 0 --sequence-length 17",
        "--operator learned --factor 2 --data training --steps 20",
        "--operator learned --factor 2 --data training --learning-rate 0",
        "--operator learned --factor 2 --data training --steps 2 --batch-sequences 2 --micro-batch-sequences 3",
        "--operator learned --factor 2 --data training --steps 2 --moments copy",
        "--operator learned --factor 2 --data training --steps 2 --validation-sequences 0",
        "--operator learned --factor 2 --data training --steps 18446744073709551615",
        "--operator learned --factor 2 --data training --steps 2 --sequence-length 18446744073709551615",
    ];
    let said: String = all.iter().map(|flags| refused(flags)).collect();
    insta::assert_snapshot!(said, @r#"
    error: --data is missing: nothing else has a use for --steps, --learning-rate
    error: --data has no use for `stack`: only the matrices of --operator learned are learned
    error: --data goes with one growth, and there are 2: learn first, and grow what comes of it again
    note: nothing grows: the grown model is its source once more
    error: nothing grows: a learned growth without matrices has nothing to learn
    error: --data: nowhere: no such folder; `outgrow data prepare TEXTS --tokenizer FILE --out nowhere` makes token shards
    error: base/step-00000002: its tokenizer isn't that of the shards in other: id 9 is "w7" there, "v7" in the shards; prepare shards with --tokenizer base/step-00000002/tokenizer.json
    error: the tokenizer of training is 89fe8d93afeb, that of other is 9d4ec29b1266 (id 9 is "w7" in the one, "v7" in the other): prepare both with one tokenizer; validation_sequences = 64, but the validation shards hold only 56 sequences
    error: steps = 0: at least 1 is needed; a sequence of 17 tokens is longer than max_position_embeddings = 16
    error: the training shards hold 75 sequences: 160 to learn on and 64 held out are more; fewer steps, or held-out shards of their own
    error: invalid value '0' for '--learning-rate <RATE>': expected a number above 0, such as 0.01
    error: micro_batch_sequences = 3: between 1 and batch_sequences = 2 is needed
    error: --moments copy: matrices that are learned mix tensors, for whose moments there is no rule; leave it out
    error: validation_sequences = 0: at least 1 is needed
    error: the training shards hold 75 sequences: 18446744073709551615 to learn on and 64 held out are more; fewer steps, or held-out shards of their own
    error: training: the corpus has 1201 tokens, but one sample of sequence length 18446744073709551615 needs 18446744073709551615
    "#);
}

#[cfg(unix)]
#[test]
fn a_learning_that_is_asked_to_end_leaves_nothing() {
    use std::{
        io::{BufRead, BufReader},
        process::{Command, Stdio},
    };
    let workshop = Workshop::with_shards();
    workshop.write("tiny.toml", recipe(&scratch(64, "1e-2")));
    assert_success(&workshop.run(&["train", "tiny.toml", "--out", "base"]));
    let grow = ["grow", "base", "grown", "--operator", "learned", "--factor", "2", "--data", "training"];
    let flags = ["--validation", "validation", "--validation-sequences", "2", "--steps", "100000000"];
    let mut command = workshop.command(&[&grow[..], &flags].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.starts_with("learning 1/") {
            assert!(
                Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success()
            );
        }
        lines.push(line);
    }
    assert_eq!(child.wait().unwrap().code(), Some(1), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "error: interrupted: nothing was grown");
    assert!(!workshop.names("").iter().any(|name| name.starts_with("grown")), "{:?}", workshop.names(""));
}

/// A model of two layers grows to four by matrices that are learned in two steps.
const LEARNED: &str = r#"method = "stages"

[[schedule.stages]]
name = "base"
num_hidden_layers = 2
tokens = 128
learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }

[[schedule.stages]]
name = "grown"
enter = { operator = "learned", num_hidden_layers = 4, seed = 3 }
at_growth = { learning = { tokens = 64 } }
tokens = 96
learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
"#;

fn is_step(line: &serde_json::Value) -> bool {
    line.get("loss").is_some()
}

#[test]
fn a_run_learns_the_matrices_of_its_growth_and_its_plan_knows_what_that_costs() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(LEARNED));
    let train = ["train", "recipe.toml", "--out", "run"];
    let planned = workshop.run(&[&train[..], &["--plan", "--no-measure"]].concat());
    assert_success(&planned);
    let plan = stdout(&planned);
    insta::assert_snapshot!(plan[..plan.find("data   ").unwrap_or(plan.len())].trim_end(), @"
    run          tiny: stages, seed 1
    start        with step 1
    steps        9 of 32 tokens (2 × 16)

    stage  layers  width  parameters  trained  steps  tokens  epochs    FLOPs  time
    base        2     16       5,456      all      4     128    0.11  4.129e6     –
    grown       4     16       9,872      all      5     160    0.13  9.977e6     –
    total                                          9     288    0.24  1.411e7     –

    base   learning rate 1e-2, falls to 1e-3
    grown  grown by learned, initial, to 4 layers; matrices learned in the first 2 steps, with 1 MB of weights and gradients; learning rate 1e-2, falls to 1e-3

    FLOPs        1.411e7, and 1.367e7 as 6·N·T
    ");
    let json = stdout(&workshop.run(&[&train[..], &["--plan", "--no-measure", "--json"]].concat()));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();

    let trained = workshop.run(&train);
    assert_success(&trained);
    let said = stderr(&trained);
    let of_growth: Vec<&str> = said.lines().filter(|line| line.contains("matrices")).collect();
    let [begins, ends] = of_growth[..] else { panic!("{said}") };
    assert_eq!(begins, "grown: learns the matrices of its growth in 2 steps");
    assert!(ends.starts_with("grown: matrices learned: validation loss 3."), "{ends}");
    assert!(workshop.path("run/matrices-of-stage-2.safetensors").is_file());
    let last = workshop.names("run").into_iter().rfind(|name| name.starts_with("step-")).unwrap();
    let spent = TrainingCost::read(&workshop.path("run").join(last)).unwrap().unwrap();
    assert_eq!((spent.tokens, json["steps"].as_u64()), (json["tokens"].as_u64(), Some(9)));
    for (spent, planned) in [(spent.flops, &json["flops"]), (spent.flops_6nt, &json["flops_6nt"])] {
        let (spent, planned) = (spent.unwrap(), planned.as_f64().unwrap());
        assert!((spent - planned).abs() < 1e-9 * planned, "{spent}, planned {planned}");
    }
    let metrics = std::fs::read_to_string(workshop.path("run/metrics.jsonl")).unwrap();
    let steps: Vec<serde_json::Value> =
        metrics.lines().map(|line| serde_json::from_str(line).unwrap()).filter(is_step).collect();
    let learning: Vec<u64> = steps
        .iter()
        .filter(|line| line["learning"] == true)
        .map(|line| line["step"].as_u64().unwrap())
        .collect();
    assert_eq!((steps.len(), &learning[..]), (9, &[5, 6][..]), "{metrics}");
    // They are no steps of the stage's time.
    let run: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(workshop.path("run/run.json")).unwrap()).unwrap();
    let grown = &run["stage_times"][1];
    assert_eq!((&grown["steps"], &grown["tokens"]), (&3.into(), &96.into()), "{run}");

    let refused = |from: &str, to: &str| {
        workshop.write("bad.toml", recipe(LEARNED).replace(from, to));
        let output = workshop.run(&["train", "bad.toml", "--out", "bad"]);
        assert_eq!(output.status.code(), Some(2));
        stderr(&output)
    };
    let said = [
        refused(
            "{ operator = \"learned\", num_hidden_layers = 4, seed = 3 }",
            "{ operator = \"stack\", factor = 2 }",
        ),
        refused(
            "learning = { tokens = 64 }",
            "moments = \"copy\", learning = { tokens = 0, learning_rate = -1 }",
        ),
        refused("learning = { tokens = 64 }", "learning = { steps = 64 }"),
    ];
    insta::assert_snapshot!(said.concat(), @r#"
    error: bad.toml, line 29: schedule: stage "grown": at_growth.learning learns the matrices of `learned`, and `stack` has none: leave it out
    error: bad.toml, line 32: schedule: 3 problems: stage "grown": at_growth.moments is `copy`: learned matrices mix tensors, for whose moments there is no rule; use "reset"; stage "grown": at_growth.learning.tokens is 0: matrices are learned on at least one token; stage "grown": at_growth.learning.learning_rate is -1, it must be finite and above 0
    error: bad.toml, line 32: schedule.stages["grown"].at_growth.learning.steps: no such key; did you mean `tokens`?
    "#);
}
