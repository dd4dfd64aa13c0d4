//! Python environments for what is compared with: made where they are missing or stale, in the target directory. Which
//! packages is the caller's to say.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

/// The interpreter of an environment in `folder` that holds exactly `requirements`, as pip's requirement files have
/// them. `words` says what that is, to somebody who waits.
pub(crate) fn environment(folder: &Path, requirements: &str, words: &str) -> anyhow::Result<PathBuf> {
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    // Written last: an environment whose installation was cut off is made anew.
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|text| text == requirements) {
        return Ok(python);
    }
    eprintln!("installing {words} into {}", folder.display());
    let system = if cfg!(windows) { "python" } else { "python3" };
    one_line(Command::new(system).args(["-m", "venv", "--clear"]).arg(folder))
        .context("making a Python environment (on Debian: apt-get install python3-venv)")?;
    let wanted = folder.join("requirements.txt");
    fs::write(&wanted, requirements).with_context(|| format!("writing `{}`", wanted.display()))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    one_line(Command::new(&python).args(pip).arg(&wanted)).context("pip")?;
    fs::write(&installed, requirements).with_context(|| format!("writing `{}`", installed.display()))?;
    Ok(python)
}

/// Runs a command unseen; of what it says when it fails, the first line that names an error, or the last.
fn one_line(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("starting {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!("{}", telling_line(&String::from_utf8_lossy(&output.stderr)));
    }
    Ok(())
}

fn telling_line(stderr: &str) -> &str {
    let mut lines = stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines.clone().find(|line| line.starts_with("ERROR"));
    error.or_else(|| lines.next_back()).unwrap_or("it printed nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_pip_prints_the_error_is_kept() {
        let stderr =
            "WARNING: Retrying\nERROR: No matching distribution found for mergekit\n[notice] a new release\n";
        assert_eq!(telling_line(stderr), "ERROR: No matching distribution found for mergekit");
        assert_eq!(telling_line("a\nb\n\n"), "b");
    }
}
