//! The numbers that a verdict follows from, and what a rule gives before claims are corrected together.

use outgrow_statistics::{Equivalence, Interval};
use serde::Serialize;

use crate::experiment::{
    claims::verdict::Verdict,
    outcome::{
        difference::PairedDifference, laws::LawOutcome, optimum::OptimumOutcome, speed_up::SpeedUpOutcome,
        two_laws::LawsAtTheLargest,
    },
};

/// The smallest difference that counts, nats per token.
pub(crate) const SMALLEST: f64 = 0.01;

/// The numbers that a verdict follows from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "an experiment has a dozen of them")]
pub enum Evidence {
    /// Of a claimed speed-up.
    SpeedUp {
        /// At the end.
        difference: PairedDifference,
        /// At the final loss of the other kind, in exact FLOPs.
        speed_up: SpeedUpOutcome,
    },
    /// Of a loss that is claimed to be lower.
    Lower {
        /// Where the claim says.
        difference: PairedDifference,
    },
    /// Of losses that are claimed to be equal.
    Equal {
        /// Where the claim says.
        difference: PairedDifference,
        /// The 90 % interval of the difference.
        interval: Option<Interval>,
        /// The one-sided tests against the margin.
        test: Option<Equivalence>,
    },
    /// Of a minimum.
    Optimum {
        /// The losses along the axis, and their minimum.
        optimum: OptimumOutcome,
        /// The tests against the paper's range, in logarithms.
        test: Option<Equivalence>,
    },
    /// Of two laws.
    Law {
        /// The law of the kinds that are claimed to be better.
        of: LawOutcome,
        /// The law of the others.
        against: LawOutcome,
        /// Both at the largest FLOPs.
        at_the_largest: Option<LawsAtTheLargest>,
    },
}

/// What a rule gives before claims are corrected together.
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) ours: String,
    pub(crate) sentence: String,
    pub(crate) seeds: usize,
    pub(crate) p: Option<f64>,
    pub(crate) evidence: Evidence,
}
