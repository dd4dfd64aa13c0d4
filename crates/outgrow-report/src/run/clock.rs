//! How long the steps of a run took, from their lines. Evaluations, growths and breaks between resumptions aren't
//! steps.

use serde_json::Value;

/// How long one step took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StepTime {
    step: u64,
    /// Tokens seen when it was done.
    tokens: u64,
    measured: Measured,
}

/// What a line says of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Measured {
    Seconds(f64),
    /// What earlier versions wrote: it needs the tokens of the step.
    TokensPerSecond(f64),
    Not,
}

/// The steps of a run, in order. Where tokens go back, because a resumed run repeats steps, the later ones count.
#[derive(Debug, Default)]
pub(super) struct Clock {
    steps: Vec<StepTime>,
}

impl StepTime {
    /// Of the line of a step; `None` where it isn't one.
    pub(super) fn of(line: &Value) -> Option<Self> {
        let positive = |key: &str| line[key].as_f64().filter(|number| *number > 0.0 && number.is_finite());
        let measured = positive("seconds")
            .map(Measured::Seconds)
            .or_else(|| positive("tokens_per_second").map(Measured::TokensPerSecond));
        Some(Self {
            step: line["step"].as_u64()?,
            tokens: line["tokens"].as_u64()?,
            measured: measured.unwrap_or(Measured::Not),
        })
    }
}

impl Clock {
    pub(super) fn add(&mut self, time: StepTime) {
        while self.steps.last().is_some_and(|last| last.tokens >= time.tokens) {
            self.steps.pop();
        }
        self.steps.push(time);
    }

    /// Its steps added up.
    pub(super) fn read(&self) -> Times {
        let mut sums = vec![(0, Some(0.0))];
        let mut previous = (0, 0, Some(0.0));
        for time in &self.steps {
            let seconds = match time.measured {
                _ if time.step != previous.0 + 1 => None,
                Measured::Seconds(seconds) => Some(seconds),
                Measured::TokensPerSecond(rate) => Some((time.tokens - previous.1) as f64 / rate),
                Measured::Not => None,
            };
            let sum = previous.2.zip(seconds).map(|(before, seconds)| before + seconds);
            sums.push((time.tokens, sum));
            previous = (time.step, time.tokens, sum);
        }
        Times(sums)
    }
}

/// Seconds by tokens seen.
#[derive(Debug)]
pub(super) struct Times(Vec<(u64, Option<f64>)>);

impl Times {
    /// Seconds of all steps until so many tokens were seen; `None` where one of them wasn't measured or is missing.
    pub(super) fn until(&self, tokens: u64) -> Option<f64> {
        let place = self.0.binary_search_by_key(&tokens, |(tokens, _)| *tokens).ok()?;
        self.0[place].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(lines: &[Value]) -> Times {
        let mut clock = Clock::default();
        lines.iter().filter_map(StepTime::of).for_each(|time| clock.add(time));
        clock.read()
    }

    fn step(step: u64, seconds: f64) -> Value {
        serde_json::json!({"step": step, "tokens": 100 * step, "loss": 5.0, "seconds": seconds})
    }

    #[test]
    fn seconds_add_up_and_a_step_done_again_counts_once() {
        let times = times(&[step(1, 2.0), step(2, 3.0), step(3, 9.0), step(2, 4.0), step(3, 1.0)]);
        assert_eq!([0, 100, 200, 300].map(|tokens| times.until(tokens)), [0.0, 2.0, 6.0, 7.0].map(Some));
    }

    #[test]
    fn a_line_with_its_tokens_a_second_only_tells_as_much() {
        let line = serde_json::json!({"step": 1, "tokens": 100, "loss": 5.0, "tokens_per_second": 50.0});
        assert_eq!(times(&[line]).until(100), Some(2.0));
    }

    #[test]
    fn a_step_without_a_time_or_a_missing_one_leaves_the_seconds_unknown() {
        let untimed = serde_json::json!({"step": 2, "tokens": 200, "loss": 5.0});
        assert_eq!(times(&[step(1, 2.0), untimed]).until(200), None);
        assert_eq!(times(&[step(1, 2.0), step(3, 2.0)]).until(300), None);
        assert_eq!(times(&[step(1, 2.0)]).until(150), None);
    }
}
