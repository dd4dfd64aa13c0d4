//! The whole path through the program, on a corpus of nonsense: text, shards, training, growth, report.

use outgrow_checkpoint::{AttentionBias, Checkpoint};

use crate::tiny::{G_STACK, Workshop, assert_success, recipe, scratch, stderr, stdout};

#[test]
fn text_becomes_a_model_and_the_model_grows() {
    let workshop = Workshop::new();
    for name in ["training", "validation"] {
        let input = format!("{name}.txt");
        let output =
            workshop.run(&["data", "prepare", &input, "--tokenizer", "tokenizer.json", "--out", name]);
        assert_success(&output);
        assert!(stdout(&output).starts_with(&format!("{name}: ")), "{}", stdout(&output));
    }
    workshop.write("recipe.toml", recipe(G_STACK));
    let train = ["train", "recipe.toml", "--out", "run"];

    let plan = workshop.run(&["train", "recipe.toml", "--out", "run", "--plan"]);
    assert_success(&plan);
    assert!(stdout(&plan).contains("base") && stdout(&plan).contains("grown"), "{}", stdout(&plan));
    assert!(!workshop.path("run").exists(), "a plan writes nothing");

    let trained = workshop.run(&train);
    assert_success(&trained);
    assert_eq!(stdout(&trained), "run/step-00000007\n");
    let final_name = cfg!(any(unix, windows)).then_some("final");
    let expected = ["metrics.jsonl", "run.json", "step-00000004", "step-00000007"];
    assert_eq!(workshop.names("run"), final_name.into_iter().chain(expected).collect::<Vec<_>>());
    assert_eq!(Checkpoint::open(&workshop.path("run/step-00000004")).unwrap().config().num_hidden_layers, 2);

    let before = std::fs::read(workshop.path("run/metrics.jsonl")).unwrap();
    let again = workshop.run(&train);
    assert_success(&again);
    assert_eq!(stderr(&again), "run: this run is done\n");
    assert_eq!(std::fs::read(workshop.path("run/metrics.jsonl")).unwrap(), before);

    let grow = ["grow", "run/step-00000007", "grown", "--operator", "stack", "--factor", "2"];
    let planned = workshop.run(&[&grow[..], &["--plan"]].concat());
    assert_success(&planned);
    assert!(!workshop.path("grown").exists(), "a plan writes nothing");
    assert_success(&workshop.run(&grow));
    assert_eq!(
        workshop.names("grown"),
        [
            "README.md",
            "config.json",
            "model.safetensors",
            "outgrow.json",
            "tokenizer.json",
            "tokenizer_config.json"
        ]
    );
    let (source, grown) = (
        Checkpoint::open(&workshop.path("run/step-00000007")).unwrap(),
        Checkpoint::open(&workshop.path("grown")).unwrap(),
    );
    assert_eq!((source.config().num_hidden_layers, grown.config().num_hidden_layers), (4, 8));
    let bytes = |checkpoint: &Checkpoint, layer: usize| {
        checkpoint.bytes(&format!("model.layers.{layer}.mlp.up_proj.weight")).unwrap().to_vec()
    };
    for layer in 0..8 {
        assert!(bytes(&grown, layer) == bytes(&source, layer % 4), "layer {layer}");
    }
}

/// A narrow model of two layers is widened, without a change of its function, and stacked; moments go along.
const WIDE_THEN_DEEP: &str = r#"method = "stages"

[[schedule.stages]]
name = "narrow"
num_hidden_layers = 2
width = { hidden_size = 8, intermediate_size = 12, num_attention_heads = 1, num_key_value_heads = 1 }
tokens = 64
learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }

[[schedule.stages]]
name = "wide"
enter = { operator = "split", width = { hidden_size = 16, intermediate_size = 24, num_attention_heads = 2, num_key_value_heads = 2 } }
at_growth = { moments = "scaled" }
tokens = 64
learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }

[[schedule.stages]]
name = "deep"
enter = { operator = "stack", factor = 2 }
at_growth = { moments = "keep-old" }
tokens = 64
learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
"#;

#[test]
fn a_model_is_widened_and_stacked_in_training_and_its_moments_go_along() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(WIDE_THEN_DEEP));
    assert_success(&workshop.run(&["train", "recipe.toml", "--out", "run"]));
    let metrics = std::fs::read_to_string(workshop.path("run/metrics.jsonl")).unwrap();
    let lines = metrics.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let losses: Vec<(String, f64)> = lines
        .filter_map(|line| Some((line["stage"].as_str()?.to_owned(), line["validation_loss"].as_f64()?)))
        .collect();
    let of = |stage: &str| {
        losses.iter().filter(|(name, _)| name == stage).map(|(_, loss)| *loss).collect::<Vec<_>>()
    };
    let (narrow, wide, deep) = (of("narrow"), of("wide"), of("deep"));
    assert!((narrow[narrow.len() - 1] - wide[0]).abs() < 1e-5, "a split preserves the function: {losses:?}");
    assert!((wide[wide.len() - 1] - deep[0]).abs() > 1e-4, "a stack does not: {losses:?}");
    let last = workshop.names("run").into_iter().rfind(|name| name.starts_with("step-")).unwrap();
    let grown = Checkpoint::open(&workshop.path("run").join(last)).unwrap();
    assert_eq!((grown.config().num_hidden_layers, grown.config().hidden_size), (4, 16));

    let masked = recipe(WIDE_THEN_DEEP)
        .replace("\"split\"", "\"random-width\"")
        .replace("} }\nmom", "}, seed = 1 }\nmom");
    workshop.write("masked.toml", masked);
    let refused = workshop.run(&["train", "masked.toml", "--out", "masked"]);
    insta::assert_snapshot!(stderr(&refused), @r#"error: masked.toml, line 34: schedule: stage "wide": enter makes fresh parts, which a mask lets in little by little: give at_growth.mask = { tokens = N }, the tokens over which it opens"#);
    let narrow = recipe(WIDE_THEN_DEEP)
        .replace("hidden_size = 16, intermediate_size = 24,", "hidden_size = 12, intermediate_size = 24,");
    workshop.write("narrow.toml", narrow);
    insta::assert_snapshot!(stderr(&workshop.run(&["train", "narrow.toml", "--out", "masked"])), @"error: narrow.toml, line 26: schedule: the stages end with hidden_size 12, but model.hidden_size = 16");
}

#[test]
fn a_run_in_a_folder_of_another_is_refused_and_leaves_it_as_it_was() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(&scratch(64, "1e-2")));
    assert_success(&workshop.run(&["train", "recipe.toml", "--out", "run"]));
    let read = || {
        ["run/run.json", "run/metrics.jsonl"]
            .map(|name| std::fs::read_to_string(workshop.path(name)).unwrap())
    };
    let before = read();
    workshop.write("recipe.toml", recipe(&scratch(96, "1e-2")));
    let output = workshop.run(&["train", "recipe.toml", "--out", "run"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "error: run/step-00000002: was written by a run with schedule.tokens = 64, here 96; schedule.learning_rate.horizon_tokens = 64, here 96; --extend goes on with it as it is here\n";
    assert_eq!(stderr(&output), expected);
    assert_eq!(read(), before);
}

#[test]
fn a_report_of_two_runs_is_a_page_and_its_numbers() {
    let workshop = Workshop::with_shards();
    for (name, schedule) in [("scratch", scratch(224, "1e-2")), ("stacked", G_STACK.to_owned())] {
        workshop.write("recipe.toml", recipe(&schedule));
        assert_success(&workshop.run(&["train", "recipe.toml", "--out", name]));
    }
    let output = workshop.run(&["report", "scratch", "stacked", "--out", "page.html"]);
    assert_success(&output);
    assert!(!stdout(&output).is_empty(), "a report says something about its runs");
    let page = std::fs::read_to_string(workshop.path("page.html")).unwrap();
    assert!(page.contains("<svg"), "the page has plots");
    let numbers = std::fs::read(workshop.path("page.json")).unwrap();
    let numbers: serde_json::Value = serde_json::from_slice(&numbers).unwrap();
    assert_eq!(numbers["methods"].as_array().map(Vec::len), Some(2), "{numbers}");

    // A folder of runs, and an experiment among runs.
    let refused = workshop.run(&["report", ".", "--out", "other.html"]);
    assert_eq!(refused.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&refused).trim_end(), @"error: .: is no run, but holds some; give these: ./scratch ./stacked");
    assert!(!workshop.path("other.html").exists());
    std::fs::create_dir(workshop.path("an-experiment")).unwrap();
    workshop.write("an-experiment/experiment.json", "{}");
    std::fs::create_dir(workshop.path("experiments")).unwrap();
    std::fs::rename(workshop.path("an-experiment"), workshop.path("experiments/one")).unwrap();
    let refused = workshop.run(&["report", "experiments", "--out", "other.html"]);
    insta::assert_snapshot!(stderr(&refused).trim_end(), @"error: experiments: is no run, but holds experiments; give one: experiments/one");
    std::fs::rename(workshop.path("experiments/one"), workshop.path("an-experiment")).unwrap();
    let output = workshop.run(&["report", "an-experiment", "scratch", "stacked", "--out", "page.html"]);
    assert_success(&output);
    insta::assert_snapshot!(stderr(&output).trim_end(), @"note: an-experiment: is an experiment and passed over; `outgrow report an-experiment` makes its page");
}

#[test]
fn the_cpu_is_always_among_the_devices() {
    let workshop = Workshop::new();
    let output = workshop.run(&["devices"]);
    assert_success(&output);
    assert!(stdout(&output).lines().any(|line| line.starts_with("cpu ")), "{}", stdout(&output));
}

/// The lines of `metrics.jsonl`, in which nothing may come twice.
fn metrics(workshop: &Workshop, run: &str) -> Vec<(u64, String, bool)> {
    let text = std::fs::read_to_string(workshop.path(run).join("metrics.jsonl")).unwrap();
    let line = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let stage = line["stage"].as_str().unwrap().to_owned();
        (line["step"].as_u64().unwrap(), stage, line.get("validation_loss").is_some())
    };
    text.lines().map(line).collect()
}

#[test]
fn a_run_that_is_taken_up_at_the_end_of_its_base_writes_each_metric_once() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(G_STACK));
    let train = ["train", "recipe.toml", "--out", "run"];
    assert_success(&workshop.run(&train));
    let expected = metrics(&workshop, "run");
    // As after a kill in the grown stage: its checkpoint is not there, its metrics are.
    std::fs::remove_dir_all(workshop.path("run/step-00000007")).unwrap();
    let file = workshop.path("run/run.json");
    let run = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, run.replace("\"finished\": true", "\"finished\": false")).unwrap();
    let again = workshop.run(&train);
    assert_success(&again);
    assert!(stderr(&again).contains("going on from run/step-00000004"), "{}", stderr(&again));
    assert_eq!(metrics(&workshop, "run"), expected);
}

#[cfg(unix)]
mod signals {
    //! Being asked to end.

    use std::{
        io::{BufRead, BufReader},
        process::{Child, Command, Stdio},
        thread,
        time::Duration,
    };

    use outgrow_train::resume::checkpoint_to_go_on_from;

    use super::{Checkpoint, Workshop, assert_success, metrics, recipe, scratch, stderr};
    use crate::tiny;

    /// Runs `train` until it has validated twice, sends SIGTERM, and gives what it said.
    fn train_until_terminated(workshop: &Workshop) -> Vec<String> {
        let mut command = workshop.command(&["train", "recipe.toml", "--out", "run"]);
        let mut child: Child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = Vec::new();
        let mut validations = 0;
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            validations += usize::from(line.contains("validation loss"));
            if validations == 2 {
                validations += 1;
                let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
                assert!(killed.success());
            }
            lines.push(line);
        }
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{lines:?}");
        assert!(lines.last().unwrap().starts_with("stopped; run/step-"), "{lines:?}");
        lines
    }

    #[test]
    fn sigterm_ends_a_run_with_a_checkpoint_and_the_same_command_goes_on() {
        let workshop = Workshop::with_shards();
        workshop.write("recipe.toml", recipe(&scratch(100_000_000, "1e-3")));
        let first = train_until_terminated(&workshop);
        assert!(!first.iter().any(|line| line.starts_with("going on")), "{first:?}");
        let newest = || checkpoint_to_go_on_from(&workshop.path("run")).unwrap().unwrap();
        let checkpoint = newest();
        Checkpoint::open(&checkpoint).unwrap();
        assert!(!workshop.names("run").iter().any(|name| name.ends_with(".partial")));

        let second = train_until_terminated(&workshop);
        let name = checkpoint.file_name().unwrap().to_str().unwrap();
        assert!(second.contains(&format!("going on from run/{name}")), "{second:?}");
        assert!(newest() > checkpoint);
        let steps: Vec<_> =
            metrics(&workshop, "run").into_iter().filter(|(.., validation)| !validation).collect();
        let expected: Vec<_> = (1..=steps.len() as u64).collect();
        assert_eq!(steps.iter().map(|(step, ..)| *step).collect::<Vec<_>>(), expected, "each step once");
    }
    #[test]
    fn sigterm_ends_an_experiment_that_is_still_planning_its_runs() {
        let workshop = Workshop::new();
        for (name, salt) in [("training", 1), ("validation", 2)] {
            let text = format!("{name}.txt");
            workshop.write(&text, tiny::text(salt, 9_000));
            let out = format!("data/{name}");
            let prepare = ["data", "prepare", &text, "--tokenizer", "tokenizer.json", "--out", &out];
            assert_success(&workshop.run(&prepare));
        }
        let arguments = "experiment quickstart --scale pulse --data data --out out --seeds 3000";
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let mut command = workshop.command(&arguments);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        while !workshop.path("out/.lock").exists() {
            thread::sleep(Duration::from_millis(5));
        }
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(stderr(&output), "error: interrupted: the same command goes on\n");
        assert!(!workshop.path("out/scratch-seed-1/run.json").exists(), "no run has begun");
    }
}

#[test]
fn a_model_with_biases_is_trained_grown_and_written_as_a_qwen2() {
    let workshop = Workshop::with_shards();
    let with_biases = recipe(G_STACK).replace("[model]\n", "[model]\nattention_bias = \"query-key-value\"\n");
    workshop.write("recipe.toml", with_biases);
    assert_success(&workshop.run(&["train", "recipe.toml", "--out", "run"]));
    let [base, grown] = ["step-00000004", "step-00000007"]
        .map(|step| Checkpoint::open(&workshop.path("run").join(step)).unwrap());
    for checkpoint in [&base, &grown] {
        assert_eq!(checkpoint.raw_config()["model_type"], "qwen2");
        assert_eq!(checkpoint.config().attention_bias, AttentionBias::QueryKeyValue);
        let tensors = checkpoint.to_named_tensors().unwrap();
        let biases = tensors.iter().filter(|(name, _)| name.ends_with("_proj.bias"));
        let learned = biases.map(|(_, tensor)| tensor.values.iter().any(|value| *value != 0.0));
        let learned: Vec<bool> = learned.collect();
        assert_eq!(learned, vec![true; 3 * checkpoint.config().num_hidden_layers], "they begin at zero");
    }
    let written = workshop.run(&["generate", "run", "--prompt", "w1", "--max-new-tokens", "2"]);
    assert_success(&written);
}
