//! Minima and laws on made-up losses, and the files that they go into.

use outgrow_report::{FittedLaw, LawForm, Minimum, Outcome, Rule, Shown, Verdict};
use proptest::prelude::*;
use serde_json::json;

use crate::laid_out::{LaidOut, Points, curve};

const PLACES: [f64; 6] = [0.025, 0.05, 0.1, 0.2, 0.3, 0.5];

/// What isn't quite so: a number of a seed and a place, at most 1.
fn noise(seed: usize, place: usize) -> f64 {
    ((seed * 7919 + place * 104_729 + 17) as f64).sin()
}

/// Losses along `d` with a minimum; the same for a second set with a budget of its own.
fn valley(minimum: f64, curvature: f64) -> LaidOut {
    let mut laid_out = LaidOut::new();
    let scratch = vec![curve(1e12, 20.0, -0.05); 4];
    laid_out.kind("scratch", None, json!({}), &scratch);
    for (place, number) in PLACES.into_iter().enumerate() {
        let loss =
            |seed: usize| curvature * (number / minimum).ln().powi(2) + 0.001 * noise(seed, place) - 0.1;
        let moved =
            |loss: f64| -> Points { scratch[0].iter().map(|(flops, at)| (*flops, at + loss)).collect() };
        let grown: Vec<Points> = (0..4).map(|seed| moved(loss(seed))).collect();
        let axes = json!({"d": {"name": format!("{number}"), "number": number}});
        laid_out.kind(&format!("d-{number}"), Some("scratch"), axes, &grown);
        let own: Vec<Points> = (0..4).map(|_| moved(0.3 - number)).collect();
        let axes = json!({"d": {"name": format!("{number}"), "number": number}, "budget": {"name": "half"}});
        laid_out.kind(&format!("own-{number}"), Some("scratch"), axes, &own);
    }
    laid_out
}

fn optimum(from: f64, to: f64) -> Rule {
    Rule::Optimum { axis: "d".to_owned(), with: std::collections::BTreeMap::new(), from, to, at: None }
}

/// Two series over four sizes, of which the second lies below the first by a factor in FLOPs.
fn two_laws(speed_up: f64) -> LaidOut {
    let mut laid_out = LaidOut::new();
    for (kind, cheaper) in [("scratch", 1.0), ("stack", 1.0 + speed_up)] {
        for (size, flops) in [1e12, 4e12, 1.6e13, 6.4e13].into_iter().enumerate() {
            let seeds: Vec<Points> = (0..4)
                .map(|seed| {
                    let scatter = 1.0 + 0.0005 * noise(seed, size + usize::from(cheaper > 1.0) * 4);
                    let end = 3.0 * (cheaper * flops / 1e13).powf(-0.06) * scatter;
                    vec![(0.0, 9.0), (0.5 * flops, 1.2 * end), (flops, end)]
                })
                .collect();
            let baseline = (kind == "stack").then(|| format!("scratch-{size}"));
            laid_out.kind(&format!("{kind}-{size}"), baseline.as_deref(), json!({}), &seeds);
        }
    }
    let series = |kind: &str| (0..4).map(|size| format!("{kind}-{size}")).collect::<Vec<_>>();
    laid_out.claim(Rule::Law { of: series("stack"), against: series("scratch"), paper: 0.5 });
    laid_out.figure(json!({"laws": {"series": [
        {"label": "scratch", "kinds": series("scratch")}, {"label": "stack", "kinds": series("stack")},
    ]}}));
    laid_out
}

fn laws(outcome: &Outcome) -> &Shown {
    &outcome.figures[0].shows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_minimum_is_found_and_its_interval_holds_it(minimum in 0.05_f64..0.3) {
        let mut laid_out = valley(minimum, 0.02);
        laid_out.claim(optimum(0.5 * minimum, 2.0 * minimum));
        laid_out.claim(optimum(4.0 * minimum, 8.0 * minimum));
        laid_out.figure(json!({"valley": {"axis": "d", "budgets": [0.5, 1.0]}}));
        let outcome = laid_out.outcome();
        let Shown::Valley { lines, .. } = &outcome.figures[0].shows else { panic!("a valley") };
        for line in lines {
            // The second set isn't mixed in.
            prop_assert_eq!(line.points.len(), PLACES.len());
            let Minimum::Within { x, interval: Some(interval), .. } = &line.minimum else { panic!("{:?}", line.minimum) };
            prop_assert!((x / minimum).ln().abs() < 0.1 && interval.contains(*x), "{x} for {minimum}");
        }
        let verdicts: Vec<Verdict> = outcome.claims.iter().map(|claim| claim.verdict).collect();
        prop_assert_eq!(verdicts, [Verdict::Reproduced, Verdict::NotReproduced]);
    }

    #[test]
    fn a_law_that_is_shifted_in_flops_has_that_speed_up(speed_up in 0.2_f64..1.0) {
        let outcome = two_laws(speed_up).outcome();
        let Shown::Laws { laws, speed_ups } = laws(&outcome) else { panic!("laws") };
        prop_assert!(laws.iter().all(|law| law.preferred == Some(LawForm::PowerLaw)), "{laws:?}");
        for foretold in speed_ups.iter().filter(|found| found.form == LawForm::PowerLaw) {
            prop_assert!((foretold.speed_up.unwrap() - speed_up).abs() < 0.03, "{foretold:?}");
            prop_assert_eq!(foretold.extrapolated, foretold.flops > 6.5e13);
        }
    }
}

#[test]
fn a_minimum_at_the_edge_is_said_to_be_there_or_beyond() {
    let mut laid_out = valley(3.0, 0.02);
    laid_out.claim(optimum(0.1, 0.25));
    let outcome = laid_out.outcome();
    assert_eq!(outcome.claims[0].verdict, Verdict::NotDecidable);
    insta::assert_snapshot!(outcome.claims[0].sentence, @"The minimum along d is at or beyond the edge, the highest place 0.50: 0.10 to 0.25 can't be judged.");
}

#[test]
fn a_flat_valley_decides_nothing() {
    let mut laid_out = valley(0.1, 0.0);
    laid_out.claim(optimum(0.1, 0.25));
    insta::assert_snapshot!(laid_out.outcome().claims[0].sentence, @"There is no minimum along d to judge: a parabola is no better than a constant.");
}

#[test]
fn three_places_decide_nothing() {
    let mut laid_out = valley(0.1, 0.02);
    laid_out.claim(optimum(0.05, 0.2));
    for kind in laid_out.description["kinds"].as_array_mut().unwrap() {
        if ["d-0.025", "d-0.3", "d-0.5"].iter().any(|name| kind["name"] == *name) {
            kind["axes"] = json!({});
        }
    }
    let outcome = laid_out.outcome();
    assert_eq!(outcome.claims[0].verdict, Verdict::NotDecidable);
    insta::assert_snapshot!(outcome.claims[0].sentence, @"There is no minimum along d to judge: 3 places besides 0: a parabola says something from four on.");
}

#[test]
fn two_laws_are_judged_at_the_largest_flops_and_written_for_planning() {
    let outcome = two_laws(0.5).outcome();
    let claim = &outcome.claims[0];
    assert_eq!(claim.verdict, Verdict::Reproduced, "{}", claim.sentence);
    let fitted = outcome.fitted_law().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), serde_json::to_string(&fitted).unwrap()).unwrap();
    let read = FittedLaw::read(file.path()).unwrap();
    assert_eq!(read.laws.len(), 2, "laws of claims and figures are the same, and there once");
    let [scratch, stack] = [&read.laws[0], &read.laws[1]];
    assert_eq!(scratch.label, "scratch");
    let loss = scratch.loss_at(1e14).unwrap();
    assert!((1e14 / stack.flops_for(loss).unwrap() - 1.5).abs() < 0.02);
    assert!(scratch.is_extrapolated(1e14) && !scratch.is_extrapolated(2e13));
}

#[test]
fn a_law_of_one_seed_has_no_band_and_decides_nothing() {
    let mut laid_out = two_laws(0.5);
    let runs = laid_out.description["runs"].as_array().unwrap().clone();
    laid_out.description["runs"] = runs.into_iter().filter(|run| run["seed"] == 1).collect();
    let outcome = laid_out.outcome();
    assert_eq!(outcome.claims[0].verdict, Verdict::NotDecidable);
    let Shown::Laws { laws, .. } = laws(&outcome) else { panic!("laws") };
    assert!(
        laws.iter().all(|law| !law.band.is_empty() && law.band.iter().all(|point| point.interval.is_none()))
    );
}

#[test]
fn a_law_that_is_no_better_than_a_constant_foretells_nothing() {
    let mut laid_out = LaidOut::new();
    for (size, flops) in [1e12, 4e12, 1.6e13, 6.4e13].into_iter().enumerate() {
        let end = |seed: usize| 3.0 + 0.01 * noise(seed, size);
        let seeds = (0..4).map(|seed| vec![(0.0, 9.0), (0.5 * flops, 4.0), (flops, end(seed))]);
        laid_out.kind(&format!("scratch-{size}"), None, json!({}), &seeds.collect::<Vec<Points>>());
    }
    let kinds: Vec<String> = (0..4).map(|size| format!("scratch-{size}")).collect();
    let series = |label: &str| json!({"label": label, "kinds": kinds});
    laid_out.figure(json!({"laws": {"series": [series("one"), series("two")]}}));
    let outcome = laid_out.outcome();
    let Shown::Laws { laws, speed_ups } = laws(&outcome) else { panic!("laws") };
    assert!(
        laws.iter().all(|law| law.preferred.is_none() && law.band.iter().all(|point| !point.extrapolated))
    );
    assert!(speed_ups.is_empty(), "{speed_ups:?}");
}

#[test]
fn what_is_foretold_begins_where_the_runs_end() {
    let outcome = two_laws(0.5).outcome();
    let Shown::Laws { laws, .. } = laws(&outcome) else { panic!("laws") };
    for law in laws {
        let last = law.band.iter().rev().find(|point| !point.extrapolated).unwrap();
        assert!(last.flops.total_cmp(&6.4e13).is_eq(), "{}: {}", law.label, last.flops);
    }
}

/// Minima along `d` of three budgets at two sizes, where the best share grows with the budget and falls with the size.
fn moving_minima(sizes: usize) -> LaidOut {
    let mut laid_out = LaidOut::new();
    for size in 0..sizes {
        let (large, name) = (4_f64.powi(size as i32), format!("size-{size}"));
        let end = 1e12 * large;
        let scratch = curve(end, 20.0, -0.05);
        let of_size = json!({"name": name, "number": large});
        laid_out.kind(&format!("scratch-{size}"), None, json!({}), &vec![scratch.clone(); 4]);
        for (place, number) in PLACES.into_iter().enumerate() {
            let seeds = (0..4).map(|seed| -> Points {
                let best = |flops: f64| 0.1 * (flops.max(1e9) / end).powf(0.5) * large.powf(-0.3);
                let above = |flops: f64| 0.02 * (number / best(flops)).ln().powi(2);
                let noise = 0.0002 * noise(seed, place);
                scratch.iter().map(|(flops, loss)| (*flops, loss - 0.1 + above(*flops) + noise)).collect()
            });
            let axes = json!({"d": {"name": format!("{number}"), "number": number}, "size": of_size});
            let kind = format!("d-{number}-{size}");
            laid_out.kind(&kind, Some(&format!("scratch-{size}")), axes, &seeds.collect::<Vec<_>>());
        }
        laid_out
            .figure(json!({"valley": {"axis": "d", "with": {"size": name}, "budgets": [0.5, 0.75, 1.0]}}));
        for run in laid_out.description["runs"].as_array().unwrap() {
            let folder = run["folder"].as_str().unwrap();
            if size > 0 && folder.contains(&format!("-{size}/")) {
                let file = laid_out.folder.path().join(folder).join("run.json");
                let text = std::fs::read_to_string(&file).unwrap();
                std::fs::write(&file, text.replace("1000000", "4000000")).unwrap();
            }
        }
    }
    laid_out
}

#[test]
fn the_best_place_of_several_budgets_follows_a_law_of_the_flops() {
    let outcome = moving_minima(1).outcome();
    let [law] = &outcome.optimum_laws[..] else { panic!("{:?}", outcome.optimum_laws) };
    assert_eq!((law.points.len(), law.sizes()), (3, 1));
    let exponent = law.over_flops.unwrap().law.exponent;
    assert!((exponent - 0.5).abs() < 0.05, "{exponent}");
    assert!(outcome.html().contains("<h2>How the best place moves</h2>"));
}

#[test]
fn the_best_place_of_two_sizes_follows_a_law_of_size_and_flops() {
    let outcome = moving_minima(2).outcome();
    let [law] = &outcome.optimum_laws[..] else { panic!("{:?}", outcome.optimum_laws) };
    assert_eq!((law.points.len(), law.sizes()), (6, 2));
    let plane = law.power_law.unwrap().law;
    assert!((plane.first + 0.8).abs() < 0.1 && (plane.second - 0.5).abs() < 0.05, "{plane:?}");
    assert!(law.papers_form.is_some() && law.is_believed());
    let fitted = outcome.fitted_law().unwrap();
    assert_eq!(fitted.optimum_laws[0].power_law, Some(plane));
}

#[test]
fn too_few_minima_for_a_law_are_said_to_be_too_few() {
    let said = |sizes: usize| {
        let mut laid_out = moving_minima(sizes);
        for figure in laid_out.description["figures"].as_array_mut().unwrap() {
            figure["draws"]["valley"]["budgets"] = json!([0.5, 1.0]);
        }
        let outcome = laid_out.outcome();
        assert!(outcome.fitted_law().unwrap().optimum_laws.is_empty());
        outcome.optimum_laws[0].caveats.join("; ")
    };
    insta::assert_snapshot!(said(1), @"2 of 2 have a minimum between the places that were tried, and a law of the budget takes 3");
    insta::assert_snapshot!(said(2), @"4 of 4 have a minimum between the places that were tried, and a law of size and budget takes 6");
}

#[test]
fn a_difference_that_shrinks_with_the_logarithm_of_flops_is_followed_to_its_end() {
    // Halfway the difference is -0.08, and at the end -0.06: at eight times the end it is 0.
    let slope = 0.02 / f64::ln(2.0);
    let mut laid_out = LaidOut::new();
    let scratch = curve(1e12, 20.0, -0.05);
    let grown = |seed: usize| -> Points {
        let line = |flops: f64| -0.06 + slope * (flops.max(1e10) / 1e12).ln() + 0.0005 * noise(seed, 0);
        scratch.iter().map(|(flops, loss)| (*flops, loss + line(*flops))).collect()
    };
    laid_out.kind("scratch", None, json!({}), &vec![scratch.clone(); 4]);
    laid_out.kind("grown", Some("scratch"), json!({}), &(0..4).map(grown).collect::<Vec<_>>());
    let outcome = laid_out.outcome();
    let trend = outcome.kind("grown").unwrap().trend.as_ref().unwrap();
    assert!(trend.beats_constant);
    let ten_times = trend.foretold.iter().find(|found| found.times > 9.0 && found.times < 11.0).unwrap();
    let expected = -0.06 + slope * f64::ln(10.0);
    assert!((ten_times.difference - expected).abs() < 0.001, "{ten_times:?}");
    assert!(ten_times.interval.unwrap().contains(expected));
    assert!((trend.vanishes_at.unwrap() / 8e12 - 1.0).abs() < 0.05, "{trend:?}");
}

#[test]
fn a_law_of_another_format_is_refused_in_a_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), r#"{"format": 7}"#).unwrap();
    let error = FittedLaw::read(file.path()).unwrap_err();
    assert!(
        error.is_input() && error.to_string().ends_with(": format is 7, this build reads format 1"),
        "{error}"
    );
}
