//! Disks that take nothing, or not enough.

use std::process::Command;

use crate::{
    bad_input::{FAILED, STACK, message_of, write_source},
    tiny::{self, Workshop},
};

const FULL: &str = ": cannot write: no space left on that disk; free some, or write to another";

/// A small file system of its own, where the user may mount one; gone with the value.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(at: std::path::PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir(&at).ok()?;
        let options = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&at).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_takes_nothing() {
    let workshop = Workshop::new();
    write_source(&workshop, |_| ());
    let Some(disk) = SmallDisk::mount(workshop.path("disk"), "16k") else {
        eprintln!("skipped: no small file system can be mounted here");
        return;
    };
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&disk.0).status();
    assert!(remounted.unwrap().success());
    let grow =
        |target| message_of(&workshop.run(&[&["grow", "source", target], &STACK[..]].concat()), FAILED);
    insta::assert_snapshot!(grow("disk/grown"), @"disk/grown: cannot create: Read-only file system (os error 30)");
    insta::assert_snapshot!(grow("disk/new/grown"), @"disk/new: cannot create: Read-only file system (os error 30)");
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let workshop = Workshop::with_shards();
    let Some(disk) = SmallDisk::mount(workshop.path("disk"), "16k") else {
        eprintln!("skipped: no small file system can be mounted here");
        return;
    };
    write_source(&workshop, |_| ());
    let grow = [&["grow", "source", "disk/grown"], &STACK[..]].concat();
    let message = message_of(&workshop.run(&grow), FAILED);
    assert!(message.starts_with("disk/grown") && message.ends_with(FULL), "{message}");
    assert_eq!(workshop.names("disk"), Vec::<String>::new());

    workshop.write("long.txt", tiny::text(1, 20_000));
    let prepare = ["data", "prepare", "long.txt", "--tokenizer", "tokenizer.json", "--out", "disk/shards"];
    let message = message_of(&workshop.run(&prepare), FAILED);
    assert!(message.contains("disk/.preparing-") && message.contains("No space left"), "{message}");
    assert_eq!(workshop.names("disk"), Vec::<String>::new());

    workshop.write("recipe.toml", tiny::recipe(&tiny::scratch(64, "1e-2")));
    let output = workshop.run(&["train", "recipe.toml", "--out", "disk/run"]);
    assert_eq!(output.status.code(), Some(FAILED));
    let said = tiny::stderr(&output);
    assert!(said.lines().last().unwrap().ends_with(FULL), "{said}");
    assert_eq!(workshop.names("disk/run"), ["metrics.jsonl", "run.json"]);
    drop(disk);
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_whose_standard_error_takes_nothing_goes_on_to_its_end() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", tiny::recipe(tiny::G_STACK));
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut training = workshop.command(&["train", "recipe.toml", "--out", "run"]);
    let status = training.stdout(std::process::Stdio::null()).stderr(full).status().unwrap();
    assert!(status.success(), "{status}");
    assert!(workshop.path("run/final/config.json").exists());
}
