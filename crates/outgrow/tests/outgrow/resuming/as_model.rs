//! A run's folder where a model's is expected, and `final`, by which other programs find its last checkpoint.

use std::{fs, path::PathBuf};

use crate::{
    resuming::{TRAIN, checkpointed, notes, refusal, run_file, trained, underway},
    tiny::{Workshop, assert_success, stderr, stdout},
};

fn rewind(step: &'static str) -> [&'static str; 6] {
    ["train", "recipe.toml", "--out", "run", "--rewind-to", step]
}

/// What `final` points to.
fn final_of(workshop: &Workshop) -> Option<PathBuf> {
    fs::read_link(workshop.path("run/final")).ok()
}

#[test]
fn a_run_is_taken_as_its_last_whole_checkpoint() {
    let workshop = trained();
    let same = |run: &[&str], checkpoint: &[&str]| {
        let (of_run, of_checkpoint) = (workshop.run(run), workshop.run(checkpoint));
        let said = notes(&of_run);
        assert_eq!(said[0], "run: is a run; its last whole checkpoint is step-00000007", "{run:?}");
        assert_eq!(said[1..], notes(&of_checkpoint));
        assert_eq!(stdout(&of_run), stdout(&of_checkpoint));
    };
    let last = "run/step-00000007";
    let generate = |model: &'static str| ["generate", model, "--prompt", "w1 w2", "--max-new-tokens", "4"];
    same(&generate("run"), &generate(last));
    let plan = |model: &'static str| ["grow", model, "grown", "--layers", "0,1,2,3,3", "--plan"];
    let [of_run, of_checkpoint] = [plan("run"), plan(last)].map(|plan| workshop.run(&plan));
    let without_time =
        |plan: String| plan.lines().filter(|line| !line.starts_with("time")).collect::<String>();
    assert_eq!(without_time(stdout(&of_run)), without_time(stdout(&of_checkpoint)));
    assert_success(&workshop.run(&["grow", "run", "grown", "--layers", "0,1,2,3,3", "--verify"]));
    same(&["verify", "run", "grown"], &["verify", last, "grown"]);
}

#[test]
fn a_checkpoint_that_is_not_whole_is_passed_over_and_one_without_training_state_is_not() {
    let workshop = trained();
    let generate = ["generate", "run", "--prompt", "w1 w2", "--max-new-tokens", "1"];
    fs::write(workshop.path("run/step-00000007/model.safetensors"), "").unwrap();
    let said = stderr(&workshop.run(&generate));
    let first = said.lines().next().unwrap();
    let begin =
        "note: run: is a run; its last whole checkpoint is step-00000006 (step-00000007: model.safetensors: ";
    assert!(first.starts_with(begin), "{said}");
    // Published, as people do.
    fs::remove_dir_all(workshop.path("run/step-00000007")).unwrap();
    fs::remove_dir_all(workshop.path("run/step-00000006/training")).unwrap();
    let said = stderr(&workshop.run(&generate));
    assert!(said.starts_with("note: run: is a run; its last whole checkpoint is step-00000006\n"), "{said}");
}

#[test]
fn a_run_without_a_whole_checkpoint_says_what_is_wrong() {
    let workshop = Workshop::new();
    fs::create_dir(workshop.path("run")).unwrap();
    let said = || refusal(&workshop.run(&["generate", "run", "--prompt", "w1"]));
    for name in ["run.json", "metrics.jsonl"] {
        workshop.write(&format!("run/{name}"), "");
    }
    insta::assert_snapshot!(said(), @"run: is a run that has written no checkpoint yet");
    fs::create_dir(workshop.path("run/step-00000002")).unwrap();
    workshop.write("run/step-00000004", "");
    insta::assert_snapshot!(said(), @"run: is a run without a whole checkpoint: step-00000004: is no folder; step-00000002: run/step-00000002/config.json: cannot read: No such file or directory (os error 2)");
}

#[cfg(unix)]
#[test]
fn only_a_finished_run_has_a_final_checkpoint_and_it_is_the_last_one() {
    let workshop = underway();
    assert_eq!(final_of(&workshop), None);
    assert_success(&workshop.run(&TRAIN));
    assert_eq!(final_of(&workshop), Some("step-00000007".into()));
    assert!(workshop.path("run/final/config.json").is_file());

    // Older checkpoints are removed on the way of an extension, that which was the last one among them.
    let extended = checkpointed()
        .replace("grown_tokens = 96", "grown_tokens = 256")
        .replace("checkpoints_kept = 4", "checkpoints_kept = 1");
    workshop.write("recipe.toml", extended);
    assert_success(&workshop.run(&[&TRAIN[..], &["--extend"]].concat()));
    assert!(!workshop.path("run/step-00000007").exists());
    assert_eq!(final_of(&workshop), Some("step-00000012".into()));
    assert!(workshop.path("run/final/config.json").is_file());
}

#[cfg(unix)]
#[test]
fn a_run_that_is_taken_back_and_fails_has_no_final_checkpoint() {
    let workshop = underway();
    assert_success(&workshop.run(&TRAIN));
    // Refused: nothing changes.
    assert!(!workshop.run(&rewind("step-3")).status.success());
    assert_eq!(final_of(&workshop), Some("step-00000007".into()));
    // It ends before its last step: the shards hold an id that there isn't.
    let shard = workshop.names("training").into_iter().find(|name| name.starts_with("shard-")).unwrap();
    let shard = workshop.path("training").join(shard);
    let tokens = fs::read(&shard).unwrap();
    fs::write(&shard, 32_u16.to_le_bytes().repeat(tokens.len() / 2)).unwrap();
    assert!(!workshop.run(&rewind("step-6")).status.success());
    assert_eq!(final_of(&workshop), None);
    fs::write(&shard, tokens).unwrap();
    assert_success(&workshop.run(&TRAIN));
    assert_eq!(final_of(&workshop), Some("step-00000007".into()));
}

#[cfg(unix)]
#[test]
fn a_final_of_ones_own_is_let_be() {
    let workshop = underway();
    fs::create_dir(workshop.path("run/final")).unwrap();
    let said = notes(&workshop.run(&TRAIN));
    assert_eq!(
        said,
        [
            "run/final: is there already, and no link to a checkpoint of this run; step-00000007 is the last checkpoint"
        ]
    );
    assert_eq!(run_file(&workshop)["finished"], true);
    assert!(workshop.path("run/final").is_dir());
    assert!(!workshop.names("run").iter().any(|name| name.starts_with("final.")), "nothing is left behind");
}

/// The card of a checkpoint, without its sums.
fn card_of(workshop: &Workshop, step: &str) -> String {
    let card = fs::read_to_string(workshop.path(&format!("run/{step}/README.md"))).unwrap();
    assert!(!card.contains(&workshop.path("").display().to_string()), "a path of the machine: {card}");
    let is_sum = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let sums: Vec<String> = card.split('`').filter(is_sum).map(str::to_owned).collect();
    assert_eq!(sums.len(), 3, "{card}");
    let card = card.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    sums.into_iter().fold(card, |card, sum| card.replace(&sum, "SUM"))
}

#[test]
fn a_checkpoint_has_a_card_that_says_what_it_is() {
    let workshop = trained();
    let card = card_of(&workshop, "step-00000007");
    let (head, loss) = card.split_once("The validation loss is ").unwrap();
    let (loss, rest) = loss.split_once(" nats").unwrap();
    assert!(loss.parse::<f64>().unwrap() > 1.0, "{loss}");
    insta::assert_snapshot!(format!("{head}The validation loss is LOSS nats{rest}"), @r#"
    ---
    library_name: transformers
    tags:
    - outgrow
    - model-growth
    ---

    # `tiny`

    A LLaMA-style language model, trained by Outgrow VERSION with the method `g-stack`.

    | | |
    |---|---|
    | parameters | 9,872 |
    | layers | 4 |
    | width | 16 |
    | heads | 2 |
    | vocabulary | 32 |
    | positions | 16 |

    ## Training

    | stage | layers | parameters | tokens | peak learning rate |
    |---|---|---|---|---|
    | `base` | 2 | 5,456 | 128 | 0.01 |
    | `grown` | 4 | 9,872 | 96 | 0.01 |

    In all 224 tokens and 1.003e7 FLOPs (9.876e6 as 6 · parameters · tokens), in batches of 2 sequences of 16 tokens, with AdamW, in f32. The seed is 1.

    The validation loss is LOSS nats a token after 224 tokens, over 2 sequences of 16 tokens.

    ## Data

    | | tokens | documents | SHA-256 |
    |---|---|---|---|
    | training | 1,201 | 1 | `SUM` |
    | validation | 401 | 1 | `SUM` |

    The tokenizer has 32 entries; its file has the SHA-256 `SUM`.

    ## Use

    ```python
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = "."  # this folder, or its name on the hub
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    inputs = tokenizer("Once upon a time", return_tensors="pt")
    print(tokenizer.decode(model.generate(**inputs, max_new_tokens=40)[0]))
    ```
    "#);
    let of_base = card_of(&workshop, "step-00000004");
    let sentence = of_base.lines().find(|line| line.starts_with("A LLaMA-style")).unwrap();
    insta::assert_snapshot!(sentence, @"A LLaMA-style language model, trained by Outgrow VERSION with the method `g-stack`. This is a checkpoint on the way, and the training was to go on.");
    assert!(of_base.contains("| `base` | 2 | 5,456 | 128 | 0.01 |\n\nIn all 128 tokens"), "{of_base}");
}

#[test]
fn what_stands_at_the_head_of_a_card_is_carried_on() {
    let workshop = underway();
    let path = "run/step-00000006/README.md";
    let card = fs::read_to_string(workshop.path(path)).unwrap();
    let head = "library_name: transformers\nbase_model: org/small\nlicense: mit\n";
    workshop.write(path, card.replace("library_name: transformers\n", head));
    assert_success(&workshop.run(&TRAIN));
    let card = card_of(&workshop, "step-00000007");
    assert!(card.starts_with(&format!("---\n{head}tags:\n- outgrow\n- model-growth\n---\n")), "{card}");
}
