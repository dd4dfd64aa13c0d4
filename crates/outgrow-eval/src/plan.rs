//! From names of tasks to every string that will be scored, with all checks that need no model: files, fields, options,
//! pools. A plan that exists can be tokenised. It reads files and writes none.

mod prompt;
mod split_files;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::{
    documents::{DataFile, Document, read},
    error::EvalError,
    options::{Limit, Options},
    plan::{
        prompt::{Draws, Example, TARGET_DELIMITER, example_text},
        split_files::{find, is_next_part},
    },
    tasks::{
        Group, Selection,
        task::{Examples, Item, OutputType, Split, Task},
    },
};

pub use split_files::find as files_of_split;

/// All that will be asked of a model.
#[derive(Debug)]
pub struct Plan {
    /// The tasks, in the order in which they were named.
    pub(crate) tasks: Vec<PlannedTask>,
    /// Groups that their results are summed up in.
    pub(crate) groups: Vec<&'static Group>,
    /// What was chosen.
    pub(crate) options: Options,
    /// What is unusual about the files, a line for each.
    pub(crate) warnings: Vec<String>,
}

/// A task with its documents.
#[derive(Debug)]
pub struct PlannedTask {
    /// The task.
    pub task: &'static Task,
    /// Examples in each prompt.
    pub num_fewshot: usize,
    /// Documents in the split, of which the limit may have left some out.
    pub original: usize,
    /// The documents that are scored.
    pub documents: Vec<PlannedDocument>,
    /// The files that were read.
    pub files: Vec<DataFile>,
}

/// A document with what is asked about it.
#[derive(Debug)]
pub struct PlannedDocument {
    /// Its fields, with those that the task computes.
    pub fields: Map<String, Value>,
    /// What it asks.
    pub item: Item,
    /// What stands before its context: the task's description and the examples.
    pub lead: String,
}

impl Plan {
    /// Reads the documents of the selected tasks below `data` and makes their prompts.
    ///
    /// ```no_run
    /// use std::path::Path;
    /// use outgrow_eval::{Options, Plan, Selection};
    ///
    /// let options = Options { num_fewshot: Some(5), ..Options::default() };
    /// let plan = Plan::prepare(&Selection::named(&["arc_easy"])?, Path::new("data"), &options)?;
    /// println!("{} documents", plan.tasks()[0].documents.len());
    /// # Ok::<(), outgrow_eval::EvalError>(())
    /// ```
    ///
    /// # Errors
    /// All problems of all tasks at once: missing files, lines that aren't documents, fields that are missing or wrong,
    /// pools that are too small for the examples that are asked for, options that can't work.
    pub fn prepare(selection: &Selection, data: &Path, options: &Options) -> Result<Self, EvalError> {
        if selection.tasks.is_empty() {
            return Err(EvalError::NoTasks);
        }
        check(options)?;
        let planned = selection.tasks.iter().map(|task| prepare_task(task, data, options));
        let tasks = EvalError::collect(planned)?;
        let mut warnings: Vec<_> = tasks.iter().flat_map(|planned| size_warnings(&planned.files)).collect();
        warnings.dedup();
        Ok(Self { tasks, groups: selection.groups.clone(), options: options.clone(), warnings })
    }

    /// The tasks, in the order in which they were named.
    pub fn tasks(&self) -> &[PlannedTask] {
        &self.tasks
    }

    /// Groups that their results are summed up in.
    pub fn groups(&self) -> &[&'static Group] {
        &self.groups
    }

    /// What was chosen.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What is unusual about the files, a line for each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl PlannedDocument {
    /// The requests in their order: context and continuation; a whole text has no context of its own and is one
    /// request.
    pub fn requests(&self) -> Vec<Request> {
        let pair = |context: &str, continuation: String| Request::Continuation {
            context: [self.lead.as_str(), context].concat(),
            continuation,
        };
        let delimited = |answer: &String| [TARGET_DELIMITER, answer].concat();
        match &self.item {
            Item::Completion { context, target } => vec![pair(context, target.clone())],
            Item::Choice { context, choices, .. } => {
                choices.iter().map(|choice| pair(context, delimited(choice))).collect()
            }
            Item::Inputs { contexts, continuation, .. } => {
                contexts.iter().map(|context| pair(context, delimited(continuation))).collect()
            }
            Item::Page { text, .. } => vec![Request::Text(text.clone())],
        }
    }
}

/// One question to the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// How likely is this continuation of this context?
    Continuation {
        /// What is given.
        context: String,
        /// What is scored.
        continuation: String,
    },
    /// How likely is this whole text?
    Text(String),
}

/// Splits that don't have their official size; `files` has the parts of one behind each other.
fn size_warnings(files: &[DataFile]) -> Vec<String> {
    let splits = files.chunk_by(|one, next| is_next_part(&one.path, &next.path));
    let unusual = splits.filter_map(|parts| {
        let (first, rows) = (parts.first()?, parts.iter().map(|part| part.rows).sum::<usize>());
        let official = first.official_rows;
        let others = if parts.len() == 1 {
            String::new()
        } else {
            format!(" and its {} other parts", parts.len() - 1)
        };
        let holds = if parts.len() == 1 { "holds" } else { "hold" };
        let path = first.path.display();
        (rows != official).then(|| {
            format!("{path}{others}: {holds} {rows} documents, but the official split has {official}")
        })
    });
    unusual.collect()
}

fn check(options: &Options) -> Result<(), EvalError> {
    let wrong = |option, value: String, expected: &str| {
        Err(EvalError::Option { option, value, expected: expected.into() })
    };
    let max_length = match options.max_length {
        Some(0) => wrong("max_length", "0".into(), "at least 1"),
        _ => Ok(()),
    };
    let limit = options.limit.map_or(Ok(()), |limit| Limit::from_number(limit.number()).map(|_| ()));
    EvalError::collect([max_length, limit]).map(|_| ())
}

fn prepare_task(task: &'static Task, data: &Path, options: &Options) -> Result<PlannedTask, EvalError> {
    let num_fewshot = task.num_fewshot(options.num_fewshot);
    // What a whole text is scored given isn't the prompt's to decide.
    let shown = if task.output == OutputType::Rolling { 0 } else { num_fewshot };
    let pool = if shown == 0 { Ok(Pool::default()) } else { read_pool(task, data, shown) };
    let evaluated =
        task.evaluated().map_or_else(|| Err(EvalError::NoTasks), |split| read_split(task, split, data));
    let (pool, evaluated) = match (pool, evaluated) {
        (Ok(pool), Ok(evaluated)) => (pool, evaluated),
        (pool, evaluated) => {
            let problems = EvalError::collect([pool.map(|_| ()), evaluated.map(|_| ())]);
            return Err(problems.err().unwrap_or(EvalError::NoTasks));
        }
    };
    let (mut files, mut documents) = evaluated;
    let original = documents.len();
    documents.truncate(options.limit.map_or(original, |limit| limit.of(original)));
    let leads = leads(task, &documents, &pool.examples, shown, options.seeds.fewshot);
    let leads = leads.ok_or_else(|| small_pool(task, &pool, shown))?;
    let planned = documents.into_iter().zip(leads).map(|(document, lead)| {
        let item = (task.item)(&document)?;
        Ok(PlannedDocument { fields: document.fields().clone(), item, lead })
    });
    let documents = EvalError::collect(planned)?;
    files.extend(pool.files);
    Ok(PlannedTask { task, num_fewshot, original, documents, files })
}

/// Documents that examples are from.
#[derive(Default)]
struct Pool {
    files: Vec<DataFile>,
    examples: Vec<Example>,
}

fn read_pool(task: &'static Task, data: &Path, num_fewshot: usize) -> Result<Pool, EvalError> {
    let split = task.pool().ok_or(EvalError::NoTasks)?;
    let (files, documents) = read_split(task, split, data)?;
    let examples = documents.into_iter().map(|document| {
        let text = example_text(&(task.item)(&document)?);
        Ok(Example { document, text })
    });
    let pool = Pool { files, examples: EvalError::collect(examples)? };
    if pool.examples.len() < draws_at_once(task, num_fewshot) {
        return Err(small_pool(task, &pool, num_fewshot));
    }
    Ok(pool)
}

fn draws_at_once(task: &Task, num_fewshot: usize) -> usize {
    let one_more = task.examples == Examples::Drawn && task.draws_one_more();
    num_fewshot.saturating_add(usize::from(one_more))
}

fn small_pool(task: &Task, pool: &Pool, num_fewshot: usize) -> EvalError {
    EvalError::SmallPool {
        path: pool.files.first().map_or_else(PathBuf::new, |file| file.path.clone()),
        task: task.name.into(),
        num_fewshot,
        draws: draws_at_once(task, num_fewshot),
        found: pool.examples.len(),
    }
}

/// For each document what stands before its context.
fn leads(
    task: &Task,
    documents: &[Document],
    pool: &[Example],
    num_fewshot: usize,
    seed: u64,
) -> Option<Vec<String>> {
    let with = |examples: &[&Example]| {
        let texts = examples.iter().map(|example| example.text.as_str());
        std::iter::once(task.description).chain(texts).collect::<String>()
    };
    if num_fewshot == 0 {
        return Some(vec![task.description.to_owned(); documents.len()]);
    }
    match task.examples {
        Examples::Drawn => {
            let mut draws = Draws::new(seed, pool, num_fewshot, task.draws_one_more());
            documents.iter().map(|document| Some(with(&draws.next(document)?))).collect()
        }
        Examples::First => {
            let first: Vec<_> = pool.get(..num_fewshot)?.iter().collect();
            Some(vec![with(&first); documents.len()])
        }
        Examples::Never => Some(vec![task.description.to_owned(); documents.len()]),
    }
}

/// The documents of a split, with the fields that the task computes, and the files that they are from.
fn read_split(task: &Task, split: Split, data: &Path) -> Result<(Vec<DataFile>, Vec<Document>), EvalError> {
    let paths = find(task, split, data)?;
    let parts = EvalError::collect(paths.iter().map(|path| read(path, split.rows)))?;
    let (mut files, mut documents) = (Vec::with_capacity(parts.len()), Vec::new());
    for (file, of_part) in parts {
        files.push(file);
        documents.extend(of_part);
    }
    if documents.is_empty() {
        let Split { name, rows, .. } = split;
        let path = files.into_iter().next().map_or_else(PathBuf::new, |file| file.path);
        return Err(EvalError::NoDocuments { path, task: task.name.into(), split: name, official: rows });
    }
    match task.prepare {
        None => Ok((files, documents)),
        Some(prepare) => Ok((files, EvalError::collect(documents.into_iter().map(prepare))?)),
    }
}
