//! Laws of intervals and tests: what they do when values are moved, scaled and turned around, and what they refuse.

use outgrow_statistics::{
    Interval, IntervalMethod, SplitMix64, StatisticsError, bootstrap_interval, equivalence, holm, jackknife,
    mean_interval, paired_test, t_interval,
};
use proptest::prelude::*;

/// Values with a spread that isn't rounding.
fn values(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-1.0_f64..1.0, count).prop_map(|mut values| {
        values[0] -= 1.0;
        values
    })
}

fn close(one: f64, two: f64) -> bool {
    (one - two).abs() <= 1e-9 * (1.0 + one.abs().max(two.abs()))
}

proptest! {
    #[test]
    fn an_interval_moves_and_scales_with_its_values(values in values(2..12), by in -3.0_f64..3.0, factor in 0.1_f64..9.0) {
        let before = mean_interval(&values, 0.95).unwrap();
        let moved: Vec<f64> = values.iter().map(|value| factor * value + by).collect();
        let after = mean_interval(&moved, 0.95).unwrap();
        prop_assert!(close(after.interval.lower(), factor * before.interval.lower() + by));
        prop_assert!(close(after.interval.upper(), factor * before.interval.upper() + by));
        prop_assert!(before.interval.contains(before.mean));
    }

    #[test]
    fn an_interval_doesnt_depend_on_the_order_of_its_values(mut values in values(8..20)) {
        let before = mean_interval(&values, 0.95).unwrap().interval;
        values.reverse();
        let after = mean_interval(&values, 0.95).unwrap().interval;
        prop_assert!(close(before.lower(), after.lower()) && close(before.upper(), after.upper()));
    }

    #[test]
    fn a_higher_level_makes_a_wider_interval(values in values(2..20)) {
        let [narrow, wide] = [0.8, 0.95].map(|level| mean_interval(&values, level).unwrap().interval);
        prop_assert!(narrow.lies_within(&wide));
    }

    #[test]
    fn the_t_test_rejects_where_the_interval_leaves_0_out(values in values(2..8)) {
        let interval = t_interval(&values, 0.95).unwrap().interval;
        let p = paired_test(&values).unwrap().p;
        // At the very edge the two may be rounded differently.
        prop_assume!((p - 0.05).abs() > 1e-9);
        prop_assert_eq!(p < 0.05, !interval.contains(0.0));
    }

    #[test]
    fn two_one_sided_tests_agree_with_the_intervals(values in values(2..8), margin in 0.05_f64..3.0) {
        let range = Interval::new(-margin, margin).unwrap();
        let test = equivalence(&values, range).unwrap();
        let [inner, outer] = [0.9, 0.95].map(|level| t_interval(&values, level).unwrap().interval);
        prop_assume!((test.p_within - 0.05).abs() > 1e-9 && (test.p_outside - 0.05).abs() > 1e-9);
        prop_assert_eq!(test.p_within < 0.05, inner.lies_within(&range));
        prop_assert_eq!(test.p_outside < 0.05, outer.lies_below(-margin) || outer.lies_above(margin));
    }

    #[test]
    fn a_correction_never_lowers_a_p_nor_changes_their_order(p in prop::collection::vec(1e-9_f64..1.0, 0..12)) {
        let adjusted = holm(&p).unwrap();
        for (index, one) in p.iter().enumerate() {
            prop_assert!(adjusted[index] >= *one && adjusted[index] <= 1.0);
            for (other, two) in p.iter().enumerate() {
                prop_assert!(one > two || adjusted[index] <= adjusted[other]);
            }
        }
    }

    #[test]
    fn the_jackknife_of_a_mean_is_the_t_interval(values in values(2..9)) {
        let mean = |places: &[usize]| Some(places.iter().map(|place| values[*place]).sum::<f64>() / places.len() as f64);
        let found = jackknife(values.len(), 0.95, mean).unwrap();
        let expected = t_interval(&values, 0.95).unwrap();
        prop_assert!(close(found.interval.interval.lower(), expected.interval.lower()));
        prop_assert!(close(found.interval.interval.upper(), expected.interval.upper()));
        for (pseudo, value) in found.pseudo_values.iter().zip(&values) {
            prop_assert!(close(*pseudo, *value));
        }
    }
}

#[test]
fn what_made_an_interval_stands_in_it() {
    let values: Vec<f64> = (0..8).map(f64::from).collect();
    let few = mean_interval(&values[..7], 0.95).unwrap();
    assert_eq!(few.method, IntervalMethod::StudentT { degrees_of_freedom: 6 });
    let many = mean_interval(&values, 0.95).unwrap();
    assert_eq!(many.method, IntervalMethod::Bootstrap { draws: 10_000 });
}

#[test]
fn a_bootstrap_follows_from_its_seed() {
    let values = [0.1, 0.5, 0.2, 0.9, 0.4, 0.3, 0.8, 0.6];
    let interval = |seed| bootstrap_interval(&values, 0.95, 500, seed).unwrap().interval;
    assert_eq!(interval(3), interval(3));
    assert_ne!(interval(3), interval(4));
}

#[test]
fn a_p_value_is_never_0() {
    let huge = paired_test(&[1e9, 1e9 + 1.0, 1e9 - 1.0, 1e9 + 2.0, 1e9, 1e9 + 1.0, 1e9 - 2.0]).unwrap();
    assert!(huge.p > 0.0 && huge.p < 1e-40, "{}", huge.p);
    // So far out that floating point has no number for the tail.
    let tiny = 1e-9;
    let values: Vec<f64> = (0..60).map(|index| 1.0 + tiny * f64::from(index % 7)).collect();
    let least = paired_test(&values).unwrap().p;
    assert!(least >= f64::MIN_POSITIVE, "{least}");
}

#[test]
fn values_that_say_nothing_are_refused_in_a_line() {
    let refused = |values: &[f64]| mean_interval(values, 0.95).unwrap_err().to_string();
    assert_eq!(refused(&[]), "0 values: at least 2 are needed");
    assert_eq!(refused(&[1.0]), "1 values: at least 2 are needed");
    assert_eq!(refused(&[0.2, f64::NAN, 0.1]), "value 1 is NaN: it must be finite");
    assert_eq!(
        refused(&[0.3, 0.3, 0.3]),
        "all 3 values are equal (0.3): without a spread there is no interval"
    );
    // A third of 0.3 thrice is not quite the same in floating point, and is no spread either.
    assert!(mean_interval(&[0.1 + 0.2, 0.3, 0.3], 0.95).is_err());
    assert_eq!(
        mean_interval(&[0.1, 0.2], 1.0).unwrap_err().to_string(),
        "level is 1: it must be between 0 and 1"
    );
    assert!(Interval::new(1.0, 0.5).is_err());
}

#[test]
fn no_number_that_is_none_enters_a_correction() {
    for p in [f64::NAN, 0.0, -0.1, 1.1] {
        assert!(matches!(holm(&[0.5, p]), Err(StatisticsError::Outside { name: "p", .. })), "{p}");
    }
}

#[test]
fn holms_correction_is_that_of_a_hand_worked_example() {
    // 0.005 · 4, 0.01 · 3, 0.03 · 2, and 0.04 · 1 is less than the one before it.
    let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]).unwrap();
    for (found, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
        assert!((found - expected).abs() < 1e-15, "{adjusted:?}");
    }
}

#[test]
fn splitmix_gives_the_numbers_of_its_authors_program() {
    let mut random = SplitMix64::new(1_234_567);
    let first = [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
    ];
    assert_eq!(first.map(|_| random.next_u64()), first);
}
