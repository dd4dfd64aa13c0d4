//! Verdicts, differences and speed-ups on made-up curves with known answers.

use outgrow_report::{Cost, Experiment, Outcome, Rule, Verdict};
use proptest::prelude::*;
use serde_json::json;

use crate::laid_out::{LaidOut, Points, curve, moved};

/// Scratch and a grown kind that lies above it by so much, a number a seed.
fn shifted(differences: &[f64]) -> LaidOut {
    let mut laid_out = LaidOut::new();
    // Seeds differ from each other by more than kinds do, which pairing takes out.
    let scratch: Vec<Points> =
        (0..differences.len()).map(|seed| moved(&curve(1e12, 20.0, -0.05), 0.1 * seed as f64)).collect();
    let grown: Vec<Points> =
        scratch.iter().zip(differences).map(|(points, difference)| moved(points, *difference)).collect();
    laid_out.kind("scratch", None, json!({}), &scratch);
    laid_out.kind("grown", Some("scratch"), json!({}), &grown);
    laid_out
}

fn lower(paper: Option<f64>) -> Rule {
    Rule::Lower { of: "grown".to_owned(), against: "scratch".to_owned(), paper, by: None, at: None }
}

fn speed_up(paper: f64) -> Rule {
    Rule::SpeedUp { of: "grown".to_owned(), against: "scratch".to_owned(), paper }
}

fn equal(margin: f64) -> Rule {
    Rule::Equal { of: "grown".to_owned(), against: "scratch".to_owned(), margin, by: None, at: None }
}

/// The verdict on one claim about differences.
fn verdict(differences: &[f64], rule: Rule) -> Verdict {
    let mut laid_out = shifted(differences);
    laid_out.claim(rule);
    laid_out.outcome().claims[0].verdict
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_curve_that_is_shifted_in_flops_has_that_speed_up_in_all_costs_that_shift(
        factor in 1.05_f64..3.0, level in 5.0_f64..30.0, exponent in -0.2_f64..-0.02,
    ) {
        let scratch: Vec<Points> = (0..5).map(|seed| curve(1e12, level * (1.0 + 0.01 * f64::from(seed)), exponent)).collect();
        let faster = |points: &Points| points.iter().map(|(flops, loss)| (flops / factor, *loss)).collect();
        let grown: Vec<Points> = scratch.iter().map(faster).collect();
        let mut laid_out = LaidOut::new();
        laid_out.kind("scratch", None, json!({}), &scratch);
        laid_out.kind("grown", Some("scratch"), json!({}), &grown);
        let outcome = laid_out.outcome();
        let kind = outcome.kind("grown").unwrap();
        for cost in [Cost::ExactFlops, Cost::SixTimesParametersFlops] {
            let found: Vec<_> = kind.speed_ups.iter().filter(|found| found.cost == cost).collect();
            prop_assert!(found.len() >= 3);
            for found in found {
                let over_seeds = found.over_seeds.as_ref().unwrap();
                prop_assert!((over_seeds.mean - (factor - 1.0)).abs() < 0.001, "{over_seeds:?}");
            }
        }
        // Tokens and seconds are counted by steps here, which both have as many of.
        for cost in [Cost::Tokens, Cost::Seconds] {
            prop_assert!(kind.speed_up(cost).unwrap().over_seeds.as_ref().unwrap().mean.abs() < 1e-9);
        }
    }

    #[test]
    fn the_difference_of_curves_is_that_of_each_seed_at_all_parts_of_the_budget(
        differences in prop::collection::vec(-0.3_f64..0.3, 1..7),
    ) {
        let outcome = shifted(&differences).outcome();
        for found in &outcome.kind("grown").unwrap().differences {
            for (value, expected) in found.values().iter().zip(&differences) {
                prop_assert!((value - expected).abs() < 1e-9, "at {}", found.at);
            }
            prop_assert_eq!(found.count(), differences.len());
            prop_assert_eq!(found.over_seeds.as_ref().unwrap().interval.is_some(), differences.len() > 1);
        }
    }

    #[test]
    fn turning_a_claim_around_turns_its_verdict_around(differences in prop::collection::vec(-0.2_f64..0.2, 3..6)) {
        let turned: Vec<f64> = differences.iter().map(|difference| -difference).collect();
        let one = verdict(&differences, lower(None));
        let other = verdict(&turned, lower(None));
        match one {
            Verdict::Reproduced => prop_assert_eq!(other, Verdict::NotReproduced),
            Verdict::NotDecidable => prop_assert_eq!(other, Verdict::NotDecidable),
            Verdict::NotReproduced | Verdict::SameSignSmaller => {}
        }
    }

    #[test]
    fn one_seed_decides_nothing(difference in -0.5_f64..0.5, margin in 0.001_f64..1.0) {
        for rule in [lower(None), lower(Some(0.1)), speed_up(0.5), speed_up(-0.2), equal(margin)] {
            prop_assert_eq!(verdict(&[difference], rule), Verdict::NotDecidable);
        }
    }
}

#[test]
fn a_lower_loss_is_judged_by_where_its_interval_lies() {
    let clear = [-0.050, -0.055, -0.047, -0.052, -0.049];
    assert_eq!(verdict(&clear, lower(None)), Verdict::Reproduced);
    assert_eq!(verdict(&clear, lower(Some(0.05))), Verdict::Reproduced);
    assert_eq!(verdict(&clear, lower(Some(0.2))), Verdict::SameSignSmaller);
    let other = clear.map(|difference| -difference);
    assert_eq!(verdict(&other, lower(None)), Verdict::NotReproduced);
    let small = [0.002, -0.001, 0.001, -0.002, 0.0005];
    assert_eq!(verdict(&small, lower(None)), Verdict::NotReproduced);
    let wide = [-0.1, 0.08, -0.05, 0.02, -0.03];
    assert_eq!(verdict(&wide, lower(None)), Verdict::NotDecidable);
}

#[test]
fn a_speed_up_is_judged_by_its_sign_and_its_size() {
    // On this curve 0.3 nats are some 48 % of the FLOPs.
    let clear = [-0.30, -0.31, -0.29, -0.305, -0.295];
    assert_eq!(verdict(&clear, speed_up(0.4)), Verdict::Reproduced);
    assert_eq!(verdict(&clear, speed_up(30.0)), Verdict::SameSignSmaller);
    assert_eq!(verdict(&clear, speed_up(-0.2)), Verdict::NotReproduced);
    let slower = clear.map(|difference| -difference);
    assert_eq!(verdict(&slower, speed_up(0.4)), Verdict::NotReproduced);
    assert_eq!(verdict(&slower, speed_up(-0.2)), Verdict::Reproduced);
    assert_eq!(verdict(&slower, speed_up(-0.9)), Verdict::SameSignSmaller);
}

#[test]
fn equal_losses_lie_within_the_margin_or_beyond_it() {
    let close = [0.004, -0.003, 0.002, -0.001, 0.003];
    assert_eq!(verdict(&close, equal(0.03)), Verdict::Reproduced);
    let far = [0.104, 0.097, 0.102, 0.099, 0.103];
    assert_eq!(verdict(&far, equal(0.03)), Verdict::NotReproduced);
    assert_eq!(verdict(&[0.05, -0.04, 0.03, 0.0, 0.02], equal(0.03)), Verdict::NotDecidable);
}

#[test]
fn equal_values_have_no_interval_and_decide_nothing() {
    let mut laid_out = LaidOut::new();
    let scratch = vec![curve(1e12, 20.0, -0.05); 3];
    laid_out.kind("scratch", None, json!({}), &scratch);
    laid_out.kind("grown", Some("scratch"), json!({}), &scratch);
    laid_out.claim(equal(0.03));
    let outcome = laid_out.outcome();
    insta::assert_snapshot!(outcome.claims[0].sentence, @"Nothing can be decided: all 3 values are equal (0): without a spread there is no interval.");
    assert_eq!((outcome.claims[0].p, outcome.claims[0].adjusted_p), (None, None));
}

#[test]
fn a_claim_that_outlasts_no_correction_is_not_decidable_and_says_why() {
    // p = 0.02 alone.
    let unsure = [-0.050, -0.012, -0.061, -0.017, -0.045];
    let mut laid_out = shifted(&unsure);
    for _ in 0..5 {
        laid_out.claim(lower(None));
    }
    let claim = &laid_out.outcome().claims[0];
    assert_eq!((claim.uncorrected, claim.verdict), (Verdict::Reproduced, Verdict::NotDecidable));
    insta::assert_snapshot!(claim.sentence, @"The loss difference −0.037 [−0.064, −0.010] has the claimed sign. Alone it would be “reproduced” (p = 0.018), and with 5 claims judged together it isn't sure (p = 0.090 by Holm's method).");
    assert_eq!(verdict(&unsure, lower(None)), Verdict::Reproduced);
}

#[test]
fn curves_that_never_meet_say_so() {
    let mut laid_out = LaidOut::new();
    let scratch: Points = vec![(0.0, 8.0), (1.0, 6.0), (2.0, 5.0)];
    let never: Points = vec![(0.0, 9.0), (1.0, 8.9), (2.0, 8.8)];
    laid_out.kind("scratch", None, json!({}), &[scratch.clone(), scratch]);
    laid_out.kind("grown", Some("scratch"), json!({}), &[never.clone(), never]);
    let outcome = laid_out.outcome();
    let kind = outcome.kind("grown").unwrap();
    let at_the_end = kind.speed_up(Cost::ExactFlops).unwrap();
    assert!(at_the_end.over_seeds.is_none());
    assert_eq!(at_the_end.left_out[0].why, "the curves never meet");
    let on_the_way = kind.speed_ups.iter().find(|found| found.at < 1.0).unwrap();
    assert_eq!(on_the_way.left_out[0].why, "never reaches a loss of 6.400");
}

#[test]
fn a_run_that_never_gets_to_the_final_loss_is_read_at_its_own() {
    let outcome = shifted(&[0.2, 0.21, 0.19]).outcome();
    let found = outcome.kind("grown").unwrap().speed_up(Cost::ExactFlops).unwrap();
    assert!(found.readings.iter().all(|reading| reading.at_own_final && reading.speed_up < 0.0));
    assert!(found.over_seeds.as_ref().unwrap().interval.unwrap().lies_below(0.0));
}

#[test]
fn two_speed_ups_that_cancel_have_a_mean_of_nothing() {
    let scratch: Points = vec![(0.0, 8.0), (4.0, 4.0), (8.0, 3.0)];
    let times =
        |factor: f64| -> Points { scratch.iter().map(|(flops, loss)| (flops * factor, *loss)).collect() };
    let mut laid_out = LaidOut::new();
    laid_out.kind("scratch", None, json!({}), &[scratch.clone(), scratch.clone()]);
    laid_out.kind("grown", Some("scratch"), json!({}), &[times(0.5), times(2.0)]);
    let outcome = laid_out.outcome();
    let found =
        outcome.kind("grown").unwrap().speed_up(Cost::ExactFlops).unwrap().over_seeds.as_ref().unwrap();
    assert!(found.mean.abs() < 1e-12 && (found.lowest, found.highest) == (-0.5, 1.0));
}

#[test]
fn runs_that_ran_beside_others_give_no_speed_up_in_time() {
    let mut laid_out = shifted(&[-0.1, -0.12]);
    laid_out.description["runs"][3]["alone"] = json!(false);
    let outcome = laid_out.outcome();
    let found = outcome.kind("grown").unwrap().speed_up(Cost::Seconds).unwrap();
    assert_eq!((found.readings.len(), found.left_out.len()), (1, 1));
    assert_eq!(
        (found.left_out[0].seed, found.left_out[0].why.as_str()),
        (2, "not measured: ran beside others")
    );
}

#[test]
fn missing_and_unfinished_runs_are_left_out_by_name() {
    let mut laid_out = shifted(&[-0.05, -0.055, -0.047, -0.052]);
    let points = curve(1e12, 20.0, -0.05);
    laid_out.write_run("runs/grown/seed-2", 2, &points[..8], false);
    std::fs::remove_dir_all(laid_out.folder.path().join("runs/scratch/seed-4")).unwrap();
    laid_out.claim(lower(None));
    let outcome = laid_out.outcome();
    assert_eq!((outcome.progress.planned, outcome.progress.finished), (8, 6));
    assert_eq!(outcome.progress.unfinished, ["runs/grown/seed-2"]);
    assert_eq!(outcome.progress.missing, ["runs/scratch/seed-4"]);
    let difference = outcome.kind("grown").unwrap().difference().unwrap();
    let left_out: Vec<(u64, &str)> =
        difference.left_out.iter().map(|one| (one.seed, one.why.as_str())).collect();
    assert_eq!(left_out, [(2, "grown isn't finished"), (4, "scratch is missing")]);
    assert_eq!((outcome.claims[0].seeds, difference.count()), (2, 2));
}

#[test]
fn budgets_that_end_at_different_places_are_said() {
    let mut laid_out = LaidOut::new();
    laid_out.kind("scratch", None, json!({}), &[curve(1e12, 20.0, -0.05)]);
    laid_out.kind("grown", Some("scratch"), json!({}), &[curve(0.9e12, 20.0, -0.05)]);
    let outcome = laid_out.outcome();
    let difference = outcome.kind("grown").unwrap().difference().unwrap();
    assert!((difference.paid.unwrap() / 0.9e12 - 1.0).abs() < 1e-12);
    insta::assert_snapshot!(difference.caveats[0], @"1 of 1 pairs end at different FLOPs: they are compared where the shorter run ends");
}

#[test]
fn the_power_says_how_many_seeds_a_claim_needs() {
    let mut laid_out = shifted(&[-0.05, -0.08, -0.02, -0.06]);
    for rule in [lower(Some(0.1)), speed_up(0.5), equal(0.03)] {
        laid_out.claim(rule);
    }
    let experiment: Experiment = laid_out.read().unwrap();
    insta::assert_snapshot!(experiment.power().to_string(), @r"
    Seeds that a test at 5 % needs to see an effect in 80 % of cases, each claim by itself:
    it is so
      4 seeds, which spread by 0.0250
           3 for the paper's −0.100 nats
          52 for the smallest that counts, 0.01 nats
    it is so
      4 seeds, which spread by 0.0250
           3 for the paper's +50 %, about 0.102 nats here
          52 for the smallest that counts, 0.01 nats
    it is so
      4 seeds, which spread by 0.0250
           8 for no difference to be seen within ±0.03 nats
    ");
}

#[test]
fn the_power_of_one_seed_is_unknown_and_says_so() {
    let mut laid_out = shifted(&[-0.05]);
    laid_out.claim(lower(None));
    insta::assert_snapshot!(laid_out.read().unwrap().power().to_string(), @r"
    Seeds that a test at 5 % needs to see an effect in 80 % of cases, each claim by itself:
    it is so
      1 seed: one seed has no spread: two at least, better three
    ");
}

#[test]
fn tables_have_a_row_for_each_run_and_each_claim() {
    let mut laid_out = shifted(&[-0.05, -0.055]);
    laid_out.description["kinds"][1]["label"] = json!("grown, \"early\"");
    laid_out.description["kinds"][1]["axes"] = json!({"d": {"name": "10 %", "number": 0.1}});
    laid_out.claim(lower(None));
    let outcome: Outcome = laid_out.outcome();
    let runs = outcome.runs_csv();
    let lines: Vec<&str> = runs.lines().collect();
    assert_eq!(lines.len(), 1 + 4);
    insta::assert_snapshot!(lines[0], @"kind,label,d,seed,folder,finished,alone,parameters,final_loss,flops,flops_6nt,tokens,seconds,difference,speed_up");
    assert!(
        lines[3].starts_with("grown,\"grown, \"\"early\"\"\",0.1,1,runs/grown/seed-1,true,true,1000000,"),
        "{}",
        lines[3]
    );
    let claims = outcome.claims_csv();
    assert_eq!(claims.lines().count(), 1 + 1);
}
