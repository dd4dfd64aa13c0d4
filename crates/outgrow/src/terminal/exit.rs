//! How a command ends: the message and the exit status.

use std::{io, process::ExitCode};

use outgrow_checkpoint::CheckpointError;
use outgrow_operators::GrowthError;
use outgrow_train::TrainError;

use crate::error::BadInput;

const BAD_INPUT: u8 = 2;

/// Prints an error as one line and picks the status: 0 done, 2 bad input, 1 anything else.
pub fn status(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", one_line(&error));
            if is_bad_input(&error) { ExitCode::from(BAD_INPUT) } else { ExitCode::FAILURE }
        }
    }
}

/// Ends a command line that clap could not read, or that asked for help. Like every other error it is one line.
pub fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Help and version, which go to stdout; if that is closed, nobody reads them.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    // What follows is a summary of the usage and a hint at --help, several lines long.
    let problem = text.split("\n\nUsage:").next().unwrap_or(&text);
    let problem = problem.split("\n\nFor more information").next().unwrap_or(problem);
    eprintln!("{}", problem.split_whitespace().collect::<Vec<_>>().join(" "));
    ExitCode::from(BAD_INPUT)
}

/// Context first, then the causes, each once: crates often quote their cause in their own message.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if line.contains(&cause) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&cause);
    }
    line
}

/// Crates pass each other's errors on transparently, so that a full disk may lie two levels deep in one cause.
fn is_full_disk(cause: &(dyn std::error::Error + 'static)) -> bool {
    let growth =
        |error: &GrowthError| matches!(error, GrowthError::Checkpoint(CheckpointError::DiskFull { .. }));
    let train = |error: &TrainError| match error {
        TrainError::Checkpoint(error) => matches!(error, CheckpointError::DiskFull { .. }),
        TrainError::Growth(error) => growth(error),
        _ => false,
    };
    matches!(cause.downcast_ref(), Some(CheckpointError::DiskFull { .. }))
        || cause.downcast_ref().is_some_and(growth)
        || cause.downcast_ref().is_some_and(train)
}

/// Files that aren't there or aren't what they should be are the user's to mend; a full disk or a diverged loss isn't input.
fn is_bad_input(error: &anyhow::Error) -> bool {
    let mut bad = false;
    for cause in error.chain() {
        if let Some(TrainError::NotFinite { .. } | TrainError::ValidationNotFinite { .. }) =
            cause.downcast_ref()
        {
            return false;
        }
        if is_full_disk(cause) {
            return false;
        }
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            let of_the_input = matches!(
                cause.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::AlreadyExists
                    | io::ErrorKind::InvalidData
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
            );
            return of_the_input;
        }
        bad |= cause.is::<BadInput>()
            || cause.is::<TrainError>()
            || cause.is::<CheckpointError>()
            || cause.is::<outgrow_tokenizer::TokenizerError>()
            || cause.is::<outgrow_data::DataError>()
            || cause.is::<outgrow_eval::EvalError>()
            || cause.is::<outgrow_model::ModelError>()
            || cause.is::<outgrow_kernels::DeviceError>()
            || cause.is::<GrowthError>()
            || cause.is::<outgrow_operators::RecipeFileError>()
            || cause.downcast_ref().is_some_and(outgrow_report::ReportError::is_input)
            || cause.is::<outgrow_schedules::ScheduleError>();
    }
    bad
}
