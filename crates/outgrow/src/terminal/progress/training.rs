//! What is seen of a training run: a line that is redrawn on a terminal, and elsewhere a line now and then. It fits 80
//! columns.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use outgrow_train::{Position, StepReport};

use crate::terminal::{figures::three_figures, output, progress::LINE_INTERVAL};

/// Weight of the newest step in the speeds shown.
const SMOOTHING: f64 = 0.1;
const COLUMNS: usize = 80;

/// The progress of a run.
#[derive(Debug)]
pub(crate) struct TrainingProgress {
    bar: ProgressBar,
    is_line_by_line: bool,
    last_line: Option<Instant>,
    /// When the first step began.
    begun: Option<Instant>,
    step_seconds: f64,
    steps: u64,
    time_left: TimeLeft,
}

/// What is left of a run, by the FLOPs of its stages: steps of a larger model take longer. The speed is that of the
/// steps so far, of each stage by itself. A stage that has had none yet is taken to be as fast as the last that has.
#[derive(Clone, Debug)]
struct TimeLeft {
    /// FLOPs and tokens of each stage.
    stages: Vec<StageCost>,
    /// By stage.
    seconds_per_flop: Vec<Option<f64>>,
}

/// What a stage costs in all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StageCost {
    /// Its FLOPs.
    pub flops: f64,
    /// Its tokens.
    pub tokens: u64,
    /// Its steps.
    pub steps: u64,
    /// Steps before them that learn the matrices of its growth.
    pub learning_steps: u64,
}

/// The line of a step.
#[derive(Clone, Copy, Debug)]
struct Line<'a> {
    stage: &'a str,
    step: u64,
    steps: u64,
    report: StepReport,
    tokens_per_second: f64,
    seconds_left: f64,
}

impl TrainingProgress {
    /// Of a run with so many steps.
    pub(crate) fn new(steps: u64, stages: Vec<StageCost>) -> Self {
        let is_line_by_line = !output::draws_progress();
        let target =
            if is_line_by_line { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(steps), target);
        let style = ProgressStyle::with_template("{wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let seconds_per_flop = vec![None; stages.len()];
        let time_left = TimeLeft { stages, seconds_per_flop };
        Self { bar, is_line_by_line, last_line: None, begun: None, step_seconds: 0.0, steps, time_left }
    }

    /// A stage begins: its first step has a line of its own.
    pub(crate) fn begin_stage(&mut self) {
        self.last_line = None;
    }

    /// Matrices are learned in so many steps, before those of the stage.
    pub(crate) fn begin_learning(&mut self, position: &Position, steps: u64) {
        self.count(position.step + steps + self.time_left.steps(position));
        self.begin_stage();
    }

    /// So many steps in all, as far as is known by now.
    fn count(&mut self, steps: u64) {
        self.steps = steps;
        self.bar.set_length(steps);
    }

    /// A step was taken.
    pub(crate) fn step(&mut self, position: &Position, stage: &str, report: &StepReport) {
        let now = Instant::now();
        let first_step = Duration::from_secs_f64(report.seconds);
        let begun = *self.begun.get_or_insert_with(|| now.checked_sub(first_step).unwrap_or(now));
        self.step_seconds += report.seconds;
        let tokens_per_second = self.time_left.step(position, report.seconds);
        // Validations, benchmarks and checkpoints lie between steps.
        let beside_steps = (now - begun).as_secs_f64() / self.step_seconds.max(1e-9);
        let seconds_left = self.time_left.seconds(position) * beside_steps;
        // A stage before may have ended early. Steps of learning are none of the stage.
        if position.stage_tokens > 0 {
            self.count(position.step + self.time_left.steps(position));
        }
        let (step, steps) = (position.step, self.steps);
        let line = Line { stage, step, steps, report: *report, tokens_per_second, seconds_left }.words();
        if self.is_line_by_line && self.last_line.is_none_or(|last| last.elapsed() >= LINE_INTERVAL) {
            crate::terminal::output::say!("{line}");
            self.last_line = Some(now);
        }
        self.bar.set_position(step);
        self.bar.set_message(line);
    }

    /// Something worth a line of its own.
    pub(crate) fn note(&self, line: &str) {
        say(&self.bar, self.is_line_by_line, line);
    }

    /// The same from another thread.
    pub(crate) fn speaker(&self) -> impl Fn(&str) + Send + use<> {
        let (bar, is_line_by_line) = (self.bar.clone(), self.is_line_by_line);
        move |line| say(&bar, is_line_by_line, line)
    }

    /// Takes the line away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn say(bar: &ProgressBar, is_line_by_line: bool, line: &str) {
    if is_line_by_line {
        crate::terminal::output::say!("{line}");
    } else {
        bar.println(line);
    }
}

impl TimeLeft {
    /// Takes note of a step, and gives the tokens a second of the stage.
    fn step(&mut self, position: &Position, seconds: f64) -> f64 {
        let StageCost { flops, tokens, .. } = self.stages[position.stage];
        let flops_per_token = flops / tokens.max(1) as f64;
        let step_tokens = position.tokens as f64 / position.step.max(1) as f64;
        let newest = seconds / (step_tokens * flops_per_token);
        let known = &mut self.seconds_per_flop[position.stage];
        let smooth = known.map_or(newest, |old| old + SMOOTHING * (newest - old));
        *known = Some(smooth);
        1.0 / (smooth * flops_per_token)
    }

    /// Steps from a position on, if no stage ends early.
    fn steps(&self, position: &Position) -> u64 {
        let StageCost { tokens, steps, .. } = self.stages[position.stage];
        let batch_tokens = (tokens / steps.max(1)).max(1);
        let left = steps.saturating_sub(position.stage_tokens.div_ceil(batch_tokens));
        let later = self.stages[position.stage + 1..].iter().map(|stage| stage.steps + stage.learning_steps);
        left + later.sum::<u64>()
    }

    /// What steps will take from a position on.
    fn seconds(&self, position: &Position) -> f64 {
        let known = self.seconds_per_flop[..=position.stage].iter().rev().flatten().next();
        let latest = known.copied().unwrap_or(0.0);
        let left = |(index, stage): (usize, &StageCost)| {
            let done = if index == position.stage { position.stage_tokens } else { 0 };
            let share = 1.0 - (done as f64 / stage.tokens.max(1) as f64).min(1.0);
            stage.flops * share * self.seconds_per_flop[index].unwrap_or(latest)
        };
        self.stages.iter().enumerate().skip(position.stage).map(left).sum()
    }
}

impl Line<'_> {
    fn words(&self) -> String {
        let Self { stage, step, steps, report, tokens_per_second, seconds_left } = *self;
        let StepReport { loss, learning_rate, gradient_norm, .. } = report;
        let rest = format!(
            " {step}/{steps}  loss {}  lr {}  grad {}  {} tok/s  {} left",
            short(loss, 3),
            three_figures(learning_rate),
            short(gradient_norm, 2),
            thousands(tokens_per_second),
            short_time(seconds_left)
        );
        let room = COLUMNS.saturating_sub(rest.chars().count()).max(1);
        let stage = if stage.chars().count() <= room {
            stage.to_owned()
        } else {
            stage.chars().take(room - 1).chain(['…']).collect()
        };
        format!("{stage}{rest}")
    }
}

/// So many decimals, and fewer of large numbers.
fn short(value: f64, decimals: usize) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.decimals$}"),
        middle if middle < 100.0 => format!("{value:.0$}", decimals - 1),
        large if large < 1000.0 => format!("{value:.0}"),
        _ => format!("{value:.0e}"),
    }
}

fn thousands(number: f64) -> String {
    match number {
        few if few < 1e3 => format!("{few:.0}"),
        some if some < 1e4 => format!("{:.1}k", some / 1e3),
        many if many < 1e6 => format!("{:.0}k", many / 1e3),
        millions if millions < 1e9 => format!("{:.1}M", millions / 1e6),
        more => format!("{more:.0e}"),
    }
}

fn short_time(seconds: f64) -> String {
    match seconds {
        few if few < 99.5 => format!("{few:.0} s"),
        some if some < 5970.0 => format!("{:.0} min", some / 60.0),
        hours if hours < 359_000.0 => format!("{:.1} h", hours / 3600.0),
        days if days < 8.6e7 => format!("{:.0} days", days / 86_400.0),
        _ => "years".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(stage: &str, step: u64, steps: u64, numbers: [f64; 5]) -> String {
        let [loss, learning_rate, gradient_norm, tokens_per_second, seconds_left] = numbers;
        let report = StepReport {
            loss,
            learning_rate,
            new_learning_rate: None,
            gradient_norm,
            mask: None,
            seconds: 1.0,
        };
        Line { stage, step, steps, report, tokens_per_second, seconds_left }.words()
    }

    #[test]
    fn a_step_is_a_line() {
        insta::assert_snapshot!(line("grown", 230, 1131, [4.1234, 3.98e-3, 0.456, 21_034.0, 754.0]), @"grown 230/1131  loss 4.123  lr 3.98e-3  grad 0.46  21k tok/s  13 min left");
        insta::assert_snapshot!(line("a-stage-with-a-long-name-indeed", 99_999, 100_000, [10.5, 1e-4, 12.3, 412.0, 3.0]), @"a-stage-with-… 99999/100000  loss 10.50  lr 1e-4  grad 12.3  412 tok/s  3 s left");
    }

    #[test]
    fn a_line_fits_80_columns() {
        let numbers =
            |exponent: i32| [1.0, 4.999_999, 9.999_999].map(|digits| digits * 10_f64.powi(exponent));
        for stage in ["é", "grown", "a-name-that-nobody-should-have-to-read-in-full-but-somebody-gives-it"] {
            for step in [1, 9_999, 12_345_678] {
                for number in (-12..30).flat_map(numbers) {
                    let numbers =
                        [number.min(1e5), number.min(10.0), number, number.min(1e10), number.min(1e12)];
                    let words = line(stage, step, 99_999_999, numbers);
                    assert!(words.chars().count() <= COLUMNS, "{words}");
                }
            }
        }
    }

    #[test]
    fn steps_are_those_that_an_early_end_leaves() {
        let stage = StageCost { flops: 1e3, tokens: 100, steps: 10, learning_steps: 0 };
        let stages = vec![stage, StageCost { learning_steps: 3, ..stage }, stage];
        let mut progress = TrainingProgress::new(33, stages);
        let at = |step: u64, stage, stage_tokens| Position {
            step,
            tokens: step * 10,
            stage,
            stage_tokens,
            ..Position::default()
        };
        let report = StepReport {
            loss: 4.0,
            learning_rate: 1e-3,
            new_learning_rate: None,
            gradient_norm: 0.5,
            mask: None,
            seconds: 1.0,
        };
        let mut total = |position: Position| {
            progress.step(&position, "stage", &report);
            progress.steps
        };
        assert_eq!([total(at(1, 0, 10)), total(at(4, 0, 40))], [33, 33]);
        // The first stage ends after 4 of its 10 steps.
        progress.begin_learning(&at(4, 1, 0), 3);
        assert_eq!(progress.steps, 27);
        let mut total = |position: Position| {
            progress.step(&position, "stage", &report);
            progress.steps
        };
        assert_eq!([total(at(5, 1, 0)), total(at(8, 1, 10)), total(at(12, 1, 50))], [27, 27, 27]);
        // And the second after 5.
        assert_eq!([total(at(13, 2, 10)), total(at(22, 2, 100))], [22, 22]);
    }

    #[test]
    fn time_left_goes_by_what_a_stage_costs() {
        for (speed, factor) in [(1.0, 4.0), (33.0, 1.0), (1e3, 9.5)] {
            let small = StageCost { flops: 1e3, tokens: 100, steps: 10, learning_steps: 0 };
            let stages = vec![small, StageCost { flops: 1e3 * factor, ..small }];
            let mut time_left = TimeLeft { seconds_per_flop: vec![None; 2], stages };
            let position = |step: u64, stage, stage_tokens| Position {
                step,
                tokens: step * 10,
                stage,
                stage_tokens,
                ..Position::default()
            };
            // Ten tokens of the first stage are 100 FLOPs.
            for step in 1..=5 {
                let rate = time_left.step(&position(step, 0, step * 10), 100.0 / speed);
                assert!((rate - speed / 10.0).abs() < 1e-9 * rate);
            }
            let left = time_left.seconds(&position(5, 0, 50));
            assert!((left - (500.0 + 1e3 * factor) / speed).abs() < 1e-9 * left);
            // The second stage turns out to be half as fast.
            let seconds = 100.0 * factor / (speed / 2.0);
            time_left.step(&position(11, 1, 10), seconds);
            let left = time_left.seconds(&position(11, 1, 10));
            assert!((left - 900.0 * factor / (speed / 2.0)).abs() < 1e-9 * left);
            assert!(time_left.seconds(&position(20, 1, 100)).abs() < 1e-9);
        }
    }
}
