//! `outgrow eval --list`: which tasks and groups there are, which files they read, and which of these are there. It
//! evaluates nothing.

use std::path::Path;

use outgrow_eval::{
    plan::files_of_split,
    tasks::{GROUPS, PAPER_TASKS, Split, TASKS, Task},
};
use serde_json::{Value, json};

use crate::{
    error::{BadInput, Result},
    terminal::output,
};

/// Prints all of them; with a folder of documents, also whether a task's are there.
///
/// # Errors
/// A folder that isn't one.
pub(super) fn print(data: Option<&Path>, as_json: bool) -> Result<()> {
    if let Some(folder) = data.filter(|folder| !folder.is_dir()) {
        return Err(BadInput(format!("--data {}: no such folder", folder.display())).into());
    }
    if as_json {
        let tasks: Vec<Value> = TASKS.iter().map(|task| to_json(task, data)).collect();
        let mut groups = vec![json!({ "name": "paper", "tasks": PAPER_TASKS })];
        groups.extend(GROUPS.iter().map(|group| {
            let tasks: Vec<&str> = group.tasks().map(|task| task.name).collect();
            json!({ "name": group.name, "tasks": tasks })
        }));
        return output::line(serde_json::to_string_pretty(&json!({ "tasks": tasks, "groups": groups }))?);
    }
    output::line(text(data))
}

/// Whether a split is there; `None` where no folder is given, or the task has no such split.
fn is_there(task: &Task, split: Option<Split>, data: Option<&Path>) -> Option<bool> {
    Some(files_of_split(task, split?, data?).is_ok())
}

/// Where a task's documents belong, below the folder of all: what is scored, and what examples are drawn from.
fn files(task: &Task) -> Vec<String> {
    let splits = [task.evaluated(), task.pool()].into_iter().flatten();
    let mut files: Vec<_> = splits.map(|split| format!("{}/{}", task.dataset.folder, split.file)).collect();
    files.dedup();
    files
}

fn documents(task: &Task) -> usize {
    task.evaluated().map_or(0, |split| split.rows)
}

fn to_json(task: &Task, data: Option<&Path>) -> Value {
    json!({
        "name": task.name,
        "version": task.version,
        "documents": documents(task),
        "files": files(task),
        "there": is_there(task, task.evaluated(), data),
        "examples_there": is_there(task, task.pool(), data),
    })
}

/// As a table.
fn text(data: Option<&Path>) -> String {
    let tick = |is_there: Option<bool>| match is_there {
        None => "",
        Some(true) => "✓ ",
        Some(false) => "  ",
    };
    let nothing = tick(data.map(|_| false));
    let mut lines = vec![format!("{nothing}{:<58} {:>7} {:>9}  files", "task", "version", "documents")];
    let mut there = 0;
    for task in TASKS.iter() {
        let scored = is_there(task, task.evaluated(), data);
        there += usize::from(scored == Some(true));
        // Without its examples, a task can be scored, but with none in its prompts.
        let without = if (scored, is_there(task, task.pool(), data)) == (Some(true), Some(false)) {
            ", not there"
        } else {
            ""
        };
        let files = match files(task).as_slice() {
            [evaluated, pool] => format!("{evaluated} (examples: {pool}{without})"),
            files => files.join(" "),
        };
        let (name, version, documents) = (task.name, task.version, documents(task));
        lines.push(format!("{}{name:<58} {version:>7.1} {documents:>9}  {files}", tick(scored)));
    }
    lines.push(String::new());
    lines.push(format!("{nothing}{:<58} tasks", "group"));
    lines.push(format!("{nothing}{:<58} {}", "paper", PAPER_TASKS.len()));
    lines.extend(GROUPS.iter().map(|group| format!("{nothing}{:<58} {}", group.name, group.tasks().count())));
    if let Some(data) = data {
        lines.push(format!("\n{there} of {} tasks have their documents in {}", TASKS.len(), data.display()));
    }
    lines.join("\n")
}
