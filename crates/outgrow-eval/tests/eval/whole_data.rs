//! The nine tasks in full, where OUTGROW_EVAL_DATA names the folder of their files: counts and hashes are those that
//! lm-evaluation-harness gives. Without it, nothing is checked here.

use std::path::PathBuf;

use outgrow_eval::{Options, tasks::PAPER_TASKS};
use serde_json::Value;

use crate::support::{golden_json, plan};

#[test]
fn the_whole_files_have_the_hashes_of_the_harness() {
    let Some(data) = std::env::var_os("OUTGROW_EVAL_DATA").map(PathBuf::from) else {
        eprintln!("OUTGROW_EVAL_DATA is not set: the files of the nine tasks are not checked");
        return;
    };
    let plan = plan(&PAPER_TASKS, &data, &Options::default()).unwrap();
    assert_eq!(plan.warnings(), [""; 0]);
    let requests =
        plan.tasks().iter().flat_map(|planned| &planned.documents).map(|document| document.requests().len());
    assert_eq!(requests.sum::<usize>(), 37_308 + 62);
    let theirs = golden_json("whole.json");
    let ours: serde_json::Map<String, Value> =
        plan.tasks().iter().map(|planned| (planned.task.name.to_owned(), planned.hash().into())).collect();
    assert_eq!(Value::Object(ours), theirs["task_hashes"]);
}
