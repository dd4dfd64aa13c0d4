//! Whether a run's losses climb: a run that goes wrong should say so long before it ends. It only looks; what is said,
//! others print.
//!
//! Two rules, each of which speaks once in a run. A validation loss is more than 0.05 nats above the one that its model
//! began with, which is the first of the run or the first after a growth. Or the mean training loss of 20 steps is more
//! than 0.2 nats above that of the first step of the run, or of the first after a growth.

use std::collections::VecDeque;

/// Steps that a mean is taken over.
const STEPS: usize = 20;
/// A learning rate that begins anew raises it by less, and for a while.
const VALIDATION_MARGIN: f64 = 0.05;
/// A batch differs from another by less.
const TRAINING_MARGIN: f64 = 0.2;

/// Watches the losses of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct LossWatch {
    first_validation: Option<f64>,
    newest_validation: Option<f64>,
    first_loss: Option<f64>,
    newest_losses: VecDeque<f64>,
    has_warned_of_validation: bool,
    has_warned_of_training: bool,
}

impl LossWatch {
    /// The model has grown: its losses begin anew.
    pub(crate) fn grown(&mut self) {
        (self.first_validation, self.newest_validation, self.first_loss) = (None, None, None);
        self.newest_losses.clear();
    }

    /// Whether the newest validation loss is above the one that its model began with.
    pub(crate) fn is_above_the_first(&self) -> bool {
        let both = self.first_validation.zip(self.newest_validation);
        both.is_some_and(|(first, newest)| newest > first + VALIDATION_MARGIN)
    }

    /// A validation; gives a warning where it is the first that is too high.
    pub(crate) fn validated(&mut self, stage: &str, loss: f64) -> Option<String> {
        let first = *self.first_validation.get_or_insert(loss);
        self.newest_validation = Some(loss);
        if loss <= first + VALIDATION_MARGIN || std::mem::replace(&mut self.has_warned_of_validation, true) {
            return None;
        }
        Some(format!(
            "{stage}: the validation loss is {loss:.4}, more than {VALIDATION_MARGIN} above {first:.4} with which this \
             model began: the learning rate may be too high or its warm-up too short"
        ))
    }

    /// A step; gives a warning where losses are too high for the first time.
    pub(crate) fn stepped(&mut self, stage: &str, loss: f64) -> Option<String> {
        let first = *self.first_loss.get_or_insert(loss);
        self.newest_losses.push_back(loss);
        if self.newest_losses.len() > STEPS {
            self.newest_losses.pop_front();
        }
        let mean = self.newest_losses.iter().sum::<f64>() / STEPS as f64;
        let climbs = self.newest_losses.len() == STEPS && mean > first + TRAINING_MARGIN;
        if !climbs || std::mem::replace(&mut self.has_warned_of_training, true) {
            return None;
        }
        Some(format!(
            "{stage}: the mean training loss of {STEPS} steps is {mean:.3}, more than {TRAINING_MARGIN} above {first:.3} \
             of this model's first step: the learning rate may be too high or its warm-up too short"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validation_loss_above_the_first_is_said_once() {
        let mut watch = LossWatch::default();
        assert_eq!(watch.validated("base", 6.9), None);
        assert_eq!(watch.validated("base", 5.0), None);
        assert_eq!(watch.validated("base", 6.8), None, "it climbs, but not above where it began");
        insta::assert_snapshot!(watch.validated("base", 7.0).unwrap(), @"base: the validation loss is 7.0000, more than 0.05 above 6.9000 with which this model began: the learning rate may be too high or its warm-up too short");
        assert_eq!(watch.validated("base", 8.0), None);
        assert!(watch.is_above_the_first());
        watch.validated("base", 6.0);
        assert!(!watch.is_above_the_first(), "it came back");
    }

    #[test]
    fn a_grown_model_begins_where_growth_left_it() {
        let mut watch = LossWatch::default();
        watch.validated("base", 4.0);
        watch.grown();
        assert_eq!(watch.validated("grown", 7.0), None);
        assert_eq!(watch.validated("grown", 5.0), None);
        assert!(watch.validated("grown", 7.1).is_some());
    }

    #[test]
    fn training_losses_are_too_high_when_their_mean_is() {
        let mut watch = LossWatch::default();
        assert_eq!(watch.stepped("base", 6.0), None);
        for _ in 0..18 {
            assert_eq!(watch.stepped("base", 9.0), None, "too few steps for a mean");
        }
        insta::assert_snapshot!(watch.stepped("base", 9.0).unwrap(), @"base: the mean training loss of 20 steps is 8.850, more than 0.2 above 6.000 of this model's first step: the learning rate may be too high or its warm-up too short");
        assert_eq!(watch.stepped("base", 9.0), None);
        let mut quiet = LossWatch::default();
        assert!((0..100).all(|step| quiet.stepped("base", 6.0 + 0.15 * f64::from(step % 2)).is_none()));
    }
}
