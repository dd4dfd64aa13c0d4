//! A growth that was killed is gone on with: finished shards are used, and the result is what it is without the kill.
//! That real processes are killed is the runner's test; here they leave what they would.
#![cfg(target_os = "linux")]

use std::{
    fs::{self, File, FileTimes},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use outgrow_checkpoint::{
    Dtype, LlamaConfig, TensorSpec,
    shards::{ShardLayout, ShardSet, ShardWriter},
    write_checkpoint,
};
use outgrow_operators::{FolderPlan, Growth, Mix, Moments, Source, folder::Grown};
use tempfile::TempDir;

use crate::{
    folder::grow_folder,
    models::{growths, model, numbered},
};

/// Larger than any process id of Linux.
const DEAD: u32 = u32::MAX;
const SHARD_BYTES: u64 = 1500;
const STACK: Growth = Growth::Stack { factor: 2 };

#[test]
fn a_killed_growth_goes_on_from_its_finished_shards_and_ends_as_it_would_have() {
    let scene = Scene::new(&model(2));
    let Grown { shards, reused } = scene.grow(&STACK, Moments::Reset, "whole");
    assert!(shards > 3 && reused == 0);
    for finished in [0, 1, shards - 1, shards] {
        scene.leave(&STACK, Moments::Reset, "killed", |shard| shard < finished);
        assert_eq!(scene.grow(&STACK, Moments::Reset, "killed"), Grown { shards, reused: finished });
        let killed = scene.target("killed");
        assert_eq!(contents(&killed), contents(&scene.target("whole")), "after {finished} shards");
        fs::remove_dir_all(killed).unwrap();
    }
    assert_eq!(hidden(scene.dir.path()), Vec::<String>::new());
}

#[test]
fn so_does_a_growth_by_any_operator() {
    let config = model(2);
    for growth in growths(&config, 2, 0.25, 5) {
        let scene = Scene::new(&config);
        let Grown { shards, .. } = scene.grow(&growth, Moments::Reset, "whole");
        scene.leave(&growth, Moments::Reset, "killed", |shard| shard == 1);
        assert_eq!(scene.grow(&growth, Moments::Reset, "killed"), Grown { shards, reused: 1 }, "{growth:?}");
        assert_eq!(contents(&scene.target("killed")), contents(&scene.target("whole")), "{growth:?}");
    }
}

#[test]
fn shards_of_the_optimizer_are_used_too() {
    let scene = Scene::new(&model(2));
    scene.write_moments();
    let Grown { shards, .. } = scene.grow(&STACK, Moments::Copy, "whole");
    scene.leave(&STACK, Moments::Copy, "killed", |shard| shard % 2 == 0);
    let reused = shards.div_ceil(2);
    assert_eq!(scene.grow(&STACK, Moments::Copy, "killed"), Grown { shards, reused });
    let (whole, killed) = (contents(&scene.target("whole")), contents(&scene.target("killed")));
    assert!(whole.iter().any(|(name, _)| name.starts_with("optimizer-00002-of-")));
    assert_eq!(killed, whole);
}

#[test]
fn what_another_growth_left_behind_is_not_used() {
    let scene = Scene::new(&model(2));
    scene.write_moments();
    let noise = |seed| Growth::Noise { amount: 0.5, mix: Mix::Linear, seed };
    let others: [(&str, Growth, Moments); 4] = [
        ("another operator", Growth::Interleave { factor: 2 }, Moments::Copy),
        ("another size", Growth::Stack { factor: 3 }, Moments::Copy),
        ("another policy", STACK, Moments::KeepOld),
        ("no moments", STACK, Moments::Reset),
    ];
    for (name, growth, moments) in others {
        scene.leave(&growth, moments, name, |_| true);
        assert_eq!(scene.grow(&STACK, Moments::Copy, name).reused, 0, "{name}");
    }
    scene.leave(&noise(1), Moments::Reset, "another seed", |_| true);
    assert_eq!(scene.grow(&noise(2), Moments::Reset, "another seed").reused, 0);
    scene.leave(&STACK, Moments::Reset, "other shards", |_| true);
    let source = scene.source();
    let plan = FolderPlan::new(&source, &[STACK]).unwrap();
    let target = scene.target("other shards");
    let grown = grow_folder(&plan, Moments::Reset, &target, 2 * SHARD_BYTES).unwrap();
    assert_eq!(grown.reused, 0);
}

#[test]
fn a_source_that_has_changed_is_read_anew() {
    let scene = Scene::new(&model(2));
    scene.leave(&STACK, Moments::Reset, "same", |_| true);
    assert!(scene.grow(&STACK, Moments::Reset, "same").reused > 0);

    scene.leave(&STACK, Moments::Reset, "touched", |_| true);
    let weights = scene.dir.path().join("source/model.safetensors");
    let file = File::options().write(true).open(&weights).unwrap();
    let earlier = SystemTime::now() - Duration::from_hours(1);
    file.set_times(FileTimes::new().set_modified(earlier)).unwrap();
    assert_eq!(scene.grow(&STACK, Moments::Reset, "touched").reused, 0);

    // Another file of the same size and time of change, as an archive may hold it.
    scene.leave(&STACK, Moments::Reset, "replaced", |_| true);
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    file.set_times(FileTimes::new().set_modified(earlier)).unwrap();
    assert_eq!(scene.grow(&STACK, Moments::Reset, "replaced").reused, 0);
    scene.grow(&STACK, Moments::Reset, "whole");
    assert_eq!(contents(&scene.target("replaced")), contents(&scene.target("whole")));
}

#[test]
fn side_files_and_the_card_are_those_of_the_last_attempt() {
    let scene = Scene::new(&model(2));
    let side = scene.dir.path().join("source/tokenizer.json");
    fs::write(&side, "old").unwrap();
    scene.leave(&STACK, Moments::Reset, "killed", |_| true);
    fs::remove_file(&side).unwrap();
    fs::write(scene.dir.path().join("source/merges.txt"), "new").unwrap();
    assert!(scene.grow(&STACK, Moments::Reset, "killed").reused > 0);
    scene.grow(&STACK, Moments::Reset, "whole");
    assert_eq!(contents(&scene.target("killed")), contents(&scene.target("whole")));
}

/// A source, and targets beside it.
struct Scene {
    dir: TempDir,
}

impl Scene {
    fn new(config: &LlamaConfig) -> Self {
        let scene = Self { dir: TempDir::new().unwrap() };
        write_checkpoint(&scene.dir.path().join("source"), config, &numbered(config), 1 << 30).unwrap();
        scene
    }

    fn source(&self) -> Source {
        Source::open(&self.dir.path().join("source")).unwrap()
    }

    fn target(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn grow(&self, growth: &Growth, moments: Moments, name: &str) -> Grown {
        let source = self.source();
        let plan = FolderPlan::new(&source, std::slice::from_ref(growth)).unwrap();
        grow_folder(&plan, moments, &self.target(name), SHARD_BYTES).unwrap()
    }

    /// Both moments of every tensor, numbered.
    fn write_moments(&self) {
        let source = self.source();
        let moments = source.weights().tensors().iter().flat_map(|tensor| {
            ["exp_avg", "exp_avg_sq"].map(|moment| TensorSpec {
                name: format!("{}.{moment}", tensor.name),
                dtype: Dtype::F32.into(),
                shape: tensor.shape.clone(),
            })
        });
        let moments: Vec<TensorSpec> = moments.collect();
        let layout = ShardLayout::of(ShardSet::Optimizer, moments.clone(), 1 << 30);
        let mut writer = ShardWriter::create(source.weights().folder(), &layout).unwrap();
        for (index, moment) in moments.iter().enumerate() {
            writer.write(&moment.name, &vec![index as u8; moment.size_bytes() as usize]).unwrap();
        }
        writer.finish().unwrap();
    }

    /// Leaves what a process would that was killed when those of its shards were finished that `is_finished` says.
    fn leave(&self, growth: &Growth, moments: Moments, name: &str, is_finished: impl Fn(usize) -> bool) {
        let remains = self.target(&format!(".{name}.{DEAD}-0.partial"));
        fs::create_dir(&remains).unwrap();
        self.almost_grow(growth, moments, |folder| {
            for (name, bytes) in contents(folder) {
                let file = remains.join(name);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, bytes).unwrap();
            }
        });
        let shards = names(&remains).into_iter().filter(|name| name.ends_with(".safetensors"));
        for (_, shard) in shards.enumerate().filter(|(index, _)| !is_finished(*index)) {
            fs::remove_file(remains.join(&shard)).unwrap();
            fs::write(remains.join(format!(".{shard}.unfinished")), "half").unwrap();
        }
        for name in ["config.json", "README.md", ".config.json.7-0.partial"] {
            fs::write(remains.join(name), "half").unwrap();
        }
    }

    /// Shows the folder of a growth in which only the card is missing: that waits for the source's config.json to be
    /// read again.
    fn almost_grow(&self, growth: &Growth, moments: Moments, show: impl FnOnce(&Path)) {
        let source = self.source();
        let config = source.weights().folder().join("config.json");
        let text = fs::read(&config).unwrap();
        fs::remove_file(&config).unwrap();
        assert!(Command::new("mkfifo").arg(&config).status().unwrap().success());
        let plan = FolderPlan::new(&source, std::slice::from_ref(growth)).unwrap();
        let target = self.target("shown");
        std::thread::scope(|scope| {
            let growing = scope.spawn(|| grow_folder(&plan, moments, &target, SHARD_BYTES));
            let pending = || {
                let name = hidden(self.dir.path()).into_iter().find(|name| name.starts_with(".shown."))?;
                let folder = self.dir.path().join(name);
                folder.join("config.json").exists().then_some(folder)
            };
            let folder = loop {
                match pending() {
                    Some(folder) => break folder,
                    None => std::thread::yield_now(),
                }
            };
            show(&folder);
            fs::write(&config, &text).unwrap();
            growing.join().unwrap().unwrap();
        });
        fs::remove_file(&config).unwrap();
        fs::write(&config, &text).unwrap();
        fs::remove_dir_all(target).unwrap();
    }
}

/// All files, with their names; those of subfolders with their path.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = |name: String| {
        let path = folder.join(&name);
        if !path.is_dir() {
            return vec![(name, fs::read(path).unwrap())];
        }
        contents(&path).into_iter().map(|(inside, bytes)| (format!("{name}/{inside}"), bytes)).collect()
    };
    names(folder).into_iter().flat_map(files).collect()
}

fn hidden(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| name.starts_with('.')).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
