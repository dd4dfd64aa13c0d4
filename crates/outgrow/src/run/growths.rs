//! What a run's losses say of each growth: before and after it, how high they rose, and when the old loss was back. It
//! is worked out from the lines of metrics.jsonl and nothing else, so that a run that goes on comes to the same.

use std::{collections::BTreeSet, fmt};

use outgrow_schedules::Stage;
use serde::{Deserialize, Serialize};

use crate::terminal::figures::grouped;

/// What happened at one growth, as run.json has it. Losses are of validations, unless it says training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct GrowthRecord {
    /// The stage that begins with it.
    pub stage: String,
    /// Steps taken before it.
    pub step: u64,
    /// Tokens trained on before it.
    pub tokens: u64,
    /// The last loss of the smaller model.
    pub loss_before: f64,
    /// The first loss of the grown one.
    pub loss_after: f64,
    /// The highest until the old loss was back, or so far.
    pub highest_loss: f64,
    /// How far that is above the loss before; below 0 where growth lowers the loss at once.
    pub spike: f64,
    /// The highest loss of a training batch in the same time; a batch's loss is noisier than a validation's.
    pub highest_training_loss: Option<f64>,
    /// Tokens from the growth to the first validation that isn't above the loss before; `None` until then.
    pub tokens_until_back: Option<u64>,
}

/// All growths of a run so far.
#[derive(Debug, Default)]
pub(crate) struct Growths {
    /// The stages that begin with one.
    grown: BTreeSet<String>,
    newest: Option<(String, f64)>,
    records: Vec<GrowthRecord>,
}

impl Growths {
    /// Of a run of these stages that has done nothing yet.
    pub(crate) fn new(stages: &[Stage]) -> Self {
        let grown = stages.iter().filter(|stage| stage.enter.is_some());
        Self { grown: grown.map(|stage| stage.name.clone()).collect(), ..Self::default() }
    }

    /// In the order in which they came.
    pub(crate) fn records(&self) -> &[GrowthRecord] {
        &self.records
    }

    /// Takes note of a step.
    pub(crate) fn trained(&mut self, loss: f64) {
        if let Some(record) = self.records.last_mut().filter(|record| record.tokens_until_back.is_none()) {
            let highest = record.highest_training_loss.get_or_insert(loss);
            *highest = highest.max(loss);
        }
    }

    /// Takes note of a validation; gives the growth whose old loss is back with it.
    pub(crate) fn validated(
        &mut self,
        stage: &str,
        step: u64,
        tokens: u64,
        loss: f64,
    ) -> Option<&GrowthRecord> {
        let before = self.newest.replace((stage.to_owned(), loss));
        let grows = |(newest, _): &(String, f64)| newest != stage && self.grown.contains(stage);
        if let Some((_, loss_before)) = before.filter(grows) {
            self.records.push(GrowthRecord {
                stage: stage.to_owned(),
                step,
                tokens,
                loss_before,
                loss_after: loss,
                highest_loss: loss,
                spike: loss - loss_before,
                highest_training_loss: None,
                tokens_until_back: None,
            });
        }
        let record = self.records.last_mut().filter(|record| record.tokens_until_back.is_none())?;
        record.highest_loss = record.highest_loss.max(loss);
        record.spike = record.highest_loss - record.loss_before;
        record.tokens_until_back = (loss <= record.loss_before).then(|| tokens - record.tokens);
        Some(&*record).filter(|record| record.tokens_until_back.is_some())
    }
}

/// In a line, once the old loss is back.
impl fmt::Display for GrowthRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { loss_before, loss_after, highest_loss, .. } = self;
        write!(formatter, "growth: loss {loss_before:.4} → {loss_after:.4}")?;
        if highest_loss > loss_after {
            write!(formatter, ", up to {highest_loss:.4}")?;
        }
        match self.tokens_until_back {
            Some(0) => write!(formatter, ", no higher than before"),
            Some(tokens) => {
                write!(formatter, ", back at {loss_before:.4} after {} tokens", grouped(tokens))
            }
            None => write!(formatter, ", not back at {loss_before:.4} yet"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growths() -> Growths {
        Growths { grown: ["grown", "again"].map(str::to_owned).into(), ..Growths::default() }
    }

    #[test]
    fn a_spike_and_its_end_are_seen() {
        let mut growths = growths();
        assert_eq!(growths.validated("base", 4, 128, 4.5), None);
        growths.trained(9.0);
        assert_eq!(growths.validated("grown", 4, 128, 5.875), None);
        growths.trained(6.25);
        growths.trained(5.0);
        assert_eq!(growths.validated("grown", 6, 192, 6.0), None);
        let back = growths.validated("grown", 8, 256, 4.5).unwrap().clone();
        insta::assert_snapshot!(back, @"growth: loss 4.5000 → 5.8750, up to 6.0000, back at 4.5000 after 128 tokens");
        // What comes later changes nothing, but another growth is another.
        growths.trained(20.0);
        assert_eq!(growths.validated("grown", 9, 300, 7.0), None);
        assert_eq!(growths.records(), std::slice::from_ref(&back));
        assert_eq!((back.spike, back.highest_training_loss), (1.5, Some(6.25)));
        let again = growths.validated("again", 9, 300, 6.5).unwrap();
        insta::assert_snapshot!(again, @"growth: loss 7.0000 → 6.5000, no higher than before");
    }

    #[test]
    fn a_stage_that_only_goes_on_is_no_growth() {
        let mut growths = growths();
        assert_eq!(growths.validated("grown", 0, 0, 7.0), None);
        assert_eq!(growths.validated("rest", 4, 128, 6.0), None);
        assert_eq!(growths.records(), []);
    }
}
