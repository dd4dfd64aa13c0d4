//! Asking a run to end: Ctrl-C, SIGTERM, or a parent process that went away.

use std::{
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use outgrow_train::resume::checkpoint_name;

use crate::error::{Error, Result};

/// `timeout` and other wrappers signal a process and then its group: two signals so close are one.
const SAME_SIGNAL: Duration = Duration::from_millis(500);

/// Whether the run has been asked to end. Cloning shares the flag.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    is_asked: Arc<AtomicBool>,
    saved_step: Arc<AtomicU64>,
}

impl Interrupt {
    /// Listens to Ctrl-C and SIGTERM from now on. The first asks politely; the second ends the process at once.
    pub(crate) fn from_signals() -> Result<Self> {
        Self::announced(|_| ())
    }

    /// The same; says at the first one what happens next. It is told the step of the newest checkpoint, 0 where there
    /// is none.
    pub(crate) fn announced(announce: impl Fn(u64) + Send + 'static) -> Result<Self> {
        let interrupt = Self::default();
        let shared = interrupt.clone();
        let mut first: Option<Instant> = None;
        ctrlc::set_handler(move || {
            shared.is_asked.store(true, Ordering::SeqCst);
            if let Some(first) = first {
                if first.elapsed() >= SAME_SIGNAL {
                    std::process::exit(1);
                }
                return;
            }
            first = Some(Instant::now());
            announce(shared.saved_step.load(Ordering::SeqCst));
        })
        .map_err(|error| Error::Failed(format!("can't listen to Ctrl-C: {error}")))?;
        Ok(interrupt)
    }

    /// Also ends when standard input is closed: a parent that holds the other end asks by closing it, and so does its
    /// death.
    pub(crate) fn or_closed_stdin(self) -> Self {
        let flag = self.clone();
        thread::spawn(move || {
            let mut ignored = [0; 64];
            while std::io::stdin().read(&mut ignored).is_ok_and(|read| read > 0) {}
            flag.is_asked.store(true, Ordering::SeqCst);
        });
        self
    }

    /// Whether to end.
    pub(crate) fn is_set(&self) -> bool {
        self.is_asked.load(Ordering::SeqCst)
    }

    /// There is a checkpoint of this step.
    pub(crate) fn saved(&self, step: u64) {
        self.saved_step.store(step, Ordering::SeqCst);
    }
}

/// What happens when a run is asked to end, and what a second time would lose.
pub(crate) fn stopping(saved_step: u64) -> String {
    let lost = match saved_step {
        0 => "all steps so far".to_owned(),
        step => format!("the steps after {}", checkpoint_name(step)),
    };
    format!(
        "stopping: this step is finished and a checkpoint written; a second Ctrl-C ends at once and loses {lost}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_second_interrupt_loses_is_said() {
        insta::assert_snapshot!(stopping(0), @"stopping: this step is finished and a checkpoint written; a second Ctrl-C ends at once and loses all steps so far");
        insta::assert_snapshot!(stopping(120), @"stopping: this step is finished and a checkpoint written; a second Ctrl-C ends at once and loses the steps after step-00000120");
    }
}
