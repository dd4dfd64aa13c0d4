//! `cargo xtask dist`: everything that could be handed out, in one folder: the wheel, an archive of the program with
//! the licences of all that is in it, and their checksums. Nothing is published.

mod licences;

use std::{
    env::consts::{ARCH, OS},
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, bail};

use crate::{wheel, workspace};

/// Files of the repository that go into the archive beside the program.
const ALONG: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];
const LICENCES_FILE: &str = "THIRD_PARTY_LICENSES.txt";
const CHECKSUMS_FILE: &str = "SHA256SUMS";

/// Arguments of `cargo xtask dist`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder to make; target/dist by default. It is emptied first.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Makes the folder and prints what is in it.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let target = workspace::target_directory()?;
    let out = arguments.out.clone().unwrap_or_else(|| target.join("dist"));
    let is_foreign =
        out.exists() && !out.join(CHECKSUMS_FILE).exists() && fs::read_dir(&out)?.next().is_some();
    if is_foreign {
        bail!(
            "`{}`: isn't empty, and not of an earlier `cargo xtask dist`; name another folder",
            out.display()
        );
    }
    let wheel = wheel::build(&target.join("wheels"))?;
    let name = format!("outgrow-{}-{ARCH}-{OS}", version()?);
    // The wheel's program, which runs on older systems than one that cargo builds here would.
    let packed = target.join("dist-archive");
    let folder = emptied(&packed.join(&name))?;
    take_program(&wheel, &folder)?;
    for file in ALONG {
        copy(&workspace::root().join(file), &folder.join(file))?;
    }
    write(&folder.join(LICENCES_FILE), &licences::of_program()?)?;

    let out = emptied(&out)?;
    let archive = out.join(format!("{name}.tar.gz"));
    workspace::run(Command::new("tar").arg("-C").arg(&packed).arg("-czf").arg(&archive).arg(&name))?;
    let wheel_name = wheel.file_name().context("a wheel has a name")?;
    copy(&wheel, &out.join(wheel_name))?;
    let files = [archive, out.join(wheel_name)];
    let sums = checksums(&files)?;
    write(&out.join(CHECKSUMS_FILE), &sums)?;
    print!("{sums}");
    println!("{}", out.display());
    Ok(ExitCode::SUCCESS)
}

/// The workspace's version.
fn version() -> anyhow::Result<String> {
    let metadata = workspace::metadata()?;
    let packages = metadata["packages"].as_array().context("`cargo metadata` names no packages")?;
    let package = packages.iter().find(|package| package["name"] == "outgrow");
    let version = package.and_then(|package| package["version"].as_str());
    Ok(version.context("`cargo metadata` names no package `outgrow`")?.to_owned())
}

/// Takes the program out of a wheel, which is a zip.
fn take_program(wheel: &Path, folder: &Path) -> anyhow::Result<()> {
    const TAKE: &str = "
import os, sys, zipfile
wheel, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as files:
    [member] = [name for name in files.namelist() if '.data/scripts/' in name]
    target = os.path.join(folder, os.path.basename(member))
    with open(target, 'wb') as program:
        program.write(files.read(member))
    os.chmod(target, 0o755)
";
    workspace::run(Command::new(wheel::environment()?).args(["-c", TAKE]).arg(wheel).arg(folder))
}

/// A line for each file, as `sha256sum --check` reads them.
fn checksums(files: &[PathBuf]) -> anyhow::Result<String> {
    const SUM: &str =
        "import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest())";
    let python = wheel::environment()?;
    let mut sums = String::new();
    for file in files {
        let sum = workspace::output(Command::new(&python).args(["-c", SUM]).arg(file))?;
        let name = file.file_name().context("a file has a name")?.display();
        writeln!(sums, "{}  {name}", sum.trim())?;
    }
    Ok(sums)
}

fn emptied(folder: &Path) -> anyhow::Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("emptying `{}`", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("making `{}`", folder.display()))?;
    Ok(folder.to_owned())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to).with_context(|| format!("copying `{}`", from.display()))?;
    Ok(())
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("writing `{}`", file.display()))
}
