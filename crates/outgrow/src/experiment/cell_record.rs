//! `cell.json` beside a run of an experiment: which program makes it, by which recipe, and whether anything ran beside
//! it. By it, runs of two programs or of two recipes never stand in one report.

use std::{fmt::Write, fs, path::Path};

use outgrow_checkpoint::write_file_atomically;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    error::{BadInput, Error, Result},
    machine::compute::Compute,
};

const FILE: &str = "cell.json";
const FORMAT: u32 = 1;
/// What decides no number of a run, or is compared by its content when the run goes on: where folders lie.
const NOT_THE_RUN: [&str; 5] = ["name", "data.training", "data.validation", "evaluation.data", "model.from"];
/// Differences that a message has room for.
const SHOWN: usize = 3;
const SHOWN_DIGITS: usize = 8;

/// What makes a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Provenance {
    /// Outgrow's version.
    pub version: String,
    /// A fingerprint of the code that trains.
    pub training_code: String,
    /// Over the recipe, without its name and where its folders lie.
    pub recipe_sha256: String,
    /// What it is computed on.
    pub device: String,
    /// What matrices are multiplied in.
    pub dtype: String,
}

/// What is remembered of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CellRecord {
    format: u32,
    /// What makes it.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// How many processes were run at a time.
    pub jobs: usize,
    /// Whether no other process of the experiment has run beside it so far.
    pub alone: bool,
    /// Whether it is done.
    pub done: bool,
    /// The step at which its loss was no number any more, where that was its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diverged_at_step: Option<u64>,
    /// Over its metrics when it was done: what is cut or changed later is no result of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_sha256: Option<String>,
}

impl Provenance {
    /// Of a run by this program.
    pub(crate) fn of(table: &toml::Table, compute: Compute) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            training_code: env!("OUTGROW_TRAINING_CODE").to_owned(),
            recipe_sha256: recipe_sha256(table),
            device: compute.device.to_string(),
            dtype: compute.precision.to_string(),
        }
    }
}

impl CellRecord {
    /// Of a run that begins now.
    pub(crate) fn new(provenance: Provenance, jobs: usize) -> Self {
        Self {
            format: FORMAT,
            provenance,
            jobs,
            alone: true,
            done: false,
            diverged_at_step: None,
            metrics_sha256: None,
        }
    }

    /// That of a folder, if it has one.
    ///
    /// # Errors
    /// A file that is no such record.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::at(&path)(error)),
        };
        let unreadable = |problem: String| BadInput(format!("{}: {problem}", path.display()));
        let record: Self = serde_json::from_str(&text).map_err(|problem| unreadable(problem.to_string()))?;
        if record.format != FORMAT {
            let found = record.format;
            return Err(unreadable(format!("format is {found}, this build reads format {FORMAT}")).into());
        }
        Ok(Some(record))
    }

    /// Writes it beside the run.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(write_file_atomically(&folder.join(FILE), text.as_bytes())?)
    }
}

/// Why what there is of a run in a folder isn't what would be made now; `None` where it is, or where there is nothing.
///
/// # Errors
/// Files that can't be read.
pub(crate) fn other_run(folder: &Path, now: &Provenance, table: &toml::Table) -> Result<Option<String>> {
    let record = match CellRecord::read(folder) {
        Ok(Some(record)) => record,
        Ok(None) => {
            let unknown = folder.join("run.json").exists();
            return Ok(
                unknown.then(|| "which code has trained it isn't known (it has no cell.json)".to_owned())
            );
        }
        Err(Error::Input(problem)) => return Ok(Some(format!("its cell.json can't be read ({problem})"))),
        Err(error) => return Err(error),
    };
    if record.done && record.metrics_sha256.is_some() && record.metrics_sha256 != metrics_sha256(folder) {
        return Ok(Some("its metrics.jsonl isn't what it was when the run was done".to_owned()));
    }
    let then = record.provenance;
    if then == *now {
        return Ok(None);
    }
    let mut differences = Vec::new();
    if then.recipe_sha256 != now.recipe_sha256 {
        let before = fs::read_to_string(folder.join("recipe.toml")).ok();
        let before = before.and_then(|text| text.parse::<toml::Table>().ok());
        let keys = before.map(|before| differing_keys(&before, table)).unwrap_or_default();
        if keys.is_empty() {
            differences.push("its recipe was another".to_owned());
        } else {
            differences.extend(keys.iter().take(SHOWN).cloned());
            let more = keys.len().saturating_sub(SHOWN);
            if more > 0 {
                differences.push(format!("{more} more keys of its recipe differ"));
            }
        }
    }
    if (&then.version, &then.training_code) != (&now.version, &now.training_code) {
        let short = |of: &Provenance| {
            let code = &of.training_code[..of.training_code.len().min(SHOWN_DIGITS)];
            format!("{} ({code})", of.version)
        };
        differences.push(format!("it was trained by Outgrow {}, this is {}", short(&then), short(now)));
    }
    for (what, then, now) in [("device", &then.device, &now.device), ("dtype", &then.dtype, &now.dtype)] {
        if then != now {
            differences.push(format!("{what} was {then}, is {now}"));
        }
    }
    Ok(Some(differences.join("; ")))
}

/// Over the metrics in a folder, if it has any.
pub(crate) fn metrics_sha256(folder: &Path) -> Option<String> {
    let bytes = fs::read(folder.join("metrics.jsonl")).ok()?;
    Some(hexadecimal(&Sha256::digest(bytes)))
}

/// Over what of a recipe decides a run.
pub(crate) fn recipe_sha256(table: &toml::Table) -> String {
    let mut sum = Sha256::new();
    for (key, value) in keys(table) {
        sum.update(format!("{key} = {value}\n"));
    }
    hexadecimal(&sum.finalize())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hexadecimal, byte| {
        let _ = write!(hexadecimal, "{byte:02x}");
        hexadecimal
    })
}

/// `training.batch_sequences was 8, is 16`, for each key.
fn differing_keys(then: &toml::Table, now: &toml::Table) -> Vec<String> {
    let (then, now) = (keys(then), keys(now));
    let of = |all: &[(String, String)], key: &str| {
        all.iter().find(|(one, _)| one == key).map_or("not there".to_owned(), |(_, value)| value.clone())
    };
    let mut names: Vec<&String> = then.iter().chain(&now).map(|(key, _)| key).collect();
    names.sort();
    names.dedup();
    let both = names.into_iter().map(|key| (key, of(&then, key), of(&now, key)));
    both.filter(|(_, then, now)| then != now)
        .map(|(key, then, now)| format!("{key} was {then}, is {now}"))
        .collect()
}

/// All keys with their values, sorted, without those that don't make the run.
fn keys(table: &toml::Table) -> Vec<(String, String)> {
    let mut all = Vec::new();
    flatten("", table, &mut all);
    all.sort();
    all
}

fn flatten(prefix: &str, table: &toml::Table, all: &mut Vec<(String, String)>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(table) => flatten(&path, table, all),
            _ if NOT_THE_RUN.contains(&path.as_str()) => {}
            value => all.push((path, value.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> toml::Table {
        text.parse().unwrap()
    }

    #[test]
    fn where_folders_lie_and_what_a_run_is_called_make_no_other_recipe() {
        let one =
            table("name = 'a'\nseed = 1\n[data]\ntraining = 'x'\nsequence_length = 8\n[model]\nfrom = 'y'");
        let two =
            table("seed = 1\nname = 'b'\n[model]\nfrom = 'z'\n[data]\nsequence_length = 8\ntraining = 'y'");
        assert_eq!(recipe_sha256(&one), recipe_sha256(&two));
        let other = table("name = 'a'\nseed = 2\n[data]\nsequence_length = 16\norder_seed = 3");
        assert_ne!(recipe_sha256(&one), recipe_sha256(&other));
        assert_eq!(
            differing_keys(&one, &other),
            ["data.order_seed was not there, is 3", "data.sequence_length was 8, is 16", "seed was 1, is 2"]
        );
    }
}
