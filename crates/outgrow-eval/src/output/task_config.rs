//! A task's definition as a results file repeats it: the harness' keys in its order. Where the harness has a function
//! in Python, there is a note instead of its source.

use crate::{
    plan::PlannedTask,
    python::json::Json,
    tasks::task::{Examples, Metric, OutputType, Split, Task, Text},
};

/// What stands for the source of a function.
const FUNCTION: &str = "a function of outgrow-eval";

/// The configuration of a planned task; `model_args` is repeated in it, as the harness does.
pub(crate) fn task_config(planned: &PlannedTask, model_args: &[(String, Json)]) -> Json {
    let task = planned.task;
    let wording = &task.wording;
    let name = |split: Option<Split>| split.map(|split| Json::text(split.name));
    let entries = [
        ("task", Some(Json::text(task.name))),
        ("task_alias", task.alias.map(Json::text)),
        ("dataset_path", Some(Json::text(task.dataset.path))),
        ("dataset_name", task.dataset.name.map(Json::text)),
        ("training_split", name(task.dataset.training)),
        ("validation_split", name(task.dataset.validation)),
        ("test_split", name(task.dataset.test)),
        ("fewshot_split", name(task.dataset.fewshot)),
        ("process_docs", task.prepare.map(|_| Json::text(FUNCTION))),
        ("doc_to_text", text(wording.doc_to_text)),
        ("doc_to_target", text(wording.doc_to_target)),
        ("unsafe_code", Some(Json::Bool(false))),
        ("doc_to_choice", text(wording.doc_to_choice)),
        ("process_results", wording.own_results.then(|| Json::text(FUNCTION))),
        ("description", Some(Json::text(task.description))),
        ("target_delimiter", Some(Json::text(" "))),
        ("fewshot_delimiter", Some(Json::text("\n\n"))),
        ("fewshot_config", Some(fewshot_config(task))),
        ("num_fewshot", Some(Json::count(planned.num_fewshot))),
        ("metric_list", Some(metric_list(task))),
        ("output_type", Some(Json::text(output_type(task.output)))),
        ("repeats", Some(Json::Integer(1))),
        ("should_decontaminate", Some(Json::Bool(wording.decontamination.is_some()))),
        ("doc_to_decontamination_query", wording.decontamination.map(Json::text)),
        ("metadata", Some(metadata(task, model_args))),
    ];
    Json::object(entries.into_iter().filter_map(|(key, value)| Some((key, value?))))
}

fn fewshot_config(task: &Task) -> Json {
    let wording = &task.wording;
    let sampler = match task.examples {
        Examples::Drawn | Examples::Never => "default",
        Examples::First => "first_n",
    };
    let or_null = |value: Option<Json>| value.unwrap_or(Json::Null);
    Json::object([
        ("sampler", Json::text(sampler)),
        ("split", or_null(task.dataset.fewshot.map(|split| Json::text(split.name)))),
        ("process_docs", or_null(task.prepare.map(|_| Json::text(FUNCTION)))),
        ("fewshot_indices", Json::Null),
        ("samples", Json::Null),
        ("doc_to_text", or_null(text(wording.doc_to_text))),
        ("doc_to_choice", or_null(text(wording.doc_to_choice))),
        ("doc_to_target", or_null(text(wording.doc_to_target))),
        ("gen_prefix", Json::Null),
        ("fewshot_delimiter", Json::text("\n\n")),
        ("target_delimiter", Json::text(" ")),
    ])
}

fn metric_list(task: &Task) -> Json {
    let entry = |&metric: &Metric| {
        let mut entry = vec![("metric", Json::text(metric.name()))];
        if task.wording.aggregations_are_named {
            entry.push(("aggregation", Json::text(aggregation(metric))));
            entry.push(("higher_is_better", Json::Bool(metric.higher_is_better())));
        }
        Json::object(entry)
    };
    Json::List(task.metrics.iter().map(entry).collect())
}

fn aggregation(metric: Metric) -> &'static str {
    match metric {
        Metric::Accuracy | Metric::NormalizedAccuracy | Metric::ProbabilityMass => "mean",
        Metric::Perplexity => "perplexity",
        Metric::WordPerplexity | Metric::BytePerplexity => "weighted_perplexity",
        Metric::BitsPerByte => "bits_per_byte",
    }
}

fn output_type(output: OutputType) -> &'static str {
    match output {
        OutputType::LogLikelihood => "loglikelihood",
        OutputType::MultipleChoice => "multiple_choice",
        OutputType::Rolling => "loglikelihood_rolling",
    }
}

fn metadata(task: &Task, model_args: &[(String, Json)]) -> Json {
    let version = [("version".to_owned(), Json::Float(task.version))];
    let source = [("config_source".to_owned(), Json::text(format!("outgrow-eval/{}", task.name)))];
    Json::Object(version.into_iter().chain(model_args.iter().cloned()).chain(source).collect())
}

fn text(text: Text) -> Option<Json> {
    match text {
        Text::Absent => None,
        Text::Template(template) => Some(Json::text(template)),
        Text::Number(number) => Some(Json::Integer(number.into())),
        Text::List(texts) => Some(Json::List(texts.iter().map(|text| Json::text(*text)).collect())),
        Text::Function => Some(Json::text(FUNCTION)),
    }
}
