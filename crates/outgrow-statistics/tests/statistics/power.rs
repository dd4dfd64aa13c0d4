//! How many pairs are needed: against simulations with fixed seeds, and its laws.

use outgrow_statistics::{needed_pairs, paired_test, power_of_paired_test};
use proptest::prelude::*;

use crate::made_up::Normals;

proptest! {
    #[test]
    fn the_needed_pairs_are_the_fewest_that_do(difference in 0.1_f64..4.0, deviation in 0.1_f64..3.0) {
        let needed = needed_pairs(difference, deviation, 0.8, 0.05).unwrap().unwrap();
        let power = |pairs| power_of_paired_test(difference, deviation, pairs, 0.05).unwrap();
        prop_assert!(power(needed) >= 0.8);
        prop_assert!(needed == 2 || power(needed - 1) < 0.8);
    }

    #[test]
    fn only_the_size_of_a_difference_beside_the_spread_matters(difference in 0.1_f64..4.0, factor in 0.01_f64..50.0) {
        let one = power_of_paired_test(difference, 1.0, 6, 0.05).unwrap();
        let two = power_of_paired_test(-factor * difference, factor, 6, 0.05).unwrap();
        prop_assert!((one - two).abs() < 1e-9);
    }
}

#[test]
fn the_power_is_the_share_of_simulated_tests_that_reject() {
    let mut normals = Normals::new(11);
    for (difference, pairs) in [(0.0, 5), (1.0, 5), (2.0, 4), (0.6, 20)] {
        let draws = 4_000;
        let rejected = (0..draws).filter(|_| {
            let values: Vec<f64> = normals.take(pairs).iter().map(|normal| difference + normal).collect();
            paired_test(&values).unwrap().p < 0.05
        });
        let (share, power) = (
            rejected.count() as f64 / f64::from(draws),
            power_of_paired_test(difference, 1.0, pairs, 0.05).unwrap(),
        );
        // Three standard errors of a share of 4000.
        let error = 3.0 * (power * (1.0 - power) / f64::from(draws)).sqrt();
        assert!((share - power).abs() < error, "{pairs} pairs, {difference}: {share} and {power}");
    }
}

#[test]
fn a_difference_of_one_spread_needs_ten_pairs_and_one_of_a_tenth_nearly_eight_hundred() {
    // 10 and 787 are what G*Power and R's power.t.test give.
    assert_eq!(needed_pairs(1.0, 1.0, 0.8, 0.05), Ok(Some(10)));
    assert_eq!(needed_pairs(0.1, 1.0, 0.8, 0.05), Ok(Some(787)));
    assert_eq!(needed_pairs(1e-4, 1.0, 0.8, 0.05), Ok(None));
}

#[test]
fn what_has_no_answer_is_refused_in_a_line() {
    let refused =
        |difference, deviation| needed_pairs(difference, deviation, 0.8, 0.05).unwrap_err().to_string();
    assert_eq!(refused(0.0, 1.0), "difference is 0: it must be other than 0");
    assert_eq!(refused(1.0, 0.0), "standard deviation is 0: it must be above 0 and finite");
    assert_eq!(refused(f64::NAN, 1.0), "value 0 is NaN: it must be finite");
}
