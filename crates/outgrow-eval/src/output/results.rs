//! The file of results, in the harness' keys and their order, so that what reads its files reads these. What the
//! harness has no place for (files and their hashes, what was chosen) is in one more key at the end.

use crate::{
    evaluation::{Evaluation, GroupOutcome, MetricResult, TaskOutcome},
    options::{Limit, Options, Prefix},
    output::task_config::task_config,
    python::json::Json,
    tasks::{HARNESS_VERSION, task::Metric},
};

/// What a results file says of the model and the run, and an evaluation can't know.
#[derive(Clone, Debug, Default)]
pub struct RunDescription {
    /// Where the model is from, its name in results and in the name of their folder.
    pub model_name: String,
    /// Its number of parameters.
    pub num_parameters: u64,
    /// The type that it computes in (`float32`).
    pub dtype: String,
    /// What computes it (`cpu`).
    pub device: String,
    /// How many requests went to it at once.
    pub batch_size: String,
    /// The token that begins a text, spelt, with its id.
    pub bos_token: Option<(String, u32)>,
    /// The token that ends a text.
    pub eos_token: Option<(String, u32)>,
    /// The token that fills up rows.
    pub pad_token: Option<(String, u32)>,
    /// What read the texts, if anything is to be said about it.
    pub tokenizer: Option<TokenizerDescription>,
    /// The revision of the code.
    pub git_hash: Option<String>,
    /// The machine and the program, in lines.
    pub environment: String,
    /// When it began, in seconds since 1970.
    pub date: f64,
    /// How long it took.
    pub seconds: f64,
}

/// What a results file says of the tokenizer, beside its named tokens.
#[derive(Clone, Debug, Default)]
pub struct TokenizerDescription {
    /// What made the tokenizer: a class of transformers, or the file as it is.
    pub made_by: String,
    /// The tokens that were put in front of texts, spelt, with their ids.
    pub in_front: Vec<(String, u32)>,
    /// Those that were put behind them.
    pub behind: Vec<(String, u32)>,
    /// What is unusual, a line for each.
    pub notes: Vec<String>,
}

/// The whole results file.
pub(crate) fn results(
    evaluation: &Evaluation<'_>,
    run: &RunDescription,
    max_length: usize,
    log_samples: bool,
) -> Json {
    let plan = evaluation.plan;
    let model_args = model_args(run, &plan.options);
    let mut entries = measured(evaluation, &model_args);
    entries.extend([
        ("config", config(run, &plan.options, model_args)),
        ("git_hash", run.git_hash.as_ref().map_or(Json::Null, Json::text)),
        ("date", Json::Float(run.date)),
        ("pretty_env_info", Json::text(&run.environment)),
        ("transformers_version", Json::text("N/A")),
        ("lm_eval_version", Json::text(HARNESS_VERSION)),
        ("upper_git_hash", Json::Null),
        ("tokenizer_pad_token", token(run.pad_token.as_ref())),
        ("tokenizer_eos_token", token(run.eos_token.as_ref())),
        ("tokenizer_bos_token", token(run.bos_token.as_ref())),
        ("eot_token_id", run.eos_token.as_ref().map_or(Json::Null, |(_, id)| Json::Integer((*id).into()))),
        ("max_length", Json::count(max_length)),
        ("task_hashes", task_hashes(evaluation, log_samples)),
        ("model_source", Json::text("outgrow")),
        ("model_name", Json::text(&run.model_name)),
        ("model_name_sanitized", Json::Text(sanitized(&run.model_name))),
        ("system_instruction", Json::Null),
        ("system_instruction_sha", Json::Null),
        ("fewshot_as_multiturn", Json::Null),
        ("chat_template", Json::Null),
        ("chat_template_sha", Json::Null),
        ("total_evaluation_time_seconds", Json::Text(crate::python::json::float_repr(run.seconds))),
        ("outgrow", ours(evaluation, run)),
    ]);
    Json::object(entries)
}

/// A model's name as the name of a folder: each run of characters that file systems reserve becomes two underscores.
pub(crate) fn sanitized(name: &str) -> String {
    let mut result = String::with_capacity(name.len());
    let mut in_run = false;
    for character in name.chars() {
        let reserved = "\"<>:/|\\?*[]".contains(character);
        match (reserved, in_run) {
            (true, false) => result.push_str("__"),
            (true, true) => {}
            (false, _) => result.push(character),
        }
        in_run = reserved;
    }
    result
}

/// Everything that was measured, and how the tasks are defined.
fn measured(evaluation: &Evaluation<'_>, model_args: &[(String, Json)]) -> Vec<(&'static str, Json)> {
    let tasks = || evaluation.tasks.iter().map(|outcome| (outcome.planned.task.name, outcome));
    let groups = || evaluation.groups.iter().map(|outcome| (outcome.group.name, outcome));
    let group_results = || groups().map(|(name, outcome)| (name, group_result(outcome)));
    let mut entries = vec![(
        "results",
        Json::object(tasks().map(|(name, outcome)| (name, task_result(outcome))).chain(group_results())),
    )];
    if !evaluation.groups.is_empty() {
        entries.push(("groups", Json::object(group_results())));
    }
    let members = |outcome: &GroupOutcome| {
        Json::List(outcome.group.member_names().into_iter().map(Json::text).collect())
    };
    let configs = tasks().map(|(name, outcome)| (name, task_config(outcome.planned, model_args)));
    let versions = tasks().map(|(name, outcome)| (name, Json::Float(outcome.planned.task.version)));
    let versions =
        versions.chain(groups().map(|(name, outcome)| (name, Json::Text(outcome.group.version.to_string()))));
    let shots = tasks().map(|(name, outcome)| (name, Json::count(outcome.planned.num_fewshot)));
    let shots = shots.chain(
        groups().filter_map(|(name, outcome)| Some((name, Json::count(num_fewshot(evaluation, outcome)?)))),
    );
    let higher = tasks().map(|(name, outcome)| (name, higher_is_better(outcome.planned.task.metrics)));
    let higher = higher.chain(
        groups()
            .filter(|(_, outcome)| outcome.group.has_tasks())
            .map(|(name, _)| (name, higher_is_better(&[Metric::Accuracy]))),
    );
    let samples = tasks().map(|(name, outcome)| {
        let (original, effective) = (outcome.planned.original, outcome.planned.documents.len());
        (name, Json::object([("original", Json::count(original)), ("effective", Json::count(effective))]))
    });
    // The harness lists groups from the largest down here, and from the smallest up elsewhere.
    let largest_first = evaluation.groups.iter().filter(|outcome| !outcome.group.has_tasks());
    let largest_first =
        largest_first.chain(evaluation.groups.iter().filter(|outcome| outcome.group.has_tasks()));
    let subtasks = Json::object(largest_first.map(|outcome| (outcome.group.name, members(outcome))));
    entries.extend([
        ("group_subtasks", subtasks),
        ("configs", sorted(configs)),
        ("versions", sorted(versions)),
        ("n-shot", sorted(shots)),
        ("higher_is_better", sorted(higher)),
        ("n-samples", Json::object(samples)),
    ]);
    entries
}

fn sorted(entries: impl Iterator<Item = (&'static str, Json)>) -> Json {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(|(name, _)| *name);
    Json::object(entries)
}

/// The examples of a group's tasks if they all have as many; a group of groups has no number of its own.
pub(crate) fn num_fewshot(evaluation: &Evaluation<'_>, outcome: &GroupOutcome) -> Option<usize> {
    let names = outcome.group.has_tasks().then(|| outcome.group.member_names())?;
    let tasks = evaluation.tasks.iter().filter(|task| names.contains(&task.planned.task.name));
    let mut shots = tasks.map(|task| task.planned.num_fewshot);
    let first = shots.next()?;
    shots.all(|shots| shots == first).then_some(first)
}

fn task_result(outcome: &TaskOutcome<'_>) -> Json {
    let task = outcome.planned.task;
    let head = [
        ("name".to_owned(), Json::text(task.name)),
        ("alias".to_owned(), Json::text(task.display_name())),
        ("sample_len".to_owned(), Json::count(outcome.planned.documents.len())),
    ];
    Json::object(head.into_iter().chain(outcome.results.iter().flat_map(metric_entries)))
}

fn group_result(outcome: &GroupOutcome) -> Json {
    let head = [
        ("alias".to_owned(), Json::text(outcome.group.alias)),
        ("name".to_owned(), Json::text(outcome.group.name)),
        ("sample_len".to_owned(), Json::count(outcome.documents)),
    ];
    let count =
        Json::object([(format!("{},none", outcome.result.metric.name()), Json::count(outcome.documents))]);
    let entries = head.into_iter().chain(metric_entries(&outcome.result));
    Json::object(entries.chain([("sample_count".to_owned(), count)]))
}

fn metric_entries(result: &MetricResult) -> [(String, Json); 2] {
    let name = result.metric.name();
    let error = result.standard_error.map_or_else(|| Json::text("N/A"), Json::Float);
    [(format!("{name},none"), Json::Float(result.value)), (format!("{name}_stderr,none"), error)]
}

fn higher_is_better(metrics: &[Metric]) -> Json {
    Json::object(metrics.iter().map(|metric| (metric.name(), Json::Bool(metric.higher_is_better()))))
}

/// What `lm_eval` would have been given to do the same.
fn model_args(run: &RunDescription, options: &Options) -> Vec<(String, Json)> {
    let add_bos_token = options.add_bos_token.flag().map(Json::Bool);
    let prefix = match options.prefix {
        Prefix::Default => None,
        Prefix::Eos => run.eos_token.as_ref().map(|(_, id)| *id),
        Prefix::Id(id) => Some(id),
    };
    let entries = [
        ("pretrained", Some(Json::text(&run.model_name))),
        ("add_bos_token", add_bos_token),
        ("prefix_token_id", prefix.map(|id| Json::Integer(id.into()))),
        ("max_length", options.max_length.map(Json::count)),
    ];
    entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

fn config(run: &RunDescription, options: &Options, model_args: Vec<(String, Json)>) -> Json {
    let seed = |seed: u64| Json::Integer(seed.into());
    Json::object([
        ("model", Json::text("outgrow")),
        ("model_args", Json::Object(model_args)),
        ("model_num_parameters", Json::Integer(run.num_parameters.into())),
        ("model_dtype", Json::text(format!("torch.{}", run.dtype))),
        ("model_revision", Json::text("main")),
        ("model_sha", Json::text("")),
        ("batch_size", Json::text(&run.batch_size)),
        ("batch_sizes", Json::List(Vec::new())),
        ("device", Json::text(&run.device)),
        ("use_cache", Json::Null),
        ("limit", options.limit.map_or(Json::Null, |limit: Limit| Json::Float(limit.number()))),
        ("bootstrap_iters", Json::count(options.bootstrap_iters)),
        ("gen_kwargs", Json::Object(Vec::new())),
        ("random_seed", seed(options.seeds.python)),
        ("numpy_seed", seed(options.seeds.numpy)),
        ("torch_seed", seed(options.seeds.torch)),
        ("fewshot_seed", seed(options.seeds.fewshot)),
    ])
}

fn token(token: Option<&(String, u32)>) -> Json {
    let (spelling, id) =
        token.map_or((Json::Null, "None".into()), |(spelling, id)| (Json::text(spelling), id.to_string()));
    Json::List(vec![spelling, Json::Text(id)])
}

/// As with the harness, only where samples are written.
fn task_hashes(evaluation: &Evaluation<'_>, log_samples: bool) -> Json {
    let tasks = evaluation.tasks.iter().filter(|_| log_samples);
    Json::object(tasks.map(|task| (task.planned.task.name, Json::Text(task.planned.hash()))))
}

fn tokenizer(description: &TokenizerDescription) -> Json {
    let tokens =
        |tokens: &[(String, u32)]| Json::List(tokens.iter().map(|named| token(Some(named))).collect());
    Json::object([
        ("made_by", Json::text(&description.made_by)),
        ("tokens_in_front", tokens(&description.in_front)),
        ("tokens_behind", tokens(&description.behind)),
        ("notes", Json::List(description.notes.iter().map(Json::text).collect())),
    ])
}

fn ours(evaluation: &Evaluation<'_>, run: &RunDescription) -> Json {
    let file = |file: &crate::documents::DataFile| {
        Json::object([
            ("path", Json::text(file.path.to_string_lossy())),
            ("sha256", Json::text(&file.sha256)),
            ("rows", Json::count(file.rows)),
            ("official_rows", Json::count(file.official_rows)),
        ])
    };
    let files = evaluation.tasks.iter().map(|outcome| {
        (outcome.planned.task.name, Json::List(outcome.planned.files.iter().map(file).collect()))
    });
    let warnings = evaluation.plan.warnings.iter().map(Json::text).collect();
    let entries = [
        ("version", Json::text(env!("CARGO_PKG_VERSION"))),
        ("files", Json::object(files)),
        ("warnings", Json::List(warnings)),
    ];
    Json::object(entries.into_iter().chain(run.tokenizer.as_ref().map(|read| ("tokenizer", tokenizer(read)))))
}
