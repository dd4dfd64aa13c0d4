//! SciPy's and NumPy's numbers (`cargo xtask golden statistics`), where their definitions are ours.

use outgrow_statistics::{
    Interval, bootstrap_interval, equivalence, fit_parabola, fit_power_law, fit_power_law_with_floor,
    paired_test, power_of_paired_test, proportion_interval, t_interval,
};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/scipy.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn assert_close(what: &str, ours: f64, theirs: f64, relative: f64) {
    assert!((ours - theirs).abs() <= relative * theirs.abs(), "{what}: {ours}, and SciPy has {theirs}");
}

#[test]
fn t_tests_and_their_intervals_are_scipys() {
    for case in golden()["t_tests"].as_array().unwrap() {
        let values = numbers(&case["values"]);
        let test = paired_test(&values).unwrap();
        assert_close("t", test.t, number(&case["t"]), 1e-12);
        assert_close("p", test.p, number(&case["p"]), 1e-9);
        for (level, ends) in case["intervals"].as_object().unwrap() {
            let interval = t_interval(&values, level.parse().unwrap()).unwrap().interval;
            let ends = numbers(ends);
            assert_close("lower end", interval.lower(), ends[0], 1e-9);
            assert_close("upper end", interval.upper(), ends[1], 1e-9);
        }
        let margin = number(&case["margin"]);
        let test = equivalence(&values, Interval::new(-margin, margin).unwrap()).unwrap();
        assert_close("one-sided p", test.p_within, number(&case["p_within"]), 1e-9);
    }
}

#[test]
fn the_interval_of_a_share_is_scipys_by_wilson() {
    for case in golden()["proportions"].as_array().unwrap() {
        let answers = case["answers"].as_u64().unwrap();
        let share = number(&case["yes"]) / answers as f64;
        let interval = proportion_interval(share, answers, 0.95).unwrap();
        let ends = numbers(&case["interval"]);
        for (ours, theirs) in [(interval.lower(), ends[0]), (interval.upper(), ends[1])] {
            assert!((ours - theirs).abs() < 1e-12, "{case}: {ours}");
        }
    }
}

#[test]
fn the_power_of_a_t_test_is_that_of_scipys_noncentral_t() {
    for case in golden()["powers"].as_array().unwrap() {
        let pairs = case["pairs"].as_u64().unwrap() as usize;
        let power = power_of_paired_test(number(&case["effect"]), 1.0, pairs, 0.05).unwrap();
        assert_close(&format!("{case}"), power, number(&case["power"]), 1e-6);
    }
}

#[test]
fn the_bootstraps_ends_are_numpys_but_for_what_is_drawn() {
    let case = &golden()["bootstrap"];
    let ours = bootstrap_interval(&numbers(&case["values"]), 0.95, 100_000, 1).unwrap().interval;
    // An end is a quantile of draws: with 100 000 it is known to about 2 % of the standard error.
    let slack = 0.05 * number(&case["standard_error"]);
    for (ours, theirs) in [(ours.lower(), number(&case["lower"])), (ours.upper(), number(&case["upper"]))] {
        assert!((ours - theirs).abs() < slack, "{ours}, and SciPy has {theirs}");
    }
}

#[test]
fn fits_of_both_laws_are_those_of_curve_fit() {
    for case in golden()["fits"].as_array().unwrap() {
        let (flops, losses) = (numbers(&case["flops"]), numbers(&case["losses"]));
        let reference = number(&case["reference"]);
        let theirs = numbers(&case["power_law"]);
        let ours = fit_power_law(&flops, &losses).unwrap().law;
        assert_close("a", ours.at(reference), theirs[0], 1e-6);
        assert_close("b", ours.exponent, theirs[1], 1e-6);
        if !case["with_floor"].is_null() {
            let theirs = numbers(&case["with_floor"]);
            let ours = fit_power_law_with_floor(&flops, &losses).unwrap().law;
            // Both stop where the squares no longer change, which is a small region.
            assert_close("E", ours.floor, theirs[0], 1e-4);
            assert_close("a", ours.at(reference) - ours.floor, theirs[1], 1e-4);
            assert_close("b", ours.exponent, theirs[2], 1e-4);
        }
    }
}

#[test]
fn the_minimum_of_a_parabola_is_that_of_polyfit() {
    let case = &golden()["parabola"];
    let (x, y) = (numbers(&case["x"]), numbers(&case["y"]));
    let law = fit_parabola(&x, &y, &vec![0; x.len()]).unwrap().law;
    assert_close("minimum", law.minimum().unwrap(), number(&case["minimum"]), 1e-8);
}
