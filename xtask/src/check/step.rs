//! What is checked, a name for each, and how it ends. Runs nothing.

use std::time::Duration;

use clap::ValueEnum;

/// One thing that is checked. In the order in which they run: the cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// `cargo fmt --check`, the programs outside the workspace included.
    Fmt,
    /// `cargo xtask tidy`.
    Tidy,
    /// Spelling.
    Typos,
    /// Licences, bans and sources of the dependencies; advisories where their database can be reached.
    Deny,
    /// Lints, as errors.
    Clippy,
    /// `cargo test --workspace --locked`.
    Test,
    /// The documentation builds without a warning.
    Docs,
    /// Programs outside the workspace use single crates, without burn in their trees.
    Outside,
    /// The `cuda` feature type-checks. Not by default.
    Cuda,
    /// A training step and a text on wgpu agree with the CPU. Not by default.
    Wgpu,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed(Duration),
    Failed(Duration),
    Skipped,
}

impl Outcome {
    /// How long the step took, if it ran.
    pub(crate) fn time(self) -> Option<Duration> {
        match self {
            Outcome::Passed(time) | Outcome::Failed(time) => Some(time),
            Outcome::Skipped => None,
        }
    }
}

/// What the command line calls a step.
pub(crate) fn name(step: Step) -> String {
    step.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
