//! Which look each kind has: the same one in every figure, as long as there are enough of them. It draws nothing.

use crate::{drawing::mark::Look, experiment::outcome::Outcome, page::swatch::swatch};

/// The looks of kinds, by their place in the experiment.
pub(crate) struct Looks {
    of_kinds: Vec<Look>,
}

/// As many kinds as have a colour of their own.
const OF_THEIR_OWN: usize = 7;

impl Looks {
    /// The first kind from scratch is neutral, and the others follow in their order.
    pub(crate) fn of(outcome: &Outcome) -> Self {
        let neutral = outcome.kinds.iter().position(|kind| kind.baseline.is_none());
        let mut next = 0;
        let of_kinds = (0..outcome.kinds.len())
            .map(|index| {
                if Some(index) == neutral {
                    return Look(0);
                }
                next += 1;
                Look(next)
            })
            .collect();
        Self { of_kinds }
    }

    /// The look of the kind at this place.
    fn of_kind(&self, index: usize) -> Look {
        self.of_kinds.get(index).copied().unwrap_or(Look(0))
    }

    /// A kind's dot where it stands in a table; of so many kinds that figures have looks of their own, none has one.
    pub(crate) fn dot(&self, index: usize) -> String {
        if self.of_kinds.len() > OF_THEIR_OWN { String::new() } else { swatch(self.of_kind(index).0) }
    }

    /// The looks of some kinds in one figure. Of many kinds, a figure's few have the first looks among themselves, so
    /// that no two have one colour as long as that can be.
    pub(crate) fn in_figure(&self, outcome: &Outcome, kinds: &[&str]) -> Vec<Look> {
        let index = |kind: &str| outcome.kinds.iter().position(|other| other.name == kind).unwrap_or(0);
        if self.of_kinds.len() <= OF_THEIR_OWN {
            return kinds.iter().map(|kind| self.of_kind(index(kind))).collect();
        }
        let neutral = kinds
            .iter()
            .position(|kind| outcome.kinds.get(index(kind)).is_some_and(|kind| kind.baseline.is_none()));
        let mut next = 0;
        (0..kinds.len())
            .map(|place| {
                if Some(place) == neutral {
                    return Look(0);
                }
                next += 1;
                Look(next)
            })
            .collect()
    }
}
