//! What a refusal means on the command line: which command or flag helps. Libraries name neither.

use std::{io::ErrorKind, path::Path};

use outgrow_data::DataError;
use outgrow_kernels::DeviceError;
use outgrow_operators::GrowthError;
use outgrow_train::{
    TrainError,
    resume::{Difference, Field, Rule},
};

/// What helps against a refusal to grow, to be said behind it.
pub(crate) fn of_growth(error: &GrowthError) -> Option<String> {
    match error {
        GrowthError::Masked { folder } => {
            Some(format!("`outgrow export {} TARGET` folds the mask into the weights", folder.display()))
        }
        _ => None,
    }
}

/// What helps against a device that can't be used, likewise.
pub(crate) fn of_device(error: &DeviceError) -> Option<String> {
    match error {
        DeviceError::NotCompiled { backend } => {
            Some(format!("`cargo build --release -p outgrow --features {backend}` builds one that has it"))
        }
        _ => None,
    }
}

/// What helps against token shards that aren't there, likewise.
pub(crate) fn of_data(error: &DataError) -> Option<String> {
    match error {
        DataError::Io { action: "read", path, source }
            if path.ends_with("manifest.json") && source.kind() == ErrorKind::NotFound =>
        {
            Some(of_no_shards(path.parent().unwrap_or(path)))
        }
        _ => None,
    }
}

/// What makes the token shards of a folder that has none.
pub(crate) fn of_no_shards(folder: &Path) -> String {
    format!("`outgrow data prepare TEXTS --tokenizer FILE --out {}` makes token shards", folder.display())
}

/// The words for a refusal with the flags that help; `None` where none does.
pub(crate) fn with_flags(error: &TrainError) -> Option<String> {
    match error {
        TrainError::OtherRun { folder, differences } => Some(of_another_run(folder, differences)),
        TrainError::OtherBeginning { folder, differences } => Some(of_another_beginning(folder, differences)),
        TrainError::NotWhole { whole: Some(step), .. } => {
            Some(format!("{error}: `--rewind-to step-{step}` goes on from it and sets aside what is newer"))
        }
        TrainError::NotWhole { whole: None, .. } => {
            Some(format!("{error}: put back what is missing, or begin anew with another --out"))
        }
        _ => None,
    }
}

fn of_another_run(folder: &Path, differences: &[Difference]) -> String {
    let (extensions, others): (Vec<_>, Vec<_>) =
        differences.iter().partition(|difference| difference.rule() == Rule::Extension);
    let folder = folder.display();
    if others.is_empty() {
        let extensions: Vec<_> = extensions.into_iter().map(ToString::to_string).collect();
        let extensions = extensions.join("; ");
        return format!(
            "{folder}: was written by a run with {extensions}; --extend goes on with it as it is here"
        );
    }
    let others = others.into_iter().map(with_dtype);
    let extensions = extensions.into_iter().map(|one| format!("{one} (--extend allows that)"));
    let all: Vec<_> = others.chain(extensions).collect();
    let all = all.join("; ");
    format!("{folder}: was written by a run with {all}; use another --out, or the recipe that began this run")
}

fn of_another_beginning(folder: &Path, differences: &[Difference]) -> String {
    let all = differences.iter().map(with_dtype).collect::<Vec<_>>().join("; ");
    format!(
        "{}: has another beginning, with {all}; a run branches off where all is the same until there, or begins by \
         itself without --branch-from",
        folder.display()
    )
}

fn with_dtype(difference: &Difference) -> String {
    match (difference.field, difference.saved.as_str()) {
        // bf16 is computed on every processor by that name only.
        (Field::Dtype, Some("bf16")) => format!("{difference} (--dtype bf16-emulated computes in it)"),
        (Field::Dtype, Some(saved)) => format!("{difference} (--dtype {saved} computes in it)"),
        _ => difference.to_string(),
    }
}
