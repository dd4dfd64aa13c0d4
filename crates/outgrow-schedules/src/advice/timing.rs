//! How long to train the base: eq. 2 of arXiv 2405.15319, the range that it was fitted in, and the rule by fractions of
//! the tokens for where it doesn't hold.

use std::fmt;

use serde::Serialize;

/// A size of model and the budgets at which arXiv 2405.15319 fitted its formula (section 4.2, figure 8).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FittedRange {
    /// Parameters.
    pub parameters: f64,
    /// The smallest budget, in FLOPs as 6 · parameters · tokens.
    pub least_flops: f64,
    /// The largest.
    pub most_flops: f64,
}

/// The three sizes, rising. Between them we interpolate in logarithms.
pub const FITTED: [FittedRange; 3] = [
    FittedRange { parameters: 410e6, least_flops: 0.8e20, most_flops: 2.2e20 },
    FittedRange { parameters: 1.1e9, least_flops: 2e20, most_flops: 7e20 },
    FittedRange { parameters: 3e9, least_flops: 4e20, most_flops: 12e20 },
];

/// Where the best bases of that figure were: 5 to 10 of 36 to 98 billion tokens at 410M, 10 to 20 of 25 to 90 at 1.1B.
/// As parts of the tokens, and rounded: our reading, not the authors'.
pub const TOKEN_FRACTION: [f64; 2] = [0.1, 0.25];

/// Sizes are names: the paper's 410M has 374 M parameters, a LLaMA of 3B may have 3.2 G.
const NAMES_ARE_WITHIN: f64 = 1.1;

/// Where a budget lies beside the range that the formula was fitted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Zone {
    /// In it.
    Fitted,
    /// The model or the budget is larger: the authors extrapolate to there.
    Above,
    /// The model or the budget is smaller: the formula doesn't hold.
    Below,
}

impl Zone {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fitted, Self::Above, Self::Below];

    /// The zone of a model and a budget in FLOPs as 6 · parameters · tokens.
    pub fn of(parameters: f64, flops: f64) -> Self {
        let (least, most) = fitted_flops(parameters);
        let [smallest, .., largest] = FITTED.map(|range| range.parameters);
        // Written so that what is no number is below.
        if !(parameters >= smallest / NAMES_ARE_WITHIN && flops >= least) {
            Self::Below
        } else if parameters > largest * NAMES_ARE_WITHIN || flops > most {
            Self::Above
        } else {
            Self::Fitted
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Fitted => "fitted",
            Self::Above => "above",
            Self::Below => "below",
        })
    }
}

/// Tokens of the base by eq. 2 of arXiv 2405.15319: `log10 d = 0.88 log10 N + 163.27 / log10 C − 5.74`, with `N` the
/// parameters of the final model and `C` the budget as 6 · N · tokens. It was fitted for a factor of 4. It falls with
/// the budget, and explodes below the range that it was fitted in.
///
/// ```
/// use outgrow_schedules::advice::base_tokens_by_formula;
///
/// let tokens = base_tokens_by_formula(7e9, 6.0 * 7e9 * 2e12);
/// assert!((tokens / 11.11e9 - 1.0).abs() < 1e-3); // table 4 of the paper
/// ```
pub fn base_tokens_by_formula(parameters: f64, flops: f64) -> f64 {
    10_f64.powf(0.88 * parameters.log10() + 163.27 / flops.log10() - 5.74)
}

/// The budgets of the fit at a size: interpolated between the three, and those of the nearest beyond them.
fn fitted_flops(parameters: f64) -> (f64, f64) {
    let above = FITTED.iter().position(|range| range.parameters >= parameters);
    let (low, high) = match above {
        Some(0) => (FITTED[0], FITTED[0]),
        Some(index) => (FITTED[index - 1], FITTED[index]),
        None => (FITTED[2], FITTED[2]),
    };
    let width = (high.parameters / low.parameters).ln();
    let part = if width == 0.0 { 0.0 } else { (parameters / low.parameters).ln() / width };
    let between = |low: f64, high: f64| low * (high / low).powf(part);
    (between(low.least_flops, high.least_flops), between(low.most_flops, high.most_flops))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_four_numbers_of_the_papers_table_come_out() {
        for (parameters, tokens, billions) in
            [(8e9, 15e12, 6.58), (7e9, 2e12, 11.11), (13e9, 2e12, 15.84), (70e9, 2e12, 42.48)]
        {
            let found = base_tokens_by_formula(parameters, 6.0 * parameters * tokens) / 1e9;
            assert!((found - billions).abs() < 0.005, "{parameters:e}, {tokens:e}: {found}, not {billions}");
            assert_eq!(Zone::of(parameters, 6.0 * parameters * tokens), Zone::Above);
        }
    }

    #[test]
    fn the_sizes_of_the_fit_are_in_it_and_their_neighbours_are_not() {
        for FittedRange { parameters, least_flops, most_flops } in FITTED {
            for flops in [least_flops, (least_flops * most_flops).sqrt(), most_flops] {
                assert_eq!(Zone::of(parameters, flops), Zone::Fitted, "{parameters:e} at {flops:e}");
            }
            assert_eq!(Zone::of(parameters, least_flops * 0.99), Zone::Below);
            assert_eq!(Zone::of(parameters, most_flops * 1.01), Zone::Above);
        }
        assert_eq!(Zone::of(374e6, 1e20), Zone::Fitted, "the paper's own 410M");
        assert_eq!(Zone::of(360e6, 1e20), Zone::Below);
        assert_eq!(Zone::of(360e6, 1e24), Zone::Below, "a small model stays small with any budget");
        assert_eq!(Zone::of(3.4e9, 5e20), Zone::Above);
        assert_eq!(Zone::of(7e9, 1e20), Zone::Below, "no budget for so large a model");
        assert_eq!(Zone::of(f64::NAN, 1e20), Zone::Below);
    }

    proptest! {
        #[test]
        fn a_larger_budget_is_never_farther_below(parameters in 1e5_f64..1e12, flops in 1e14_f64..1e27, more in 1.0_f64..10.0) {
            let rank = |zone: Zone| match zone { Zone::Below => 0, Zone::Fitted => 1, Zone::Above => 2 };
            prop_assert!(rank(Zone::of(parameters, flops * more)) >= rank(Zone::of(parameters, flops)));
        }

        #[test]
        fn the_range_of_the_fit_has_no_jump(parameters in 410e6_f64..3e9) {
            let (least, most) = fitted_flops(parameters);
            let (next_least, next_most) = fitted_flops(parameters * 1.0001);
            prop_assert!(least < most && (next_least / least - 1.0).abs() < 1e-3 && (next_most / most - 1.0).abs() < 1e-3);
        }
    }
}
