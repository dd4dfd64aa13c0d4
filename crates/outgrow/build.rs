//! A fingerprint of the code that training depends on, so that an experiment doesn't mix runs of two programs: over the
//! sources of the crates that train, and over the libraries that they are locked to. Comments don't count. Where the
//! sources aren't beside this crate, as in a package, the version stands for it.
//!
//! It is no security: whoever wants two programs to have one fingerprint can have that.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

/// The crates that decide a run's numbers.
const CRATES: [&str; 8] =
    ["checkpoint", "tokenizer", "data", "operators", "schedules", "kernels", "model", "train"];

fn main() {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let code = training_code(&here).unwrap_or_else(|| env::var("CARGO_PKG_VERSION").expect("cargo sets it"));
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=OUTGROW_TRAINING_CODE={code}");
}

fn training_code(here: &Path) -> Option<String> {
    let crates = here.parent()?;
    let lock = crates.parent()?.join("Cargo.lock");
    println!("cargo:rerun-if-changed={}", lock.display());
    let mut sum = Sum::default();
    for name in CRATES {
        let source = crates.join(format!("outgrow-{name}")).join("src");
        println!("cargo:rerun-if-changed={}", source.display());
        let mut files = Vec::new();
        collect(&source, &mut files)?;
        files.sort();
        for file in files {
            let relative = file.strip_prefix(crates).ok()?.to_string_lossy().replace('\\', "/");
            sum.add(relative.as_bytes());
            let bytes = fs::read(&file).ok()?;
            match str::from_utf8(&bytes) {
                Ok(text) => {
                    for line in text.lines().map(str::trim).filter(is_code) {
                        sum.add(line.as_bytes());
                    }
                }
                Err(_) => sum.add(&bytes),
            }
        }
    }
    for package in locked(&fs::read_to_string(lock).ok()?) {
        sum.add(package.as_bytes());
    }
    Some(sum.in_hexadecimal())
}

fn is_code(line: &&str) -> bool {
    !line.is_empty() && !line.starts_with("//")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Option<()> {
    for entry in fs::read_dir(folder).ok()? {
        let path = entry.ok()?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Some(())
}

/// The packages of Cargo.lock that training is built of, with their versions and sums.
fn locked(lock: &str) -> BTreeSet<String> {
    let mut packages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let name = package.lines().find_map(|line| line.strip_prefix("name = "));
        packages.entry(name.unwrap_or_default().trim_matches('"')).or_default().push(package);
    }
    let (mut found, mut open) = (BTreeSet::new(), vec!["outgrow-train"]);
    while let Some(name) = open.pop() {
        // Of a name with several versions, all are taken.
        for package in packages.remove(name).unwrap_or_default() {
            let fact = |key| package.lines().find(|line| line.starts_with(key)).unwrap_or_default();
            found.insert([fact("name"), fact("version"), fact("checksum")].join(" "));
            let dependencies = package.lines().filter_map(|line| line.strip_prefix(" \""));
            let names = dependencies.filter_map(|line| line.split([' ', '"']).next());
            open.extend(names);
        }
    }
    found
}

/// FNV-1a in 64 bits.
struct Sum(u64);

impl Default for Sum {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Sum {
    /// Adds bytes, and that they end there.
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&[0xff]) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn in_hexadecimal(&self) -> String {
        format!("{:016x}", self.0)
    }
}
