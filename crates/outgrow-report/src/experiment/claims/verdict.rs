//! What can come of a claim, and the rules as pure functions of intervals. Which numbers go in is measured elsewhere.

use std::fmt;

use outgrow_statistics::Interval;
use serde::Serialize;

/// What came of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds here.
    Reproduced,
    /// Its sign holds, and its size doesn't.
    SameSignSmaller,
    /// It doesn't hold here.
    NotReproduced,
    /// The runs don't tell.
    NotDecidable,
}

impl Verdict {
    /// All of them, the best first.
    pub const ALL: [Self; 4] =
        [Self::Reproduced, Self::SameSignSmaller, Self::NotReproduced, Self::NotDecidable];
}

impl Verdict {
    /// The verdict on a claim that is somebody's, or one's own: that can't be reproduced, it holds or doesn't.
    pub fn in_words(self, is_somebodys: bool) -> &'static str {
        match (self, is_somebodys) {
            (Self::Reproduced, true) => "reproduced",
            (Self::Reproduced, false) => "holds",
            (Self::SameSignSmaller, _) => "same sign, smaller",
            (Self::NotReproduced, true) => "not reproduced",
            (Self::NotReproduced, false) => "doesn't hold",
            (Self::NotDecidable, _) => "not decidable here",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.in_words(true))
    }
}

/// What made a verdict, which says what test it stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Because {
    /// The difference is on the claimed side of 0.
    SameSide,
    /// It is on the other side.
    OtherSide,
    /// It is smaller than what counts.
    TooSmall,
    /// Nothing is sure.
    Unsure,
}

/// A claim of a sign and perhaps a size. `difference` is negative where the claim's sign holds: it is turned around
/// where the paper's is the other one. `reaches` says whether our size reaches the paper's: `None` where it can't be
/// read.
pub(crate) fn of_sign(difference: Interval, reaches: Option<bool>, smallest: f64) -> (Verdict, Because) {
    if difference.lies_below(0.0) {
        return match reaches {
            Some(true) => (Verdict::Reproduced, Because::SameSide),
            Some(false) => (Verdict::SameSignSmaller, Because::SameSide),
            None => (Verdict::NotDecidable, Because::SameSide),
        };
    }
    if difference.lies_above(0.0) {
        return (Verdict::NotReproduced, Because::OtherSide);
    }
    if difference.lower() > -smallest && difference.upper() < smallest {
        return (Verdict::NotReproduced, Because::TooSmall);
    }
    (Verdict::NotDecidable, Because::Unsure)
}

/// A claim of a range: `inner` is the interval that has to lie within it, `outer` that which has to lie outside.
pub(crate) fn of_range(inner: Interval, outer: Interval, range: Interval) -> Verdict {
    if inner.lies_within(&range) {
        Verdict::Reproduced
    } else if outer.lies_below(range.lower()) || outer.lies_above(range.upper()) {
        Verdict::NotReproduced
    } else {
        Verdict::NotDecidable
    }
}
