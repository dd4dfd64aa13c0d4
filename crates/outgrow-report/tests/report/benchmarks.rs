//! Benchmarks during training, over made-up runs: which number is quoted, and what the page shows of it.

use outgrow_report::{BenchmarkPoint, MetricValue, Report, RunRecord, TaskResult};

use crate::made_up;

/// One run per method, with the first seed.
fn first_seeds() -> Vec<RunRecord> {
    let folder = tempfile::tempdir().unwrap();
    let runs = made_up::three_methods().into_iter().filter(|run| run.seed == 1);
    runs.map(|run| RunRecord::read(&made_up::write(folder.path(), &run)).unwrap()).collect()
}

fn result(task: &str, metrics: &[(&str, Option<f64>, Option<f64>)]) -> TaskResult {
    let metric = |&(metric, value, standard_error): &(&str, Option<f64>, Option<f64>)| MetricValue {
        metric: metric.to_owned(),
        value,
        standard_error,
    };
    TaskResult { task: task.to_owned(), metrics: metrics.iter().map(metric).collect() }
}

fn point(flops: f64, tasks: Vec<TaskResult>) -> BenchmarkPoint {
    let tokens = (flops / 13e6) as u64;
    BenchmarkPoint {
        step: tokens / 2048,
        tokens,
        stage: "train".to_owned(),
        flops,
        flops_6nt: 1.2 * flops,
        tasks,
    }
}

/// The page from one heading to the next section.
fn section(page: &str, heading: &str) -> String {
    let start = page.find(&format!("<h2>{heading}</h2>")).unwrap();
    page[start..].split("</section>").next().unwrap().to_owned()
}

#[test]
fn the_metric_is_the_one_that_the_paper_quotes() {
    let report = Report::new(&first_seeds()).unwrap();
    let quoted: Vec<_> =
        report.benchmarks().iter().map(|one| format!("{} {}", one.task, one.metric)).collect();
    insta::assert_snapshot!(quoted.join("\n"), @"
    lambada_openai acc
    lambada_standard acc
    arc_easy acc_norm
    arc_challenge acc_norm
    logiqa acc_norm
    piqa acc_norm
    sciq acc_norm
    winogrande acc
    wikitext word_perplexity
    ");
}

#[test]
fn a_task_of_somebody_elses_is_quoted_by_its_first_metric() {
    let mut runs = first_seeds();
    let metrics = [("f1", Some(0.5), None), ("exact", Some(0.1), None)];
    runs[0].benchmarks = vec![point(1e12, vec![result("squad", &metrics)])];
    let report = Report::new(&runs[..1]).unwrap();
    let squad = &report.benchmarks()[0];
    assert_eq!((squad.metric.as_str(), squad.higher_is_better), ("f1", None));
}

#[test]
fn the_values_are_in_the_json_with_what_was_paid_for_them() {
    let runs = first_seeds();
    let json = Report::new(&runs).unwrap().to_json();
    let run = &json["benchmarks"][2]["runs"][1];
    assert_eq!((run["label"].as_str(), run["seed"].as_u64()), (Some("G_stack"), Some(1)));
    let (last, written) = (&run["values"][11], &runs[1].benchmarks[11]);
    assert_eq!(last["flops"].as_f64(), Some(written.flops));
    assert_eq!(last["value"].as_f64(), written.tasks[2].metrics[1].value);
    assert_eq!(last["standard_error"].as_f64(), written.tasks[2].metrics[1].standard_error);
}

#[test]
fn where_no_run_was_evaluated_by_benchmarks_nothing_is_shown() {
    let mut runs = first_seeds();
    for run in &mut runs {
        run.benchmarks.clear();
    }
    let report = Report::new(&runs).unwrap();
    assert!(report.benchmarks().is_empty());
    let page = report.html();
    // The style sheet knows the classes all the same.
    let body = page.split_once("<body>").unwrap().1;
    for sign in ["Benchmark", "benchmark", "acc_norm", "class=\"band", "<figure"] {
        assert!(!body.contains(sign), "{sign}");
    }
}

#[test]
fn runs_with_different_tasks_share_a_table_and_leave_gaps_in_it() {
    let mut runs = first_seeds();
    let piqa = result("piqa", &[("acc", Some(0.6), None), ("acc_norm", Some(0.612), Some(0.0114))]);
    let wikitext = |value| result("wikitext", &[("word_perplexity", value, None)]);
    runs[0].benchmarks = vec![
        point(1e12, vec![result("boolq", &[("acc", Some(0.5), None)])]),
        point(2e12, vec![piqa.clone(), wikitext(Some(41.267))]),
    ];
    runs[1].benchmarks = vec![point(2e12, vec![wikitext(None)])];
    runs[2].benchmarks.clear();
    let page = Report::new(&runs).unwrap().html();
    let table = section(&page, "Benchmarks, last values").replace("<tr>", "\n<tr>");
    insta::assert_snapshot!(table, @r#"
    <h2>Benchmarks, last values</h2><p class="lead">The last evaluation of each run; below a value its standard error.</p><div class="scroll"><table class="measured"><thead>
    <tr><th>benchmark</th><th>metric</th><th class="n"><i class="swatch c0"></i>Scratch<br>seed 1</th><th class="n"><i class="swatch c1"></i>G_stack<br>seed 1</th></tr></thead><tbody>
    <tr><td>boolq</td><td class="whole">acc ↑</td><td class="n" title="after 76.9 k tokens, 1.00 TFLOP">0.5000</td><td class="n">–</td></tr>
    <tr><td>piqa</td><td class="whole">acc_norm ↑</td><td class="n" title="after 154 k tokens, 2.00 TFLOP">0.6120<small>± 0.0114</small></td><td class="n">–</td></tr>
    <tr><td>wikitext</td><td class="whole">word_perplexity ↓</td><td class="n" title="after 154 k tokens, 2.00 TFLOP">41.27</td><td class="n" title="after 154 k tokens, 2.00 TFLOP">not finite</td></tr></tbody></table></div>
    "#);
    let charts = section(&page, "Benchmarks");
    assert_eq!(charts.matches("<svg").count(), 3);
    // The second run was asked for WikiText only, and that was no number.
    assert!(charts.contains("seed 1: acc_norm 0.6120 ± 0.0114 after 154 k tokens, 2.00 TFLOP (stage train)"));
    assert!(!charts.contains("G_stack, seed 1"));
}

#[test]
fn a_single_evaluation_is_a_point_with_a_bar() {
    let mut runs = first_seeds();
    for run in &mut runs {
        let last = run.benchmarks.pop().unwrap();
        run.benchmarks = vec![BenchmarkPoint { tasks: last.tasks[2..3].to_vec(), ..last }];
    }
    let charts = section(&Report::new(&runs).unwrap().html(), "Benchmarks");
    assert_eq!(charts.matches("class=\"error").count(), 3);
    assert_eq!(charts.matches("class=\"dot-mean").count(), 3);
    assert!(!charts.contains("class=\"band"));
    // All at the end of the same budget, and none over another.
    let mut places: Vec<&str> =
        charts.split("dot-mean\" cx=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    places.dedup();
    assert_eq!(places.len(), 3);
}

#[test]
fn errors_that_are_known_in_part_make_bands_in_parts() {
    let mut runs = first_seeds();
    let points = [Some(0.01), Some(0.01), None, Some(0.01), None, Some(0.01), Some(0.01)];
    runs[0].benchmarks = points
        .iter()
        .zip(1..)
        .map(|(error, index)| {
            let acc = result("boolq", &[("acc", Some(0.5 + 0.01 * f64::from(index)), *error)]);
            point(1e12 * f64::from(index), vec![acc])
        })
        .collect();
    let charts = section(&Report::new(&runs[..1]).unwrap().html(), "Benchmarks");
    assert_eq!((charts.matches("\"band").count(), charts.matches("\"error").count()), (2, 1));
}

#[test]
fn many_benchmarks_are_folded_away_behind_the_first() {
    let mut runs = first_seeds();
    let subjects = (0..57).map(|index| result(&format!("mmlu_{index}"), &[("acc", Some(0.25), None)]));
    runs[0].benchmarks = vec![point(1e12, subjects.collect())];
    let page = Report::new(&runs[..1]).unwrap().html();
    for heading in ["Benchmarks", "Benchmarks, last values"] {
        let section = section(&page, heading);
        let (seen, folded) = section.split_once("<summary>45 more</summary>").unwrap();
        assert!(seen.contains("mmlu_11<") || seen.contains("mmlu_11 <"), "{heading}");
        assert!(folded.contains("mmlu_12") && folded.contains("mmlu_56"), "{heading}");
    }
}

#[test]
fn many_evaluations_make_no_long_chart() {
    let mut runs = first_seeds();
    let acc = || vec![result("boolq", &[("acc", Some(0.5), None)])];
    runs[0].benchmarks = (1..5000_u32).map(|index| point(1e10 * f64::from(index), acc())).collect();
    let charts = section(&Report::new(&runs[..1]).unwrap().html(), "Benchmarks");
    assert!(charts.matches("<circle").count() <= 250);
}

#[test]
fn a_benchmark_of_extreme_values_has_a_chart_of_finite_numbers() {
    let mut runs = first_seeds();
    let extreme = [0.0, 1e300, f64::MAX, f64::MIN_POSITIVE, -3.0];
    for metric in ["acc", "word_perplexity"] {
        for value in extreme {
            runs[0].benchmarks = vec![
                point(0.0, vec![result("odd", &[(metric, Some(value), Some(value.abs()))])]),
                point(1.0, vec![result("odd", &[(metric, Some(1.0), Some(7.0))])]),
            ];
            let page = Report::new(&runs[..1]).unwrap().html();
            assert!(!page.contains("NaN") && !page.contains(">inf"), "{metric} {value}");
        }
    }
}

#[test]
fn names_of_tasks_and_metrics_cannot_become_markup() {
    let mut runs = first_seeds();
    let bad = "<img src=x onerror=alert(1)>";
    runs[0].benchmarks = vec![point(1e12, vec![result(bad, &[(bad, Some(0.5), None)])])];
    assert!(!Report::new(&runs).unwrap().html().contains("<img"));
}
