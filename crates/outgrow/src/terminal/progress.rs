//! What a waiting person sees: a bar on a terminal, a line now and then elsewhere. It goes to standard error.

pub(crate) mod training;

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use outgrow_eval::ScoringProgress;

use crate::terminal::{
    figures::{about_time, count, time},
    output,
};

/// Between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// Weight of the newest step in the rate shown.
const RATE_SMOOTHING: f64 = 0.1;

/// Progress of one of several runs, over a known number of tokens.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    prefix: String,
    total: u64,
    lines: bool,
    last_line: Option<Instant>,
    tokens_per_second: Option<f64>,
}

impl Progress {
    /// Progress shown by a bar that somebody else draws.
    pub(crate) fn on(bar: ProgressBar, total: u64, lines: bool) -> Self {
        // 80 columns are enough for it, and it is cut where there are fewer; of a long name the beginning stays.
        let template = "{prefix:27!} {bar:6} {percent:>3} % {wide_msg}";
        // The template is a constant; should it ever be wrong, a plain bar is better than none.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("━╸ "));
        Self { bar, prefix: String::new(), total, lines, last_line: None, tokens_per_second: None }
    }

    /// Names what is going on: the stage.
    pub(crate) fn stage(&mut self, name: &str) {
        name.clone_into(&mut self.prefix);
        self.bar.set_prefix(self.prefix.clone());
        self.last_line = None;
    }

    /// A step was taken: `tokens` are all so far, `rate` those a second of this step.
    pub(crate) fn step(&mut self, tokens: u64, loss: f64, rate: f64) {
        let smooth = self.tokens_per_second.map_or(rate, |old| old + RATE_SMOOTHING * (rate - old));
        self.tokens_per_second = Some(smooth);
        let left = self.total.saturating_sub(tokens) as f64 / smooth.max(1.0);
        let message = format!("loss {loss:.3}  {} tok/s  {} left", count(smooth as u64), about_time(left));
        if self.lines && self.last_line.is_none_or(|last| last.elapsed() >= LINE_INTERVAL) {
            crate::terminal::output::say!("{}: {message}", self.prefix);
            self.last_line = Some(Instant::now());
        }
        self.bar.set_position(tokens);
        self.bar.set_message(message);
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Progress over the requests of an evaluation.
#[derive(Debug)]
pub(crate) struct RequestProgress {
    bar: ProgressBar,
    start: Instant,
    lines: bool,
    last_line: Instant,
    /// What an evaluation before had done.
    first_tokens: Option<usize>,
}

impl RequestProgress {
    /// A bar over `total` requests, or lines where standard error is no terminal.
    pub(crate) fn new(total: usize) -> Self {
        let lines = !output::draws_progress();
        let target = if lines { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(total as u64), target);
        let style = ProgressStyle::with_template("[{bar:28}] {percent:>3} %  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ "));
        Self { bar, start: Instant::now(), lines, last_line: Instant::now(), first_tokens: None }
    }

    /// So much is done. The time that is left goes by tokens: the longest requests come first.
    pub(crate) fn show(&mut self, now: ScoringProgress) {
        let elapsed = self.start.elapsed().as_secs_f64();
        let here = now.done - now.from_journal;
        if here == 0 && now.from_journal > 0 {
            self.note(&format!("going on from {} scores of an evaluation before", now.from_journal));
        }
        let first = *self.first_tokens.get_or_insert(now.tokens);
        let tokens_per_second = (now.tokens - first) as f64 / elapsed.max(1e-9);
        let left = (now.total_tokens - now.tokens) as f64 / tokens_per_second.max(1.0);
        let rate = here as f64 / elapsed.max(1e-9);
        let message =
            format!("{} of {} requests  {rate:.0} a second  {} left", now.done, now.total, time(left));
        if self.lines && self.last_line.elapsed() >= LINE_INTERVAL {
            crate::terminal::output::say!("{message}");
            self.last_line = Instant::now();
        }
        self.bar.set_position(now.done as u64);
        self.bar.set_message(message);
    }

    fn note(&self, line: &str) {
        if self.lines {
            crate::terminal::output::say!("{line}");
        } else {
            self.bar.println(line);
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
