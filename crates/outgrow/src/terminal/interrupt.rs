//! Asking a run to end: Ctrl-C, SIGTERM, or a parent process that went away.

use std::{
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::error::{Error, Result};

/// Whether the run has been asked to end. Cloning shares the flag.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens to Ctrl-C and SIGTERM from now on. The first asks politely; the second ends the process at once.
    pub(crate) fn from_signals() -> Result<Self> {
        let interrupt = Self::default();
        let flag = interrupt.clone();
        ctrlc::set_handler(move || {
            if flag.0.swap(true, Ordering::SeqCst) {
                std::process::exit(1);
            }
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
            flag.0.store(true, Ordering::SeqCst);
        });
        self
    }

    /// Whether to end.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
