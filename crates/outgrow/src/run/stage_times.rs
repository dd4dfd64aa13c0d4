//! How long the steps of each stage take, beside the FLOPs that they are counted to have. From the lines of
//! metrics.jsonl.

use serde::{Deserialize, Serialize};

/// One stage, as run.json has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StageTime {
    /// Its name.
    pub stage: String,
    /// Steps that it has taken.
    pub steps: u64,
    /// Tokens of these steps.
    pub tokens: u64,
    /// Exact FLOPs that they are counted to have.
    pub flops: f64,
    /// The median of their wall times.
    pub step_seconds: f64,
    /// Tokens a second in such a step.
    pub tokens_per_second: f64,
    /// FLOPs a second in such a step.
    pub flops_per_second: f64,
    /// Its part of the FLOPs of all stages so far.
    pub share_of_flops: f64,
    /// Its part of the time of all stages so far, if each of its steps took the median.
    pub share_of_time: f64,
}

/// The steps of a run so far.
#[derive(Debug, Default)]
pub(crate) struct StageTimes {
    stages: Vec<Steps>,
    tokens: u64,
    flops: f64,
}

#[derive(Debug)]
struct Steps {
    stage: String,
    tokens: u64,
    flops: f64,
    seconds: Vec<f64>,
}

impl StageTimes {
    /// Takes note of a step, after which so many tokens and FLOPs are spent.
    pub(crate) fn stepped(&mut self, stage: &str, tokens: u64, flops: f64, seconds: f64) {
        if self.stages.last().is_none_or(|last| last.stage != stage) {
            self.stages.push(Steps { stage: stage.to_owned(), tokens: 0, flops: 0.0, seconds: Vec::new() });
        }
        let new_tokens = self.new_tokens(tokens);
        let last = self.stages.last_mut().expect("one was just added");
        last.tokens += new_tokens;
        last.flops += flops - self.flops;
        last.seconds.push(seconds);
        (self.tokens, self.flops) = (tokens, flops);
    }

    /// Takes note of a step that learned matrices: what it cost is no stage's step.
    pub(crate) fn learned(&mut self, tokens: u64, flops: f64) {
        (self.tokens, self.flops) = (tokens, flops);
    }

    /// Tokens that are new since the last step.
    pub(crate) fn new_tokens(&self, tokens: u64) -> u64 {
        tokens.saturating_sub(self.tokens)
    }

    /// All stages that have taken a step.
    pub(crate) fn measured(&self) -> Vec<StageTime> {
        let medians: Vec<f64> = self.stages.iter().map(|stage| median(&stage.seconds)).collect();
        let steps = |stage: &Steps| stage.seconds.len() as f64;
        let seconds: f64 =
            self.stages.iter().zip(&medians).map(|(stage, median)| steps(stage) * median).sum();
        let flops: f64 = self.stages.iter().map(|stage| stage.flops).sum();
        let time = |(stage, median): (&Steps, &f64)| StageTime {
            stage: stage.stage.clone(),
            steps: stage.seconds.len() as u64,
            tokens: stage.tokens,
            flops: stage.flops,
            step_seconds: *median,
            tokens_per_second: stage.tokens as f64 / steps(stage) / median,
            flops_per_second: stage.flops / steps(stage) / median,
            share_of_flops: stage.flops / flops,
            share_of_time: steps(stage) * median / seconds,
        };
        self.stages.iter().zip(&medians).map(time).collect()
    }
}

fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_beside_flops() {
        let mut times = StageTimes::default();
        for (tokens, seconds) in [(32, 8.0), (64, 1.0), (96, 2.0), (128, 2.0)] {
            times.stepped("small", tokens, 10.0 * tokens as f64, seconds);
        }
        times.learned(140, 9000.0);
        times.stepped("large", 172, 10_280.0, 8.0);
        let [small, large] = &times.measured()[..] else { panic!("two stages") };
        assert_eq!((small.steps, small.tokens, small.flops, small.step_seconds), (4, 128, 1280.0, 2.0));
        assert_eq!((small.tokens_per_second, small.flops_per_second), (16.0, 160.0));
        assert_eq!((small.share_of_flops, small.share_of_time), (0.5, 0.5));
        assert_eq!((large.steps, large.tokens, large.flops_per_second), (1, 32, 160.0));
        assert_eq!(StageTimes::default().measured(), []);
    }
}
