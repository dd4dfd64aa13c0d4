//! Writes the files of an evaluation: whole or not at all, under the names that the harness gives them.

mod task_config;

mod results;
mod samples;

mod table;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{
    error::EvalError,
    evaluation::Evaluation,
    output::{
        results::{results, sanitized},
        samples::write_samples,
    },
    requests::TokenRequests,
};

pub use results::{RunDescription, TokenizerDescription};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenFiles {
    /// The results.
    pub results: PathBuf,
    /// The samples of each task, if they were asked for.
    pub samples: Vec<PathBuf>,
}

impl Evaluation<'_> {
    /// Writes `results_<time>.json` and, if asked, `samples_<task>_<time>.jsonl` for each task, into `out/<model>/`;
    /// the time is UTC.
    ///
    /// # Errors
    /// [`EvalError::Io`] for whatever the file system refuses.
    pub fn write(
        &self,
        requests: &TokenRequests,
        run: &RunDescription,
        out: &Path,
        log_samples: bool,
        now: SystemTime,
    ) -> Result<WrittenFiles, EvalError> {
        let folder = out.join(sanitized(&run.model_name));
        std::fs::create_dir_all(&folder).map_err(EvalError::io("create", &folder))?;
        let time = timestamp(now);
        let mut samples = Vec::new();
        for outcome in self.tasks.iter().filter(|_| log_samples) {
            let path = folder.join(format!("samples_{}_{time}.jsonl", outcome.planned.task.name));
            write_whole(&path, |file| write_samples(outcome, file))?;
            samples.push(path);
        }
        let path = folder.join(format!("results_{time}.json"));
        let json = results(self, run, requests.outline.max_length, log_samples).indented();
        write_whole(&path, |file| file.write_all(json.as_bytes()))?;
        Ok(WrittenFiles { results: path, samples })
    }
}

/// A temporary file beside it, which takes its name when it is complete.
fn write_whole(
    path: &Path,
    contents: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> Result<(), EvalError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let file = temporary().tempfile_in(folder).map_err(EvalError::io("create", path))?;
    let mut buffered = std::io::BufWriter::new(file);
    contents(&mut buffered).map_err(EvalError::io("write", path))?;
    let file = buffered.into_inner().map_err(|error| EvalError::io("write", path)(error.into_error()))?;
    file.as_file().sync_all().map_err(EvalError::io("write", path))?;
    file.persist(path).map_err(|error| EvalError::io("write", path)(error.error))?;
    Ok(())
}

/// A temporary file that whoever may read the folder's other files may read: by itself it would be its owner's only.
fn temporary() -> tempfile::Builder<'static, 'static> {
    #[cfg_attr(not(unix), allow(unused_mut, reason = "permissions are unix'"))]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

/// `datetime.isoformat()` with dashes for colons. Days to a date: Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms".
fn timestamp(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let micros = since.subsec_micros();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}.{micros:06}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_dates() {
        let time = |seconds, micros: u32| timestamp(UNIX_EPOCH + Duration::new(seconds, 1000 * micros));
        assert_eq!(time(0, 5), "1970-01-01T00-00-00.000005");
        assert_eq!(time(1_709_164_799, 0), "2024-02-28T23-59-59.000000");
        assert_eq!(time(1_709_164_800, 0), "2024-02-29T00-00-00.000000");
        assert_eq!(time(1_795_623_486, 732_890), "2026-11-25T16-18-06.732890");
    }
}
