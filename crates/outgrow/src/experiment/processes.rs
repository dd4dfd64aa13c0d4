//! Runs side by side: `outgrow train` processes, some at a time, watched through the metrics that they write. In which
//! order, the queue says.

use std::{
    fs::{self, File, TryLockError},
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};
use serde_json::Value;

use crate::{
    error::{Error, Result},
    experiment::{
        estimate::threads,
        queue::{Job, Queue},
    },
    machine::compute::ComputeFlags,
    run::run_json::RunFile,
    terminal::{interrupt::Interrupt, output, progress::Progress},
};

const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long a process may take to end after the one that started it was killed.
const MOST_WAITING: Duration = Duration::from_mins(1);

/// What has just happened to a run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Happened {
    /// Its process is about to begin, beside others.
    Begins,
    /// It is done, or has diverged.
    IsDone,
}

/// What is told of what happened to a run, by its index, and of the runs beside it.
pub(crate) type Observe<'a> = dyn FnMut(Happened, usize, &[usize]) -> Result<()> + 'a;

/// Makes all runs, at most `at_once` at a time, the cores shared between them. Stops them all when interrupted or when
/// one fails. `observe` is told of each run, by its index, and of those that run beside it.
///
/// # Errors
/// When a run fails, with the last line of its log, but not when it diverges; when interrupted; and what the observer
/// fails with.
pub(crate) fn run_all(
    jobs: &[Job],
    at_once: usize,
    compute: &ComputeFlags,
    interrupt: &Interrupt,
    observe: &mut Observe<'_>,
) -> Result<()> {
    let lines = !output::draws_progress();
    let bars = MultiProgress::with_draw_target(if lines {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    });
    let mut queue = Queue::new(jobs);
    let mut running: Vec<Running<'_>> = Vec::new();
    let mut failure = None;
    loop {
        while failure.is_none() && !interrupt.is_set() && running.len() < at_once {
            let Some(index) = queue.take() else { break };
            let beside: Vec<usize> = running.iter().map(|run| run.index).collect();
            observe(Happened::Begins, index, &beside)?;
            running.push(Running::start(&jobs[index], index, at_once, compute, &bars, lines)?);
        }
        if running.is_empty() {
            break;
        }
        thread::sleep(POLL_INTERVAL);
        let mut still_running = Vec::new();
        for mut run in running {
            run.look()?;
            match run.child.try_wait().map_err(Error::at(&run.job.name))? {
                None => still_running.push(run),
                Some(status) => {
                    run.look()?;
                    run.progress.finish();
                    let file = RunFile::read(&run.job.folder);
                    // A run that was stopped ends well, too, and one that diverged has come to its end. One that was
                    // finished long ago and is refused now, for other data, has not.
                    let has_ended =
                        if status.success() { file.is_finished() } else { file.diverged_at_step().is_some() };
                    if has_ended {
                        queue.done(run.index);
                        observe(Happened::IsDone, run.index, &[])?;
                    } else if !status.success() {
                        let (name, reason) = (&run.job.name, last_line(&run.log));
                        failure.get_or_insert(Error::Failed(format!("{name}: {reason}")));
                    }
                }
            }
        }
        running = still_running;
        if failure.is_some() || interrupt.is_set() {
            // A child ends, with a checkpoint, when its standard input is closed.
            for run in &mut running {
                drop(run.child.stdin.take());
            }
        }
    }
    match failure {
        Some(failure) => Err(failure),
        None if interrupt.is_set() => Err(interrupted()),
        None => Ok(()),
    }
}

/// What an experiment ends with when it was asked to.
pub(crate) fn interrupted() -> Error {
    Error::Failed("interrupted: the same command goes on".into())
}

struct Running<'a> {
    job: &'a Job,
    index: usize,
    child: Child,
    log: PathBuf,
    progress: Progress,
    read: u64,
    stage: String,
}

impl<'a> Running<'a> {
    fn start(
        job: &'a Job,
        index: usize,
        at_once: usize,
        compute: &ComputeFlags,
        bars: &MultiProgress,
        lines: bool,
    ) -> Result<Self> {
        wait_until_free(&job.folder);
        let log = job.folder.join("log.txt");
        let log_file = File::create(&log).map_err(Error::at(&log))?;
        let program = std::env::current_exe().map_err(Error::at("can't find this program's own file"))?;
        let mut command = Command::new(program);
        command.arg("train").arg(&job.recipe).arg("--out").arg(&job.folder).arg("--stop-on-closed-stdin");
        command.args(compute.arguments());
        // A trunk that diverged has no such checkpoint, nor has one that isn't needed any more.
        if let Some(checkpoint) = job.branch_from.as_ref().filter(|checkpoint| checkpoint.exists()) {
            command.arg("--branch-from").arg(checkpoint);
        }
        let child = command
            .env("RAYON_NUM_THREADS", threads(at_once).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log_file)
            .spawn()
            .map_err(Error::at(&format!("{}: can't start a process", job.name)))?;
        let progress = Progress::on(bars.add(ProgressBar::new(job.tokens)), job.tokens, lines);
        Ok(Self { job, index, child, log, progress, read: 0, stage: String::new() })
    }

    /// Reads the whole lines that were added to the metrics, and shows them.
    fn look(&mut self) -> Result<()> {
        let path = self.job.folder.join("metrics.jsonl");
        let Ok(mut file) = File::open(&path) else { return Ok(()) };
        // A run that goes on from a checkpoint has shortened its metrics.
        if file.metadata().map_err(Error::at(&path))?.len() < self.read {
            self.read = 0;
        }
        file.seek(SeekFrom::Start(self.read)).map_err(Error::at(&path))?;
        let mut added = String::new();
        file.read_to_string(&mut added).map_err(Error::at(&path))?;
        let whole = added.rfind('\n').map_or(0, |end| end + 1);
        self.read += whole as u64;
        let mut last_step = None;
        for line in added[..whole].lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let stage = line["stage"].as_str().unwrap_or_default();
            if stage != self.stage {
                stage.clone_into(&mut self.stage);
                self.progress.stage(&format!("{} {stage}", self.job.name));
            }
            if line["loss"].is_number() {
                last_step = Some(line);
            }
        }
        if let Some(line) = last_step {
            let tokens = line["tokens"].as_u64().unwrap_or_default();
            let (loss, rate) = (line["loss"].as_f64(), line["tokens_per_second"].as_f64());
            self.progress.step(tokens, loss.unwrap_or(f64::NAN), rate.unwrap_or_default());
        }
        Ok(())
    }
}

/// A process that was started before its parent was killed ends by itself, after a step and a checkpoint.
fn wait_until_free(folder: &Path) {
    let Ok(handle) = File::open(folder) else { return };
    let started = Instant::now();
    while matches!(handle.try_lock(), Err(TryLockError::WouldBlock)) && started.elapsed() < MOST_WAITING {
        thread::sleep(POLL_INTERVAL);
    }
}

fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let line = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("ended without a word");
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
