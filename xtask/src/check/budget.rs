//! How long the gate may take, and who may take how much of it.
//!
//! Minutes are those of a first run on two cores, with nothing built before. A share that is over is said loudly; only
//! `--strict` makes a failure of it, since a machine may be slow. What stays over moves to `cargo xtask check --all`.

use std::time::Duration;

use super::step::{Outcome, Step, name};

/// A part of the gate and the minutes that it may take.
struct Share {
    name: &'static str,
    minutes: u32,
    /// None as long as the share is kept for steps that don't exist yet.
    steps: &'static [Step],
}

/// All shares: fifty minutes together.
const SHARES: [Share; 6] = [
    Share { name: "tests", minutes: 25, steps: &[Step::Test] },
    Share { name: "experiments", minutes: 5, steps: &[] },
    Share { name: "GPU twins", minutes: 8, steps: &[Step::Cuda, Step::Wgpu] },
    Share { name: "ranks", minutes: 5, steps: &[] },
    Share { name: "torture", minutes: 4, steps: &[] },
    Share {
        name: "the rest",
        minutes: 3,
        steps: &[Step::Fmt, Step::Tidy, Step::Typos, Step::Deny, Step::Clippy, Step::Docs, Step::Outside],
    },
];

/// Minutes with one decimal, for people.
pub(super) fn minutes(time: Duration) -> String {
    format!("{:.1} min", time.as_secs_f64() / 60.0)
}

/// The share that a step is part of, in words.
pub(super) fn share_of(step: Step) -> String {
    let share = SHARES.iter().find(|share| share.steps.contains(&step));
    share.map_or_else(String::new, |share| {
        let others = if share.steps.len() > 1 { ", with others" } else { "" };
        format!("of the {} min of {}{others}", share.minutes, share.name)
    })
}

/// A line for each share and for all together.
pub(super) fn table(summary: &[(Step, Outcome)]) -> String {
    let mut lines = Vec::new();
    for share in &SHARES {
        let taken = taken(share, summary);
        let words = match taken {
            Some(time) => minutes(time),
            None if share.steps.is_empty() => "reserved".to_owned(),
            None => "not run".to_owned(),
        };
        lines.push(line(share.name, &words, taken.unwrap_or_default(), share.minutes));
    }
    let together = SHARES.iter().filter_map(|share| taken(share, summary)).sum();
    let whole = SHARES.iter().map(|share| share.minutes).sum();
    lines.push(line("together", &minutes(together), together, whole));
    lines.join("\n")
}

/// The shares that took longer than they may.
pub(super) fn over(summary: &[(Step, Outcome)]) -> Vec<&'static str> {
    let is_over =
        |share: &&Share| taken(share, summary).is_some_and(|time| excess(time, share.minutes).is_some());
    SHARES.iter().filter(is_over).map(|share| share.name).collect()
}

fn line(name: &str, words: &str, taken: Duration, limit: u32) -> String {
    let over = excess(taken, limit).map(|time| format!("  OVER by {}", minutes(time))).unwrap_or_default();
    format!("{name:<12} {words:>9} of {limit:>2} min{over}")
}

fn excess(taken: Duration, limit: u32) -> Option<Duration> {
    taken.checked_sub(Duration::from_mins(u64::from(limit))).filter(|time| !time.is_zero())
}

/// What the steps of a share took, if any of them ran.
fn taken(share: &Share, summary: &[(Step, Outcome)]) -> Option<Duration> {
    let times = summary.iter().filter(|(step, _)| share.steps.contains(step));
    let times = times.filter_map(|(_, outcome)| outcome.time()).collect::<Vec<_>>();
    (!times.is_empty()).then(|| times.into_iter().sum())
}

/// A line for each step: how it ended, and after how long.
pub(super) fn steps(summary: &[(Step, Outcome)]) -> String {
    let row = |(step, outcome): &(Step, Outcome)| {
        let words = match outcome {
            Outcome::Passed(_) => "passed",
            Outcome::Failed(_) => "FAILED",
            Outcome::Skipped => "not run",
        };
        let time = outcome.time().map(|time| format!("   {:>9}", minutes(time))).unwrap_or_default();
        format!("{:<8} {words}{time}", name(*step))
    };
    summary.iter().map(row).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    fn after(minutes: u64) -> Outcome {
        Outcome::Passed(Duration::from_mins(minutes))
    }

    #[test]
    fn the_gate_takes_fifty_minutes_and_every_step_has_one_share() {
        assert_eq!(SHARES.iter().map(|share| share.minutes).sum::<u32>(), 50);
        for step in Step::value_variants() {
            let shares = SHARES.iter().filter(|share| share.steps.contains(step));
            assert_eq!(shares.count(), 1, "{}", name(*step));
        }
    }

    #[test]
    fn a_share_is_over_when_its_steps_together_are() {
        let summary = [(Step::Clippy, after(2)), (Step::Docs, after(1)), (Step::Test, after(25))];
        assert!(over(&summary).is_empty());
        let summary = [(Step::Clippy, after(2)), (Step::Docs, after(2)), (Step::Test, after(26))];
        assert_eq!(over(&summary), ["tests", "the rest"]);
    }

    #[test]
    fn a_step_that_failed_has_taken_its_time_as_well() {
        assert_eq!(over(&[(Step::Wgpu, Outcome::Failed(Duration::from_mins(9)))]), ["GPU twins"]);
    }

    #[test]
    fn the_table_has_a_line_for_each_share_and_one_for_all() {
        let summary = [(Step::Test, after(20)), (Step::Clippy, after(5)), (Step::Wgpu, Outcome::Skipped)];
        let expected = "\
tests         20.0 min of 25 min
experiments   reserved of  5 min
GPU twins      not run of  8 min
ranks         reserved of  5 min
torture       reserved of  4 min
the rest       5.0 min of  3 min  OVER by 2.0 min
together      25.0 min of 50 min";
        assert_eq!(table(&summary), expected);
    }

    #[test]
    fn the_summary_has_a_line_for_each_step() {
        let second = Duration::from_secs(6);
        let summary = [
            (Step::Fmt, Outcome::Passed(second)),
            (Step::Tidy, Outcome::Failed(second)),
            (Step::Wgpu, Outcome::Skipped),
        ];
        assert_eq!(
            steps(&summary),
            "fmt      passed     0.1 min\ntidy     FAILED     0.1 min\nwgpu     not run"
        );
    }
}
