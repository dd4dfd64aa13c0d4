//! Folders of earlier versions: what they didn't record is unknown, is said to be, and keeps no run from going on.

use std::fs;

use serde_json::{Value, json};

use crate::{
    resuming::{
        TRAIN, change_run_file, change_state, checkpointed, contents, notes, refused, run_file, trained,
        underway,
    },
    tiny::{self, Workshop, assert_success},
};

/// Takes away all that earlier versions didn't write.
fn as_of_an_earlier_version(workshop: &Workshop) {
    for name in workshop.names("run").into_iter().filter(|name| name.starts_with("step-")) {
        change_state(workshop, &name, |state| {
            for key in ["initialization", "device", "tokenizer_sha256", "validation_sha256"] {
                assert!(state.as_object_mut().unwrap().remove(key).is_some(), "{key}");
            }
        });
    }
    change_run_file(workshop, |run| {
        for key in ["data", "checkpoint", "changes", "rewinds", "evaluation", "validation_known_since_step"] {
            assert!(run.as_object_mut().unwrap().remove(key).is_some(), "{key}");
        }
    });
}

#[test]
fn a_run_of_an_earlier_version_goes_on_and_what_is_unknown_is_said_and_recorded() {
    let workshop = trained();
    let whole = contents(&workshop.path("run/step-00000007"));
    let workshop = underway();
    as_of_an_earlier_version(&workshop);
    let said = notes(&workshop.run(&TRAIN));
    assert_eq!(
        said,
        [
            "run/step-00000006: is of a version that didn't record the validation data: whether it is still the same isn't known"
        ]
    );
    let run = run_file(&workshop);
    assert_eq!(run["validation_known_since_step"], 6);
    assert_eq!(run["data"]["validation"]["sha256"].as_str().map(str::len), Some(64));
    for name in ["model.safetensors", "training/optimizer.safetensors", "training/state.json"] {
        assert!(contents(&workshop.path("run/step-00000007"))[name] == whole[name], "{name}");
    }
    // From the next checkpoint on it is known, and that it wasn't before is not forgotten.
    change_run_file(&workshop, |run| run["finished"] = false.into());
    assert_eq!(notes(&workshop.run(&TRAIN)), [""; 0]);
    assert_eq!(run_file(&workshop)["validation_known_since_step"], 6);
}

#[test]
fn a_finished_run_of_an_earlier_version_is_done() {
    let workshop = trained();
    as_of_an_earlier_version(&workshop);
    assert_eq!(tiny::stderr(&workshop.run(&TRAIN)), "run: this run is done\n");
}

#[test]
fn what_an_earlier_version_did_record_is_compared() {
    let workshop = underway();
    as_of_an_earlier_version(&workshop);
    workshop
        .write("recipe.toml", checkpointed().replace("validation_sequences = 2", "validation_sequences = 4"));
    insta::assert_snapshot!(refused(&workshop, &TRAIN), @"run/step-00000006: was written by a run with training.validation_sequences = 2, here 4; use another --out, or the recipe that began this run");
    change_run_file(&workshop, |run| run["device"] = "wgpu".into());
    workshop.write("recipe.toml", checkpointed());
    let said = notes(&workshop.run(&TRAIN));
    assert_eq!(said[1], "device = cpu from step 6 on, where it was wgpu; run.json records it");
    let change = json!({"step": 6, "field": "device", "from": "wgpu", "to": "cpu"});
    assert_eq!(run_file(&workshop)["changes"], json!([change]));
}

#[test]
fn limits_of_an_earlier_version_are_those_of_its_recipe() {
    let workshop = Workshop::with_shards();
    fs::create_dir_all(workshop.path("documents/lambada_openai")).unwrap();
    let documents = (3..8).map(|salt| json!({ "text": tiny::text(salt, 9) }).to_string() + "\n");
    workshop.write("documents/lambada_openai/lambada_openai_test.jsonl", documents.collect::<String>());
    let with = |limit: &str| {
        let evaluation =
            "[evaluation]\ntasks = [\"lambada_openai\"]\ndata = \"documents\"\ninterval_tokens = 64\n";
        workshop.write("recipe.toml", format!("{}\n{evaluation}{limit}", checkpointed()));
    };
    with("limit = 3\n");
    assert_success(&workshop.run(&TRAIN));
    as_of_an_earlier_version(&workshop);
    with("limit = 2\n");
    insta::assert_snapshot!(refused(&workshop, &TRAIN), @"run/step-00000007: was written by a run with evaluation.limit = 3.0, here 2.0; use another --out, or the recipe that began this run");
    with("limit = 3\n");
    assert_eq!(run_file(&workshop).get("evaluation"), None::<&Value>);
    change_run_file(&workshop, |run| run["finished"] = false.into());
    assert_success(&workshop.run(&TRAIN));
    assert_eq!(run_file(&workshop)["evaluation"]["lambada_openai"]["documents"], 3);
}
