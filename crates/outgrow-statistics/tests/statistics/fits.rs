//! Laws of fits: points on a curve give the curve back, in any unit, and noise alone doesn't beat a constant.

use outgrow_statistics::{
    Extremum, fit_logarithm, fit_parabola, fit_plane, fit_power_law, fit_power_law_with_floor,
};
use proptest::prelude::*;

use crate::made_up::Normals;

const FLOPS: [f64; 6] = [1e18, 3e18, 1.2e19, 4e19, 1.8e20, 7e20];

fn relative(one: f64, two: f64) -> f64 {
    (one - two).abs() / two.abs()
}

proptest! {
    #[test]
    fn points_on_a_power_law_give_it_back_in_raw_flops(scale in 1.0_f64..9.0, exponent in -0.4_f64..-0.01) {
        let y = FLOPS.map(|flops| scale * (flops / 1e18).powf(exponent));
        let fit = fit_power_law(&FLOPS, &y).unwrap();
        prop_assert!(relative(fit.law.exponent, exponent) < 1e-9);
        prop_assert!(relative(fit.law.at(1e18), scale) < 1e-9);
        prop_assert!(fit.beats_constant());
    }

    #[test]
    fn points_on_a_law_with_a_floor_give_it_back_in_raw_flops(
        floor in 0.5_f64..3.0, scale in 0.3_f64..3.0, exponent in -0.5_f64..-0.1,
    ) {
        let y = FLOPS.map(|flops| floor + scale * (flops / 1e18).powf(exponent));
        let fit = fit_power_law_with_floor(&FLOPS, &y).unwrap();
        prop_assert!(relative(fit.law.exponent, exponent) < 1e-4, "{fit:?}");
        prop_assert!(relative(fit.law.floor, floor) < 1e-4, "{fit:?}");
        // Six points are enough to tell it from a law without a floor.
        prop_assert!(fit.beats_constant() && fit.beats(&fit_power_law(&FLOPS, &y).unwrap()));
    }

    #[test]
    fn points_on_a_plane_give_it_back(level in -9.0_f64..9.0, first in -2.0_f64..2.0, second in -200.0_f64..200.0) {
        // log10 N and 1 / log10 C, as equation 2 of arXiv 2405.15319 has them.
        let (u, w) = ([8.6, 8.6, 9.0, 9.0, 9.5, 9.5], [0.0503, 0.0493, 0.0493, 0.0482, 0.0486, 0.0474]);
        let y: Vec<f64> = u.iter().zip(w).map(|(u, w)| level + first * u + second * w).collect();
        let plane = fit_plane(&u, &w, &y).unwrap().law;
        prop_assert!((plane.first - first).abs() < 1e-6 && (plane.second - second).abs() < 1e-4, "{plane:?}");
        prop_assert!((plane.at(8.9, 0.049) - (level + first * 8.9 + second * 0.049)).abs() < 1e-6);
        prop_assert!(fit_plane(&[8.6; 6], &w, &y).is_err(), "one size tells nothing of sizes");
    }

    #[test]
    fn what_a_law_reaches_is_what_it_is_there(scale in 1.0_f64..9.0, exponent in -0.4_f64..-0.01, flops in 1e17_f64..1e22) {
        let y = FLOPS.map(|flops| 1.5 + scale * (flops / 1e18).powf(exponent));
        let power_law = fit_power_law(&FLOPS, &y).unwrap().law;
        prop_assert!(relative(power_law.reaches(power_law.at(flops)).unwrap(), flops) < 1e-6);
        let with_floor = fit_power_law_with_floor(&FLOPS, &y).unwrap().law;
        prop_assert_eq!(with_floor.reaches(with_floor.floor), None);
    }

    #[test]
    fn a_minimum_is_found_whatever_levels_the_seeds_have(
        minimum in 0.06_f64..0.4, curvature in 0.001_f64..0.1, levels in prop::collection::vec(3.0_f64..7.0, 1..6),
    ) {
        let places = [0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5];
        let (mut x, mut y, mut group) = (Vec::new(), Vec::new(), Vec::new());
        for (seed, level) in levels.iter().enumerate() {
            // Each seed lacks one place, so that levels and places aren't balanced.
            for place in places.iter().enumerate().filter(|(index, _)| index % 6 != seed).map(|(_, place)| *place) {
                x.push(place);
                y.push(level + curvature * (place / minimum).ln().powi(2));
                group.push(seed);
            }
        }
        let fit = fit_parabola(&x, &y, &group).unwrap();
        let found = fit.law.minimum().unwrap();
        prop_assert!(relative(found, minimum) < 1e-6, "{found} for {minimum}");
    }

    #[test]
    fn points_on_a_line_in_the_logarithm_give_it_back(level in -1.0_f64..1.0, slope in -0.1_f64..0.1) {
        prop_assume!(slope.abs() > 1e-3);
        let y = FLOPS.map(|flops| level + slope * (flops / 1e19).ln());
        let fit = fit_logarithm(&FLOPS, &y).unwrap();
        prop_assert!((fit.law.at(1e19) - level).abs() < 1e-9 && relative(fit.law.slope, slope) < 1e-9);
        prop_assert!(relative(fit.law.reaches(level).unwrap(), 1e19) < 1e-6);
    }
}

#[test]
fn a_hill_has_no_minimum() {
    let x = [1.0, 2.0, 4.0, 8.0, 16.0];
    let y = x.map(|x: f64| 3.0 - 0.1 * (x / 4.0).ln().powi(2));
    let law = fit_parabola(&x, &y, &[0; 5]).unwrap().law;
    assert!(matches!(law.extremum(), Some(Extremum::Maximum { x, .. }) if (x - 4.0).abs() < 1e-9));
    assert_eq!(law.minimum(), None);
}

#[test]
fn noise_alone_seldom_beats_a_constant() {
    let x: Vec<f64> = [2.0, 3.0, 4.0, 6.0, 8.0].repeat(5);
    let group: Vec<usize> = (0..25).map(|index| index / 5).collect();
    let mut normals = Normals::new(3);
    let believed = (0..400).filter(|_| {
        let y: Vec<f64> = normals.take(25).iter().map(|normal| 5.0 + 0.01 * normal).collect();
        fit_parabola(&x, &y, &group).unwrap().beats_constant()
    });
    // AICc keeps a model of two more numbers in about an eighth of such cases.
    let believed = believed.count();
    assert!(believed < 70, "{believed} of 400");
}

#[test]
fn too_few_points_beat_nothing() {
    let fit = fit_power_law(&FLOPS[..3], &[4.0, 3.5, 3.1]).unwrap();
    assert_eq!((fit.criterion, fit.beats_constant()), (None, false));
}

#[test]
fn a_pure_power_law_has_no_floor_to_find() {
    let mut normals = Normals::new(5);
    let y = FLOPS.map(|flops| 3.0 * (flops / 1e18_f64).powf(-0.06) * (0.002 * normals.next()).exp());
    // Either there is no minimum, or it is no better than the law without a floor.
    if let Ok(fit) = fit_power_law_with_floor(&FLOPS, &y) {
        assert!(!fit.beats(&fit_power_law(&FLOPS, &y).unwrap()), "{fit:?}");
    }
}

#[test]
fn what_has_no_logarithm_is_refused_in_a_line() {
    let refused = |x: &[f64], y: &[f64]| fit_power_law(x, y).unwrap_err().to_string();
    assert_eq!(
        refused(&[1.0, 2.0, 0.0], &[1.0; 3]),
        "x is 0: it must be above 0, as its logarithm is fitted"
    );
    assert_eq!(
        refused(&[1.0, 2.0, 3.0], &[1.0, -1.0, 1.0]),
        "y is -1: it must be above 0, as its logarithm is fitted"
    );
    assert_eq!(refused(&[1.0, 2.0], &[1.0; 3]), "2 values of x and 3 of y: they must be as many");
    assert_eq!(refused(&[1.0, 2.0, 2.0], &[1.0; 3]), "2 values: at least 3 are needed");
    assert_eq!(refused(&[1.0, f64::INFINITY, 2.0], &[1.0; 3]), "value 1 is inf: it must be finite");
}
