//! A plan accepts what training accepts and refuses what training refuses, in the same words; and it writes nothing.

use std::{fs, fs::File};

use crate::{
    models,
    resuming::{contents, trained},
    run_plans::{remove_the_last_checkpoint, replace},
    tiny::{Workshop, stderr, stdout},
};

/// Something that is done to a workshop with a finished run, and flags.
struct Case {
    name: &'static str,
    is_accepted: bool,
    prepare: fn(&Workshop),
    flags: &'static [&'static str],
}

const IN_RUN: &[&str] = &["--out", "run"];

const CASES: [Case; 24] = [
    Case { name: "a new run", is_accepted: true, prepare: |_| (), flags: &["--out", "new"] },
    Case { name: "a finished run", is_accepted: true, prepare: |_| (), flags: IN_RUN },
    Case {
        name: "a finished run whose data is gone",
        is_accepted: true,
        prepare: |workshop| fs::remove_dir_all(workshop.path("training")).unwrap(),
        flags: IN_RUN,
    },
    Case {
        name: "a run that goes on",
        is_accepted: true,
        prepare: remove_the_last_checkpoint,
        flags: IN_RUN,
    },
    Case {
        name: "a run that goes on with fewer sequences at a time",
        is_accepted: true,
        prepare: |workshop| {
            remove_the_last_checkpoint(workshop);
            replace(workshop, "[training]\n", "[training]\nmicro_batch_sequences = 1\n");
        },
        flags: IN_RUN,
    },
    Case {
        name: "a finished run in another precision",
        is_accepted: false,
        prepare: |_| (),
        flags: &["--out", "run", "--dtype", "bf16-emulated"],
    },
    Case {
        name: "a longer run",
        is_accepted: true,
        prepare: |workshop| replace(workshop, "grown_tokens = 96", "grown_tokens = 128"),
        flags: &["--out", "run", "--extend"],
    },
    Case {
        name: "a longer run without being asked for",
        is_accepted: false,
        prepare: |workshop| replace(workshop, "grown_tokens = 96", "grown_tokens = 128"),
        flags: IN_RUN,
    },
    Case {
        name: "another seed",
        is_accepted: false,
        prepare: |workshop| replace(workshop, "seed = 1", "seed = 2"),
        flags: IN_RUN,
    },
    Case {
        name: "back to a checkpoint",
        is_accepted: true,
        prepare: |_| (),
        flags: &["--out", "run", "--rewind-to", "step-5"],
    },
    Case {
        name: "back to a checkpoint that isn't there",
        is_accepted: false,
        prepare: |_| (),
        flags: &["--out", "run", "--rewind-to", "step-1"],
    },
    Case {
        name: "a damaged checkpoint",
        is_accepted: false,
        prepare: |workshop| workshop.write("run/step-00000007/model.safetensors", "short"),
        flags: IN_RUN,
    },
    Case {
        name: "a file as the run's folder",
        is_accepted: false,
        prepare: |_| (),
        flags: &["--out", "recipe.toml"],
    },
    Case {
        name: "shards as the run's folder",
        is_accepted: false,
        prepare: |_| (),
        flags: &["--out", "validation"],
    },
    Case {
        name: "a model as the run's folder",
        is_accepted: false,
        prepare: |_| (),
        flags: &["--out", "run/step-00000007"],
    },
    Case {
        name: "a batch larger than the corpus",
        is_accepted: false,
        prepare: |workshop| replace(workshop, "batch_sequences = 2", "batch_sequences = 2000"),
        flags: &["--out", "new"],
    },
    Case {
        name: "more validation sequences than there are",
        is_accepted: false,
        prepare: |workshop| replace(workshop, "validation_sequences = 2", "validation_sequences = 2000"),
        flags: &["--out", "new"],
    },
    Case {
        name: "sequences longer than the corpus",
        is_accepted: false,
        prepare: |workshop| replace(workshop, "sequence_length = 16", "sequence_length = 16000"),
        flags: &["--out", "new"],
    },
    Case {
        name: "as many validation sequences as there are",
        is_accepted: true,
        prepare: |workshop| replace(workshop, "validation_sequences = 2", "validation_sequences = 25"),
        flags: &["--out", "new"],
    },
    Case {
        name: "a factor that doesn't divide",
        is_accepted: false,
        prepare: |workshop| replace(workshop, "factor = 2", "factor = 3"),
        flags: &["--out", "new"],
    },
    Case {
        name: "a warm-up longer than its stage",
        is_accepted: true,
        prepare: |workshop| {
            replace(workshop, "warmup_tokens = 32", "warmup_tokens = 500, horizon_tokens = 1000");
        },
        flags: &["--out", "new"],
    },
    Case {
        name: "a device that isn't there",
        is_accepted: false,
        prepare: |_| (),
        flags: &["--out", "new", "--device", "cuda:99"],
    },
    Case {
        name: "no device",
        is_accepted: false,
        prepare: |_| (),
        flags: &["--out", "new", "--device", "tpu"],
    },
    Case {
        name: "benchmarks without documents",
        is_accepted: false,
        prepare: |workshop| {
            let recipe = fs::read_to_string(workshop.path("recipe.toml")).unwrap();
            workshop.write("recipe.toml", recipe + models::EVALUATION);
        },
        flags: &["--out", "new"],
    },
];

#[test]
fn a_plan_accepts_what_training_accepts_and_refuses_the_rest_in_the_same_words() {
    for Case { name, is_accepted, prepare, flags } in CASES {
        let workshop = trained();
        prepare(&workshop);
        let before = contents(&workshop.path("."));
        let planned = workshop.run(&[&["train", "recipe.toml", "--plan", "--no-measure"], flags].concat());
        assert!(contents(&workshop.path(".")) == before, "{name}: a plan writes nothing");
        let trained = workshop.run(&[&["train", "recipe.toml"], flags].concat());
        let said = format!("{name}: {}\n{}", stderr(&planned), stderr(&trained));
        assert_eq!(planned.status.code(), trained.status.code(), "{said}");
        assert_eq!(trained.status.success(), is_accepted, "{said}");
        if !is_accepted {
            assert_eq!(stderr(&planned), stderr(&trained));
            assert_eq!(stdout(&planned), "");
        }
    }
}

#[test]
fn a_folder_in_which_another_process_trains_is_refused_in_a_plan_too() {
    let workshop = trained();
    let handle = File::open(workshop.path("run")).unwrap();
    handle.try_lock().unwrap();
    let planned = workshop.run(&["train", "recipe.toml", "--plan", "--out", "run"]);
    assert_eq!(planned.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&planned), @"error: run: another process is training in this folder");
}
