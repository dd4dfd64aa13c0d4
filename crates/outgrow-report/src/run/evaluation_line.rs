//! What an evaluation by benchmarks holds: tasks, their metrics, and standard errors beside these. It says where a
//! value is wrong; file and line are the reader's.

use serde::Deserialize;
use serde::de::Error;
use serde_json::{Map, Value};

use crate::run::record::{MetricValue, TaskResult};

/// `acc_stderr` is the standard error of `acc`, as lm-evaluation-harness names it.
const STANDARD_ERROR: &str = "_stderr";

/// The tasks of `{"piqa": {"acc": 0.61, "acc_stderr": 0.02}}`, in their order.
///
/// A value may be `null`: a run writes that for a perplexity that is no finite number.
///
/// # Errors
/// A task without metrics, a value that isn't a number, a standard error that is negative or of nothing; each with the
/// task's and the metric's name.
pub(crate) fn task_results(evaluation: &Map<String, Value>) -> Result<Vec<TaskResult>, serde_json::Error> {
    evaluation.iter().map(|(task, metrics)| task_result(task, metrics)).collect()
}

fn task_result(task: &str, metrics: &Value) -> Result<TaskResult, serde_json::Error> {
    let wrong = |problem: String| serde_json::Error::custom(format!("{task}: {problem}"));
    let metrics = Map::deserialize(metrics).map_err(|error| wrong(error.to_string()))?;
    let number = |name: &str, value: &Value| {
        Option::<f64>::deserialize(value).map_err(|error| wrong(format!("{name}: {error}")))
    };
    let mut results: Vec<MetricValue> = Vec::new();
    for (name, value) in metrics.iter().filter(|(name, _)| !name.ends_with(STANDARD_ERROR)) {
        let value = number(name, value)?;
        results.push(MetricValue { metric: name.clone(), value, standard_error: None });
    }
    for (name, error) in &metrics {
        let Some(of) = name.strip_suffix(STANDARD_ERROR) else { continue };
        let error = number(name, error)?;
        if let Some(negative) = error.filter(|error| *error < 0.0) {
            return Err(wrong(format!("{name} is {negative}: a standard error is at least 0")));
        }
        let result = results.iter_mut().find(|result| result.metric == of);
        result.ok_or_else(|| wrong(format!("{name} without {of}")))?.standard_error = error;
    }
    if results.is_empty() {
        return Err(wrong("no metric: at least one is needed".to_owned()));
    }
    Ok(TaskResult { task: task.to_owned(), metrics: results })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(evaluation: &Value) -> Result<Vec<TaskResult>, serde_json::Error> {
        task_results(evaluation.as_object().unwrap())
    }

    fn message(evaluation: &Value) -> String {
        read(evaluation).unwrap_err().to_string()
    }

    #[test]
    fn a_standard_error_belongs_to_the_metric_of_its_name() {
        let metrics = json!({"acc_stderr": 0.02, "acc": 0.5, "acc_norm": 0.6, "acc_norm_stderr": null});
        let read = read(&json!({ "piqa": metrics })).unwrap();
        let metric = |name: &str, value, standard_error| MetricValue {
            metric: name.to_owned(),
            value: Some(value),
            standard_error,
        };
        assert_eq!(read[0].metrics, [metric("acc", 0.5, Some(0.02)), metric("acc_norm", 0.6, None)]);
    }

    #[test]
    fn tasks_keep_their_order_and_a_perplexity_without_end_has_no_value() {
        let read = read(&json!({"wikitext": {"word_perplexity": null}, "boolq": {"acc": 1}})).unwrap();
        let tasks: Vec<_> = read.iter().map(|task| (task.task.as_str(), task.metrics[0].value)).collect();
        assert_eq!(tasks, [("wikitext", None), ("boolq", Some(1.0))]);
    }

    #[test]
    fn what_is_no_number_is_named_with_its_task() {
        insta::assert_snapshot!(message(&json!({"piqa": 0.5})), @"piqa: invalid type: floating point `0.5`, expected a map");
        insta::assert_snapshot!(message(&json!({"piqa": {"acc": "high"}})), @r#"piqa: acc: invalid type: string "high", expected f64"#);
        insta::assert_snapshot!(message(&json!({"piqa": {"acc": 0.5, "acc_stderr": "N/A"}})), @r#"piqa: acc_stderr: invalid type: string "N/A", expected f64"#);
        insta::assert_snapshot!(message(&json!({"piqa": {"acc": 0.5, "acc_stderr": -0.1}})), @"piqa: acc_stderr is -0.1: a standard error is at least 0");
        insta::assert_snapshot!(message(&json!({"piqa": {"acc": 0.5, "acc_norm_stderr": 0.1}})), @"piqa: acc_norm_stderr without acc_norm");
        insta::assert_snapshot!(message(&json!({"piqa": {}})), @"piqa: no metric: at least one is needed");
    }
}
