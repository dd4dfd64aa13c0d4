//! Laws of the speed-up at equal loss, and hand-made curves of growth that wins, loses, and is stopped early.

#![expect(clippy::float_cmp, reason = "these equalities are exact: the same arithmetic on the same numbers")]

use outgrow_report::{Curve, CurvePoint, ReadAt, speed_up, speed_up_at};
use proptest::prelude::*;

fn curve(points: &[(f64, f64)]) -> Curve {
    Curve::new("test", points.iter().map(|&(cost, loss)| CurvePoint { cost, loss }).collect()).unwrap()
}

/// A curve that starts at nothing paid and a high loss, with rises and falls on its way.
fn curves() -> impl Strategy<Value = Curve> {
    prop::collection::vec((0.1_f64..10.0, 1.0_f64..7.0), 1..20).prop_map(|steps| {
        let mut cost = 0.0;
        let mut points = vec![(0.0, 8.0)];
        for (step, loss) in steps {
            cost += step;
            points.push((cost, loss));
        }
        curve(&points)
    })
}

fn scaled(curve: &Curve, factor: f64) -> Curve {
    let scaled = |point: &CurvePoint| CurvePoint { cost: point.cost * factor, loss: point.loss };
    Curve::new("scaled", curve.points().iter().map(scaled).collect()).unwrap()
}

proptest! {
    #[test]
    fn a_curve_against_itself_has_no_speed_up(curve in curves()) {
        let reading = speed_up(&curve, &curve).unwrap();
        prop_assert_eq!(reading.speed_up, 0.0);
        prop_assert_eq!(reading.read_at, ReadAt::ScratchFinal);
    }

    #[test]
    fn paying_c_times_as_much_divides_one_plus_the_speed_up_by_c(
        scratch in curves(), grown in curves(), factor in 0.1_f64..10.0,
    ) {
        let before = speed_up(&scratch, &grown).unwrap();
        let after = speed_up(&scratch, &scaled(&grown, factor)).unwrap();
        prop_assert!(((1.0 + after.speed_up) * factor / (1.0 + before.speed_up) - 1.0).abs() < 1e-9);
        prop_assert_eq!(after.loss, before.loss);
    }

    #[test]
    fn a_lower_loss_never_costs_less(curve in curves(), one in 1.0_f64..8.0, two in 1.0_f64..8.0) {
        let (high, low) = (one.max(two), one.min(two));
        match (curve.first_reach(high), curve.first_reach(low)) {
            (Some(first), Some(second)) => prop_assert!(first <= second),
            (None, Some(_)) => prop_assert!(false, "reached {low} but not {high}"),
            (_, None) => {}
        }
    }

    #[test]
    fn a_grown_run_that_is_better_everywhere_is_never_slower(scratch in curves(), gain in 0.0_f64..0.9, loss in 1.0_f64..7.9) {
        let better: Vec<CurvePoint> =
            scratch.points().iter().map(|point| CurvePoint { cost: point.cost, loss: point.loss - gain * f64::from(point.cost > 0.0) }).collect();
        let better = Curve::new("better", better).unwrap();
        if let Some(speed_up) = speed_up_at(&scratch, &better, loss) {
            prop_assert!(speed_up >= -1e-9, "{speed_up}");
        }
    }

    #[test]
    fn what_was_read_multiplies_back(scratch in curves(), grown in curves()) {
        let reading = speed_up(&scratch, &grown).unwrap();
        prop_assert!((reading.grown_cost * (1.0 + reading.speed_up) - reading.scratch_cost).abs() <= 1e-9 * reading.scratch_cost.max(1.0));
        prop_assert_eq!(scratch.first_reach(reading.loss), Some(reading.scratch_cost));
    }
}

#[test]
fn a_growth_that_wins_is_read_at_the_final_loss_of_scratch() {
    let reading = speed_up(
        &curve(&[(0.0, 8.0), (10.0, 5.0), (20.0, 4.0)]),
        &curve(&[(0.0, 8.0), (2.0, 5.5), (2.0, 7.0), (10.0, 4.5), (20.0, 3.5)]),
    )
    .unwrap();
    assert_eq!((reading.loss, reading.scratch_cost, reading.grown_cost), (4.0, 20.0, 15.0));
    assert!((reading.speed_up - 1.0 / 3.0).abs() < 1e-12);
}

#[test]
fn a_growth_that_never_gets_there_is_read_at_its_own_final_loss_and_loses() {
    let reading =
        speed_up(&curve(&[(0.0, 8.0), (10.0, 5.0), (20.0, 4.0)]), &curve(&[(0.0, 8.0), (20.0, 4.5)]))
            .unwrap();
    assert_eq!((reading.read_at, reading.loss, reading.scratch_cost), (ReadAt::OwnFinal, 4.5, 15.0));
    assert_eq!(reading.speed_up, -0.25);
}

#[test]
fn a_growth_that_gets_there_with_a_larger_budget_still_loses() {
    let reading = speed_up(&curve(&[(0.0, 8.0), (20.0, 4.0)]), &curve(&[(0.0, 8.0), (25.0, 4.0)])).unwrap();
    assert_eq!(reading.read_at, ReadAt::ScratchFinal);
    assert!((reading.speed_up + 0.2).abs() < 1e-12);
}

#[test]
fn a_grown_run_that_was_stopped_early_can_be_ahead_at_its_own_loss() {
    let reading =
        speed_up(&curve(&[(0.0, 8.0), (10.0, 5.0), (20.0, 4.0)]), &curve(&[(0.0, 8.0), (5.0, 5.0)])).unwrap();
    assert_eq!((reading.read_at, reading.speed_up), (ReadAt::OwnFinal, 1.0));
}

#[test]
fn a_curve_that_lost_its_beginning_has_no_speed_up_at_losses_that_it_may_have_had_before() {
    let (scratch, grown) =
        (curve(&[(0.0, 8.0), (10.0, 5.0), (20.0, 4.0)]), curve(&[(0.0, 8.0), (10.0, 4.5), (20.0, 3.5)]));
    let late = curve(&[(12.0, 4.8), (20.0, 4.0)]);
    assert_eq!(speed_up_at(&late, &grown, 5.0), None);
    assert_eq!(speed_up_at(&scratch, &late, 4.8), None);
    // What lies behind the beginning is as before.
    assert_eq!(speed_up_at(&late, &grown, 4.0), speed_up_at(&scratch, &grown, 4.0));
}

#[test]
fn a_loss_that_was_there_for_nothing_has_no_speed_up() {
    assert_eq!(speed_up_at(&curve(&[(1.0, 8.0), (2.0, 4.0)]), &curve(&[(0.0, 5.0), (2.0, 4.0)]), 6.0), None);
}
