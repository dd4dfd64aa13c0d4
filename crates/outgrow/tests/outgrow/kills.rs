//! `outgrow grow` killed outright and run again: the same bytes, from the shards that were finished, and never half a
//! target.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Instant, SystemTime},
};

use outgrow_checkpoint::{HostTensor, LlamaConfig, write_checkpoint};
use serde_json::json;

use crate::tiny::{self, Workshop, assert_success, stderr};

const HOW: [&str; 6] = ["--operator", "stack", "--factor", "3", "--shard-size", "40KB"];
const KILLS: u32 = 8;

#[test]
fn a_growth_that_is_killed_at_any_moment_and_run_again_is_the_same() {
    let workshop = workshop();
    let started = Instant::now();
    assert_success(&grow(&workshop, "whole").output().unwrap());
    let (whole, takes) = (contents(&workshop.path("whole")), started.elapsed());
    for kill in 0..KILLS {
        let target = format!("grown-{kill}");
        // Neither in order nor at round fractions.
        let moment = takes * (kill * 5 % KILLS * 2 + 1) / (2 * KILLS);
        killed(&workshop, &target, || thread::sleep(moment));
        let is_there = workshop.path(&target).exists();
        assert!(!is_there || contents(&workshop.path(&target)) == whole, "half a target after {moment:?}");
        if !is_there {
            assert_success(&grow(&workshop, &target).output().unwrap());
        }
        assert!(contents(&workshop.path(&target)) == whole, "other bytes after {moment:?}");
        let names = workshop.names(".");
        assert!(!names.iter().any(|name| name.starts_with('.')), "{names:?} after {moment:?}");
    }
}

#[test]
fn shards_that_were_finished_are_not_written_again_however_often_it_is_killed() {
    let workshop = workshop();
    assert_success(&grow(&workshop, "whole").output().unwrap());
    let whole = contents(&workshop.path("whole"));
    let shards = whole.keys().filter(|name| name.ends_with(".safetensors")).count();
    // A growth may be done before it is killed.
    let (target, reused) = (0..10)
        .map(|attempt| format!("grown-{attempt}"))
        .find_map(|target| killed_thrice(&workshop, &target, shards).map(|reused| (target, reused)))
        .expect("a growth that is killed in time");
    let output = grow(&workshop, &target).output().unwrap();
    assert_success(&output);
    let expected = format!("{reused} of {shards} shards were finished by an attempt that was killed\n");
    assert_eq!(stderr(&output).split("next:").next(), Some(expected.as_str()));
    assert!(contents(&workshop.path(&target)) == whole);
}

/// Kills a growth when one, two and half of its shards are finished, and checks that none of them is written again. How
/// many are finished in the end; `None` if the growth was faster.
fn killed_thrice(workshop: &Workshop, target: &str, shards: usize) -> Option<usize> {
    let mut before = BTreeMap::new();
    for wanted in [1, 2, shards / 2] {
        killed(workshop, target, || {
            while finished(workshop).len() < wanted && !workshop.path(target).exists() {
                thread::yield_now();
            }
        });
        if workshop.path(target).exists() {
            return None;
        }
        let now = finished(workshop);
        assert!(
            before.iter().all(|(name, written)| now.get(name) == Some(written)),
            "{before:?} became {now:?}"
        );
        before = now;
    }
    Some(before.len())
}

/// A folder with a checkpoint of about a megabyte in `source`.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    let json = json!({
        "model_type": "llama", "vocab_size": 512, "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 3,
        "num_attention_heads": 4, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "torch_dtype": "bfloat16",
    });
    let config = LlamaConfig::from_json(&json.to_string()).unwrap();
    let numbered = config.tensors().into_iter().enumerate().map(|(index, tensor)| {
        let values = (0..tensor.shape.iter().product()).map(|value| (value % 251 + index) as f32).collect();
        (tensor.name, HostTensor { shape: tensor.shape, values })
    });
    write_checkpoint(&workshop.path("source"), &config, &numbered.collect(), 1 << 30).unwrap();
    fs::copy(workshop.path("tokenizer.json"), workshop.path("source/tokenizer.json")).unwrap();
    workshop
}

fn grow(workshop: &Workshop, target: &str) -> Command {
    workshop.command(&[&["grow", "source", target], &HOW[..]].concat())
}

/// Starts a growth and kills it when `wait` is over.
fn killed(workshop: &Workshop, target: &str, wait: impl FnOnce()) {
    let mut growing = grow(workshop, target).stdout(Stdio::null()).spawn().unwrap();
    wait();
    // It may be done already.
    let _ = growing.kill();
    growing.wait().unwrap();
}

/// The shards that have their name in what was left behind, with the time at which they were written.
fn finished(workshop: &Workshop) -> BTreeMap<PathBuf, SystemTime> {
    let left = workshop.names(".").into_iter().filter(|name| name.ends_with(".partial"));
    let files = left.flat_map(|left| {
        tiny::names(&workshop.path(&left)).into_iter().map(move |name| (left.clone(), name))
    });
    let shards = files.filter(|(_, name)| name.ends_with(".safetensors"));
    shards
        .filter_map(|(left, name)| {
            // The folder may have got another name meanwhile.
            let written =
                fs::metadata(workshop.path(&left).join(&name)).and_then(|file| file.modified()).ok()?;
            Some((PathBuf::from(name), written))
        })
        .collect()
}

/// All files, by name.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = tiny::names(folder);
    names.into_iter().map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}
